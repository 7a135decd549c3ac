/* Turning matrices in strips, so that a cache line that was read is used whole before it leaves the
 * first-level cache. Cost: every element read and written once. */
#include "conv/relayout.h"

#include "base/checked.h"
#include "base/threads.h"

enum { STRIP = 128 /* columns of one task */ };

static void turn_strip(void *context, int64_t task, int worker) {
    (void)worker;
    const tw_matrices *m = context;
    int64_t strips = tw_ceil_div(m->columns, STRIP), matrix = task / strips, first = task % strips * STRIP;
    int64_t from = matrix * m->from_step + first, to = matrix * m->to_step + first * m->rows;
    m->loops->turn(&(tw_block){.from = (const char *)m->from + from * (int64_t)m->size,
                               .from_pitch = m->columns,
                               .to = (char *)m->to + to * (int64_t)m->size,
                               .to_pitch = m->rows,
                               .rows = m->rows,
                               .columns = tw_min(STRIP, m->columns - first)});
}

void tw_relayout(const tw_matrices *m, int threads) {
    tw_parallel(threads, m->count * tw_ceil_div(m->columns, STRIP), turn_strip, (void *)m);
}

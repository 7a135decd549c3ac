#include "net/split.h"

#include "base/checked.h"
#include "base/cpu.h"
#include "base/threads.h"

enum { WORTH_THREADS = 16384 }; /* numbers: some 5 us of work, what a team's start and end cost */

typedef struct chunks {
    int64_t count, chunk;
    void (*body)(const void *context, int64_t first, int64_t last);
    const void *context;
} chunks;

static void run_chunk(void *context, int64_t task, int worker) {
    (void)worker;
    const chunks *all = context;
    int64_t first = task * all->chunk;
    all->body(all->context, first, tw_min(first + all->chunk, all->count));
}

void tw_split(const tw_run *run, int64_t count, int64_t chunk, int64_t work,
              void (*body)(const void *context, int64_t first, int64_t last), const void *context) {
    chunks all = {count, tw_max(chunk, 1), body, context};
    tw_parallel(work < WORTH_THREADS ? 1 : run->threads, tw_ceil_div(count, all.chunk), run_chunk, &all);
}

bool tw_streams(const tw_run *run, const void *to, int64_t count, int64_t channels) {
    enum { CACHES = 32, OCTET = 8, LINE = 64 };
    const bool lines =
        (uintptr_t)to % LINE == 0 && channels % OCTET == 0 && channels * (int64_t)run->size % LINE == 0;
    return lines && (double)count * (double)run->size > CACHES * (double)tw_cpu_l2_bytes();
}

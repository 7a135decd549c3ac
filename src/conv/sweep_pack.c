/* The weights of a sweep, packed: for each group and block of columns [taps z][y][x][channels][columns], taps
 * in the order of the sums, columns filled up with zeros to whole vectors: so a tile reads them as one
 * stream. A header says which blocks hold a NaN or an infinity. Cost: each weight read and written once. */
#include "conv/sweep.h"

#include <string.h>

#include "base/checked.h"
#include "base/threads.h"

typedef struct packing {
    const tw_sweep *sweep;
    const char *w;
    char *packed;
} packing;

int64_t tw_sweep_packed_bytes(const tw_sweep *s) {
    int64_t all;
    /* the weights themselves are known to fit; filling up to vectors can multiply them */
    if (!tw_mul(s->taps, s->reduce, &all) || !tw_mul(all, tw_round_up(s->produce, s->lanes), &all) ||
        !tw_mul(all, s->groups, &all) || !tw_mul(all, (int64_t)s->size, &all) ||
        !tw_add(all, tw_sweep_header(s), &all))
        return INT64_MAX;
    return all;
}

/* Bits of the exponent all ones: infinity or NaN. */
static bool any_infinite(const char *numbers, int64_t count, size_t size) {
    uint64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        if (size == 4) {
            uint32_t bits;
            memcpy(&bits, numbers + i * 4, 4);
            found |= (bits & 0x7f800000u) == 0x7f800000u;
        } else {
            uint64_t bits;
            memcpy(&bits, numbers + i * 8, 8);
            found |= (bits & 0x7ff0000000000000u) == 0x7ff0000000000000u;
        }
    }
    return found != 0;
}

/* The number of the weight at kernel position (z, y, x) of a channel pair. */
static int64_t position(const tw_sweep *s, int64_t z, int64_t y, int64_t x) {
    int64_t all = s->kernel[0] * s->kernel[1] * s->kernel[2];
    int64_t k = (z * s->kernel[1] + y) * s->kernel[2] + x;
    return s->flipped ? all - 1 - k : k;
}

enum { TURN = 16 /* channels turned at once: they stay in the first cache */ };

/* The taps of one pair of channels: to[t * step] = from[place[t]]. */
static void pack_pair(const char *from, const tw_sweep *s, int64_t step, char *to) {
    const tw_axis *z = &s->axis[0], *y = &s->axis[1], *x = &s->axis[2];
    for (int64_t i = 0; i < z->first[z->phases]; i++)
        for (int64_t j = 0; j < y->first[y->phases]; j++)
            for (int64_t k = 0; k < x->first[x->phases]; k++, to += step) {
                int64_t at = position(s, z->tap[i], y->tap[j], x->tap[k]);
                if (s->size == 4)
                    memcpy(to, from + at * 4, 4);
                else
                    memcpy(to, from + at * 8, 8);
            }
}

static void pack_block(void *context, int64_t task, int worker) {
    (void)worker;
    const packing *p = context;
    const tw_sweep *s = p->sweep;
    int64_t g = task / s->blocks, b = task % s->blocks, size = (int64_t)s->size;
    int64_t all = s->kernel[0] * s->kernel[1] * s->kernel[2];
    int64_t columns = tw_sweep_columns(s, b), row = tw_sweep_row(s, b);
    /* w is [groups][out][in][kernel]; forward writes out and sums over in, backward the other way round */
    int64_t n_step = s->backward ? all : s->reduce * all, c_step = s->backward ? s->produce * all : all;
    const char *w = p->w + (g * s->produce * s->reduce * all + b * s->block * n_step) * size;
    char *begin = p->packed + tw_sweep_header(s) + tw_sweep_packed_at(s, g, b) * size;
    int64_t step = s->reduce * row * size;
    if (row > columns) memset(begin, 0, (size_t)(s->taps * step));
    for (int64_t c0 = 0; c0 < s->reduce; c0 += TURN)
        for (int64_t n = 0; n < columns; n++)
            for (int64_t c = c0; c < tw_min(c0 + TURN, s->reduce); c++)
                pack_pair(w + (n * n_step + c * c_step) * size, s, step, begin + (c * row + n) * size);
    p->packed[task] = any_infinite(begin, s->taps * s->reduce * row, s->size);
}

void tw_sweep_pack(const tw_sweep *s, const void *w, void *packed, int threads) {
    packing p = {.sweep = s, .w = w, .packed = packed};
    int64_t tasks = s->groups * s->blocks;
    memset((char *)packed + tasks, 0, (size_t)(tw_sweep_header(s) - tasks));
    tw_parallel(threads, tasks, pack_block, &p);
}

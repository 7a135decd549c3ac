/* The weights of a sweep, packed: for each group and block of columns [taps z][y][x][channels][columns], taps
 * in the order of the sums, columns filled up with zeros to whole vectors (or with themselves, where two
 * pixels share the last one): so a tile reads them as one stream. A header says which blocks hold a NaN or an
 * infinity. Cost: each weight read and written once. */
#include "conv/sweep.h"

#include <string.h>

#include "base/checked.h"
#include "base/threads.h"

typedef struct packing {
    const tw_sweep *sweep;
    const tw_loops *loops;
    int direction; /* of the taps */
    const char *w;
    char *packed;
} packing;

int64_t tw_sweep_packed_bytes(const tw_sweep *s) {
    int64_t all, filled = s->across ? s->produce : tw_round_up(s->produce, s->lanes);
    /* the weights themselves are known to fit; filling up to vectors can multiply them */
    if (!tw_mul(s->taps, s->reduce, &all) || !tw_mul(all, filled, &all) || !tw_mul(all, s->groups, &all) ||
        !tw_mul(all, (int64_t)s->size, &all) || !tw_add(all, tw_sweep_header(s), &all))
        return INT64_MAX;
    return all;
}

/* The number of the weight at kernel position (z, y, x) of a channel pair. */
static int64_t position(const tw_sweep *s, int64_t z, int64_t y, int64_t x) {
    int64_t all = s->kernel[0] * s->kernel[1] * s->kernel[2];
    int64_t k = (z * s->kernel[1] + y) * s->kernel[2] + x;
    return s->flipped ? all - 1 - k : k;
}

/* Where number t of the rows of packed taps comes from, in column x of the kernel. */
static int64_t place_in(const tw_sweep *s, int64_t t, int64_t x) {
    const tw_axis *z = &s->axis[0], *y = &s->axis[1];
    return position(s, z->tap[t / tw_axis_used(y)], y->tap[t % tw_axis_used(y)], x);
}

/* Where packed tap t comes from. */
static int64_t place(const tw_sweep *s, int64_t t) {
    const int64_t columns = tw_axis_used(&s->axis[2]);
    return place_in(s, t / columns, s->axis[2].tap[t % columns]);
}

/* 1: the taps are packed in the order of the kernel; -1: from its last to its first; 0: in another order. */
static int direction(const tw_sweep *s, int64_t all) {
    bool up = s->taps == all, down = up;
    for (int64_t t = 0; t < all && (up || down); t++) {
        int64_t from = place(s, t);
        up = up && from == t;
        down = down && from == all - 1 - t;
    }
    return up ? 1 : down ? -1 : 0;
}

/* One channel of the sum: to[t * step + n] = from[n * n_step + place(t)]. */
static void pack_channel(const packing *p, const char *from, int64_t n_step, int64_t columns, int64_t step,
                         char *to) {
    const tw_sweep *s = p->sweep;
    int64_t size = (int64_t)s->size;
    tw_block turned = {from, n_step, to, step, columns, s->taps};
    if (p->direction < 0) turned.to = to + (s->taps - 1) * step * size, turned.to_pitch = -step;
    if (p->direction) {
        p->loops->turn(&turned);
        return;
    }
    for (int64_t t = 0; t < s->taps; t++) {
        const char *tap = from + place(s, t) * size;
        for (int64_t n = 0; n < columns; n++)
            memcpy(to + (t * step + n) * size, tap + n * n_step * size, s->size);
    }
}

/* The same where destinations are woven: column n is that of channel n % channels for the tap n / channels of
 * a row. A block that begins and ends with a tap is turned at once, else channel by channel. */
static void pack_woven(const packing *p, const char *from, int64_t block, int64_t step, char *to) {
    const tw_sweep *s = p->sweep;
    int64_t size = (int64_t)s->size, channels = s->produce / s->woven;
    int64_t all = s->kernel[0] * s->kernel[1] * s->kernel[2];
    int64_t first = block * s->block, end = first + tw_sweep_columns(s, block);
    int64_t rows = first % channels == 0 && end % channels == 0 ? channels : 1;
    for (int64_t t = 0; t < s->taps; t++)
        for (int64_t c = 0; c < channels; c += rows) {
            int64_t x0 = tw_ceil_div(tw_max(0, first - c), channels), x1 = tw_ceil_div(end - c, channels);
            tw_block b = {
                from + (c * all + place(s, t)) * size, all, to + t * step * size, channels, rows, x1 - x0};
            if (s->flipped)
                b.from = (const char *)b.from - (x1 - 1) * size, b.to_pitch = -channels;
            else
                b.from = (const char *)b.from + x0 * size;
            b.to = (char *)b.to + ((s->flipped ? x1 - 1 : x0) * channels + c - first) * size;
            p->loops->turn(&b);
        }
}

/* The columns of the last vector, of which there are no more than half as many as lanes, once more in its
 * other half. */
static void share_columns(const tw_sweep *s, int64_t row, char *packed) {
    const int64_t half = s->lanes / 2 * (int64_t)s->size, size = row * (int64_t)s->size;
    for (int64_t i = 1; i <= s->taps * s->reduce; i++)
        memcpy(packed + i * size - half, packed + i * size - 2 * half, (size_t)half);
}

/* The same where they are fanned: column n is that of channel n % channels for tap n / channels of a row,
 * taps by ascending shift. */
static void pack_fanned(const packing *p, const char *from, int64_t n_step, int64_t c_step, int64_t block,
                        char *to) {
    const tw_sweep *s = p->sweep;
    const int64_t size = (int64_t)s->size, channels = s->produce / s->fanned, row = tw_sweep_row(s, block);
    const int64_t first = block * s->block, end = first + tw_sweep_columns(s, block);
    for (int64_t t = 0; t < s->taps; t++)
        for (int64_t n = first; n < end; n++) {
            const int64_t k = n / channels, x = s->backward ? s->fanned - 1 - k : k;
            const char *w = from + (n % channels * n_step + place_in(s, t, x)) * size;
            char *at = to + (t * s->reduce * row + n - first) * size;
            for (int64_t c = 0; c < s->reduce; c++, w += c_step * size, at += row * size)
                memcpy(at, w, size == 4 ? 4 : 8);
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
    const int64_t channels = s->produce / s->woven / s->fanned;
    int64_t n_step = s->backward ? all : s->reduce * all, c_step = s->backward ? channels * all : all;
    const char *w = p->w + g * channels * s->reduce * all * size;
    char *begin = p->packed + tw_sweep_header(s) + tw_sweep_packed_at(s, g, b) * size;
    int64_t step = s->reduce * row;
    if (row > columns) memset(begin, 0, (size_t)(s->taps * step * size));
    if (s->fanned > 1) {
        pack_fanned(p, w, n_step, c_step, b, begin);
    } else if (s->woven > 1) {
        for (int64_t c = 0; c < s->reduce; c++)
            pack_woven(p, w + c * c_step * size, b, step, begin + c * row * size);
    } else if (all == 1 && s->taps == 1) {
        w += b * s->block * n_step * size;
        if (s->backward)
            p->loops->copy(&(tw_block){w, c_step, begin, row, s->reduce, columns});
        else
            p->loops->turn(&(tw_block){w, n_step, begin, row, columns, s->reduce});
    } else {
        w += b * s->block * n_step * size;
        for (int64_t c = 0; c < s->reduce; c++)
            pack_channel(p, w + c * c_step * size, n_step, columns, step, begin + c * row * size);
    }
    if (s->shared && b + 1 == s->blocks) share_columns(s, row, begin);
    p->packed[task] = !p->loops->all_finite(begin, s->taps * step);
}

void tw_sweep_pack(const tw_sweep *s, const tw_loops *loops, const void *w, void *packed, int threads) {
    packing p = {.sweep = s, .loops = loops, .w = w, .packed = packed};
    p.direction = direction(s, s->kernel[0] * s->kernel[1] * s->kernel[2]);
    int64_t tasks = s->groups * s->blocks;
    memset((char *)packed + tasks, 0, (size_t)(tw_sweep_header(s) - tasks));
    tw_parallel(threads, tasks, pack_block, &p);
}

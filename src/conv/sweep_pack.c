/* The weights of a sweep, packed: for each group and block of columns [taps z][y][x][channels][columns], taps
 * in the order of the sums, columns filled up with zeros to whole vectors (or with themselves, where two
 * pixels share the last one): so a tile reads them as one stream. A header says which blocks hold a NaN or an
 * infinity. Cost: each weight read and written once. */
#include "conv/sweep.h"

#include <string.h>

#include "base/checked.h"
#include "base/threads.h"
#include "conv/ahead.h"

typedef struct packing {
    const tw_sweep *sweep;
    const tw_loops *loops;
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

/* Some channels of the sum, of which those numbers of a filter that lie at first .. end - 1 were turned to
 * [channels][numbers][columns], go where the taps want them: to[t * step + c * row + n]. */
typedef struct turned {
    const char *from;
    int64_t channels, columns, first, end, step, row;
} turned;

static void place_taps(const packing *p, const turned *f, char *to) {
    const tw_sweep *s = p->sweep;
    const tw_axis *x = &s->axis[TW_WIDTH];
    const int64_t size = (int64_t)s->size, numbers = f->end - f->first;
    for (int64_t t = 0, rows = 0; t < s->taps; rows++) {
        const int64_t begin = place_in(s, rows, 0);
        for (int64_t i = 0; i < tw_axis_used(x); i++, t++) {
            const int64_t k = begin + (s->flipped ? -x->tap[i] : x->tap[i]) - f->first;
            if (k < 0 || k >= numbers) continue;
            p->loops->copy(&(tw_block){f->from + k * f->columns * size, numbers * f->columns,
                                       to + t * f->step * size, f->row, f->channels, f->columns});
        }
    }
}

/* A block: to[t * step + c * row + n] = w[n * n_step + c * c_step + place(t)]. Forward the filters of a
 * column lie one behind the other, and some are turned at once. */
static void pack_taps(const packing *p, const char *w, int64_t n_step, int64_t c_step, turned f, char *to) {
    enum { TURNED = 64, MOST_ROW = TW_MOST_VECS * TW_MOST_LANES * sizeof(float) /* bytes of any block */ };
    const tw_sweep *s = p->sweep;
    const int64_t size = (int64_t)s->size, all = s->kernel[0] * s->kernel[1] * s->kernel[2];
    const int64_t together = c_step == all ? tw_max(1, TURNED / all) : 1;
    _Alignas(64) char near[TURNED * MOST_ROW];
    f.from = near;
    for (int64_t c = 0; c < s->reduce; c += f.channels)
        for (f.first = 0; f.first < all; f.first = f.end) {
            f.end = tw_min(all, f.first + TURNED), f.channels = tw_min(together, s->reduce - c);
            if (together == 1)
                tw_fetch_behind(w, (c + TW_CHANNELS_AHEAD) * c_step * size, f.columns * n_step * size);
            p->loops->turn(&(tw_block){w + (c * c_step + f.first) * size, n_step, near, f.columns, f.columns,
                                       f.channels * (f.end - f.first)});
            place_taps(p, &f, to + c * f.row * size);
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
static void share_columns(const tw_sweep *s, int64_t row, int64_t rows, char *packed) {
    const int64_t half = s->lanes / 2 * (int64_t)s->size, size = row * (int64_t)s->size;
    for (int64_t i = 1; i <= rows; i++)
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

void tw_sweep_pack_channels(const tw_sweep *s, const tw_loops *loops, const void *w, int64_t group,
                            int64_t block, int64_t c0, int64_t c1, char *packed) {
    const int64_t columns = tw_sweep_columns(s, block), row = tw_sweep_row(s, block), size = (int64_t)s->size;
    const int64_t n_step = s->backward ? 1 : s->reduce, c_step = s->backward ? s->produce : 1;
    const char *from =
        (const char *)w + (group * s->produce * s->reduce + block * s->block * n_step + c0 * c_step) * size;
    if (row > columns) memset(packed, 0, (size_t)((c1 - c0) * row * size));
    if (s->backward)
        loops->copy(&(tw_block){from, c_step, packed, row, c1 - c0, columns});
    else
        loops->turn(&(tw_block){from, n_step, packed, row, columns, c1 - c0});
    if (s->shared && block + 1 == s->blocks) share_columns(s, row, c1 - c0, packed);
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
    if (all == 1 && s->taps == 1 && s->fanned == 1 && s->woven == 1) {
        tw_sweep_pack_channels(s, p->loops, p->w, g, b, 0, s->reduce, begin);
        p->packed[task] = !p->loops->all_finite(begin, step);
        return;
    }
    if (row > columns) memset(begin, 0, (size_t)(s->taps * step * size));
    if (s->fanned > 1) {
        pack_fanned(p, w, n_step, c_step, b, begin);
    } else if (s->woven > 1) {
        for (int64_t c = 0; c < s->reduce; c++)
            pack_woven(p, w + c * c_step * size, b, step, begin + c * row * size);
    } else {
        pack_taps(p, w + b * s->block * n_step * size, n_step, c_step,
                  (turned){.columns = columns, .step = step, .row = row}, begin);
    }
    if (s->shared && b + 1 == s->blocks) share_columns(s, row, s->taps * s->reduce, begin);
    p->packed[task] = !p->loops->all_finite(begin, s->taps * step);
}

void tw_sweep_pack(const tw_sweep *s, const tw_loops *loops, const void *w, void *packed, int threads) {
    packing p = {.sweep = s, .loops = loops, .w = w, .packed = packed};
    int64_t tasks = s->groups * s->blocks;
    memset((char *)packed + tasks, 0, (size_t)(tw_sweep_header(s) - tasks));
    tw_parallel(threads, tasks, pack_block, &p);
}

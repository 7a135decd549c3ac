/* Pooling over `real`, channels last. Forward, each output pixel folds the pixels of its window; backward,
 * each pixel of the image gathers what the windows that hold it give back, in their order. So every number is
 * written once, by whoever has its row.
 *
 * A maximum keeps the number of the first tap that reached it (ties go to the first; NaN counts as largest),
 * so that the backward pass needs no comparison of values.
 *
 * Channels are taken WIDEST, WIDE or BLOCK at a time, in vectors that live through a whole window. Where a
 * pixel has fewer left, the vector may spill into the next pixel, which comes later in the same rows and is
 * written over what was spilt. */
#include "kernel/pool_window.h"

/* ---- Forward ---- */

/* Folds `count` channels of box b, from `in` on: a constant, WIDE or BLOCK, or fewer than BLOCK. */
typedef void fold(const tw_pool *s, const box *b, const real *in, int64_t count, real *y, int32_t *taps);

TW_INLINED void take_maximum(const tw_pool *s, const box *b, const real *in, const int64_t count, real *y,
                             int32_t *taps) {
    const int64_t blocks = tw_max(1, count / BLOCK), each = tw_min(count, BLOCK);
    block best[WIDE / BLOCK], value;
    lanes tap[WIDE / BLOCK];
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) {
        block_load(in + k * BLOCK, each, &best[k]);
        tap[k] = (lanes){0} + (integer)b->first;
    }
    for (int64_t z = 0; z < b->size[DEPTH]; z++)
        for (int64_t h = 0; h < b->size[HEIGHT]; h++)
            for (int64_t w = 0; w < b->size[WIDTH]; w++) {
                const real *at = in + (z * b->step[DEPTH] + h * b->step[HEIGHT] + w) * s->channels;
                integer here = (integer)(b->first + z * b->tap[DEPTH] + h * b->tap[HEIGHT] + w);
#pragma GCC unroll 8
                for (int64_t k = 0; k < blocks; k++) {
                    block_load(at + k * BLOCK, each, &value);
                    lanes better = (lanes)(value > best[k]) | (lanes)(value != value);
                    best[k] = (block)((better & (lanes)value) | (~better & (lanes)best[k]));
                    tap[k] = (better & ((lanes){0} + here)) | (~better & tap[k]);
                }
            }
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) {
        block_store(y + k * BLOCK, &best[k], each);
        if (taps) marks_store(taps + k * BLOCK, &tap[k], each);
    }
}

/* What a pixel counts in the mean of a window that holds `pixels` of the image. */
TW_INLINED real share_of(const tw_pool *s, int64_t pixels) {
    return 1 / (real)(s->countpad ? pixels_of(s->kernel) : pixels);
}

TW_INLINED void take_mean(const tw_pool *s, const box *b, const real *in, const int64_t count, real *y,
                          int32_t *taps) {
    (void)taps;
    const int64_t blocks = tw_max(1, count / BLOCK), each = tw_min(count, BLOCK);
    const real share = share_of(s, box_pixels(b));
    block sum[WIDE / BLOCK] = {{0}}, value;
    for (int64_t z = 0; z < b->size[DEPTH]; z++)
        for (int64_t h = 0; h < b->size[HEIGHT]; h++)
            for (int64_t w = 0; w < b->size[WIDTH]; w++) {
                const real *at = in + (z * b->step[DEPTH] + h * b->step[HEIGHT] + w) * s->channels;
#pragma GCC unroll 8
                for (int64_t k = 0; k < blocks; k++) {
                    block_load(at + k * BLOCK, each, &value);
                    sum[k] = sum[k] + value;
                }
            }
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) {
        sum[k] = sum[k] * share;
        block_store(y + k * BLOCK, &sum[k], each);
    }
}

/* One row of an image's output; y and taps begin with it, and hold `room` numbers. */
typedef struct pool_row {
    const real *image;
    box b; /* without the axis of width */
    int64_t room;
    real *y;
    int32_t *taps;
    int64_t below; /* lines of the image that the next row will add to this one's: how many */
} pool_row;

/* Where lines are long, the processor does not foresee the next row's: while window o is folded, the lines
 * below it are fetched. */
TW_INLINED void fetch_below(const tw_pool *s, const pool_row *row, int64_t side, int64_t o) {
    enum { LINE = 64 / sizeof(real) };
    int64_t line = s->in[WIDTH] * s->channels, step = s->stride[WIDTH] * s->channels;
    if ((o + 1) * step > line) return;
    const real *from = row->image + row->b.pixel * s->channels + side * line + o * step;
    for (int64_t l = 0; l < row->below; l++, from += line)
        for (int64_t c = 0; c < step; c += LINE) __builtin_prefetch(from + c);
}

static int64_t count_below(const tw_pool *s, int64_t row, int64_t rows_left) {
    enum { LONG = 4096 }; /* bytes: a page, within which the processor does foresee */
    int64_t line = row % s->out[HEIGHT], end = line * s->stride[HEIGHT] - s->pad[HEIGHT] + s->kernel[HEIGHT];
    bool is_long = s->in[WIDTH] * s->channels * (int64_t)sizeof(real) >= LONG;
    if (!s->fetches || !is_long || rows_left == 1 || line + 1 == s->out[HEIGHT]) return 0;
    return tw_max(0, tw_min(s->stride[HEIGHT], s->in[HEIGHT] - end));
}

/* Windows of a row that are squares inside the image: `side` is a constant, so that nothing is left of the
 * loops over a window. */
TW_INLINED void fold_squares(const tw_pool *s, const pool_row *row, range windows, const int64_t side,
                             fold *const take) {
    const box b = {.size = {1, side, side}, .step = {0, s->in[WIDTH], 1}, .tap = {0, side, 1}};
    int64_t channels = s->channels, step = s->stride[WIDTH] * channels, first = windows.first;
    const real *in = row->image + ((row->b.pixel - s->pad[WIDTH]) * channels + first * step);
    real *y = row->y + first * channels;
    int32_t *taps = row->taps ? row->taps + first * channels : NULL;
    for (int64_t o = first; o < windows.last; o++, in += step, y += channels, taps += taps ? channels : 0) {
        int64_t c = 0;
        if (row->below) fetch_below(s, row, side, o);
        for (; c + WIDE <= channels; c += WIDE) take(s, &b, in + c, WIDE, y + c, taps ? taps + c : NULL);
        for (; c < channels; c += BLOCK) take(s, &b, in + c, BLOCK, y + c, taps ? taps + c : NULL);
    }
}

TW_INLINED void fold_windows(const tw_pool *s, const pool_row *row, range windows, fold *const take) {
    int64_t channels = s->channels, in_image = pixels_of(s->in) * channels;
    for (int64_t o = windows.first; o < windows.last; o++) {
        box b = row->b;
        box_axis(s, WIDTH, o, &b);
        const real *in = row->image + b.pixel * channels;
        int64_t c = 0, left = in_image - box_last_pixel(&b) * channels, at = o * channels;
        real *y = row->y + at;
        int32_t *taps = row->taps ? row->taps + at : NULL;
        for (; c + WIDE <= channels; c += WIDE) take(s, &b, in + c, WIDE, y + c, taps ? taps + c : NULL);
        for (; c < channels; c += BLOCK)
            if (c + BLOCK <= left && at + c + BLOCK <= row->room)
                take(s, &b, in + c, BLOCK, y + c, taps ? taps + c : NULL);
            else
                take(s, &b, in + c, tw_min(BLOCK, channels - c), y + c, taps ? taps + c : NULL);
    }
}

/* Of the windows inside the image, those whose vectors stay within it and within the room of y. */
static inline range squares_of(const tw_pool *s, const pool_row *row, int64_t side, range inside) {
    int64_t channels = s->channels, reach = tw_round_up(channels, BLOCK),
            in_image = pixels_of(s->in) * channels;
    int64_t end = row->b.pixel - s->pad[WIDTH] + (side - 1) * (s->in[WIDTH] + 1); /* window 0's last pixel */
    while (inside.last > inside.first &&
           ((end + (inside.last - 1) * s->stride[WIDTH]) * channels + reach > in_image ||
            (inside.last - 1) * channels + reach > row->room))
        inside.last--;
    return inside;
}

TW_INLINED void fold_row(const tw_pool *s, const pool_row *row, range inside, fold *const take) {
    int64_t side = side_of_squares(s, &row->b);
    range squares = side ? squares_of(s, row, side, inside) : (range){0, 0};
    fold_windows(s, row, (range){0, squares.first}, take);
    if (side == 2) fold_squares(s, row, squares, 2, take);
    if (side == 3) fold_squares(s, row, squares, 3, take);
    fold_windows(s, row, (range){squares.last, s->out[WIDTH]}, take);
}

TW_INLINED void fold_rows(const tw_pool *s, int64_t first, int64_t last, const real *x, real *y,
                          int32_t *taps, fold *const take) {
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], line = s->out[WIDTH] * s->channels, at = first % rows;
    const range inside = inside_of(s, WIDTH);
    x += first / rows * pixels_of(s->in) * s->channels;
    for (int64_t r = first; r < last; r++) {
        pool_row row = {.image = x,
                        .b = box_of_row(s, at),
                        .room = (last - r) * line,
                        .y = y + r * line,
                        .taps = taps ? taps + r * line : NULL,
                        .below = count_below(s, at, last - r)};
        fold_row(s, &row, inside, take);
        if (++at < rows) continue;
        at = 0, x += pixels_of(s->in) * s->channels;
    }
}

static void maxpool(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y, int32_t *taps) {
    fold_rows(s, first, last, x, y, taps, take_maximum);
}

static void avgpool(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y) {
    fold_rows(s, first, last, x, y, NULL, take_mean);
}

/* ---- Backward ---- */

/* A line of an image's gradient, and the gradient of the image's output. */
typedef struct pool_line {
    int64_t reach[3]; /* of a pixel: where the window would begin whose first tap it is, padding counted */
    range windows[3]; /* that hold the pixel, by axis */
    const real *dy;
    const int32_t *taps; /* NULL: a mean */
    real *dx;
    int64_t room; /* numbers of dx from the line on */
    real share;   /* in the mean of a window that lies inside */
} pool_line;

/* How many pixels of the image window o holds along an axis. */
static inline int64_t held_by(const tw_pool *s, int axis, int64_t o) {
    int64_t origin = o * s->stride[axis] - s->pad[axis];
    return tw_min(s->kernel[axis], s->in[axis] - origin) - tw_max(0, -origin);
}

/* What the `count` numbers of dy at `from` give to a pixel: a maximum's, if its tap is `tap`; a mean's,
 * `share`. */
TW_INLINED void give(const pool_line *l, int64_t from, integer tap, real share, const int64_t count,
                     const bool mean, block *d) {
    lanes taps;
    block_load(l->dy + from, count, d);
    if (!mean) {
        marks_load(l->taps + from, count, &taps);
        *d = (block)((lanes)(taps == (lanes){0} + tap) & (lanes)*d);
    } else {
        *d = *d * share;
    }
}

/* `count` channels of a pixel, from channel c on: the sum over all windows that hold it. `count`, up to
 * WIDEST, and `mean` are constants. */
TW_INLINED void gather(const tw_pool *s, const pool_line *l, int64_t c, const int64_t count, const bool mean,
                       real *dx) {
    const int64_t blocks = tw_max(1, count / BLOCK), each = tw_min(count, BLOCK);
    const range *z = &l->windows[DEPTH], *h = &l->windows[HEIGHT], *w = &l->windows[WIDTH];
    const int64_t whole = pixels_of(s->kernel);
    block sum[WIDEST / BLOCK] = {{0}}, d;
    for (int64_t oz = z->first; oz < z->last; oz++)
        for (int64_t oh = h->first; oh < h->last; oh++) {
            int64_t line = (oz * s->out[HEIGHT] + oh) * s->out[WIDTH];
            int64_t kz = l->reach[DEPTH] - oz * s->stride[DEPTH];
            int64_t kh = l->reach[HEIGHT] - oh * s->stride[HEIGHT];
            int64_t tap = (kz * s->kernel[HEIGHT] + kh) * s->kernel[WIDTH] + l->reach[WIDTH];
            int64_t held = mean ? held_by(s, DEPTH, oz) * held_by(s, HEIGHT, oh) : 0;
            for (int64_t ow = w->first; ow < w->last; ow++) {
                int64_t pixels = mean ? held * held_by(s, WIDTH, ow) : whole;
                real share = pixels == whole ? l->share : share_of(s, pixels);
#pragma GCC unroll 8
                for (int64_t k = 0; k < blocks; k++) {
                    give(l, (line + ow) * s->channels + c + k * BLOCK, (integer)(tap - ow * s->stride[WIDTH]),
                         share, each, mean, &d);
                    sum[k] = sum[k] + d;
                }
            }
        }
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) block_store(dx + k * BLOCK, &sum[k], each);
}

/* Makes pixel i the one that l speaks of: those of a line come in order. */
static inline void next_pixel(const tw_pool *s, pool_line *l, int64_t i) {
    range *w = &l->windows[WIDTH];
    int64_t reach = l->reach[WIDTH] = i + s->pad[WIDTH];
    while (w->last < s->out[WIDTH] && w->last * s->stride[WIDTH] <= reach) w->last++;
    while (w->first < w->last && w->first * s->stride[WIDTH] + s->kernel[WIDTH] <= reach) w->first++;
}

/* The pixels of a line from number `first` on. */
TW_INLINED void gather_pixels(const tw_pool *s, pool_line *l, int64_t first, const bool mean) {
    int64_t channels = s->channels, out_image = pixels_of(s->out) * channels;
    for (int64_t i = first; i < s->in[WIDTH]; i++) {
        next_pixel(s, l, i);
        int64_t c = 0, at = i * channels;
        const range *z = &l->windows[DEPTH], *h = &l->windows[HEIGHT], *w = &l->windows[WIDTH];
        int64_t last = ((z->last - 1) * s->out[HEIGHT] + h->last - 1) * s->out[WIDTH] + w->last - 1;
        int64_t left = out_image - last * channels;
        for (; c + WIDEST <= channels; c += WIDEST) gather(s, l, c, WIDEST, mean, l->dx + at + c);
        for (; c + WIDE <= channels; c += WIDE) gather(s, l, c, WIDE, mean, l->dx + at + c);
        for (; c < channels; c += BLOCK)
            if (c + BLOCK <= left && at + c + BLOCK <= l->room)
                gather(s, l, c, BLOCK, mean, l->dx + at + c);
            else
                gather(s, l, c, tw_min(BLOCK, channels - c), mean, l->dx + at + c);
    }
}

/* Where windows follow each other without a gap, each pixel has one: nothing is gathered. Returns the first
 * pixel that is left. */
TW_INLINED int64_t give_windows(const tw_pool *s, const pool_line *l, const bool mean) {
    int64_t channels = s->channels, wide = s->kernel[WIDTH], reach = tw_round_up(channels, BLOCK);
    int64_t oz = l->windows[DEPTH].first, oh = l->windows[HEIGHT].first;
    int64_t line = (oz * s->out[HEIGHT] + oh) * s->out[WIDTH] * channels;
    int64_t room = l->room - (wide - 1) * channels - reach;
    int64_t left = pixels_of(s->out) * channels - line - reach;
    bool alone = oz + 1 == l->windows[DEPTH].last && oh + 1 == l->windows[HEIGHT].last;
    if (!alone || s->stride[WIDTH] != wide || s->pad[WIDTH]) return 0;
    int64_t windows = s->out[WIDTH];
    while (windows > 0 && ((windows - 1) * wide * channels > room || (windows - 1) * channels > left))
        windows--;
    int64_t kz = l->reach[DEPTH] - oz * s->stride[DEPTH], kh = l->reach[HEIGHT] - oh * s->stride[HEIGHT];
    integer tap = (integer)((kz * s->kernel[HEIGHT] + kh) * wide);
    real share = mean ? share_of(s, held_by(s, DEPTH, oz) * held_by(s, HEIGHT, oh) * wide) : 0;
    real *dx = l->dx;
    block d;
    for (int64_t o = 0; o < windows; o++)
        for (int64_t k = 0; k < wide; k++, dx += channels)
            for (int64_t c = 0; c < channels; c += BLOCK) {
                give(l, line + o * channels + c, tap + (integer)k, share, BLOCK, mean, &d);
                block_store(dx + c, &d, BLOCK);
            }
    return windows * wide;
}

TW_INLINED void gather_rows(const tw_pool *s, int64_t first, int64_t last, const int32_t *taps,
                            const real *dy, real *dx, const bool mean) {
    int64_t line = s->in[WIDTH] * s->channels, out_image = pixels_of(s->out) * s->channels;
    int64_t plane = first / s->in[HEIGHT], h = first % s->in[HEIGHT];
    pool_line l = {.share = share_of(s, pixels_of(s->kernel))};
    for (int64_t r = first; r < last; r++, h++) {
        if (h == s->in[HEIGHT]) plane++, h = 0;
        if (h == 0 || r == first) {
            int64_t image = plane / s->in[DEPTH], z = plane % s->in[DEPTH];
            l.dy = dy + image * out_image;
            l.taps = mean ? NULL : taps + image * out_image;
            l.reach[DEPTH] = z + s->pad[DEPTH], l.windows[DEPTH] = holders_of(s, DEPTH, z);
        }
        l.reach[HEIGHT] = h + s->pad[HEIGHT], l.windows[HEIGHT] = holders_of(s, HEIGHT, h);
        l.windows[WIDTH] = (range){0, 0};
        l.dx = dx + r * line, l.room = (last - r) * line;
        gather_pixels(s, &l, give_windows(s, &l, mean), mean);
    }
}

static void maxpool_back(const tw_pool *s, int64_t first, int64_t last, const int32_t *taps, const void *dy,
                         void *dx) {
    gather_rows(s, first, last, taps, dy, dx, false);
}

static void avgpool_back(const tw_pool *s, int64_t first, int64_t last, const void *dy, void *dx) {
    gather_rows(s, first, last, NULL, dy, dx, true);
}

/* Sums in double, a block of channels at a time, pixels in order. */
static void globalavg(int64_t pixels, int64_t channels, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_;
    for (int64_t begin = 0; begin < channels; begin += WIDEST) {
        int64_t width = tw_min(WIDEST, channels - begin);
        double sum[WIDEST] = {0};
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < width; c++) sum[c] += (double)x[p * channels + begin + c];
        for (int64_t c = 0; c < width; c++) y[begin + c] = (real)(sum[c] / (double)pixels);
    }
}

static void globalavg_back(int64_t pixels, int64_t channels, const void *dy_, void *dx_) {
    const real *restrict dy = dy_;
    real *restrict dx = dx_, share = 1 / (real)pixels;
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) dx[p * channels + c] = dy[c] * share;
}

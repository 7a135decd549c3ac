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

/* A whole octet into a tensor. */
TW_INLINED void pool_store(const tw_pool *s, real *to, const block *b, const int64_t count) {
    if (count == BLOCK && s->streams)
        block_stream(to, b);
    else
        block_store(to, b, count);
}

/* ---- Forward ---- */

/* Folds `count` channels of box b, from `in` on: a constant, WIDE or BLOCK, or fewer than BLOCK.
 * `bytes`: of the number of a tap, a constant; 0: they are not kept. */
typedef void fold(const tw_pool *s, const box *b, const real *in, int64_t count, real *y, char *taps,
                  int bytes);

TW_INLINED void take_maximum(const tw_pool *s, const box *b, const real *in, const int64_t count, real *y,
                             char *taps, const int bytes) {
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
                    if (bytes) tap[k] = (better & ((lanes){0} + here)) | (~better & tap[k]);
                }
            }
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) {
        pool_store(s, y + k * BLOCK, &best[k], each);
        if (bytes) marks_store(taps + k * BLOCK * bytes, bytes, &tap[k], each);
    }
}

/* What a pixel counts in the mean of a window that holds `pixels` of the image. */
TW_INLINED real share_of(const tw_pool *s, int64_t pixels) {
    return 1 / (real)(s->countpad ? pixels_of(s->kernel) : pixels);
}

TW_INLINED void take_mean(const tw_pool *s, const box *b, const real *in, const int64_t count, real *y,
                          char *taps, const int bytes) {
    (void)taps, (void)bytes;
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
        pool_store(s, y + k * BLOCK, &sum[k], each);
    }
}

/* One row of an image's output; y and taps begin with it, and hold `room` numbers. */
typedef struct pool_row {
    const real *image;
    box b; /* without the axis of width */
    int64_t room;
    real *y;
    char *taps;
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
                             fold *const take, const int bytes) {
    const box b = {.size = {1, side, side}, .step = {0, s->in[WIDTH], 1}, .tap = {0, side, 1}};
    int64_t channels = s->channels, step = s->stride[WIDTH] * channels, first = windows.first;
    const real *in = row->image + ((row->b.pixel - s->pad[WIDTH]) * channels + first * step);
    real *y = row->y + first * channels;
    char *taps = row->taps + first * channels * bytes;
    for (int64_t o = first; o < windows.last; o++, in += step, y += channels, taps += channels * bytes) {
        int64_t c = 0;
        if (row->below) fetch_below(s, row, side, o);
        for (; c + WIDE <= channels; c += WIDE) take(s, &b, in + c, WIDE, y + c, taps + c * bytes, bytes);
        for (; c < channels; c += BLOCK) take(s, &b, in + c, BLOCK, y + c, taps + c * bytes, bytes);
    }
}

TW_INLINED void fold_windows(const tw_pool *s, const pool_row *row, range windows, fold *const take,
                             const int bytes) {
    int64_t channels = s->channels, in_image = pixels_of(s->in) * channels;
    for (int64_t o = windows.first; o < windows.last; o++) {
        box b = row->b;
        box_axis(s, WIDTH, o, &b);
        const real *in = row->image + b.pixel * channels;
        int64_t c = 0, left = in_image - box_last_pixel(&b) * channels, at = o * channels;
        real *y = row->y + at;
        char *taps = row->taps + at * bytes;
        for (; c + WIDE <= channels; c += WIDE) take(s, &b, in + c, WIDE, y + c, taps + c * bytes, bytes);
        for (; c < channels; c += BLOCK)
            if (c + BLOCK <= left && at + c + BLOCK <= row->room)
                take(s, &b, in + c, BLOCK, y + c, taps + c * bytes, bytes);
            else
                take(s, &b, in + c, tw_min(BLOCK, channels - c), y + c, taps + c * bytes, bytes);
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

TW_INLINED void fold_row(const tw_pool *s, const pool_row *row, range inside, fold *const take,
                         const int bytes) {
    int64_t side = bytes == 4 ? 0 : side_of_squares(s, &row->b); /* 4: of large windows */
    range squares = side ? squares_of(s, row, side, inside) : (range){0, 0};
    /* both ends of the row, squares between them: one copy of the loops */
    for (int end = 0; end < 2; end++) {
        fold_windows(s, row, end ? (range){squares.last, s->out[WIDTH]} : (range){0, squares.first}, take,
                     bytes);
        if (end) break;
        if (side == 2) fold_squares(s, row, squares, 2, take, bytes);
        if (side == 3) fold_squares(s, row, squares, 3, take, bytes);
    }
}

/* A copy of the pool stays in registers: a store might change the original. Where no taps are kept, theirs is
 * any address. */
TW_INLINED void fold_rows(const tw_pool *pool, int64_t first, int64_t last, const real *x, real *y,
                          char *taps, fold *const take, const int bytes) {
    const tw_pool copy = *pool, *const s = &copy;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], line = s->out[WIDTH] * s->channels, at = first % rows;
    const range inside = inside_of(s, WIDTH);
    x += first / rows * pixels_of(s->in) * s->channels;
    for (int64_t r = first; r < last; r++) {
        pool_row row = {.image = x,
                        .b = box_of_row(s, at),
                        .room = (last - r) * line,
                        .y = y + r * line,
                        .taps = taps + r * line * bytes,
                        .below = count_below(s, at, last - r)};
        fold_row(s, &row, inside, take, bytes);
        if (++at < rows) continue;
        at = 0, x += pixels_of(s->in) * s->channels;
    }
}

static void maxpool(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y, void *taps) {
    if (s->tap_bytes == 0) fold_rows(s, first, last, x, y, y, take_maximum, 0);
    if (s->tap_bytes == 1) fold_rows(s, first, last, x, y, taps, take_maximum, 1);
    if (s->tap_bytes == 4) fold_rows(s, first, last, x, y, taps, take_maximum, 4);
    if (s->streams) streamed();
}

static void avgpool(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y) {
    fold_rows(s, first, last, x, y, y, take_mean, 0);
    if (s->streams) streamed();
}

/* ---- Backward ---- */

/* A row of windows that hold a line of the image: its numbers in dy, and the tap of the line's column 0 of
 * padding in a window that begins there. */
typedef struct holder {
    int64_t line;
    integer tap;
    real share; /* in the mean of a window that lies inside the image along the line */
} holder;

enum {
    MOST_ROWS = 3, /* of windows that hold a line, for which there is code */
    FEW = 512      /* numbers of dy that are given away at a time: they stay at hand for all channels */
};

/* A line of an image's gradient, and the gradient of the image's output. */
typedef struct pool_line {
    int64_t reach[3]; /* of a pixel: where the window would begin whose first tap it is, padding counted */
    range windows[3]; /* that hold the pixel, by axis */
    const real *dy;
    const char *taps; /* of a maximum */
    real *dx;
    int64_t room; /* numbers of dx from the line on */
    real share;   /* in the mean of a window that lies inside */
} pool_line;

/* How many pixels of the image window o holds along an axis. */
static inline int64_t held_by(const tw_pool *s, int axis, int64_t o) {
    int64_t origin = o * s->stride[axis] - s->pad[axis];
    return tw_min(s->kernel[axis], s->in[axis] - origin) - tw_max(0, -origin);
}

/* What the `count` numbers of dy at `from` give to a pixel: a maximum's, if its tap is `tap`; a mean's
 * (`bytes` 0), `share`. */
TW_INLINED void give(const pool_line *l, int64_t from, integer tap, real share, const int64_t count,
                     const int bytes, block *d) {
    lanes taps;
    block_load(l->dy + from, count, d);
    if (bytes) {
        marks_load(l->taps + from * bytes, bytes, count, &taps);
        *d = (block)((lanes)(taps == (lanes){0} + tap) & (lanes)*d);
    } else {
        *d = *d * share;
    }
}

/* `count` channels of a pixel, from channel c on: the sum over all windows that hold it. `count`, up to
 * WIDEST, and `bytes` are constants. */
TW_INLINED void gather(const tw_pool *s, const pool_line *l, int64_t c, const int64_t count, const int bytes,
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
            int64_t held = bytes ? 0 : held_by(s, DEPTH, oz) * held_by(s, HEIGHT, oh);
            for (int64_t ow = w->first; ow < w->last; ow++) {
                int64_t pixels = bytes ? whole : held * held_by(s, WIDTH, ow);
                real share = pixels == whole ? l->share : share_of(s, pixels);
#pragma GCC unroll 8
                for (int64_t k = 0; k < blocks; k++) {
                    give(l, (line + ow) * s->channels + c + k * BLOCK, (integer)(tap - ow * s->stride[WIDTH]),
                         share, each, bytes, &d);
                    sum[k] = sum[k] + d;
                }
            }
        }
#pragma GCC unroll 8
    for (int64_t k = 0; k < blocks; k++) pool_store(s, dx + k * BLOCK, &sum[k], each);
}

/* Makes pixel i the one that l speaks of: those of a line come in order. */
static inline void next_pixel(const tw_pool *s, pool_line *l, int64_t i) {
    range *w = &l->windows[WIDTH];
    int64_t reach = l->reach[WIDTH] = i + s->pad[WIDTH];
    while (w->last < s->out[WIDTH] && w->last * s->stride[WIDTH] <= reach) w->last++;
    while (w->first < w->last && w->first * s->stride[WIDTH] + s->kernel[WIDTH] <= reach) w->first++;
}

/* The pixels first .. last - 1 of a line. */
TW_INLINED void gather_pixels(const tw_pool *s, pool_line *l, int64_t first, int64_t last, const int bytes) {
    int64_t channels = s->channels, out_image = pixels_of(s->out) * channels;
    for (int64_t i = first; i < last; i++) {
        next_pixel(s, l, i);
        int64_t c = 0, at = i * channels;
        const range *z = &l->windows[DEPTH], *h = &l->windows[HEIGHT], *w = &l->windows[WIDTH];
        int64_t end = ((z->last - 1) * s->out[HEIGHT] + h->last - 1) * s->out[WIDTH] + w->last - 1;
        int64_t left = out_image - end * channels;
        for (; c + WIDEST <= channels; c += WIDEST) gather(s, l, c, WIDEST, bytes, l->dx + at + c);
        for (; c + WIDE <= channels; c += WIDE) gather(s, l, c, WIDE, bytes, l->dx + at + c);
        for (; c < channels; c += BLOCK)
            if (c + BLOCK <= left && at + c + BLOCK <= l->room)
                gather(s, l, c, BLOCK, bytes, l->dx + at + c);
            else
                gather(s, l, c, tw_min(BLOCK, channels - c), bytes, l->dx + at + c);
    }
}

/* The rows of windows that hold the line, in order; returns how many, or 0: more than `most`. */
static int list_holders(const tw_pool *s, const pool_line *l, int most, holder *holders) {
    const range *z = &l->windows[DEPTH], *h = &l->windows[HEIGHT];
    int count = 0;
    if ((z->last - z->first) * (h->last - h->first) > most) return 0;
    for (int64_t oz = z->first; oz < z->last; oz++)
        for (int64_t oh = h->first; oh < h->last; oh++) {
            int64_t kz = l->reach[DEPTH] - oz * s->stride[DEPTH];
            int64_t kh = l->reach[HEIGHT] - oh * s->stride[HEIGHT];
            int64_t held = held_by(s, DEPTH, oz) * held_by(s, HEIGHT, oh) * s->kernel[WIDTH];
            bool whole = held == pixels_of(s->kernel);
            holders[count++] = (holder){.line = (oz * s->out[HEIGHT] + oh) * s->out[WIDTH] * s->channels,
                                        .tap = (integer)((kz * s->kernel[HEIGHT] + kh) * s->kernel[WIDTH]),
                                        .share = whole ? l->share : share_of(s, held)};
        }
    return count;
}

/* The pixels of a line that are tap t, below the stride, of windows inside the image: what windows o, o - 1,
 * ... of `rows` rows give to one, from number `from` on of window o's. All counts are constants. */
TW_INLINED void give_pixel(const tw_pool *s, const pool_line *l, const holder *holders, const int rows,
                           int64_t from, const int64_t t, const int64_t wide, const int64_t stride,
                           const int64_t count, const int bytes, real *dx) {
    const int64_t blocks = count / BLOCK, windows = (wide - t + stride - 1) / stride;
    block sum[WIDE / BLOCK], d;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int64_t j = windows - 1; j >= 0; j--)
#pragma GCC unroll 4
            for (int64_t k = 0; k < blocks; k++) {
                give(l, holders[r].line + from - j * s->channels + k * BLOCK,
                     holders[r].tap + (integer)(t + j * stride), holders[r].share, BLOCK, bytes, &d);
                sum[k] = r == 0 && j == windows - 1 ? d : sum[k] + d;
            }
#pragma GCC unroll 4
    for (int64_t k = 0; k < blocks; k++) pool_store(s, dx + k * BLOCK, &sum[k], BLOCK);
}

/* The same for all pixels of the windows, which are the first `stride` of each; channels c and on. */
TW_INLINED void give_pixels(const tw_pool *s, const pool_line *l, const holder *holders, const int rows,
                            range windows, int64_t c, const int64_t wide, const int64_t stride,
                            const int64_t count, const int bytes) {
    const int64_t channels = s->channels;
    real *dx = l->dx + (windows.first * stride - s->pad[WIDTH]) * channels + c;
    for (int64_t from = windows.first * channels + c; from < windows.last * channels; from += channels)
#pragma GCC unroll 4
        for (int64_t t = 0; t < stride; t++, dx += channels)
            give_pixel(s, l, holders, rows, from, t, wide, stride, count, bytes, dx);
}

/* All channels, the last first: its vectors may spill into the next pixel's first ones. */
TW_INLINED void give_channels(const tw_pool *s, const pool_line *l, const holder *holders, const int rows,
                              range windows, const int64_t wide, const int64_t stride, const int bytes) {
    int64_t c = tw_round_up(s->channels, BLOCK);
    for (; c % PAIR > 0; c -= BLOCK)
        give_pixels(s, l, holders, rows, windows, c - BLOCK, wide, stride, BLOCK, bytes);
    for (; c % WIDE > 0; c -= PAIR)
        give_pixels(s, l, holders, rows, windows, c - PAIR, wide, stride, PAIR, bytes);
    for (; c > 0; c -= WIDE) give_pixels(s, l, holders, rows, windows, c - WIDE, wide, stride, WIDE, bytes);
}

/* A few windows at a time, so that memory is met in its order. */
TW_INLINED void give_windows(const tw_pool *s, const pool_line *l, const holder *holders, const int rows,
                             range windows, const int64_t wide, const int64_t stride, const int bytes) {
    const int64_t few = tw_max(1, FEW / s->channels);
    for (range w = {windows.first, 0}; w.first < windows.last; w.first = w.last) {
        w.last = tw_min(w.first + few, windows.last);
        give_channels(s, l, holders, rows, w, wide, stride, bytes);
    }
}

/* The windows whose pixels give_windows may write: those that reach them lie inside, and whole vectors within
 * the rows to come. */
static range windows_to_give(const tw_pool *s, const pool_line *l, const holder *holders, int rows,
                             range inside) {
    const int64_t channels = s->channels, stride = s->stride[WIDTH], reach = tw_round_up(channels, BLOCK);
    range w = {inside.first + (s->kernel[WIDTH] - 1) / stride, inside.last};
    if (rows == 0 || s->kernel[WIDTH] < stride) return (range){0, 0};
    const int64_t left = pixels_of(s->out) * channels - holders[rows - 1].line - reach;
    const int64_t room = l->room - reach - (stride - 1 - s->pad[WIDTH]) * channels;
    while (w.last > w.first && ((w.last - 1) * channels > left || (w.last - 1) * stride * channels > room))
        w.last--;
    return w.last > w.first ? w : (range){0, 0};
}

/* How many rows of windows may hold a line for which there is code: of windows that are common; else 0. */
static int most_rows_of(int64_t wide, int64_t stride) {
    if (wide == stride && (wide == 2 || wide == 3)) return 1;
    return wide != 3 ? 0 : stride == 1 ? 3 : stride == 2 ? 2 : 0;
}

/* A line: what common windows give their pixels in one go, the rest gathered. */
TW_INLINED void give_line(const tw_pool *s, pool_line *l, range inside, const int bytes) {
    const int64_t wide = s->kernel[WIDTH], stride = s->stride[WIDTH];
    holder h[MOST_ROWS];
    const int rows = bytes == 4 ? 0 : list_holders(s, l, most_rows_of(wide, stride), h);
    const range w = windows_to_give(s, l, h, rows, inside);
    const int64_t first = w.last ? w.first * stride - s->pad[WIDTH] : s->in[WIDTH];
    l->windows[WIDTH] = (range){0, 0};
    /* both ends of the line, windows between them: one copy of the loops */
    for (int end = 0; end < 2; end++) {
        gather_pixels(s, l, end ? w.last * stride - s->pad[WIDTH] : 0, end ? s->in[WIDTH] : first, bytes);
        if (end || w.last == 0) break;
        if (wide == 2) give_windows(s, l, h, 1, w, 2, 2, bytes);
        if (wide == 3 && stride == 3) give_windows(s, l, h, 1, w, 3, 3, bytes);
        if (wide == 3 && stride == 2 && rows == 1) give_windows(s, l, h, 1, w, 3, 2, bytes);
        if (wide == 3 && stride == 2 && rows == 2) give_windows(s, l, h, 2, w, 3, 2, bytes);
        if (wide == 3 && stride == 1 && rows == 1) give_windows(s, l, h, 1, w, 3, 1, bytes);
        if (wide == 3 && stride == 1 && rows == 2) give_windows(s, l, h, 2, w, 3, 1, bytes);
        if (wide == 3 && stride == 1 && rows == 3) give_windows(s, l, h, 3, w, 3, 1, bytes);
    }
}

/* As in fold_rows, a copy. */
TW_INLINED void give_rows(const tw_pool *pool, int64_t first, int64_t last, const char *taps, const real *dy,
                          real *dx, const int bytes) {
    const tw_pool copy = *pool, *const s = &copy;
    int64_t line = s->in[WIDTH] * s->channels, out_image = pixels_of(s->out) * s->channels;
    int64_t plane = first / s->in[HEIGHT], h = first % s->in[HEIGHT];
    const range inside = inside_of(s, WIDTH);
    pool_line l = {.share = share_of(s, pixels_of(s->kernel))};
    for (int64_t r = first; r < last; r++, h++) {
        if (h == s->in[HEIGHT]) plane++, h = 0;
        if (h == 0 || r == first) {
            int64_t image = plane / s->in[DEPTH], z = plane % s->in[DEPTH];
            l.dy = dy + image * out_image;
            l.taps = taps + image * out_image * bytes;
            l.reach[DEPTH] = z + s->pad[DEPTH], l.windows[DEPTH] = holders_of(s, DEPTH, z);
        }
        l.reach[HEIGHT] = h + s->pad[HEIGHT], l.windows[HEIGHT] = holders_of(s, HEIGHT, h);
        l.dx = dx + r * line, l.room = (last - r) * line;
        give_line(s, &l, inside, bytes);
    }
    if (s->streams) streamed();
}

static void maxpool_back(const tw_pool *s, int64_t first, int64_t last, const void *taps, const void *dy,
                         void *dx) {
    if (s->tap_bytes == 1) give_rows(s, first, last, taps, dy, dx, 1);
    if (s->tap_bytes == 4) give_rows(s, first, last, taps, dy, dx, 4);
}

static void avgpool_back(const tw_pool *s, int64_t first, int64_t last, const void *dy, void *dx) {
    give_rows(s, first, last, dy, dy, dx, 0);
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

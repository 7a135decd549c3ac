/* Pooling over `real`, channels last: for each output pixel, the taps of the window that fall inside the
 * image, each tap a loop over channels. A maximum keeps the number of the first tap that reached it (ties go
 * to the first; NaN counts as largest), so that the backward pass needs no comparison of values. */

enum { DEPTH, HEIGHT, WIDTH };

static int64_t pixels_of(const int64_t size[3]) {
    return size[DEPTH] * size[HEIGHT] * size[WIDTH];
}

/* The taps of one axis that fall inside for output position o: first .. last-1. */
typedef struct span {
    int64_t first, last, origin;
} span;

static span span_of(const tw_pool *s, int axis, int64_t o) {
    int64_t origin = o * s->stride[axis] - s->pad[axis];
    return (span){.first = origin < 0 ? -origin : 0,
                  .last = tw_min(s->kernel[axis], s->in[axis] - origin),
                  .origin = origin};
}

/* The window of one output pixel, and the tap of it where a walk stands. */
typedef struct walk {
    span z, y, x;
    int64_t kz, ky, kx;
} walk;

static walk walk_start(const tw_pool *s, int64_t oz, int64_t oy, int64_t ox) {
    walk w = {.z = span_of(s, DEPTH, oz), .y = span_of(s, HEIGHT, oy), .x = span_of(s, WIDTH, ox)};
    w.kz = w.z.first, w.ky = w.y.first, w.kx = w.x.first;
    return w;
}

static int64_t walk_taps(const walk *w) {
    return (w->z.last - w->z.first) * (w->y.last - w->y.first) * (w->x.last - w->x.first);
}

static int64_t walk_tap(const tw_pool *s, const walk *w) {
    return (w->kz * s->kernel[HEIGHT] + w->ky) * s->kernel[WIDTH] + w->kx;
}

static int64_t walk_pixel(const tw_pool *s, const walk *w) {
    return ((w->z.origin + w->kz) * s->in[HEIGHT] + w->y.origin + w->ky) * s->in[WIDTH] + w->x.origin + w->kx;
}

/* The last input pixel of the window. */
static int64_t walk_end(const tw_pool *s, walk w) {
    w.kz = w.z.last - 1, w.ky = w.y.last - 1, w.kx = w.x.last - 1;
    return walk_pixel(s, &w);
}

/* ---- The maximum: BLOCK channels at a time, in vectors that live through all taps of a window. With fewer
 * channels a vector reaches into the next pixel: `spill` says that it may, because that pixel comes later in
 * the same range and overwrites what was spilt. */

/* The largest of `count` channels from x on, in window w. */
static inline __attribute__((always_inline)) void maximum_of(const tw_pool *s, const walk *w, const real *x,
                                                             const int64_t count, real *y, int32_t *taps) {
    int64_t channels = s->channels;
    block best, value;
    block_load(x + walk_pixel(s, w) * channels, count, &best);
    lanes tap = (lanes){0} + (integer)walk_tap(s, w);
    for (int64_t kz = w->z.first; kz < w->z.last; kz++)
        for (int64_t ky = w->y.first; ky < w->y.last; ky++) {
            int64_t line = (w->z.origin + kz) * s->in[HEIGHT] + w->y.origin + ky;
            int64_t pixel = line * s->in[WIDTH] + w->x.origin + w->x.first;
            int64_t first = (kz * s->kernel[HEIGHT] + ky) * s->kernel[WIDTH] + w->x.first;
            const real *in = x + pixel * channels;
            integer here = (integer)first; /* a number: gcc 12's UBSan loses a vector's += */
            for (int64_t kx = w->x.first; kx < w->x.last; kx++, in += channels, here++) {
                block_load(in, count, &value);
                lanes better = (lanes)(value > best) | (lanes)(value != value);
                best = (block)((better & (lanes)value) | (~better & (lanes)best));
                tap = (better & ((lanes){0} + here)) | (~better & tap);
            }
        }
    block_store(y, &best, count);
    if (!taps) return;
    marks narrow = __builtin_convertvector(tap, marks);
    if (count == BLOCK)
        memcpy(taps, &narrow, sizeof narrow);
    else
        for (int64_t i = 0; i < count; i++) taps[i] = narrow[i];
}

/* The same for a window of `side` x `side` pixels that lies inside, from `in` on: `side` is a constant where
 * it matters, so that nothing is left of the loops. */
static inline __attribute__((always_inline)) void maximum_of_square(const tw_pool *s, const real *in,
                                                                    const int64_t side, real *y,
                                                                    int32_t *taps) {
    block best, value;
    block_load(in, BLOCK, &best);
    lanes tap = {0};
    for (int64_t k = 1; k < side * side; k++) {
        block_load(in + (k / side * s->in[WIDTH] + k % side) * s->channels, BLOCK, &value);
        lanes better = (lanes)(value > best) | (lanes)(value != value);
        best = (block)((better & (lanes)value) | (~better & (lanes)best));
        tap = (better & ((lanes){0} + (integer)k)) | (~better & tap);
    }
    block_store(y, &best, BLOCK);
    if (!taps) return;
    marks narrow = __builtin_convertvector(tap, marks);
    memcpy(taps, &narrow, sizeof narrow);
}

/* `count` such windows of a row, next to each other. */
static inline __attribute__((always_inline)) void maximum_of_squares(const tw_pool *s, const real *in,
                                                                     const int64_t side, int64_t count,
                                                                     real *y, int32_t *taps) {
    int64_t channels = s->channels, step = s->stride[WIDTH] * channels;
    for (; count > 0; count--, in += step, y += channels) {
        for (int64_t c = 0; c < channels; c += BLOCK)
            maximum_of_square(s, in + c, side, y + c, taps ? taps + c : NULL);
        taps += taps ? channels : 0;
    }
}

/* The side of window w if it is a square inside the image that is worth code of its own; 0: it is not. */
static int64_t square_of(const tw_pool *s, const walk *w) {
    int64_t side = s->kernel[WIDTH];
    bool whole = w->x.first == 0 && w->x.last == side && w->y.first == 0 && w->y.last == side;
    return whole && s->kernel[DEPTH] == 1 && s->kernel[HEIGHT] == side && (side == 2 || side == 3) ? side : 0;
}

/* How many windows of a row, from its first on, are such squares, and keep their vectors within the image and
 * within the `room` numbers of y that are left. */
static int64_t count_squares(const tw_pool *s, const walk *first, int64_t room) {
    int64_t side = square_of(s, first), channels = s->channels, reach = tw_round_up(channels, BLOCK);
    int64_t left = pixels_of(s->in) * channels - reach - walk_end(s, *first) * channels;
    if (side == 0 || s->pad[WIDTH] != 0 || left < 0 || room < reach) return 0;
    int64_t inside = (s->in[WIDTH] - side) / s->stride[WIDTH] + 1;
    int64_t fit = tw_min(left / (s->stride[WIDTH] * channels), (room - reach) / channels) + 1;
    return tw_min(s->out[WIDTH], tw_min(inside, fit));
}

/* The windows of a row from number `ox` on, one by one. */
static void maximum_of_rest(const tw_pool *s, walk w, const real *x, int64_t ox, int64_t room, real *y,
                            int32_t *taps) {
    int64_t channels = s->channels, in_image = pixels_of(s->in) * channels;
    for (; ox < s->out[WIDTH]; ox++) {
        w.x = span_of(s, WIDTH, ox);
        w.kx = w.x.first;
        int64_t furthest = walk_end(s, w) * channels + BLOCK;
        for (int64_t c = 0; c < channels; c += BLOCK) {
            int64_t at = ox * channels + c;
            bool spills = at + BLOCK <= room && furthest + c <= in_image;
            if (spills)
                maximum_of(s, &w, x + c, BLOCK, y + at, taps ? taps + at : NULL);
            else
                maximum_of(s, &w, x + c, tw_min(BLOCK, channels - c), y + at, taps ? taps + at : NULL);
        }
    }
}

static void maxpool(const tw_pool *s, int64_t first, int64_t last, const void *x_, void *y_, int32_t *taps_) {
    const real *x = x_;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], channels = s->channels;
    int64_t in_image = pixels_of(s->in) * channels, line = s->out[WIDTH] * channels;
    for (int64_t row = first; row < last; row++) {
        const real *image = x + row / rows * in_image;
        walk w = walk_start(s, row % rows / s->out[HEIGHT], row % s->out[HEIGHT], 0);
        int64_t room = (last - row) * line, squares = count_squares(s, &w, room);
        const real *in = image + walk_pixel(s, &w) * channels;
        real *y = (real *)y_ + row * line;
        int32_t *taps = taps_ ? taps_ + row * line : NULL;
        if (s->kernel[WIDTH] == 2)
            maximum_of_squares(s, in, 2, squares, y, taps);
        else
            maximum_of_squares(s, in, 3, squares, y, taps);
        maximum_of_rest(s, w, image, squares, room, y, taps);
    }
}

/* Adds dy, where the maximum stood, to the taps of window w, `count` channels of which the first `own` belong
 * to the pixel. */
static inline __attribute__((always_inline)) void spread(const tw_pool *s, const walk *w, const real *dy,
                                                         const int32_t *taps, int64_t own,
                                                         const int64_t count, real *dx) {
    static const lanes numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    int64_t channels = s->channels;
    block d, sum;
    marks narrow = {0};
    block_load(dy, count, &d);
    if (count == BLOCK)
        memcpy(&narrow, taps, sizeof narrow);
    else
        for (int64_t i = 0; i < count; i++) narrow[i] = taps[i];
    lanes tap = __builtin_convertvector(narrow, lanes), ours = (lanes)(numbers < (integer)own);
    for (int64_t kz = w->z.first; kz < w->z.last; kz++)
        for (int64_t ky = w->y.first; ky < w->y.last; ky++) {
            int64_t line = (w->z.origin + kz) * s->in[HEIGHT] + w->y.origin + ky;
            int64_t pixel = line * s->in[WIDTH] + w->x.origin + w->x.first;
            int64_t first = (kz * s->kernel[HEIGHT] + ky) * s->kernel[WIDTH] + w->x.first;
            real *to = dx + pixel * channels;
            integer here = (integer)first; /* a number: gcc 12's UBSan loses a vector's += */
            for (int64_t kx = w->x.first; kx < w->x.last; kx++, to += channels, here++) {
                lanes mask = (lanes)(tap == (lanes){0} + here) & ours;
                block_load(to, count, &sum);
                sum += (block)(mask & (lanes)d);
                block_store(to, &sum, count);
            }
        }
}

/* Lines of an image that a window may reach: those before its end, all of the planes before it too. */
static int64_t lines_before(const tw_pool *s, const walk *w) {
    return (w->z.origin + w->z.last - 1) * s->in[HEIGHT] +
           (s->kernel[DEPTH] == 1 ? w->y.origin + w->y.last : s->in[HEIGHT]);
}

/* Makes the lines from *cleared to `end` zero, shortly before something is added to them: then a cache holds
 * them. */
static void clear_lines(const tw_pool *s, int64_t *cleared, int64_t end, real *dx) {
    int64_t line = s->in[WIDTH] * s->channels;
    if (end <= *cleared) return;
    memset(dx + *cleared * line, 0, (size_t)((end - *cleared) * line) * sizeof *dx);
    *cleared = end;
}

/* Windows that lie inside and do not overlap: each pixel belongs to one at most. */
static bool windows_are_apart(const tw_pool *s) {
    bool apart = s->kernel[DEPTH] == 1 && s->stride[DEPTH] == 1 && s->pad[DEPTH] == 0;
    for (int axis = HEIGHT; axis <= WIDTH; axis++)
        apart = apart && s->pad[axis] == 0 && s->stride[axis] >= s->kernel[axis] &&
                (s->out[axis] - 1) * s->stride[axis] + s->kernel[axis] <= s->in[axis];
    return apart && s->in[DEPTH] == s->out[DEPTH];
}

/* dx = dy where the maximum stood at `tap`, else 0: the channels of one pixel. `room` numbers may be read and
 * written from here on. */
static inline void choose(const real *dy, const int32_t *taps, int32_t tap, int64_t channels, int64_t room,
                          real *dx) {
    static const lanes numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    int64_t c = 0;
    for (; c < channels && c + BLOCK <= room; c += BLOCK) {
        block d;
        marks narrow;
        memcpy(&d, dy + c, sizeof d);
        memcpy(&narrow, taps + c, sizeof narrow);
        lanes here = (lanes)(__builtin_convertvector(narrow, lanes) == (lanes){0} + (integer)tap);
        lanes ours = (lanes)(numbers < (integer)(channels - c));
        d = (block)(here & ours & (lanes)d);
        memcpy(dx + c, &d, sizeof d);
    }
    for (; c < channels; c++) dx[c] = taps[c] == tap ? dy[c] : 0;
}

/* The same for a window's pixels of a line, whose numbers in the window are tap, tap + 1, ...: one vector
 * holds a pixel's channels, and all of them may be written. */
static inline __attribute__((always_inline)) void choose_line(const real *dy, const int32_t *taps,
                                                              integer tap, int64_t channels, int64_t width,
                                                              real *dx) {
    static const lanes numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    block d;
    marks narrow;
    memcpy(&d, dy, sizeof d);
    memcpy(&narrow, taps, sizeof narrow);
    lanes there = __builtin_convertvector(narrow, lanes), ours = (lanes)(numbers < (integer)channels);
    for (int64_t kx = 0; kx < width; kx++, dx += channels, tap++) {
        block chosen = (block)((lanes)(there == (lanes){0} + tap) & ours & (lanes)d);
        memcpy(dx, &chosen, sizeof chosen);
    }
}

/* Pixels in the order in which they lie, so that dx is written once, from first to last, and what a vector
 * spills into the next pixel is written over, or zero where no window is. */
static void maxpool_back_apart(const tw_pool *s, const int32_t *taps, const real *dy, real *dx) {
    int64_t channels = s->channels, in_image = pixels_of(s->in) * channels,
            end = pixels_of(s->out) * channels;
    for (int64_t line = 0; line < s->out[DEPTH] * s->out[HEIGHT] * s->kernel[HEIGHT]; line++) {
        int64_t row = line / s->kernel[HEIGHT], ky = line % s->kernel[HEIGHT];
        int64_t down = row / s->out[HEIGHT] * s->in[HEIGHT] + row % s->out[HEIGHT] * s->stride[HEIGHT] + ky;
        for (int64_t ox = 0; ox < s->out[WIDTH]; ox++) {
            int64_t out = (row * s->out[WIDTH] + ox) * channels;
            int64_t in = (down * s->in[WIDTH] + ox * s->stride[WIDTH]) * channels;
            integer tap = (integer)(ky * s->kernel[WIDTH]);
            bool fits = channels <= BLOCK && out + BLOCK <= end &&
                        in + (s->kernel[WIDTH] - 1) * channels + BLOCK <= in_image;
            if (fits) {
                choose_line(dy + out, taps + out, tap, channels, s->kernel[WIDTH], dx + in);
                continue;
            }
            for (int64_t kx = 0; kx < s->kernel[WIDTH]; kx++, in += channels)
                choose(dy + out, taps + out, (int32_t)(ky * s->kernel[WIDTH] + kx), channels,
                       tw_min(end - out, in_image - in), dx + in);
        }
    }
}

static void maxpool_back(const tw_pool *s, const int32_t *taps, const void *dy_, void *dx_) {
    int64_t channels = s->channels, in_image = pixels_of(s->in) * channels;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], width = s->out[WIDTH], end = rows * width * channels;
    const real *dy = dy_;
    real *dx = dx_;
    bool apart = windows_are_apart(s);
    bool covers = apart && s->kernel[HEIGHT] * s->out[HEIGHT] == s->in[HEIGHT] &&
                  s->kernel[WIDTH] * s->out[WIDTH] == s->in[WIDTH];
    int64_t cleared = 0, lines = s->in[DEPTH] * s->in[HEIGHT];
    if (apart && !covers) clear_lines(s, &cleared, lines, dx);
    if (apart) {
        maxpool_back_apart(s, taps, dy, dx);
        return;
    }
    for (int64_t row = 0; row < rows; row++) {
        walk w = walk_start(s, row / s->out[HEIGHT], row % s->out[HEIGHT], 0);
        clear_lines(s, &cleared, tw_min(lines_before(s, &w) + 1, lines), dx); /* a vector may reach on */
        for (int64_t ox = 0; ox < width; ox++) {
            w.x = span_of(s, WIDTH, ox);
            w.kx = w.x.first;
            int64_t furthest = walk_end(s, w) * channels + BLOCK;
            for (int64_t c = 0; c < channels; c += BLOCK) {
                int64_t at = (row * width + ox) * channels + c, own = tw_min(BLOCK, channels - c);
                if (at + BLOCK <= end && furthest + c <= in_image)
                    spread(s, &w, dy + at, taps + at, own, BLOCK, dx + c);
                else
                    spread(s, &w, dy + at, taps + at, own, own, dx + c);
            }
        }
    }
    clear_lines(s, &cleared, lines, dx);
}

static real share_of(const tw_pool *s, const walk *w) {
    return 1 / (real)(s->countpad ? s->kernel[DEPTH] * s->kernel[HEIGHT] * s->kernel[WIDTH] : walk_taps(w));
}

/* The mean of `count` channels from x on, in window w; `side`: of a square that lies inside, a constant; else
 * 0. */
static inline __attribute__((always_inline)) void mean_of(const tw_pool *s, const walk *w, const real *x,
                                                          const int64_t side, const int64_t count, real share,
                                                          real *y) {
    int64_t channels = s->channels, line = s->in[WIDTH] * channels;
    int64_t high = side ? side : w->y.last - w->y.first, wide = side ? side : w->x.last - w->x.first;
    const real *plane = x + walk_pixel(s, w) * channels;
    block sum = {0}, value;
    for (int64_t kz = w->z.first; kz < w->z.last; kz++, plane += s->in[HEIGHT] * line)
        for (int64_t ky = 0; ky < high; ky++)
            for (int64_t kx = 0; kx < wide; kx++) {
                block_load(plane + ky * line + kx * channels, count, &value);
                sum = sum + value;
            }
    sum = sum * share;
    block_store(y, &sum, count);
}

static void avgpool(const tw_pool *s, int64_t first, int64_t last, const void *x_, void *y_) {
    const real *x = x_;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], width = s->out[WIDTH], channels = s->channels;
    for (int64_t row = first; row < last; row++) {
        const real *image = x + row / rows * pixels_of(s->in) * channels;
        real *y = (real *)y_ + row * width * channels;
        walk w = walk_start(s, row % rows / s->out[HEIGHT], row % s->out[HEIGHT], 0);
        for (int64_t ox = 0; ox < width; ox++, y += channels) {
            w.x = span_of(s, WIDTH, ox);
            w.kx = w.x.first;
            real share = share_of(s, &w);
            int64_t side = square_of(s, &w), c = 0;
            for (; c + BLOCK <= channels; c += BLOCK)
                if (side == 2)
                    mean_of(s, &w, image + c, 2, BLOCK, share, y + c);
                else if (side == 3)
                    mean_of(s, &w, image + c, 3, BLOCK, share, y + c);
                else
                    mean_of(s, &w, image + c, 0, BLOCK, share, y + c);
            if (c < channels) mean_of(s, &w, image + c, 0, channels - c, share, y + c);
        }
    }
}

/* Adds dy * share to all taps of window w. */
static inline __attribute__((always_inline)) void share_out(const tw_pool *s, const walk *w, const real *dy,
                                                            const int64_t count, real share, real *dx) {
    int64_t channels = s->channels, line = s->in[WIDTH] * channels;
    real *plane = dx + walk_pixel(s, w) * channels;
    block d, sum;
    block_load(dy, count, &d);
    d = d * share;
    for (int64_t kz = w->z.first; kz < w->z.last; kz++, plane += s->in[HEIGHT] * line)
        for (int64_t ky = 0; ky < w->y.last - w->y.first; ky++)
            for (int64_t kx = 0; kx < w->x.last - w->x.first; kx++) {
                real *to = plane + ky * line + kx * channels;
                block_load(to, count, &sum);
                sum = sum + d;
                block_store(to, &sum, count);
            }
}

static void avgpool_back(const tw_pool *s, const void *dy_, void *dx_) {
    int64_t channels = s->channels, rows = s->out[DEPTH] * s->out[HEIGHT], cleared = 0;
    const real *dy = dy_;
    real *dx = dx_;
    for (int64_t row = 0; row < rows; row++) {
        walk w = walk_start(s, row / s->out[HEIGHT], row % s->out[HEIGHT], 0);
        clear_lines(s, &cleared, lines_before(s, &w), dx);
        for (int64_t ox = 0; ox < s->out[WIDTH]; ox++, dy += channels) {
            w.x = span_of(s, WIDTH, ox);
            w.kx = w.x.first;
            real share = share_of(s, &w);
            int64_t c = 0;
            for (; c + BLOCK <= channels; c += BLOCK) share_out(s, &w, dy + c, BLOCK, share, dx + c);
            if (c < channels) share_out(s, &w, dy + c, channels - c, share, dx + c);
        }
    }
    clear_lines(s, &cleared, s->in[DEPTH] * s->in[HEIGHT], dx);
}

/* Sums in double, a block of channels at a time, pixels in order. */
static void globalavg(int64_t pixels, int64_t channels, const void *x_, void *y_) {
    enum { WIDE = 64 };
    const real *x = x_;
    real *y = y_;
    for (int64_t begin = 0; begin < channels; begin += WIDE) {
        int64_t width = tw_min(WIDE, channels - begin);
        double sum[WIDE] = {0};
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

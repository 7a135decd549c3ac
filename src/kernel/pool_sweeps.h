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

static bool walk_next(walk *w) {
    if (++w->kx < w->x.last) return true;
    w->kx = w->x.first;
    if (++w->ky < w->y.last) return true;
    w->ky = w->y.first;
    return ++w->kz < w->z.last;
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

/* The same for a window of `side` x `side` pixels that lies inside: `side` is a constant where it matters, so
 * that nothing is left of the loops. */
static inline __attribute__((always_inline)) void maximum_of_square(const tw_pool *s, const walk *w,
                                                                    const real *x, const int64_t side,
                                                                    real *y, int32_t *taps) {
    const real *in = x + walk_pixel(s, w) * s->channels;
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

/* The side of window w if it is a square inside the image that is worth code of its own; 0: it is not. */
static int64_t square_of(const tw_pool *s, const walk *w) {
    int64_t side = s->kernel[WIDTH];
    bool whole = w->x.first == 0 && w->x.last == side && w->y.first == 0 && w->y.last == side;
    return whole && s->kernel[DEPTH] == 1 && s->kernel[HEIGHT] == side && (side == 2 || side == 3) ? side : 0;
}

static void maxpool(const tw_pool *s, int64_t first, int64_t last, const void *x_, void *y_, int32_t *taps) {
    const real *x = x_;
    real *y = y_;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], width = s->out[WIDTH], channels = s->channels;
    int64_t in_image = pixels_of(s->in) * channels, end = last * width * channels;
    for (int64_t row = first; row < last; row++) {
        const real *image = x + row / rows * in_image;
        int64_t oz = row % rows / s->out[HEIGHT], oy = row % s->out[HEIGHT];
        walk w = walk_start(s, oz, oy, 0);
        for (int64_t ox = 0; ox < width; ox++) {
            int64_t out = (row * width + ox) * channels;
            w.x = span_of(s, WIDTH, ox);
            w.kx = w.x.first;
            int64_t furthest = walk_end(s, w) * channels + BLOCK, square = square_of(s, &w);
            for (int64_t c = 0; c < channels; c += BLOCK) {
                int32_t *marked = taps ? taps + out + c : NULL;
                if (out + c + BLOCK > end || furthest + c > in_image)
                    maximum_of(s, &w, image + c, tw_min(BLOCK, channels - c), y + out + c, marked);
                else if (square == 2)
                    maximum_of_square(s, &w, image + c, 2, y + out + c, marked);
                else if (square == 3)
                    maximum_of_square(s, &w, image + c, 3, y + out + c, marked);
                else
                    maximum_of(s, &w, image + c, BLOCK, y + out + c, marked);
            }
        }
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
    if (!covers) memset(dx, 0, (size_t)in_image * sizeof *dx);
    if (apart) {
        maxpool_back_apart(s, taps, dy, dx);
        return;
    }
    for (int64_t row = 0; row < rows; row++) {
        walk w = walk_start(s, row / s->out[HEIGHT], row % s->out[HEIGHT], 0);
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
}

static real share_of(const tw_pool *s, const walk *w) {
    return 1 / (real)(s->countpad ? s->kernel[DEPTH] * s->kernel[HEIGHT] * s->kernel[WIDTH] : walk_taps(w));
}

static void avgpool(const tw_pool *s, int64_t first, int64_t last, const void *x_, void *y_) {
    const real *x = x_;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], width = s->out[WIDTH], channels = s->channels;
    for (int64_t row = first; row < last; row++) {
        const real *image = x + row / rows * pixels_of(s->in) * s->channels;
        int64_t oz = row % rows / s->out[HEIGHT], oy = row % s->out[HEIGHT];
        for (int64_t ox = 0; ox < width; ox++) {
            real *restrict y = (real *)y_ + (row * width + ox) * channels;
            walk w = walk_start(s, oz, oy, ox);
            real share = share_of(s, &w);
            for (int64_t c = 0; c < channels; c++) y[c] = 0;
            do {
                const real *restrict in = image + walk_pixel(s, &w) * channels;
                for (int64_t c = 0; c < channels; c++) y[c] += in[c];
            } while (walk_next(&w));
            for (int64_t c = 0; c < channels; c++) y[c] *= share;
        }
    }
}

static void avgpool_back(const tw_pool *s, const void *dy_, void *dx_) {
    int64_t channels = s->channels;
    const real *restrict dy = dy_;
    real *restrict dx = dx_;
    for (int64_t i = 0; i < pixels_of(s->in) * s->channels; i++) dx[i] = 0;
    for (int64_t o = 0; o < pixels_of(s->out); o++, dy += channels) {
        int64_t ox = o % s->out[WIDTH], oy = o / s->out[WIDTH] % s->out[HEIGHT];
        walk w = walk_start(s, o / s->out[WIDTH] / s->out[HEIGHT], oy, ox);
        real share = share_of(s, &w);
        do {
            real *to = dx + walk_pixel(s, &w) * channels;
            for (int64_t c = 0; c < channels; c++) to[c] += dy[c] * share;
        } while (walk_next(&w));
    }
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

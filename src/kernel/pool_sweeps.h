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

/* Visits the taps of one output pixel in order: calls step(tap number, input pixel). */
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

static bool walk_next(walk *w) {
    if (++w->kx < w->x.last) return true;
    w->kx = w->x.first;
    if (++w->ky < w->y.last) return true;
    w->ky = w->y.first;
    return ++w->kz < w->z.last;
}

static void maximum_at(const tw_pool *s, walk w, const real *restrict x, real *restrict y,
                       int32_t *restrict taps) {
    int64_t channels = s->channels;
    const real *in = x + walk_pixel(s, &w) * channels;
    int32_t tap = (int32_t)walk_tap(s, &w);
    for (int64_t c = 0; c < channels; c++) y[c] = in[c];
    if (taps)
        for (int64_t c = 0; c < channels; c++) taps[c] = tap;
    while (walk_next(&w)) {
        in = x + walk_pixel(s, &w) * channels;
        tap = (int32_t)walk_tap(s, &w);
        if (taps)
            for (int64_t c = 0; c < channels; c++) taps[c] = in[c] > y[c] || in[c] != in[c] ? tap : taps[c];
        for (int64_t c = 0; c < channels; c++) y[c] = in[c] > y[c] || in[c] != in[c] ? in[c] : y[c];
    }
}

static void maxpool(const tw_pool *s, int64_t first, int64_t last, const void *x_, void *y_, int32_t *taps) {
    const real *x = x_;
    real *y = y_;
    int64_t rows = s->out[DEPTH] * s->out[HEIGHT], width = s->out[WIDTH];
    for (int64_t row = first; row < last; row++) {
        const real *image = x + row / rows * pixels_of(s->in) * s->channels;
        int64_t oz = row % rows / s->out[HEIGHT], oy = row % s->out[HEIGHT];
        for (int64_t ox = 0; ox < width; ox++) {
            int64_t out = (row * width + ox) * s->channels;
            maximum_at(s, walk_start(s, oz, oy, ox), image, y + out, taps ? taps + out : NULL);
        }
    }
}

static void maxpool_back(const tw_pool *s, const int32_t *restrict taps, const void *dy_, void *dx_) {
    int64_t channels = s->channels;
    const real *restrict dy = dy_;
    real *restrict dx = dx_;
    for (int64_t i = 0; i < pixels_of(s->in) * s->channels; i++) dx[i] = 0;
    for (int64_t o = 0; o < pixels_of(s->out); o++, dy += channels, taps += channels) {
        int64_t ox = o % s->out[WIDTH], oy = o / s->out[WIDTH] % s->out[HEIGHT];
        walk w = walk_start(s, o / s->out[WIDTH] / s->out[HEIGHT], oy, ox);
        do {
            real *to = dx + walk_pixel(s, &w) * channels;
            int32_t tap = (int32_t)walk_tap(s, &w);
            for (int64_t c = 0; c < channels; c++) to[c] += taps[c] == tap ? dy[c] : 0;
        } while (walk_next(&w));
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
    enum { BLOCK = 64 };
    const real *x = x_;
    real *y = y_;
    for (int64_t begin = 0; begin < channels; begin += BLOCK) {
        int64_t width = tw_min(BLOCK, channels - begin);
        double sum[BLOCK] = {0};
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

/* Batch norm over `real`: a row is one pixel, [rows][channels]. Sums are in double, rows in order; the caller
 * cuts rows into chunks of fixed length, which stay in a cache, and adds their sums in order. Two octets of
 * channels are kept in registers while rows go by; then what is left. */

enum { PAIR = 2 * BLOCK };

/* ---- Sums ---- */

/* `octets` octets of `count` channels each; constants where it matters. */
static inline __attribute__((always_inline)) void moments_of(int64_t rows, int64_t channels, const real *x,
                                                             const int octets, const int64_t count,
                                                             double *sum, double *squares) {
    doubles total[2] = {{0}, {0}}, around[2] = {{0}, {0}}, mean[2];
    block b;
    for (int64_t r = 0; r < rows; r++)
        for (int o = 0; o < octets; o++) {
            block_load(x + r * channels + o * BLOCK, count, &b);
            total[o] = total[o] + __builtin_convertvector(b, doubles);
        }
    for (int o = 0; o < octets; o++) mean[o] = total[o] / (double)rows;
    for (int64_t r = 0; r < rows; r++)
        for (int o = 0; o < octets; o++) {
            block_load(x + r * channels + o * BLOCK, count, &b);
            doubles d = __builtin_convertvector(b, doubles) - mean[o];
            around[o] = around[o] + d * d;
        }
    for (int64_t i = 0; i < octets * count; i++) {
        sum[i] = total[i / BLOCK][i % BLOCK];
        squares[i] = around[i / BLOCK][i % BLOCK];
    }
}

static void moments(int64_t rows, int64_t channels, const void *x_, double *sum, double *squares) {
    const real *x = x_;
    int64_t c = 0;
    for (; c + PAIR <= channels; c += PAIR) moments_of(rows, channels, x + c, 2, BLOCK, sum + c, squares + c);
    for (; c + BLOCK <= channels; c += BLOCK)
        moments_of(rows, channels, x + c, 1, BLOCK, sum + c, squares + c);
    if (c < channels) moments_of(rows, channels, x + c, 1, channels - c, sum + c, squares + c);
}

/* What batch norm needs of one octet of channels. */
typedef struct octet_norm {
    block mean, scale, shift;
} octet_norm;

static inline __attribute__((always_inline)) void octet_load(const tw_norm *norm, int64_t c, int64_t count,
                                                             octet_norm *o) {
    block_load((const real *)norm->mean + c, count, &o->mean);
    block_load((const real *)norm->scale + c, count, &o->scale);
    block_load((const real *)norm->shift + c, count, &o->shift);
}

/* d = dy, or 0 where the output that was rectified was not above 0; off = x - mean. */
static inline __attribute__((always_inline)) void octet_back(const octet_norm *n, bool rectifies,
                                                             const real *x, const real *dy, int64_t count,
                                                             block *d, block *off) {
    block_load(x, count, off);
    block_load(dy, count, d);
    *off = *off - n->mean;
    if (rectifies) *d = (block)((lanes)(*off * n->scale + n->shift > 0) & (lanes)*d);
}

static inline __attribute__((always_inline)) void back_sums_of(int64_t rows, const tw_norm *norm,
                                                               const real *x, const real *dy, int64_t c,
                                                               const int octets, const int64_t count,
                                                               double *sum, double *products) {
    doubles total[2] = {{0}, {0}}, product[2] = {{0}, {0}};
    octet_norm n[2];
    block d, off;
    bool rectifies = norm->rectifies;
    for (int o = 0; o < octets; o++) octet_load(norm, c + o * BLOCK, count, &n[o]);
    for (int64_t r = 0; r < rows; r++)
        for (int o = 0; o < octets; o++) {
            int64_t at = r * norm->channels + c + o * BLOCK;
            octet_back(&n[o], rectifies, x + at, dy + at, count, &d, &off);
            doubles wide = __builtin_convertvector(d, doubles);
            total[o] = total[o] + wide;
            product[o] = product[o] + __builtin_convertvector(off, doubles) * wide;
        }
    for (int64_t i = 0; i < octets * count; i++) {
        sum[c + i] = total[i / BLOCK][i % BLOCK];
        products[c + i] = product[i / BLOCK][i % BLOCK];
    }
}

static void back_sums(int64_t rows, const tw_norm *norm, const void *x_, const void *dy_, double *sum,
                      double *products) {
    const real *x = x_, *dy = dy_;
    int64_t c = 0, channels = norm->channels;
    for (; c + PAIR <= channels; c += PAIR) back_sums_of(rows, norm, x, dy, c, 2, BLOCK, sum, products);
    for (; c + BLOCK <= channels; c += BLOCK) back_sums_of(rows, norm, x, dy, c, 1, BLOCK, sum, products);
    if (c < channels) back_sums_of(rows, norm, x, dy, c, 1, channels - c, sum, products);
}

/* ---- Number by number: row by row, so that memory is met as it lies ---- */

static inline __attribute__((always_inline)) void normalise_octet(const tw_norm *norm, int64_t c,
                                                                  const int64_t count, const real *x,
                                                                  const real *addend, real *y) {
    octet_norm n;
    block b, z = {0};
    octet_load(norm, c, count, &n);
    block_load(x + c, count, &b);
    b = (b - n.mean) * n.scale + n.shift;
    if (addend) block_load(addend + c, count, &z);
    if (addend) b = b + z;
    if (norm->rectifies) b = (block)(~(lanes)(b < 0) & (lanes)b); /* NaN stays */
    block_store(y + c, &b, count);
}

static void normalise(int64_t rows, const tw_norm *norm_, const void *x_, const void *addend_, void *y_) {
    const tw_norm norm = *norm_;
    const real *x = x_, *addend = addend_;
    real *y = y_;
    for (int64_t r = 0; r < rows; r++) {
        int64_t c = 0;
        for (; c + BLOCK <= norm.channels; c += BLOCK) normalise_octet(&norm, c, BLOCK, x, addend, y);
        if (c < norm.channels) normalise_octet(&norm, c, norm.channels - c, x, addend, y);
        x += norm.channels, y += norm.channels;
        if (addend) addend += norm.channels;
    }
}

/* The two further coefficients of the gradient. */
typedef struct back_norm {
    tw_norm norm;
    const real *slope, *constant;
} back_norm;

static inline __attribute__((always_inline)) void back_octet(const back_norm *back, int64_t c,
                                                             const int64_t count, const real *x,
                                                             const real *dy, real *dx) {
    octet_norm n;
    block d, off, slope, constant;
    octet_load(&back->norm, c, count, &n);
    block_load(back->slope + c, count, &slope);
    block_load(back->constant + c, count, &constant);
    octet_back(&n, back->norm.rectifies, x + c, dy + c, count, &d, &off);
    d = d * n.scale + (off * slope + constant);
    block_store(dx + c, &d, count);
}

static void normalise_back(int64_t rows, const tw_norm *norm, const void *slope, const void *constant,
                           const void *x_, const void *dy_, void *dx_) {
    const back_norm back = {*norm, slope, constant};
    const real *x = x_, *dy = dy_;
    real *dx = dx_;
    int64_t channels = norm->channels;
    for (int64_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels) {
        int64_t c = 0;
        for (; c + BLOCK <= channels; c += BLOCK) back_octet(&back, c, BLOCK, x, dy, dx);
        if (c < channels) back_octet(&back, c, channels - c, x, dy, dx);
    }
}

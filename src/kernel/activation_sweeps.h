/* Elementwise loops and softmax over `real`. Plain loops that the compiler turns into vectors; no sum crosses
 * numbers except softmax's, in double: number i belongs to partial sum i mod PARTS, and these are added in a
 * tree. */

/* z after a ramp, which is a constant where it matters; NaN stays. */
TW_INLINED real cut(real z, tw_ramp ramp) {
    real least = ramp != TW_NO_RAMP && z < 0 ? 0 : z;
    return ramp == TW_RELU6 && z > 6 ? 6 : least;
}

static void relu(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = cut(x[i], TW_RELU);
}

static void relu_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_, void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) {
        real d = dy[i]; /* read in any case: then the choice is no branch */
        dx[i] = y[i] > 0 ? d : 0;
    }
}

static void relu6(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = cut(x[i], TW_RELU6);
}

static void relu6_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_, void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) {
        real d = dy[i], below = y[i] < 6 ? d : 0;
        dx[i] = y[i] > 0 ? below : 0;
    }
}

static void leaky(int64_t n, double slope_, const void *x_, void *y_) {
    const real *x = x_, slope = (real)slope_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? x[i] * slope : x[i];
}

static void leaky_back(int64_t n, double slope_, const void *x_, const void *y_, const void *dy_, void *dx_) {
    (void)y_;
    const real *x = x_, *dy = dy_, slope = (real)slope_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) dx[i] = x[i] > 0 ? dy[i] : dy[i] * slope;
}

/* Exponentials go before what is made of them, some numbers at a time: the processor then looks ahead over
 * more of them than over all that one number needs. */
enum { CHUNK = 256 };

/* 1 / (1 + e) or e / (1 + e) with e = exp(-|x|), so that nothing overflows. What 1 + e loses in rounding is
 * given back to the first order: 1 / (1 + e) is the other of the two. */
static inline real sigmoid_real(real x, real e) {
    real sum = 1 + e, lost = e - (sum - 1);
    real y = by_sign(x, e, 1) / sum;
    return y - y * (lost * by_sign(x, 1 - y, y));
}

static void sigmoid(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_, e[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = tw_min(n - at, CHUNK);
        for (int64_t i = 0; i < count; i++) e[i] = exp_real(-magnitude(x[at + i]));
        for (int64_t i = 0; i < count; i++) y[at + i] = sigmoid_real(x[at + i], e[i]);
    }
}

static void sigmoid_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_,
                         void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

/* Above 0.625 it is 1 - 2 / (e + 1) with e = exp(2|x|). */
static inline real tanh_real(real x, real e) {
    real size = magnitude(x), large = 1 - 2 / (e + 1);
    real y = size < (real)0.625 ? small_tanh(size) : large;
    return real_of(bits_of(y) | (bits_of(x) & minus));
}

static void hyperbolic(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_, e[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t count = tw_min(n - at, CHUNK);
        for (int64_t i = 0; i < count; i++) e[i] = exp_real(2 * magnitude(x[at + i]));
        for (int64_t i = 0; i < count; i++) y[at + i] = tanh_real(x[at + i], e[i]);
    }
}

static void hyperbolic_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_,
                            void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

TW_INLINED void add_and_cut(int64_t n, tw_ramp ramp, const real *a, const real *b, real *y) {
    for (int64_t i = 0; i < n; i++) y[i] = cut(a[i] + b[i], ramp);
}

static void add(int64_t n, tw_ramp ramp, const void *a, const void *b, void *y) {
    if (ramp == TW_NO_RAMP) add_and_cut(n, TW_NO_RAMP, a, b, y);
    if (ramp == TW_RELU) add_and_cut(n, TW_RELU, a, b, y);
    if (ramp == TW_RELU6) add_and_cut(n, TW_RELU6, a, b, y);
}

static void drop(int64_t n, const uint32_t *bits, uint32_t threshold, double scale_, const void *x_,
                 void *y_) {
    const real *x = x_, scale = (real)scale_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) {
        real kept = x[i] * scale;
        y[i] = bits[i] >= threshold ? kept : 0;
    }
}

enum { PARTS = 16 };

static inline real larger(real a, real b) {
    return b > a ? b : a;
}

static inline __attribute__((always_inline)) void take_larger(const real *x, block *best) {
    block value;
    block_load(x, BLOCK, &value);
    lanes better = (lanes)(value > *best);
    *best = (block)((better & (lanes)value) | (~better & (lanes)*best));
}

/* The largest; where there is NaN, that or the largest of the others: taken from NaN either gives NaN, which
 * softmax and loss then are. Two octets at a time, which need not wait for each other. */
static real largest_of(int64_t n, const real *x) {
    real most = x[0];
    int64_t i = 0;
    if (n >= BLOCK) {
        block a, b;
        block_load(x, BLOCK, &a);
        b = a;
        for (; i + 2 * BLOCK <= n; i += 2 * BLOCK) take_larger(x + i, &a), take_larger(x + i + BLOCK, &b);
        if (i + BLOCK <= n) take_larger(x + i, &a), i += BLOCK;
        take_larger((const real *)&b, &a);
        most = larger(larger(larger(a[0], a[4]), larger(a[1], a[5])),
                      larger(larger(a[2], a[6]), larger(a[3], a[7])));
    }
    for (; i < n; i++) most = larger(most, x[i]);
    return most;
}

static double add_parts(double sum[PARTS]) {
    for (int j = 0; j < 8; j++) sum[j] += sum[j + 8];
    for (int j = 0; j < 4; j++) sum[j] += sum[j + 4];
    for (int j = 0; j < 2; j++) sum[j] += sum[j + 2];
    return sum[0] + sum[1];
}

static inline void less(int64_t n, const real *x, real most, real *y) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - most;
}

static inline void scale_to_one(int64_t n, real *y) {
    double sum[PARTS] = {0};
    int64_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (int j = 0; j < PARTS; j++) sum[j] += (double)y[i + j];
    for (; i < n; i++) sum[i % PARTS] += (double)y[i];
    real inverse = (real)(1 / add_parts(sum));
    for (i = 0; i < n; i++) y[i] *= inverse;
}

/* Rows are taken together until they fill a chunk, so that short ones make long vectors of exponentials. */
static void softmax(int64_t rows, int64_t n, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_;
    int64_t most_rows = tw_max(1, CHUNK / n);
    for (int64_t first = 0, end; first < rows; first = end) {
        end = tw_min(rows, first + most_rows);
        for (int64_t r = first; r < end; r++) less(n, x + r * n, largest_of(n, x + r * n), y + r * n);
        for (int64_t i = first * n; i < end * n; i++) y[i] = exp_real(y[i]);
        for (int64_t r = first; r < end; r++) scale_to_one(n, y + r * n);
    }
}

static void softmax_back(int64_t rows, int64_t n, const void *y_, const void *dy_, void *dx_) {
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t r = 0; r < rows; r++, y += n, dy += n, dx += n) {
        double part[PARTS] = {0};
        int64_t i = 0;
        for (; i + PARTS <= n; i += PARTS)
            for (int j = 0; j < PARTS; j++) part[j] += (double)y[i + j] * (double)dy[i + j];
        for (; i < n; i++) part[i % PARTS] += (double)y[i] * (double)dy[i];
        double sum = add_parts(part);
        for (i = 0; i < n; i++) dx[i] = y[i] * (real)((double)dy[i] - sum);
    }
}

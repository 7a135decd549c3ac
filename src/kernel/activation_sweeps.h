/* Elementwise loops and softmax over `real`. Plain loops that the compiler turns into vectors; no sum crosses
 * numbers except softmax's, in double: number i belongs to partial sum i mod PARTS, and these are added in a
 * tree. */
static void relu(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays */
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
    for (int64_t i = 0; i < n; i++) {
        real most = x[i] > 6 ? 6 : x[i];
        y[i] = most < 0 ? 0 : most; /* NaN stays */
    }
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

static void sigmoid(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = sigmoid_real(x[i]);
}

static void sigmoid_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_,
                         void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

static void hyperbolic(int64_t n, double slope, const void *x_, void *y_) {
    (void)slope;
    const real *x = x_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = tanh_real(x[i]);
}

static void hyperbolic_back(int64_t n, double slope, const void *x_, const void *y_, const void *dy_,
                            void *dx_) {
    (void)slope, (void)x_;
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

static void add(int64_t n, const void *a_, const void *b_, void *y_) {
    const real *a = a_, *b = b_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void add_relu(int64_t n, const void *a_, const void *b_, void *y_) {
    const real *a = a_, *b = b_;
    real *y = y_;
    for (int64_t i = 0; i < n; i++) {
        real sum = a[i] + b[i];
        y[i] = sum < 0 ? 0 : sum;
    }
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

/* The largest; NaN when there is one. */
static real largest_of(int64_t n, const real *x) {
    real most = x[0];
    int64_t i = 0;
    if (n >= BLOCK) {
        block best, value;
        block_load(x, BLOCK, &best);
        for (i = BLOCK; i + BLOCK <= n; i += BLOCK) {
            block_load(x + i, BLOCK, &value);
            lanes better = (lanes)(value > best) | (lanes)(value != value);
            best = (block)((better & (lanes)value) | (~better & (lanes)best));
        }
        most = best[0];
        for (int k = 1; k < BLOCK; k++) most = best[k] > most || best[k] != best[k] ? best[k] : most;
    }
    for (; i < n; i++) most = x[i] > most || x[i] != x[i] ? x[i] : most;
    return most;
}

static double add_parts(double sum[PARTS]) {
    for (int half = PARTS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) sum[j] += sum[j + half];
    return sum[0];
}

static void softmax(int64_t rows, int64_t n, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_, part[PARTS];
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        real most = largest_of(n, x);
        double sum[PARTS] = {0};
        int64_t i = 0;
        for (; i + PARTS <= n; i += PARTS) {
            for (int j = 0; j < PARTS; j++) part[j] = exp_real(x[i + j] - most);
            for (int j = 0; j < PARTS; j++) sum[j] += (double)part[j];
            memcpy(y + i, part, sizeof part);
        }
        for (; i < n; i++) {
            y[i] = exp_real(x[i] - most);
            sum[i % PARTS] += (double)y[i];
        }
        real inverse = (real)(1 / add_parts(sum));
        for (i = 0; i < n; i++) y[i] *= inverse;
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

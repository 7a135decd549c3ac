/* Batch norm over `real`: a row is one pixel, [rows][channels]. Sums are in double, rows in order; the caller
 * cuts rows into chunks of fixed length and adds their sums in order. */
static void sum_rows(int64_t rows, int64_t channels, const void *x_, double *restrict sum) {
    const real *restrict x = x_;
    for (int64_t c = 0; c < channels; c++) sum[c] = 0;
    for (int64_t r = 0; r < rows; r++, x += channels)
        for (int64_t c = 0; c < channels; c++) sum[c] += (double)x[c];
}

static void sum_squares(int64_t rows, int64_t channels, const void *x_, const void *mean_,
                        double *restrict sum) {
    const real *restrict x = x_, *restrict mean = mean_;
    for (int64_t c = 0; c < channels; c++) sum[c] = 0;
    for (int64_t r = 0; r < rows; r++, x += channels)
        for (int64_t c = 0; c < channels; c++) {
            double d = (double)(x[c] - mean[c]);
            sum[c] += d * d;
        }
}

static void sum_products(int64_t rows, int64_t channels, const void *x_, const void *mean_, const void *dy_,
                         double *restrict sum) {
    const real *restrict x = x_, *restrict mean = mean_, *restrict dy = dy_;
    for (int64_t c = 0; c < channels; c++) sum[c] = 0;
    for (int64_t r = 0; r < rows; r++, x += channels, dy += channels)
        for (int64_t c = 0; c < channels; c++) sum[c] += (double)(x[c] - mean[c]) * (double)dy[c];
}

static void normalise(int64_t rows, const tw_norm *norm, const void *x_, void *y_) {
    const real *x = x_, *restrict mean = norm->mean, *restrict scale = norm->scale,
               *restrict shift = norm->shift;
    real *y = y_;
    int64_t channels = norm->channels;
    for (int64_t r = 0; r < rows; r++, x += channels, y += channels)
        for (int64_t c = 0; c < channels; c++) y[c] = (x[c] - mean[c]) * scale[c] + shift[c];
}

static void normalise_back(int64_t rows, const tw_norm *norm, const void *slope_, const void *x_,
                           const void *dy_, void *dx_) {
    const real *x = x_, *dy = dy_, *restrict mean = norm->mean, *restrict scale = norm->scale,
               *restrict shift = norm->shift, *restrict slope = slope_;
    real *dx = dx_;
    int64_t channels = norm->channels;
    for (int64_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
        for (int64_t c = 0; c < channels; c++)
            dx[c] = dy[c] * scale[c] + ((x[c] - mean[c]) * slope[c] + shift[c]);
}

/* Losses over `real`, one image's row at a time, sums in double from first to last.
 *
 *     cross-entropy   loss = sum_i t_i (log sum_j exp z_j - z_i)    dz_i = p_i sum_j t_j - t_i,  p =
 * softmax(z) squared error   loss = 1/2 sum_i (y_i - t_i)^2                dy_i = y_i - t_i
 *
 * with the largest logit taken off first, so that no exponential overflows. */
static double target_of(const tw_loss_row *row, int64_t i) {
    return row->target ? (double)((const real *)row->target)[i] : i == row->label;
}

static void cross_entropy(tw_loss_row *row) {
    const real *z = row->z;
    real *dz = row->dz, most = largest_of(row->n, z);
    if (dz)
        for (int64_t i = 0; i < row->n; i++) dz[i] = exp_real(z[i] - most);
    double sum = 0, total = 0, loss = 0;
    for (int64_t i = 0; i < row->n; i++) sum += (double)(dz ? dz[i] : exp_real(z[i] - most));
    double offset = tw_log(sum) + (double)most;
    for (int64_t i = 0; i < row->n; i++) {
        double t = target_of(row, i);
        total += t;
        if (t != 0) loss += t * (offset - (double)z[i]);
    }
    row->loss = sum == sum ? loss : sum; /* NaN among the logits */
    double share = total / sum;
    if (dz)
        for (int64_t i = 0; i < row->n; i++)
            dz[i] = (real)(((double)dz[i] * share - target_of(row, i)) * row->scale);
}

static void squared_error(tw_loss_row *row) {
    const real *y = row->z;
    real *dy = row->dz;
    double loss = 0;
    for (int64_t i = 0; i < row->n; i++) {
        double d = (double)y[i] - target_of(row, i);
        loss += d * d;
        if (dy) dy[i] = (real)(d * row->scale);
    }
    row->loss = loss / 2;
}

static int64_t largest(int64_t n, const void *x_) {
    const real *x = x_;
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static double get(const void *x, int64_t i) {
    return (double)((const real *)x)[i];
}

static void set(void *x, int64_t i, double value) {
    ((real *)x)[i] = (real)value;
}

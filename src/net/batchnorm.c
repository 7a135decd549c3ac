/* Batch norm (Ioffe and Szegedy, arXiv:1502.03167): each channel with mean 0 and variance 1 over the batch,
 * then scaled and shifted by its two parameters. In use, the running mean and variance of training stand in.
 *
 *     y = weight (x - mean) / sqrt(variance + eps) + bias
 *     running = (1 - momentum) running + momentum batch      (the variance with m / (m - 1), as others do)
 *
 * Sums go in chunks of CHUNK pixels, their results put together in order: the same for any number of threads.
 * A chunk's squares are taken around its first pixel and then moved to its mean, so that x is read once;
 * chunks are joined as in Chan, Golub and LeVeque 1979 (sum of squares + pixels * (mean - common mean)^2).
 *
 * In training it can do the sum and the rectifier that follow as well. The rectifier's gradient needs no
 * output then: which outputs were above 0 is computed again from x. */
#include <math.h>
#include <stddef.h>

#include "base/checked.h"
#include "base/fail.h"
#include "net/split.h"

enum { CHUNK = 256, WEIGHT = 0, BIAS, MEAN, VARIANCE, ROLES };

/* The layout of `kept`. */
typedef struct kept {
    double *mean, *deviation; /* [channels]: of this batch; deviation: sum of squares around the mean */
    double *sum, *product;    /* [channels]: backward */
    double *partial;          /* [2][chunks][channels] */
    void *means, *scale, *slope, *constant; /* [channels] of the runner's type */
} kept;

static int64_t rows_of(const tw_run *run) {
    return run->count * run->op->extent.pixels;
}

static kept kept_of(const tw_run *run) {
    int64_t channels = run->op->extent.channels;
    size_t line = (size_t)channels * run->size;
    kept k = {.mean = run->kept};
    k.deviation = k.mean + channels;
    k.sum = k.deviation + channels;
    k.product = k.sum + channels;
    char *reals = (char *)(k.product + channels);
    k.means = reals;
    k.scale = reals + line;
    k.slope = reals + 2 * line;
    k.constant = reals + 3 * line;
    k.partial = (double *)(void *)(reals + tw_round_up((int64_t)(4 * line), (int64_t)sizeof(double)));
    return k;
}

static tw_status kept_bytes(const tw_op *op, int64_t count, size_t size, bool trains, size_t *bytes) {
    int64_t rows, numbers;
    (void)size; /* as if all were double */
    if (!tw_mul(op->extent.pixels, count, &rows) ||
        !tw_mul(trains ? 2 * tw_ceil_div(rows, CHUNK) + 8 : 8, op->extent.channels, &numbers) ||
        !tw_bytes(numbers, sizeof(double), bytes))
        return tw_fail(TW_ERROR_OVERFLOW, "batchnorm: more bytes than 63 bits can count");
    return TW_OK;
}

static tw_status infer(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    op->extent = *in;
    op->flops = 2 * in->count;
    tw_tensor tensors[ROLES] = {
        [WEIGHT] = {.role = "weight", .trained = true, .start = TW_START_ONE},
        [BIAS] = {.role = "bias", .trained = true},
        [MEAN] = {.role = "mean"},
        [VARIANCE] = {.role = "variance", .start = TW_START_ONE},
    };
    for (int i = 0; i < ROLES; i++) {
        tensors[i].rank = 1;
        tensors[i].shape[0] = in->channels;
        tw_status status = tw_op_tensor(op, tensors[i]);
        if (status) return status;
    }
    return TW_OK;
}

/* ---- Sums over all rows ---- */

typedef struct job {
    const tw_run *run;
    kept k;
    tw_norm norm;
} job;

static job job_of(const tw_run *run) {
    job j = {.run = run, .k = kept_of(run)};
    j.norm = (tw_norm){.channels = run->op->extent.channels, .mean = j.k.means, .scale = j.k.scale};
    return j;
}

static void *row_at(const job *j, const void *values, int64_t row) {
    return (char *)values + (size_t)(row * j->norm.channels) * j->run->size;
}

static int64_t chunks_of(const job *j) {
    return tw_ceil_div(rows_of(j->run), CHUNK);
}

static double *sums_of(const job *j, int which, int64_t chunk) {
    return j->k.partial + (which * chunks_of(j) + chunk) * j->norm.channels;
}

static void moments_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    j->run->sweeps->moments(last - first, j->norm.channels, row_at(j, j->run->x[0], first),
                            sums_of(j, 0, first / CHUNK), sums_of(j, 1, first / CHUNK));
}

static void gradient_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    j->run->sweeps->back_sums(last - first, &j->norm, row_at(j, j->run->x[0], first),
                              row_at(j, j->run->dy, first), sums_of(j, 0, first / CHUNK),
                              sums_of(j, 1, first / CHUNK));
}

/* The chunks' sums, in order. */
static void add_chunks(const job *j, int which, double *total) {
    int64_t channels = j->norm.channels, chunks = chunks_of(j);
    for (int64_t c = 0; c < channels; c++) total[c] = 0;
    for (int64_t i = 0; i < chunks; i++) {
        const double *sum = sums_of(j, which, i);
        for (int64_t c = 0; c < channels; c++) total[c] += sum[c];
    }
}

static void split(const job *j, void (*body)(const void *, int64_t, int64_t)) {
    const tw_run *run = j->run;
    tw_split(run, rows_of(run), CHUNK, run->count * run->op->extent.count, body, j);
}

/* ---- Forward ---- */

static void normalise_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    const tw_run *run = j->run;
    run->sweeps->normalise(last - first, &j->norm, row_at(j, run->x[0], first),
                           run->addend ? row_at(j, run->addend, first) : NULL, row_at(j, run->y, first));
}

/* Mean and variance of this batch. */
static void measure(const job *j) {
    const tw_run *run = j->run;
    const kept *k = &j->k;
    int64_t channels = j->norm.channels, rows = rows_of(run);
    split(j, moments_chunk);
    add_chunks(j, 0, k->mean);
    add_chunks(j, 1, k->deviation);
    for (int64_t c = 0; c < channels; c++) {
        k->mean[c] /= (double)rows;
        run->sweeps->set(k->means, c, k->mean[c]);
    }
    for (int64_t i = 0; i < chunks_of(j); i++) {
        const double *sum = sums_of(j, 0, i);
        double pixels = (double)(tw_min(rows, (i + 1) * CHUNK) - i * CHUNK);
        for (int64_t c = 0; c < channels; c++) {
            double apart = sum[c] / pixels - k->mean[c];
            k->deviation[c] += pixels * (apart * apart);
        }
    }
}

static tw_status forward(const tw_run *run) {
    job j = job_of(run);
    const tw_sweeps *sweeps = run->sweeps;
    if (run->training) measure(&j);
    for (int64_t c = 0; c < j.norm.channels; c++) {
        double variance =
            run->training ? j.k.deviation[c] / (double)rows_of(run) : sweeps->get(run->w[VARIANCE], c);
        if (!run->training) sweeps->set(j.k.means, c, sweeps->get(run->w[MEAN], c));
        sweeps->set(j.k.scale, c, sweeps->get(run->w[WEIGHT], c) / sqrt(variance + run->op->set.epsilon));
    }
    j.norm.shift = run->w[BIAS];
    j.norm.ramp = run->ramp;
    j.norm.streams = run->y != run->x[0] && run->y != run->addend &&
                     tw_streams(run, run->y, rows_of(run) * j.norm.channels, j.norm.channels);
    split(&j, normalise_chunk);
    return TW_OK;
}

static void affine(const tw_run *run, int64_t channel, double *scale, double *shift) {
    const tw_sweeps *sweeps = run->sweeps;
    *scale = sweeps->get(run->w[WEIGHT], channel) /
             sqrt(sweeps->get(run->w[VARIANCE], channel) + run->op->set.epsilon);
    *shift = sweeps->get(run->w[BIAS], channel) - sweeps->get(run->w[MEAN], channel) * *scale;
}

static void settle(const tw_run *run, void *const state[TW_MAX_TENSORS]) {
    kept k = kept_of(run);
    const tw_sweeps *sweeps = run->sweeps;
    double momentum = run->op->set.momentum, rows = (double)rows_of(run);
    for (int64_t c = 0; c < run->op->extent.channels; c++) {
        double mean = sweeps->get(state[MEAN], c), variance = sweeps->get(state[VARIANCE], c);
        double fresh = k.deviation[c] / (rows > 1 ? rows - 1 : 1);
        sweeps->set(state[MEAN], c, (1 - momentum) * mean + momentum * k.mean[c]);
        sweeps->set(state[VARIANCE], c, (1 - momentum) * variance + momentum * fresh);
    }
}

/* ---- Backward ----
 * With m rows, d = x - mean, s = 1 / sqrt(variance + eps):
 *     dbias = sum dy    dweight = s sum dy d    dx = weight s (dy - dbias / m - d s^2 sum(dy d) / m) */

static void back_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    const tw_run *run = j->run;
    run->sweeps->normalise_back(last - first, &j->norm, j->k.slope, j->k.constant,
                                row_at(j, run->x[0], first), row_at(j, run->dy, first),
                                row_at(j, run->dx, first));
}

static tw_status backward(const tw_run *run) {
    job j = job_of(run);
    const tw_sweeps *sweeps = run->sweeps;
    double rows = (double)rows_of(run);
    j.norm.shift = run->w[BIAS];
    j.norm.ramp = run->masks ? run->ramp : TW_NO_RAMP;
    split(&j, gradient_chunk);
    add_chunks(&j, 0, j.k.sum);
    add_chunks(&j, 1, j.k.product);
    for (int64_t c = 0; c < j.norm.channels; c++) {
        double inverse = 1 / sqrt(j.k.deviation[c] / rows + run->op->set.epsilon);
        double scale = sweeps->get(run->w[WEIGHT], c) * inverse;
        sweeps->set(j.k.slope, c, -scale * inverse * inverse * j.k.product[c] / rows);
        sweeps->set(j.k.constant, c, -scale * j.k.sum[c] / rows);
        if (run->dw[WEIGHT]) sweeps->set(run->dw[WEIGHT], c, j.k.product[c] * inverse);
        if (run->dw[BIAS]) sweeps->set(run->dw[BIAS], c, j.k.sum[c]);
    }
    if (run->dx) split(&j, back_chunk);
    return TW_OK;
}

static const tw_field fields[] = {{TW_FIELD_DECIMAL, "eps", "a small number, like 1e-5",
                                   offsetof(tw_settings, epsilon), .least = 0, .most = 1},
                                  {TW_FIELD_DECIMAL, "momentum", "the share of each batch, from 0 to 1",
                                   offsetof(tw_settings, momentum), .least = 0, .most = 1},
                                  {0}};

const tw_layer tw_layer_batchnorm = {
    .name = "batchnorm",
    .summary = "each channel with mean 0 and variance 1, then scaled and shifted: eps (1e-5), momentum (0.1)",
    .forward_formula = "y = weight (x - mean) / sqrt(variance + eps) + bias",
    .backward_formula =
        "dx = weight s (dy - mean(dy) - d s^2 mean(dy d)), d = x - mean, s = 1 / sqrt(variance + eps)",
    .inputs = 1,
    .fields = fields,
    .defaults = {.epsilon = 1e-5, .momentum = 0.1},
    .in_place = true,
    .reads_x = true,
    .merges = true,
    .transmits = true,
    .infer = infer,
    .kept_bytes = kept_bytes,
    .forward = forward,
    .backward = backward,
    .settle = settle,
    .affine = affine,
};

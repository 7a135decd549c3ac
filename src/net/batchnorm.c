/* Batch norm (Ioffe and Szegedy, arXiv:1502.03167): each channel with mean 0 and variance 1 over the batch,
 * then scaled and shifted by its two parameters. In use, the running mean and variance of training stand in.
 *
 *     y = weight (x - mean) / sqrt(variance + eps) + bias
 *     running = (1 - momentum) running + momentum batch      (the variance with m / (m - 1), as others do)
 *
 * Sums go in chunks of CHUNK pixels, their results added in order: the same for any number of threads. */
#include <math.h>
#include <stddef.h>

#include "base/checked.h"
#include "base/fail.h"
#include "net/split.h"

enum { CHUNK = 256, WEIGHT = 0, BIAS, MEAN, VARIANCE, ROLES };

/* The layout of `kept`. */
typedef struct kept {
    double *partial;          /* [2][chunks][channels] */
    double *mean, *deviation; /* [channels]: of this batch; deviation: sum of squares around the mean */
    void *means, *scale, *shift, *slope; /* [channels] of the runner's type */
} kept;

static int64_t rows_of(const tw_run *run) {
    return run->count * run->op->extent.pixels;
}

static kept kept_of(const tw_run *run) {
    int64_t channels = run->op->extent.channels;
    size_t line = (size_t)channels * run->size;
    kept k = {.mean = run->kept};
    k.deviation = k.mean + channels;
    char *reals = (char *)(k.deviation + channels);
    k.means = reals;
    k.scale = reals + line;
    k.shift = reals + 2 * line;
    k.slope = reals + 3 * line;
    k.partial = (double *)(void *)(reals + tw_round_up((int64_t)(4 * line), (int64_t)sizeof(double)));
    return k;
}

static tw_status kept_bytes(const tw_op *op, int64_t count, size_t size, bool trains, size_t *bytes) {
    int64_t rows, numbers;
    (void)size; /* as if all were double */
    if (!tw_mul(op->extent.pixels, count, &rows) ||
        !tw_mul(trains ? 2 * tw_ceil_div(rows, CHUNK) + 7 : 7, op->extent.channels, &numbers) ||
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
    bool centred; /* forward: the second sum */
} job;

static const void *row_at(const job *j, const void *values, int64_t row) {
    return (const char *)values + (size_t)(row * j->run->op->extent.channels) * j->run->size;
}

static void sum_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    const tw_run *run = j->run;
    int64_t channels = run->op->extent.channels;
    double *sum = j->k.partial + first / CHUNK * channels;
    const void *x = row_at(j, run->x[0], first);
    if (j->centred)
        run->sweeps->squares(last - first, channels, x, j->k.means, sum);
    else
        run->sweeps->sum(last - first, channels, x, sum);
}

static void gradient_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    const tw_run *run = j->run;
    int64_t channels = run->op->extent.channels, chunks = tw_ceil_div(rows_of(run), CHUNK);
    double *sum = j->k.partial + first / CHUNK * channels;
    const void *dy = row_at(j, run->dy, first);
    run->sweeps->sum(last - first, channels, dy, sum);
    run->sweeps->products(last - first, channels, row_at(j, run->x[0], first), j->k.means, dy,
                          sum + chunks * channels);
}

/* The chunks' sums, in order, into the first chunk's. */
static void add_chunks(double *partial, int64_t chunks, int64_t channels) {
    for (int64_t i = 1; i < chunks; i++)
        for (int64_t c = 0; c < channels; c++) partial[c] += partial[i * channels + c];
}

static void split(const tw_run *run, void (*body)(const void *, int64_t, int64_t), const job *j) {
    tw_split(run, rows_of(run), CHUNK, run->count * run->op->extent.count, body, j);
}

/* ---- Forward ---- */

static void normalise_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    tw_norm norm = {j->run->op->extent.channels, j->k.means, j->k.scale, j->k.shift};
    j->run->sweeps->normalise(last - first, &norm, row_at(j, j->run->x[0], first),
                              (void *)row_at(j, j->run->y, first));
}

/* Mean and variance of this batch. */
static void measure(job *j) {
    const tw_run *run = j->run;
    int64_t channels = run->op->extent.channels, rows = rows_of(run), chunks = tw_ceil_div(rows, CHUNK);
    split(run, sum_chunk, j);
    add_chunks(j->k.partial, chunks, channels);
    for (int64_t c = 0; c < channels; c++) {
        j->k.mean[c] = j->k.partial[c] / (double)rows;
        run->sweeps->set(j->k.means, c, j->k.mean[c]);
    }
    j->centred = true;
    split(run, sum_chunk, j);
    add_chunks(j->k.partial, chunks, channels);
    for (int64_t c = 0; c < channels; c++) j->k.deviation[c] = j->k.partial[c];
}

static tw_status forward(const tw_run *run) {
    job j = {run, kept_of(run), false};
    const tw_sweeps *sweeps = run->sweeps;
    if (run->training) measure(&j);
    for (int64_t c = 0; c < run->op->extent.channels; c++) {
        double variance =
            run->training ? j.k.deviation[c] / (double)rows_of(run) : sweeps->get(run->w[VARIANCE], c);
        if (!run->training) sweeps->set(j.k.means, c, sweeps->get(run->w[MEAN], c));
        sweeps->set(j.k.scale, c, sweeps->get(run->w[WEIGHT], c) / sqrt(variance + run->op->set.epsilon));
        sweeps->set(j.k.shift, c, sweeps->get(run->w[BIAS], c));
    }
    split(run, normalise_chunk, &j);
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
    tw_norm norm = {run->op->extent.channels, j->k.means, j->k.scale, j->k.shift};
    run->sweeps->normalise_back(last - first, &norm, j->k.slope, row_at(j, run->x[0], first),
                                row_at(j, run->dy, first), (void *)row_at(j, run->dx, first));
}

static tw_status backward(const tw_run *run) {
    job j = {run, kept_of(run), false};
    const tw_sweeps *sweeps = run->sweeps;
    int64_t channels = run->op->extent.channels, chunks = tw_ceil_div(rows_of(run), CHUNK);
    double rows = (double)rows_of(run), *sums = j.k.partial, *products = sums + chunks * channels;
    split(run, gradient_chunk, &j);
    add_chunks(sums, chunks, channels);
    add_chunks(products, chunks, channels);
    for (int64_t c = 0; c < channels; c++) {
        double inverse = 1 / sqrt(j.k.deviation[c] / rows + run->op->set.epsilon);
        double scale = sweeps->get(run->w[WEIGHT], c) * inverse;
        sweeps->set(j.k.slope, c, -scale * inverse * inverse * products[c] / rows);
        sweeps->set(j.k.shift, c, -scale * sums[c] / rows);
        if (run->dw[WEIGHT]) sweeps->set(run->dw[WEIGHT], c, products[c] * inverse);
        if (run->dw[BIAS]) sweeps->set(run->dw[BIAS], c, sums[c]);
    }
    if (run->dx) split(run, back_chunk, &j);
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
    .transmits = true,
    .infer = infer,
    .kept_bytes = kept_bytes,
    .forward = forward,
    .backward = backward,
    .settle = settle,
    .affine = affine,
};

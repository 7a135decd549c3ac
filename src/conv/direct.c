/* The direct algorithm: the sums of the definition, in another order, over the tile kernel. Forward and
 * backward data are sweeps (sweep.h), the weights' gradient stands in gradient.h. Takes every geometry whose
 * padded image is of a reasonable size where padding repeats the input. */
#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/fold.h"
#include "conv/gradient.h"
#include "conv/sweep.h"

/* What a plan keeps for one pass. */
typedef struct direct {
    tw_sweep sweep; /* forward, backward data */
    tw_fold fold;   /* backward data where padding repeats the input: the sweep leads to a padded image */
    tw_gradient gradient; /* backward weights */
    int64_t padded;       /* numbers of the padded image, 0: no fold */
} direct;

/* Whether the padded image is large and out of all proportion: zeros are never stored, repetitions are. */
static const char *declines(const tw_problem *problem, tw_pass pass) {
    enum { MOST = 1 << 24 }; /* numbers */
    (void)pass;
    const tw_shape *s = &problem->shape;
    int64_t numbers = s->in_channels;
    bool absurd = false;
    if (s->geometry.pad_mode == TW_PAD_ZEROS) return NULL;
    for (int a = 0; a < TW_AXES; a++) {
        int64_t padded = (s->out[a] - 1) * s->stride[a] + (s->kernel[a] - 1) * s->dilation[a] + 1;
        absurd |= padded / 16 > s->in[a] + s->out[a] + 64;
        if (!tw_mul(numbers, padded, &numbers)) numbers = INT64_MAX / padded;
    }
    return absurd && numbers > MOST ? "the padding is many times larger than the image, and repeats it"
                                    : NULL;
}

/* The products that tiles make for one pixel of the weights' gradient with few input channels (gradient.c):
 * in vectors of output channels, which are staged where they are not whole or more than a tile has, or in
 * vectors of a row's taps, where these are neighbours and fit a tile. Else a tile has no more rows than input
 * channels. */
static double few_products(const tw_shape *s) {
    enum { LANES = 16, WIDEST = 64, LEAST_ROWS = 6, ROUNDING = 16 };
    const int64_t taps = s->kernel[TW_WIDTH], in = s->group_in, out = s->group_out;
    const int64_t filled = tw_round_up(out, LANES), row = tw_round_up(taps * in, LANES);
    const bool joined = s->dilation[TW_WIDTH] == 1;
    const double rows = (double)(s->kernel_taps / taps);
    const bool staged = s->geometry.layout == TW_NHWC && (filled > out || out > WIDEST);
    double products = rows * (double)(taps * (joined ? in : tw_max(in, LEAST_ROWS)) * filled);
    if (staged) products += (double)(ROUNDING * filled);
    if (joined && row <= WIDEST) products = fmin(products, rows * (double)(row * out));
    return products;
}

/* A pixel of the weights' gradient: the products of the fullest tiles, in vectors as wide as most are; and
 * with few input channels, whose products are few, what it takes to stage the taps of a row as one, more
 * where dy is turned (least times on Zen 5, AVX-512, 1 to 12 channels; beside them those of `cost` in
 * dots.c). */
static double gradient_cost(const tw_shape *s) {
    enum { LANES = 16, STAGING = 480, STAGING_ROW = 450, TURNING_X = 160 };
    const double turned = s->group_out <= LANES ? 1.3 : 1.1,
                 pixels = (double)s->out_pixels * (double)s->groups;
    double pixel = (double)(s->kernel_taps * tw_round_up(s->group_in, LANES) * s->group_out);
    if (s->group_in <= TW_FEW_CHANNELS) {
        pixel = fmin(pixel, few_products(s));
        if (s->geometry.layout == TW_NCHW && s->groups == 1)
            pixel = turned * pixel + (double)(TW_TURNING * s->group_out + TURNING_X);
        pixel += s->kernel_taps == s->kernel[TW_WIDTH] ? STAGING_ROW : STAGING;
    }
    return pixel * pixels;
}

/* The products, and what vectors waste that a group's channels cannot fill: as many lanes as most have. With
 * channels first a vector of pixels fills itself. */
static double cost(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    enum { LANES = 16 };
    double products = (double)s->out_image * (double)s->group_in * (double)s->kernel_taps;
    int64_t written = pass == TW_FORWARD ? s->group_out : s->group_in;
    if (pass == TW_BACKWARD_WEIGHTS) return gradient_cost(s);
    if (s->geometry.layout == TW_NHWC && written > LANES)
        products *= (double)tw_round_up(written, LANES) / (double)written;
    return products * LANES / (double)tw_min(LANES, tw_max(s->group_in, s->group_out));
}

static bool folds(const tw_problem *problem, tw_pass pass) {
    return pass == TW_BACKWARD_DATA && problem->shape.geometry.pad_mode != TW_PAD_ZEROS;
}

static void release(void *state) {
    direct *d = state;
    tw_sweep_free(&d->sweep);
    tw_fold_free(&d->fold);
    tw_gradient_free(&d->gradient);
    tw_free(d);
}

static tw_status fill(direct *d, const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (pass == TW_BACKWARD_WEIGHTS) return tw_gradient_create(&d->gradient, problem);
    bool back = pass == TW_BACKWARD_DATA;
    tw_sweep_spec spec = {.problem = problem,
                          .backward = back,
                          .mode = back ? TW_PAD_ZEROS : s->geometry.pad_mode,
                          .to_layout = s->geometry.layout,
                          .images = tw_max(1, s->batch)};
    for (int a = 0; a < TW_AXES; a++) spec.pad[a] = s->pad[a], spec.to[a] = back ? s->in[a] : s->out[a];
    if (folds(problem, pass)) {
        tw_status status = tw_fold_create(&d->fold, problem);
        if (status) return status;
        d->padded = s->in_channels;
        for (int a = 0; a < TW_AXES; a++) {
            spec.pad[a] = 0, spec.to[a] = d->fold.padded[a];
            if (!tw_mul(d->padded, spec.to[a], &d->padded)) return tw_fail(TW_ERROR_OVERFLOW, "padded input");
        }
        spec.to_layout = TW_NHWC, spec.images = 1;
    }
    return tw_sweep_create(&d->sweep, &spec);
}

static tw_status prepare(const tw_problem *problem, tw_pass pass, void **state) {
    direct *d = tw_alloc_zero(1, sizeof *d);
    tw_status status = d ? fill(d, problem, pass) : TW_ERROR_MEMORY;
    if (status && d) {
        release(d);
        d = NULL;
    }
    *state = d;
    return status;
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    const direct *d = state;
    if (pass == TW_BACKWARD_WEIGHTS) return tw_gradient_workspace(&d->gradient, threads);
    int64_t bytes = tw_sweep_workspace(&d->sweep, threads), padded;
    if (!tw_mul(d->padded, (int64_t)tw_type_size(problem->type), &padded) || padded > INT64_MAX / 2 ||
        !tw_add(bytes, tw_round_up(padded, TW_ALIGNMENT), &bytes))
        return INT64_MAX;
    return bytes;
}

static int64_t packed_bytes(const tw_problem *problem, tw_pass pass, const void *state) {
    (void)problem;
    return pass == TW_BACKWARD_WEIGHTS ? 0 : tw_sweep_packed_bytes(&((const direct *)state)->sweep);
}

static void pack(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads) {
    (void)pass;
    tw_sweep_pack(&((const direct *)state)->sweep, problem->loops, w, packed, threads);
}

static bool reads_w(tw_pass pass, const void *state) {
    const direct *d = state;
    return pass != TW_BACKWARD_WEIGHTS && d->padded == 0 && d->sweep.reads_w;
}

/* Image by image: to the padded image, and folded from there. */
static void run_folded(const direct *d, const tw_job *job, tw_sweep_run sweep) {
    const tw_shape *s = &job->problem->shape;
    int64_t size = (int64_t)tw_type_size(job->problem->type);
    sweep.to = job->workspace;
    sweep.workspace = (char *)job->workspace + tw_round_up(d->padded * size, TW_ALIGNMENT);
    for (int64_t image = 0; image < s->batch; image++) {
        sweep.from = (const char *)job->dy + image * s->out_image * size;
        tw_sweep_execute(&sweep);
        tw_fold_image(&d->fold, sweep.to, (char *)job->dx + image * s->in_image * size, job->threads);
    }
}

static void run(const tw_job *job) {
    const direct *d = job->state;
    int64_t batch = job->problem->shape.batch; /* at most what was planned for */
    if (job->pass == TW_BACKWARD_WEIGHTS) {
        tw_gradient gradient = tw_gradient_shrunk(&d->gradient, batch);
        tw_gradient_execute(&gradient, job);
        return;
    }
    tw_sweep shrunk = tw_sweep_shrunk(&d->sweep, folds(job->problem, job->pass) ? 1 : batch);
    bool back = job->pass == TW_BACKWARD_DATA;
    tw_sweep_run sweep = {.sweep = &shrunk,
                          .loops = job->problem->loops,
                          .from = back ? job->dy : job->x,
                          .packed = job->packed,
                          .w = job->w,
                          .bias = job->bias,
                          .to = back ? job->dx : job->y,
                          .workspace = job->workspace,
                          .ramp = job->ramp,
                          .threads = job->threads};
    if (folds(job->problem, job->pass))
        run_folded(d, job, sweep);
    else
        tw_sweep_execute(&sweep);
}

static bool ramps(const tw_problem *problem, tw_pass pass, const void *state) {
    return !folds(problem, pass) && tw_sweep_ramps(&((const direct *)state)->sweep);
}

const tw_algorithm tw_algorithm_direct = {
    .name = "direct",
    .reason = "the direct sum over the tile kernel: exact in order, any geometry",
    .declines = declines,
    .cost = cost,
    .prepare = prepare,
    .release = release,
    .workspace = workspace,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .reads_w = reads_w,
    .run = run,
    .ramps = ramps,
    .sums_dy = true,
};

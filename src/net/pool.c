/* Pools: maxpool, avgpool, globalavgpool. The window is a geometry without weights: each channel its own
 * group. Padding is smaller than the kernel, so every window holds a pixel. Rows that do not fill a window
 * are left out (no "ceil"). avgpool divides by the pixels that are there; `countpad` makes it divide by the
 * whole window. */
#include <stddef.h>

#include "base/checked.h"
#include "base/fail.h"
#include "net/split.h"

static tw_status infer_window(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    tw_settings said = op->set;
    if (!op->set.stride.given) op->set.stride = op->set.kernel;
    tw_status status = tw_window(op, in, in->channels, in->channels, false);
    op->set = said;
    if (status) return status;
    const tw_geometry *g = &op->shape.geometry;
    for (int a = 0; a < g->spatial; a++)
        if (tw_max(g->pad_begin[a], g->pad_end[a]) >= g->kernel[a])
            return tw_fail(TW_ERROR_ARGUMENT,
                           "padding %lld of dimension %d; expected less than the kernel's %lld",
                           (long long)tw_max(g->pad_begin[a], g->pad_end[a]), a, (long long)g->kernel[a]);
    if (op->shape.kernel_taps > INT32_MAX)
        return tw_fail(TW_ERROR_LIMIT, "a window of %lld pixels; expected fewer than 2^31",
                       (long long)op->shape.kernel_taps);
    tw_geometry_sizes sizes;
    if ((status = tw_geometry_count(g, &sizes))) return status;
    op->flops = sizes.taps;
    return TW_OK;
}

/* ---- Forward: chunks of output rows ---- */

typedef struct pool_job {
    const tw_run *run;
    tw_pool pool;
    void *taps;
} pool_job;

/* Bytes of a tap's number. */
static int tap_bytes(const tw_shape *s) {
    return s->kernel_taps <= 256 ? 1 : 4;
}

static pool_job job_of(const tw_run *run) {
    const tw_shape *s = &run->op->shape;
    enum { NEAR = 1 << 20 }; /* bytes that a second-level cache holds */
    pool_job job = {.run = run, .pool = {.channels = s->in_channels, .countpad = run->op->set.countpad}};
    job.pool.fetches = run->count * s->in_image > NEAR / (int64_t)run->size;
    job.pool.tap_bytes = tap_bytes(s);
    for (int a = 0; a < TW_AXES; a++) {
        job.pool.in[a] = s->in[a];
        job.pool.out[a] = s->out[a];
        job.pool.kernel[a] = s->kernel[a];
        job.pool.stride[a] = s->stride[a];
        job.pool.pad[a] = s->pad[a];
    }
    return job;
}

static void max_rows(const void *context, int64_t first, int64_t last) {
    const pool_job *job = context;
    job->run->sweeps->maxpool(&job->pool, first, last, job->run->x[0], job->run->y, job->taps);
}

static void avg_rows(const void *context, int64_t first, int64_t last) {
    const pool_job *job = context;
    job->run->sweeps->avgpool(&job->pool, first, last, job->run->x[0], job->run->y);
}

/* `rows` rows of `row` numbers, in chunks. No sum crosses a row, so they may be as long as the threads let
 * them: within one the next row's lines are fetched ahead. */
static void split_rows(const tw_run *run, int64_t rows, int64_t row,
                       void (*body)(const void *, int64_t, int64_t), const pool_job *job) {
    enum { LEAST = 8192, EACH = 16 }; /* numbers of a chunk; chunks of a thread */
    int64_t chunk = tw_max(LEAST / row, rows / (EACH * (int64_t)run->threads));
    tw_split(run, rows, chunk, run->count * run->op->shape.in_image, body, job);
}

static tw_status forward_rows(const tw_run *run, void (*body)(const void *, int64_t, int64_t)) {
    const tw_shape *s = &run->op->shape;
    int64_t rows = run->count * s->out[TW_DEPTH] * s->out[TW_HEIGHT];
    int64_t row = s->out[TW_WIDTH] * s->out_channels;
    pool_job job = job_of(run);
    job.taps = run->training ? run->kept : NULL;
    if (!job.taps) job.pool.tap_bytes = 0;
    job.pool.streams = tw_streams(run, run->y, run->count * s->out_image, s->out_channels);
    split_rows(run, rows, row, body, &job);
    return TW_OK;
}

static tw_status max_forward(const tw_run *run) {
    return forward_rows(run, max_rows);
}

static tw_status avg_forward(const tw_run *run) {
    return forward_rows(run, avg_rows);
}

/* ---- Backward: chunks of rows of the input's gradient ---- */

static void max_rows_back(const void *context, int64_t first, int64_t last) {
    const pool_job *job = context;
    job->run->sweeps->maxpool_back(&job->pool, first, last, job->run->kept, job->run->dy, job->run->dx);
}

static void avg_rows_back(const void *context, int64_t first, int64_t last) {
    const pool_job *job = context;
    job->run->sweeps->avgpool_back(&job->pool, first, last, job->run->dy, job->run->dx);
}

static tw_status backward_rows(const tw_run *run, void (*body)(const void *, int64_t, int64_t)) {
    const tw_shape *s = &run->op->shape;
    int64_t rows = run->count * s->in[TW_DEPTH] * s->in[TW_HEIGHT];
    int64_t row = s->in[TW_WIDTH] * s->in_channels;
    pool_job job = job_of(run);
    job.pool.streams = tw_streams(run, run->dx, run->count * s->in_image, s->in_channels);
    if (run->dx) split_rows(run, rows, row, body, &job);
    return TW_OK;
}

static tw_status max_backward(const tw_run *run) {
    return backward_rows(run, max_rows_back);
}

static tw_status avg_backward(const tw_run *run) {
    return backward_rows(run, avg_rows_back);
}

static tw_status max_kept_bytes(const tw_op *op, int64_t count, size_t size, bool trains, size_t *bytes) {
    (void)size;
    int64_t numbers = 0;
    *bytes = 0;
    if (!trains) return TW_OK;
    if (!tw_mul(op->extent.count, count, &numbers) ||
        !tw_bytes(numbers, (size_t)tap_bytes(&op->shape), bytes))
        return tw_fail(TW_ERROR_OVERFLOW, "maxpool: more bytes than 63 bits can count");
    return TW_OK;
}

static uint64_t max_piece(const tw_run *run, uint64_t hash) {
    const uint8_t *taps = run->kept;
    const int64_t bytes = run->count * run->op->extent.count * tap_bytes(&run->op->shape);
    for (int64_t i = 0; i < bytes; i++) hash = (hash ^ taps[i]) * 0x100000001b3u;
    return hash;
}

static const tw_field max_fields[] = {
    {TW_FIELD_SIZES, NULL, "the window's size, like 2 or 3x3", offsetof(tw_settings, kernel), .least = 1},
    {TW_FIELD_SIZES, "stride", "a stride, like 2 or 2x1", offsetof(tw_settings, stride), .least = 1},
    {TW_FIELD_PADS, "pad", "padding, like 1, 1x2, 0,1 (begin, end) or same", offsetof(tw_settings, pad),
     .least = 0},
    {0}};

const tw_layer tw_layer_maxpool = {
    .name = "maxpool",
    .summary = "largest of each window: size, stride (the size), pad",
    .forward_formula = "y[h] = max_k x[h * stride + k - pad]",
    .backward_formula = "dx = dy at the first largest of each window, else 0",
    .inputs = 1,
    .fields = max_fields,
    .transmits = true,
    .infer = infer_window,
    .kept_bytes = max_kept_bytes,
    .forward = max_forward,
    .backward = max_backward,
    .piece = max_piece,
};

static const tw_field avg_fields[] = {
    {TW_FIELD_SIZES, NULL, "the window's size, like 2 or 3x3", offsetof(tw_settings, kernel), .least = 1},
    {TW_FIELD_SIZES, "stride", "a stride, like 2 or 2x1", offsetof(tw_settings, stride), .least = 1},
    {TW_FIELD_PADS, "pad", "padding, like 1, 1x2, 0,1 (begin, end) or same", offsetof(tw_settings, pad),
     .least = 0},
    {TW_FIELD_FLAG, "countpad", "nothing", offsetof(tw_settings, countpad), .least = 0},
    {0}};

const tw_layer tw_layer_avgpool = {
    .name = "avgpool",
    .summary = "mean of each window: size, stride (the size), pad, countpad",
    .forward_formula = "y[h] = mean_k x[h * stride + k - pad]",
    .backward_formula = "dx = the sum, over the windows that hold the pixel, of dy / pixels of the window",
    .inputs = 1,
    .fields = avg_fields,
    .transmits = true,
    .infer = infer_window,
    .forward = avg_forward,
    .backward = avg_backward,
};

/* ---- The whole image as one window ---- */

static tw_status infer_global(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    if (in->spatial == 0)
        return tw_fail(TW_ERROR_SHAPE, "what reaches it is flat (%lld numbers); expected an image",
                       (long long)in->count);
    op->shape.in_pixels = in->pixels;
    op->shape.in_image = in->count;
    op->extent = tw_extent_flat(in->channels);
    op->flops = in->count;
    return TW_OK;
}

static void global_images(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    const tw_shape *s = &run->op->shape;
    int64_t channels = run->op->extent.count;
    for (int64_t i = first; i < last; i++)
        run->sweeps->globalavg(s->in_pixels, channels,
                               (const char *)run->x[0] + (size_t)(i * s->in_image) * run->size,
                               (char *)run->y + (size_t)(i * channels) * run->size);
}

static void global_images_back(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    const tw_shape *s = &run->op->shape;
    int64_t channels = run->op->extent.count;
    for (int64_t i = first; i < last; i++)
        run->sweeps->globalavg_back(s->in_pixels, channels,
                                    (const char *)run->dy + (size_t)(i * channels) * run->size,
                                    (char *)run->dx + (size_t)(i * s->in_image) * run->size);
}

static tw_status global_forward(const tw_run *run) {
    int64_t image = run->op->shape.in_image;
    tw_split(run, run->count, 16384 / image, run->count * image, global_images, run);
    return TW_OK;
}

static tw_status global_backward(const tw_run *run) {
    int64_t image = run->op->shape.in_image;
    if (run->dx) tw_split(run, run->count, 16384 / image, run->count * image, global_images_back, run);
    return TW_OK;
}

static const tw_field no_fields[] = {{0}};

const tw_layer tw_layer_globalavgpool = {
    .name = "globalavgpool",
    .summary = "mean of each channel over the whole image",
    .forward_formula = "y = mean over all pixels of x",
    .backward_formula = "dx = dy / pixels",
    .inputs = 1,
    .fields = no_fields,
    .transmits = true,
    .infer = infer_global,
    .forward = global_forward,
    .backward = global_backward,
};

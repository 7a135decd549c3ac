/* Depthwise convolution: every output channel reads one input channel. There is no sum over channels to
 * block, so a channel is a lane: weights and pixels are vectors over channels, and a tile of output pixels
 * lives in registers.
 *
 * Forward and backward data are the same walk (see axis.h): over images, chunks of channels and bands of
 * rows, and in them over pairs of output rows. The source rows that a pair needs are staged, each once; see
 * stage_cache.c and kernel/stencil_body.h. Any kernel size, stride, dilation and padding mode, one to three
 * dimensions, and a depth multiplier forward; a transposed convolution comes as its base.
 *
 * The order of a sum: taps by depth, row, column shift ascending, one chain of fused multiply-adds from zero;
 * the bias is added last. Zeros beyond the borders are multiplied where that is cheaper than leaving them
 * out, but never when a weight of the block is infinite or NaN. Pairs of rows and spans of columns are cut at
 * fixed places. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/depthwise.h"

enum {
    CHUNK = 64, /* channels staged in one go: four cache lines in f32, so that neighbours in memory are used
                   together */
    MOST_WORKSPACE = 1 << 28
};

/* Everything of a pass that does not change while it runs. */
typedef struct depthwise {
    const tw_problem *problem;
    const tw_axis *axis;
    bool backward;
    size_t size;
    int64_t lanes, channels; /* of the destination, which has as many as there are lanes to fill */
    int64_t blocks, chunk;   /* blocks in all, and of a chunk */
    int64_t to_pixels, from_image, to_image;
    tw_stage_cache cache; /* the shape of a worker's caches */
    int64_t most_rows;    /* rows of taps */
} depthwise;

static depthwise describe(const tw_problem *problem, const tw_axis *axis, bool backward) {
    const tw_shape *s = &problem->shape;
    int64_t lanes = problem->loops->lanes;
    depthwise d = {
        .problem = problem,
        .axis = axis,
        .backward = backward,
        .size = tw_type_size(problem->type),
        .lanes = lanes,
        .channels = backward ? s->in_channels : s->out_channels,
        .chunk = tw_max(1, CHUNK / lanes),
        .to_pixels = backward ? s->in_pixels : s->out_pixels,
        .from_image = backward ? s->out_image : s->in_image,
        .to_image = backward ? s->in_image : s->out_image,
        .most_rows = axis[TW_DEPTH].most * axis[TW_HEIGHT].most,
    };
    d.blocks = tw_ceil_div(d.channels, lanes);
    const int64_t *extent = backward ? s->out : s->in;
    const tw_axis *x = &axis[TW_WIDTH], *y = &axis[TW_HEIGHT], *z = &axis[TW_DEPTH];
    int64_t last_column = (tw_axis_count(x, 0) - 1) * x->in_step + x->last;
    d.cache = (tw_stage_cache){
        .shape = s,
        .loops = problem->loops,
        .mode = backward ? TW_PAD_ZEROS : s->geometry.pad_mode,
        .size = d.size,
        .layout = s->geometry.layout,
        .channels = backward ? s->out_channels : s->in_channels,
        .pixels = backward ? s->out_pixels : s->in_pixels,
        .extent = {extent[0], extent[1], extent[2]},
        .repeat = backward ? 1 : s->group_out,
        .from = x->least,
        .width = last_column - x->least + 1,
        .depths = tw_stage_slots(z->last - z->least + 1),
        .rows = tw_stage_slots(y->last - y->least + y->in_step + 1),
    };
    return d;
}

/* A worker's part of the workspace. */
typedef struct worker_parts {
    int64_t caches, one_cache, zeros, rows, values, bias, all;
} worker_parts;

static bool lay(const depthwise *d, worker_parts *p) {
    int64_t row = d->cache.width * d->lanes * (int64_t)d->size;
    int64_t columns = tw_axis_count(&d->axis[TW_WIDTH], 0) * d->lanes * (int64_t)d->size;
    p->one_cache = tw_stage_bytes(&d->cache);
    if (p->one_cache > MOST_WORKSPACE || row > MOST_WORKSPACE || columns > MOST_WORKSPACE) return false;
    p->one_cache = tw_round_up(p->one_cache, TW_ALIGNMENT);
    p->zeros = d->chunk * p->one_cache;
    p->rows = p->zeros + tw_round_up(row, TW_ALIGNMENT);
    p->values = p->rows + tw_round_up(d->most_rows * (int64_t)sizeof(tw_stencil_row), TW_ALIGNMENT);
    p->bias = p->values + 2 * tw_round_up(columns, TW_ALIGNMENT);
    p->all = p->bias + tw_round_up(d->lanes * (int64_t)d->size, TW_ALIGNMENT);
    return p->all <= MOST_WORKSPACE;
}

/* ---- Weights: a byte for each block (are all finite?), then [block][taps z][taps y][taps x][lanes] in the
 * order of the axes' taps. */

static int64_t used_taps(const tw_axis *axis) {
    return axis->first[axis->phases];
}

static int64_t block_weights(const depthwise *d) {
    return used_taps(&d->axis[0]) * used_taps(&d->axis[1]) * used_taps(&d->axis[2]) * d->lanes;
}

static int64_t header(const depthwise *d) {
    return tw_round_up(d->blocks, TW_ALIGNMENT);
}

static double weight_of(const depthwise *d, const void *w, int64_t i) {
    return d->problem->type == TW_F32 ? (double)((const float *)w)[i] : ((const double *)w)[i];
}

static void put(const depthwise *d, void *to, int64_t i, double value) {
    if (d->problem->type == TW_F32)
        ((float *)to)[i] = (float)value;
    else
        ((double *)to)[i] = value;
}

static bool pack_block(const depthwise *d, int64_t block, const void *w, char *to) {
    const tw_shape *s = &d->problem->shape;
    bool finite = true;
    int64_t at = 0;
    for (int64_t z = 0; z < used_taps(&d->axis[0]); z++)
        for (int64_t y = 0; y < used_taps(&d->axis[1]); y++)
            for (int64_t x = 0; x < used_taps(&d->axis[2]); x++) {
                int64_t k =
                    (d->axis[0].tap[z] * s->kernel[1] + d->axis[1].tap[y]) * s->kernel[2] + d->axis[2].tap[x];
                if (s->geometry.flipped) k = s->kernel_taps - 1 - k;
                for (int64_t l = 0; l < d->lanes; l++, at++) {
                    int64_t channel = block * d->lanes + l;
                    double value = channel < d->channels ? weight_of(d, w, channel * s->kernel_taps + k) : 0;
                    finite = finite && isfinite(value);
                    put(d, to, at, value);
                }
            }
    return finite;
}

static void pack(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads) {
    (void)threads;
    depthwise d = describe(problem, state, pass == TW_BACKWARD_DATA);
    char *values = (char *)packed + header(&d);
    memset(packed, 0, (size_t)header(&d));
    for (int64_t b = 0; b < d.blocks; b++)
        ((char *)packed)[b] = pack_block(&d, b, w, values + (size_t)(b * block_weights(&d)) * d.size);
}

static int64_t packed_bytes(const tw_problem *problem, tw_pass pass, const void *state) {
    if (pass == TW_BACKWARD_WEIGHTS) return 0;
    depthwise d = describe(problem, state, pass == TW_BACKWARD_DATA);
    int64_t bytes;
    if (!tw_mul(block_weights(&d), d.blocks * (int64_t)d.size, &bytes) || !tw_add(bytes, header(&d), &bytes))
        return INT64_MAX;
    return bytes;
}

/* ---- The walk. */

typedef struct sweep {
    const tw_job *job;
    depthwise d;
    worker_parts parts;
    int64_t chunks, bands,
        band_rows; /* rows of a band, counted within a phase: even, so that pairs stay pairs */
} sweep;

/* One band of one chunk, as its worker sees it. */
typedef struct band {
    const sweep *sweep;
    char *memory;
    const char *from;
    char *to;
    int64_t z, source_z, first_z, end_z; /* output depth; where it reads, and its taps */
    int64_t block;                       /* of all blocks */
    tw_stage_cache *cache;               /* the block's */
    int used;
    bool exact;
} band;

static bool inside(const tw_axis *axis, tw_pad_mode mode, int64_t i) {
    return mode != TW_PAD_ZEROS || (i >= 0 && i < axis->from);
}

/* Collects the rows of taps that meet output rows q and q + 1 (rows 2) of phase py. */
static int64_t gather_rows(const band *b, int64_t py, int64_t q, int rows, tw_stencil_row *out) {
    const depthwise *d = &b->sweep->d;
    const tw_axis *az = &d->axis[TW_DEPTH], *ay = &d->axis[TW_HEIGHT];
    int64_t count = 0;
    int64_t row_weights = used_taps(&d->axis[TW_WIDTH]) * d->lanes;
    const char *weights =
        (const char *)b->sweep->job->packed + header(d) + (size_t)(b->block * block_weights(d)) * d->size;
    for (int64_t tz = b->first_z; tz < b->end_z; tz++) {
        int64_t source_z = b->source_z + az->shift[tz];
        if (!inside(az, b->cache->mode, source_z)) continue;
        for (int64_t ty = ay->first[py]; ty < ay->first[py + 1]; ty++) {
            tw_stencil_row row = {.weights =
                                      weights + (size_t)((tz * used_taps(ay) + ty) * row_weights) * d->size};
            bool some = false;
            for (int r = 0; r < rows; r++) {
                int64_t y = (q + r) * ay->in_step + ay->shift[ty];
                bool reads = inside(ay, b->cache->mode, y);
                row.in[r] =
                    reads ? tw_stage_row(b->cache, b->from, source_z, y) : b->memory + b->sweep->parts.zeros;
                some = some || reads;
            }
            if (some) out[count++] = row;
        }
    }
    return count;
}

/* Channels-first output: the row's values go from [column][lane] to their planes. */
static void scatter(const band *b, const char *values, int64_t pixel, int64_t step, int64_t columns) {
    const depthwise *d = &b->sweep->d;
    for (int l = 0; l < b->used; l++) {
        int64_t plane = (b->block * d->lanes + l) * d->to_pixels + pixel;
        for (int64_t q = 0; q < columns; q++)
            memcpy(b->to + (size_t)(plane + q * step) * d->size,
                   values + (size_t)(q * d->lanes + l) * d->size, d->size);
    }
}

/* Output rows at pixel0 and pixel1 (their first pixels) for each phase of columns. */
static void run_columns(const band *b, tw_stencil *stencil, const int64_t pixel[2]) {
    const depthwise *d = &b->sweep->d;
    const tw_axis *ax = &d->axis[TW_WIDTH];
    bool last = b->cache->layout == TW_NHWC;
    int64_t value_row = (b->sweep->parts.bias - b->sweep->parts.values) / 2;
    for (int64_t px = 0; px < ax->phases; px++) {
        int64_t first = ax->first[px], taps = ax->first[px + 1] - first;
        int64_t shift = taps ? ax->shift[first] : ax->least;
        stencil->taps = taps;
        stencil->weights_begin = first * d->lanes;
        stencil->in_begin = (shift - b->cache->from) * d->lanes;
        stencil->columns = tw_axis_count(ax, px);
        stencil->stride = ax->in_step;
        stencil->dilation = taps > 1 ? ax->shift[first + 1] - shift : 1;
        stencil->inside_first = b->cache->mode == TW_PAD_ZEROS ? -shift : 0;
        stencil->inside_end = b->cache->mode == TW_PAD_ZEROS ? ax->from - shift : INT64_MAX / 4;
        stencil->out_step = last ? ax->out_step * d->channels : d->lanes;
        for (int r = 0; r < stencil->rows; r++)
            stencil->out[r] =
                last ? b->to + (size_t)((pixel[r] + px) * d->channels + b->block * d->lanes) * d->size
                     : b->memory + b->sweep->parts.values + r * value_row;
        d->problem->loops->stencil.apply(stencil);
        for (int r = 0; !last && r < stencil->rows; r++)
            scatter(b, stencil->out[r], pixel[r] + px, ax->out_step, stencil->columns);
    }
}

static void run_rows(const band *b, int64_t py, int64_t q, int rows) {
    const depthwise *d = &b->sweep->d;
    const tw_axis *ay = &d->axis[TW_HEIGHT], *ax = &d->axis[TW_WIDTH];
    tw_stencil_row *list = (tw_stencil_row *)(b->memory + b->sweep->parts.rows);
    tw_stencil stencil = {
        .taps_of_rows = list,
        .count = gather_rows(b, py, q, rows, list),
        .bias = b->memory + b->sweep->parts.bias,
        .rows = rows,
        .used = b->used,
        .exact = b->exact,
    };
    int64_t pixel[2];
    for (int r = 0; r < rows; r++) pixel[r] = (b->z * ay->to + py + (q + r) * ay->out_step) * ax->to;
    run_columns(b, &stencil, pixel);
}

/* Two output rows of one phase share their weights; where zeros must not be multiplied, each goes alone. */
static void run_pair(const band *b, int64_t py, int64_t q) {
    int64_t count = tw_axis_count(&b->sweep->d.axis[TW_HEIGHT], py);
    if (q >= count) return;
    bool pair = q + 1 < count;
    if (pair && !b->exact) {
        run_rows(b, py, q, 2);
    } else {
        run_rows(b, py, q, 1);
        if (pair) run_rows(b, py, q + 1, 1);
    }
}

static void load_bias(const band *b) {
    const depthwise *d = &b->sweep->d;
    char *bias = b->memory + b->sweep->parts.bias;
    memset(bias, 0, (size_t)d->lanes * d->size);
    if (b->sweep->job->bias)
        memcpy(bias, (const char *)b->sweep->job->bias + (size_t)(b->block * d->lanes) * d->size,
               (size_t)b->used * d->size);
}

static void run_band(const sweep *s, band *b, tw_stage_cache *caches, int64_t first_block, int64_t blocks,
                     int64_t first) {
    const depthwise *d = &s->d;
    const tw_axis *az = &d->axis[TW_DEPTH];
    int64_t end = tw_min(first + s->band_rows, tw_axis_count(&d->axis[TW_HEIGHT], 0));
    for (b->z = 0; b->z < az->to; b->z++) {
        b->source_z = b->z / az->out_step * az->in_step;
        b->first_z = az->first[b->z % az->out_step], b->end_z = az->first[b->z % az->out_step + 1];
        for (int64_t q = first; q < end; q += 2)
            for (int64_t i = 0; i < blocks; i++) {
                b->block = first_block + i;
                b->cache = &caches[i];
                b->used = caches[i].used;
                b->exact = !((const char *)s->job->packed)[b->block];
                load_bias(b);
                for (int64_t py = 0; py < d->axis[TW_HEIGHT].phases; py++) run_pair(b, py, q);
            }
    }
}

static void run_task(void *context, int64_t task, int worker) {
    const sweep *s = context;
    const depthwise *d = &s->d;
    int64_t band_index = task % s->bands, chunk = task / s->bands % s->chunks,
            image = task / s->bands / s->chunks;
    band b = {.sweep = s, .memory = (char *)s->job->workspace + worker * s->parts.all};
    b.from = (const char *)(d->backward ? s->job->dy : s->job->x) + (size_t)(image * d->from_image) * d->size;
    b.to = (char *)(d->backward ? s->job->dx : s->job->y) + (size_t)(image * d->to_image) * d->size;
    memset(b.memory + s->parts.zeros, 0, (size_t)(s->parts.rows - s->parts.zeros));
    int64_t first_block = chunk * d->chunk, blocks = tw_min(d->chunk, d->blocks - first_block);
    tw_stage_cache caches[CHUNK];
    int64_t slots = d->cache.depths * d->cache.rows;
    for (int64_t i = 0; i < blocks; i++) {
        caches[i] = d->cache;
        caches[i].first = (first_block + i) * d->lanes;
        caches[i].used = (int)tw_min(d->lanes, d->channels - caches[i].first);
        caches[i].tags = (int64_t *)(b.memory + i * s->parts.one_cache);
        caches[i].lines = (char *)(caches[i].tags + tw_round_up(2 * slots, TW_ALIGNMENT / 8));
        tw_stage_reset(&caches[i]);
    }
    run_band(s, &b, caches, first_block, blocks, band_index * s->band_rows);
}

static void run_sweep(const tw_job *job) {
    sweep s = {.job = job, .d = describe(job->problem, job->state, job->pass == TW_BACKWARD_DATA)};
    lay(&s.d, &s.parts);
    s.chunks = tw_ceil_div(s.d.blocks, s.d.chunk);
    int64_t rows = tw_axis_count(&s.d.axis[TW_HEIGHT], 0), whole = job->problem->shape.batch * s.chunks;
    s.bands = whole >= 4 * job->threads || job->threads == 1 ? 1 : tw_ceil_div(4 * job->threads, whole);
    s.band_rows = tw_round_up(tw_ceil_div(rows, s.bands), 2);
    s.bands = tw_ceil_div(rows, s.band_rows);
    tw_parallel(job->threads, whole * s.bands, run_task, &s);
}

/* ---- The algorithm. */

static void run(const tw_job *job) {
    if (job->pass == TW_BACKWARD_WEIGHTS)
        tw_depthwise_weights_run(job, job->state);
    else
        run_sweep(job);
}

static void release(void *state) {
    tw_axis *axes = state;
    for (int a = 0; a < TW_AXES; a++) tw_axis_free(&axes[a]);
    tw_free(axes);
}

static tw_status prepare(const tw_problem *problem, tw_pass pass, void **state) {
    const tw_shape *s = &problem->shape;
    bool backward = pass == TW_BACKWARD_DATA;
    *state = NULL;
    tw_axis *axes = tw_alloc_zero(TW_AXES, sizeof *axes);
    if (!axes) return TW_ERROR_MEMORY;
    for (int a = 0; a < TW_AXES; a++) {
        tw_status status = tw_axis_create(&axes[a], &(tw_axis_spec){.from = backward ? s->out[a] : s->in[a],
                                                                    .to = backward ? s->in[a] : s->out[a],
                                                                    .kernel = s->kernel[a],
                                                                    .stride = s->stride[a],
                                                                    .dilation = s->dilation[a],
                                                                    .pad = s->pad[a],
                                                                    .backward = backward});
        if (status) {
            release(axes);
            return status;
        }
    }
    *state = axes;
    return TW_OK;
}

/* Positions from the first tap of an output to its last. */
static double reach(const tw_shape *s, int axis) {
    return (double)(s->kernel[axis] - 1) * (double)s->dilation[axis] + 1;
}

static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (s->group_in != 1) return "an output reads more than one input channel";
    if (pass == TW_BACKWARD_DATA && s->group_out != 1) return "several outputs read the same channel";
    if (pass == TW_BACKWARD_DATA && s->geometry.pad_mode != TW_PAD_ZEROS)
        return "gradients of repeated borders must be folded back";
    if (s->groups < 4) return "fewer than 4 channels leave most lanes empty";
    /* staged rows of a chunk in f64, as a power of two may double them, for the hungriest pass */
    double width =
        (double)s->in[TW_WIDTH] + (double)s->out[TW_WIDTH] * (double)s->stride[TW_WIDTH] + reach(s, TW_WIDTH);
    double lines = (double)tw_ceil_div(TW_DEPTHWISE_CHAIN, s->out[TW_WIDTH]) + 1;
    double rows = 2 * (reach(s, TW_HEIGHT) + lines * (double)s->stride[TW_HEIGHT]);
    double depths = 2 * (reach(s, TW_DEPTH) + 1);
    return 8.0 * CHUNK * width * rows * depths > MOST_WORKSPACE / 4
               ? "the rows of one window would not fit into a cache"
               : NULL;
}

/* Products of one image; half as many again for staging and for taps that are loaded, not kept. */
static double cost(const tw_problem *problem, tw_pass pass) {
    (void)pass;
    const tw_shape *s = &problem->shape;
    return 1.5 * (double)s->out_image * (double)s->kernel_taps;
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    if (pass == TW_BACKWARD_WEIGHTS) return tw_depthwise_weights_workspace(problem, state, threads);
    depthwise d = describe(problem, state, pass == TW_BACKWARD_DATA);
    worker_parts parts;
    return lay(&d, &parts) ? parts.all * threads : INT64_MAX;
}

const tw_algorithm tw_algorithm_depthwise = {
    .name = "depthwise",
    .reason = "one input channel for each output: a channel is a lane",
    .declines = declines,
    .cost = cost,
    .prepare = prepare,
    .release = release,
    .workspace = workspace,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
};

/* Convolution in groups of few channels, channels last: a vector holds output channels, of several groups
 * where a group is narrower than it. Such vectors would be mostly empty if each group were computed by
 * itself. For each channel that a group reads, the lanes of a pixel are permuted so that each holds the
 * channel of its own group, and the sum is a stencil (kernel/group_stencil_body.h), as for one channel
 * (depthwise.c).
 *
 * Forward and backward data are the same walk (see axis.h): over images and bands of rows, in them over pairs
 * of output rows, in these over spans of columns and all blocks. Everything is read and written where it
 * lies. Any kernel size, stride and number of dimensions, zeros at the borders, rows not dilated.
 *
 * The order of a sum: rows of taps by depth and height shift ascending, in each the channels, for each the
 * taps of the row; cut at whole rows of taps into chunks of about 256 products, each chunk one chain of fused
 * multiply-adds from zero, the chunks added to the bias one after the other. What lies beyond the borders is
 * left out, never multiplied. */
#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/ahead.h"
#include "conv/axis.h"
#include "conv/groups.h"

enum {
    CHUNK = 256,           /* products of a chain */
    MOST_ROWS = CHUNK / 2, /* rows of taps of a chunk: a group has two channels at least */
    WIDEST = 16            /* channels of a group: more fill the tiles of the direct sum */
};

/* What a plan keeps for one pass. */
typedef struct groups {
    tw_axis axis[TW_AXES];
    tw_group_blocks blocks;
    tw_stencil_phase *phases;
    void *zeros;        /* [channels written]: where there is no bias */
    int64_t chunk_rows; /* rows of taps of a chunk */
    int64_t row_weights, block_weights;
    int64_t from_channels, to_channels, from_pixels, to_pixels;
} groups;

/* ---- The plan. */

static void release(void *state) {
    groups *g = state;
    for (int a = 0; a < TW_AXES; a++) tw_axis_free(&g->axis[a]);
    tw_group_blocks_free(&g->blocks);
    tw_free(g->phases);
    tw_free(g->zeros);
    tw_free(g);
}

static tw_status make_axes(groups *g, const tw_shape *s, bool backward) {
    for (int a = 0; a < TW_AXES; a++) {
        tw_axis_spec spec = {.from = backward ? s->out[a] : s->in[a],
                             .to = backward ? s->in[a] : s->out[a],
                             .kernel = s->kernel[a],
                             .stride = s->stride[a],
                             .dilation = s->dilation[a],
                             .pad = s->pad[a],
                             .backward = backward};
        tw_status status = tw_axis_create(&g->axis[a], &spec);
        if (status) return status;
    }
    return TW_OK;
}

/* The phases of columns, the same for all rows. */
static tw_status lay_phases(groups *g) {
    const tw_axis *x = &g->axis[TW_WIDTH];
    g->phases = tw_alloc(x->phases, sizeof *g->phases);
    if (!g->phases) return TW_ERROR_MEMORY;
    for (int64_t p = 0; p < x->phases; p++) {
        int64_t first = x->first[p], taps = tw_axis_taps(x, p);
        g->phases[p] = (tw_stencil_phase){.columns = tw_axis_count(x, p),
                                          .taps = taps,
                                          .shift = taps ? x->shift[first] : 0,
                                          .dilation = 1,
                                          .width = x->from,
                                          .in_step = g->from_channels,
                                          .weights_begin = first * g->blocks.lanes,
                                          .out_begin = p * g->to_channels,
                                          .out_step = x->out_step * g->to_channels};
    }
    return TW_OK;
}

static tw_status fill(groups *g, const tw_problem *problem, bool backward) {
    const tw_shape *s = &problem->shape;
    int64_t reads = backward ? s->group_out : s->group_in, writes = backward ? s->group_in : s->group_out;
    g->from_channels = s->groups * reads, g->to_channels = s->groups * writes;
    g->from_pixels = backward ? s->out_pixels : s->in_pixels;
    g->to_pixels = backward ? s->in_pixels : s->out_pixels;
    g->chunk_rows = tw_max(1, CHUNK / (reads * s->kernel[TW_WIDTH]));
    tw_status status = make_axes(g, s, backward);
    if (status) return status;
    g->row_weights = tw_axis_used(&g->axis[TW_WIDTH]) * reads * problem->loops->lanes;
    g->block_weights = tw_axis_used(&g->axis[TW_DEPTH]) * tw_axis_used(&g->axis[TW_HEIGHT]) * g->row_weights;
    status =
        tw_group_blocks_create(&g->blocks, problem->loops->lanes, s->groups, reads, writes, g->block_weights);
    if (status) return status;
    g->zeros = tw_alloc_zero(g->to_channels, tw_type_size(problem->type));
    return g->zeros ? lay_phases(g) : TW_ERROR_MEMORY;
}

static tw_status prepare(const tw_problem *problem, tw_pass pass, void **state) {
    groups *g = tw_alloc_zero(1, sizeof *g);
    tw_status status = g ? fill(g, problem, pass == TW_BACKWARD_DATA) : TW_ERROR_MEMORY;
    if (status && g) {
        release(g);
        g = NULL;
    }
    *state = g;
    return status;
}

/* ---- Weights: [block][taps z][taps y][phase of x][channels][taps x][lanes], in the order of the axes' taps.
 */

typedef struct packing {
    const groups *g;
    const tw_problem *problem;
    bool backward;
    const void *w;
    void *packed;
} packing;

/* The weight of tap `k` with which channel `to` reads channel number `from` of its group. */
static int64_t weight_at(const packing *p, int64_t to, int64_t from, int64_t k) {
    const tw_shape *s = &p->problem->shape;
    if (s->geometry.flipped) k = s->kernel_taps - 1 - k;
    int64_t out = p->backward ? to / s->group_in * s->group_out + from : to;
    int64_t in = p->backward ? to % s->group_in : from;
    return (out * s->group_in + in) * s->kernel_taps + k;
}

/* All channels of one block at one tap: `to` numbers apart. */
static void pack_tap(const packing *p, const tw_stencil_block *block, int64_t k, int64_t apart, int64_t at) {
    for (int64_t c = 0; c < p->g->blocks.reads; c++, at += apart)
        for (int64_t l = 0; l < p->g->blocks.lanes; l++) {
            int64_t from = l < block->used ? weight_at(p, block->out + l, c, k) : -1;
            if (p->problem->type == TW_F32)
                ((float *)p->packed)[at + l] = from < 0 ? 0 : ((const float *)p->w)[from];
            else
                ((double *)p->packed)[at + l] = from < 0 ? 0 : ((const double *)p->w)[from];
        }
}

static void pack_block(void *context, int64_t task, int worker) {
    const packing *p = context;
    const groups *g = p->g;
    const tw_stencil_block *block = &g->blocks.block[task];
    const int64_t *kernel = p->problem->shape.kernel, lanes = g->blocks.lanes;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT], *ax = &g->axis[TW_WIDTH];
    int64_t row = block->weights;
    (void)worker;
    for (int64_t z = 0; z < tw_axis_used(az); z++)
        for (int64_t y = 0; y < tw_axis_used(ay); y++, row += g->row_weights)
            for (int64_t p_x = 0; p_x < ax->phases; p_x++)
                for (int64_t x = ax->first[p_x]; x < ax->first[p_x + 1]; x++) {
                    int64_t taps = tw_axis_taps(ax, p_x);
                    int64_t k = (az->tap[z] * kernel[TW_HEIGHT] + ay->tap[y]) * kernel[TW_WIDTH] + ax->tap[x];
                    int64_t at = ax->first[p_x] * g->blocks.reads + x - ax->first[p_x];
                    pack_tap(p, block, k, taps * lanes, row + at * lanes);
                }
}

static void pack(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads) {
    packing p = {
        .g = state, .problem = problem, .backward = pass == TW_BACKWARD_DATA, .w = w, .packed = packed};
    tw_parallel(threads, p.g->blocks.count, pack_block, &p);
}

static int64_t packed_bytes(const tw_problem *problem, tw_pass pass, const void *state) {
    const groups *g = state;
    int64_t bytes;
    if (pass == TW_BACKWARD_WEIGHTS) return 0;
    return tw_mul(g->block_weights, g->blocks.count * (int64_t)tw_type_size(problem->type), &bytes)
               ? bytes
               : INT64_MAX;
}

/* ---- The walk. */

typedef struct walk {
    const tw_job *job;
    const groups *g;
    int64_t size;
    int64_t bands, band_rows; /* rows of a band, counted within a phase: even, so that pairs stay pairs */
    int64_t parts;            /* of the blocks */
    bool far, streams;        /* rows are fetched ahead; what is written goes past the caches */
} walk;

/* Two output rows, or one, of one image, phase and depth; and the chunk's rows of taps t0 .. t1 - 1. */
typedef struct pair {
    const walk *w;
    const char *from;
    char *to;
    int64_t first_block, blocks;
    int64_t z, phase, q;
    int rows;
    int64_t t0, t1;
} pair;

/* The rows that the pair's rows of taps meet in one depth, ascending: those of the two output rows, merged.
 */
static int64_t gather_depth(const pair *p, int64_t tz, int64_t begin, int64_t end, tw_stencil_row *out) {
    const groups *g = p->w->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    int64_t z = p->z / az->out_step * az->in_step + az->shift[tz], count = 0;
    if (z < 0 || z >= az->from) return 0;
    const char *weights =
        (const char *)p->w->job->packed + tz * tw_axis_used(ay) * g->row_weights * p->w->size;
    int64_t tap[2] = {begin, p->rows > 1 ? begin : end};
    while (tap[0] < end || tap[1] < end) {
        int64_t y[2];
        for (int r = 0; r < 2; r++)
            y[r] = tap[r] < end ? (p->q + r) * ay->in_step + ay->shift[tap[r]] : INT64_MAX;
        int64_t least = tw_min(y[0], y[1]);
        tw_stencil_row row = {0};
        for (int r = 0; r < 2; r++)
            if (y[r] == least) row.weights[r] = weights + tap[r]++ * g->row_weights * p->w->size;
        if (least < 0 || least >= ay->from) continue;
        row.in = p->from + (z * ay->from + least) * g->axis[TW_WIDTH].from * g->from_channels * p->w->size;
        out[count++] = row;
    }
    return count;
}

static int64_t gather(const pair *p, tw_stencil_row *out) {
    const groups *g = p->w->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    int64_t taps = tw_axis_taps(ay, p->phase), first = ay->first[p->phase], count = 0;
    int64_t first_z = az->first[p->z % az->out_step];
    for (int64_t t = p->t0, end; t < p->t1; t = end) {
        end = tw_min(p->t1, (t / taps + 1) * taps);
        count +=
            gather_depth(p, first_z + t / taps, first + t % taps, first + (end - 1) % taps + 1, out + count);
    }
    return count;
}

static void run_chunk(const pair *p) {
    const groups *g = p->w->g;
    const tw_job *job = p->w->job;
    const tw_axis *ay = &g->axis[TW_HEIGHT], *ax = &g->axis[TW_WIDTH];
    tw_stencil_row list[2 * MOST_ROWS];
    tw_stencil_groups stencil = {.of = {.source = list,
                                        .count = gather(p, list),
                                        .phases = g->phases,
                                        .phase_count = ax->phases,
                                        .stride = ax->in_step,
                                        .blocks = p->blocks,
                                        .rows = p->rows,
                                        .fetch = p->w->far ? (ay->phases == 2 ? 1 : 2) * ay->in_step : 0,
                                        .streams = p->w->streams},
                                 .block = g->blocks.block + p->first_block,
                                 .channels = g->blocks.reads,
                                 .picked = g->blocks.together > 1};
    if (p->t0 == 0) stencil.of.bias = job->bias ? job->bias : g->zeros;
    if (p->t0 > 0 && stencil.of.count == 0) return;
    for (int r = 0; r < p->rows; r++) {
        int64_t row = p->z * ay->to + p->phase + (p->q + r) * ay->out_step;
        stencil.of.out[r] = p->to + row * ax->to * g->to_channels * p->w->size;
    }
    job->problem->loops->stencil.groups(&stencil);
}

/* All phases of rows, all chunks of the sum. */
static void run_pair(pair *p) {
    const groups *g = p->w->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    for (p->phase = 0; p->phase < ay->phases; p->phase++) {
        int64_t left = tw_axis_count(ay, p->phase) - p->q;
        if (left <= 0) continue;
        int64_t all = tw_axis_taps(az, p->z % az->out_step) * tw_axis_taps(ay, p->phase);
        p->rows = left > 1 ? 2 : 1, p->t0 = 0;
        do {
            p->t1 = tw_min(all, p->t0 + g->chunk_rows);
            run_chunk(p);
            p->t0 = p->t1;
        } while (p->t0 < all);
    }
}

static void run_task(void *context, int64_t task, int worker) {
    const walk *w = context;
    const groups *g = w->g;
    int64_t band = task % w->bands, part = task / w->bands % w->parts, image = task / w->bands / w->parts;
    bool backward = w->job->pass == TW_BACKWARD_DATA;
    const char *from = backward ? w->job->dy : w->job->x;
    char *to = backward ? w->job->dx : w->job->y;
    pair p = {.w = w,
              .from = from + image * g->from_pixels * g->from_channels * w->size,
              .to = to + image * g->to_pixels * g->to_channels * w->size,
              .first_block = part * g->blocks.count / w->parts};
    p.blocks = (part + 1) * g->blocks.count / w->parts - p.first_block;
    (void)worker;
    int64_t first = band * w->band_rows;
    int64_t end = tw_min(first + w->band_rows, tw_axis_count(&g->axis[TW_HEIGHT], 0));
    for (p.z = 0; p.z < g->axis[TW_DEPTH].to; p.z++)
        for (p.q = first; p.q < end; p.q += 2) run_pair(&p);
    if (w->streams) tw_lines_written();
}

/* Whether all blocks are whole lines, of which each is written once. */
static bool streams(const walk *w) {
    const groups *g = w->g;
    const int64_t rows = tw_axis_used(&g->axis[TW_DEPTH]) * tw_axis_used(&g->axis[TW_HEIGHT]);
    void *to = w->job->pass == TW_BACKWARD_DATA ? w->job->dx : w->job->y;
    return w->far && rows <= g->chunk_rows && g->blocks.count * g->blocks.lanes == g->to_channels &&
           tw_writes_lines(to, g->to_channels, w->job->problem->loops, (size_t)w->size);
}

/* Four tasks for each thread, if there are so many pairs of rows and blocks. */
static void run(const tw_job *job) {
    const groups *g = job->state;
    walk w = {.job = job, .g = g, .size = (int64_t)tw_type_size(job->problem->type), .parts = 1};
    int64_t rows = tw_axis_count(&g->axis[TW_HEIGHT], 0), images = job->problem->shape.batch;
    int64_t tasks = job->threads > 1 ? tw_ceil_div(4 * job->threads, images) : 1;
    w.band_rows = tw_round_up(tw_ceil_div(rows, tasks), 2);
    w.bands = tw_ceil_div(rows, w.band_rows);
    w.parts = tw_min(g->blocks.count, tw_ceil_div(tasks, w.bands));
    w.far = tw_lies_far(images * (g->from_pixels * g->from_channels + g->to_pixels * g->to_channels),
                        (size_t)w.size);
    w.streams = streams(&w);
    tw_parallel(job->threads, images * w.bands * w.parts, run_task, &w);
}

/* ---- The algorithm. */

static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (s->groups == 1) return "all channels are one group";
    if (tw_min(s->group_in, s->group_out) < 2) return "a group has one channel";
    if (tw_max(s->group_in, s->group_out) > WIDEST) return "a group's channels fill vectors";
    if (s->geometry.layout != TW_NHWC) return "it reads channels last";
    if (s->geometry.pad_mode != TW_PAD_ZEROS) return "it leaves borders out, and knows no others than zeros";
    if (tw_min(s->in_channels, s->out_channels) < TW_MOST_LANES)
        return "fewer than 16 channels do not fill a vector";
    if (s->kernel[TW_WIDTH] > 1 && s->dilation[TW_WIDTH] > 1) return "neighbouring taps read no neighbours";
    if (s->kernel[TW_WIDTH] > CHUNK / WIDEST) return "a row of taps is longer than a chain";
    if (pass == TW_BACKWARD_WEIGHTS) return "it sums no gradients of weights";
    return NULL;
}

/* Products of one image, with what vectors waste, as direct.c counts it. Where both fill a vector with one
 * group, this is a tenth faster than the tiles: a pixel's number is loaded once for all taps that it meets.
 */
static double cost(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    int64_t writes = pass == TW_BACKWARD_DATA ? s->group_in : s->group_out;
    int64_t together = TW_MOST_LANES / tw_max(s->group_in, s->group_out);
    double products = (double)s->out_image * (double)s->group_in * (double)s->kernel_taps;
    return 0.9 * products * TW_MOST_LANES / (double)(together * writes);
}

const tw_algorithm tw_algorithm_groups = {
    .name = "groups",
    .reason = "groups of few channels: several of them share a vector",
    .declines = declines,
    .cost = cost,
    .prepare = prepare,
    .release = release,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
};

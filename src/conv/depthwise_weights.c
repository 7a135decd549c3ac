/* The weights gradient of a depthwise convolution: dw[channel][k] = sum over images and pixels of dy * x.
 *
 * Again a channel is a lane, and small kernels read channels-last rows where they lie. Some rows of taps by
 * some taps are summed in registers while output rows go by (kernel/stencil_gradient_body.h), so each dy is
 * loaded once for many multiply-adds. Tasks are some blocks of channels, where channels are few of one band
 * of the rows of all images, and parts of the rows of taps where blocks and bands are too few for the
 * threads.
 *
 * The order of a sum: a chain of fused multiply-adds over the output rows of one depth, cut every `lines`
 * rows (at least 64 pixels) and every 256 columns, the chains added up over a band of an image, the images
 * added one after the other, and the bands at the end. With a 3x3 kernel of vertical stride 1 or 2, not
 * dilated, chains go by columns down four rows, and are cut every 32 columns. The gradient of the bias comes
 * with the first rows of taps: dy row by row, cut at the same columns. The order knows nothing of threads. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/ahead.h"
#include "conv/depthwise.h"

/* Channels and pixels of an image that make a band worth a task; the bits depend on them. */
enum { BAND_CHANNELS = 256, BAND_PIXELS = 512, MOST_BANDS = 16 };

typedef struct gradient {
    const tw_job *job;
    const tw_axis *axis;
    tw_stage_cache cache, dy;     /* of x; dy's needs no lines */
    const void *last_x, *last_dy; /* see tw_stage_last_row */
    char *workers, *totals; /* their parts of the workspace; the sums of each task, if there are bands */
    size_t size;
    int64_t lanes, blocks, chunk, chunks; /* blocks in all, and of a task that reads in place */
    int64_t parts, tap_rows, part_rows;   /* parts of the rows of taps */
    int64_t chains, bands;                /* chains of an image, one below the other; bands of them */
    int64_t row_step;                     /* the loops' */
    bool far;                             /* rows are fetched ahead */
    int64_t lines, columns, block_sums;   /* rows of a chain; columns of an output row; of one block */
    int64_t at_dy, at_image, at_total, at_lines, at_rows, worker_bytes, total_bytes;
} gradient;

/* A power of two, so that two, four or eight threads share them evenly. */
static int64_t count_bands(const gradient *g, const tw_shape *s) {
    int64_t most = tw_min(BAND_CHANNELS / s->out_channels, s->out_pixels / BAND_PIXELS), bands = 1;
    most = tw_min(tw_min(most, g->chains), MOST_BANDS);
    while (2 * bands <= most) bands *= 2;
    return bands;
}

/* Tasks: chunks of blocks where they are read in place, single blocks otherwise; each band and part of them.
 */
static void divide(gradient *g, int threads) {
    const int64_t sharing = tw_ceil_div(threads, g->bands); /* a band */
    g->chunk = g->cache.in_place ? tw_min(tw_ceil_div(g->blocks, sharing), TW_DEPTHWISE_BLOCKS) : 1;
    g->chunks = tw_ceil_div(g->blocks, g->chunk);
    const int64_t tasks = g->bands * g->chunks;
    int64_t parts = tasks % threads == 0 || tasks >= 2 * threads ? 1 : tw_ceil_div(2 * threads, tasks);
    g->part_rows = tw_ceil_div(g->tap_rows, parts);
    if (g->row_step && g->part_rows % 3)
        g->part_rows = parts > 1 && g->tap_rows == 3 ? 1 : tw_round_up(g->part_rows, 3);
    g->parts = tw_ceil_div(g->tap_rows, g->part_rows);
}

static void lay(gradient *g) {
    bool staged = !g->cache.in_place;
    int64_t dy = staged * g->lines * g->columns * g->lanes * (int64_t)g->size,
            sums = g->chunk * (g->block_sums + g->lanes) * (int64_t)g->size;
    g->at_dy = staged ? tw_round_up(tw_stage_bytes(&g->cache), TW_ALIGNMENT) : 0;
    g->at_image = g->at_dy + tw_round_up(dy, TW_ALIGNMENT);
    g->at_total = g->at_image + tw_round_up(sums, TW_ALIGNMENT);
    g->at_lines = g->at_total + tw_round_up(sums, TW_ALIGNMENT);
    g->at_rows = g->at_lines + tw_round_up(g->lines * (int64_t)sizeof(tw_stencil_line), TW_ALIGNMENT);
    g->worker_bytes = tw_worker_bytes(g->at_rows + g->lines * g->part_rows * (int64_t)sizeof(void *));
    g->total_bytes = g->bands > 1 ? tw_round_up(sums, TW_ALIGNMENT) : 0;
}

static gradient describe(const tw_problem *problem, const tw_axis *axis, int threads) {
    const tw_shape *s = &problem->shape;
    const tw_axis *x = &axis[TW_WIDTH], *y = &axis[TW_HEIGHT], *z = &axis[TW_DEPTH];
    gradient g = {.axis = axis, .size = tw_type_size(problem->type), .lanes = problem->loops->lanes};
    g.blocks = tw_ceil_div(s->out_channels, g.lanes);
    g.tap_rows = s->kernel[TW_DEPTH] * s->kernel[TW_HEIGHT];
    g.columns = s->out[TW_WIDTH];
    bool shared = s->kernel[TW_WIDTH] == 3 && s->kernel[TW_HEIGHT] == 3 && s->dilation[TW_HEIGHT] == 1;
    g.row_step = shared && s->stride[TW_HEIGHT] <= 2 ? s->stride[TW_HEIGHT] : 0;
    g.lines = g.row_step ? TW_STENCIL_LINES : tw_ceil_div(TW_DEPTHWISE_CHAIN, g.columns);
    g.lines = tw_min(g.lines, s->out[TW_HEIGHT]);
    g.cache = (tw_stage_cache){
        .shape = s,
        .loops = problem->loops,
        .mode = s->geometry.pad_mode,
        .size = g.size,
        .layout = s->geometry.layout,
        .channels = s->in_channels,
        .pixels = s->in_pixels,
        .extent = {s->in[0], s->in[1], s->in[2]},
        .repeat = s->group_out,
        .depths = tw_stage_slots(z->last - z->least + 1),
    };
    tw_stage_columns(&g.cache, x->least, (g.columns - 1) * x->in_step + x->last);
    tw_stage_rows(&g.cache, y->last - y->least + (g.lines - 1) * y->in_step + 1);
    g.cache.in_place = tw_stage_needless(&g.cache, s);
    g.far = g.cache.in_place && tw_lies_far(s->batch * (s->in_image + s->out_image), g.size);
    g.dy = g.cache;
    g.dy.channels = s->out_channels, g.dy.pixels = s->out_pixels, g.dy.repeat = 1;
    g.dy.extent[TW_WIDTH] = g.columns;
    g.chains = s->out[TW_DEPTH] * tw_ceil_div(s->out[TW_HEIGHT], g.lines);
    g.bands = count_bands(&g, s);
    divide(&g, threads);
    g.block_sums = g.part_rows * s->kernel[TW_WIDTH] * g.lanes;
    lay(&g);
    return g;
}

static int64_t tasks_of(const gradient *g) {
    return g->bands * g->chunks * g->parts;
}

int64_t tw_depthwise_weights_workspace(const tw_problem *problem, const tw_axis *axes, int threads) {
    gradient g = describe(problem, axes, threads);
    return tw_stage_last_row_bytes(&g.cache) + tw_stage_last_row_bytes(&g.dy) + tasks_of(&g) * g.total_bytes +
           g.worker_bytes * threads;
}

/* Some blocks of channels, one part of the rows of taps, one band. */
typedef struct share {
    const gradient *g;
    char *memory, *total;
    tw_stage_cache cache; /* `first` is the share's first channel in place, too */
    bool last_image;
    int64_t blocks, first_row, rows, band;
} share;

/* Numbers: a sum for each tap of each block; behind them one of dy, for the share with the first taps. */
static int64_t tap_sums(const share *p) {
    return p->blocks * p->rows * p->g->job->problem->shape.kernel[TW_WIDTH] * p->g->lanes;
}

static bool sums_dy(const share *p) {
    return p->g->job->db && p->first_row == 0;
}

/* The source row that output row (z, y) reads through tap (kz, ky); NULL: outside. */
static const void *source_row(share *p, const char *image, int64_t z, int64_t y, int64_t kz, int64_t ky) {
    const gradient *g = p->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    int64_t sz = z * az->in_step + az->shift[kz], sy = y * ay->in_step + ay->shift[ky];
    bool outside = sz < 0 || sz >= az->from || sy < 0 || sy >= ay->from;
    if (outside && p->cache.mode == TW_PAD_ZEROS) return NULL;
    if (!p->cache.in_place) return tw_stage_row(&p->cache, image, sz, sy);
    int64_t row = sz * ay->from + sy;
    bool last = p->last_image && g->last_x && row + 1 == az->from * ay->from;
    int64_t at = last ? 0 : row * g->axis[TW_WIDTH].from * p->cache.channels;
    return (last ? (const char *)g->last_x : image) + (size_t)(at + p->cache.first) * g->size;
}

/* dy of `count` output rows from y on: staged where x is. */
static void load_dy(const share *p, const char *image, int64_t z, int64_t y, int64_t count,
                    tw_stencil_line *lines) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    int64_t row = z * s->out[TW_HEIGHT] + y, rows = s->out[TW_DEPTH] * s->out[TW_HEIGHT];
    if (p->cache.in_place) {
        for (int64_t i = 0; i < count; i++, row++) {
            bool last = p->last_image && g->last_dy && row + 1 == rows;
            int64_t at = last ? 0 : row * g->columns * s->out_channels;
            lines[i].dy = (last ? (const char *)g->last_dy : image) + (size_t)(at + p->cache.first) * g->size;
        }
        return;
    }
    tw_stage_cache dy = g->dy;
    dy.first = p->cache.first, dy.used = p->cache.used;
    char *to = p->memory + g->at_dy; /* rows follow each other */
    tw_stage_copy(&dy, image, row * g->columns, 0, count * g->columns, to);
    for (int64_t i = 0; i < count; i++) lines[i].dy = to + (size_t)(i * g->columns * g->lanes) * g->size;
}

/* The rows that output row (z, y) reads, for all rows of taps of the share. */
static void list_rows(share *p, const char *x, int64_t z, int64_t y, const void **in) {
    const int64_t kernel_rows = p->g->job->problem->shape.kernel[TW_HEIGHT];
    int64_t kz = p->first_row / kernel_rows, ky = p->first_row % kernel_rows;
    for (int64_t r = 0; r < p->rows; r++) {
        in[r] = source_row(p, x, z, y, kz, ky);
        if (++ky == kernel_rows) ky = 0, kz++;
    }
}

/* The next chain's `count` rows of dy, and the rows of x that it is the first to read. */
static void fetch_next(const share *p, const char *x, const char *dy, int64_t z, int64_t y,
                       tw_stencil_gradient *call) {
    const gradient *g = p->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    const int64_t first_x = (z * az->in_step + az->last) * ay->from + (y - 1) * ay->in_step + ay->last + 1;
    const int64_t channels = p->cache.channels;
    call->next_dy_row = g->columns * channels, call->next_x_row = g->axis[TW_WIDTH].from * channels;
    const int64_t row = z * g->job->problem->shape.out[TW_HEIGHT] + y;
    call->next_dy = dy + (row * call->next_dy_row + p->cache.first) * (int64_t)g->size;
    call->next_x = x + (first_x * call->next_x_row + p->cache.first) * (int64_t)g->size;
}

/* One chain: `count` output rows from y on, for all rows of taps of the share, added to `sums`. */
static void run_chain(share *p, const char *x, const char *dy, int64_t z, int64_t y, int64_t count,
                      char *sums) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    const tw_axis *ax = &g->axis[TW_WIDTH];
    bool in_place = p->cache.in_place;
    tw_stencil_line *lines = (tw_stencil_line *)(p->memory + g->at_lines);
    const void **in = (const void **)(p->memory + g->at_rows);
    load_dy(p, dy, z, y, count, lines);
    for (int64_t i = 0; i < count; i++, in += p->rows) {
        lines[i].in = in;
        list_rows(p, x, z, y + i, in);
    }
    tw_stencil_gradient call = {
        .lines = lines,
        .count = count,
        .rows = p->rows,
        .taps = s->kernel[TW_WIDTH],
        .columns = g->columns,
        .stride = ax->in_step,
        .shift = ax->shift[0] - p->cache.from,
        .dilation = s->dilation[TW_WIDTH],
        .width = p->cache.width,
        .dy_step = in_place ? s->out_channels : g->lanes,
        .in_step = in_place ? s->in_channels : g->lanes,
        .blocks = p->blocks,
        .row_step = g->row_step,
        .sum = sums,
        .dy_sum = sums_dy(p) ? sums + (size_t)tap_sums(p) * g->size : NULL,
    };
    if (g->far) fetch_next(p, x, dy, z, y + count, &call);
    g->job->problem->loops->stencil.gradient(&call);
}

static void add_f32(float *total, const float *sum, int64_t count) {
    for (int64_t i = 0; i < count; i++) total[i] += sum[i];
}

static void add_f64(double *total, const double *sum, int64_t count) {
    for (int64_t i = 0; i < count; i++) total[i] += sum[i];
}

static void add(tw_type type, void *total, const void *sum, int64_t count) {
    if (type == TW_F32)
        add_f32(total, sum, count);
    else
        add_f64(total, sum, count);
}

/* One block's sums, [taps][lanes], turned to their channels. A flipped kernel's taps stand the other way. */
static void write_block(const share *p, int64_t block) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    const int64_t taps = p->rows * s->kernel[TW_WIDTH], before = p->first_row * s->kernel[TW_WIDTH];
    const int64_t channel = p->cache.first + block * g->lanes;
    char *to = (char *)g->job->dw + (size_t)(channel * s->kernel_taps) * g->size;
    tw_block turned = {.from = p->total + (size_t)(block * taps * g->lanes) * g->size,
                       .from_pitch = g->lanes,
                       .to = to + (size_t)before * g->size,
                       .to_pitch = s->kernel_taps,
                       .rows = taps,
                       .columns = tw_min(g->lanes, s->out_channels - channel)};
    if (!s->geometry.flipped) {
        g->job->problem->loops->turn(&turned);
        return;
    }
    turned.rows = 1;
    for (int64_t i = 0; i < taps; i++) {
        turned.to = to + (size_t)(s->kernel_taps - 1 - before - i) * g->size;
        g->job->problem->loops->turn(&turned);
        turned.from = (const char *)turned.from + (size_t)g->lanes * g->size;
    }
}

static share open(const gradient *g, int64_t task, int worker) {
    share p = {.g = g, .memory = g->workers + worker * g->worker_bytes, .cache = g->cache};
    p.total = g->bands > 1 ? g->totals + task * g->total_bytes : p.memory + g->at_total;
    p.first_row = task % g->parts * g->part_rows;
    p.rows = tw_min(g->part_rows, g->tap_rows - p.first_row);
    p.band = task / g->parts / g->chunks;
    int64_t block = task / g->parts % g->chunks * g->chunk, first = block * g->lanes;
    int64_t left = g->job->problem->shape.out_channels - first;
    p.blocks = tw_min(g->chunk, g->blocks - block);
    p.cache.first = first;
    if (!p.cache.in_place) tw_stage_open(&p.cache, p.memory, first, (int)tw_min(g->lanes, left));
    return p;
}

static void run_image(share *p, int64_t image, char *sums) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    const char *x = (const char *)g->job->x + (size_t)(image * s->in_image) * g->size;
    const char *dy = (const char *)g->job->dy + (size_t)(image * s->out_image) * g->size;
    if (!p->cache.in_place) tw_stage_reset(&p->cache);
    p->last_image = image + 1 == s->batch;
    const int64_t below = g->chains / s->out[TW_DEPTH]; /* chains of a depth */
    for (int64_t c = p->band * g->chains / g->bands; c < (p->band + 1) * g->chains / g->bands; c++) {
        int64_t y = c % below * g->lines;
        run_chain(p, x, dy, c / below, y, tw_min(g->lines, s->out[TW_HEIGHT] - y), sums);
    }
}

static void write_bias(const share *p) {
    const gradient *g = p->g;
    int64_t left = g->job->problem->shape.out_channels - p->cache.first;
    memcpy((char *)g->job->db + (size_t)p->cache.first * g->size, p->total + (size_t)tap_sums(p) * g->size,
           (size_t)tw_min(p->blocks * g->lanes, left) * g->size);
}

static int64_t all_sums(const share *p) {
    return tap_sums(p) + p->blocks * p->g->lanes;
}

static void write_sums(const share *p) {
    for (int64_t block = 0; block < p->blocks; block++) write_block(p, block);
    if (sums_dy(p)) write_bias(p);
}

static void run_task(void *context, int64_t task, int worker) {
    const gradient *g = context;
    share p = open(g, task, worker);
    char *sums = p.memory + g->at_image;
    memset(p.total, 0, (size_t)all_sums(&p) * g->size);
    if (!p.cache.in_place && p.cache.used < g->lanes)
        memset(p.memory + g->at_dy, 0, (size_t)(g->at_image - g->at_dy));
    run_image(&p, 0, p.total); /* as if summed apart and added to zeros */
    for (int64_t image = 1; image < g->job->problem->shape.batch; image++) {
        memset(sums, 0, (size_t)all_sums(&p) * g->size);
        run_image(&p, image, sums);
        add(g->job->problem->type, p.total, sums, all_sums(&p));
    }
    if (g->bands == 1) write_sums(&p);
}

/* The sums of the same blocks and taps in all bands. */
static void add_bands(void *context, int64_t task, int worker) {
    const gradient *g = context;
    share p = open(g, task, worker);
    const int64_t band = g->chunks * g->parts * g->total_bytes;
    for (int64_t i = 1; i < g->bands; i++)
        add(g->job->problem->type, p.total, p.total + i * band, all_sums(&p));
    write_sums(&p);
}

void tw_depthwise_weights_run(const tw_job *job, const tw_axis *axes) {
    gradient g = describe(job->problem, axes, job->threads);
    g.job = job;
    char *memory = job->workspace;
    g.last_x = tw_stage_last_row(&g.cache, job->x, job->problem->shape.batch, memory);
    memory += tw_stage_last_row_bytes(&g.cache);
    g.last_dy = tw_stage_last_row(&g.dy, job->dy, job->problem->shape.batch, memory);
    memory += tw_stage_last_row_bytes(&g.dy);
    g.totals = memory;
    g.workers = memory + tasks_of(&g) * g.total_bytes;
    tw_parallel(job->threads, tasks_of(&g), run_task, &g);
    if (g.bands > 1) tw_parallel(job->threads, g.chunks * g.parts, add_bands, &g);
}

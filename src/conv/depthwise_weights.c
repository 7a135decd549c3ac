/* The weights gradient of a depthwise convolution: dw[channel][k] = sum over images and pixels of dy * x.
 *
 * Again a channel is a lane. Two rows of taps by seven taps are summed in registers while output rows go by,
 * so each dy is loaded once for 14 multiply-adds. Tasks are blocks of channels, and parts of the rows of taps
 * where blocks are too few for the threads.
 *
 * The order of a sum: a chain of fused multiply-adds over the output rows of one depth, cut every `lines`
 * rows (at least 64 pixels), the chains added up over an image, the images added one after the other. It
 * knows nothing of threads. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/depthwise.h"

typedef struct gradient {
    const tw_job *job;
    const tw_axis *axis;
    tw_stage_cache cache;
    size_t size;
    int64_t lanes, blocks, parts, tap_rows, part_rows; /* part_rows is even: rows of taps go in pairs */
    int64_t lines, columns, sum_row; /* rows of a chain; columns of an output row; [taps][lanes] */
    int64_t at_dy, at_image, at_total, at_lines, worker_bytes;
} gradient;

static gradient describe(const tw_problem *problem, const tw_axis *axis, int threads) {
    const tw_shape *s = &problem->shape;
    const tw_axis *x = &axis[TW_WIDTH], *y = &axis[TW_HEIGHT], *z = &axis[TW_DEPTH];
    gradient g = {.axis = axis, .size = tw_type_size(problem->type), .lanes = problem->loops->lanes};
    g.blocks = tw_ceil_div(s->out_channels, g.lanes);
    g.tap_rows = s->kernel[TW_DEPTH] * s->kernel[TW_HEIGHT];
    int64_t parts =
        g.blocks % threads == 0 || g.blocks >= 2 * threads ? 1 : tw_ceil_div(2 * threads, g.blocks);
    g.part_rows = tw_round_up(tw_ceil_div(g.tap_rows, parts), 2);
    g.parts = tw_ceil_div(g.tap_rows, g.part_rows);
    g.columns = s->out[TW_WIDTH];
    g.lines = tw_min(tw_ceil_div(TW_DEPTHWISE_CHAIN, g.columns), s->out[TW_HEIGHT]);
    g.sum_row = s->kernel[TW_WIDTH] * g.lanes;
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
        .from = x->least,
        .width = (g.columns - 1) * x->in_step + x->last - x->least + 1,
        .depths = tw_stage_slots(z->last - z->least + 1),
        .rows = tw_stage_slots(y->last - y->least + (g.lines - 1) * y->in_step + 1),
    };
    int64_t dy = g.lines * g.columns * g.lanes * (int64_t)g.size,
            sums = g.tap_rows * g.sum_row * (int64_t)g.size;
    g.at_dy = tw_round_up(tw_stage_bytes(&g.cache), TW_ALIGNMENT);
    g.at_image = g.at_dy + tw_round_up(dy, TW_ALIGNMENT);
    g.at_total = g.at_image + tw_round_up(sums, TW_ALIGNMENT);
    g.at_lines = g.at_total + tw_round_up(sums, TW_ALIGNMENT);
    g.worker_bytes = g.at_lines + tw_round_up(g.lines * (int64_t)sizeof(tw_stencil_line), TW_ALIGNMENT);
    return g;
}

int64_t tw_depthwise_weights_workspace(const tw_problem *problem, const tw_axis *axes, int threads) {
    return describe(problem, axes, threads).worker_bytes * threads;
}

/* One block of channels and one part of the rows of taps. */
typedef struct share {
    const gradient *g;
    char *memory;
    tw_stage_cache cache;
    int64_t first_row, end_row;
} share;

static const void *source_row(share *p, const void *image, int64_t z, int64_t y, int64_t tap_row) {
    const gradient *g = p->g;
    const tw_axis *az = &g->axis[TW_DEPTH], *ay = &g->axis[TW_HEIGHT];
    int64_t kernel_rows = g->job->problem->shape.kernel[TW_HEIGHT];
    int64_t sz = z * az->in_step + az->shift[tap_row / kernel_rows];
    int64_t sy = y * ay->in_step + ay->shift[tap_row % kernel_rows];
    bool outside = sz < 0 || sz >= az->from || sy < 0 || sy >= ay->from;
    return outside && p->cache.mode == TW_PAD_ZEROS ? NULL : tw_stage_row(&p->cache, image, sz, sy);
}

static void load_dy(const share *p, const char *image, int64_t z, int64_t y, int64_t count) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    bool last = p->cache.layout == TW_NHWC;
    int64_t pixel = (z * s->out[TW_HEIGHT] + y) * g->columns;
    g->job->problem->loops->stencil.stage(&(tw_stage){
        .in = image + (size_t)(pixel * (last ? s->out_channels : 1)) * g->size,
        .step = last ? s->out_channels : 1,
        .stride = last ? 1 : s->out_pixels,
        .first = p->cache.first,
        .repeat = 1,
        .pixels = count * g->columns, /* rows of a plane follow each other */
        .used = p->cache.used,
        .out = p->memory + g->at_dy,
    });
}

/* One chain: `count` output rows from y on, for all rows of taps of the share. */
static void run_chain(share *p, const void *x, const char *dy, int64_t z, int64_t y, int64_t count) {
    const gradient *g = p->g;
    const tw_axis *ax = &g->axis[TW_WIDTH];
    load_dy(p, dy, z, y, count);
    tw_stencil_line *lines = (tw_stencil_line *)(p->memory + g->at_lines);
    for (int64_t row = p->first_row; row < p->end_row; row += 2) {
        int rows = row + 1 < p->end_row ? 2 : 1;
        int64_t used = 0;
        for (int64_t i = 0; i < count; i++) {
            tw_stencil_line line = {.dy =
                                        p->memory + g->at_dy + (size_t)(i * g->columns * g->lanes) * g->size};
            for (int r = 0; r < rows; r++) line.in[r] = source_row(p, x, z, y + i, row + r);
            if (line.in[0] || line.in[1]) lines[used++] = line;
        }
        char *sum = p->memory + g->at_image + (size_t)(row * g->sum_row) * g->size;
        bool zeros = p->cache.mode == TW_PAD_ZEROS;
        g->job->problem->loops->stencil.gradient(&(tw_stencil_gradient){
            .lines = lines,
            .count = used,
            .taps = g->job->problem->shape.kernel[TW_WIDTH],
            .columns = g->columns,
            .stride = ax->in_step,
            .dilation = g->job->problem->shape.dilation[TW_WIDTH],
            .inside_first = zeros ? -p->cache.from : 0,
            .inside_end = zeros ? ax->from - p->cache.from : INT64_MAX / 4,
            .sum = {sum, sum + (size_t)g->sum_row * g->size},
            .rows = rows,
        });
    }
}

static void add(tw_type type, void *total, const void *sum, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (type == TW_F32)
            ((float *)total)[i] += ((const float *)sum)[i];
        else
            ((double *)total)[i] += ((const double *)sum)[i];
    }
}

static void write(const share *p) {
    const gradient *g = p->g;
    const tw_shape *s = &g->job->problem->shape;
    for (int l = 0; l < p->cache.used; l++)
        for (int64_t row = p->first_row; row < p->end_row; row++)
            for (int64_t x = 0; x < s->kernel[TW_WIDTH]; x++) {
                int64_t k = row * s->kernel[TW_WIDTH] + x;
                if (s->geometry.flipped) k = s->kernel_taps - 1 - k;
                const char *from =
                    p->memory + g->at_total + (size_t)(row * g->sum_row + x * g->lanes + l) * g->size;
                memcpy((char *)g->job->dw + (size_t)((p->cache.first + l) * s->kernel_taps + k) * g->size,
                       from, g->size);
            }
}

static void run_task(void *context, int64_t task, int worker) {
    const gradient *g = context;
    const tw_shape *s = &g->job->problem->shape;
    share p = {.g = g, .memory = (char *)g->job->workspace + worker * g->worker_bytes, .cache = g->cache};
    p.first_row = task % g->parts * g->part_rows;
    p.end_row = tw_min(p.first_row + g->part_rows, g->tap_rows);
    p.cache.first = task / g->parts * g->lanes;
    p.cache.used = (int)tw_min(g->lanes, s->out_channels - p.cache.first);
    p.cache.tags = (int64_t *)p.memory;
    p.cache.lines = p.memory + tw_round_up(2 * 8 * p.cache.depths * p.cache.rows, TW_ALIGNMENT);
    size_t sums = (size_t)(g->at_total - g->at_image);
    memset(p.memory + g->at_total, 0, sums);
    for (int64_t image = 0; image < s->batch; image++) {
        const char *x = (const char *)g->job->x + (size_t)(image * s->in_image) * g->size;
        const char *dy = (const char *)g->job->dy + (size_t)(image * s->out_image) * g->size;
        tw_stage_reset(&p.cache);
        memset(p.memory + g->at_image, 0, sums);
        for (int64_t z = 0; z < s->out[TW_DEPTH]; z++)
            for (int64_t y = 0; y < s->out[TW_HEIGHT]; y += g->lines)
                run_chain(&p, x, dy, z, y, tw_min(g->lines, s->out[TW_HEIGHT] - y));
        add(g->job->problem->type, p.memory + g->at_total, p.memory + g->at_image, g->tap_rows * g->sum_row);
    }
    write(&p);
}

void tw_depthwise_weights_run(const tw_job *job, const tw_axis *axes) {
    gradient g = describe(job->problem, axes, job->threads);
    g.job = job;
    tw_parallel(job->threads, g.blocks * g.parts, run_task, &g);
}

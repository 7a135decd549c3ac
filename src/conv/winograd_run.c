/* Running a Winograd pass: tiles in blocks whose V and M stay in the second-level cache, transformed,
 * multiplied and transformed back. Threads share the blocks when there are enough of them, each with its own
 * V and M; else they share the patches first, and then the panels of columns (one image of 14x14 is a single
 * block). Nothing that is computed depends on how the tiles were cut into blocks.
 *
 * Channels-first tensors are turned to channels last in the workspace, some images at a time. */
#include "conv/winograd.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/relayout.h"

/* V of a block shall take half of a second-level cache of 2 MB or more, and be as many tiles as pay: with 28
 * tiles the weights are read half as often as with 14, with 42 V falls out of the cache (measured, 64 to 256
 * channels). */
enum { V_BYTES = 1100 * 1000, BLOCK_TILES = 28, GAP = 16 /* elements, against 4096-byte strides */ };

enum { CHAIN = 64 /* channels */, LINE = 64 /* bytes */ };

typedef struct work {
    const tw_job *job;
    const tw_winograd_frame *frame;
    const tw_loops *loops;
    int64_t size;          /* bytes of a number */
    int64_t tiles, blocks; /* of this round, for each group */
    const char *read;      /* this round's planes, channels last */
    char *written;
    char *v, *m; /* one for each block at work, one for each worker */
    int64_t v_bytes, m_bytes;
} work;

static int most_rows(const tw_winograd_frame *f, const tw_loops *loops) {
    return loops->most_rows[f->panel / loops->lanes];
}

/* Most tiles of a block: a multiple of the kernel's rows. */
static int64_t block_tiles(const tw_winograd_frame *f, const tw_loops *loops, int64_t size) {
    int64_t rows = most_rows(f, loops), fits = V_BYTES / (f->points * f->channels * size) / rows;
    return rows * tw_max(1, tw_min(fits, BLOCK_TILES / rows));
}

static int64_t v_point(const tw_winograd_frame *f, int64_t tiles) {
    return tiles * f->channels + GAP;
}

static int64_t m_point(const tw_winograd_frame *f, int64_t tiles) {
    return tiles * f->panel + GAP;
}

/* ---- One block. */

typedef struct block {
    int64_t group, first, count; /* tiles */
    char *v;
} block;

static block block_of(const work *k, int64_t index) {
    int64_t b = index % k->blocks, first = k->tiles * b / k->blocks;
    return (block){
        .group = index / k->blocks, .first = first, .count = k->tiles * (b + 1) / k->blocks - first};
}

/* Where the tile lies: its plane, and its first row and column. */
static int64_t locate(const tw_winograd_frame *f, int64_t tile, int64_t *row, int64_t *col) {
    int64_t in_plane = tile % f->plane_tiles;
    *row = in_plane / f->tiles[1] * f->outs;
    *col = in_plane % f->tiles[1] * f->outs;
    return tile / f->plane_tiles;
}

static void transform_patch(const work *k, const block *b, int64_t i) {
    const tw_winograd_frame *f = k->frame;
    int64_t row, col, plane = locate(f, b->first + i, &row, &col);
    const char *from =
        k->read + k->size * (plane * f->read[0] * f->read[1] * f->read_channels + b->group * f->channels);
    const void *pixels[TW_WINOGRAD_POINTS];
    for (int c = 0; c < f->side; c++)
        for (int r = 0; r < f->side; r++) {
            int64_t down = f->rows[row + r], along = f->cols[col + c];
            pixels[c * f->side + r] = down < 0 || along < 0 ? f->zeros : from + k->size * (down + along);
        }
    tw_winograd_patch patch = {.pixels = pixels,
                               .channels = f->channels,
                               .v = b->v + k->size * i * f->channels,
                               .v_point = v_point(f, b->count)};
    f->transform->patch(&patch);
}

/* M = V U, point by point. The chain of additions is cut every CHAIN channels, and the pieces are added one
 * after the other: rounding errors grow with the length of a chain, worst where all products have one sign.
 */
static void multiply(const work *k, const block *b, int64_t panel, char *m) {
    const tw_winograd_frame *f = k->frame;
    int64_t columns = tw_winograd_panel_columns(f, k->loops, panel), step = f->channels * columns * k->size;
    const char *u = (const char *)k->job->packed +
                    k->size * (b->group * f->u_group + panel * f->panel * f->points * f->channels);
    tw_strip strip;
    tw_tile tile = {.strips = &strip,
                    .count = 1,
                    .a_row = f->channels,
                    .a_col = 1,
                    .b_row = columns,
                    .c_row = columns,
                    .start_row = columns,
                    .vecs = (int)(columns / k->loops->lanes),
                    .columns = (int)columns};
    int64_t pieces = tw_ceil_div(b->count, k->loops->most_rows[tile.vecs]);
    for (int point = 0; point < f->points; point++, u += step) {
        const char *v = b->v + k->size * point * v_point(f, b->count);
        char *to = m + k->size * point * m_point(f, b->count);
        for (int64_t i = 0; i < pieces; i++) {
            int64_t first = b->count * i / pieces;
            tile.c = to + k->size * first * columns;
            tile.rows = (int)(b->count * (i + 1) / pieces - first);
            for (int64_t c = 0; c < f->channels; c += CHAIN) {
                tile.start = c > 0 ? tile.c : NULL;
                strip.a = v + k->size * (first * f->channels + c);
                strip.b = u + k->size * c * columns;
                strip.length = tw_min(CHAIN, f->channels - c);
                int64_t ahead = (i * f->channels + c) * LINE;
                tile.next = ahead < step ? u + step + ahead : NULL;
                k->loops->tile(&tile);
            }
        }
    }
}

static void transform_result(const work *k, const block *b, int64_t i, int64_t panel, const char *m) {
    const tw_winograd_frame *f = k->frame;
    int64_t row, col, plane = locate(f, b->first + i, &row, &col);
    int64_t columns = tw_winograd_panel_columns(f, k->loops, panel),
            column = b->group * f->columns + panel * f->panel;
    char *to = k->written + k->size * (plane * f->written[0] * f->written[1] * f->written_channels + column);
    void *pixels[TW_WINOGRAD_POINTS];
    for (int64_t r = 0; r < f->outs; r++)
        for (int64_t c = 0; c < f->outs; c++) {
            int64_t pixel = (row + r) * f->written[1] + col + c;
            bool inside = row + r < f->written[0] && col + c < f->written[1];
            pixels[r * f->outs + c] = inside ? to + k->size * pixel * f->written_channels : NULL;
        }
    const char *bias = k->job->bias;
    tw_winograd_result result = {.m = m + k->size * i * columns,
                                 .m_point = m_point(f, b->count),
                                 .columns = tw_min(columns, f->columns - panel * f->panel),
                                 .bias = bias ? bias + k->size * column : NULL,
                                 .pixels = pixels};
    f->transform->result(&result);
}

static void do_panel(const work *k, const block *b, int64_t panel, int worker) {
    char *m = k->m + worker * k->m_bytes;
    multiply(k, b, panel, m);
    for (int64_t i = 0; i < b->count; i++) transform_result(k, b, i, panel, m);
}

/* ---- Sharing. */

static void whole_block(void *context, int64_t task, int worker) {
    const work *k = context;
    block b = block_of(k, task);
    b.v = k->v + worker * k->v_bytes;
    for (int64_t i = 0; i < b.count; i++) transform_patch(k, &b, i);
    for (int64_t panel = 0; panel < k->frame->panels; panel++) do_panel(k, &b, panel, worker);
}

static void shared_patch(void *context, int64_t task, int worker) {
    (void)worker;
    const work *k = context;
    int64_t index = task / k->tiles * k->blocks + ((task % k->tiles + 1) * k->blocks - 1) / k->tiles;
    block b = block_of(k, index);
    b.v = k->v + index * k->v_bytes;
    transform_patch(k, &b, task % k->tiles - b.first);
}

static void shared_panel(void *context, int64_t task, int worker) {
    const work *k = context;
    int64_t index = task / k->frame->panels;
    block b = block_of(k, index);
    b.v = k->v + index * k->v_bytes;
    do_panel(k, &b, task % k->frame->panels, worker);
}

/* Some planes, channels last. */
static void run_planes(work *k, int64_t planes) {
    const tw_winograd_frame *f = k->frame;
    int threads = k->job->threads;
    k->tiles = planes * f->plane_tiles;
    k->blocks = tw_ceil_div(k->tiles, block_tiles(f, k->loops, k->size));
    if (f->groups * k->blocks <= threads && threads > 1) {
        tw_parallel(threads, f->groups * k->tiles, shared_patch, k);
        tw_parallel(threads, f->groups * k->blocks * f->panels, shared_panel, k);
        return;
    }
    if (k->blocks < 8 * threads)
        k->blocks = tw_min(tw_round_up(k->blocks, threads), k->tiles); /* nobody idle at the end */
    tw_parallel(threads, f->groups * k->blocks, whole_block, k);
}

/* ---- The whole pass. */

/* Images turned at once: enough blocks for all threads. */
static int64_t round_images(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    const tw_shape *s = &problem->shape;
    int64_t tiles = 2 * threads * block_tiles(f, problem->loops, (int64_t)tw_type_size(problem->type));
    return tw_min(s->batch, tw_ceil_div(tiles, f->plane_tiles * s->in[TW_DEPTH]));
}

static int64_t v_bytes(const tw_winograd_frame *f, int64_t tiles, int64_t size) {
    return tw_round_up(f->points * v_point(f, tiles) * size, TW_ALIGNMENT);
}

static int64_t m_bytes(const tw_winograd_frame *f, int64_t tiles, int64_t size) {
    return tw_round_up(f->points * m_point(f, tiles) * size, TW_ALIGNMENT);
}

int64_t tw_winograd_workspace(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    const tw_shape *s = &problem->shape;
    int64_t size = (int64_t)tw_type_size(problem->type), tiles = block_tiles(f, problem->loops, size);
    int64_t bytes = threads * (v_bytes(f, tiles, size) + m_bytes(f, tiles, size)), turned;
    if (s->geometry.layout == TW_NHWC) return bytes;
    int64_t images = round_images(problem, f, threads);
    if (!tw_mul(images * size, s->in_image, &turned) || !tw_add(bytes, turned + TW_ALIGNMENT, &bytes) ||
        !tw_mul(images * size, s->out_image, &turned) || !tw_add(bytes, turned + TW_ALIGNMENT, &bytes))
        return INT64_MAX;
    return bytes;
}

static void run_channels_first(work *k, char *space, const char *read, char *written) {
    const tw_problem *problem = k->job->problem;
    const tw_shape *s = &problem->shape;
    bool forward = k->job->pass == TW_FORWARD;
    int64_t in = forward ? s->in_pixels : s->out_pixels, out = forward ? s->out_pixels : s->in_pixels;
    int64_t in_channels = k->frame->read_channels, out_channels = k->frame->written_channels;
    int64_t images = round_images(problem, k->frame, k->job->threads);
    k->read = space;
    k->written = space + tw_round_up(images * in * in_channels * k->size, TW_ALIGNMENT);
    for (int64_t image = 0; image < s->batch; image += images) {
        int64_t count = tw_min(images, s->batch - image);
        tw_relayout(problem->type, read + image * in * in_channels * k->size, space, count, in_channels, in,
                    k->job->threads);
        run_planes(k, count * s->in[TW_DEPTH]);
        tw_relayout(problem->type, k->written, written + image * out * out_channels * k->size, count, out,
                    out_channels, k->job->threads);
    }
}

void tw_winograd_run(const tw_job *job) {
    const tw_problem *problem = job->problem;
    const tw_winograd_frame *f = job->state;
    bool forward = job->pass == TW_FORWARD;
    work k = {.job = job, .frame = f, .loops = problem->loops, .size = (int64_t)tw_type_size(problem->type)};
    int64_t tiles = block_tiles(f, k.loops, k.size);
    k.v_bytes = v_bytes(f, tiles, k.size);
    k.m_bytes = m_bytes(f, tiles, k.size);
    k.v = job->workspace;
    k.m = k.v + job->threads * k.v_bytes;
    const char *read = forward ? job->x : job->dy;
    char *written = forward ? job->y : job->dx;
    if (problem->shape.geometry.layout == TW_NCHW) {
        run_channels_first(&k, k.m + job->threads * k.m_bytes, read, written);
        return;
    }
    k.read = read;
    k.written = written;
    run_planes(&k, problem->shape.batch * problem->shape.in[TW_DEPTH]); /* the call may have fewer than planned */
}

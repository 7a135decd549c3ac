/* The gradient of the weights where channels are few: dw[n][c][tap] = sum over pixels of dy[n][pixel] *
 * x[c][source]. Vectors lie along the pixels of an image, so that no lane waits for a channel that does not
 * exist; channels first, dy is read in place, and x is copied to windows with its padding (dots_stage.c). A
 * tap is then nothing but an offset into a window, for all rows of a chunk at once.
 *
 * The order of a sum: a chunk is some rows or small images of about 1024 pixels; in it pixel l of an image
 * (of a row, where rows of dy do not meet neighbouring rows of x) belongs to partial sum l mod 16; the
 * partial sums are added in a tree (kernel.h, tw_dots). Chunk number i is added to the partial gradient i mod
 * 16, and these are added up at the end. Chunks depend on the geometry of an image alone.
 *
 * The gradient of the bias is summed in the same go, chunk by chunk, so that dy is read once.
 *
 * Padding is multiplied, but never when dy of the chunk holds an infinity or a NaN: then a second window says
 * which numbers lie inside, and the others are left out of the same sums. */
#include "conv/dots.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

enum { PHASES = TW_DOTS_PHASES, CHUNK = TW_DOTS_CHUNK, SLOTS = 16, MOST_COLUMNS = 4 };

typedef tw_dots_plan plan;
typedef tw_dots_chunk chunk;

static bool reads_outside(const tw_shape *s) {
    for (int a = 0; a < TW_AXES; a++)
        if (s->pad[a] > 0 || tw_dots_reach(s, a, s->out[a]) - s->pad[a] > s->in[a]) return true;
    return false;
}

static void choose_chunks(plan *p) {
    const tw_shape *s = p->shape;
    p->width = s->out[TW_WIDTH], p->height = s->out[TW_HEIGHT];
    p->pieces = tw_ceil_div(p->width, CHUNK);
    p->piece = tw_ceil_div(p->width, p->pieces);
    p->pieces = tw_ceil_div(p->width, p->piece);
    p->rows = tw_min(p->height, tw_max(1, CHUNK / p->piece));
    p->rows = tw_ceil_div(p->height, tw_ceil_div(p->height, p->rows));
    p->row_chunks = tw_ceil_div(p->height, p->rows);
    bool whole = s->out[TW_DEPTH] == 1 && p->row_chunks == 1 && p->pieces == 1;
    p->images = whole ? tw_max(1, CHUNK / (p->piece * p->height)) : 1;
    p->chunks = tw_ceil_div(s->batch, p->images) * s->out[TW_DEPTH] * p->row_chunks * p->pieces;
    p->steady = whole;
    p->joined = p->pieces == 1 && s->stride[TW_HEIGHT] == 1;
}

static plan describe(const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    plan p = {.shape = s, .size = tw_type_size(problem->type), .last = s->geometry.layout == TW_NHWC};
    p.padded = s->geometry.pad_mode == TW_PAD_ZEROS && reads_outside(s);
    choose_chunks(&p);
    p.window_rows = tw_dots_reach(s, TW_HEIGHT, p.rows);
    p.window_x = s->kernel[TW_DEPTH] * p.window_rows * p.piece;
    p.window_plane = s->kernel[TW_WIDTH] * p.window_x;
    p.window_image = s->in_channels * p.window_plane;
    p.taps = s->kernel_taps;
    p.dw = s->out_channels * s->in_channels * p.taps;
    int64_t images = tw_min(p.images, tw_max(1, s->batch)), size = (int64_t)p.size;
    p.x_bytes = tw_round_up(images * p.window_image * size, TW_ALIGNMENT);
    p.gathered = (p.last && s->in_channels > 1) || s->geometry.pad_mode != TW_PAD_ZEROS;
    if (p.gathered)
        p.row_bytes = tw_round_up(s->in_channels * p.window_rows * s->in[TW_WIDTH] * size, TW_ALIGNMENT);
    p.dy_pitch = CHUNK + PHASES; /* channels in other sets of the first cache */
    if (p.last && s->out_channels > 1)
        p.dy_bytes = tw_round_up(s->out_channels * p.dy_pitch * size, TW_ALIGNMENT);
    if (p.padded) p.inside_bytes = tw_round_up(p.window_plane * size, TW_ALIGNMENT);
    return p;
}

static void find_chunk(chunk *k, int64_t number) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    k->x0 = number % p->pieces * p->piece, number /= p->pieces;
    k->y0 = number % p->row_chunks * p->rows, number /= p->row_chunks;
    k->z = number % s->out[TW_DEPTH], number /= s->out[TW_DEPTH];
    k->image0 = number * p->images;
    k->x1 = tw_min(k->x0 + p->piece, p->width), k->y1 = tw_min(k->y0 + p->rows, p->height);
    k->image1 = tw_min(k->image0 + p->images, s->batch);
}

const char *tw_dots_dy(const chunk *k, int64_t image, int64_t y) {
    const tw_shape *s = k->p->shape;
    int64_t pixel = (k->z * k->p->height + y) * k->p->width + k->x0;
    int64_t at = image * s->out_image + pixel * (k->p->last ? s->out_channels : 1);
    return (const char *)k->p->job->dy + at * (int64_t)k->p->size;
}

/* All of the chunk's dy, in runs as long as memory has them. */
static bool is_finite(const chunk *k) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    bool joined = p->pieces == 1;
    int64_t length = k->x1 - k->x0, step = p->last ? s->out_channels : 1;
    int64_t runs = p->last ? 1 : s->out_channels, run = step * length * (joined ? k->y1 - k->y0 : 1);
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t y = k->y0; y < (joined ? k->y0 + 1 : k->y1); y++)
            for (int64_t n = 0; n < runs; n++)
                if (!p->job->problem->loops->all_finite(
                        tw_dots_dy(k, i, y) + n * s->out_pixels * (int64_t)p->size, run))
                    return false;
    return true;
}

/* ---- Sums. */

/* The tap that stands at place `at` of a channel's weights. */
static void find_tap(const tw_shape *s, int64_t at, int64_t tap[TW_AXES]) {
    if (s->geometry.flipped) at = s->kernel_taps - 1 - at;
    tap[TW_WIDTH] = at % s->kernel[TW_WIDTH], at /= s->kernel[TW_WIDTH];
    tap[TW_HEIGHT] = at % s->kernel[TW_HEIGHT], tap[TW_DEPTH] = at / s->kernel[TW_HEIGHT];
}

/* Where a weight's source lies in the window; `at` counts channels and taps. */
static int64_t offset(const plan *p, int64_t at) {
    const tw_shape *s = p->shape;
    int64_t tap[TW_AXES];
    find_tap(s, at % p->taps, tap);
    int64_t row = tap[TW_DEPTH] * p->window_rows + tap[TW_HEIGHT] * s->dilation[TW_HEIGHT];
    return at / p->taps * p->window_plane + tap[TW_WIDTH] * p->window_x + row * p->piece;
}

/* `rows` output channels from `n` on, `columns` weights from `at` on; `inside`: of each strip, NULL where all
 * of it counts. */
static void run_tile(const chunk *k, const void *const *inside, int64_t n, int rows, int64_t at,
                     int columns) {
    const plan *p = k->p;
    int64_t offsets[MOST_COLUMNS], marks[MOST_COLUMNS], weights = p->shape->in_channels * p->taps;
    for (int j = 0; j < columns; j++) {
        offsets[j] = offset(p, at + j);
        marks[j] = offsets[j] - (at + j) / p->taps * p->window_plane;
    }
    tw_dots d = {.strips = k->strips,
                 .count = k->count,
                 .a_pitch = k->dy_pitch,
                 .a_begin = n * k->dy_pitch,
                 .offset = offsets,
                 .inside = inside,
                 .inside_offset = marks,
                 .c = k->sums + (n * weights + at) * (int64_t)p->size,
                 .c_row = weights,
                 .rows = rows,
                 .columns = columns,
                 .accumulate = !k->first};
    const tw_loops *loops = p->job->problem->loops;
    if (inside)
        loops->dots_inside(&d);
    else
        loops->dots(&d);
}

/* Adds dy of the chunk to the slot's sums, strip by strip as it lies in the tensor. */
static void sum_dy(const chunk *k) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    int64_t rows = k->y1 - k->y0, length = k->x1 - k->x0, size = (int64_t)p->size;
    tw_sums sums = {.pixels = p->pieces == 1 ? rows * length : length,
                    .pixel_step = p->last ? s->out_channels : 1,
                    .channels = s->out_channels,
                    .channel_step = p->last ? 1 : s->out_pixels,
                    .total = k->db};
    if (k->first) memset(k->db, 0, (size_t)(s->out_channels * size));
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t y = k->y0; y < (p->pieces == 1 ? k->y0 + 1 : k->y1); y++) {
            sums.in = tw_dots_dy(k, i, y);
            p->job->problem->loops->sums(&sums);
        }
}

/* A NaN or an infinity stays in the sum. */
static bool has_finite_sums(const chunk *k) {
    return k->db && k->p->job->problem->loops->all_finite(k->db, k->p->shape->out_channels);
}

/* Where each strip begins in the window that says what lies inside: the same for all images. */
static void list_inside(chunk *k, const void **inside) {
    const plan *p = k->p;
    if (!k->marked) tw_dots_mark_inside(k);
    k->marked = p->steady;
    for (int64_t i = 0; i < k->count; i++) {
        int64_t y = p->joined ? 0 : i % (k->y1 - k->y0);
        inside[i] = k->inside + y * p->shape->stride[TW_HEIGHT] * p->piece * (int64_t)p->size;
    }
}

/* Tiles whose dy, some kilobytes for each output channel, stays in the first cache for all weights. */
static void run_chunk(chunk *k) {
    const plan *p = k->p;
    const tw_loops *loops = p->job->problem->loops;
    int64_t weights = p->shape->in_channels * p->taps, channels = p->shape->out_channels;
    int64_t tiles = tw_ceil_div(weights, loops->dot_columns);
    tw_dots_stage(k);
    if (k->db) sum_dy(k);
    bool cut = p->padded && !p->job->dy_finite && !has_finite_sums(k) && !is_finite(k);
    const void *inside[TW_DOTS_STRIPS];
    if (cut) list_inside(k, inside);
    for (int64_t n = 0, rows; n < channels; n += rows) {
        rows = tw_min(loops->dot_rows, channels - n);
        for (int64_t i = 0, at = 0, end; i < tiles; i++, at = end) {
            end = (i + 1) * weights / tiles;
            run_tile(k, cut ? inside : NULL, n, (int)rows, at, (int)(end - at));
        }
    }
}

/* The workspace: partial gradients of weights, of biases, then each worker's windows, gathered rows, dy and
 * what lies inside. */
static int64_t worker_bytes(const plan *p) {
    return tw_worker_bytes(p->x_bytes + p->row_bytes + p->dy_bytes + p->inside_bytes);
}

static int64_t dw_bytes(const plan *p) {
    return tw_round_up(SLOTS * p->dw * (int64_t)p->size, TW_ALIGNMENT);
}

/* Of a slot. */
static int64_t db_bytes(const plan *p) {
    return tw_round_up(p->shape->out_channels * (int64_t)p->size, TW_ALIGNMENT);
}

static void run_slot(void *context, int64_t slot, int worker) {
    plan *p = context;
    int64_t size = (int64_t)p->size;
    char *memory = p->job->workspace;
    chunk k = {.p = p, .sums = memory + slot * p->dw * size};
    if (p->job->db) k.db = memory + dw_bytes(p) + slot * db_bytes(p);
    k.x = memory + dw_bytes(p) + SLOTS * db_bytes(p) + worker * worker_bytes(p);
    k.gathered = k.x + p->x_bytes, k.dy = k.gathered + p->row_bytes;
    k.inside = k.dy + p->dy_bytes;
    for (int64_t number = slot; number < p->chunks; number += SLOTS) {
        find_chunk(&k, number);
        k.first = number == slot;
        k.clean = p->clean[worker], k.marked = p->marked[worker];
        run_chunk(&k);
        if (p->steady && !k.clean && k.image1 - k.image0 == p->images) p->clean[worker] = true;
        p->marked[worker] = k.marked;
    }
}

/* ---- The algorithm. */

/* What the slots summed, `pitch` bytes from one to the next, in order. */
static void add_slots(const plan *p, const char *slots, int64_t pitch, int64_t count, void *to) {
    const tw_problem *problem = p->job->problem;
    memcpy(to, slots, (size_t)count * p->size);
    for (int64_t i = 1; i < tw_min(SLOTS, p->chunks); i++)
        problem->kernel->sweeps[problem->type]->add(count, to, slots + i * pitch, to);
}

static void run(const tw_job *job) {
    plan p = describe(job->problem);
    p.job = job;
    tw_parallel(job->threads, tw_min(SLOTS, p.chunks), run_slot, &p);
    const char *slots = job->workspace;
    add_slots(&p, slots, p.dw * (int64_t)p.size, p.dw, job->dw);
    if (job->db) add_slots(&p, slots + dw_bytes(&p), db_bytes(&p), p.shape->out_channels, job->db);
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    (void)pass, (void)state;
    plan p = describe(problem);
    return dw_bytes(&p) + SLOTS * db_bytes(&p) + threads * worker_bytes(&p);
}

/* Windows are small where this pays; what is not is left to others. */
static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (pass != TW_BACKWARD_WEIGHTS) return "it sums gradients of weights only";
    if (s->groups > 1) return "it knows one group only";
    if (s->stride[TW_WIDTH] != 1) return "the pixels of a row that meet a tap are not neighbours";
    /* with channels last dy must be turned, which does not pay where they nearly fill a vector */
    int64_t filled = s->geometry.layout == TW_NCHW ? 16 : 12;
    if (s->in_channels > 4 || s->out_channels > filled) return "there are channels enough to fill vectors";
    if (s->out[TW_WIDTH] < 8) return "rows are too short to fill vectors";
    double window = 1;
    for (int a = 0; a < TW_AXES; a++) {
        double most = a == TW_DEPTH ? 1 : CHUNK;
        double outputs = (double)s->out[a] < most ? (double)s->out[a] : most;
        window *= a == TW_WIDTH
                      ? outputs * (double)s->kernel[a]
                      : outputs * (double)s->stride[a] + (double)s->kernel[a] * (double)s->dilation[a];
    }
    return window * 4 > 1 << 22 ? "its window would not fit into a cache" : NULL;
}

/* Where it does not decline, others fill less than half of their vectors. */
static double cost(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    (void)pass;
    return 0.5 * (double)s->out_image * (double)s->group_in * (double)s->kernel_taps;
}

const tw_algorithm tw_algorithm_dots = {
    .name = "dots",
    .reason = "few channels: vectors lie along the pixels of a row",
    .declines = declines,
    .cost = cost,
    .workspace = workspace,
    .run = run,
    .sums_dy = true,
};

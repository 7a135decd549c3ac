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
 * The gradient of the bias is that of one weight more, which meets an x of ones everywhere.
 *
 * Padding is multiplied, but never when dy of the chunk holds an infinity or a NaN, which stay in its sum:
 * then a second window says which numbers lie inside, and the others are left out of the same sums. */
#include "conv/dots.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

enum {
    PHASES = TW_DOTS_PHASES,
    CHUNK = TW_DOTS_CHUNK,
    SLOTS = 16,
    MANY = 8 * SLOTS /* chunks: each thread takes one run of slots; of fewer each slot is a task */
};

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
    p.ones = p.window_rows * p.piece;
    p.window_image = s->in_channels * p.window_plane + p.ones;
    p.taps = s->kernel_taps;
    p.sums_row = s->in_channels * p.taps + 1;
    p.sums = s->out_channels * p.sums_row;
    int64_t images = tw_min(p.images, tw_max(1, s->batch)), size = (int64_t)p.size;
    p.x_bytes = tw_round_up(images * p.window_image * size, TW_ALIGNMENT);
    p.gathered = (p.last && s->in_channels > 1) || s->geometry.pad_mode != TW_PAD_ZEROS;
    if (p.gathered)
        p.row_bytes = tw_round_up(s->in_channels * p.window_rows * s->in[TW_WIDTH] * size, TW_ALIGNMENT);
    p.dy_pitch = CHUNK + PHASES; /* channels in other sets of the first cache */
    if (p.last && s->out_channels > 1)
        p.dy_bytes = tw_round_up(s->out_channels * p.dy_pitch * size, TW_ALIGNMENT);
    if (p.padded) p.inside_bytes = tw_round_up((p.window_plane + p.ones) * size, TW_ALIGNMENT);
    p.sums_bytes = tw_round_up(p.sums * size, TW_ALIGNMENT);
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

/* Where the sources of each weight lie in a window, and of the bias: the same in the one that says what
 * counts, which has a single channel. */
static void find_offsets(const plan *p) {
    const tw_shape *s = p->shape;
    const int64_t weights = p->sums_row - 1;
    int64_t *offsets = p->offsets, *marks = offsets + p->sums_row, tap[TW_AXES];
    for (int64_t at = 0; at < weights; at++) {
        find_tap(s, at % p->taps, tap);
        int64_t row = tap[TW_DEPTH] * p->window_rows + tap[TW_HEIGHT] * s->dilation[TW_HEIGHT];
        marks[at] = tap[TW_WIDTH] * p->window_x + row * p->piece;
        offsets[at] = at / p->taps * p->window_plane + marks[at];
    }
    offsets[weights] = s->in_channels * p->window_plane, marks[weights] = p->window_plane;
}

/* `rows` output channels from `n` on, `columns` weights from `at` on; `inside`: of each strip, NULL where all
 * of it counts. */
static void run_tile(const chunk *k, const void *const *inside, int64_t n, int rows, int64_t at,
                     int columns) {
    const plan *p = k->p;
    tw_dots d = {.strips = k->strips,
                 .count = k->count,
                 .a_pitch = k->dy_pitch,
                 .a_begin = n * k->dy_pitch,
                 .offset = p->offsets + at,
                 .inside = inside,
                 .inside_offset = p->offsets + p->sums_row + at,
                 .c = k->totals + (n * p->sums_row + at) * (int64_t)p->size,
                 .c_row = p->sums_row,
                 .rows = rows,
                 .columns = columns,
                 .next = {k->next[0], k->next[1]}};
    const tw_loops *loops = p->job->problem->loops;
    if (inside)
        loops->dots_inside(&d);
    else
        loops->dots(&d);
}

/* Of `rows` output channels from `n` on: a NaN or an infinity stays in the sum. */
static bool has_finite_sums(const chunk *k, int64_t n, int64_t rows) {
    const plan *p = k->p;
    bool finite = true;
    for (int64_t i = n; i < n + rows && finite; i++)
        finite =
            p->job->problem->loops->all_finite(k->totals + ((i + 1) * p->sums_row - 1) * (int64_t)p->size, 1);
    return finite;
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

/* What tile number `part` of `parts` fetches, for `rows` output channels from `n` on: channels first its
 * share of dy of the next ones, or of the next chunk's first ones; channels last of the next chunk's, which
 * is turned all at once, as many numbers. Only where that is one piece. */
static void look_ahead(chunk *k, int64_t n, int64_t rows, int64_t part, int64_t parts) {
    const plan *p = k->p;
    const int64_t size = (int64_t)p->size, more = p->last ? 0 : p->shape->out_channels - n - rows;
    const int64_t line = p->last ? k->strips[0].length : k->dy_pitch;
    const int64_t first = p->last ? n : 0, count = more > 0 ? tw_min(more, rows) : rows;
    const char *dy = more > 0 ? (const char *)k->strips[0].a + (n + rows) * line * size : k->next_dy;
    const int64_t at = first + count * part / parts, end = first + count * (part + 1) / parts;
    k->next[0] = k->next[1] = NULL;
    if (!dy || k->count > 1) return;
    for (int64_t i = 0; i < 2 && at + i < end; i++) k->next[i] = dy + (at + i) * line * size;
}

/* Some output channels, whose dy, some kilobytes for each, stays in the first cache for all weights. The tile
 * with the bias comes first: its sums say whether padding may be multiplied. Returns `inside` or, where it
 * may not, what of each strip counts, `marks`. */
static const void *const *run_rows(chunk *k, const void *const *inside, const void **marks, int64_t n,
                                   int rows) {
    const plan *p = k->p;
    const int64_t tiles = tw_ceil_div(p->sums_row, p->job->problem->loops->dot_columns);
    for (int64_t i = tiles; i-- > 0;) {
        const int64_t at = i * p->sums_row / tiles;
        const int columns = (int)((i + 1) * p->sums_row / tiles - at);
        look_ahead(k, n, rows, tiles - 1 - i, tiles);
        run_tile(k, inside, n, rows, at, columns);
        if (i + 1 < tiles || inside || !p->padded || p->job->dy_finite) continue;
        if (has_finite_sums(k, n, rows) || is_finite(k)) continue;
        list_inside(k, marks);
        inside = marks;
        run_tile(k, inside, n, rows, at, columns);
    }
    return inside;
}

static void run_chunk(chunk *k) {
    const plan *p = k->p;
    const tw_problem *problem = p->job->problem;
    const void *marks[TW_DOTS_STRIPS], *const *inside = NULL;
    tw_dots_stage(k);
    for (int64_t n = 0, rows; n < p->shape->out_channels; n += rows) {
        rows = tw_min(problem->loops->dot_rows, p->shape->out_channels - n);
        inside = run_rows(k, inside, marks, n, (int)rows);
    }
    if (k->first)
        memcpy(k->sums, k->totals, (size_t)p->sums * p->size);
    else
        problem->kernel->sweeps[problem->type]->add(p->sums, TW_NO_RAMP, k->sums, k->totals, k->sums);
}

/* The workspace: offsets, the slots' sums, then each worker's of a chunk, windows, gathered rows, dy and what
 * lies inside. */
static int64_t offset_bytes(const plan *p) {
    return tw_round_up(2 * p->sums_row * (int64_t)sizeof *p->offsets, TW_ALIGNMENT);
}

static int64_t worker_bytes(const plan *p) {
    return tw_worker_bytes(p->sums_bytes + p->x_bytes + p->row_bytes + p->dy_bytes + p->inside_bytes);
}

/* Ones behind the windows of each image. */
static void write_ones(const plan *p, char *x) {
    const int64_t images = tw_min(p->images, tw_max(1, p->shape->batch));
    for (int64_t i = 1; i <= images; i++)
        for (int64_t at = i * p->window_image - p->ones; at < i * p->window_image; at++)
            if (p->job->problem->type == TW_F32)
                ((float *)x)[at] = 1;
            else
                ((double *)x)[at] = 1;
}

/* Chunk `number`; `next` comes behind it, or nothing if there are no more. */
static void run_number(plan *p, chunk *k, int64_t number, int64_t next, int worker) {
    k->next_dy = NULL;
    if (next < p->chunks) {
        find_chunk(k, next);
        k->next_dy = tw_dots_dy(k, k->image0, k->y0);
    }
    find_chunk(k, number);
    k->sums = p->slots + number % SLOTS * p->sums_bytes, k->first = number < SLOTS;
    k->clean = p->clean[worker], k->marked = p->marked[worker];
    run_chunk(k);
    if (p->steady && !k->clean && k->image1 - k->image0 == p->images) p->clean[worker] = true;
    p->marked[worker] = k->marked;
}

/* Some slots: their chunks in the order of memory. */
static void run_slots(void *context, int64_t part, int worker) {
    plan *p = context;
    const int64_t slot0 = part * SLOTS / p->parts, slot1 = (part + 1) * SLOTS / p->parts;
    chunk k = {.p = p};
    k.totals = p->slots + SLOTS * p->sums_bytes + worker * worker_bytes(p);
    k.x = k.totals + p->sums_bytes;
    k.gathered = k.x + p->x_bytes, k.dy = k.gathered + p->row_bytes;
    k.inside = k.dy + p->dy_bytes;
    write_ones(p, k.x);
    for (int64_t first = slot0; first < p->chunks; first += SLOTS)
        for (int64_t n = first, end = first + slot1 - slot0; n < end && n < p->chunks; n++)
            run_number(p, &k, n, n + 1 < end ? n + 1 : first + SLOTS, worker);
}

/* ---- The algorithm. */

/* What the slots summed, in order, in the first of them. */
static void add_slots(const plan *p) {
    const tw_problem *problem = p->job->problem;
    for (int64_t i = 1; i < tw_min(SLOTS, p->chunks); i++)
        problem->kernel->sweeps[problem->type]->add(p->sums, TW_NO_RAMP, p->slots,
                                                    p->slots + i * p->sums_bytes, p->slots);
}

static void run(const tw_job *job) {
    plan p = describe(job->problem);
    p.job = job;
    p.offsets = job->workspace;
    p.slots = (char *)job->workspace + offset_bytes(&p);
    find_offsets(&p);
    p.parts = p.chunks < MANY ? SLOTS : tw_min(SLOTS, job->threads);
    tw_parallel(job->threads, tw_min(p.parts, p.chunks), run_slots, &p);
    add_slots(&p);
    const tw_loops *loops = job->problem->loops;
    const int64_t weights = p.sums_row - 1, channels = p.shape->out_channels;
    const char *bias = p.slots + weights * (int64_t)p.size;
    loops->copy(&(tw_block){p.slots, p.sums_row, job->dw, weights, channels, weights});
    if (job->db) loops->copy(&(tw_block){bias, p.sums_row, job->db, 1, channels, 1});
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    (void)pass, (void)state;
    plan p = describe(problem);
    return offset_bytes(&p) + SLOTS * p.sums_bytes + threads * worker_bytes(&p);
}

/* Windows are small where this pays; what is not is left to others. */
static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (pass != TW_BACKWARD_WEIGHTS) return "it sums gradients of weights only";
    if (s->groups > 1) return "it knows one group only";
    if (s->stride[TW_WIDTH] != 1) return "the pixels of a row that meet a tap are not neighbours";
    if (s->in_channels > TW_FEW_CHANNELS) return "there are input channels enough to fill vectors";
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

/* For each pixel of dy its products, the bias among them, and what it takes to write its windows; with
 * channels last dy is turned, and x gathered. Rows that are strips of their own begin and end a tile each,
 * and leave vectors in part empty. (Least times on Zen 5, AVX-512, 1 to 12 channels to 8 to 96, kernels of
 * 1x1 to 11x11; beside them those of gradient_cost in direct.c.) */
static double cost(const tw_problem *problem, tw_pass pass) {
    enum { WINDOW = 19, WINDOW_ROW = 45, TURNED = 10, GATHERED = 45 };
    const double product = 1.25;
    const tw_shape *s = &problem->shape;
    const plan p = describe(problem);
    const double in = (double)s->in_channels, out = (double)s->out_channels, width = (double)p.piece;
    const double windows = in * (double)(s->kernel[TW_WIDTH] * s->stride[TW_HEIGHT]);
    (void)pass;
    double pixel = product * ((double)s->kernel_taps * in + 1) * out;
    if (!p.joined) pixel *= ((double)tw_round_up(p.piece, PHASES) + PHASES) / width;
    const bool single_row = s->kernel_taps > 1 && s->kernel_taps == s->kernel[TW_WIDTH];
    pixel += windows * (single_row && s->in_channels > 1 ? WINDOW_ROW : WINDOW);
    if (p.last) pixel += TURNED * (double)tw_round_up(s->out_channels, PHASES);
    if (p.last && s->in_channels > 1) pixel += GATHERED * in;
    return pixel * (double)s->out_pixels;
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

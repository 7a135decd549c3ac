/* The gradient of the weights where channels are few: dw[n][c][tap] = sum over pixels of dy[n][pixel] *
 * x[c][source]. Vectors lie along the pixels of a row, so that no lane waits for a channel that does not
 * exist; channels first, dy is read in place, and x is copied once to a window with its padding. A tap is
 * then nothing but an offset into the window.
 *
 * The order of a sum: a chunk is some rows or small images of about 2048 pixels; in it pixel l of a row
 * belongs to partial sum l mod 16; the partial sums are added in a tree (kernel.h, tw_dots). Chunk number i
 * is added to the partial gradient i mod 16, and these are added up at the end. Chunks depend on the geometry
 * of an image alone.
 *
 * Padding is multiplied, but never when dy of the chunk holds an infinity or a NaN: then taps are summed one
 * by one over the pixels whose source lies inside. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/algorithm.h"

enum { PHASES = 16, CHUNK = 2048, SLOTS = 16, MOST_STRIPS = CHUNK / PHASES, MOST_COLUMNS = 4 };

/* What follows from the geometry. */
typedef struct plan {
    const tw_job *job;
    const tw_shape *shape;
    size_t size;
    bool last, padded;     /* channels last; some tap reads outside, where zeros are */
    int64_t width, height; /* output pixels of a row, rows of an image: planes and rows together */
    int64_t piece, pieces; /* pixels of a row in a chunk, at most; pieces of a row */
    int64_t rows, row_chunks, images, chunks;
    int64_t window[TW_AXES], window_row, window_plane, window_image; /* numbers */
    int64_t taps;                                                    /* of a channel */
    int64_t dw, x_bytes, dy_bytes;                                   /* numbers; bytes of a worker */
} plan;

static int64_t reach(const tw_shape *s, int axis, int64_t outputs) {
    return (outputs - 1) * s->stride[axis] + (s->kernel[axis] - 1) * s->dilation[axis] + 1;
}

static bool reads_outside(const tw_shape *s) {
    for (int a = 0; a < TW_AXES; a++)
        if (s->pad[a] > 0 || reach(s, a, s->out[a]) - s->pad[a] > s->in[a]) return true;
    return false;
}

static plan describe(const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    plan p = {.shape = s, .size = tw_type_size(problem->type), .last = s->geometry.layout == TW_NHWC};
    p.padded = s->geometry.pad_mode == TW_PAD_ZEROS && reads_outside(s);
    p.width = s->out[TW_WIDTH], p.height = s->out[TW_HEIGHT];
    p.pieces = tw_ceil_div(p.width, CHUNK);
    p.piece = tw_round_up(tw_ceil_div(p.width, p.pieces), PHASES);
    p.pieces = tw_ceil_div(p.width, p.piece);
    p.rows = tw_min(p.height, tw_max(1, CHUNK / p.piece));
    p.rows = tw_ceil_div(p.height, tw_ceil_div(p.height, p.rows));
    p.row_chunks = tw_ceil_div(p.height, p.rows);
    bool whole = s->out[TW_DEPTH] == 1 && p.row_chunks == 1 && p.pieces == 1;
    p.images = whole ? tw_max(1, CHUNK / (p.piece * p.height)) : 1;
    p.chunks = tw_ceil_div(s->batch, p.images) * s->out[TW_DEPTH] * p.row_chunks * p.pieces;
    p.window[TW_DEPTH] = s->kernel[TW_DEPTH];
    p.window[TW_HEIGHT] = reach(s, TW_HEIGHT, p.rows);
    p.window[TW_WIDTH] = reach(s, TW_WIDTH, tw_min(p.piece, p.width));
    p.window_row = p.window[TW_WIDTH];
    p.window_plane = p.window[TW_DEPTH] * p.window[TW_HEIGHT] * p.window_row;
    p.window_image = s->in_channels * p.window_plane;
    p.taps = s->kernel_taps;
    p.dw = s->out_channels * s->in_channels * p.taps;
    p.x_bytes =
        tw_round_up(tw_min(p.images, tw_max(1, s->batch)) * p.window_image * (int64_t)p.size, TW_ALIGNMENT);
    if (p.last && s->out_channels > 1)
        p.dy_bytes = tw_round_up(s->out_channels * MOST_STRIPS * PHASES * (int64_t)p.size, TW_ALIGNMENT);
    return p;
}

/* A chunk, as its worker sees it. */
typedef struct chunk {
    const plan *p;
    char *x, *dy, *sums;
    bool first; /* of its slot: sums begin */
    int64_t image0, image1, z, y0, y1, x0, x1;
    tw_strip strips[MOST_STRIPS]; /* dy's channel 0 and the window's first number, for each row */
    int64_t count, dy_pitch;
} chunk;

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

/* ---- The window: x with its padding, [image][channel][z][y][x]. */

/* The columns that the image lacks: as the mode says. */
static void stage_side(const chunk *k, const char *row, int64_t step, int64_t channel_step, int64_t from,
                       int64_t count, char *to) {
    const tw_shape *s = k->p->shape;
    int64_t size = (int64_t)k->p->size;
    for (int64_t i = 0; i < count; i++) {
        int64_t x = tw_shape_source(s->geometry.pad_mode, from + i, s->in[TW_WIDTH]);
        for (int64_t c = 0; c < s->in_channels; c++) {
            char *out = to + (c * k->p->window_plane + i) * size;
            if (x < 0)
                memset(out, 0, k->p->size);
            else
                memcpy(out, row + (x * step + c * channel_step) * size, k->p->size);
        }
    }
}

/* One row of all channels; `row` NULL: it lies outside, where zeros are. */
static void stage_row(const chunk *k, const char *row, char *to) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    const tw_loops *loops = k->p->job->problem->loops;
    int64_t size = (int64_t)p->size, columns = reach(s, TW_WIDTH, k->x1 - k->x0),
            low = k->x0 - s->pad[TW_WIDTH];
    if (!row) {
        for (int64_t c = 0; c < s->in_channels; c++)
            memset(to + c * p->window_plane * size, 0, (size_t)(columns * size));
        return;
    }
    int64_t step = p->last ? s->in_channels : 1, channel_step = p->last ? 1 : s->in_pixels;
    int64_t begin = tw_max(0, tw_min(columns, -low)),
            end = tw_max(begin, tw_min(columns, s->in[TW_WIDTH] - low));
    const char *from = row + (low + begin) * step * size;
    char *out = to + begin * size;
    if (end > begin && p->last)
        loops->turn(&(tw_block){from, step, out, p->window_plane, end - begin, s->in_channels});
    else if (end > begin)
        loops->copy(&(tw_block){from, channel_step, out, p->window_plane, s->in_channels, end - begin});
    stage_side(k, row, step, channel_step, low, begin, to);
    stage_side(k, row, step, channel_step, low + end, columns - end, to + end * size);
}

static void stage_image(const chunk *k, int64_t image, char *to) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    tw_pad_mode mode = s->geometry.pad_mode;
    int64_t size = (int64_t)p->size, step = p->last ? s->in_channels : 1;
    const char *x = (const char *)p->job->x + image * s->in_image * size;
    int64_t rows = reach(s, TW_HEIGHT, k->y1 - k->y0);
    for (int64_t t = 0; t < s->kernel[TW_DEPTH]; t++) {
        int64_t z = k->z * s->stride[TW_DEPTH] + t * s->dilation[TW_DEPTH] - s->pad[TW_DEPTH];
        z = tw_shape_source(mode, z, s->in[TW_DEPTH]);
        for (int64_t r = 0; r < rows; r++) {
            int64_t y = k->y0 * s->stride[TW_HEIGHT] + r - s->pad[TW_HEIGHT];
            y = tw_shape_source(mode, y, s->in[TW_HEIGHT]);
            int64_t pixel = (z * s->in[TW_HEIGHT] + y) * s->in[TW_WIDTH];
            stage_row(k, z < 0 || y < 0 ? NULL : x + pixel * step * size,
                      to + (t * p->window[TW_HEIGHT] + r) * p->window_row * size);
        }
    }
}

/* ---- dy: in place with channels first, else turned to [channel][row][x]; and the strips. */

static const char *dy_row(const chunk *k, int64_t image, int64_t y) {
    const tw_shape *s = k->p->shape;
    int64_t pixel = (k->z * k->p->height + y) * k->p->width + k->x0;
    int64_t at = image * s->out_image + pixel * (k->p->last ? s->out_channels : 1);
    return (const char *)k->p->job->dy + at * (int64_t)k->p->size;
}

static void stage(chunk *k) {
    const plan *p = k->p;
    const tw_shape *s = p->shape;
    const tw_loops *loops = p->job->problem->loops;
    int64_t size = (int64_t)p->size, length = k->x1 - k->x0;
    bool turned = p->dy_bytes > 0;
    k->dy_pitch = turned ? MOST_STRIPS * PHASES : s->out_pixels;
    k->count = 0;
    for (int64_t i = k->image0; i < k->image1; i++) {
        char *window = k->x + (i - k->image0) * p->window_image * size;
        stage_image(k, i, window);
        for (int64_t y = k->y0; y < k->y1; y++) {
            const char *dy = dy_row(k, i, y);
            char *to = k->dy + k->count * p->piece * size;
            if (turned)
                loops->turn(&(tw_block){dy, s->out_channels, to, k->dy_pitch, length, s->out_channels});
            const char *x = window + (y - k->y0) * s->stride[TW_HEIGHT] * p->window_row * size;
            k->strips[k->count++] = (tw_strip){turned ? to : dy, x, length};
        }
    }
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
                        dy_row(k, i, y) + n * s->out_pixels * (int64_t)p->size, run))
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
    int64_t row = tap[TW_DEPTH] * p->window[TW_HEIGHT] + tap[TW_HEIGHT] * s->dilation[TW_HEIGHT];
    return at / p->taps * p->window_plane + row * p->window_row + tap[TW_WIDTH] * s->dilation[TW_WIDTH];
}

/* All output channels for `columns` weights from `at` on. */
static void run_columns(const chunk *k, const tw_strip *strips, int64_t count, int64_t at, int columns) {
    const plan *p = k->p;
    const tw_loops *loops = p->job->problem->loops;
    int64_t offsets[MOST_COLUMNS], channels = p->shape->out_channels,
                                   weights = p->shape->in_channels * p->taps;
    for (int j = 0; j < columns; j++) offsets[j] = offset(p, at + j);
    tw_dots d = {
        strips, count, .a_pitch = k->dy_pitch, .offset = offsets, .c_row = weights, .columns = columns};
    d.accumulate = !k->first;
    for (int64_t n = 0; n < channels; n += d.rows) {
        d.rows = (int)tw_min(loops->dot_rows, channels - n);
        d.a_begin = n * k->dy_pitch;
        d.c = k->sums + (n * weights + at) * (int64_t)p->size;
        loops->dots(&d);
    }
}

/* The strips of one tap, cut to where its source lies inside. */
static int64_t cut_strips(const chunk *k, int64_t at, tw_strip *strips) {
    const tw_shape *s = k->p->shape;
    int64_t tap[TW_AXES], source[TW_AXES], count = 0, size = (int64_t)k->p->size;
    find_tap(s, at % k->p->taps, tap);
    for (int a = 0; a < TW_AXES; a++) source[a] = tap[a] * s->dilation[a] - s->pad[a];
    int64_t begin = tw_max(k->x0, -source[TW_WIDTH]), end = tw_min(k->x1, s->in[TW_WIDTH] - source[TW_WIDTH]);
    int64_t z = k->z * s->stride[TW_DEPTH] + source[TW_DEPTH];
    if (begin >= end || z < 0 || z >= s->in[TW_DEPTH]) return 0;
    for (int64_t i = 0; i < k->count; i++) {
        int64_t y = (k->y0 + i % (k->y1 - k->y0)) * s->stride[TW_HEIGHT] + source[TW_HEIGHT];
        if (y < 0 || y >= s->in[TW_HEIGHT]) continue;
        int64_t skip = (begin - k->x0) * size;
        strips[count++] =
            (tw_strip){(const char *)k->strips[i].a + skip, (const char *)k->strips[i].b + skip, end - begin};
    }
    return count;
}

static void run_chunk(chunk *k) {
    const plan *p = k->p;
    int64_t weights = p->shape->in_channels * p->taps, most = p->job->problem->loops->dot_columns;
    stage(k);
    if (p->padded && !is_finite(k)) {
        tw_strip cut[MOST_STRIPS];
        for (int64_t at = 0; at < weights; at++) run_columns(k, cut, cut_strips(k, at, cut), at, 1);
        return;
    }
    for (int64_t at = 0; at < weights; at += most)
        run_columns(k, k->strips, k->count, at, (int)tw_min(most, weights - at));
}

static void run_slot(void *context, int64_t slot, int worker) {
    const plan *p = context;
    char *memory = p->job->workspace, *own = memory +
                                             tw_round_up(SLOTS * p->dw * (int64_t)p->size, TW_ALIGNMENT) +
                                             worker * (p->x_bytes + p->dy_bytes);
    chunk k = {.p = p, .x = own, .dy = own + p->x_bytes, .sums = memory + slot * p->dw * (int64_t)p->size};
    for (int64_t number = slot; number < p->chunks; number += SLOTS) {
        find_chunk(&k, number);
        k.first = number == slot;
        run_chunk(&k);
    }
}

/* ---- The algorithm. */

static void run(const tw_job *job) {
    plan p = describe(job->problem);
    p.job = job;
    const tw_sweeps *sweeps = job->problem->kernel->sweeps[job->problem->type];
    int64_t slots = tw_min(SLOTS, p.chunks);
    tw_parallel(job->threads, slots, run_slot, &p);
    memcpy(job->dw, job->workspace, (size_t)p.dw * p.size);
    for (int64_t i = 1; i < slots; i++)
        sweeps->add(p.dw, job->dw, (const char *)job->workspace + i * p.dw * (int64_t)p.size, job->dw);
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    (void)pass, (void)state;
    plan p = describe(problem);
    return tw_round_up(SLOTS * p.dw * (int64_t)p.size, TW_ALIGNMENT) + threads * (p.x_bytes + p.dy_bytes);
}

/* Windows are small where this pays; what is not is left to others. */
static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (pass != TW_BACKWARD_WEIGHTS) return "it sums gradients of weights only";
    if (s->groups > 1) return "it knows one group only";
    if (s->stride[TW_WIDTH] != 1) return "the pixels of a row that meet a tap are not neighbours";
    if (s->in_channels > 4 || s->out_channels > 12) return "there are channels enough to fill vectors";
    if (s->out[TW_WIDTH] < 8) return "rows are too short to fill vectors";
    double window = 1;
    for (int a = 0; a < TW_AXES; a++) {
        double most = a == TW_DEPTH ? 1 : CHUNK;
        double outputs = (double)s->out[a] < most ? (double)s->out[a] : most;
        window *= outputs * (double)s->stride[a] + (double)s->kernel[a] * (double)s->dilation[a];
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
};

/* Running the weight gradient. The loops of one task, outermost first: chunks of its slot, blocks of output
 * channels, taps, tiles of input channels. Then the partial gradients are added up and put into the order of
 * the weights. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/gradient.h"
#include "conv/rows.h"

enum {
    MOST_STRIPS = 256,
    TURN = 16, /* channels turned at once: they stay in the first cache */
    AHEAD = 8  /* output channels: short runs, far apart, that no processor fetches by itself */
};

/* One task, and the chunk that it is at. */
typedef struct work {
    const tw_gradient *g;
    const tw_job *job;
    char *partial, *x, *dy; /* workspace: all partial gradients; this worker's staged rows */
    int64_t slot, group, block0, block1, in0, in1;
    int64_t chunk, image0, image1, z, y0, y1, x0, x1;
    int64_t x_low, y_low; /* source column and row at the beginning of what is staged */
    int64_t block;
    bool infinite; /* the block's dy holds a NaN or an infinity */
} work;

/* One tap, or one row of taps. */
typedef struct tap {
    int64_t z, y, x;
    bool row;
} tap;

static void split(int64_t *task, int64_t count, int64_t *index) {
    *index = *task % count;
    *task /= count;
}

static void find_chunk(work *k, int64_t chunk) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    int64_t piece, rows;
    k->chunk = chunk;
    split(&chunk, g->pixel_chunks, &piece);
    split(&chunk, g->row_chunks, &rows);
    split(&chunk, g->axis[TW_DEPTH].to, &k->z);
    k->image0 = chunk * g->chunk_images, k->image1 = tw_min(k->image0 + g->chunk_images, g->images);
    k->y0 = rows * g->chunk_rows, k->y1 = tw_min(k->y0 + g->chunk_rows, y->to);
    k->x0 = piece * g->chunk_pixels, k->x1 = tw_min(k->x0 + g->chunk_pixels, x->to);
    bool all = g->mode != TW_PAD_ZEROS && y->outside;
    k->y_low = all ? 0 : tw_max(0, k->y0 * y->in_step + y->least);
    k->x_low = k->x0 * x->in_step + x->least;
    if (!g->padded) k->x_low = tw_max(0, k->x_low);
}

static int64_t source(const tw_gradient *g, int axis, int64_t to, int64_t t) {
    const tw_axis *a = &g->axis[axis];
    return tw_shape_source(g->mode, to * a->in_step + a->shift[t], a->from);
}

static void stage_x(const work *k) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    bool all = g->mode != TW_PAD_ZEROS && y->outside;
    int64_t end = all ? y->from : tw_min(y->from, (k->y1 - 1) * y->in_step + y->last + 1);
    int64_t high = (k->x1 - 1) * x->in_step + x->last + 1, planes = g->kernel[TW_DEPTH];
    if (!g->padded) high = tw_min(high, x->from);
    tw_row row = {.loops = k->job->problem->loops,
                  .layout = g->layout,
                  .size = g->size,
                  .image_channels = g->in_channels,
                  .image_pixels = g->in_pixels,
                  .first = k->group * g->group_in + k->in0,
                  .channels = k->in1 - k->in0,
                  .width = x->from};
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t t = 0; t < planes; t++) {
            int64_t plane = source(g, TW_DEPTH, k->z, t);
            for (int64_t r = k->y_low; plane >= 0 && r < end; r++) {
                int64_t slot = ((i - k->image0) * planes + t) * g->x_rows + r - k->y_low;
                row.begin = (plane * y->from + r) * x->from;
                tw_row_load(&row, (const char *)k->job->x + i * g->in_image * (int64_t)g->size, g->mode,
                            k->x_low, high - k->x_low,
                            k->x + slot * g->x_width * row.channels * (int64_t)g->size);
            }
        }
}

static bool is_infinite(const char *number, size_t size) {
    uint32_t half;
    uint64_t bits;
    memcpy(&half, number, 4);
    if (size == 4) return (half & 0x7f800000u) == 0x7f800000u;
    memcpy(&bits, number, 8);
    return (bits & 0x7ff0000000000000u) == 0x7ff0000000000000u;
}

/* dy of the chunk and block: [image][y][x][row], columns beyond the block's are zeros. */
static void stage_dy(work *k) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    int64_t size = (int64_t)g->size, columns = tw_gradient_columns(g, k->block),
            pitch = tw_gradient_row(g, k->block);
    int64_t first = k->group * g->group_out + k->block * g->block;
    int64_t pixel_step = g->layout == TW_NHWC ? g->out_channels : 1,
            channel_step = g->layout == TW_NHWC ? 1 : g->out_pixels;
    char *to = k->dy;
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t r = k->y0; r < k->y1; r++) {
            int64_t pixel = (k->z * y->to + r) * x->to + k->x0;
            const char *from = (const char *)k->job->dy +
                               (i * g->out_image + first * channel_step + pixel * pixel_step) * size;
            tw_row_spread(k->job->problem->loops, from, pixel_step, channel_step, k->x1 - k->x0, columns,
                          pitch, g->size, to);
            to += (k->x1 - k->x0) * pitch * size;
        }
    k->infinite = false;
    if (g->joined)
        for (const char *p = k->dy; p < to && !k->infinite; p += size) k->infinite = is_infinite(p, g->size);
}

/* The output pixels of a row that see this tap inside the source. */
static void inside(const work *k, const tap *t, int64_t *begin, int64_t *end) {
    const tw_axis *x = &k->g->axis[TW_WIDTH];
    *begin = k->x0, *end = k->x1;
    if (t->row || k->g->mode != TW_PAD_ZEROS || !x->outside) return;
    int64_t shift = x->shift[t->x];
    if (shift < 0) *begin = tw_max(k->x0, tw_ceil_div(-shift, x->in_step));
    *end = shift >= x->from ? 0 : tw_min(k->x1, (x->from - 1 - shift) / x->in_step + 1);
}

/* One strip for each row of pixels; with by_images a single one. */
static int64_t list_strips(const work *k, const tap *t, tw_strip *strips) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    int64_t size = (int64_t)g->size, count = 0, begin, end, plane = source(g, TW_DEPTH, k->z, t->z);
    int64_t pitch = g->dy_in_place ? g->out_channels : tw_gradient_row(g, k->block);
    inside(k, t, &begin, &end);
    if (plane < 0 || begin >= end) return 0;
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t r = k->y0; r < k->y1; r++) {
            int64_t row = source(g, TW_HEIGHT, r, t->y), column = begin * x->in_step + x->shift[t->x], a, b;
            if (row < 0) continue;
            if (g->x_in_place)
                a = i * g->in_image + ((plane * y->from + row) * x->from + column) * g->in_channels +
                    k->group * g->group_in + k->in0;
            else
                a = ((((i - k->image0) * g->kernel[TW_DEPTH] + t->z) * g->x_rows + row - k->y_low) *
                         g->x_width +
                     column - k->x_low) *
                    (k->in1 - k->in0);
            if (g->dy_in_place)
                b = i * g->out_image + ((k->z * y->to + r) * x->to + begin) * pitch;
            else
                b = (((i - k->image0) * (k->y1 - k->y0) + r - k->y0) * (k->x1 - k->x0) + begin - k->x0) *
                    pitch;
            strips[count++] =
                (tw_strip){(g->x_in_place ? (const char *)k->job->x : k->x) + a * size,
                           (g->dy_in_place ? (const char *)k->job->dy : k->dy) + b * size, end - begin};
            if (g->by_images) {
                strips[0].length = k->image1 - k->image0;
                return 1;
            }
        }
    return count;
}

/* All input channels of the part for one tap, or all taps of a row for all of them. */
static void run_tap(const work *k, const tw_loops *loops, tap t) {
    const tw_gradient *g = k->g;
    tw_strip strips[MOST_STRIPS];
    int64_t size = (int64_t)g->size, row = tw_gradient_row(g, k->block), first = k->chunk < g->slots;
    int64_t count = t.row ? g->kernel[TW_WIDTH] * g->group_in : k->in1 - k->in0;
    int64_t number = (t.z * g->kernel[TW_HEIGHT] + t.y) * g->kernel[TW_WIDTH] + t.x;
    int64_t at =
        k->slot * g->partial + tw_gradient_at(g, k->group, k->block) + (number * g->group_in + k->in0) * row;
    tw_tile tile = {.strips = strips, .a_row = 1, .c_row = row, .start_row = row};
    tile.count = list_strips(k, &t, strips);
    if (tile.count == 0 && !first) return;
    tile.a_col = g->axis[TW_WIDTH].in_step * (g->x_in_place ? g->in_channels : k->in1 - k->in0);
    tile.b_row = g->dy_in_place ? g->out_channels : row;
    if (g->by_images) tile.a_col = g->in_image;
    tile.vecs = (int)(row / g->lanes);
    tile.columns = (int)row;
    int64_t tiles = tw_ceil_div(count, loops->most_rows[tile.vecs]);
    for (int64_t i = 0; i < tiles; i++) {
        tile.a_begin = i * count / tiles;
        tile.rows = (int)((i + 1) * count / tiles - tile.a_begin);
        tile.c = k->partial + (at + tile.a_begin * row) * size;
        tile.start = first ? NULL : tile.c;
        loops->tile(&tile);
    }
}

static void run_chunk(work *k) {
    const tw_gradient *g = k->g;
    const tw_loops *loops = k->job->problem->loops;
    if (!g->x_in_place) stage_x(k);
    for (k->block = k->block0; k->block < k->block1; k->block++) {
        if (!g->dy_in_place) stage_dy(k);
        bool rows = g->joined && !k->infinite;
        for (int64_t z = 0; z < g->kernel[TW_DEPTH]; z++)
            for (int64_t y = 0; y < g->kernel[TW_HEIGHT]; y++)
                for (int64_t x = 0; x < (rows ? 1 : g->kernel[TW_WIDTH]); x++)
                    run_tap(k, loops, (tap){z, y, x, rows});
    }
}

static char *after_partials(const tw_gradient *g, const tw_job *job) {
    return (char *)job->workspace + tw_round_up(g->partial * g->slots * (int64_t)g->size, TW_ALIGNMENT);
}

typedef struct whole {
    const tw_gradient *g;
    const tw_job *job;
} whole;

static void add(size_t size, const void *from, void *to, int64_t count) {
    if (size == 4)
        for (int64_t i = 0; i < count; i++) ((float *)to)[i] += ((const float *)from)[i];
    else
        for (int64_t i = 0; i < count; i++) ((double *)to)[i] += ((const double *)from)[i];
}

/* The taps of one pair of channels: to[t] = from[t * step], or from the last to the first. */
static void turn(const char *from, int64_t step, int64_t taps, bool flipped, size_t size, char *to) {
    for (int64_t t = 0; t < taps; t++) {
        int64_t at = flipped ? taps - 1 - t : t;
        if (size == 4)
            memcpy(to + at * 4, from + t * step * 4, 4);
        else
            memcpy(to + at * 8, from + t * step * 8, 8);
    }
}

/* One block of one group: the partial gradients added up in order, and then [tap][channel][column] to
 * [column][channel][tap]. */
static void finish_block(void *context, int64_t task, int worker) {
    (void)worker;
    const whole *all = context;
    const tw_gradient *g = all->g;
    int64_t size = (int64_t)g->size, group = task / g->blocks, block = task % g->blocks,
            taps = g->kernel_taps;
    int64_t row = tw_gradient_row(g, block), columns = tw_gradient_columns(g, block);
    char *sum = (char *)all->job->workspace + tw_gradient_at(g, group, block) * size;
    for (int64_t s = 1; s < tw_min(g->slots, g->chunks); s++)
        add(g->size, sum + s * g->partial * size, sum, taps * g->group_in * row);
    char *dw = (char *)all->job->dw + (group * g->group_out + block * g->block) * g->group_in * taps * size;
    for (int64_t c0 = 0; c0 < g->group_in; c0 += TURN)
        for (int64_t n = 0; n < columns; n++) {
            int64_t channels = tw_min(TURN, g->group_in - c0), run = channels * taps * size;
            const char *ahead = dw + (tw_min(n + AHEAD, columns - 1) * g->group_in + c0) * taps * size;
            for (int64_t i = 0; i < run; i += 64) __builtin_prefetch(ahead + i, 1);
            for (int64_t c = c0; c < c0 + channels; c++)
                turn(sum + (c * row + n) * size, g->group_in * row, taps, g->flipped, g->size,
                     dw + (n * g->group_in + c) * taps * size);
        }
}

/* The task's chunks, one after the other, for some blocks. */
static void run_chunks(work *k, int64_t block0, int64_t block1) {
    k->block0 = block0, k->block1 = block1;
    for (int64_t chunk = k->slot; chunk < k->g->chunks; chunk += k->g->slots) {
        find_chunk(k, chunk);
        run_chunk(k);
    }
}

/* Whether a task holds the whole sum of its blocks, and so can finish them while they are in the cache. */
static bool is_alone(const tw_gradient *g) {
    return g->slots == 1 && g->row_parts == 1;
}

static void run_task(void *context, int64_t task, int worker) {
    const whole *all = context;
    const tw_gradient *g = all->g;
    work k = {.g = g, .job = all->job, .partial = all->job->workspace};
    int64_t x_bytes, bytes = tw_gradient_worker_bytes(g, &x_bytes), part, columns;
    k.x = after_partials(g, all->job) + worker * bytes;
    k.dy = k.x + x_bytes;
    split(&task, g->row_parts, &part);
    split(&task, g->column_parts, &columns);
    split(&task, g->groups, &k.group);
    k.slot = task;
    k.in0 = part * g->part_in, k.in1 = tw_min(k.in0 + g->part_in, g->group_in);
    int64_t end = (columns + 1) * g->blocks / g->column_parts, next;
    for (int64_t b = columns * g->blocks / g->column_parts; b < end; b = next) {
        next = g->x_in_place ? b + 1 : end; /* staging x once for all blocks is worth more than their cache */
        run_chunks(&k, b, next);
        for (int64_t done = b; done < next && is_alone(g); done++)
            finish_block(context, k.group * g->blocks + done, worker);
    }
}

void tw_gradient_execute(const tw_gradient *g, const tw_job *job) {
    whole all = {g, job};
    tw_parallel(job->threads, tw_min(g->slots, g->chunks) * g->groups * g->column_parts * g->row_parts,
                run_task, &all);
    if (!is_alone(g)) tw_parallel(job->threads, g->groups * g->blocks, finish_block, &all);
}

/* Planning the weight gradient: chunks and slots from the geometry, the rest from the machine. */
#include "conv/gradient.h"

#include <math.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

/* Products of one chain, and how many partial gradients. The bits of all weight gradients depend on these. */
enum { CHUNK = 256, MOST_SLOTS = 16 };

/* A power of two, so that two, four or eight threads share them evenly: as many as fit into the second cache,
 * and two of larger ones. Threads that work on different chunks stage nothing twice (measured: 1.2 times as
 * fast as sharing rows, for kernels of 3x3). A 1x1 kernel whose gradient is not small is written in place. */
static int64_t count_slots(const tw_gradient *g, int64_t bytes) {
    const int64_t all = g->kernel_taps == 1 ? 1 << 18 : 5 << 17, pair = g->kernel_taps == 1 ? 0 : 3 << 18;
    int64_t slots = bytes <= pair ? 2 : 1;
    while (2 * slots <= MOST_SLOTS && 2 * slots * bytes <= all) slots *= 2;
    return slots;
}

static bool is_pointwise(const tw_shape *s) {
    for (int a = 0; a < TW_AXES; a++)
        if (s->kernel[a] != 1 || s->stride[a] != 1 || s->pad[a] != 0 || s->in[a] != s->out[a]) return false;
    return true;
}

static tw_status make_axes(tw_gradient *g, const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    bool flat = is_pointwise(s);
    if (flat && g->layout == TW_NHWC) {
        g->flat = s->in_pixels;
        g->in_pixels = g->out_pixels = s->in_pixels * g->images;
        g->in_image *= g->images, g->out_image *= g->images, g->images = 1;
    }
    for (int a = 0; a < TW_AXES; a++) {
        int64_t pixels = a == TW_WIDTH ? g->in_pixels : 1;
        tw_axis_spec spec = {.from = flat ? pixels : s->in[a],
                             .to = flat ? pixels : s->out[a],
                             .kernel = s->kernel[a],
                             .stride = s->stride[a],
                             .dilation = s->dilation[a],
                             .pad = s->pad[a]};
        tw_status status = tw_axis_create(&g->axis[a], &spec);
        if (status) return status;
        g->kernel[a] = s->kernel[a];
    }
    return TW_OK;
}

/* Long rows are cut, short ones of a plane joined, small images too: always from the first on in even steps,
 * so that images of zeros at the end of a batch change no bit. */
static void choose_chunks(tw_gradient *g) {
    int64_t planes = g->axis[TW_DEPTH].to, rows = g->axis[TW_HEIGHT].to, width = g->axis[TW_WIDTH].to;
    g->by_images = g->out_pixels == 1 && g->layout == TW_NHWC && g->mode == TW_PAD_ZEROS && g->images > 1;
    g->pixel_chunks = tw_ceil_div(width, CHUNK);
    g->chunk_pixels = g->flat ? tw_min(width, CHUNK) : tw_ceil_div(width, g->pixel_chunks);
    g->pixel_chunks = tw_ceil_div(width, g->chunk_pixels);
    g->chunk_rows = tw_ceil_div(rows, tw_ceil_div(rows, tw_max(1, CHUNK / width)));
    g->row_chunks = tw_ceil_div(rows, g->chunk_rows);
    bool whole = planes == 1 && g->row_chunks == 1 && g->pixel_chunks == 1;
    g->chunk_images = whole ? tw_min(g->images, tw_max(1, CHUNK / (rows * width))) : 1;
    g->image_chunks = tw_ceil_div(g->images, g->chunk_images);
    g->chunks = g->image_chunks * planes * g->row_chunks * g->pixel_chunks;
}

/* Neighbouring chunks read the same rows of x: a slot takes runs of them, its share of an image. */
static void choose_slots(tw_gradient *g, int64_t bytes) {
    g->slots = count_slots(g, bytes);
    g->period = tw_max(g->slots, g->flat ? tw_ceil_div(g->flat, CHUNK) : g->chunks / g->image_chunks);
}

/* ---- How the tiles lie. */

/* A tile of some rows and vectors: half cycles for each product of a chain, bound by the multiply-adds, the
 * loads or the latency of the chains. A splat that serves a single multiply-add is a part of it, and slower.
 */
static double tile_time(int64_t rows, int64_t vecs) {
    double splats = (double)(rows > 3 ? rows : rows * vecs) * (vecs == 1 ? 1.15 : 1);
    double sums = (double)(rows * vecs), loads = splats + (double)(rows > 3 ? vecs : rows);
    return fmax(fmax(sums, loads), 8) + 0.05 * loads + 0.3;
}

/* The same for all tiles, with blocks v vectors wide. */
static double width_time(const tw_loops *loops, int64_t down, int64_t vecs, int v) {
    int64_t whole = vecs / v, rest = vecs % v;
    double time = 0;
    for (int64_t wide = v; wide > 0; wide = wide == v ? rest : 0) {
        int64_t tiles = tw_ceil_div(down, loops->most_rows[wide]), blocks = wide == v ? whole : 1;
        int64_t rows = down / tiles, higher = down % tiles;
        time += (double)(blocks * higher) * tile_time(rows + 1, wide) +
                (double)(blocks * (tiles - higher)) * tile_time(rows, wide);
        if (rest == 0) break;
    }
    return time;
}

/* So few input channels may lie down the tile, or have their taps joined: staged pixels are no panels, and
 * with more channels a tile would read a small part of each. */
enum { FEW = 16 };

/* Takes this way to lie if it is faster than what was found before. */
static void try_way(tw_gradient *g, const tw_loops *loops, bool across_in, bool joined, double *least) {
    int64_t row = joined ? g->kernel[TW_WIDTH] : 1;
    int64_t in = row * g->group_in, down = across_in ? g->group_out : in,
            across = across_in ? in : g->group_out;
    int64_t vecs = tw_ceil_div(across, loops->lanes);
    if (joined && across_in && vecs > loops->most_vecs) return; /* one block, whose taps can be taken alone */
    for (int v = 1; v <= tw_min(vecs, loops->most_vecs); v++) {
        if (joined && across_in && v < vecs) continue;
        double time = width_time(loops, down, vecs, v) / (double)row;
        if (time >= *least) continue;
        *least = time;
        g->across_in = across_in, g->joined = joined;
        g->down = down, g->across = across, g->vecs = v;
    }
}

static void choose_way(tw_gradient *g, const tw_loops *loops) {
    const tw_axis *x = &g->axis[TW_WIDTH];
    double least = INFINITY;
    int64_t span = (tw_min(x->to, g->chunk_pixels) - 1) * x->in_step + x->last - x->least + 1;
    bool absurd = span / 16 > x->from + x->to + 64; /* padding that had better not be staged */
    bool joins = g->kernel[TW_WIDTH] > 1 && x->joined && !g->by_images && !g->flipped && !absurd;
    bool few = g->group_in <= FEW;
    try_way(g, loops, true, false, &least);
    if (few) try_way(g, loops, false, false, &least);
    if (few && joins) {
        try_way(g, loops, true, true, &least);
        try_way(g, loops, false, true, &least);
    }
    g->lanes = loops->lanes;
    g->block = g->vecs * loops->lanes;
    g->blocks = tw_ceil_div(g->across, g->block);
    g->most_rows = loops->most_rows[g->vecs];
    g->tap_rows = g->kernel_taps / (g->joined ? g->kernel[TW_WIDTH] : 1);
    g->padded = g->joined || g->mode != TW_PAD_ZEROS;
    g->x_width = g->padded ? span : tw_min(span, x->from);
}

/* What need not be staged: channels last, and neighbours in memory are neighbours in the tile. */
static void choose_reading(tw_gradient *g) {
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    bool last = g->layout == TW_NHWC, whole = g->across % g->lanes == 0; /* across, whole vectors are read */
    bool x_stands = last && ((g->mode == TW_PAD_ZEROS && !g->joined) || !x->outside);
    if (g->joined) x_stands = x_stands && g->groups == 1;
    /* wider pixels had better be staged, if that is read often: by all rows of the tile for each tap */
    bool narrow = g->in_channels * (int64_t)g->size <= 512, seldom = g->kernel_taps * g->down <= 512;
    g->x_in_place = x_stands && (!g->across_in || (whole && (narrow || seldom)));
    g->dy_in_place = last && (g->across_in || (whole && g->blocks == 1 && g->groups == 1));
    g->x_rows = tw_min(y->from, (g->chunk_rows - 1) * y->in_step + y->last - y->least + 1);
    if (g->mode != TW_PAD_ZEROS && y->outside) g->x_rows = y->from;
}

/* Panel by panel if the taps' x and the panel's sums stay in the first cache meanwhile. */
static bool sums_by_panel(const tw_gradient *g) {
    enum { HALF = 16 << 10 };
    int64_t planes = g->chunk_images * g->axis[TW_DEPTH].most, row = g->block * (int64_t)g->size, rows, x;
    return g->at_once && g->across_in && !g->joined && !g->by_images && g->kernel_taps > 1 &&
           tw_mul(planes, g->x_rows, &rows) && tw_mul(rows, g->x_width * row, &x) && x <= HALF &&
           g->kernel_taps * g->most_rows * row <= HALF && g->kernel_taps <= TW_GRADIENT_TAPS &&
           g->kernel_taps * g->chunk_images * g->chunk_rows <= TW_GRADIENT_STRIPS;
}

/* A share of the rows of the tile, for each pixel: its tiles, and what lies across them, which every share
 * stages for itself. */
static double share_time(const tw_gradient *g, const tw_loops *loops, int64_t rows) {
    int64_t vecs = tw_ceil_div(g->across, g->lanes);
    bool staged = g->across_in ? !g->x_in_place : !g->dy_in_place;
    return (double)g->tap_rows * width_time(loops, rows, vecs, (int)g->vecs) +
           (staged ? 6 * (double)(vecs * g->axis[TW_WIDTH].in_step * g->axis[TW_HEIGHT].in_step) : 0);
}

/* Joined taps lie between the rows of the tile, and are turned together: the blocks are shared instead, as
 * many as let the threads end first. */
static void choose_block_shares(tw_gradient *g, int threads) {
    int64_t tasks = g->groups * tw_gradient_slots(g), least = INT64_MAX;
    for (int64_t shares = 1; shares <= g->blocks; shares++) {
        int64_t time = tw_ceil_div(tasks * shares, threads) * tw_ceil_div(g->blocks, shares);
        if (time < least) least = time, g->block_shares = shares;
    }
}

/* Even shares of the rows of the tile, as many as let the threads end first: slots and groups may be too few,
 * or no multiple of the threads. */
static void choose_parts(tw_gradient *g, const tw_problem *problem) {
    int64_t tasks = g->groups * tw_gradient_slots(g), most = tw_min(tw_ceil_div(g->down, 8), 64);
    double least = INFINITY;
    int64_t fewest = 1;
    if (g->at_once && !g->by_panel) /* what is summed is turned: while it is in the second cache */
        fewest = tw_ceil_div(g->kernel_taps * g->down * g->block * (int64_t)g->size, 1 << 18);
    if (g->joined && !g->across_in) {
        most = 1;
        choose_block_shares(g, problem->threads);
    }
    fewest = tw_max(1, tw_min(fewest, most));
    for (int64_t parts = fewest; parts <= tw_max(most, fewest); parts++) {
        double rounds = (double)tw_ceil_div(tasks * parts, problem->threads);
        double time = rounds * share_time(g, problem->loops, tw_ceil_div(g->down, parts));
        if (time < 0.99 * least) least = time, g->parts = parts;
        if (problem->threads == 1) break;
    }
    g->part = tw_ceil_div(g->down, g->parts);
}

tw_status tw_gradient_create(tw_gradient *g, const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    *g = (tw_gradient){.mode = s->geometry.pad_mode,
                       .flipped = s->geometry.flipped,
                       .layout = s->geometry.layout,
                       .size = tw_type_size(problem->type),
                       .block_shares = 1,
                       .images = tw_max(1, s->batch),
                       .groups = s->groups,
                       .group_in = s->group_in,
                       .group_out = s->group_out,
                       .in_channels = s->in_channels,
                       .out_channels = s->out_channels,
                       .in_pixels = s->in_pixels,
                       .out_pixels = s->out_pixels,
                       .in_image = s->in_image,
                       .out_image = s->out_image,
                       .kernel_taps = s->kernel_taps};
    tw_status status = make_axes(g, problem);
    if (status) {
        tw_gradient_free(g);
        return status;
    }
    choose_chunks(g);
    choose_way(g, problem->loops);
    choose_reading(g);
    choose_slots(g, s->w_count * (int64_t)g->size);
    bool alone = tw_gradient_slots(g) == 1;
    g->dw_in_place = g->across_in && g->kernel_taps == 1 && alone;
    g->at_once = g->chunks == 1 && !g->dw_in_place;
    g->by_panel = sums_by_panel(g);
    g->sum_rows = g->by_panel ? tw_min(g->down, g->most_rows) : g->down;
    g->group_sums =
        ((g->blocks - 1) * g->block + tw_gradient_row(g, g->blocks - 1)) * g->tap_rows * g->sum_rows;
    choose_parts(g, problem);
    g->partial = g->dw_in_place ? 0
                 : g->at_once   ? g->tap_rows * g->sum_rows * g->block
                                : g->groups * g->group_sums;
    g->partial = tw_worker_bytes(g->partial * (int64_t)g->size) / (int64_t)g->size;
    return TW_OK;
}

tw_gradient tw_gradient_shrunk(const tw_gradient *gradient, int64_t images) {
    tw_gradient g = *gradient;
    if (g.flat) {
        tw_axis *x = &g.axis[TW_WIDTH];
        x->from = x->to = g.in_pixels = g.out_pixels = g.flat * images;
        g.in_image = x->from * g.in_channels, g.out_image = x->to * g.out_channels;
        g.pixel_chunks = tw_ceil_div(x->to, g.chunk_pixels);
    } else {
        g.images = images;
        g.image_chunks = tw_ceil_div(images, g.chunk_images);
    }
    g.chunks = g.image_chunks * g.axis[TW_DEPTH].to * g.row_chunks * g.pixel_chunks;
    return g;
}

void tw_gradient_free(tw_gradient *g) {
    for (int a = 0; a < TW_AXES; a++) tw_axis_free(&g->axis[a]);
}

/* Taps across: one staged row; else what takes in all lanes. */
static int64_t lanes_bytes(const tw_gradient *g) {
    if (!g->joined || !g->axis[TW_WIDTH].outside) return 0;
    int64_t numbers = (g->across_in ? g->x_width * g->group_in : 0) + g->block;
    return tw_round_up(numbers * (int64_t)g->size, TW_ALIGNMENT);
}

void tw_gradient_staged_bytes(const tw_gradient *g, int64_t *x, int64_t *dy, int64_t *lanes) {
    int64_t size = (int64_t)g->size, pixels = g->chunk_images * g->chunk_rows * g->chunk_pixels;
    int64_t channels = g->joined ? g->group_in : g->across_in ? g->block : g->part;
    int64_t planes = g->chunk_images * g->axis[TW_DEPTH].most;
    *x = *dy = *lanes = 0;
    if (!g->x_in_place) {
        if (!tw_mul(planes, g->x_rows, x) || !tw_mul(*x, g->x_width, x) || !tw_mul(*x, channels * size, x) ||
            *x > INT64_MAX / 4) {
            *x = INT64_MAX;
            return;
        }
        *x = tw_round_up(*x + g->block * size,
                         TW_ALIGNMENT); /* whole vectors are read behind the last pixel */
    }
    if (!g->dy_in_place) *dy = pixels * (g->across_in ? tw_round_up(g->part, g->most_rows) : g->block) * size;
    *dy = tw_round_up(*dy, TW_ALIGNMENT);
    *lanes = lanes_bytes(g);
}

/* Partial gradients come once for each slot, or once for each worker; sums of dy once for each slot. */
int64_t tw_gradient_workspace(const tw_gradient *g, int threads) {
    int64_t x, dy, lanes, sums, db;
    tw_gradient_staged_bytes(g, &x, &dy, &lanes);
    if (x == INT64_MAX || !tw_mul(g->partial, (g->at_once ? threads : g->slots) * (int64_t)g->size, &sums) ||
        sums > INT64_MAX / 2 || !tw_add(x, dy + lanes, &x) || !tw_mul(tw_worker_bytes(x), threads, &x) ||
        !tw_add(x, tw_round_up(sums, TW_ALIGNMENT) + threads * TW_ALIGNMENT, &x) ||
        !tw_mul(g->out_channels * (int64_t)g->size + TW_ALIGNMENT, g->slots, &db) || !tw_add(x, db, &x))
        return INT64_MAX;
    return x;
}

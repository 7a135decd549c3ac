/* Planning the weight gradient: chunks and slots from the geometry, the rest from the machine. */
#include "conv/gradient.h"

#include <math.h>

#include "base/checked.h"
#include "base/memory.h"

/* Products of one chain. The bits of all weight gradients depend on these two. */
enum { CHUNK = 256, SLOT_BYTES = 1 << 18, MOST_SLOTS = 16 };

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

/* Tiles of 1 .. most rows over the input channels: half cycles for each l. */
static double tile_time(int64_t rows, int64_t vecs) {
    double sums = (double)(rows * vecs), loads = (double)(rows + vecs);
    return fmax(fmax(sums, loads), 8) + 0.05 * loads;
}

static void choose_block(tw_gradient *g, const tw_loops *loops) {
    int64_t rows = g->joined ? g->kernel[TW_WIDTH] * g->group_in : g->group_in;
    int64_t vecs = tw_ceil_div(g->group_out, loops->lanes);
    double best = INFINITY;
    for (int v = 1; v <= loops->most_vecs; v++) {
        double time = 0;
        for (int64_t left = vecs; left > 0; left -= v) {
            int64_t wide = tw_min(left, v), tiles = tw_ceil_div(rows, loops->most_rows[wide]);
            time += (double)tiles * tile_time(tw_ceil_div(rows, tiles), wide);
            if (left > 64 * v)
                time *= (double)left / (double)v, left = 0; /* speed only: all blocks are alike */
        }
        if (time < best) best = time, g->vecs = v;
    }
    g->lanes = loops->lanes;
    g->block = g->vecs * loops->lanes;
    g->blocks = tw_ceil_div(g->group_out, g->block);
}

static void choose_reading(tw_gradient *g) {
    const tw_axis *x = &g->axis[TW_WIDTH];
    g->joined = g->group_in <= 4 && g->kernel[TW_WIDTH] > 1 && x->joined && !g->by_images;
    bool direct = g->layout == TW_NHWC && (g->mode == TW_PAD_ZEROS || !x->outside);
    g->x_in_place = direct && (!g->joined || (!x->outside && g->groups == 1));
    g->padded = g->joined || g->mode != TW_PAD_ZEROS;
    int64_t span = (tw_min(x->to, g->chunk_pixels) - 1) * x->in_step + x->last - x->least + 1;
    if (g->joined && span / 16 > x->from + x->to + 64) g->joined = g->padded = false; /* absurd padding */
    g->x_width = g->padded ? span : tw_min(span, x->from);
}

static void choose_parts(tw_gradient *g, const tw_problem *problem) {
    int64_t tasks = g->groups * tw_min(g->slots, g->chunks);
    int64_t most_rows = tw_max(1, g->group_in / problem->loops->most_rows[g->vecs]);
    g->column_parts = g->row_parts = 1;
    int64_t wanted = problem->threads == 1 ? 1 : 2 * problem->threads;
    if (tasks < wanted) g->column_parts = tw_min(g->blocks, tw_ceil_div(wanted, tasks));
    tasks *= g->column_parts;
    if (tasks < wanted && !g->joined) g->row_parts = tw_min(most_rows, tw_ceil_div(wanted, tasks));
    g->part_in = tw_ceil_div(g->group_in, g->row_parts);
    g->row_parts = tw_ceil_div(g->group_in, g->part_in);
}

tw_status tw_gradient_create(tw_gradient *g, const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    *g = (tw_gradient){.mode = s->geometry.pad_mode,
                       .flipped = s->geometry.flipped,
                       .layout = s->geometry.layout,
                       .size = tw_type_size(problem->type),
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
    choose_reading(g);
    choose_block(g, problem->loops);
    int64_t bytes = s->w_count * (int64_t)g->size;
    g->slots = tw_max(1, tw_min(MOST_SLOTS, SLOT_BYTES / bytes));
    choose_parts(g, problem);
    g->dy_in_place = g->layout == TW_NHWC && g->groups == 1 && g->blocks == 1 &&
                     tw_gradient_row(g, 0) == g->group_out && !g->joined;
    const tw_axis *y = &g->axis[TW_HEIGHT];
    g->x_rows = tw_min(y->from, (g->chunk_rows - 1) * y->in_step + y->last - y->least + 1);
    if (g->mode != TW_PAD_ZEROS && y->outside) g->x_rows = y->from;
    g->partial = tw_gradient_at(g, g->groups, 0);
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

int64_t tw_gradient_worker_bytes(const tw_gradient *g, int64_t *x_bytes) {
    int64_t size = (int64_t)g->size, x = 0, dy = 0;
    if (!g->x_in_place) {
        int64_t planes = g->chunk_images * g->axis[TW_DEPTH].most;
        if (!tw_mul(planes, g->x_rows, &x) || !tw_mul(x, g->x_width, &x) ||
            !tw_mul(x, g->part_in * size, &x) || x > INT64_MAX / 4)
            return INT64_MAX;
    }
    if (!g->dy_in_place) dy = g->chunk_images * g->chunk_rows * g->chunk_pixels * g->block * size;
    *x_bytes = tw_round_up(x, TW_ALIGNMENT);
    return *x_bytes + tw_round_up(dy, TW_ALIGNMENT);
}

int64_t tw_gradient_workspace(const tw_gradient *g, int threads) {
    int64_t x_bytes, worker = tw_gradient_worker_bytes(g, &x_bytes), partial;
    if (!tw_mul(worker, threads, &worker) || !tw_mul(g->partial, g->slots * (int64_t)g->size, &partial) ||
        partial > INT64_MAX / 2 || !tw_add(worker, tw_round_up(partial, TW_ALIGNMENT), &worker))
        return INT64_MAX;
    return worker;
}

/* Planning a sweep: sizes, the width of a tile, what is read in place, and how the work is cut. Only `block`,
 * `by_images` and the cuts depend on machine, batch or threads, and none of them changes the order of a sum.
 */
#include "conv/sweep.h"

#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

static int64_t ceil_div(int64_t a, int64_t b) {
    return tw_ceil_div(a, b);
}

static bool is_pointwise(const tw_sweep_spec *spec) {
    const tw_shape *s = &spec->problem->shape;
    for (int a = 0; a < TW_AXES; a++)
        if (s->kernel[a] != 1 || s->stride[a] != 1 || spec->pad[a] != 0 || s->in[a] != s->out[a])
            return false;
    return true;
}

/* A 1x1 convolution of stride 1 knows no rows: all pixels of an image, with channels last of all images, are
 * one row. */
static void flatten(tw_sweep *s, tw_axis_spec axes[TW_AXES]) {
    bool all = s->from_layout == TW_NHWC && s->to_layout == TW_NHWC;
    int64_t pixels = s->from_pixels * (all ? s->images : 1);
    for (int a = 0; a < TW_AXES; a++) axes[a].from = axes[a].to = a == TW_WIDTH ? pixels : 1;
    if (!all) return;
    s->flat = s->from_pixels;
    s->from_image *= s->images, s->to_image *= s->images;
    s->from_pixels = s->to_pixels = pixels;
    s->images = 1;
}

static void take_sizes(tw_sweep *s, const tw_sweep_spec *spec) {
    const tw_shape *shape = &spec->problem->shape;
    bool back = spec->backward;
    s->mode = spec->mode;
    s->backward = back;
    s->flipped = shape->geometry.flipped;
    s->from_layout = shape->geometry.layout;
    s->to_layout = spec->to_layout;
    s->size = tw_type_size(spec->problem->type);
    s->images = spec->images;
    s->groups = shape->groups;
    s->reduce = back ? shape->group_out : shape->group_in;
    s->produce = back ? shape->group_in : shape->group_out;
    s->from_channels = s->reduce * s->groups;
    s->to_channels = s->produce * s->groups;
    s->from_pixels = back ? shape->out_pixels : shape->in_pixels;
    s->to_pixels = spec->to[0] * spec->to[1] * spec->to[2];
    s->from_image = s->from_pixels * s->from_channels;
    s->to_image = s->to_pixels * s->to_channels;
}

static tw_status make_axes(tw_sweep *s, const tw_sweep_spec *spec) {
    const tw_shape *shape = &spec->problem->shape;
    tw_axis_spec axes[TW_AXES];
    for (int a = 0; a < TW_AXES; a++) {
        s->kernel[a] = shape->kernel[a];
        axes[a] = (tw_axis_spec){.from = spec->backward ? shape->out[a] : shape->in[a],
                                 .to = spec->to[a],
                                 .kernel = shape->kernel[a],
                                 .stride = shape->stride[a],
                                 .dilation = shape->dilation[a],
                                 .pad = spec->pad[a],
                                 .backward = spec->backward};
    }
    if (is_pointwise(spec)) flatten(s, axes);
    s->taps = 1;
    for (int a = 0; a < TW_AXES; a++) {
        tw_status status = tw_axis_create(&s->axis[a], &axes[a]);
        if (status) return status;
        s->taps *= s->axis[a].first[s->axis[a].phases];
    }
    return TW_OK;
}

/* Time of a tile of `rows` x `vecs` for each l, in half cycles of a machine with two multiply-add units, two
 * loads a cycle and a latency of four cycles. */
static double tile_time(int64_t rows, int64_t vecs) {
    double sums = (double)(rows * vecs), loads = (double)(rows + vecs);
    return fmax(fmax(sums, loads), 8) + 0.05 * loads;
}

/* `count` pixels cut into the fewest, evenly filled tiles. */
static double row_time(const tw_loops *loops, int64_t count, int64_t vecs) {
    int64_t tiles = ceil_div(count, loops->most_rows[vecs]), high = count % tiles;
    return (double)high * tile_time(count / tiles + 1, vecs) +
           (double)(tiles - high) * tile_time(count / tiles, vecs);
}

/* The width of a tile that fits the columns and the length of a row best. */
static void choose_block(tw_sweep *s, const tw_loops *loops) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t count = tw_min(s->by_images ? s->images : tw_axis_count(x, 0), 1 << 16);
    int64_t vecs = ceil_div(s->produce, loops->lanes);
    double best = INFINITY;
    for (int v = 1; v <= loops->most_vecs; v++) {
        double time = (double)(vecs / v) * row_time(loops, count, v);
        if (vecs % v) time += row_time(loops, count, vecs % v);
        if (time < best) best = time, s->vecs = v;
    }
    s->lanes = loops->lanes;
    s->block = s->vecs * loops->lanes;
    s->blocks = ceil_div(s->produce, s->block);
}

/* Pixels of a staged row for `columns` destinations. */
static int64_t stage_width(const tw_sweep *s, int64_t columns) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    if (s->skirts) return x->from;
    return (ceil_div(columns, x->out_step) - 1) * x->in_step + x->last - x->least + 1;
}

/* Source rows that `rows` neighbouring destination rows read, inside the source. With a padding mode that
 * brings rows from anywhere, all. */
static int64_t stage_rows(const tw_sweep *s, int64_t rows) {
    const tw_axis *y = &s->axis[TW_HEIGHT];
    if (s->mode != TW_PAD_ZEROS && y->outside) return y->from;
    int64_t span = ceil_div(rows, y->out_step) * y->in_step + y->last - y->least + 1;
    return tw_min(span, y->from);
}

static void choose_reading(tw_sweep *s) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    bool last = s->from_layout == TW_NHWC && s->to_layout == TW_NHWC;
    s->by_images =
        last && s->mode == TW_PAD_ZEROS && s->images > 1 && (s->from_pixels == 1 || s->to_pixels == 1);
    /* absurd padding is never staged: what is outside is left out */
    int64_t padded = stage_width(s, x->to);
    bool sparse = padded / 16 > x->from + x->to + 64;
    s->skirts = s->mode == TW_PAD_ZEROS && x->outside && (s->by_images || sparse);
    s->in_place = s->from_layout == TW_NHWC && (!x->outside || s->skirts) &&
                  (s->groups == 1 || s->reduce >= 16 || s->by_images);
    s->merged = x->joined && (!s->in_place || s->groups == 1);
}

/* How much work one task is when the destination is cut, in the same half cycles. */
typedef struct cut {
    int64_t rows, columns, images, parts;
} cut;

static double cut_time(const tw_sweep *s, const tw_loops *loops, cut c, int threads) {
    const tw_axis *y = &s->axis[TW_HEIGHT], *x = &s->axis[TW_WIDTH];
    int64_t tasks = ceil_div(y->to, c.rows) * ceil_div(x->to, c.columns) * ceil_div(s->images, c.images) *
                    c.parts * s->axis[TW_DEPTH].to * s->groups;
    double depth = (double)(s->taps * s->reduce) / (double)(y->out_step * x->out_step);
    int64_t m = s->by_images ? c.images : tw_max(1, c.columns / x->out_step);
    int64_t lines = s->by_images ? c.rows * c.columns : c.rows * x->out_step;
    double work = (double)(lines * ceil_div(s->blocks, c.parts)) * row_time(loops, m, s->vecs) * depth;
    double stage = s->in_place ? 0
                               : (double)(s->axis[TW_DEPTH].most * stage_rows(s, c.rows)) *
                                     (double)(stage_width(s, c.columns) * s->reduce) * 0.5;
    return (double)ceil_div(tasks, threads) * (work + stage + 2000);
}

/* Bytes that a band keeps in the second cache: its source and one block of its destination. */
static double band_bytes(const tw_sweep *s, int64_t rows, int64_t columns) {
    double width = (double)(s->in_place ? tw_min(s->axis[TW_WIDTH].from, stage_width(s, columns))
                                        : stage_width(s, columns));
    double source = (double)(s->axis[TW_DEPTH].most * stage_rows(s, rows)) * width * (double)s->reduce;
    return (source + (double)(rows * columns * s->block)) * (double)s->size;
}

/* A count cut into `pieces` even pieces of whole units. */
static int64_t piece(int64_t count, int64_t pieces, int64_t unit) {
    return tw_min(count, tw_round_up(ceil_div(count, pieces), unit));
}

/* The largest bands that stay in the second cache; then, for several threads, the cut that ends first. */
static void choose_cut(tw_sweep *s, const tw_problem *problem) {
    const tw_axis *y = &s->axis[TW_HEIGHT], *x = &s->axis[TW_WIDTH];
    const double cache = (double)tw_cpu_l2_bytes() * 0.5;
    cut c = {.rows = y->to, .columns = x->to, .images = s->by_images ? s->images : 1, .parts = 1};
    int64_t bands = 1;
    while (c.rows > 1 && band_bytes(s, c.rows, c.columns) > cache) c.rows = piece(y->to, ++bands, 1);
    for (bands = 1; c.rows == 1 && c.columns > 64 * x->out_step && band_bytes(s, 1, c.columns) > cache;)
        c.columns = piece(x->to, ++bands, x->out_step);
    cut best = c;
    double least = cut_time(s, problem->loops, c, problem->threads);
    for (int64_t cuts = 1; cuts <= 16 && problem->threads > 1; cuts++)
        for (int64_t parts = 1; parts <= tw_min(s->blocks, 16); parts++) {
            cut d = c;
            d.parts = parts;
            if (s->by_images)
                d.images = piece(c.images, cuts, 1);
            else if (c.rows > 1)
                d.rows = piece(c.rows, cuts, 1);
            else
                d.columns = piece(c.columns, cuts, x->out_step);
            double time = cut_time(s, problem->loops, d, problem->threads);
            if (time < least * 0.99) best = d, least = time;
        }
    s->band_rows = best.rows, s->band_columns = best.columns;
    s->image_step = best.images, s->parts = best.parts;
    s->bands_y = ceil_div(y->to, best.rows), s->bands_x = ceil_div(x->to, best.columns);
    s->slots = stage_rows(s, best.rows);
    s->stage_width = stage_width(s, best.columns);
}

tw_status tw_sweep_create(tw_sweep *s, const tw_sweep_spec *spec) {
    *s = (tw_sweep){0};
    take_sizes(s, spec);
    tw_status status = make_axes(s, spec);
    if (status) {
        tw_sweep_free(s);
        return status;
    }
    choose_reading(s);
    choose_block(s, spec->problem->loops);
    choose_cut(s, spec->problem);
    return TW_OK;
}

void tw_sweep_free(tw_sweep *s) {
    for (int a = 0; a < TW_AXES; a++) tw_axis_free(&s->axis[a]);
}

tw_sweep tw_sweep_shrunk(const tw_sweep *sweep, int64_t images) {
    tw_sweep s = *sweep;
    tw_axis *x = &s.axis[TW_WIDTH];
    if (s.flat == 0) {
        s.images = images;
        return s;
    }
    x->from = x->to = s.from_pixels = s.to_pixels = s.flat * images;
    s.from_image = x->from * s.from_channels, s.to_image = x->to * s.to_channels;
    s.bands_x = ceil_div(x->to, s.band_columns);
    return s;
}

/* Bytes of a worker: staged rows, and a band of the destination when that is not written in place. */
int64_t tw_sweep_worker_bytes(const tw_sweep *s, int64_t *stage) {
    int64_t size = (int64_t)s->size, band = 0;
    *stage = 0;
    if (!s->in_place) {
        int64_t pixels = s->stage_width;
        if (!tw_mul(pixels, s->slots, &pixels) || !tw_mul(pixels, s->axis[TW_DEPTH].most, &pixels) ||
            !tw_mul(pixels, s->reduce * size, stage) || *stage > INT64_MAX / 4)
            return INT64_MAX;
        *stage = tw_round_up(*stage, TW_ALIGNMENT);
    }
    if (s->to_layout == TW_NCHW) band = s->band_rows * s->band_columns;
    if (!tw_mul(band, s->block * size, &band) || band > INT64_MAX / 4) return INT64_MAX;
    return *stage + tw_round_up(band, TW_ALIGNMENT);
}

int64_t tw_sweep_workspace(const tw_sweep *s, int threads) {
    int64_t stage, bytes = tw_sweep_worker_bytes(s, &stage), all;
    return tw_mul(bytes, threads, &all) ? all : INT64_MAX;
}

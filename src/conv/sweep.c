/* Planning a sweep: the width of a tile, what is read in place, and how the work is cut. Only `block`,
 * `by_images` and the cuts depend on machine, batch or threads, and none of them changes the order of a sum.
 */
#include "conv/sweep.h"

#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"

static int64_t ceil_div(int64_t a, int64_t b) {
    return tw_ceil_div(a, b);
}

/* ---- Time, in half cycles of a machine with two multiply-add units, two loads a cycle and a latency of four
 * cycles. A tile's columns are channels ("along" them) or pixels of a row ("across"). */

/* A tile of `rows` x `vecs` for each l, which loads the vectors `times` as slowly as aligned ones. A splat
 * that serves a single multiply-add is a part of it, and slower. */
static double tile_time(int64_t rows, int64_t vecs, double times) {
    double splats = (double)rows * (vecs == 1 ? 1.1 : 1), loads = splats + times * (double)vecs;
    return fmax(fmax((double)(rows * vecs), loads), 7.5) + 0.05 * loads;
}

/* Turning a matrix between channels first and channels last, in squares of vectors. */
static double turn_time(const tw_loops *loops, int64_t rows, int64_t columns) {
    double lanes = loops->lanes;
    return (double)(ceil_div(rows, loops->lanes) * ceil_div(columns, loops->lanes)) * lanes *
           (2 * log2(lanes) + 8);
}

/* Products of a destination's sum, on average. */
static double depth_of(const tw_sweep *s) {
    return (double)(s->taps * s->reduce) / (double)(s->axis[TW_HEIGHT].out_step * s->axis[TW_WIDTH].out_step);
}

enum { START = 80 /* beginning and ending a tile */ };

/* `count` pixels cut into the fewest, evenly filled tiles, `vecs` vectors of channels. Where one tile holds
 * two lines of them, each takes half of it. */
static double along_time(const tw_loops *loops, int64_t count, int64_t vecs, double depth, bool pairs) {
    if (pairs && 2 * count <= loops->most_rows[vecs])
        return (depth * tile_time(2 * count, vecs, 1) + START) / 2;
    int64_t tiles = ceil_div(count, loops->most_rows[vecs]), high = count % tiles, rows = count / tiles;
    return (double)high * (depth * tile_time(rows + 1, vecs, 1) + START) +
           (double)(tiles - high) * (depth * tile_time(rows, vecs, 1) + START);
}

/* Whether the last of all channels leave half of the last vector of a tile `vecs` wide empty, and `count`
 * pixels fill the tile that shares it. */
static bool shares_vector(const tw_sweep *s, const tw_loops *loops, int64_t count, int64_t vecs) {
    int64_t last = (s->produce - 1) % loops->lanes + 1;
    return last <= loops->lanes / 2 && loops->shared_rows[vecs] > 0 && count >= loops->shared_rows[vecs];
}

/* The same as along_time for the block with the last channels. */
static double last_time(const tw_sweep *s, const tw_loops *loops, int64_t count, int64_t vecs, double depth,
                        bool pairs) {
    if (!shares_vector(s, loops, count, vecs)) return along_time(loops, count, vecs, depth, pairs);
    int64_t rows = loops->shared_rows[vecs], whole = count / rows, left = count % rows;
    double sums = (double)(rows * vecs - rows / 2), loads = (double)(rows + vecs);
    double time = (double)whole * (depth * (fmax(sums, loads) + 0.05 * loads) + START);
    return left > 0 ? time + along_time(loops, left, vecs, depth, false) : time;
}

/* `count` pixels in vectors that fill tiles, `rows` channels. The loads of pixels are not aligned and count
 * twice; strips of a few channels cost time of their own. */
static double across_time(const tw_sweep *s, const tw_loops *loops, int64_t count, int64_t rows, int64_t vecs,
                          double depth) {
    double strip = s->merged ? 0 : 6.0 / (double)s->reduce;
    double tiles = (double)ceil_div(count, loops->lanes) / (double)vecs;
    return tiles * (depth * (tile_time(rows, vecs, 2) + strip) + START);
}

/* The neighbouring destinations of a row of a phase, or images. */
static int64_t line_count(const tw_sweep *s) {
    return tw_min(s->by_images ? s->images : tw_axis_count(&s->axis[TW_WIDTH], 0), 1 << 16);
}

/* A line of all channels along them; *vecs receives the width of tile that fits best. */
static double best_along(const tw_sweep *s, const tw_loops *loops, int64_t *vecs) {
    int64_t count = line_count(s), all = ceil_div(s->produce, loops->lanes);
    bool pairs = !s->by_images && s->axis[TW_HEIGHT].to > s->axis[TW_HEIGHT].out_step;
    double best = INFINITY, depth = depth_of(s);
    for (int v = 1; v <= loops->most_vecs; v++) {
        int64_t last = (all - 1) % v + 1;
        double time = (double)((all - last) / v) * along_time(loops, count, v, depth, pairs) +
                      last_time(s, loops, count, last, depth, pairs);
        if (time < best) best = time, *vecs = v;
    }
    return best;
}

/* The same across pixels; *block receives the rows of the tile. */
static double best_across(const tw_sweep *s, const tw_loops *loops, int64_t *vecs, int64_t *block) {
    int64_t count = line_count(s);
    double best = INFINITY, depth = depth_of(s);
    for (int v = 1; v <= loops->most_vecs; v++) {
        int64_t blocks = ceil_div(s->produce, loops->most_rows[v]), rows = ceil_div(s->produce, blocks);
        double time = (double)blocks * across_time(s, loops, count, rows, v, depth);
        if (time < best) best = time, *vecs = v, *block = rows;
    }
    return best;
}

/* Moving a line's sources and results between the tensors' layouts and that of the tiles. */
static double moving_time(const tw_sweep *s, const tw_loops *loops, bool across) {
    const tw_axis *x = &s->axis[TW_WIDTH], *y = &s->axis[TW_HEIGHT];
    int64_t count = line_count(s);
    double rows = (double)y->in_step / (double)(y->out_step * x->out_step);
    double copied = (double)(tw_min(x->from, 1 << 16) * s->reduce) * 0.2, store = 0;
    bool turned = (s->from_layout == TW_NHWC) == across;
    if (turned || (across && x->in_step > 1))
        copied = turn_time(loops, count, turned ? s->reduce : 1) * (double)x->in_step *
                 (turned ? 1 : (double)s->reduce);
    if (!across && s->in_place) copied = 0;
    if ((s->to_layout == TW_NHWC) == across)
        store = turn_time(loops, count, s->produce);
    else if (across && x->out_step > 1)
        store = turn_time(loops, count, x->phases) * (double)s->produce / (double)x->phases;
    return rows * copied + store;
}

/* Whether tiles across pixels may read channels-first rows where they lie: whole vectors end with the rows,
 * and each number is read once, so that a copy of it would be read once too. Fanned sums read a row only for
 * rows of taps; and a row's last vector may begin earlier, if nothing is added to what stands there. */
static bool reads_across(const tw_sweep *s, const tw_loops *loops) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    if (s->from_layout != TW_NCHW || x->outside || x->in_step > 1 || x->out_step > 1) return false;
    if (x->to % loops->lanes == 0) return s->fanned > 1 || (s->taps == 1 && s->produce <= s->block);
    return s->fanned > 1 && x->to >= loops->lanes && s->taps * s->reduce <= TW_SWEEP_CHUNK;
}

/* Where the sums of fanned channels are few, a vector of pixels has more for its lanes. */
static bool fans_across(const tw_sweep *s) {
    enum { FEWEST_SUMS = 6, FEW_SUMS = 10, FEW_IN_PLACE = 12, LEAST_PIXELS = 12 };
    const int64_t few = s->from_layout == TW_NCHW ? FEW_IN_PLACE : FEW_SUMS;
    return s->produce == s->fanned || s->produce <= FEWEST_SUMS ||
           (s->produce <= few && s->axis[TW_WIDTH].to >= LEAST_PIXELS);
}

/* Lanes along channels or across pixels, and the size of the tile. */
static void choose_block(tw_sweep *s, const tw_loops *loops) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    tw_sweep turned = *s;
    /* one channel lies the same either way: then nothing need be turned */
    if (s->from_channels == 1) turned.from_layout = TW_NCHW;
    if (s->to_channels == 1) turned.to_layout = TW_NCHW;
    turned.merged = s->reduce == 1 && x->in_step == 1 && x->joined;
    bool able = !s->by_images && !s->skirts && s->woven == 1 && x->in_step <= x->most;
    double along = best_along(s, loops, &s->vecs) + moving_time(s, loops, false);
    double across =
        best_across(&turned, loops, &turned.vecs, &turned.block) + moving_time(&turned, loops, true);
    if (s->fanned > 1 ? fans_across(s) : able && across < along) {
        *s = turned;
        s->across = true, s->in_place = reads_across(s, loops);
    } else {
        s->block = s->vecs * loops->lanes;
    }
    s->lanes = loops->lanes;
    s->blocks = ceil_div(s->produce, s->block);
    s->shared =
        !s->across && shares_vector(s, loops, line_count(s), tw_sweep_row(s, s->blocks - 1) / s->lanes);
}

/* A line of a band, of one block. */
static double line_time(const tw_sweep *s, const tw_loops *loops, int64_t count) {
    return s->across ? across_time(s, loops, count, s->block, s->vecs, depth_of(s))
                     : along_time(loops, count, s->vecs, depth_of(s), !s->by_images);
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

/* Whether it pays to read rows in place and leave the taps at the sides out: what is inside makes tiles of
 * lines, the sides tiles of columns, if these are long enough and both have channels for it; with a stride,
 * which reads a pixel for fewer taps and has fewer of them at the sides, few do. */
static bool cuts_sides(const tw_sweep *s) {
    enum { LEAST_LINES = 8, LEAST_READ = 16, LEAST_WRITTEN = 32, LEAST_STRIDED = 16 };
    const tw_axis *x = &s->axis[TW_WIDTH];
    const bool wide =
        x->in_step > 1 ? s->produce >= LEAST_STRIDED : s->reduce >= LEAST_READ && s->produce >= LEAST_WRITTEN;
    return wide && s->groups == 1 && s->woven == 1 && s->axis[TW_HEIGHT].to >= LEAST_LINES &&
           x->to >= LEAST_LINES;
}

static void choose_reading(tw_sweep *s) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    bool last = s->from_layout == TW_NHWC && s->to_layout == TW_NHWC;
    s->by_images =
        last && s->mode == TW_PAD_ZEROS && s->images > 1 && (s->from_pixels == 1 || s->to_pixels == 1);
    /* absurd padding is never staged: what is outside is left out */
    int64_t padded = stage_width(s, x->to);
    bool sparse = padded / 16 > x->from + x->to + 64;
    s->skirts = s->mode == TW_PAD_ZEROS && x->outside && s->fanned == 1 &&
                (s->by_images || sparse || (last && cuts_sides(s)));
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
    int64_t m = s->by_images ? c.images : tw_max(1, c.columns / x->out_step);
    int64_t lines = s->by_images ? c.rows * c.columns : c.rows * x->out_step;
    double work = (double)(lines * ceil_div(s->blocks, c.parts)) * line_time(s, loops, m);
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

/* The same for all that a band writes. */
static double written_bytes(const tw_sweep *s, int64_t rows, int64_t columns) {
    return (double)(rows * columns * s->to_channels) * (double)s->size;
}

/* Whether lines that are written come too slowly: they are fetched while the units multiply, if that gives
 * time for as many lines, but not so much that stores never wait. */
static bool fetches_destination(const tw_sweep *s, double cache) {
    enum { LEAST_PRODUCTS = 24, MOST_PRODUCTS = 64 };
    const tw_axis *y = &s->axis[TW_HEIGHT], *x = &s->axis[TW_WIDTH];
    bool plain = s->to_layout == TW_NHWC && s->groups == 1 && s->axis[TW_DEPTH].to == 1;
    const double products = (double)s->taps * (double)s->reduce;
    return plain && !s->across && !s->by_images && products >= LEAST_PRODUCTS && products <= MOST_PRODUCTS &&
           written_bytes(s, y->to, x->to) > cache;
}

/* A count cut into `pieces` even pieces of whole units. */
static int64_t piece(int64_t count, int64_t pieces, int64_t unit) {
    return tw_min(count, tw_round_up(ceil_div(count, pieces), unit));
}

/* More than the second cache keeps. */
static bool is_large(const tw_sweep *s, int64_t rows, int64_t columns, double cache) {
    return band_bytes(s, rows, columns) > cache ||
           (s->writes && written_bytes(s, rows, columns) > 0.5 * cache);
}

/* The largest bands that stay in the second cache; then, for several threads, the cut that ends first. */
static void choose_cut(tw_sweep *s, const tw_problem *problem) {
    const tw_axis *y = &s->axis[TW_HEIGHT], *x = &s->axis[TW_WIDTH];
    const double cache = (double)tw_cpu_l2_bytes() * 0.5;
    cut c = {.rows = y->to, .columns = x->to, .images = s->by_images ? s->images : 1, .parts = 1};
    int64_t bands = 1, unit = s->across && s->in_place ? s->lanes : x->out_step;
    s->writes = fetches_destination(s, cache);
    while (c.rows > 1 && is_large(s, c.rows, c.columns, cache)) c.rows = piece(y->to, ++bands, 1);
    const bool whole = s->fanned > 1; /* all columns and taps of a row in one task */
    for (bands = 1;
         c.rows == 1 && !whole && c.columns > 64 * x->out_step && is_large(s, 1, c.columns, cache);)
        c.columns = piece(x->to, ++bands, unit);
    cut best = c;
    double least = cut_time(s, problem->loops, c, problem->threads);
    for (int64_t cuts = 1; cuts <= 16 && problem->threads > 1; cuts++)
        for (int64_t parts = 1; parts <= (whole ? 1 : tw_min(s->blocks, 16)); parts++) {
            cut d = c;
            d.parts = parts;
            if (s->by_images)
                d.images = piece(c.images, cuts, 1);
            else if (c.rows > 1)
                d.rows = piece(c.rows, cuts, 1);
            else if (!whole)
                d.columns = piece(c.columns, cuts, unit);
            double time = cut_time(s, problem->loops, d, problem->threads);
            if (time < least * 0.99) best = d, least = time;
        }
    s->band_rows = best.rows, s->band_columns = best.columns;
    s->image_step = best.images, s->parts = best.parts;
    s->bands_y = ceil_div(y->to, best.rows), s->bands_x = ceil_div(x->to, best.columns);
    s->slots = stage_rows(s, best.rows);
    s->streams = !s->across && depth_of(s) * (double)(s->produce * (int64_t)s->size) > cache;
}

enum {
    BUFFER = 16384,  /* bytes of finished rows that stay in the first cache */
    STAGED = 131072, /* bytes of staged images that stay in the second */
};

/* Small images share a task: their rows have the same taps. `numbers` of each are at hand. */
static void join_images(tw_sweep *s, int64_t numbers, int threads) {
    if (s->bands_y * s->bands_x * s->parts > 1 || numbers > STAGED) return;
    const int64_t bytes = tw_max(1, numbers * (int64_t)s->size);
    s->image_step = tw_max(1, tw_min(STAGED / bytes, ceil_div(s->images, threads)));
}

/* Numbers of staged rows, or of the tensor's; false: more than can be counted. */
static bool measure_stage(tw_sweep *s) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    if (s->in_place) {
        s->pitch = s->from_pixels, s->slot = x->from, s->image_slot = s->from_image;
        return true;
    }
    int64_t width = stage_width(s, s->band_columns);
    if (s->across) {
        int64_t vectors = ceil_div(ceil_div(width, x->in_step), s->lanes);
        if (vectors % 4 == 0) vectors++; /* or channels meet in a few sets of the first cache */
        s->pitch = vectors * s->lanes, width = s->pitch * x->in_step;
    }
    return tw_mul(width, s->reduce, &s->slot) &&
           tw_mul(s->slot, s->slots * s->axis[TW_DEPTH].most, &s->image_slot) &&
           s->image_slot <= INT64_MAX / 16;
}

/* The same for the buffer. */
static bool measure_buffer(tw_sweep *s) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t wide = s->produce, lines = s->fan_width; /* fanned, along channels */
    if (s->across) wide = s->fanned > 1 ? s->fan_width : ceil_div(s->band_columns, x->out_step);
    if (s->across) lines = s->fanned > 1 ? s->produce : x->phases * s->block;
    s->to_pitch = tw_round_up(wide, s->lanes);
    if (!tw_mul(lines, s->to_pitch, &s->buffer_row)) return false;
    if (s->buffer_row > 0 && s->buffer_row < BUFFER)
        s->buffer_rows = BUFFER / (s->buffer_row * (int64_t)s->size * s->image_step);
    s->buffer_rows = tw_max(1, tw_min(s->band_rows, s->buffer_rows));
    return true;
}

static tw_status measure_rows(tw_sweep *s, int threads) {
    bool fits = measure_stage(s);
    if (fits && s->across)
        join_images(s, s->image_slot, threads);
    else if (fits && !s->by_images && (s->to_layout == TW_NHWC || s->fanned > 1))
        join_images(s, s->image_slot + s->to_image, threads);
    if (fits && (s->across || s->fanned > 1)) fits = measure_buffer(s);
    return fits ? TW_OK : tw_fail(TW_ERROR_OVERFLOW, "staged rows: more bytes than 63 bits can count");
}

/* Whether each weight is read by one task alone, and once: then it need not be packed before, to be written
 * and read again. */
static bool reads_weights(const tw_sweep *s) {
    const int64_t bands = s->bands_x * s->bands_y * s->axis[TW_DEPTH].to * ceil_div(s->images, s->image_step);
    const bool one_tap = s->kernel[0] * s->kernel[1] * s->kernel[2] == 1 && s->taps == 1;
    const bool many = s->groups * s->blocks > 1 || s->reduce > TW_SWEEP_CHUNK;
    return one_tap && many && bands == 1 && !s->across && !s->axis[TW_WIDTH].outside;
}

tw_status tw_sweep_create(tw_sweep *s, const tw_sweep_spec *spec) {
    *s = (tw_sweep){0};
    tw_status status = tw_sweep_take_sizes(s, spec);
    if (status) {
        tw_sweep_free(s);
        return status;
    }
    choose_reading(s);
    choose_block(s, spec->problem->loops);
    choose_cut(s, spec->problem);
    status = measure_rows(s, spec->problem->threads);
    s->reads_w = reads_weights(s);
    if (status) tw_sweep_free(s);
    return status;
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

/* count * numbers, as bytes of whole cache lines; false: too many. */
static bool part(const tw_sweep *s, int64_t count, int64_t numbers, int64_t *bytes) {
    if (!tw_mul(count, numbers, bytes) || !tw_mul(*bytes, (int64_t)s->size, bytes) || *bytes > INT64_MAX / 8)
        return false;
    *bytes = tw_round_up(*bytes, TW_ALIGNMENT);
    return true;
}

tw_sweep_parts tw_sweep_worker_parts(const tw_sweep *s) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    tw_sweep_parts p = {0};
    int64_t rows = s->slots * s->axis[TW_DEPTH].most * (s->by_images ? 1 : s->image_step), band = 0;
    bool fits = s->in_place || part(s, rows, s->slot, &p.stage);
    /* a tile loads whole vectors: less than one past the last row */
    if (s->across) p.stage += TW_ALIGNMENT;
    if (s->fanned > 1) { /* whole vectors are read: less than one past the buffer, which the last part has */
        fits = fits && part(s, s->buffer_row * s->buffer_rows, s->image_step, &p.buffer);
        fits = fits &&
               part(s, s->buffer_rows * tw_round_up(s->fan_width, s->lanes), s->produce / s->fanned, &p.fan);
    } else if (s->across && (s->to_layout == TW_NHWC || x->out_step > 1)) {
        fits = fits && part(s, x->phases * s->block * s->buffer_rows * s->image_step, s->to_pitch, &p.buffer);
    }
    if (s->across) fits = fits && part(s, s->block, s->vecs * s->lanes, &p.bias);
    if (s->across && x->outside) fits = fits && part(s, tw_axis_used(x), s->to_pitch, &p.lanes);
    if (s->woven > 1) fits = fits && part(s, s->woven, s->produce / s->woven, &p.bias);
    if (!s->across && s->to_layout == TW_NCHW && s->fanned == 1)
        fits = fits && tw_mul(s->band_rows, s->band_columns, &band) && part(s, band, s->block, &p.buffer);
    if (s->reads_w) fits = fits && part(s, tw_min(s->reduce, TW_SWEEP_CHUNK), s->vecs * s->lanes, &p.chunk);
    p.all = fits ? tw_worker_bytes(p.stage + p.buffer + p.bias + p.lanes + p.fan + p.chunk) : INT64_MAX;
    return p;
}

int64_t tw_sweep_workspace(const tw_sweep *s, int threads) {
    int64_t bytes = tw_sweep_worker_parts(s).all, all;
    return tw_mul(bytes, threads, &all) ? all : INT64_MAX;
}

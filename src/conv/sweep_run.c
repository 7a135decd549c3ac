/* Running a sweep: from the whole tensor down to the tile. The loops of one task, outermost first: blocks of
 * columns, phases, chunks of the sum, rows, runs of pixels with the same taps, tiles. */
#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/rows.h"
#include "conv/sweep_band.h"

enum { CHUNK = TW_SWEEP_CHUNK, MOST_STRIPS = CHUNK + 4 };

static void split(int64_t *task, int64_t count, int64_t *index) {
    *index = *task % count;
    *task /= count;
}

static void find_band(tw_band *b, int64_t task) {
    const tw_sweep *s = b->s;
    int64_t part, by, bx, step;
    split(&task, s->parts, &part);
    split(&task, s->bands_x, &bx);
    split(&task, s->bands_y, &by);
    split(&task, s->axis[TW_DEPTH].to, &b->z);
    split(&task, s->groups, &b->group);
    step = task;
    b->block0 = part * s->blocks / s->parts, b->block1 = (part + 1) * s->blocks / s->parts;
    b->x0 = bx * s->band_columns, b->x1 = tw_min(b->x0 + s->band_columns, s->axis[TW_WIDTH].to);
    b->y0 = by * s->band_rows, b->y1 = tw_min(b->y0 + s->band_rows, s->axis[TW_HEIGHT].to);
    b->image = step * s->image_step, b->images = tw_min(s->image_step, s->images - b->image);
    b->from = (const char *)b->run->from + b->image * s->from_image * (int64_t)s->size;
    b->to = (char *)b->run->to + b->image * s->to_image * (int64_t)s->size;
}

/* What a destination position of an axis reads: source `base` + shift[t], for the taps of its phase. Most
 * axes have one phase, and short rows would feel the divisions. */
typedef struct reads {
    const int64_t *shift;
    int64_t base, first; /* first: of all taps, the phase's first */
} reads;

static reads reads_of(const tw_axis *a, int64_t to) {
    if (a->out_step == 1) return (reads){a->shift, to * a->in_step, 0};
    const int64_t first = a->first[to % a->out_step];
    return (reads){a->shift + first, to / a->out_step * a->in_step, first};
}

/* Source position of tap number `t`, resolved: -1 outside. */
static int64_t source(const tw_sweep *s, int axis, const reads *r, int64_t t) {
    const int64_t at = r->base + r->shift[t], from = s->axis[axis].from;
    return at >= 0 && at < from ? at : tw_shape_source(s->mode, at, from);
}

/* The source rows of a band, and where they begin. */
static int64_t find_rows(tw_band *b) {
    const tw_sweep *s = b->s;
    const tw_axis *y = &s->axis[TW_HEIGHT], *x = &s->axis[TW_WIDTH];
    bool all = s->mode != TW_PAD_ZEROS && y->outside;
    int64_t low = b->y0 / y->out_step * y->in_step + y->least;
    int64_t high = (b->y1 - 1) / y->out_step * y->in_step + y->last;
    b->first_row = all ? 0 : tw_max(0, low);
    b->stage_low = s->skirts ? 0 : b->x0 / x->out_step * x->in_step + x->least;
    return all ? y->from : tw_min(y->from, high + 1);
}

static void stage_image(const tw_band *b, const char *image, char *stage, int64_t end) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH], *y = &s->axis[TW_HEIGHT], *z = &s->axis[TW_DEPTH];
    int64_t j0 = b->x0 / x->out_step, j1 = (b->x1 - 1) / x->out_step;
    int64_t width = s->skirts ? x->from : (j1 - j0) * x->in_step + x->last - x->least + 1;
    tw_row row = {.loops = b->run->loops,
                  .layout = s->from_layout,
                  .size = s->size,
                  .image_channels = s->from_channels,
                  .image_pixels = s->from_pixels,
                  .first = b->group * s->reduce,
                  .channels = s->reduce,
                  .width = x->from};
    const reads deep = reads_of(z, b->z);
    for (int64_t t = 0; t < tw_axis_taps(z, b->z % z->out_step); t++) {
        int64_t plane = source(s, TW_DEPTH, &deep, t);
        if (plane < 0) continue;
        char *to = stage + t * s->slots * s->slot * (int64_t)s->size;
        row.begin = (plane * y->from + b->first_row) * x->from;
        if (s->across) tw_across_stage(b, image, row.begin, end - b->first_row, to);
        for (int64_t r = b->first_row; r < end && !s->across; r++) {
            tw_row_load(&row, image, s->mode, b->stage_low, width, to);
            row.begin += x->from, to += s->slot * (int64_t)s->size;
        }
    }
}

static void stage_rows(const tw_band *b, int64_t end) {
    int64_t size = (int64_t)b->s->size;
    for (int64_t i = 0; i < b->images; i++)
        stage_image(b, b->from + i * b->s->from_image * size, b->stage + i * b->s->image_slot * size, end);
}

/* The products r0 .. r1 - 1 of one row of taps as strips: one if they lie side by side, else one for each
 * tap. `a` is the element of source column 0, `w` the weights of product r0. */
static int64_t add_strips(const tw_band *b, const tw_chunk *c, int64_t j, int64_t r0, int64_t r1, int64_t a,
                          const char *w, tw_strip *strips) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    const int64_t *shift = x->shift + x->first[c->phase_x];
    const char *base = s->in_place ? b->from : b->stage;
    int64_t pitch = s->in_place ? s->from_channels : s->reduce, size = (int64_t)s->size, count = 0;
    for (int64_t begin = r0; r0 < r1;) {
        int64_t k = r0 / s->reduce, end = s->merged ? r1 : tw_min(r1, (k + 1) * s->reduce);
        int64_t at = a + (j * x->in_step + shift[k]) * pitch + r0 - k * s->reduce;
        strips[count++] = (tw_strip){base + at * size, w + (r0 - begin) * c->row * size, end - r0};
        r0 = end;
    }
    return count;
}

/* A row of the group for tiles across: staged, or of the tensor from its pixel `begin` on. */
static const char *across_row(const tw_band *b, int64_t begin, int64_t slot) {
    const tw_sweep *s = b->s;
    int64_t first = b->group * s->reduce * s->from_pixels + begin + b->stage_low;
    return s->in_place ? b->from + first * (int64_t)s->size : b->stage + slot * (int64_t)s->size;
}

/* All strips of a chunk for the pixels of row y from j on, of which the taps k0 .. k1 - 1 are wanted. */
static int64_t list_strips(const tw_band *b, const tw_chunk *c, int64_t y, int64_t j, int64_t k0, int64_t k1,
                           tw_strip *strips, tw_part *parts) {
    const tw_sweep *s = b->s;
    const tw_axis *az = &s->axis[TW_DEPTH], *ay = &s->axis[TW_HEIGHT], *ax = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size, taps_y = tw_axis_taps(ay, c->phase_y), count = 0;
    int64_t r0 = tw_max(c->r0, k0 * s->reduce), r1 = tw_min(c->r1, k1 * s->reduce);
    const char *weights = b->run->packed ? (const char *)b->run->packed + tw_sweep_header(s) +
                                               tw_sweep_packed_at(s, b->group, c->block) * size
                                         : NULL;
    const reads deep = reads_of(az, b->z), high = reads_of(ay, y);
    int64_t tz = taps_y == 0 ? 0 : c->q0 / taps_y, ty = c->q0 - tz * taps_y;
    for (int64_t q = c->q0; q < c->q1; q++, ty++) {
        if (ty == taps_y) tz++, ty = 0;
        int64_t plane = source(s, TW_DEPTH, &deep, tz), row = source(s, TW_HEIGHT, &high, ty);
        if (plane < 0 || row < 0) continue;
        int64_t rank = ((deep.first + tz) * tw_axis_used(ay) + high.first + ty) * tw_axis_used(ax) +
                       ax->first[c->phase_x];
        const char *w = weights ? weights + (rank * s->reduce + r0) * c->row * size : b->chunk;
        int64_t slot = (tz * s->slots + row - b->first_row) * s->slot,
                begin = (plane * ay->from + row) * ax->from;
        int64_t a =
            s->in_place ? begin * s->from_channels + b->group * s->reduce : slot - b->stage_low * s->reduce;
        if (s->across)
            count += tw_across_strips(b, c, j, r0, r1, across_row(b, begin, slot), w, strips + count,
                                      parts + count);
        else
            count += add_strips(b, c, j, r0, r1, a, w, strips + count);
    }
    return count;
}

/* The next chunk's weights lie behind this one's, which end with its last strip. */
static tw_ahead next_weights(const tw_chunk *c, const tw_strip *last, int64_t size) {
    const char *at = (const char *)last->b + last->length * c->row * size;
    return (tw_ahead){at, at + tw_chunk_products(c) * c->row * size};
}

/* The source of the band behind this one, `end` being the first row that this one does not read: the next
 * rows, or columns of a single row, or images. Only where that is one piece of memory. */
static tw_ahead next_source(const tw_band *b, int64_t end) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size, pixel = s->from_channels * size, row = x->from * pixel, at, bytes;
    bool pixels = s->from_layout == TW_NHWC || s->from_channels == 1;
    if (s->groups > 1 || s->parts > 1 || s->axis[TW_DEPTH].to > 1) return (tw_ahead){0};
    if (s->bands_x == 1 && s->bands_y == 1)
        at = bytes = b->images * s->from_image * size;
    else if (pixels && s->bands_x == 1)
        at = end * row, bytes = (end - b->first_row) * row;
    else if (pixels && s->axis[TW_HEIGHT].from == 1)
        at = b->x1 / x->out_step * x->in_step * pixel,
        bytes = (b->x1 - b->x0) / x->out_step * x->in_step * pixel;
    else
        return (tw_ahead){0};
    const char *tensor_end = (const char *)b->run->from + s->images * s->from_image * size;
    return (tw_ahead){b->from + at, tensor_end - b->from - at > bytes ? b->from + at + bytes : tensor_end};
}

/* As much of the destination behind this band as the band has. */
static tw_ahead next_destination(const tw_band *b) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    if (!s->writes || b->run->streams || s->parts > 1) return (tw_ahead){0};
    const int64_t pixel = s->to_channels * (int64_t)s->size;
    const bool rows = s->bands_x == 1;
    const char *at = b->to + (rows ? b->y1 * x->to : b->y0 * x->to + b->x1) * pixel;
    const char *end = (const char *)b->run->to + s->images * s->to_image * (int64_t)s->size;
    const int64_t bytes = (rows ? (b->y1 - b->y0) * x->to : b->x1 - b->x0) * pixel;
    return (tw_ahead){at, end - at > bytes ? at + bytes : end};
}

/* One run of pixels, of which the taps k0 .. k1 - 1 are wanted. */
static void run_pixels(const tw_band *b, tw_chunk *c, const tw_run *r, int64_t k0, int64_t k1) {
    tw_strip strips[MOST_STRIPS];
    tw_part parts[MOST_STRIPS];
    int64_t count = list_strips(b, c, r->y, r->j, k0, k1, strips, parts);
    if (count == 0 && !c->first) return;
    if (b->s->across) {
        tw_across_tiles(b, c, r, strips, parts, count);
        return;
    }
    if (!c->weights.at && count > 0 && b->s->streams && b->run->packed)
        c->weights = next_weights(c, &strips[count - 1], (int64_t)b->s->size);
    tw_along_tiles(b, c, r, strips, count);
}

/* A chunk of one tap reads nothing but padding for some pixels at the sides: unless they begin with it, they
 * are left out of *begin .. *end - 1. */
static void leave_outside(const tw_sweep *s, const tw_chunk *c, int64_t *begin, int64_t *end) {
    const tw_axis *x = &s->axis[TW_WIDTH];
    if (c->first || s->across || s->mode != TW_PAD_ZEROS || !x->outside || c->r1 <= c->r0) return;
    int64_t tap = c->r0 / s->reduce;
    if (tap != (c->r1 - 1) / s->reduce) return;
    int64_t shift = x->shift[x->first[c->phase_x] + tap];
    if (shift < 0) *begin = tw_max(*begin, tw_ceil_div(-shift, x->in_step));
    *end = x->from > shift ? tw_min(*end, tw_ceil_div(x->from - shift, x->in_step)) : 0;
}

/* `rows` rows of a chunk: whole, or cut where the taps that lie inside change. */
static void run_rows(const tw_band *b, tw_chunk *c, int64_t y, int64_t rows) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t taps = tw_axis_taps(x, c->phase_x);
    int64_t end = b->x1 > c->phase_x ? (b->x1 - c->phase_x - 1) / x->out_step + 1 : 0;
    tw_run r = {.y = y, .rows = rows, .j = b->x0 / x->out_step};
    if (!c->skirts && !s->by_images) {
        leave_outside(s, c, &r.j, &end);
        r.count = end - r.j;
        if (r.count > 0) run_pixels(b, c, &r, 0, taps);
        return;
    }
    for (; r.j < end; r.j += r.count) {
        int64_t k0, k1;
        tw_axis_inside(x, c->phase_x, r.j, &k0, &k1);
        r.count = s->by_images ? 1 : tw_axis_alike(x, c->phase_x, r.j, end, 0, taps);
        run_pixels(b, c, &r, k0, k1);
    }
}

/* How many rows from number j of their phase on, of `most`, have the same of the chunk's taps inside: then
 * each reads in_step rows below the one before. */
static int64_t alike(const tw_sweep *s, const tw_chunk *c, int64_t j, int64_t most) {
    const tw_axis *y = &s->axis[TW_HEIGHT];
    int64_t taps = tw_axis_taps(y, c->phase_y), t0 = 0, t1 = taps, k0, k1;
    if (taps == 0) return most;
    tw_axis_inside(y, c->phase_y, j, &k0, &k1);
    if (s->mode != TW_PAD_ZEROS && k1 - k0 < taps) return 1;
    if (c->q0 / taps == (c->q1 - 1) / taps) t0 = c->q0 % taps, t1 = (c->q1 - 1) % taps + 1; /* of one plane */
    return tw_axis_alike(y, c->phase_y, j, j + most, t0, t1);
}

static void run_chunk(const tw_band *b, tw_chunk *c) {
    const tw_axis *y = &b->s->axis[TW_HEIGHT];
    c->weights = (tw_ahead){0};
    if (!b->run->packed && c->r0 < c->r1)
        tw_sweep_pack_channels(b->s, b->run->loops, b->run->w, b->group, c->block, c->r0, c->r1, b->chunk);
    int64_t row = c->y0 + ((c->phase_y - c->y0) % y->out_step + y->out_step) % y->out_step;
    for (int64_t rows; row < c->y1; row += rows * y->out_step) {
        rows = alike(b->s, c, row / y->out_step, tw_ceil_div(c->y1 - row, y->out_step));
        run_rows(b, c, row, rows);
    }
}

/* All chunks of one block at one phase: short rows of taps are joined, long ones cut evenly. */
static void run_phase(const tw_band *b, tw_chunk c) {
    const tw_sweep *s = b->s;
    int64_t pairs = tw_axis_taps(&s->axis[TW_DEPTH], b->z % s->axis[TW_DEPTH].out_step) *
                    tw_axis_taps(&s->axis[TW_HEIGHT], c.phase_y);
    int64_t products = tw_axis_taps(&s->axis[TW_WIDTH], c.phase_x) * s->reduce;
    c.first = true;
    if (products == 0) pairs = 0;
    if (pairs == 0) run_chunk(b, &c);
    int64_t joined = products == 0 ? 1 : tw_max(1, CHUNK / products), pieces = tw_ceil_div(products, CHUNK);
    for (c.q0 = 0; c.q0 < pairs; c.q0 = c.q1) {
        c.q1 = tw_min(pairs, c.q0 + joined);
        for (int64_t i = 0; i < pieces; i++) {
            c.r0 = i * products / pieces, c.r1 = (i + 1) * products / pieces;
            run_chunk(b, &c);
            c.first = false;
        }
    }
}

/* The finished block, from the worker's buffer into the tensor. */
static void store_block(const tw_band *b, int64_t block) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    tw_row row = {.loops = b->run->loops,
                  .layout = s->to_layout,
                  .size = s->size,
                  .image_channels = s->to_channels,
                  .image_pixels = s->to_pixels,
                  .first = b->group * s->produce + block * s->block,
                  .channels = tw_sweep_columns(s, block),
                  .width = x->to};
    for (int64_t y = b->y0; y < b->y1; y++) {
        row.begin = (b->z * s->axis[TW_HEIGHT].to + y) * x->to;
        tw_row_store(&row, b->to, b->x0, b->x1 - b->x0,
                     b->buffer + (y - b->y0) * s->band_columns * s->block * (int64_t)s->size, s->block);
    }
}

/* Chunk by chunk, so that the chunk's weights stay in the first cache. */
static void run_block(const tw_band *b, tw_chunk c) {
    c.y0 = b->y0, c.y1 = b->y1;
    for (c.phase_y = 0; c.phase_y < b->s->axis[TW_HEIGHT].phases; c.phase_y++)
        for (c.phase_x = 0; c.phase_x < b->s->axis[TW_WIDTH].phases; c.phase_x++) run_phase(b, c);
    if (b->buffer) store_block(b, c.block);
}

/* A few rows at a time, which are stored while the first cache has them. */
static void run_across(const tw_band *b, tw_chunk c) {
    const tw_axis *y = &b->s->axis[TW_HEIGHT], *x = &b->s->axis[TW_WIDTH];
    int64_t rows = b->buffer ? b->s->buffer_rows : b->y1 - b->y0;
    tw_across_bias(b, c.block);
    for (c.y0 = b->y0; c.y0 < b->y1; c.y0 = c.y1) {
        c.y1 = tw_min(b->y1, c.y0 + rows);
        for (c.phase_y = 0; c.phase_y < y->phases; c.phase_y++)
            for (c.phase_x = 0; c.phase_x < x->phases; c.phase_x++) run_phase(b, c);
        if (b->buffer) tw_across_store(b, &c);
    }
}

/* One block of columns of a task. */
static tw_chunk chunk_of(const tw_band *b, int64_t block) {
    const tw_sweep *s = b->s;
    const bool infinite = s->mode == TW_PAD_ZEROS && s->axis[TW_WIDTH].outside &&
                          ((const char *)b->run->packed)[b->group * s->blocks + block] != 0;
    return (tw_chunk){.block = block,
                      .row = tw_sweep_row(s, block),
                      .parts = infinite && s->across,
                      .skirts = s->skirts || (infinite && !s->across)};
}

/* A few rows of all blocks at a time, which are added up while the first cache has them. */
static void run_fanned(const tw_band *b) {
    tw_fan_clear(b);
    for (int64_t y0 = b->y0, y1; y0 < b->y1; y0 = y1) {
        y1 = tw_min(b->y1, y0 + b->s->buffer_rows);
        for (int64_t block = 0; block < b->s->blocks; block++) {
            tw_chunk c = chunk_of(b, block);
            c.y0 = y0, c.y1 = y1;
            for (; c.phase_y < b->s->axis[TW_HEIGHT].phases; c.phase_y++) run_phase(b, c);
        }
        tw_fan_store(b, y0, y1);
    }
}

static void run_band(void *context, int64_t task, int worker) {
    const tw_sweep_run *run = context;
    const tw_sweep *s = run->sweep;
    tw_band b = {.run = run, .s = s};
    find_band(&b, task);
    tw_sweep_parts parts = tw_sweep_worker_parts(s);
    b.stage = (char *)run->workspace + worker * parts.all;
    if (parts.buffer > 0) b.buffer = b.stage + parts.stage;
    b.bias = b.stage + parts.stage + parts.buffer, b.lanes = b.bias + parts.bias,
    b.fan = b.lanes + parts.lanes, b.chunk = b.fan + parts.fan;
    int64_t end = find_rows(&b);
    b.ahead = (tw_ahead[2]){next_destination(&b), next_source(&b, end)};
    if (!s->in_place) stage_rows(&b, end);
    if (s->woven > 1 && run->bias) {
        int64_t channels = s->produce / s->woven;
        run->loops->copy(&(tw_block){run->bias, 0, b.bias, channels, s->woven, channels});
    }
    if (s->fanned > 1) {
        run_fanned(&b);
        return;
    }
    for (int64_t block = b.block0; block < b.block1; block++) {
        tw_chunk c = chunk_of(&b, block);
        if (c.parts) tw_across_lanes(&b);
        if (s->across)
            run_across(&b, c);
        else
            run_block(&b, c);
    }
    if (run->streams) tw_lines_written();
}

/* Whether what is written goes past the caches: pixels of all channels, or with lanes across pixels rows of
 * all columns, of which each vector is written once. */
static bool streams(const tw_sweep_run *r) {
    const tw_sweep *s = r->sweep;
    const bool once = s->taps * s->reduce <= CHUNK && s->fanned == 1 && tw_sweep_worker_parts(s).buffer == 0;
    if (!once || !tw_lies_far(s->images * (s->from_image + s->to_image), s->size)) return false;
    if (s->across)
        return s->band_columns % s->lanes == 0 &&
               tw_writes_lines(r->to, s->axis[TW_WIDTH].to, r->loops, s->size);
    return s->produce % s->lanes == 0 && tw_writes_lines(r->to, s->to_channels, r->loops, s->size);
}

void tw_sweep_execute(const tw_sweep_run *call) {
    const tw_sweep *s = call->sweep;
    tw_sweep_run run = *call;
    run.streams = streams(call);
    int64_t tasks = s->parts * s->bands_x * s->bands_y * s->axis[TW_DEPTH].to * s->groups *
                    tw_ceil_div(s->images, s->image_step);
    tw_parallel(run.threads, tasks, run_band, &run);
}

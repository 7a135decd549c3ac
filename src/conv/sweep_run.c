/* Running a sweep: from the whole tensor down to the tile. The loops of one task, outermost first: blocks of
 * columns, phases, chunks of the sum, rows, runs of pixels with the same taps, tiles. */
#include "conv/sweep.h"

#include "base/checked.h"
#include "base/threads.h"
#include "conv/rows.h"

/* A chunk of the sum holds about so many products: 32 KB of weights for a tile of two AVX-512 vectors. The
 * bits of all results depend on it. */
enum { CHUNK = 256, MOST_STRIPS = CHUNK + 4 };

/* One task: a band of one plane of one image, one group, some blocks of columns. */
typedef struct band {
    const tw_sweep_run *run;
    const tw_sweep *s;
    int64_t image, images, group, z, y0, y1, x0, x1, block0, block1;
    const char *from; /* the image */
    char *to, *stage, *buffer;
    int64_t first_row; /* source row in slot 0 */
    int64_t stage_low; /* source column in a staged row's pixel 0 */
} band;

/* What is the same for all rows of a chunk: block, phases, and the piece of the sum. */
typedef struct chunk {
    int64_t block, row, phase_y, phase_x;
    int64_t q0, q1; /* pairs of z and y taps */
    int64_t r0, r1; /* products of one pair */
    bool first, skirts;
} chunk;

static void split(int64_t *task, int64_t count, int64_t *index) {
    *index = *task % count;
    *task /= count;
}

static void find_band(band *b, int64_t task) {
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

/* Source position of tap number `t` of a destination's phase, resolved: -1 outside. */
static int64_t source(const tw_sweep *s, int axis, int64_t to, int64_t t) {
    const tw_axis *a = &s->axis[axis];
    int64_t at = to / a->out_step * a->in_step + a->shift[a->first[to % a->out_step] + t];
    return tw_shape_source(s->mode, at, a->from);
}

static int64_t taps_at(const tw_axis *a, int64_t phase) {
    return a->first[phase + 1] - a->first[phase];
}

static void stage_rows(band *b) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH], *y = &s->axis[TW_HEIGHT], *z = &s->axis[TW_DEPTH];
    int64_t j0 = b->x0 / x->out_step, j1 = (b->x1 - 1) / x->out_step;
    bool all = s->mode != TW_PAD_ZEROS && y->outside;
    int64_t low = b->y0 / y->out_step * y->in_step + y->least;
    int64_t high = (b->y1 - 1) / y->out_step * y->in_step + y->last;
    b->first_row = all ? 0 : tw_max(0, low);
    int64_t end = all ? y->from : tw_min(y->from, high + 1);
    b->stage_low = s->skirts ? 0 : j0 * x->in_step + x->least;
    int64_t width = s->skirts ? x->from : (j1 - j0) * x->in_step + x->last - x->least + 1;
    tw_row row = {.loops = b->run->loops,
                  .layout = s->from_layout,
                  .size = s->size,
                  .image_channels = s->from_channels,
                  .image_pixels = s->from_pixels,
                  .first = b->group * s->reduce,
                  .channels = s->reduce,
                  .width = x->from};
    for (int64_t t = 0; t < taps_at(z, b->z % z->out_step); t++) {
        int64_t plane = source(s, TW_DEPTH, b->z, t);
        if (plane < 0) continue;
        for (int64_t r = b->first_row; r < end; r++) {
            int64_t slot = t * s->slots + r - b->first_row;
            row.begin = (plane * y->from + r) * x->from;
            tw_row_load(&row, b->from, s->mode, b->stage_low, width,
                        b->stage + slot * s->stage_width * s->reduce * (int64_t)s->size);
        }
    }
}

/* The products r0 .. r1 - 1 of one row of taps as strips: one if they lie side by side, else one for each
 * tap. `a` is the element of source column 0, `b` the weights of product 0. */
static int64_t add_strips(const band *b, const chunk *c, int64_t j, int64_t r0, int64_t r1, int64_t a,
                          const char *w, tw_strip *strips) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    const int64_t *shift = x->shift + x->first[c->phase_x];
    const char *base = s->in_place ? b->from : b->stage;
    int64_t pitch = s->in_place ? s->from_channels : s->reduce, size = (int64_t)s->size, count = 0;
    while (r0 < r1) {
        int64_t k = r0 / s->reduce, end = s->merged ? r1 : tw_min(r1, (k + 1) * s->reduce);
        int64_t at = a + (j * x->in_step + shift[k]) * pitch + r0 - k * s->reduce;
        strips[count++] = (tw_strip){base + at * size, w + r0 * c->row * size, end - r0};
        r0 = end;
    }
    return count;
}

/* All strips of a chunk for the pixels of row y from j on, of which the taps k0 .. k1 - 1 are wanted. */
static int64_t list_strips(const band *b, const chunk *c, int64_t y, int64_t j, int64_t k0, int64_t k1,
                           tw_strip *strips) {
    const tw_sweep *s = b->s;
    const tw_axis *az = &s->axis[TW_DEPTH], *ay = &s->axis[TW_HEIGHT], *ax = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size, taps_y = taps_at(ay, c->phase_y), count = 0;
    int64_t r0 = tw_max(c->r0, k0 * s->reduce), r1 = tw_min(c->r1, k1 * s->reduce);
    const char *weights =
        (const char *)b->run->packed + tw_sweep_header(s) + tw_sweep_packed_at(s, b->group, c->block) * size;
    for (int64_t q = c->q0; q < c->q1; q++) {
        int64_t tz = q / taps_y, ty = q % taps_y;
        int64_t plane = source(s, TW_DEPTH, b->z, tz), row = source(s, TW_HEIGHT, y, ty);
        if (plane < 0 || row < 0) continue;
        int64_t rank =
            ((az->first[b->z % az->out_step] + tz) * ay->first[ay->phases] + ay->first[c->phase_y] + ty) *
                ax->first[ax->phases] +
            ax->first[c->phase_x];
        int64_t a = s->in_place
                        ? ((plane * ay->from + row) * ax->from) * s->from_channels + b->group * s->reduce
                        : ((tz * s->slots + row - b->first_row) * s->stage_width - b->stage_low) * s->reduce;
        count += add_strips(b, c, j, r0, r1, a, weights + rank * s->reduce * c->row * size, strips + count);
    }
    return count;
}

/* Tiles of even height over `count` rows of the matrix that t describes. */
static void run_tiles(const tw_loops *loops, tw_tile t, int64_t count, size_t size) {
    int64_t tiles = tw_ceil_div(count, loops->most_rows[t.vecs]);
    char *c = t.c;
    const char *start = t.start;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t m = i * count / tiles;
        t.rows = (int)((i + 1) * count / tiles - m);
        t.a_begin = m * t.a_row;
        t.c = c + m * t.c_row * (int64_t)size;
        t.start = start ? start + m * t.start_row * (int64_t)size : NULL;
        loops->tile(&t);
    }
}

/* One run: `count` pixels of row y from j on (or the images at pixel j), taps k0 .. k1 - 1. */
static void run_pixels(const band *b, const chunk *c, int64_t y, int64_t j, int64_t count, int64_t k0,
                       int64_t k1) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    tw_strip strips[MOST_STRIPS];
    int64_t size = (int64_t)s->size, column = b->group * s->produce + c->block * s->block;
    int64_t to_x = c->phase_x + j * x->out_step;
    tw_tile t = {.strips = strips, .a_col = 1, .b_row = c->row};
    t.count = list_strips(b, c, y, j, k0, k1, strips);
    if (t.count == 0 && !c->first) return;
    t.a_row = s->by_images ? s->from_image : x->in_step * (s->in_place ? s->from_channels : s->reduce);
    t.vecs = (int)(c->row / s->lanes);
    t.columns = (int)tw_sweep_columns(s, c->block);
    if (b->buffer) {
        t.c = b->buffer + ((y - b->y0) * s->band_columns + to_x - b->x0) * s->block * size;
        t.c_row = x->out_step * s->block;
    } else {
        int64_t pixel = (b->z * s->axis[TW_HEIGHT].to + y) * x->to + to_x;
        t.c = b->to + (pixel * s->to_channels + column) * size;
        t.c_row = s->by_images ? s->to_image : x->out_step * s->to_channels;
    }
    const char *bias = b->run->bias;
    t.start = !c->first ? t.c : bias ? bias + column * size : NULL;
    t.start_row = c->first ? 0 : t.c_row;
    run_tiles(b->run->loops, t, s->by_images ? b->images : count, s->size);
}

/* One row of a chunk: whole, or cut where the taps that lie inside change. */
static void run_row(const band *b, const chunk *c, int64_t y) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t j = b->x0 / x->out_step, taps = taps_at(x, c->phase_x);
    int64_t end = b->x1 > c->phase_x ? (b->x1 - c->phase_x - 1) / x->out_step + 1 : 0;
    if (!c->skirts && !s->by_images) {
        if (end > j) run_pixels(b, c, y, j, end - j, 0, taps);
        return;
    }
    while (j < end) {
        int64_t k0, k1, m0, m1, next = j + 1;
        tw_axis_inside(x, c->phase_x, j, &k0, &k1);
        for (; next < end && !s->by_images; next++) {
            tw_axis_inside(x, c->phase_x, next, &m0, &m1);
            if (m0 != k0 || m1 != k1) break;
        }
        run_pixels(b, c, y, j, next - j, k0, k1);
        j = next;
    }
}

static void run_chunk(const band *b, const chunk *c) {
    const tw_axis *y = &b->s->axis[TW_HEIGHT];
    int64_t first = b->y0 + ((c->phase_y - b->y0) % y->out_step + y->out_step) % y->out_step;
    for (int64_t row = first; row < b->y1; row += y->out_step) run_row(b, c, row);
}

/* All chunks of one block at one phase: short rows of taps are joined, long ones cut evenly. */
static void run_phase(const band *b, chunk c) {
    const tw_sweep *s = b->s;
    int64_t pairs = taps_at(&s->axis[TW_DEPTH], b->z % s->axis[TW_DEPTH].out_step) *
                    taps_at(&s->axis[TW_HEIGHT], c.phase_y);
    int64_t products = taps_at(&s->axis[TW_WIDTH], c.phase_x) * s->reduce;
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
static void store_block(const band *b, int64_t block) {
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

static void run_band(void *context, int64_t task, int worker) {
    const tw_sweep_run *run = context;
    const tw_sweep *s = run->sweep;
    band b = {.run = run, .s = s};
    find_band(&b, task);
    int64_t stage, bytes = tw_sweep_worker_bytes(s, &stage);
    if (bytes > 0) b.stage = (char *)run->workspace + worker * bytes;
    if (s->to_layout == TW_NCHW) b.buffer = b.stage + stage;
    if (!s->in_place) stage_rows(&b);
    for (int64_t block = b.block0; block < b.block1; block++) {
        bool infinite = ((const char *)run->packed)[b.group * s->blocks + block] != 0;
        chunk c = {.block = block, .row = tw_sweep_row(s, block)};
        c.skirts = s->skirts || (infinite && s->mode == TW_PAD_ZEROS && s->axis[TW_WIDTH].outside);
        for (c.phase_y = 0; c.phase_y < s->axis[TW_HEIGHT].phases; c.phase_y++)
            for (c.phase_x = 0; c.phase_x < s->axis[TW_WIDTH].phases; c.phase_x++) run_phase(&b, c);
        if (b.buffer) store_block(&b, block);
    }
}

void tw_sweep_execute(const tw_sweep_run *run) {
    const tw_sweep *s = run->sweep;
    int64_t tasks = s->parts * s->bands_x * s->bands_y * s->axis[TW_DEPTH].to * s->groups *
                    tw_ceil_div(s->images, s->image_step);
    tw_parallel(run->threads, tasks, run_band, (void *)run);
}

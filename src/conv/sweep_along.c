/* Lanes along the output channels: the rows of a tile are the pixels of a line, or the images at a pixel, and
 * a line is cut into tiles of even height. And how tiles that are alike are run, also those across pixels:
 * with one call of the kernel, so that the first multiply-adds of each follow soon upon the last of the one
 * before. */
#include "base/checked.h"
#include "conv/sweep_band.h"

enum { MOST_DOWN = 8 }; /* tiles of a line: of more, those beside each other are enough for one call */

/* The tile whose matrix begins `a` elements of the source, `c` of the destination and `start` of what it
 * starts from behind t's. Tiles are changed in place: a copy would be read before its parts are written. */
static void move(tw_tile *t, int64_t a, int64_t c, int64_t start, int64_t size) {
    t->a_begin += a;
    t->c = (char *)t->c + c * size;
    if (t->start) t->start = (const char *)t->start + start * size;
}

/* To the tile so many steps behind. */
static void step(tw_tile *t, int64_t steps, int64_t size) {
    move(t, steps * t->a_tile, steps * t->c_tile, steps * t->start_tile, size);
    t->b_begin += steps * t->b_tile, t->lanes_begin += steps * t->lanes_tile;
}

/* The first tiles of a chunk bring the next one's weights, for which the units would else wait; the others
 * what belongs to the next band. */
void tw_sweep_tiles(const tw_band *b, tw_chunk *c, tw_tile *t, int64_t count, tw_tile_loop *loop) {
    const int64_t lines = tw_chunk_products(c) * (t->rows > 1 ? 1 : t->vecs);
    const int64_t size = (int64_t)b->s->size, period = t->apart ? t->aparts : 1;
    int64_t steps = 0;
    for (int64_t n; count > 0; count -= n) {
        n = count;
        t->next = tw_ahead_next(&c->weights, lines, &n);
        if (!t->next) t->next = tw_ahead_either(b->ahead, lines, &n);
        if (period > 1) n = tw_min(count, tw_round_up(n, period));
        t->further = n - 1;
        loop(t);
        if (n == count) break;
        const int64_t done = period > 1 ? n / period : n;
        step(t, done, size), steps += done;
    }
    if (steps > 0) step(t, -steps, size);
}

/* Tiles of even height over rows begin .. end - 1 of the matrix that t describes, `most` at most. */
static void cut_rows(const tw_band *b, tw_chunk *chunk, tw_tile *t, int64_t begin, int64_t end, int64_t most,
                     tw_tile_loop *loop) {
    const int64_t size = (int64_t)b->s->size;
    const tw_cut cut = tw_cut_by(end - begin, most);
    for (int64_t i = 0, alike; i < cut.parts; i += alike) {
        const int64_t m = begin + tw_cut_begin(&cut, i), rows = tw_cut_length(&cut, i);
        alike = tw_cut_alike(&cut, i);
        t->rows = (int)rows;
        t->a_tile = rows * t->a_row, t->c_tile = rows * t->c_row, t->start_tile = rows * t->start_row;
        move(t, m * t->a_row, m * t->c_row, m * t->start_row, size);
        tw_sweep_tiles(b, chunk, t, alike, loop);
        move(t, -m * t->a_row, -m * t->c_row, -m * t->start_row, size);
    }
}

/* Whether two rows of a tile share the last vector. */
static bool is_shared(const tw_band *b, const tw_chunk *c) {
    return b->s->shared && c->block + 1 == b->s->blocks;
}

/* Tiles over `count` rows: those that share a vector first. */
static void run_tiles(const tw_band *b, tw_chunk *chunk, tw_tile *t, int64_t count) {
    const tw_loops *loops = b->run->loops;
    const int64_t high = is_shared(b, chunk) ? loops->shared_rows[t->vecs] : count + 1,
                  whole = count / high * high;
    if (whole) cut_rows(b, chunk, t, 0, whole, high, loops->tile_shared);
    if (whole < count) cut_rows(b, chunk, t, whole, count, loops->most_rows[t->vecs], loops->tile);
}

/* What tw_along_tiles steps through: pixels of a line, and lines. */
typedef struct tw_steps {
    int64_t pixels, lines;   /* how many */
    int64_t a_pixel, a_line; /* elements of the source from one to the next */
    int64_t c_pixel, c_line; /* of the destination */
} tw_steps;

/* The tile that is made ready, which begins with pixel `from` of a line, at lines first .. end - 1, each of
 * which it takes `lines`. */
static void run_down(const tw_band *b, tw_chunk *c, tw_tile *t, const tw_steps *k, int64_t lines,
                     int64_t first, int64_t end, int64_t from) {
    const int64_t size = (int64_t)b->s->size, start_pixel = c->first ? 0 : k->c_pixel,
                  start_line = c->first ? 0 : k->c_line;
    const int64_t a = first * k->a_line + from * k->a_pixel, to = first * k->c_line + from * k->c_pixel,
                  start = first * start_line + from * start_pixel;
    t->a_tile = lines * k->a_line, t->c_tile = lines * k->c_line, t->start_tile = lines * start_line;
    move(t, a, to, start, size);
    tw_sweep_tiles(b, c, t, (end - first) / lines, b->run->loops->tile);
    move(t, -a, -to, -start, size);
}

/* Each pair of lines is a tile. */
static void run_pairs(const tw_band *b, tw_chunk *c, tw_tile *t, const tw_steps *k) {
    t->a_gap = k->a_line - k->pixels * k->a_pixel, t->c_gap = k->c_line - k->pixels * k->c_pixel;
    t->rows = (int)(2 * k->pixels);
    run_down(b, c, t, k, 2, 0, k->lines / 2 * 2, 0);
    t->a_gap = t->c_gap = 0;
}

/* Tiles whose rows are the pixels of a line, of two where they are few. Lines of few tiles: the same tile of
 * all lines, then the next. */
static void run_lines(const tw_band *b, tw_chunk *c, tw_tile *t, const tw_steps *k) {
    const int64_t most = b->run->loops->most_rows[t->vecs], start_line = c->first ? 0 : k->c_line;
    const bool pairs = !b->s->by_images && 2 * k->pixels <= most && k->lines > 1;
    const int64_t first = pairs ? k->lines / 2 * 2 : 0;
    if (pairs) run_pairs(b, c, t, k);
    if (first == k->lines) return;
    const tw_cut cut = tw_cut_by(k->pixels, most);
    if (cut.parts <= tw_min(MOST_DOWN, k->lines - first) && !is_shared(b, c)) {
        for (int64_t i = 0; i < cut.parts; i++) {
            t->rows = (int)tw_cut_length(&cut, i);
            run_down(b, c, t, k, 1, first, k->lines, tw_cut_begin(&cut, i));
        }
        return;
    }
    for (int64_t i = first; i < k->lines; i++) {
        move(t, i * k->a_line, i * k->c_line, i * start_line, (int64_t)b->s->size);
        run_tiles(b, c, t, k->pixels);
        move(t, -i * k->a_line, -i * k->c_line, -i * start_line, (int64_t)b->s->size);
    }
}

void tw_along_tiles(const tw_band *b, tw_chunk *c, const tw_run *r, const tw_strip *strips,
                    int64_t strip_count) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH], *y = &s->axis[TW_HEIGHT];
    int64_t size = (int64_t)s->size, column = b->group * s->produce + c->block * s->block;
    int64_t to_x = c->phase_x + r->j * x->out_step, channels = s->in_place ? s->from_channels : s->reduce;
    tw_tile t = {.strips = strips, .count = strip_count, .a_col = 1, .b_row = c->row};
    t.vecs = (int)(c->row / s->lanes);
    t.columns = (int)tw_sweep_columns(s, c->block);
    const char *bias = s->woven > 1 && b->run->bias ? b->bias : b->run->bias;
    int64_t pixel = (b->z * y->to + r->y) * x->to + to_x;
    t.c = b->buffer ? b->buffer + ((r->y - b->y0) * s->band_columns + to_x - b->x0) * s->block * size
                    : b->to + (pixel * s->to_channels + column) * size;
    if (s->fanned > 1) { /* whole vectors, which need no mask; tw_fan_store adds the bias */
        int64_t at = (r->y - c->y0) * s->buffer_row + (s->fan_lead + to_x) * s->to_pitch + column;
        t.c = b->buffer + at * size, t.columns = (int)c->row, bias = NULL;
    }
    t.ramp = b->run->ramp, t.streams = b->run->streams;
    t.start = !c->first ? t.c : bias ? bias + column * size : NULL;
    tw_steps k = {.pixels = s->by_images ? b->images : r->count, .lines = r->rows};
    k.a_pixel = s->by_images ? s->from_image : x->in_step * channels;
    k.c_pixel = b->buffer      ? x->out_step * s->block
                : s->by_images ? s->to_image
                               : x->out_step * s->to_channels;
    k.a_line = y->in_step * (s->in_place ? x->from * channels : s->slot);
    k.c_line = y->out_step * (b->buffer ? s->band_columns * s->block : x->to * s->to_channels);
    if (s->fanned > 1) k.c_pixel = s->to_pitch, k.c_line = y->out_step * s->buffer_row;
    /* columns of pixels fill a tile better, where those are longer than two rows */
    if (!s->by_images && 2 * k.pixels < tw_min(k.lines, b->run->loops->most_rows[t.vecs]))
        k = (tw_steps){k.lines, k.pixels, k.a_line, k.a_pixel, k.c_line, k.c_pixel};
    const int64_t c_image = s->fanned > 1 ? s->buffer_rows * s->buffer_row : s->to_image;
    t.a_row = k.a_pixel, t.c_row = k.c_pixel;
    t.start_row = c->first ? 0 : t.c_row;
    for (int64_t i = 0; i < (s->by_images ? 1 : b->images); i++) {
        run_lines(b, c, &t, &k);
        move(&t, s->image_slot, c_image, c->first ? 0 : c_image, size);
    }
}

/* Lanes across the pixels of a row: the tile turned round. Its rows are output channels, their weights are
 * splat, and its columns are neighbouring destinations of one phase, whose sources are neighbours in a staged
 * row. Each destination is the same chain of multiply-adds as with lanes across channels, so this changes no
 * bit; it pays where a vector of channels would be half empty, and with channels first, where rows lie as the
 * tile wants them.
 *
 * A staged row is [residue][channel][pitch]: the columns stage_low + residue + i * in_step for i = 0, 1, ...,
 * so that with a stride too neighbouring destinations read neighbours. The source is never read in place: a
 * tile loads whole vectors, also at the end of a row. Weights that are not finite leave out the lanes that
 * meet padding, tap by tap (tw_part). */
#include "conv/sweep_band.h"

#include <string.h>

#include "base/checked.h"

/* One source row being staged. */
typedef struct staging {
    const tw_band *band;
    const char *pixels; /* the row's pixel 0, the group's channel 0 */
    int64_t pixel_step, channel_step;
    char *slot;
} staging;

/* Staged columns i .. end - 1 of a residue, all inside. */
static void load_inside(const staging *k, int64_t residue, int64_t i, int64_t end, char *to) {
    const tw_sweep *s = k->band->s;
    int64_t step = s->axis[TW_WIDTH].in_step, size = (int64_t)s->size;
    int64_t at = k->band->stage_low + residue + i * step;
    const char *from = k->pixels + at * k->pixel_step * size;
    const tw_loops *loops = k->band->run->loops;
    if (end <= i) return;
    to += i * size;
    if (k->channel_step == 1)
        loops->turn(&(tw_block){from, step * k->pixel_step, to, s->pitch, end - i, s->reduce});
    else if (step == 1)
        loops->copy(&(tw_block){from, k->channel_step, to, s->pitch, s->reduce, end - i});
    else
        for (int64_t c = 0; c < s->reduce; c++)
            loops->turn(&(tw_block){from + c * k->channel_step * size, step, to + c * s->pitch * size,
                                    s->pitch, end - i, 1});
}

/* Staged columns i .. end - 1 of a residue, all outside. */
static void load_outside(const staging *k, int64_t residue, int64_t i, int64_t end, char *to) {
    const tw_sweep *s = k->band->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size;
    if (s->mode == TW_PAD_ZEROS) {
        for (int64_t c = 0; c < s->reduce && i < end; c++)
            memset(to + (c * s->pitch + i) * size, 0, (size_t)((end - i) * size));
        return;
    }
    for (; i < end; i++) {
        int64_t source = tw_shape_source(s->mode, k->band->stage_low + residue + i * x->in_step, x->from);
        for (int64_t c = 0; c < s->reduce; c++)
            memcpy(to + (c * s->pitch + i) * size,
                   k->pixels + (source * k->pixel_step + c * k->channel_step) * size, (size_t)size);
    }
}

/* The columns stage_low and on of a source row, `count` for each residue. */
static void stage_row(const staging *k, int64_t count, char *slot) {
    const tw_sweep *s = k->band->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    for (int64_t residue = 0; residue < x->in_step; residue++) {
        int64_t low = k->band->stage_low + residue; /* the first i with low + i * step >= 0, and >= from */
        int64_t i = tw_min(count, low < 0 ? tw_ceil_div(-low, x->in_step) : 0);
        int64_t end = tw_max(i, tw_min(count, low < x->from ? tw_ceil_div(x->from - low, x->in_step) : 0));
        char *to = slot + residue * s->reduce * s->pitch * (int64_t)s->size;
        load_outside(k, residue, 0, i, to);
        load_inside(k, residue, i, end, to);
        load_outside(k, residue, end, count, to);
    }
}

/* Rows that need only zeros at their sides: all channels of a row at once, or all rows of a channel. */
static void stage_framed(const staging *k, int64_t count, int64_t rows, char *slot) {
    const tw_sweep *s = k->band->s;
    int64_t size = (int64_t)s->size, width = s->axis[TW_WIDTH].from, low = k->band->stage_low;
    int64_t before = tw_min(count, tw_max(0, -low)), end = tw_max(before, tw_min(count, width - low));
    tw_frame f = {.before = before, .width = s->pitch};
    const char *from = k->pixels + (before + low) * size;
    if (s->reduce < rows)
        for (int64_t c = 0; c < s->reduce; c++) {
            f.block = (tw_block){from + c * k->channel_step * size,
                                 width,
                                 slot + c * s->pitch * size,
                                 s->slot,
                                 rows,
                                 end - before};
            k->band->run->loops->frame(&f);
        }
    else
        for (int64_t r = 0; r < rows; r++) {
            f.block = (tw_block){from + r * width * size,
                                 k->channel_step,
                                 slot + r * s->slot * size,
                                 s->pitch,
                                 s->reduce,
                                 end - before};
            k->band->run->loops->frame(&f);
        }
}

void tw_across_stage(const tw_band *b, const char *image, int64_t begin, int64_t rows, char *slot) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    bool last = s->from_layout == TW_NHWC;
    staging k = {
        .band = b, .pixel_step = last ? s->from_channels : 1, .channel_step = last ? 1 : s->from_pixels};
    k.pixels = image + (begin * k.pixel_step + b->group * s->reduce * k.channel_step) * (int64_t)s->size;
    int64_t count = (b->x1 - b->x0 + x->out_step - 1) / x->out_step + (x->last - x->least) / x->in_step;
    if (!last && x->in_step == 1 && s->mode == TW_PAD_ZEROS) {
        stage_framed(&k, count, rows, slot);
        return;
    }
    for (int64_t r = 0; r < rows; r++) {
        stage_row(&k, count, slot + r * s->slot * (int64_t)s->size);
        k.pixels += x->from * k.pixel_step * (int64_t)s->size;
    }
}

void tw_across_bias(const tw_band *b, int64_t block) {
    const tw_sweep *s = b->s;
    int64_t width = s->vecs * s->lanes;
    const char *bias = b->run->bias;
    if (!bias) return;
    bias += (b->group * s->produce + block * s->block) * (int64_t)s->size;
    b->run->loops->turn(&(tw_block){bias, 0, b->bias, width, width, tw_sweep_columns(s, block)});
}

void tw_across_lanes(const tw_band *b) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size, j0 = b->x0 / x->out_step;
    for (int64_t t = 0; t < tw_axis_used(x); t++) {
        /* destinations j with 0 <= j * in_step + shift < from */
        int64_t begin = x->shift[t] < 0 ? tw_ceil_div(-x->shift[t], x->in_step) : 0;
        int64_t end = x->shift[t] < x->from ? tw_ceil_div(x->from - x->shift[t], x->in_step) : 0;
        char *lanes = b->lanes + t * s->to_pitch * size;
        begin = tw_min(s->to_pitch, tw_max(0, begin - j0));
        end = tw_max(begin, tw_min(s->to_pitch, end - j0));
        memset(lanes, 0, (size_t)(s->to_pitch * size));
        memset(lanes + begin * size, 0xff, (size_t)((end - begin) * size));
    }
}

int64_t tw_across_strips(const tw_band *b, const tw_chunk *c, int64_t j, int64_t r0, int64_t r1,
                         const char *slot, const char *w, tw_strip *strips, tw_part *parts) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    const int64_t *shift = x->shift + x->first[c->phase_x];
    int64_t size = (int64_t)s->size, count = 0, from = j - b->x0 / x->out_step;
    for (int64_t begin = r0; r0 < r1;) {
        int64_t k = r0 / s->reduce, end = s->merged && !c->parts ? r1 : tw_min(r1, (k + 1) * s->reduce);
        int64_t up = shift[k] - x->least, residue = up % x->in_step;
        int64_t at = (residue * s->reduce + r0 - k * s->reduce) * s->pitch + up / x->in_step + from;
        if (c->parts) {
            const char *lanes = b->lanes + (x->first[c->phase_x] + k) * s->to_pitch * size;
            parts[count] = (tw_part){lanes, 0, s->block};
        }
        strips[count++] = (tw_strip){w + (r0 - begin) * c->row * size, slot + at * size, end - r0};
        r0 = end;
    }
    return count;
}

/* The buffer is [image][row][phase][channel][to_pitch], the channels of a block, or all that are fanned:
 * numbers of an image. */
static int64_t buffer_image(const tw_sweep *s) {
    return s->buffer_rows * s->buffer_row;
}

/* The lines of a run: equal rows of equal images, and how far they lie apart. */
typedef struct lines {
    int64_t count, vectors, rows, images; /* pixels of a line, and the vectors that hold them */
    int64_t from_row, from_image, to_row, to_image;
} lines;

/* `count` tiles like t, the first of which begins `from` and `to` elements farther on, in a line's column n.
 */
static void run_tiles(const tw_band *b, tw_chunk *c, tw_tile *t, int64_t n, int64_t from, int64_t to,
                      int64_t count) {
    const tw_loops *loops = b->run->loops;
    const int64_t size = (int64_t)b->s->size;
    t->b_begin += from, t->lanes_begin += n, t->c = (char *)t->c + to * size;
    if (!c->first) t->start = t->c, t->start_tile = t->c_tile;
    tw_sweep_tiles(b, c, t, count, t->parts ? loops->tile_parts : loops->tile);
    t->b_begin -= from, t->lanes_begin -= n, t->c = (char *)t->c - to * size;
}

/* Columns n .. end - 1 of a line: tiles of as many vectors, the last vector perhaps in part. */
static void run_columns(const tw_band *b, tw_chunk *c, tw_tile *t, int64_t vecs, int64_t n, int64_t end) {
    const int64_t columns = vecs * b->s->lanes, whole = (end - n) / columns, rest = n + whole * columns;
    t->vecs = (int)vecs, t->b_tile = t->c_tile = t->lanes_tile = columns;
    t->columns = (int)columns;
    run_tiles(b, c, t, n, n, n, whole);
    t->columns = (int)(end - rest);
    run_tiles(b, c, t, rest, rest, rest, rest < end);
}

/* Whether a line's last vector begins earlier, to end with the line: nothing may be read behind it. */
static bool ends_early(const tw_sweep *s) {
    return s->in_place && s->axis[TW_WIDTH].to % s->lanes != 0;
}

/* Lines one by one: tiles of even width. */
static void run_long(const tw_band *b, tw_chunk *c, tw_tile *t, const lines *l) {
    const int64_t lanes = b->s->lanes, early = ends_early(b->s) ? l->count % lanes : 0,
                  end = l->count - early;
    const int64_t vectors = tw_ceil_div(end, lanes), tiles = tw_ceil_div(vectors, b->s->vecs);
    const int64_t low = vectors / tiles, wide = vectors % tiles * (low + 1) * lanes;
    char *to = t->c;
    for (int64_t i = 0; i < l->images * l->rows; i++) {
        const int64_t image = i / l->rows, row = i % l->rows;
        t->c = to + (image * l->to_image + row * l->to_row) * (int64_t)b->s->size;
        t->b_begin = image * l->from_image + row * l->from_row;
        run_columns(b, c, t, low + 1, 0, wide);
        run_columns(b, c, t, low, wide, end);
        if (early) run_columns(b, c, t, 1, l->count - lanes, l->count);
    }
}

/* Short lines, whose vectors are counted through: those of neighbouring lines fill a tile. After `period`
 * lines, or images where there are several, a line begins with a tile again: `tiles` lie between. */
typedef struct joint {
    int64_t period, tiles;
    int64_t units; /* lines, or images; and what one has and how far it lies from the next: */
    int64_t vectors, from, to;
} joint;

enum { MOST_TILES = 32, MOST_DOWN = 3 /* tiles of a line: more are enough beside each other */ };

static joint join_lines(const lines *l, int64_t vecs) {
    joint j = {1, 0, l->rows, l->vectors, l->from_row, l->to_row};
    if (l->images > 1) j = (joint){1, 0, l->images, l->rows * l->vectors, l->from_image, l->to_image};
    while (j.period * j.vectors % vecs != 0) j.period++;
    j.tiles = j.period * j.vectors / vecs;
    return j;
}

/* Where the vectors of the first tiles lie. */
static void lay_apart(const tw_band *b, const tw_chunk *c, const lines *l, int64_t tiles, tw_apart *apart) {
    const int64_t lanes = b->s->lanes, vecs = b->s->vecs;
    const int64_t last = ends_early(b->s) ? l->count - lanes : l->count; /* vector's beginning, at most */
    int64_t image = 0, row = 0, begin = 0;
    for (int64_t i = 0; i < tiles; i++)
        for (int64_t v = 0; v < vecs; v++) {
            const int64_t n = tw_min(begin, last), to = image * l->to_image + row * l->to_row + n;
            apart[i].lanes[v] = n, apart[i].b[v] = image * l->from_image + row * l->from_row + n;
            apart[i].c[v] = to, apart[i].start[v] = c->first ? 0 : to;
            apart[i].columns[v] = (int)tw_min(lanes, l->count - n);
            begin += lanes;
            if (begin >= l->count) begin = 0, row++;
            if (row == l->rows) row = 0, image++;
        }
}

static void run_joined(const tw_band *b, tw_chunk *c, tw_tile *t, const lines *l, const joint *j) {
    const int64_t lanes = b->s->lanes, vecs = b->s->vecs, all = j->units * j->vectors / vecs;
    const int64_t left = j->units * j->vectors % vecs, from = j->period * j->from, to = j->period * j->to;
    const int partly = l->count % lanes != 0 && !ends_early(b->s); /* not all vectors are whole */
    tw_apart apart[MOST_TILES];
    lay_apart(b, c, l, tw_min(j->tiles, all + (left > 0)), apart);
    t->b_tile = from, t->c_tile = to;
    t->apart = apart, t->aparts = j->tiles;
    t->vecs = (int)vecs, t->columns = (int)(vecs * lanes) - partly;
    run_tiles(b, c, t, 0, 0, 0, all);
    const int64_t periods = all / j->tiles;
    const tw_apart *last = &apart[all % j->tiles];
    t->vecs = (int)left, t->columns = (int)(left * lanes) - partly;
    if (left == 1) { /* one vector is not apart from itself */
        t->apart = NULL, t->columns = last->columns[0];
        run_tiles(b, c, t, last->lanes[0], periods * from + last->b[0], periods * to + last->c[0], 1);
    } else if (left > 1) {
        t->apart = last;
        run_tiles(b, c, t, 0, periods * from, periods * to, 1);
    }
}

/* Lines of few tiles: the same tile of all lines, one column of tiles after the other. */
static void run_down(const tw_band *b, tw_chunk *c, tw_tile *t, const lines *l) {
    const int64_t lanes = b->s->lanes;
    const tw_cut cut = tw_cut_by(l->vectors, b->s->vecs);
    t->b_tile = l->from_row, t->c_tile = l->to_row, t->lanes_tile = 0;
    for (int64_t k = 0; k < cut.parts; k++) {
        const int64_t n = tw_cut_begin(&cut, k) * lanes;
        t->vecs = (int)tw_cut_length(&cut, k);
        t->columns = (int)tw_min(t->vecs * lanes, l->count - n);
        for (int64_t i = 0; i < l->images; i++)
            run_tiles(b, c, t, n, i * l->from_image + n, i * l->to_image + n, l->rows);
    }
}

static void run_lines(const tw_band *b, tw_chunk *c, tw_tile *t, const lines *l) {
    const int64_t vecs = b->s->vecs;
    const bool early = ends_early(b->s), one = l->images * l->rows == 1;
    const joint j = join_lines(l, vecs);
    if (!early && l->vectors <= MOST_DOWN * vecs && (one || l->vectors % vecs == 0))
        run_down(b, c, t, l);
    else if (j.tiles <= MOST_TILES && (early || (!one && l->vectors % vecs != 0)))
        run_joined(b, c, t, l, &j);
    else
        run_long(b, c, t, l);
}

void tw_across_tiles(const tw_band *b, tw_chunk *c, const tw_run *r, const tw_strip *strips,
                     const tw_part *parts, int64_t strip_count) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH], *y = &s->axis[TW_HEIGHT];
    int64_t size = (int64_t)s->size, channel = b->group * s->produce + c->block * s->block;
    int64_t row_step = y->out_step * x->to, image_step = s->to_image;
    int64_t pixel = (b->z * y->to + r->y) * x->to + r->j;
    tw_tile t = {.strips = strips, .count = strip_count, .a_row = 1, .a_col = c->row, .rows = (int)c->row};
    t.parts = c->parts ? parts : NULL, t.ramp = b->run->ramp, t.streams = b->run->streams;
    t.c = b->to + (channel * s->to_pixels + pixel) * size;
    t.c_row = s->to_pixels;
    if (b->buffer) {
        int64_t at = (r->y - c->y0) * s->buffer_row + r->j - b->x0 / x->out_step;
        at += s->fanned > 1 ? c->block * s->block * s->to_pitch + s->fan_lead
                            : c->phase_x * s->block * s->to_pitch;
        t.c = b->buffer + at * size;
        row_step = y->out_step * s->buffer_row, image_step = buffer_image(s);
        t.c_row = s->to_pitch;
    }
    t.b_row = s->merged ? 1 : s->pitch;
    t.start = c->first && b->run->bias && s->fanned == 1 ? b->bias : NULL; /* tw_fan_store adds it */
    t.start_row = c->first ? s->vecs * s->lanes : t.c_row;
    lines l = {
        .count = r->count, .vectors = tw_ceil_div(r->count, s->lanes), .rows = r->rows, .images = b->images};
    l.from_row = y->in_step * s->slot, l.from_image = s->image_slot;
    l.to_row = row_step, l.to_image = image_step;
    run_lines(b, c, &t, &l);
}

/* The phases of a row that was written phase by phase, laid into each other: `from` is [phase][step]. */
static void interleave(const tw_band *b, const char *from, int64_t step, char *to) {
    const tw_axis *x = &b->s->axis[TW_WIDTH];
    int64_t size = (int64_t)b->s->size, width = b->x1 - b->x0, whole = width / x->out_step;
    b->run->loops->turn(&(tw_block){from, step, to, x->out_step, x->phases, whole});
    for (int64_t i = whole * x->out_step; i < width; i++)
        memcpy(to + i * size, from + (i % x->out_step * step + whole) * size, (size_t)size);
}

static void store_row(const tw_band *b, const tw_chunk *chunk, const char *from, char *image, int64_t y) {
    const tw_sweep *s = b->s;
    const tw_axis *x = &s->axis[TW_WIDTH];
    int64_t size = (int64_t)s->size, channels = tw_sweep_columns(s, chunk->block),
            step = s->block * s->to_pitch;
    int64_t channel = b->group * s->produce + chunk->block * s->block;
    int64_t pixel = (b->z * s->axis[TW_HEIGHT].to + y) * x->to + b->x0;
    if (s->to_layout == TW_NCHW) {
        for (int64_t c = 0; c < channels; c++)
            interleave(b, from + c * s->to_pitch * size, step,
                       image + ((channel + c) * s->to_pixels + pixel) * size);
        return;
    }
    for (int64_t phase = 0; phase < tw_min(x->phases, b->x1 - b->x0); phase++)
        b->run->loops->turn(&(tw_block){.from = from + phase * step * size,
                                        .from_pitch = s->to_pitch,
                                        .to = image + ((pixel + phase) * s->to_channels + channel) * size,
                                        .to_pitch = x->out_step * s->to_channels,
                                        .rows = channels,
                                        .columns = (b->x1 - b->x0 - phase - 1) / x->out_step + 1});
}

void tw_across_store(const tw_band *b, const tw_chunk *c) {
    const tw_sweep *s = b->s;
    int64_t size = (int64_t)s->size;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t y = c->y0; y < c->y1; y++) {
            const char *from = b->buffer + (i * buffer_image(s) + (y - c->y0) * s->buffer_row) * size;
            store_row(b, c, from, b->to + i * s->to_image * size, y);
        }
}

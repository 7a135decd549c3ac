/* Running the weight gradient. The loops of one task, outermost first: chunks of its slot, blocks across,
 * taps, panels down. Then the partial gradients are added up and put into the order of the weights. Few
 * pixels change the order: panels, then taps, so that a panel's sums reach the weights from the first cache.
 */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/gradient.h"

typedef tw_gradient_work work;

/* One tap, or one row of taps, x being the first. */
typedef struct tap {
    int64_t z, y, x;
} tap;

/* The output pixels of a row that see this tap inside the source. */
static void inside(const work *k, const tap *t, int64_t *begin, int64_t *end) {
    const tw_axis *x = &k->g->axis[TW_WIDTH];
    *begin = k->x0, *end = k->x1;
    if (k->g->joined || k->g->mode != TW_PAD_ZEROS || !x->outside) return;
    int64_t shift = x->shift[t->x];
    if (shift < 0) *begin = tw_max(k->x0, tw_ceil_div(-shift, x->in_step));
    *end = shift >= x->from ? 0 : tw_min(k->x1, (x->from - 1 - shift) / x->in_step + 1);
}

/* Where rows of pixels lie: that of image i and row r begins at `base` + at + i * image + r * row, bytes. */
typedef struct lines {
    const char *base;
    int64_t at, image, row;
} lines;

static const char *line_at(const lines *l, int64_t image, int64_t row) {
    return l->base + (l->at + image * l->image + row * l->row);
}

/* Rows of x in a plane, from a column and the first channel of the block or share on. */
static lines lines_of_x(const work *k, int64_t t_z, int64_t plane, int64_t column) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    const int64_t size = (int64_t)g->size;
    if (g->x_in_place) {
        int64_t first = k->group * g->group_in + (g->joined      ? 0
                                                  : g->across_in ? k->block * g->block
                                                                 : k->down0);
        int64_t pixel = plane * y->from * x->from + column;
        return (lines){k->job->x, (pixel * g->in_channels + first) * size, g->in_image * size,
                       x->from * g->in_channels * size};
    }
    int64_t row = g->x_width * k->x_pitch * size, image = g->kernel[TW_DEPTH] * g->x_rows * row;
    int64_t at = (t_z * g->x_rows - k->y_low) * row + (column - k->x_low) * k->x_pitch * size;
    return (lines){k->x, at - k->image0 * image, image, row};
}

/* Rows of dy, from a column on, in the first panel of the share. */
static lines lines_of_dy(const work *k, int64_t column) {
    const tw_gradient *g = k->g;
    const int64_t pixel = k->dy_pitch * (int64_t)g->size;
    if (g->dy_in_place) {
        int64_t first = k->group * g->group_out + (g->across_in ? k->down0 : 0);
        int64_t row = g->axis[TW_WIDTH].to * pixel, plane = g->axis[TW_HEIGHT].to * row;
        return (lines){k->job->dy, k->z * plane + column * pixel + first * (int64_t)g->size,
                       g->out_image * (int64_t)g->size, row};
    }
    int64_t row = (k->x1 - k->x0) * pixel, image = (k->y1 - k->y0) * row;
    return (lines){k->dy, (column - k->x0) * pixel - k->y0 * row - k->image0 * image, image, row};
}

/* Numbers from one product of a chain to the next, in x. */
static int64_t x_step(const work *k) {
    const tw_gradient *g = k->g;
    if (!g->by_images) return g->axis[TW_WIDTH].in_step * (g->x_in_place ? g->in_channels : k->x_pitch);
    return g->x_in_place ? g->in_image : g->kernel[TW_DEPTH] * g->x_rows * g->x_width * k->x_pitch;
}

/* A strip of joined taps, cut where other taps of the row lie inside: pixel by pixel at the sides. Returns
 * how many pieces. */
static int64_t cut_strip(const work *k, const tw_strip *strip, tw_strip *strips, tw_part *parts) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH];
    int64_t size = (int64_t)g->size, in = x->in_step * g->group_in, count = 0, a_step = x_step(k),
            b_step = k->dy_pitch, k0, k1;
    int64_t whole =
        tw_ceil_div(x->from - x->last, x->in_step) - k->x0; /* before it no tap is beyond the end */
    if (g->across_in) a_step = k->dy_pitch, b_step = x_step(k);
    for (int64_t j = 0, n; j < strip->length; j += n) {
        tw_axis_inside(x, 0, k->x0 + j, &k0, &k1);
        n = k1 - k0 == x->most ? tw_min(strip->length, whole) - j : 1;
        if (k0 == k1) continue;
        parts[count] = (tw_part){k->lanes, k0 * g->group_in, k1 * g->group_in};
        if (g->across_in) parts[count] = (tw_part){k->lanes + j * in * size, 0, g->down};
        strips[count++] = (tw_strip){(const char *)strip->a + j * a_step * size,
                                     (const char *)strip->b + j * b_step * size, n};
    }
    return count;
}

/* One strip for each row of pixels; with by_images a single one; if dy is not finite, pieces of them. */
static int64_t list_strips(const work *k, const tap *t, tw_strip *strips, tw_part *parts) {
    const tw_gradient *g = k->g;
    const tw_axis *ax = &g->axis[TW_WIDTH];
    int64_t count = 0, begin, end, plane = tw_gradient_source(g, TW_DEPTH, k->z, t->z);
    inside(k, t, &begin, &end);
    if (plane < 0 || begin >= end) return 0;
    int64_t column = begin * ax->in_step + ax->shift[t->x];
    if (g->mode != TW_PAD_ZEROS && g->x_in_place) column = tw_shape_source(g->mode, column, ax->from);
    const lines of_x = lines_of_x(k, t->z, plane, column), of_dy = lines_of_dy(k, begin);
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t y = k->y0; y < k->y1; y++) {
            int64_t row = tw_gradient_source(g, TW_HEIGHT, y, t->y);
            if (row < 0) continue;
            const char *x = line_at(&of_x, i, row), *dy = line_at(&of_dy, i, y);
            tw_strip strip = g->across_in ? (tw_strip){dy, x, end - begin} : (tw_strip){x, dy, end - begin};
            if (k->infinite)
                count += cut_strip(k, &strip, strips + count, parts + count);
            else
                strips[count++] = strip;
            if (g->by_images) {
                strips[0].length = k->image1 - k->image0;
                return 1;
            }
        }
    return count;
}

/* Where the sums of a tap begin, and how far apart their rows are. */
static char *sums_at(const work *k, const tap *t, int64_t *pitch) {
    const tw_gradient *g = k->g;
    int64_t size = (int64_t)g->size, row = k->row;
    if (g->dw_in_place) {
        *pitch = g->group_in;
        int64_t n = k->group * g->group_out + k->down0;
        return (char *)k->job->dw + (n * g->group_in + k->block * g->block) * size;
    }
    int64_t number = t->z * g->kernel[TW_HEIGHT] + t->y;
    if (!g->joined) number = number * g->kernel[TW_WIDTH] + t->x;
    if (g->flipped) number = g->tap_rows - 1 - number;
    *pitch = row;
    int64_t at = k->slot * g->partial + tw_gradient_at(g, k->group, k->block) +
                 (number * g->sum_rows + (g->by_panel ? 0 : k->down0)) * row;
    return k->sums + at * size;
}

/* The tap behind this one. */
static tap next_tap(const work *k, tap t) {
    const tw_gradient *g = k->g;
    t.x = g->joined || t.x + 1 == g->kernel[TW_WIDTH] ? 0 : t.x + 1;
    if (t.x == 0 && ++t.y == g->kernel[TW_HEIGHT]) t.y = 0, t.z++;
    return t;
}

/* The tile of a tap, or of all taps of a row; its rows are those of a panel. */
static tw_tile tile_of_tap(const work *k, const tap *t, tw_strip *strips, tw_part *parts) {
    const tw_gradient *g = k->g;
    tw_tile tile = {.strips = strips, .parts = parts, .a_row = 1};
    tile.count = list_strips(k, t, strips, parts);
    tile.c = sums_at(k, t, &tile.c_row);
    tile.start_row = tile.c_row;
    tile.a_col = g->across_in ? k->dy_pitch : x_step(k);
    tile.b_row = g->across_in ? x_step(k) : k->dy_pitch;
    if (g->by_images && g->dy_in_place) *(g->across_in ? &tile.a_col : &tile.b_row) = g->out_image;
    tile.vecs = (int)(k->row / g->lanes);
    tile.columns = (int)k->columns;
    return tile;
}

/* Rows in even panels, as many as tiles need. */
typedef struct panels {
    tw_cut rows;
    bool packed;
} panels;

static panels cut_rows(const work *k, int64_t rows, int vecs) {
    const tw_gradient *g = k->g;
    bool packed = g->across_in && !g->dy_in_place;
    int64_t most = packed || g->by_panel ? g->most_rows : k->job->problem->loops->most_rows[vecs];
    return (panels){tw_cut_by(rows, most), packed};
}

/* Where the rows of a panel begin in what lies down. */
static int64_t panel_begin(const work *k, const panels *a, int64_t panel, int64_t a_col) {
    return a->packed ? panel * tw_gradient_pixels(k) * a_col : tw_cut_begin(&a->rows, panel);
}

/* All panels of the share for one tap. */
static void run_tap(const work *k, const tap *t) {
    const tw_gradient *g = k->g;
    const tw_loops *loops = k->job->problem->loops;
    tw_strip strips[TW_GRADIENT_STRIPS];
    tw_part parts[TW_GRADIENT_STRIPS];
    bool first = k->chunk == tw_gradient_first(g, k->slot);
    tw_tile tile = tile_of_tap(k, t, strips, parts);
    if (tile.count == 0 && !first) return;
    panels a = cut_rows(k, k->down1 - k->down0, tile.vecs);
    char *sums = tile.c;
    for (int64_t p = 0, n; p < a.rows.parts; p += n) {
        int64_t row = tw_cut_begin(&a.rows, p);
        n = k->infinite ? 1 : tw_cut_alike(&a.rows, p);
        tile.rows = (int)tw_cut_length(&a.rows, p);
        tile.a_begin = panel_begin(k, &a, p, tile.a_col);
        tile.a_tile = panel_begin(k, &a, p + 1, tile.a_col) - tile.a_begin;
        tile.c = sums + row * tile.c_row * (int64_t)g->size;
        tile.start = first ? NULL : tile.c;
        tile.c_tile = tile.start_tile = tile.rows * tile.c_row;
        tile.next = tw_ahead_either(k->ahead, tw_gradient_pixels(k), &n);
        tile.further = n - 1;
        if (k->infinite) {
            loops->tile_parts(&tile);
            for (int64_t i = 0; i < tile.count; i++) parts[i].first -= tile.rows, parts[i].end -= tile.rows;
        } else {
            loops->tile(&tile);
        }
    }
}

/* ---- Into the order of the weights. */

typedef struct whole {
    const tw_gradient *g;
    const tw_job *job;
    int64_t runs; /* of groups */
} whole;

/* The weights of a block and an output channel: the taps of its input channels. */
static char *weights_at(const tw_gradient *g, const tw_job *job, int64_t group, int64_t block,
                        int64_t channel) {
    int64_t at = ((group * g->group_out + channel) * g->group_in + block * g->block) * g->kernel_taps;
    return (char *)job->dw + at * (int64_t)g->size;
}

/* Rows down0 .. down1 - 1 of a block, [tap row][down][row], to dw, [output channel][input channel][tap]:
 * squares of taps and channels are turned. `sums` begins with row down0. */
static void finish(const tw_gradient *g, const tw_job *job, const char *sums, int64_t group, int64_t block,
                   int64_t down0, int64_t down1) {
    int64_t size = (int64_t)g->size, taps = g->kernel_taps, row = tw_gradient_row(g, block);
    int64_t columns = tw_gradient_columns(g, block), first = block * g->block;
    char *dw = (char *)job->dw + group * g->group_out * g->group_in * taps * size;
    tw_block t = {.to_pitch = taps, .rows = taps, .columns = columns, .from_pitch = g->sum_rows * row};
    if (taps == 1 && g->across_in) { /* nothing to turn */
        char *to = dw + (down0 * g->group_in + first) * size;
        job->problem->loops->copy(&(tw_block){sums, row, to, g->group_in, down1 - down0, columns});
        return;
    }
    bool rows = g->joined && g->across_in;
    if (rows) t.rows = g->kernel[TW_WIDTH], t.from_pitch = t.columns = g->group_in;
    if (!g->across_in) t.to_pitch = g->group_in * taps, t.from_pitch = g->group_in * row;
    if (!g->across_in && g->joined) down1 = g->group_in;
    for (int64_t d = down0; d < down1; d++)
        for (int64_t r = 0; r < (rows ? g->tap_rows : 1); r++) {
            int64_t place = g->across_in ? d * g->group_in + first : first * g->group_in + d;
            t.from = sums + (r * g->sum_rows + d - down0) * row * size;
            t.to = dw + (place * taps + r * t.rows) * size;
            job->problem->loops->turn(&t);
        }
}

enum { ADDED_ROWS = 16 };

/* Some rows of a block: the partial gradients added up, and turned while the first cache has them. */
static void add_rows(const whole *all, int64_t group, int64_t block, int64_t down0, int64_t down1) {
    const tw_gradient *g = all->g;
    int64_t size = (int64_t)g->size, row = tw_gradient_row(g, block);
    char *sum = (char *)all->job->workspace + tw_gradient_at(g, group, block) * size;
    const tw_problem *problem = all->job->problem;
    const tw_sweeps *sweeps = problem->kernel->sweeps[problem->type];
    for (int64_t t = 0; t < g->tap_rows; t++) {
        char *to = sum + (t * g->down + down0) * row * size;
        for (int64_t slot = 1; slot < tw_gradient_slots(g); slot++)
            sweeps->add((down1 - down0) * row, TW_NO_RAMP, to, to + slot * g->partial * size, to);
    }
    finish(g, all->job, sum + down0 * row * size, group, block, down0, down1);
}

/* Rows of all blocks and groups: a task each. Joined taps lie between the rows, and are turned together. */
static int64_t added_rows(const tw_gradient *g) {
    return g->joined && !g->across_in ? g->down : ADDED_ROWS;
}

static void add_slots(void *context, int64_t task, int worker) {
    (void)worker;
    const whole *all = context;
    const tw_gradient *g = all->g;
    int64_t rows = added_rows(g), shares = tw_ceil_div(g->down, rows), begin = task % shares * rows;
    task /= shares;
    add_rows(all, task / g->blocks, task % g->blocks, begin, tw_min(begin + rows, g->down));
}

/* ---- Tasks: a slot, a run of groups, a share of the rows or of the blocks. */

static int64_t db_bytes(const tw_gradient *g) {
    return tw_round_up(g->out_channels * (int64_t)g->size, TW_ALIGNMENT);
}

static work begin(const whole *all, int64_t task, int worker) {
    const tw_gradient *g = all->g;
    int64_t x, dy, lanes, own = tw_round_up(g->partial * (int64_t)g->size, TW_ALIGNMENT);
    tw_gradient_staged_bytes(g, &x, &dy, &lanes);
    char *memory = all->job->workspace;
    work k = {.g = g, .job = all->job, .sums = g->at_once ? memory + worker * own : memory};
    memory += g->at_once ? all->job->threads * own
                         : tw_round_up(g->partial * g->slots * (int64_t)g->size, TW_ALIGNMENT);
    k.x = memory + worker * tw_worker_bytes(x + dy + lanes);
    k.dy = k.x + x, k.lanes = k.dy + dy;
    memory += all->job->threads * tw_worker_bytes(x + dy + lanes);
    int64_t share = task % g->parts, blocks = task / g->parts % g->block_shares;
    task /= g->parts * g->block_shares;
    const int64_t run = task % all->runs;
    k.group0 = run * g->groups / all->runs, k.group1 = (run + 1) * g->groups / all->runs;
    k.group = k.group0;
    k.slot = task / all->runs;
    k.block0 = blocks * g->blocks / g->block_shares, k.block1 = (blocks + 1) * g->blocks / g->block_shares;
    k.db = tw_gradient_slots(g) == 1 ? all->job->db : memory + k.slot * db_bytes(g);
    if (!all->job->db || blocks > 0) k.db = NULL; /* dy is summed once */
    k.down0 = share * g->down / g->parts, k.down1 = (share + 1) * g->down / g->parts;
    return k;
}

/* All taps of a panel, then its weights, which the tiles have fetched: no time is lost waiting for them. */
static void run_panels(const work *k) {
    const tw_gradient *g = k->g;
    tw_strip strips[TW_GRADIENT_STRIPS];
    tw_tile tiles[TW_GRADIENT_TAPS];
    int64_t used = 0;
    tap t = {0};
    for (int64_t i = 0; i < g->kernel_taps; i++, t = next_tap(k, t)) {
        tiles[i] = tile_of_tap(k, &t, strips + used, NULL);
        used += tiles[i].count;
    }
    panels a = cut_rows(k, k->down1 - k->down0, tiles[0].vecs);
    for (int64_t p = 0; p < a.rows.parts; p++) {
        int64_t row = k->down0 + tw_cut_begin(&a.rows, p), rows = tw_cut_length(&a.rows, p);
        int64_t begin = panel_begin(k, &a, p, tiles[0].a_col);
        for (int64_t i = 0; i < g->kernel_taps; i++) {
            tiles[i].rows = (int)rows;
            tiles[i].a_begin = begin;
            tiles[i].next = weights_at(g, k->job, k->group, k->block, row + i % rows);
            k->job->problem->loops->tile(&tiles[i]);
        }
        finish(g, k->job, k->sums, k->group, k->block, row, row + rows);
    }
}

/* All taps of the block; `last` means that no chunk comes after this one. */
static void run_block(const work *k, bool last) {
    const tw_gradient *g = k->g;
    if (g->by_panel) {
        run_panels(k);
        return;
    }
    tap t = {0};
    for (int64_t i = 0; i < g->tap_rows; i++, t = next_tap(k, t)) run_tap(k, &t);
    if (!last || tw_gradient_slots(g) > 1 || g->dw_in_place) return;
    int64_t at = tw_gradient_at(g, k->group, k->block) + k->down0 * k->row;
    finish(g, k->job, k->sums + at * (int64_t)g->size, k->group, k->block, k->down0, k->down1);
}

static void run_task(void *context, int64_t task, int worker) {
    const whole *all = context;
    const tw_gradient *g = all->g;
    tw_ahead ahead[2];
    work k = begin(all, task, worker);
    k.ahead = ahead;
    for (int64_t chunk = tw_gradient_first(g, k.slot), next; chunk < g->chunks; chunk = next) {
        next = tw_gradient_next(g, k.slot, chunk);
        tw_gradient_find_chunk(&k, chunk);
        k.group = k.group0;
        tw_gradient_look_ahead(&k, next, ahead);
        for (; k.group < k.group1; k.group++) {
            tw_gradient_sum_dy(&k);
            tw_gradient_stage_down(&k);
            for (k.block = k.block0; k.block < k.block1; k.block++) {
                tw_gradient_stage_across(&k);
                run_block(&k, next >= g->chunks);
            }
        }
    }
}

/* The slots' sums of dy, in order. */
static void add_biases(const whole *all) {
    const tw_gradient *g = all->g;
    const tw_problem *problem = all->job->problem;
    work k = begin(all, 0, 0);
    char *db = all->job->db;
    memcpy(db, k.db, (size_t)(g->out_channels * (int64_t)g->size));
    for (int64_t slot = 1; slot < tw_gradient_slots(g); slot++)
        problem->kernel->sweeps[problem->type]->add(g->out_channels, TW_NO_RAMP, db,
                                                    k.db + slot * db_bytes(g), db);
}

/* As a rule each group is a run. Of tensors that lie far a group reads a part of each line, so that as many
 * groups as may be follow each other while the chunk is near. */
static int64_t count_runs(const tw_gradient *g, int threads) {
    if (!tw_lies_far(g->images * (g->in_image + g->out_image), g->size)) return g->groups;
    return tw_min(g->groups, tw_ceil_div(2 * threads, tw_gradient_slots(g) * g->parts * g->block_shares));
}

void tw_gradient_execute(const tw_gradient *g, const tw_job *job) {
    whole all = {g, job, count_runs(g, job->threads)};
    int64_t slots = tw_gradient_slots(g);
    tw_parallel(job->threads, slots * all.runs * g->parts * g->block_shares, run_task, &all);
    if (slots > 1 && job->db) add_biases(&all);
    if (slots > 1)
        tw_parallel(job->threads, g->groups * g->blocks * tw_ceil_div(g->down, added_rows(g)), add_slots,
                    &all);
}

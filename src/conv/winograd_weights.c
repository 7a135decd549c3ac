/* The gradient of 3x3 weights by Winograd's transforms. The map from weights to outputs is linear, and its
 * adjoint is the same three steps backwards:
 *
 *     y = A^T [ (G g G^T) . V ] A,  V = B^T d B      so      dg = G^T [ (A dy A^T) . V ] G
 *
 * summed over all tiles and images. For each of the points that is one matrix product over tiles:
 *
 *     x  --patch-->  V [points][tiles][channels]  \
 *                                                  P [points][channels][columns]  --gradient-->  dw
 *     dy --spread->  E [points][tiles][columns]   /
 *
 * Tiles are taken in chunks of a fixed number, and P is the sum of the chunks in their order: the bits depend
 * on the geometry alone. Threads share the tiles of a chunk, and then blocks of P. Channels-first tensors are
 * turned to channels last some images at a time. */
#include "conv/winograd.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/relayout.h"

enum {
    TAPS = 9,
    CHAIN = 128,           /* tiles of one chain of additions */
    CHUNK_BYTES = 1500000, /* of V and E: they and a block of P stay in a second-level cache of 2 MB */
    LARGE_BYTES =
        1000000,      /* of P: so large that it is read and written from further away, so chunks are long */
    STRIDE = 4,       /* tiles of one task of the transforms */
    GAP = 16,         /* elements, against strides of 4096 bytes */
    MOST_COLUMNS = 64 /* of a block: two panels of two vectors */
};

typedef struct work {
    const tw_job *job;
    const tw_winograd_frame *frame;
    const tw_loops *loops;
    int64_t size;
    int64_t chunk, begin, count; /* most tiles of a chunk; this chunk */
    int64_t group;
    const char *x, *dy;  /* plane 0, channels last */
    int64_t first_plane; /* which plane x and dy begin with */
    char *v, *e, *p;
    int64_t e_row;
    int64_t high, wide, blocks_down, blocks; /* a block of P: channels, columns; how many */
    bool first, last, alone;                 /* of the chunks; the only one: P is one block for each worker */
} work;

static int64_t v_point(const work *k) {
    return k->chunk * k->frame->v_row + GAP;
}

static int64_t e_point(const work *k) {
    return k->chunk * k->e_row + GAP;
}

static int64_t block_bytes(const work *k) {
    return tw_round_up(k->frame->points * k->high * k->wide * k->size, TW_ALIGNMENT);
}

static int64_t vectors(const work *k) {
    return k->frame->columns > k->loops->lanes ? 2 : 1;
}

/* Chunks look at the geometry alone, blocks of P at the threads too. */
static void cut(work *k, int threads) {
    const tw_winograd_frame *f = k->frame;
    int64_t lanes = k->loops->lanes, columns = tw_round_up(f->columns, 16);
    int64_t tile_bytes = f->points * (f->channels + columns) * k->size;
    bool large = f->channels * columns > LARGE_BYTES / (f->points * k->size);
    k->chunk = large ? CHAIN : tw_max(1, tw_min(4, CHUNK_BYTES / tile_bytes / 64)) * 64;
    k->e_row = tw_round_up(f->columns, lanes);
    if (k->e_row % 256 == 0) k->e_row += GAP;
    int64_t rows = k->loops->most_rows[vectors(k)], panel = vectors(k) * lanes;
    int64_t down = tw_ceil_div(f->channels, 4 * rows), along = tw_ceil_div(f->columns, 2 * panel);
    if (down * along < 2 * threads) along = tw_ceil_div(f->columns, panel);
    while (down * along < 2 * threads && down * rows < f->channels) down++;
    k->high = tw_ceil_div(f->channels, down);
    k->wide = tw_round_up(tw_ceil_div(f->columns, along), panel);
    k->blocks_down = tw_ceil_div(f->channels, k->high);
    k->blocks = k->blocks_down * tw_ceil_div(f->columns, k->wide);
    k->alone = f->planes * f->plane_tiles <= k->chunk;
}

/* ---- Transforms. */

static void spread_tile(const work *k, const tw_winograd_place *p, int64_t i) {
    const tw_winograd_frame *f = k->frame;
    const void *pixels[TW_WINOGRAD_POINTS];
    for (int64_t c = 0, at = 0; c < f->outs; c++)
        for (int64_t r = 0; r < f->outs; r++, at++) {
            int64_t pixel = (p->plane * f->written[0] + p->row + r) * f->written[1] + p->col + c;
            bool inside = p->row + r < f->written[0] && p->col + c < f->written[1];
            pixels[at] =
                inside ? k->dy + k->size * (pixel * f->written_channels + k->group * f->columns) : f->zeros;
        }
    f->transform->spread(&(tw_winograd_patch){
        .pixels = pixels, .channels = f->columns, .v = k->e + k->size * i * k->e_row, .v_point = e_point(k)});
}

static void transform_tiles(void *context, int64_t task, int worker) {
    (void)worker;
    const work *k = context;
    const tw_winograd_frame *f = k->frame;
    const void *pixels[TW_WINOGRAD_POINTS];
    int64_t i = task * STRIDE, end = tw_min(k->count, i + STRIDE);
    tw_winograd_place p = tw_winograd_place_of(f, k->begin + i);
    p.plane -= k->first_plane;
    for (; i < end; i++, tw_winograd_step(f, &p)) {
        tw_winograd_pixels(f, &p, k->x + k->size * k->group * f->channels, k->size, pixels);
        f->transform->patch(&(tw_winograd_patch){.pixels = pixels,
                                                 .channels = f->channels,
                                                 .v = k->v + k->size * i * f->v_row,
                                                 .v_point = v_point(k)});
        spread_tile(k, &p, i);
    }
}

/* ---- P. */

/* One point, one panel of columns: c is [channels][wide]. */
static void sum_panel(const work *k, int64_t columns, const char *v, const char *e, int64_t channels,
                      char *p) {
    tw_strip strip;
    tw_tile tile = {.strips = &strip,
                    .count = 1,
                    .a_row = 1,
                    .a_col = k->frame->v_row,
                    .b_row = k->e_row,
                    .c_row = k->wide,
                    .start_row = k->wide,
                    .columns = (int)columns,
                    .vecs = (int)(columns / k->loops->lanes)};
    int64_t pieces = tw_ceil_div(channels, k->loops->most_rows[tile.vecs]);
    for (int64_t l = 0; l < k->count; l += CHAIN)
        for (int64_t i = 0; i < pieces; i++) {
            int64_t c = channels * i / pieces;
            strip.a = v + k->size * (l * k->frame->v_row + c);
            strip.b = e + k->size * l * k->e_row;
            strip.length = tw_min(CHAIN, k->count - l);
            tile.c = p + k->size * c * k->wide;
            tile.start = k->first && l == 0 ? NULL : tile.c;
            tile.rows = (int)(channels * (i + 1) / pieces - c);
            k->loops->tile(&tile);
        }
}

/* dw of one block from its P. */
static void finish(const work *k, int64_t channel, int64_t channels, int64_t column, int64_t columns,
                   char *p) {
    const tw_winograd_frame *f = k->frame;
    double g[TAPS * MOST_COLUMNS];
    int64_t padded = tw_round_up(columns, k->loops->lanes);
    bool flipped = k->job->problem->shape.geometry.flipped;
    for (int64_t c = 0; c < channels; c++) {
        tw_winograd_filter filter = {
            .g = g, .columns = padded, .u = p + k->size * c * k->wide, .u_point = k->high * k->wide};
        f->transform->gradient(&filter);
        for (int64_t n = 0; n < columns; n++)
            for (int tap = 0; tap < TAPS; tap++) {
                int64_t from = tap * padded + n, to = flipped ? TAPS - 1 - tap : tap;
                to += ((k->group * f->columns + column + n) * f->channels + channel + c) * TAPS;
                if (k->size == 4)
                    ((float *)k->job->dw)[to] = ((const float *)(const void *)g)[from];
                else
                    ((double *)k->job->dw)[to] = g[from];
            }
    }
}

static void sum_block(void *context, int64_t task, int worker) {
    const work *k = context;
    const tw_winograd_frame *f = k->frame;
    int64_t channel = task % k->blocks_down * k->high, column = task / k->blocks_down * k->wide;
    int64_t channels = tw_min(k->high, f->channels - channel), columns = tw_min(k->wide, f->columns - column);
    char *p = k->p + (k->alone ? worker : task) * block_bytes(k);
    int64_t padded = tw_round_up(columns, k->loops->lanes), panel = vectors(k) * k->loops->lanes;
    for (int point = 0; point < f->points; point++) {
        const char *v = k->v + k->size * (point * v_point(k) + channel);
        const char *e = k->e + k->size * (point * e_point(k) + column);
        for (int64_t n = 0; n < padded; n += panel)
            sum_panel(k, tw_min(panel, padded - n), v, e + k->size * n, channels,
                      p + k->size * (point * k->high * k->wide + n));
    }
    if (k->last) finish(k, channel, channels, column, columns, p);
}

/* ---- The whole pass. */

/* Where the parts of the workspace begin; the last is its length. */
typedef struct parts {
    int64_t e, p, x, dy, end;
    int64_t images; /* turned at once, 0: none */
} parts;

static bool count_parts(const work *k, const tw_problem *problem, int threads, parts *a) {
    const tw_shape *s = &problem->shape;
    const tw_winograd_frame *f = k->frame;
    int64_t bytes, turned;
    a->e = tw_round_up(f->points * v_point(k) * k->size, TW_ALIGNMENT);
    a->p = a->e + tw_round_up(f->points * e_point(k) * k->size, TW_ALIGNMENT);
    if (!tw_mul(k->alone ? threads : k->blocks, block_bytes(k), &bytes) || !tw_add(a->p, bytes, &a->x))
        return false;
    a->images = 0;
    a->end = a->dy = a->x;
    if (s->geometry.layout == TW_NHWC) return true;
    a->images = tw_min(s->batch, tw_ceil_div(k->chunk, f->plane_tiles * s->in[TW_DEPTH]) + 1);
    if (!tw_mul(a->images * k->size, s->in_image, &turned) || !tw_add(a->x, turned + TW_ALIGNMENT, &a->dy))
        return false;
    a->dy = tw_round_up(a->dy, TW_ALIGNMENT);
    return tw_mul(a->images * k->size, s->out_image, &turned) && tw_add(a->dy, turned, &a->end);
}

static work work_of(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    work k = {.frame = f, .loops = problem->loops, .size = (int64_t)tw_type_size(problem->type)};
    cut(&k, threads);
    return k;
}

/* More threads cut P into smaller blocks, which can take less: the workspace is for fewer threads too. */
int64_t tw_winograd_weights_workspace(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    int64_t most = 0;
    for (int t = 1; t <= threads; t++) {
        work k = work_of(problem, f, t);
        parts a;
        if (!count_parts(&k, problem, t, &a)) return INT64_MAX;
        most = tw_max(most, a.end);
    }
    return most;
}

/* Channels-last images for the chunk that begins at plane `from`, unless they are there. */
static void turn(work *k, const parts *a, int64_t from, int64_t to) {
    const tw_shape *s = &k->job->problem->shape;
    int64_t depth = s->in[TW_DEPTH], image = from / depth, end = k->first_plane / depth + a->images;
    if (a->images == 0 || (k->x && image >= k->first_plane / depth && to / depth < end)) return;
    tw_type type = k->job->problem->type;
    int64_t count = tw_min(a->images, s->batch - image);
    char *space = k->job->workspace;
    k->first_plane = image * depth;
    k->x = space + a->x;
    k->dy = space + a->dy;
    tw_relayout(type, (const char *)k->job->x + k->size * image * s->in_image, space + a->x, count,
                s->in_channels, s->in_pixels, k->job->threads);
    tw_relayout(type, (const char *)k->job->dy + k->size * image * s->out_image, space + a->dy, count,
                s->out_channels, s->out_pixels, k->job->threads);
}

void tw_winograd_weights_run(const tw_job *job) {
    const tw_winograd_frame *f = job->state;
    work k = work_of(job->problem, f, job->threads);
    parts a;
    if (!count_parts(&k, job->problem, job->threads, &a)) return; /* no such workspace can have been made */
    k.job = job;
    k.v = job->workspace;
    k.e = k.v + a.e;
    k.p = k.v + a.p;
    if (k.e_row > f->columns) memset(k.e, 0, (size_t)(a.p - a.e)); /* columns beyond the last are read */
    const tw_shape *s = &job->problem->shape;
    int64_t tiles = s->batch * s->in[TW_DEPTH] * f->plane_tiles; /* the call may have fewer than planned */
    for (k.group = 0; k.group < f->groups; k.group++) {
        k.x = a.images == 0 ? job->x : NULL;
        k.dy = a.images == 0 ? job->dy : NULL;
        for (k.begin = 0; k.begin < tiles; k.begin += k.chunk) {
            k.count = tw_min(k.chunk, tiles - k.begin);
            k.first = k.begin == 0;
            k.last = k.begin + k.count == tiles;
            turn(&k, &a, k.begin / f->plane_tiles, (k.begin + k.count - 1) / f->plane_tiles);
            tw_parallel(job->threads, tw_ceil_div(k.count, STRIDE), transform_tiles, &k);
            tw_parallel(job->threads, k.blocks, sum_block, &k);
        }
    }
}

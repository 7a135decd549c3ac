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
 * Tiles are taken in chunks of a fixed number, and where P is small runs of chunks are added to slots in
 * turn, each a P of its own; the slots are added in order at the end. So the bits depend on the geometry
 * alone. Where there are fewer slots than threads, they share P: such a share is a rectangle of channels and
 * columns. A task is a slot and a share: all its chunks, one after the other, with V and E of the worker's
 * own. Shares beside each other transform the same tiles, and that is cheaper than to meet: a line that
 * another processor has read is written several times slower than it is computed.
 *
 * The gradient of the bias is summed in the same go: rows of dy as high as a tile, with the first tile of
 * each.
 *
 * P is summed block by block, some channels by some columns, whose V and E lie together, [point][tile]
 * [channels of the block]. Channels-first tensors are turned to channels last, of one group some images at
 * a time. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/ahead.h"
#include "conv/relayout.h"
#include "conv/winograd_shares.h"

enum {
    GAP = 16,   /* elements, against strides of 4096 bytes */
    SUMMED = 16 /* columns whose dy one share sums are a multiple of it */
};

typedef tw_winograd_work work;
typedef tw_winograd_share share;

/* Some tiles, and where V and E of their share are. */
typedef struct tiles {
    int64_t begin, count;
    share of;
    int64_t first, summed; /* columns whose dy it sums */
    char *v, *e, *db;
} tiles;

/* ---- How it is cut. */

static int64_t v_point(const work *k) {
    return k->chunk * k->high + GAP;
}

static int64_t e_point(const work *k) {
    return k->chunk * k->wide + GAP;
}

/* Bytes of V and E of one chunk and share. */
static int64_t v_all(const work *k) {
    return tw_worker_bytes(tw_ceil_div(k->down, k->shares_down) * k->frame->points * v_point(k) * k->size);
}

static int64_t e_all(const work *k) {
    return tw_worker_bytes(tw_ceil_div(k->along, k->shares_along) * k->frame->points * e_point(k) * k->size);
}

static int64_t slot_of(const work *k, int64_t chunk) {
    return chunk / k->run % k->slots;
}

/* ---- Transforms. */

static tiles tiles_of(const work *k, int64_t chunk, int64_t number, int worker) {
    int64_t down = number % k->shares_down, along = number / k->shares_down;
    tiles t = {.begin = chunk * k->chunk, .count = tw_min(k->chunk, k->all - chunk * k->chunk)};
    t.of.down0 = down * k->down / k->shares_down, t.of.down1 = (down + 1) * k->down / k->shares_down;
    t.of.along0 = along * k->along / k->shares_along;
    t.of.along1 = (along + 1) * k->along / k->shares_along;
    t.v = k->v + worker * v_all(k);
    t.e = k->e + worker * e_all(k);
    int64_t first = t.of.along0 * k->wide, columns = tw_min(t.of.along1 * k->wide, k->frame->columns) - first;
    t.first = first + tw_min(columns, tw_round_up(columns * down / k->shares_down, SUMMED));
    t.summed = first + tw_min(columns, tw_round_up(columns * (down + 1) / k->shares_down, SUMMED)) - t.first;
    if (k->db) t.db = k->db + slot_of(k, chunk) * k->db_bytes + k->size * t.first;
    return t;
}

/* Both transform a tile, and before each block they fetch a part of what lies ahead: few lines at a time,
 * since a burst of them would wait for one another. */
static void patch_tile(const work *k, const tiles *t, int64_t i, const tw_winograd_place *p,
                       tw_winograd_ahead *ahead) {
    const tw_winograd_frame *f = k->frame;
    const void *pixels[TW_WINOGRAD_POINTS];
    char *v = t->v + k->size * i * k->high;
    for (int64_t b = t->of.down0; b < t->of.down1; b++, v += k->size * f->points * v_point(k)) {
        tw_ahead_fetch(&ahead->pixels, ahead->bytes);
        tw_winograd_pixels(f, p, k->x + k->size * b * k->high, k->size, pixels);
        f->transform->patch(&(tw_winograd_patch){
            .pixels = pixels, .channels = tw_winograd_channels_of(k, b), .v = v, .v_point = v_point(k)});
    }
}

/* The pixels of a tile of dy, `dy` being its first channel of pixel 0; zeros where they lie outside. */
static void find_pixels(const work *k, const tw_winograd_place *p, const char *dy, const void **pixels) {
    const tw_winograd_frame *f = k->frame;
    for (int64_t c = 0, at = 0; c < f->outs; c++)
        for (int64_t r = 0; r < f->outs; r++, at++) {
            int64_t pixel = (p->plane * f->written[0] + p->row + r) * f->written[1] + p->col + c;
            bool inside = p->row + r < f->written[0] && p->col + c < f->written[1];
            pixels[at] = inside ? dy + k->size * pixel * f->written_channels : f->zeros;
        }
}

static void spread_tile(const work *k, const tiles *t, int64_t i, const tw_winograd_place *p,
                        tw_winograd_ahead *ahead) {
    const tw_winograd_frame *f = k->frame;
    const void *pixels[TW_WINOGRAD_POINTS];
    char *e = t->e + k->size * i * k->wide;
    for (int64_t b = t->of.along0; b < t->of.along1; b++, e += k->size * f->points * e_point(k)) {
        tw_ahead_fetch(&ahead->pixels, ahead->bytes);
        find_pixels(k, p, k->dy + k->size * b * k->wide, pixels);
        f->transform->spread(&(tw_winograd_patch){
            .pixels = pixels, .channels = tw_winograd_columns_of(k, b), .v = e, .v_point = e_point(k)});
    }
}

/* Adds dy of a row of tiles to the slot's sums; of them its first tile stands for all. */
static void sum_dy(const work *k, const tiles *t, const tw_winograd_place *p) {
    const tw_winograd_frame *f = k->frame;
    if (!t->db || t->summed == 0 || p->col > 0) return;
    int64_t pixel = (p->plane * f->written[0] + p->row) * f->written[1];
    int64_t at = pixel * f->written_channels + t->first;
    k->loops->sums(&(tw_sums){.in = k->dy + k->size * at,
                              .pixels = tw_min(f->outs, f->written[0] - p->row) * f->written[1],
                              .pixel_step = f->written_channels,
                              .channels = t->summed,
                              .channel_step = 1,
                              .total = t->db});
}

/* What lies ahead in x or dy. `part`: a pixel of `channels` holds more than this share reads, too much to
 * fetch all. */
static tw_winograd_ahead ahead_in(const work *k, const tiles *t, const char *tensor, const int64_t *pixels,
                                  int64_t channels, int64_t blocks, bool part) {
    const tw_winograd_frame *f = k->frame;
    const int64_t before = k->first_plane * f->plane_tiles, end = tw_min(k->last * k->chunk, k->all);
    if (part) return (tw_winograd_ahead){0};
    return tw_winograd_ahead_of(f, tensor, pixels[0] * pixels[1] * channels * k->size, t->begin - before,
                                end - before, blocks);
}

static void transform_tiles(const work *k, const tiles *t) {
    const tw_winograd_frame *f = k->frame;
    const share *of = &t->of;
    tw_winograd_place p = tw_winograd_place_of(f, t->begin);
    p.plane -= k->first_plane;
    tw_winograd_ahead in_x = ahead_in(k, t, k->x, f->read, f->read_channels, of->down1 - of->down0,
                                      k->shares_down > 1 || f->read_channels > f->channels);
    tw_winograd_ahead in_dy = ahead_in(k, t, k->dy, f->written, f->written_channels, of->along1 - of->along0,
                                       k->shares_along > 1 || f->written_channels > f->columns);
    for (int64_t i = 0; i < t->count; i++, tw_winograd_step(f, &p)) {
        sum_dy(k, t, &p);
        patch_tile(k, t, i, &p, &in_x);
        spread_tile(k, t, i, &p, &in_dy);
    }
}

/* ---- P. */

static tw_tile tile_of(const work *k, tw_strip *strip) {
    return (tw_tile){.strips = strip,
                     .count = 1,
                     .a_row = 1,
                     .a_col = k->high,
                     .b_row = k->wide,
                     .c_row = k->wide,
                     .start_row = k->wide};
}

/* One point of a block: p is [channels][wide], a chain for each. */
static void sum_point(const work *k, const tiles *t, int64_t channels, int64_t padded, const char *v,
                      const char *e, char *p, bool start) {
    int64_t panel = 2 * k->loops->lanes;
    tw_strip strip = {.length = t->count};
    tw_tile tile = tile_of(k, &strip);
    const char *next_v = v + k->size * v_point(k), *next_e = e + k->size * e_point(k);
    tw_ahead ahead[2] = {{next_v, next_v + k->size * t->count * k->high}, /* of the next point, once */
                         {next_e, next_e + k->size * t->count * k->wide}};
    for (int64_t n = 0; n < padded; n += panel) {
        tile.columns = (int)tw_min(panel, padded - n);
        tile.vecs = tile.columns / k->loops->lanes;
        const tw_cut cut = tw_cut_by(channels, k->loops->most_rows[tile.vecs]);
        strip.b = e + k->size * n;
        for (int64_t i = 0, alike; i < cut.parts; i += alike) {
            const int64_t c = tw_cut_begin(&cut, i);
            alike = tw_cut_alike(&cut, i);
            strip.a = v + k->size * c;
            tile.c = p + k->size * (c * k->wide + n);
            tile.start = start ? NULL : tile.c;
            tile.rows = (int)tw_cut_length(&cut, i);
            tile.a_tile = tile.rows, tile.c_tile = tile.start_tile = tile.rows * k->wide;
            tile.next = tw_ahead_either(ahead, strip.length, &alike);
            tile.further = alike - 1;
            k->loops->tile(&tile);
        }
    }
}

/* All points of a block that is a single tile for each: what one is made ready for serves all. */
static void sum_points(const work *k, const tiles *t, int64_t channels, int64_t padded, const char *v,
                       const char *e, char *p, bool start) {
    tw_strip strip = {.a = v, .b = e, .length = t->count};
    tw_tile tile = tile_of(k, &strip);
    tile.rows = (int)channels, tile.columns = (int)padded, tile.vecs = tile.columns / k->loops->lanes;
    tile.c = p;
    tile.start = start ? NULL : p;
    tile.next = v + k->size * v_point(k);
    tile.further = k->frame->points - 1;
    tile.a_tile = v_point(k), tile.b_tile = e_point(k);
    tile.c_tile = tile.start_tile = k->high * k->wide;
    k->loops->tile(&tile);
}

/* Adds the tiles to a block of P, or sets it. */
static void sum_block(const work *k, const tiles *t, int64_t block, char *p, bool start) {
    const tw_winograd_frame *f = k->frame;
    int64_t down = block % k->down, along = block / k->down;
    int64_t padded = tw_round_up(tw_winograd_columns_of(k, along), k->loops->lanes);
    const char *v = t->v + k->size * (down - t->of.down0) * f->points * v_point(k);
    const char *e = t->e + k->size * (along - t->of.along0) * f->points * e_point(k);
    int64_t channels = tw_winograd_channels_of(k, down), vecs = padded / k->loops->lanes;
    if (vecs <= 2 && channels <= k->loops->most_rows[vecs]) {
        sum_points(k, t, channels, padded, v, e, p, start);
        return;
    }
    for (int point = 0; point < f->points; point++) {
        sum_point(k, t, channels, padded, v, e, p, start);
        v += k->size * v_point(k);
        e += k->size * e_point(k);
        p += k->size * k->high * k->wide;
    }
}

/* ---- Sharing. */

/* The blocks of a share, in which the tiles are summed; the only slot's are finished after its last chunk. */
static void sum_share(const work *k, const tiles *t, int64_t slot, bool start, int worker) {
    bool finishes = k->slots == 1 && t->begin + t->count == k->all;
    for (int64_t along = t->of.along0; along < t->of.along1; along++)
        for (int64_t down = t->of.down0; down < t->of.down1; down++) {
            int64_t block = along * k->down + down;
            char *p = k->alone ? k->p + worker * tw_winograd_block_bytes(k)
                               : tw_winograd_slot_block(k, slot, block);
            sum_block(k, t, block, p, start);
            if (finishes) tw_winograd_finish(k, block, p);
        }
}

/* A slot's chunks of this round, for one share of P. */
static void do_task(void *context, int64_t task, int worker) {
    const work *k = context;
    int64_t slot = task / tw_winograd_shares(k);
    for (int64_t chunk = k->first; chunk < k->last; chunk++) {
        if (slot_of(k, chunk) != slot) continue;
        const bool start = chunk == slot * k->run;
        tiles t = tiles_of(k, chunk, task % tw_winograd_shares(k), worker);
        if (t.db && start) memset(t.db, 0, (size_t)(t.summed * k->size));
        transform_tiles(k, &t);
        sum_share(k, &t, slot, start, worker);
    }
}

/* ---- The whole pass. */

/* Where the parts of the workspace begin; the last is its length. */
typedef struct parts {
    int64_t e, p, db, x, dy, end;
    int64_t images; /* turned at once, 0: none */
    int64_t round;  /* chunks of one round */
} parts;

static bool count_parts(const work *k, const tw_problem *problem, int threads, parts *a) {
    const tw_shape *s = &problem->shape;
    const tw_winograd_frame *f = k->frame;
    int64_t bytes, turned, workers = tw_min(threads, tw_winograd_shares(k) * k->slots);
    a->e = workers * v_all(k);
    a->p = a->e + workers * e_all(k);
    if (!tw_mul(k->alone ? workers : k->slots * k->blocks, tw_winograd_block_bytes(k), &bytes) ||
        !tw_add(a->p, bytes, &a->db) ||
        !tw_add(a->db, k->slots * tw_round_up(f->columns * k->size, TW_ALIGNMENT), &a->x))
        return false;
    a->images = 0;
    a->round = INT64_MAX;
    a->end = a->dy = a->x;
    if (s->geometry.layout == TW_NHWC) return true;
    a->round = k->slots * k->run;
    a->images = tw_min(s->batch, tw_ceil_div(a->round * k->chunk, f->plane_tiles * s->in[TW_DEPTH]) + 1);
    if (!tw_mul(a->images * k->size, s->in_image / s->groups, &turned) ||
        !tw_add(a->x, turned + TW_ALIGNMENT, &a->dy))
        return false;
    a->dy = tw_round_up(a->dy, TW_ALIGNMENT);
    return tw_mul(a->images * k->size, s->out_image / s->groups, &turned) && tw_add(a->dy, turned, &a->end);
}

/* Groups that are worked on at once, each by one thread; 1: all threads share each group. That costs a
 * meeting for each, and small groups are little to share: better that as much as half of the threads wait. */
static int groups_at_once(const tw_winograd_frame *f, int64_t size, int threads) {
    enum { SMALL = 700000 }; /* bytes of P */
    const int64_t rounds = tw_ceil_div(f->groups, threads);
    const bool small = f->u_group <= SMALL / size, even = f->groups % threads == 0 || rounds > 2;
    return even || (small && 2 * f->groups >= rounds * threads) ? (int)tw_min(threads, f->groups) : 1;
}

/* Fewer images leave slots out, and their threads then share otherwise: the workspace is for them too. */
static int64_t group_workspace(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    int64_t most = 0, plane_tiles = f->plane_tiles * problem->shape.in[TW_DEPTH];
    work whole = {.frame = f, .size = (int64_t)tw_type_size(problem->type)};
    tw_winograd_cut_chunks(&whole, plane_tiles);
    int64_t all = f->planes * f->plane_tiles, chunks = tw_ceil_div(all, whole.chunk);
    for (int64_t fewer = tw_min(chunks, whole.slots + 1); fewer > 0; fewer--) {
        work k = tw_winograd_work_of(problem, f, threads, tw_min(fewer * whole.chunk, all));
        parts a;
        if (!count_parts(&k, problem, threads, &a)) return INT64_MAX;
        most = tw_max(most, a.end);
    }
    return tw_worker_bytes(most);
}

int64_t tw_winograd_weights_workspace(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    const int workers = groups_at_once(f, (int64_t)tw_type_size(problem->type), threads);
    int64_t bytes = group_workspace(problem, f, workers > 1 ? 1 : threads);
    return tw_mul(bytes, workers, &bytes) ? bytes : INT64_MAX;
}

/* The group's channels of some images. */
static void turn_images(const work *k, const void *tensor, char *to, int64_t image, int64_t images,
                        int64_t channels, int64_t pixels) {
    int64_t groups = k->frame->groups, all = channels * pixels;
    tw_relayout(&(tw_matrices){.loops = k->loops,
                               .size = (size_t)k->size,
                               .from = (const char *)tensor + k->size * all * (image * groups + k->group),
                               .to = to,
                               .count = images,
                               .rows = channels,
                               .columns = pixels,
                               .from_step = all * groups,
                               .to_step = all},
                k->job->threads);
}

/* Channels-last images for the round's tiles, unless they are there. */
static void turn(work *k, const parts *a) {
    const tw_shape *s = &k->job->problem->shape;
    int64_t plane_tiles = k->frame->plane_tiles, depth = s->in[TW_DEPTH];
    int64_t from = k->first * k->chunk / plane_tiles;
    int64_t to = (tw_min(k->last * k->chunk, k->all) - 1) / plane_tiles;
    int64_t image = from / depth, end = k->first_plane / depth + a->images;
    if (a->images == 0 || (k->x && image >= k->first_plane / depth && to / depth < end)) return;
    int64_t count = tw_min(a->images, s->batch - image);
    char *x = k->space + a->x, *dy = k->space + a->dy;
    k->first_plane = image * depth;
    k->x = x, k->dy = dy;
    turn_images(k, k->job->x, x, image, count, s->group_in, s->in_pixels);
    turn_images(k, k->job->dy, dy, image, count, s->group_out, s->out_pixels);
}

/* Where the group's channels begin; channels-first tensors are turned when they are needed. */
static void find_tensors(work *k, const parts *a) {
    const tw_winograd_frame *f = k->frame;
    k->x = a->images == 0 ? (const char *)k->job->x + k->size * k->group * f->channels : NULL;
    k->dy = a->images == 0 ? (const char *)k->job->dy + k->size * k->group * f->columns : NULL;
}

/* A group's sums of dy are made in place, or slot by slot. */
static void begin_biases(work *k, const parts *a) {
    char *db = k->job->db;
    if (!db) return;
    k->db_bytes = tw_round_up(k->frame->columns * k->size, TW_ALIGNMENT);
    k->db = k->slots == 1 ? db + k->group * k->frame->columns * k->size : k->space + a->db;
}

/* The slots' sums, in order. */
static void add_biases(const work *k) {
    const tw_problem *problem = k->job->problem;
    int64_t columns = k->frame->columns;
    if (!k->db || k->slots == 1) return;
    char *db = (char *)k->job->db + k->group * columns * k->size;
    memcpy(db, k->db, (size_t)(columns * k->size));
    for (int64_t slot = 1; slot < k->slots; slot++)
        problem->kernel->sweeps[problem->type]->add(columns, TW_NO_RAMP, db, k->db + slot * k->db_bytes, db);
}

/* All groups: one after the other, or each by one thread. */
typedef struct all_groups {
    work work; /* of each */
    parts parts;
    int threads;
    int64_t chunks, bytes; /* of a group; of its workspace */
} all_groups;

static void run_group(void *context, int64_t group, int worker) {
    const all_groups *all = context;
    const parts *a = &all->parts;
    work k = all->work;
    k.group = group;
    k.space += worker * all->bytes;
    k.v = k.space, k.e = k.v + a->e, k.p = k.v + a->p;
    find_tensors(&k, a);
    begin_biases(&k, a);
    for (k.first = 0; k.first < all->chunks; k.first = k.last) {
        k.last = a->round < all->chunks - k.first ? k.first + a->round : all->chunks;
        turn(&k, a);
        tw_parallel(all->threads, k.slots * tw_winograd_shares(&k), do_task, &k);
    }
    add_biases(&k);
    if (k.slots > 1) tw_winograd_finish_slots(&k, all->threads);
}

void tw_winograd_weights_run(const tw_job *job) {
    const tw_problem *problem = job->problem;
    const tw_winograd_frame *f = job->state;
    const tw_shape *s = &problem->shape;
    work whole = {.frame = f, .size = (int64_t)tw_type_size(problem->type)};
    const int workers = groups_at_once(f, whole.size, job->threads);
    all_groups all = {.threads = workers > 1 ? 1 : job->threads};
    int64_t count = s->batch * s->in[TW_DEPTH] * f->plane_tiles; /* the call may have fewer than planned */
    tw_winograd_cut_chunks(&whole, f->plane_tiles * s->in[TW_DEPTH]);
    all.chunks = tw_ceil_div(count, whole.chunk);
    all.work = tw_winograd_work_of(problem, f, all.threads, count);
    if (workers > 1) all.bytes = group_workspace(problem, f, all.threads);
    if (!count_parts(&all.work, problem, all.threads, &all.parts))
        return; /* no such workspace can have been made */
    all.work.job = job, all.work.all = count, all.work.space = job->workspace;
    const bool padded = f->columns % all.work.loops->lanes != 0; /* E is read up to whole vectors */
    for (int w = 0; w < workers && padded; w++)
        memset(all.work.space + w * all.bytes + all.parts.e, 0, (size_t)(all.parts.p - all.parts.e));
    tw_parallel(workers, f->groups, run_group, &all);
}

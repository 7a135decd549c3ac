/* Running a Winograd pass: tiles in blocks whose V and M stay in the second-level cache, transformed,
 * multiplied and transformed back. Threads share the blocks when there are enough of them; else the panels of
 * columns of each (one image of 14x14 is a single block). Each has its own V and M. Nothing that is computed
 * depends on how the tiles were cut into blocks.
 *
 * Channels-first tensors are turned to channels last in the workspace, some images and groups at a time. */
#include "conv/winograd.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/ahead.h"
#include "conv/relayout.h"

/* V of a block shall take half of a second-level cache of 2 MB or more, and be as many tiles as pay: with 28
 * tiles the weights are read half as often as with 14, with 42 V falls out of the cache (measured, 64 to 256
 * channels). A deep block, whose V falls out anyhow, has up to twice as many where V and M stay in a shared
 * cache.
 */
enum {
    V_BYTES = 1100 * 1000,
    BLOCK_TILES = 28,
    DEEP_BYTES = 12 * 1000 * 1000,
    GAP = 16 /* elements, against 4096-byte strides */
};

enum {
    RESIDENT = 1000 * 1000,       /* transformed weights of a group that stay beside V and M of a block */
    SHARED_U = 12 * 1000 * 1000,  /* this much comes from a shared cache, as fast for all threads */
    FAR_BYTES = 12 * 1000 * 1000, /* read and written: more does not stay in caches near */
    FEW_TILES = 8,                /* fewer of a block leave the units waiting for weights */
    LEAST_TILES = 4,              /* still better than a thread that waits */
    CHAIN = 64,                   /* channels */
    LINE = 64                     /* bytes */
};

typedef struct work {
    const tw_job *job;
    const tw_winograd_frame *frame;
    const tw_loops *loops;
    int64_t size;          /* bytes of a number */
    int threads;           /* of this round */
    int64_t tiles, blocks; /* of this round, for each group */
    int64_t parts;         /* of a block: of its panels */
    int64_t group0;        /* the round's first */
    bool far;              /* what is read and written stays in no cache near */
    const char *read;      /* this round's planes, channels last, at the first group's channels */
    char *written;
    char *v, *m; /* of each worker */
    int64_t v_bytes, m_bytes;
} work;

static int most_rows(const tw_winograd_frame *f, const tw_loops *loops) {
    return loops->most_rows[f->panel / loops->lanes];
}

/* Whether V of so many tiles does not stay in the second-level cache, nor the weights in a shared one. */
static bool is_deep(const tw_winograd_frame *f, int64_t size) {
    return f->points * f->v_row * size > V_BYTES / BLOCK_TILES && f->u_group > SHARED_U / size;
}

/* Most tiles of a block: a multiple of the kernel's rows. */
static int64_t block_tiles(const tw_winograd_frame *f, const tw_loops *loops, int64_t size) {
    int64_t rows = most_rows(f, loops), v_tile = f->points * f->v_row * size;
    int64_t tiles = tw_min(BLOCK_TILES, V_BYTES / v_tile);
    if (is_deep(f, size)) {
        int64_t fits = DEEP_BYTES / (v_tile + f->points * f->columns * size);
        tiles = tw_max(BLOCK_TILES, tw_min(2 * BLOCK_TILES, fits));
    }
    return rows * tw_max(1, tiles / rows);
}

static int64_t v_point(const tw_winograd_frame *f, int64_t tiles) {
    return tiles * f->v_row + GAP;
}

static int64_t m_point(const tw_winograd_frame *f, int64_t tiles) {
    return tiles * f->panel + GAP;
}

/* ---- One block. */

typedef struct block {
    int64_t group;        /* of those of the round */
    int64_t first, count; /* tiles */
    char *v;
} block;

static block block_of(const work *k, int64_t index) {
    int64_t together = k->frame->together, b = index / together, first = k->tiles * b / k->blocks;
    return (block){
        .group = index % together, .first = first, .count = k->tiles * (b + 1) / k->blocks - first};
}

/* Of a pixel that holds several groups, a block reads a part: too little to fetch all. */
static tw_winograd_ahead inputs_ahead(const work *k, const block *b) {
    const tw_winograd_frame *f = k->frame;
    if (f->together > 1) return (tw_winograd_ahead){0};
    const int64_t plane = f->read[0] * f->read[1] * f->read_channels * k->size;
    return tw_winograd_ahead_of(f, k->read, plane, b->first, k->tiles, 1);
}

/* The groups of a block follow each other, and where tensors are so large that no cache near holds them the
 * next one's part of each pixel is fetched beside this one's. */
static bool fetches_groups(const work *k, const block *b) {
    return k->far && b->group + 1 < k->frame->together;
}

static void fetch_next_group(const void *part, int64_t bytes) {
    const char *next = (const char *)part + bytes;
    for (int64_t n = 0; n < bytes; n += LINE) __builtin_prefetch(next + n, 0, 2);
}

static void transform_patches(const work *k, const block *b, int64_t begin, int64_t end) {
    const tw_winograd_frame *f = k->frame;
    const void *pixels[TW_WINOGRAD_POINTS];
    tw_winograd_patch patch = {.pixels = pixels, .channels = f->channels, .v_point = v_point(f, b->count)};
    tw_winograd_place p = tw_winograd_place_of(f, b->first + begin);
    tw_winograd_ahead ahead = inputs_ahead(k, b);
    const char *read = k->read + k->size * b->group * f->channels;
    for (int64_t i = begin; i < end; i++, tw_winograd_step(f, &p)) {
        tw_ahead_fetch(&ahead.pixels, ahead.bytes);
        tw_winograd_pixels(f, &p, read, k->size, pixels);
        if (fetches_groups(k, b))
            for (int at = 0; at < f->points; at++) fetch_next_group(pixels[at], k->size * f->channels);
        patch.v = b->v + k->size * i * f->v_row;
        f->transform->patch(&patch);
    }
}

/* ---- What to fetch ahead, while the units multiply: some lines of memory, piece by piece. */

typedef struct ahead {
    const char *at;
    int64_t left, width, stride; /* bytes left of this line, of a line, from line to line */
    int64_t lines;
} ahead;

/* Where *tiles tiles of so many bytes fetch ahead; NULL: nowhere. *tiles becomes less where a line ends. */
static const void *fetch(ahead *a, int64_t bytes, int64_t *tiles) {
    if (a->lines == 0) return NULL;
    const char *now = a->at;
    if (*tiles * bytes > a->left) *tiles = tw_ceil_div(a->left, bytes);
    a->at += *tiles * bytes;
    a->left -= *tiles * bytes;
    if (a->left <= 0) {
        a->at += a->left - a->width + a->stride;
        a->left = a->width;
        a->lines--;
    }
    return now;
}

/* The pixels under a block's tiles in an image of the given width and bytes a pixel: whole rows where the
 * block spans rows of tiles, else its part of one row of tiles. */
static ahead under(const work *k, int64_t index, const char *image, const int64_t *size, int64_t pixel) {
    const tw_winograd_frame *f = k->frame;
    if (f->together > 1 || index >= k->blocks) return (ahead){.lines = 0};
    block b = block_of(k, index);
    tw_winograd_place p = tw_winograd_place_of(f, b.first);
    int64_t wide = tw_min(size[1], b.count * f->outs);
    ahead a = {.at = image + ((p.plane * size[0] + p.row) * size[1]) * pixel,
               .stride = size[1] * pixel,
               .lines = f->outs};
    if (b.count > f->tiles[1]) {
        a.lines = 1;
        wide = tw_min(b.count * f->outs * f->outs, size[1] * (size[0] - p.row));
    } else {
        a.at += p.col * pixel;
        wide = tw_min(wide, size[1] - p.col);
    }
    a.left = a.width = wide * pixel;
    return a;
}

/* ---- M = V U. */

static bool streams(const work *k) {
    return k->frame->u_group * k->size > RESIDENT;
}

static const char *weights_of(const work *k, const block *b, int64_t panel, int64_t point) {
    const tw_winograd_frame *f = k->frame;
    int64_t columns = tw_winograd_panel_columns(f, k->loops, panel);
    return (const char *)k->job->packed +
           k->size * ((k->group0 + b->group) * f->u_group +
                      (panel * f->panel * f->points + point * columns) * f->channels);
}

/* Some points of a panel of M. The chain of additions is cut every CHAIN channels, and the pieces are added
 * one after the other: rounding errors grow with the length of a chain, worst where all products have one
 * sign. What a tile is made ready for serves all points; but weights that come from afar are read point by
 * point, each once for all tiles, and fetched while the ones before them are multiplied, `after` last. */
static void multiply(const work *k, const block *b, int64_t panel, int64_t begin, int64_t end, char *m,
                     ahead *fetches, const char *after) {
    const tw_winograd_frame *f = k->frame;
    const int64_t columns = tw_winograd_panel_columns(f, k->loops, panel);
    const char *u = weights_of(k, b, panel, 0);
    tw_strip strip;
    tw_tile tile = {.strips = &strip,
                    .count = 1,
                    .a_row = f->v_row,
                    .a_col = 1,
                    .b_row = columns,
                    .c_row = columns,
                    .start_row = columns,
                    .vecs = (int)(columns / k->loops->lanes),
                    .columns = (int)columns,
                    .a_tile = v_point(f, b->count),
                    .b_tile = f->channels * columns,
                    .c_tile = m_point(f, b->count),
                    .start_tile = m_point(f, b->count)};
    const tw_cut cut = tw_cut_by(b->count, k->loops->most_rows[tile.vecs]);
    const int64_t points = streams(k) ? 1 : end - begin;
    for (int64_t point = begin; point < end; point += points) {
        const char *next = point + 1 < end ? u + k->size * (point + 1) * tile.b_tile : after;
        tw_ahead weights = {next, streams(k) ? next + k->size * tile.b_tile : next};
        for (int64_t c = 0; c < f->channels; c += CHAIN) {
            strip.length = tw_min(CHAIN, f->channels - c);
            for (int64_t i = 0; i < cut.parts; i++) {
                const int64_t first = tw_cut_begin(&cut, i);
                tile.rows = (int)tw_cut_length(&cut, i);
                for (int64_t p = point, alike; p < point + points; p += alike) {
                    alike = point + points - p;
                    strip.a = b->v + k->size * (p * tile.a_tile + first * f->v_row + c);
                    strip.b = u + k->size * (p * tile.b_tile + c * columns);
                    tile.c = m + k->size * (p * tile.c_tile + first * columns);
                    tile.start = c > 0 ? tile.c : NULL;
                    tile.next = fetch(fetches, strip.length * LINE, &alike);
                    if (!tile.next) tile.next = tw_ahead_next(&weights, strip.length, &alike);
                    tile.further = alike - 1;
                    k->loops->tile(&tile);
                }
            }
        }
    }
}

static void transform_results(const work *k, const block *b, int64_t panel, const char *m) {
    const tw_winograd_frame *f = k->frame;
    int64_t columns = tw_winograd_panel_columns(f, k->loops, panel),
            column = b->group * f->columns + panel * f->panel;
    const char *bias = k->job->bias ? (const char *)k->job->bias + k->size * k->group0 * f->columns : NULL;
    tw_winograd_result result = {.m_point = m_point(f, b->count),
                                 .columns = tw_min(columns, f->columns - panel * f->panel),
                                 .bias = bias ? bias + k->size * column : NULL,
                                 .ramp = k->job->ramp,
                                 .y_row = f->written[1] * f->written_channels,
                                 .y_col = f->written_channels};
    tw_winograd_place p = tw_winograd_place_of(f, b->first);
    for (int64_t i = 0; i < b->count; i++, tw_winograd_step(f, &p)) {
        int64_t pixel = (p.plane * f->written[0] + p.row) * f->written[1] + p.col;
        result.m = m + k->size * i * columns;
        result.y = k->written + k->size * (pixel * f->written_channels + column);
        result.rows = (int)tw_min(f->outs, f->written[0] - p.row);
        result.cols = (int)tw_min(f->outs, f->written[1] - p.col);
        for (int r = 0; r < result.rows && fetches_groups(k, b); r++)
            for (int c = 0; c < result.cols; c++)
                fetch_next_group((char *)result.y + k->size * (r * result.y_row + c * result.y_col),
                                 k->size * f->columns);
        f->transform->result(&result);
    }
}

/* Panel by panel; or, where V of a block does not stay in the second-level cache, all panels of one point
 * after the other, so that the point's part of V does. Of two things to fetch the first one first. */
static void do_panels(const work *k, const block *b, int64_t begin, int64_t end, int worker,
                      ahead fetches[2]) {
    const tw_winograd_frame *f = k->frame;
    const bool deep = is_deep(f, k->size);
    const int64_t panels = deep ? end - begin : 1, points = deep ? 1 : f->points;
    const int64_t panel_bytes = k->size * f->points * m_point(f, b->count);
    char *m = k->m + worker * k->m_bytes;
    for (int64_t first = begin, last = begin + panels; first < end; first = last, last += panels) {
        for (int64_t p = 0; p < f->points; p += points)
            for (int64_t i = first; i < last; i++) {
                const char *after =
                    weights_of(k, b, i + 1 < last ? i + 1 : first, i + 1 < last ? p : p + points);
                multiply(k, b, i, p, p + points, m + (i - first) * panel_bytes,
                         fetches + (fetches->lines == 0), after);
            }
        for (int64_t i = first; i < last; i++) transform_results(k, b, i, m + (i - first) * panel_bytes);
    }
}

/* ---- Sharing. */

static void whole_block(void *context, int64_t task, int worker) {
    const work *k = context;
    const tw_winograd_frame *f = k->frame;
    block b = block_of(k, task);
    b.v = k->v + worker * k->v_bytes;
    transform_patches(k, &b, 0, b.count);
    /* what is written next, and what this thread will read next, but for the last of its share */
    ahead fetches[2] = {under(k, task, k->written, f->written, f->written_channels * k->size),
                        under(k, task + 1, k->read, f->read, f->read_channels * k->size)};
    do_panels(k, &b, 0, f->panels, worker, fetches);
}

/* Some panels of a block, whose patches this thread transforms for itself: a line that another processor has
 * written comes several times slower than it is computed. */
static void part_of_block(void *context, int64_t task, int worker) {
    const work *k = context;
    int64_t part = task % k->parts, panels = k->frame->panels;
    block b = block_of(k, task / k->parts);
    b.v = k->v + worker * k->v_bytes;
    transform_patches(k, &b, 0, b.count);
    do_panels(k, &b, panels * part / k->parts, panels * (part + 1) / k->parts, worker, (ahead[2]){0});
}

/* Some planes, channels last. */
static void run_planes(work *k, int64_t planes) {
    const tw_winograd_frame *f = k->frame;
    int threads = k->threads;
    k->tiles = planes * f->plane_tiles;
    k->blocks = tw_ceil_div(k->tiles, block_tiles(f, k->loops, k->size));
    k->far = k->size * planes *
                 (f->read[0] * f->read[1] * f->read_channels +
                  f->written[0] * f->written[1] * f->written_channels) >
             FAR_BYTES;
    int64_t most = tw_ceil_div(threads, f->together);
    if (k->blocks < most && k->tiles >= FEW_TILES * most && f->u_group * k->size <= SHARED_U)
        k->blocks = most; /* each thread reads all weights, and waits for nobody's V */
    if (f->together * k->blocks < threads) {
        /* a panel of a block for each thread, if that leaves tiles enough */
        most = tw_min(tw_ceil_div(threads, f->together * f->panels), threads / f->together);
        k->blocks = tw_max(k->blocks, tw_min(most, k->tiles / LEAST_TILES));
        k->parts = tw_min(f->panels, tw_ceil_div(threads, f->together * k->blocks));
        tw_parallel(threads, f->together * k->blocks * k->parts, part_of_block, k);
        return;
    }
    if (k->blocks < 8 * threads)
        k->blocks = tw_min(tw_round_up(k->blocks, threads), k->tiles); /* nobody idle at the end */
    tw_parallel(threads, f->together * k->blocks, whole_block, k);
}

/* ---- Channels first. */

/* Rounds of some images and some groups, which are turned to channels last, run, and turned back: each by one
 * thread where there are enough rounds, since what another processor has written comes slowly; else by all.
 */
typedef struct rounds {
    int threads;                 /* of a round */
    int64_t images, sets, count; /* images of a round; sets of groups; rounds */
    int64_t in, out;             /* numbers of an image and a set: read, written */
    int64_t at_out, bytes;       /* of what is turned; bytes is INT64_MAX when they cannot be counted */
} rounds;

/* A round's images have enough blocks for its threads. */
static rounds cut_rounds(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    const tw_shape *s = &problem->shape;
    int64_t depth = s->in[TW_DEPTH], size = (int64_t)tw_type_size(problem->type), out;
    int64_t tiles = 2 * threads * block_tiles(f, problem->loops, size);
    rounds r = {.threads = threads, .sets = f->groups / f->together};
    r.images = tw_max(1, tw_min(s->batch, tw_ceil_div(tiles, f->plane_tiles * depth)));
    r.count = r.sets * tw_ceil_div(s->batch, r.images);
    r.in = depth * f->read[0] * f->read[1] * f->read_channels;
    r.out = depth * f->written[0] * f->written[1] * f->written_channels;
    bool counted = tw_mul(r.images * size, r.in, &r.at_out) && tw_add(r.at_out, TW_ALIGNMENT, &r.at_out) &&
                   tw_mul(r.images * size, r.out, &out) && tw_add(r.at_out, out, &r.bytes);
    r.at_out -= r.at_out % TW_ALIGNMENT;
    if (!counted) r.bytes = INT64_MAX;
    return r;
}

static rounds choose_rounds(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    rounds alone = cut_rounds(problem, f, 1);
    bool even = alone.count % threads == 0 || alone.count >= 4 * threads;
    return even ? alone : cut_rounds(problem, f, threads);
}

typedef struct channels_first {
    const work *work;
    rounds rounds;
    char *space;
} channels_first;

static void run_round(void *context, int64_t task, int worker) {
    const channels_first *all = context;
    const rounds *r = &all->rounds;
    work k = *all->work;
    const tw_winograd_frame *f = k.frame;
    const tw_shape *s = &k.job->problem->shape;
    int64_t image = task / r->sets * r->images, count = tw_min(r->images, s->batch - image);
    int64_t set = image * r->sets + task % r->sets;
    char *turned = all->space + worker * tw_worker_bytes(r->bytes);
    tw_matrices in = {.loops = k.loops, .size = (size_t)k.size, .count = count}, out = in;
    in.from = k.read + set * r->in * k.size, in.from_step = r->sets * r->in;
    in.to = turned, in.to_step = r->in;
    in.rows = f->read_channels, in.columns = r->in / f->read_channels;
    out.from = turned + r->at_out, out.from_step = r->out;
    out.to = k.written + set * r->out * k.size, out.to_step = r->sets * r->out;
    out.rows = r->out / f->written_channels, out.columns = f->written_channels;
    k.threads = r->threads;
    k.group0 = task % r->sets * f->together;
    k.read = turned, k.written = turned + r->at_out;
    k.v += worker * k.v_bytes, k.m += worker * k.m_bytes;
    tw_relayout(&in, k.threads);
    run_planes(&k, count * s->in[TW_DEPTH]);
    tw_relayout(&out, k.threads);
}

static void run_channels_first(const work *k, char *space) {
    channels_first all = {k, choose_rounds(k->job->problem, k->frame, k->threads), space};
    tw_parallel(all.rounds.threads == 1 ? k->threads : 1, all.rounds.count, run_round, &all);
}

/* ---- The whole pass. */

static int64_t v_bytes(const tw_winograd_frame *f, int64_t tiles, int64_t size) {
    return tw_worker_bytes(f->points * v_point(f, tiles) * size);
}

static int64_t m_bytes(const tw_winograd_frame *f, int64_t tiles, int64_t size) {
    int64_t panels = is_deep(f, size) ? f->panels : 1;
    return tw_worker_bytes(panels * f->points * m_point(f, tiles) * size);
}

int64_t tw_winograd_workspace(const tw_problem *problem, const tw_winograd_frame *f, int threads) {
    int64_t size = (int64_t)tw_type_size(problem->type), tiles = block_tiles(f, problem->loops, size);
    int64_t bytes = threads * (v_bytes(f, tiles, size) + m_bytes(f, tiles, size)), turned;
    if (problem->shape.geometry.layout == TW_NHWC) return bytes;
    int64_t alone = tw_worker_bytes(cut_rounds(problem, f, 1).bytes);
    int64_t together = tw_worker_bytes(cut_rounds(problem, f, threads).bytes);
    if (!tw_mul(threads, alone, &turned) || !tw_add(bytes, tw_max(turned, together), &bytes))
        return INT64_MAX;
    return bytes;
}

void tw_winograd_run(const tw_job *job) {
    const tw_problem *problem = job->problem;
    const tw_winograd_frame *f = job->state;
    bool forward = job->pass == TW_FORWARD;
    work k = {.job = job, .frame = f, .loops = problem->loops, .size = (int64_t)tw_type_size(problem->type)};
    int64_t tiles = block_tiles(f, k.loops, k.size);
    k.v_bytes = v_bytes(f, tiles, k.size);
    k.m_bytes = m_bytes(f, tiles, k.size);
    k.v = job->workspace;
    k.m = k.v + job->threads * k.v_bytes;
    k.threads = job->threads;
    k.read = forward ? job->x : job->dy;
    k.written = forward ? job->y : job->dx;
    if (problem->shape.geometry.layout == TW_NCHW)
        run_channels_first(&k, k.m + job->threads * k.m_bytes);
    else /* the call may have fewer images than planned */
        run_planes(&k, problem->shape.batch * problem->shape.in[TW_DEPTH]);
}

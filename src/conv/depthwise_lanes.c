/* Depthwise convolution, a channel being a lane: weights and pixels are vectors over channels, and a tile of
 * output pixels lives in registers.
 *
 * Forward and backward data are the same walk (see axis.h): over images, chunks of channels and bands of
 * rows, and in them over pairs of output rows. Small kernels read channels-last rows where they lie.
 * Otherwise the source rows that a pair needs are staged, each once; see stage_cache.c and
 * kernel/stencil_body.h. Dilated rows of stride 1 are taken residue by residue. Any kernel size, stride,
 * dilation and padding mode, one to three dimensions, and a depth multiplier forward.
 *
 * The order of a sum: taps by depth, row, column shift ascending, one chain of fused multiply-adds from zero;
 * the bias is added last. What lies beyond the borders is left out, never multiplied. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/ahead.h"
#include "conv/depthwise.h"

enum {
    CHUNK = TW_DEPTHWISE_STAGED,
    TURNED_BYTES = 32 << 10, /* of output rows that are turned together */
    ROW_BYTES = 8 << 10,     /* see blocks_together */
    PIXEL_BYTES = 512
};

/* Everything of a pass that does not change while it runs. */
typedef struct depthwise {
    const tw_problem *problem;
    const tw_axis *axis;
    bool backward;
    size_t size;
    int64_t lanes, channels; /* of the destination, which has as many as there are lanes to fill */
    int64_t blocks, chunk;   /* blocks in all, and of a chunk */
    int64_t to_pixels, from_image, to_image;
    tw_stage_cache cache; /* the shape of a worker's caches */
    int64_t most_rows;    /* rows of taps */
    bool far;             /* rows are fetched ahead */
    bool streams;         /* what is written goes past the caches */
} depthwise;

/* Blocks that are swept together where rows lie in place. A row of all channels may be so long that the first
 * cache has lost it when the next pair of output rows reads it once more: then some channels at a time, but
 * no fewer than make reading worthwhile. Not with large kernels, which multiply longer than they load, and
 * not where blocks of a row share sets of the cache (kernel/stencil_body.h, PAIR_PITCH). 480 channels of
 * 14x14 pixels on a Zen 5 in 0.85 of the time. */
static int64_t blocks_together(const depthwise *d) {
    const int64_t pixel = d->channels * (int64_t)d->size, width = d->axis[TW_WIDTH].to;
    const int64_t part = tw_max(PIXEL_BYTES, ROW_BYTES / width);
    if (d->far || d->most_rows > 3 || width * part > 2 * ROW_BYTES || pixel % 2048 == 0) return d->blocks;
    return tw_max(1, tw_min(d->blocks, part / (d->lanes * (int64_t)d->size)));
}

static depthwise describe(const tw_problem *problem, const tw_axis *axis, bool backward) {
    const tw_shape *s = &problem->shape;
    int64_t lanes = problem->loops->lanes;
    depthwise d = {
        .problem = problem,
        .axis = axis,
        .backward = backward,
        .size = tw_type_size(problem->type),
        .lanes = lanes,
        .channels = backward ? s->in_channels : s->out_channels,
        .to_pixels = backward ? s->in_pixels : s->out_pixels,
        .from_image = backward ? s->out_image : s->in_image,
        .to_image = backward ? s->in_image : s->out_image,
        .most_rows = axis[TW_DEPTH].most * axis[TW_HEIGHT].most,
    };
    d.blocks = tw_ceil_div(d.channels, lanes);
    const int64_t *extent = backward ? s->out : s->in;
    const tw_axis *x = &axis[TW_WIDTH], *y = &axis[TW_HEIGHT], *z = &axis[TW_DEPTH];
    d.cache = (tw_stage_cache){
        .shape = s,
        .loops = problem->loops,
        .mode = backward ? TW_PAD_ZEROS : s->geometry.pad_mode,
        .size = d.size,
        .layout = s->geometry.layout,
        .channels = backward ? s->out_channels : s->in_channels,
        .pixels = backward ? s->out_pixels : s->in_pixels,
        .extent = {extent[0], extent[1], extent[2]},
        .repeat = backward ? 1 : s->group_out,
        .depths = tw_stage_slots(z->last - z->least + 1),
    };
    tw_stage_columns(&d.cache, x->least, (tw_axis_count(x, 0) - 1) * x->in_step + x->last);
    tw_stage_rows(&d.cache, y->last - y->least + y->in_step + 1);
    d.cache.in_place = tw_stage_needless(&d.cache, s);
    d.far = d.cache.in_place && tw_lies_far(s->batch * (s->in_image + s->out_image), d.size);
    d.chunk = d.cache.in_place ? blocks_together(&d) : tw_max(1, CHUNK / lanes);
    return d;
}

/* Residue `rest` of a phase's columns modulo their dilation: neighbours among them read with neighbouring
 * taps, of the source's columns of one residue. */
static tw_stencil_phase residue(const tw_stencil_phase *whole, int64_t rest, int64_t dilation) {
    tw_stencil_phase p = *whole;
    int64_t shift = rest + whole->shift, source = (shift % dilation + dilation) % dilation;
    p.columns = tw_ceil_div(whole->columns - rest, dilation);
    p.shift = (shift - source) / dilation;
    p.dilation = 1;
    p.width = tw_ceil_div(tw_max(0, whole->width - source), dilation);
    p.in_begin += source * whole->in_step, p.in_step *= dilation;
    p.out_begin += rest * whole->out_step, p.out_step *= dilation;
    return p;
}

/* The phases of columns, the same for all rows: their number. NULL: only that. */
static int64_t lay_phases(const depthwise *d, tw_stencil_phase *phases) {
    const tw_axis *ax = &d->axis[TW_WIDTH];
    int64_t pixel = d->cache.layout == TW_NHWC ? d->channels : d->lanes, count = 0;
    for (int64_t px = 0; px < ax->phases; px++) {
        int64_t first = ax->first[px], taps = tw_axis_taps(ax, px);
        tw_stencil_phase whole = {
            .columns = tw_axis_count(ax, px),
            .taps = taps,
            .shift = taps ? ax->shift[first] - d->cache.from : 0,
            .dilation = taps > 1 ? ax->shift[first + 1] - ax->shift[first] : 1,
            .width = d->cache.width,
            .in_step = d->cache.in_place ? d->cache.channels : d->lanes,
            .weights_begin = first * d->lanes,
            .out_begin = px * pixel,
            .out_step = ax->out_step * pixel,
        };
        int64_t residues = ax->in_step == 1 ? tw_min(whole.dilation, whole.columns) : 1;
        for (int64_t i = 0; i < residues; i++, count++)
            if (phases) phases[count] = residues > 1 ? residue(&whole, i, whole.dilation) : whole;
    }
    return count;
}

/* A worker's part of the workspace. */
typedef struct worker_parts {
    int64_t one_cache, phases, rows, values, one_row, bias, all;
    int64_t out_rows; /* channels first: of a block, that are turned together */
} worker_parts;

static bool lay(const depthwise *d, worker_parts *p) {
    const tw_axis *ax = &d->axis[TW_WIDTH];
    p->one_row = ax->to * d->lanes * (int64_t)d->size;
    p->one_cache = tw_stage_bytes(&d->cache);
    if (p->one_cache > TW_DEPTHWISE_WORKSPACE || p->one_row > TW_DEPTHWISE_WORKSPACE) return false;
    p->one_cache = tw_round_up(p->one_cache, TW_ALIGNMENT);
    p->out_rows =
        d->cache.layout == TW_NHWC ? 0 : tw_max(2, tw_min(d->axis[TW_HEIGHT].to, TURNED_BYTES / p->one_row));
    p->phases = d->cache.in_place ? 0 : tw_min(d->chunk, d->blocks) * p->one_cache;
    int64_t phases = lay_phases(d, NULL);
    p->rows = p->phases + tw_round_up(phases * (int64_t)sizeof(tw_stencil_phase), TW_ALIGNMENT);
    p->values = p->rows + tw_round_up(2 * d->most_rows * (int64_t)sizeof(tw_stencil_row), TW_ALIGNMENT);
    p->bias = p->values + tw_round_up(tw_min(d->chunk, d->blocks) * p->out_rows * p->one_row, TW_ALIGNMENT);
    p->all = tw_worker_bytes(p->bias + d->chunk * d->lanes * (int64_t)d->size);
    return p->all <= TW_DEPTHWISE_WORKSPACE;
}

/* ---- Weights: [block][taps z][taps y][taps x][lanes] in the order of the axes' taps. */

static int64_t block_weights(const depthwise *d) {
    return tw_axis_used(&d->axis[0]) * tw_axis_used(&d->axis[1]) * tw_axis_used(&d->axis[2]) * d->lanes;
}

static double weight_of(const depthwise *d, const void *w, int64_t i) {
    return d->problem->type == TW_F32 ? (double)((const float *)w)[i] : ((const double *)w)[i];
}

static void put(const depthwise *d, void *to, int64_t i, double value) {
    if (d->problem->type == TW_F32)
        ((float *)to)[i] = (float)value;
    else
        ((double *)to)[i] = value;
}

static void pack_block(const depthwise *d, int64_t block, const void *w, char *to) {
    const tw_shape *s = &d->problem->shape;
    int64_t at = 0;
    for (int64_t z = 0; z < tw_axis_used(&d->axis[0]); z++)
        for (int64_t y = 0; y < tw_axis_used(&d->axis[1]); y++)
            for (int64_t x = 0; x < tw_axis_used(&d->axis[2]); x++) {
                int64_t k =
                    (d->axis[0].tap[z] * s->kernel[1] + d->axis[1].tap[y]) * s->kernel[2] + d->axis[2].tap[x];
                if (s->geometry.flipped) k = s->kernel_taps - 1 - k;
                for (int64_t l = 0; l < d->lanes; l++, at++) {
                    int64_t channel = block * d->lanes + l;
                    double value = channel < d->channels ? weight_of(d, w, channel * s->kernel_taps + k) : 0;
                    put(d, to, at, value);
                }
            }
}

void tw_depthwise_lanes_pack(const tw_problem *problem, const tw_axis *axes, bool backward, const void *w,
                             void *packed) {
    depthwise d = describe(problem, axes, backward);
    for (int64_t b = 0; b < d.blocks; b++)
        pack_block(&d, b, w, (char *)packed + (size_t)(b * block_weights(&d)) * d.size);
}

int64_t tw_depthwise_lanes_packed_bytes(const tw_problem *problem, const tw_axis *axes, bool backward) {
    depthwise d = describe(problem, axes, backward);
    int64_t bytes;
    return tw_mul(block_weights(&d), d.blocks * (int64_t)d.size, &bytes) ? bytes : INT64_MAX;
}

/* ---- The walk. */

typedef struct sweep {
    const tw_job *job;
    depthwise d;
    worker_parts parts;
    int64_t shared;       /* bytes of the workspace before the workers' */
    const void *last_row; /* see tw_stage_last_row */
    int64_t chunks, bands,
        band_rows; /* rows of a band, counted within a phase: even, so that pairs stay pairs */
} sweep;

/* One band of one chunk, as its worker sees it. */
typedef struct band {
    const sweep *sweep;
    char *memory;
    const char *from;
    char *to;
    int64_t first_block;  /* of the chunk */
    int64_t phases;       /* of columns */
    const void *last_row; /* of the source in place: a copy, which can be read in whole vectors */
    int64_t z, source_z, first_z, end_z; /* output depth; where it reads, and its taps */
} band;

/* Blocks that go together: all of them in place, or a staged one. */
typedef struct group {
    tw_stage_cache *cache; /* NULL: in place */
    int64_t block, blocks; /* of all blocks */
    int used;              /* of the last block's lanes */
    int64_t row, rows;     /* channels first: output rows that wait to be turned */
} group;

static bool inside(const tw_axis *axis, tw_pad_mode mode, int64_t i) {
    return mode != TW_PAD_ZEROS || (i >= 0 && i < axis->from);
}

static const void *source_row(const band *b, const group *g, int64_t z, int64_t y) {
    const depthwise *d = &b->sweep->d;
    if (g->cache) return tw_stage_row(g->cache, b->from, z, y);
    int64_t row = z * d->axis[TW_HEIGHT].from + y, pixel = row * d->axis[TW_WIDTH].from;
    const bool last = b->last_row && row + 1 == d->axis[TW_DEPTH].from * d->axis[TW_HEIGHT].from;
    const char *in = last ? b->last_row : b->from + (size_t)(pixel * d->cache.channels) * d->size;
    return in + (size_t)(g->block * d->lanes) * d->size;
}

/* One or two output rows that are summed at once: rows `q` of their phases. */
typedef struct row_pair {
    int rows;
    int64_t phase[2], q[2];
} row_pair;

/* The rows that one depth's taps meet for the output rows of a pair, ascending: the rows of the two, merged;
 * those outside have no `in`. */
static int64_t gather_depth(const band *b, const group *g, int64_t tz, const row_pair *pair,
                            tw_stencil_row *out) {
    const depthwise *d = &b->sweep->d;
    const tw_axis *ay = &d->axis[TW_HEIGHT];
    int64_t z = b->source_z + d->axis[TW_DEPTH].shift[tz], count = 0;
    int64_t row_weights = tw_axis_used(&d->axis[TW_WIDTH]) * d->lanes;
    const char *weights =
        (const char *)b->sweep->job->packed +
        (size_t)(g->block * block_weights(d) + tz * tw_axis_used(ay) * row_weights) * d->size;
    int64_t tap[2] = {0}, end[2] = {0};
    for (int r = 0; r < pair->rows; r++)
        tap[r] = ay->first[pair->phase[r]], end[r] = ay->first[pair->phase[r] + 1];
    while (tap[0] < end[0] || tap[1] < end[1]) {
        int64_t y[2];
        for (int r = 0; r < 2; r++)
            y[r] = tap[r] < end[r] ? pair->q[r] * ay->in_step + ay->shift[tap[r]] : INT64_MAX;
        int64_t least = tw_min(y[0], y[1]);
        tw_stencil_row row = {0};
        for (int r = 0; r < 2; r++)
            if (y[r] == least) row.weights[r] = weights + (size_t)(tap[r]++ * row_weights) * d->size;
        if (inside(ay, d->cache.mode, least)) row.in = source_row(b, g, z, least);
        out[count++] = row;
    }
    return count;
}

static int64_t gather_rows(const band *b, const group *g, const row_pair *pair, tw_stencil_row *out) {
    const depthwise *d = &b->sweep->d;
    int64_t count = 0;
    for (int64_t tz = b->first_z; tz < b->end_z; tz++)
        if (inside(&d->axis[TW_DEPTH], d->cache.mode, b->source_z + d->axis[TW_DEPTH].shift[tz]))
            count += gather_depth(b, g, tz, pair, out + count);
    return count;
}

/* Channels-first output: where a block's values wait, [row][column][lane]. */
static char *waiting(const band *b, const group *g, int64_t row) {
    const worker_parts *p = &b->sweep->parts;
    return b->memory + p->values + ((g->block - b->first_block) * p->out_rows + row) * p->one_row;
}

/* They go to their planes: rows behind each other. */
static void turn_rows(const band *b, const group *g, int64_t from, int64_t row, int64_t rows) {
    const depthwise *d = &b->sweep->d;
    const int64_t width = d->axis[TW_WIDTH].to, pixel = (b->z * d->axis[TW_HEIGHT].to + row) * width;
    d->problem->loops->turn(&(tw_block){
        .from = waiting(b, g, from),
        .from_pitch = d->lanes,
        .to = b->to + (size_t)(g->block * d->lanes * d->to_pixels + pixel) * d->size,
        .to_pitch = d->to_pixels,
        .rows = rows * width,
        .columns = g->used,
    });
}

static void turn_waiting(const band *b, group *g) {
    if (g->rows > 0) turn_rows(b, g, 0, g->row, g->rows);
    g->rows = 0;
}

/* After a pair: its rows wait with those before them if they follow. */
static void let_wait(const band *b, group *g, const int64_t y[2], int rows) {
    if (g->rows == 0) g->row = y[0];
    if (rows == 1 || y[1] == y[0] + 1) {
        g->rows += rows;
        return;
    }
    turn_rows(b, g, 0, y[0], 1);
    turn_rows(b, g, 1, y[1], 1);
}

static void run_pair(const band *b, group *g, const row_pair *pair) {
    const depthwise *d = &b->sweep->d;
    const worker_parts *p = &b->sweep->parts;
    const tw_axis *ay = &d->axis[TW_HEIGHT], *ax = &d->axis[TW_WIDTH];
    bool last = d->cache.layout == TW_NHWC;
    tw_stencil_row *list = (tw_stencil_row *)(b->memory + p->rows);
    int64_t y[2] = {0};
    tw_stencil stencil = {
        .source = list,
        .count = gather_rows(b, g, pair, list),
        .phases = (const tw_stencil_phase *)(b->memory + p->phases),
        .phase_count = b->phases,
        .stride = ax->in_step,
        .blocks = g->blocks,
        .block_weights = block_weights(d),
        .bias = b->memory + p->bias + (size_t)((g->block - b->first_block) * d->lanes) * d->size,
        .ramp = b->sweep->job->ramp,
        .rows = pair->rows,
        .used = g->used,
        .fetch = d->far ? ay->in_step * (ay->phases == 2 ? 1 : 2) : 0,
        .streams = d->streams,
    };
    for (int r = 0; r < pair->rows; r++) y[r] = pair->phase[r] + pair->q[r] * ay->out_step;
    const bool follows = y[0] == g->row + g->rows && (pair->rows == 1 || y[1] == y[0] + 1);
    if (!last && (!follows || g->rows + pair->rows > p->out_rows)) turn_waiting(b, g);
    for (int r = 0; r < pair->rows; r++) {
        const int64_t pixel = (b->z * ay->to + y[r]) * ax->to;
        stencil.out[r] = last ? b->to + (size_t)(pixel * d->channels + g->block * d->lanes) * d->size
                              : waiting(b, g, g->rows + r);
    }
    d->problem->loops->stencil.apply(&stencil);
    if (!last) let_wait(b, g, y, pair->rows);
}

/* Rows q and q + 1 of each phase, two at once: they share source rows and weights. With two phases rows of
 * different phases share more, and lie behind each other. */
static void run_rows(const band *b, group *g, int64_t q) {
    const tw_axis *ay = &b->sweep->d.axis[TW_HEIGHT];
    bool woven = ay->phases == 2;
    for (int64_t i = 0; i < ay->phases; i++) {
        int64_t next_phase = woven ? 1 : i, next_q = woven ? q + i : q + 1;
        row_pair pair = {.phase = {woven ? 0 : i, next_phase}, .q = {woven ? next_q : q, next_q}};
        if (pair.q[0] >= tw_axis_count(ay, pair.phase[0])) continue;
        pair.rows = next_q < tw_axis_count(ay, next_phase) ? 2 : 1;
        run_pair(b, g, &pair);
    }
}

static void run_band(band *b, group *groups, int64_t count, int64_t first) {
    const depthwise *d = &b->sweep->d;
    const tw_axis *az = &d->axis[TW_DEPTH];
    int64_t end = tw_min(first + b->sweep->band_rows, tw_axis_count(&d->axis[TW_HEIGHT], 0));
    for (b->z = 0; b->z < az->to; b->z++) {
        b->source_z = b->z / az->out_step * az->in_step;
        b->first_z = az->first[b->z % az->out_step], b->end_z = az->first[b->z % az->out_step + 1];
        for (int64_t q = first; q < end; q += 2)
            for (int64_t i = 0; i < count; i++) run_rows(b, &groups[i], q);
        for (int64_t i = 0; i < count; i++) turn_waiting(b, &groups[i]);
    }
}

/* Bias of a chunk, with zeros in lanes that no channel fills. */
static void load_bias(const band *b, int64_t blocks) {
    const depthwise *d = &b->sweep->d;
    char *bias = b->memory + b->sweep->parts.bias;
    int64_t first = b->first_block * d->lanes, lanes = blocks * d->lanes;
    memset(bias, 0, (size_t)lanes * d->size);
    if (b->sweep->job->bias)
        memcpy(bias, (const char *)b->sweep->job->bias + (size_t)first * d->size,
               (size_t)tw_min(lanes, d->channels - first) * d->size);
}

static void run_task(void *context, int64_t task, int worker) {
    const sweep *s = context;
    const depthwise *d = &s->d;
    int64_t band_index = task % s->bands, chunk = task / s->bands % s->chunks,
            image = task / s->bands / s->chunks;
    band b = {.sweep = s,
              .memory = (char *)s->job->workspace + s->shared + worker * s->parts.all,
              .first_block = chunk * d->chunk};
    b.from = (const char *)(d->backward ? s->job->dy : s->job->x) + (size_t)(image * d->from_image) * d->size;
    b.to = (char *)(d->backward ? s->job->dx : s->job->y) + (size_t)(image * d->to_image) * d->size;
    int64_t blocks = tw_min(d->chunk, d->blocks - b.first_block), block = b.first_block, count = 0;
    load_bias(&b, blocks);
    b.phases = lay_phases(d, (tw_stencil_phase *)(b.memory + s->parts.phases));
    b.last_row = image + 1 == s->job->problem->shape.batch ? s->last_row : NULL;
    group groups[CHUNK];
    tw_stage_cache caches[CHUNK];
    if (d->cache.in_place) {
        int used = (int)tw_min(d->lanes, d->channels - (block + blocks - 1) * d->lanes);
        groups[count++] = (group){.block = block, .blocks = blocks, .used = used};
        block += blocks;
    }
    for (int64_t i = 0; block < b.first_block + blocks; block++, i++) {
        caches[i] = d->cache;
        tw_stage_open(&caches[i], b.memory + i * s->parts.one_cache, block * d->lanes,
                      (int)tw_min(d->lanes, d->channels - block * d->lanes));
        groups[count++] = (group){.cache = &caches[i], .block = block, .blocks = 1, .used = caches[i].used};
    }
    run_band(&b, groups, count, band_index * s->band_rows);
    if (d->streams) tw_lines_written();
}

void tw_depthwise_lanes_run(const tw_job *job, const tw_axis *axes) {
    sweep s = {.job = job, .d = describe(job->problem, axes, job->pass == TW_BACKWARD_DATA)};
    lay(&s.d, &s.parts);
    s.d.streams = s.d.far && tw_writes_lines(s.d.backward ? job->dx : job->y, s.d.channels,
                                             job->problem->loops, s.d.size);
    s.shared = tw_stage_last_row_bytes(&s.d.cache);
    const void *from = s.d.backward ? job->dy : job->x;
    s.last_row = tw_stage_last_row(&s.d.cache, from, job->problem->shape.batch, job->workspace);
    s.chunks = tw_ceil_div(s.d.blocks, s.d.chunk);
    int64_t rows = tw_axis_count(&s.d.axis[TW_HEIGHT], 0), whole = job->problem->shape.batch * s.chunks;
    s.bands = whole >= 4 * job->threads || job->threads == 1 ? 1 : tw_ceil_div(4 * job->threads, whole);
    s.band_rows = tw_round_up(tw_ceil_div(rows, s.bands), 2);
    s.bands = tw_ceil_div(rows, s.band_rows);
    tw_parallel(job->threads, whole * s.bands, run_task, &s);
}

int64_t tw_depthwise_lanes_workspace(const tw_problem *problem, const tw_axis *axes, bool backward,
                                     int threads) {
    depthwise d = describe(problem, axes, backward);
    worker_parts parts;
    return lay(&d, &parts) ? tw_stage_last_row_bytes(&d.cache) + parts.all * threads : INT64_MAX;
}

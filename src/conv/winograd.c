/* Winograd's convolution for 3x3 weights with stride 1, all three passes: F(4x4,3x3), which
 * multiplies 36 times for 16 outputs instead of 144, and F(2x2,3x3), 16 times for 4 instead of 36. This file
 * decides when that pays, lays a pass out in tiles, and transforms weights; winograd_run.c and
 * winograd_weights.c run it. Sources: kernel/winograd_body.h.
 *
 * The sums over input channels are one chain of fused multiply-adds for each point, so an output depends on
 * its own patch and on the weights alone: not on the block, the thread or the batch that its tile happens to
 * lie in.
 *
 * Rounding errors grow with the transforms: see the bound in twill/conv.h, and docs/winograd.md for what it
 * means where numbers of very different size meet within one patch. The mode `strict` never comes here. */
#include "conv/winograd.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

enum { TAPS = 9, MOST_PANEL = 64, LEAST_CHANNELS = 8, LEAST_PIXELS = 16, TURNED = 600 * 1000 /* bytes */ };
/* Bytes of a tap, of the channels whose weights are turned at once; of a point, of those that are
 * transformed. */
enum { GATHERED = 4096, PIECE = 1024 };

int64_t tw_winograd_panel_columns(const tw_winograd_frame *f, const tw_loops *loops, int64_t p) {
    return tw_min(f->panel, tw_round_up(f->columns, loops->lanes) - p * f->panel);
}

/* Vectors in a panel: wide tiles when there are few rows to fill a tile with, else two. */
static int panel_vectors(const tw_loops *loops, int64_t tiles, int64_t columns) {
    int64_t vectors = tw_ceil_div(columns, loops->lanes);
    if (vectors < 2) return 1;
    if (loops->most_vecs >= 4 && loops->most_rows[4] > 0 && tiles <= loops->most_rows[4] && vectors >= 4)
        return 4;
    return 2;
}

/* Groups of a channels-first image that are turned at once: half of them, and half again, until the second
 * cache holds theirs. The weights' gradient turns one. */
static int64_t turned_together(const tw_shape *s, tw_pass pass, double bytes) {
    int64_t groups = pass == TW_BACKWARD_WEIGHTS ? 1 : s->groups;
    while (groups > 1 && bytes * (double)groups > TURNED * (double)s->groups)
        groups = groups % 2 ? 1 : groups / 2;
    return groups;
}

tw_winograd_frame tw_winograd_lay(const tw_problem *problem, tw_pass pass, int outs) {
    const tw_shape *s = &problem->shape;
    bool forward =
        pass != TW_BACKWARD_DATA; /* backward weights reads x and dy where forward reads and writes */
    const int64_t *read = forward ? s->in : s->out, *written = forward ? s->out : s->in;
    tw_winograd_frame f = {
        .transform = problem->loops->winograd[outs / 4],
        .side = outs + 2,
        .outs = outs,
        .points = (outs + 2) * (outs + 2),
        .planes = s->batch * s->in[TW_DEPTH],
        .read = {read[TW_HEIGHT], read[TW_WIDTH]},
        .written = {written[TW_HEIGHT], written[TW_WIDTH]},
        .groups = s->groups,
        .channels = forward ? s->group_in : s->group_out,
        .columns = forward ? s->group_out : s->group_in,
    };
    double bytes = ((double)s->in_image + (double)s->out_image) * (double)tw_type_size(problem->type);
    f.together = s->geometry.layout == TW_NHWC ? s->groups : turned_together(s, pass, bytes);
    f.read_channels = f.together * f.channels, f.written_channels = f.together * f.columns;
    for (int a = 0; a < 2; a++) f.tiles[a] = tw_ceil_div(f.written[a], outs);
    f.plane_tiles = f.tiles[0] * f.tiles[1];
    f.panel =
        (int64_t)panel_vectors(problem->loops, f.planes * f.plane_tiles, f.columns) * problem->loops->lanes;
    f.v_row =
        f.channels % 256 == 0 ? f.channels + 16 : f.channels; /* rows 1024 bytes apart share cache sets */
    f.panels = tw_ceil_div(f.columns, f.panel);
    if (!tw_mul(f.channels * tw_round_up(f.columns, problem->loops->lanes), f.points, &f.u_group))
        f.u_group = INT64_MAX;
    return f;
}

/* ---- When it pays. */

/* The first pixel that output 0 reads along an axis (0: height). */
static int64_t first_read(const tw_shape *s, tw_pass pass, int axis) {
    int64_t pad = s->pad[TW_HEIGHT + axis];
    return pass == TW_BACKWARD_DATA ? pad - 2 : -pad;
}

/* Some output reads nothing but zeros: it must be the bias exactly, which a tile that it shares would not
 * keep. */
static bool reads_nothing(const tw_shape *s, tw_pass pass) {
    const int64_t *read = pass == TW_FORWARD ? s->in : s->out, *written = pass == TW_FORWARD ? s->out : s->in;
    for (int a = 0; a < 2; a++) {
        int64_t first = first_read(s, pass, a);
        if (first + 2 < 0 || first + written[TW_HEIGHT + a] > read[TW_HEIGHT + a]) return true;
    }
    return false;
}

/* Some weight meets nothing but padding: its gradient must be zero exactly, which the weights beside it would
 * not let it be. Of an axis the first weight meets pixels unless all outputs lie before it, the last unless
 * the image ends before it. */
static bool meets_nothing(const tw_shape *s) {
    for (int a = TW_HEIGHT; a <= TW_WIDTH; a++)
        if (s->out[a] <= s->pad[a] || s->in[a] + s->pad[a] <= 2) return true;
    return false;
}

static const char *declines_weights(const tw_shape *s) {
    if (s->out_pixels < LEAST_PIXELS)
        return "Winograd sums the weights' gradient over tiles: this image is too small";
    if (s->geometry.pad_mode == TW_PAD_ZEROS && meets_nothing(s))
        return "some weights meet only padding: the direct sum makes their gradient exactly zero";
    return NULL;
}

static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (problem->accuracy == TW_STRICT) return "accuracy strict asks for the direct sum";
    if (s->kernel[TW_HEIGHT] != 3 || s->kernel[TW_WIDTH] != 3) return "Winograd is for 3x3 weights";
    for (int a = 0; a < TW_AXES; a++) {
        if (s->stride[a] != 1) return "Winograd is for stride 1";
        if (s->dilation[a] != 1 && s->kernel[a] > 1) return "Winograd is for dilation 1";
    }
    if (s->kernel[TW_DEPTH] != 1 || s->in[TW_DEPTH] != s->out[TW_DEPTH] || s->pad[TW_DEPTH] != 0)
        return "Winograd is for two dimensions: a depth of kernel 1 without padding at most";
    if (pass == TW_BACKWARD_WEIGHTS) return declines_weights(s);
    if ((pass == TW_FORWARD ? s->group_in : s->group_out) < LEAST_CHANNELS)
        return "Winograd needs 8 channels to read: with fewer, rounding errors do not average out";
    if (pass == TW_BACKWARD_DATA && s->geometry.pad_mode != TW_PAD_ZEROS)
        return "backward data through padding that repeats pixels needs the direct sum";
    if (s->geometry.pad_mode == TW_PAD_ZEROS && reads_nothing(s, pass))
        return "some outputs lie wholly in the padding: the direct sum makes them exactly the bias";
    return NULL;
}

/* What things cost, in multiply-adds at full speed as direct costs are: measured on a processor that does 32
 * of them a cycle, and reads 23 bytes a cycle from a cache that all its cores share, 9 from memory. */
static const double patch_cost = 6200, result_cost = 4300; /* 16 channels of one patch, F(4x4) */
static const double resident = 1.5e6, shared = 24e6; /* bytes that stay in a core's own cache; in that one */
static const double shared_cost = 1.4, byte_cost = 3.6; /* of a byte that comes from it; from memory */
static const double tile_start = 2;                     /* steps of l that a tile loses */

/* Of the weights' gradient, 16 channels of one patch, of one dy, and of one dw with the store of its P: least
 * times on Zen 5 over images of 7x7 to 224x224 and 16 to 512 channels, one image, one thread. */
static const double gathered_cost = 5000, spread_cost = 4200, gradient_cost[] = {6000, 8300};

/* Whatever the channels, a tile of each group: finding its pixels, short sums for each of its points
 * (measured as above, 1 to 32 groups of 4 to 24 channels, both layouts). */
static const double gradient_tile_cost[] = {2500, 5000};

/* Two streams at once: the longer one hides most of the shorter. */
static double together(double a, double b) {
    return fmax(a, b) + 0.25 * fmin(a, b);
}

/* The weights' gradient, of one image among IMAGES: a gradient is rarely asked for a single one, and the
 * batch itself must not decide. But weights that no cache holds are counted as for one image (512 channels of
 * 7x7: 1.7 times as slow as direct for one, twice as fast for 16). P goes through memory every
 * CHUNK tiles if it is large. */
static double weights_cost(const tw_winograd_frame *f, double tiles, double bytes) {
    enum { CHUNK = 128, IMAGES = 8, HUGE_WEIGHTS = 1 << 21 };
    double images = f->channels * f->columns * TAPS > HUGE_WEIGHTS ? 1 : IMAGES;
    double products =
        tiles * f->points * (double)(tw_round_up(f->channels, 16) * tw_round_up(f->columns, 16));
    double moved = bytes > resident ? 2 * bytes * floor(images * tiles / CHUNK) / images : 0;
    double read = (double)tw_ceil_div(f->channels, 16), written = (double)tw_ceil_div(f->columns, 16);
    double transforms = tiles * (f->outs == 4 ? 1 : 0.5) * (read * gathered_cost + written * spread_cost);
    return together(products, byte_cost * moved) + transforms + tiles * gradient_tile_cost[f->outs / 4] +
           (double)f->channels * written * gradient_cost[f->outs / 4] / images;
}

/* What turning both tensors adds where channels are few. */
static double turning_cost(const tw_shape *s) {
    const bool few = s->groups == 1 && s->in_channels <= TW_FEW_CHANNELS;
    return s->geometry.layout == TW_NCHW && few ? TW_TURNING * ((double)s->in_image + (double)s->out_image)
                                                : 0;
}

static double cost(const tw_problem *problem, tw_pass pass, int outs) {
    tw_winograd_frame f = tw_winograd_lay(problem, pass, outs);
    double tiles = (double)(f.plane_tiles * problem->shape.in[TW_DEPTH]), channels = (double)f.channels;
    double products = tiles * f.points * channels * (double)f.columns, scale = outs == 4 ? 1 : 0.5,
           groups = (double)f.groups;
    double read = (double)tw_ceil_div(f.channels, 16), written = (double)tw_ceil_div(f.columns, 16);
    double transforms = tiles * scale * (read * patch_cost + written * result_cost);
    double bytes = f.points * channels * (double)f.columns * (double)tw_type_size(problem->type);
    if (pass == TW_BACKWARD_WEIGHTS)
        return groups * weights_cost(&f, tiles, bytes) + turning_cost(&problem->shape);
    double narrow = written > 1 ? 1 : 1.07, start = written > 1 ? tile_start : 2 * tile_start;
    products *= narrow * (1 + start / channels);
    double reading =
        bytes * groups <= resident ? 0 : bytes * (bytes * groups <= shared ? shared_cost : byte_cost);
    return groups * (together(products, reading) + transforms);
}

static double cost_2(const tw_problem *problem, tw_pass pass) {
    return cost(problem, pass, 2);
}

static double cost_4(const tw_problem *problem, tw_pass pass) {
    return cost(problem, pass, 4);
}

/* ---- Tables. */

/* Where neighbours in the table are neighbours in the image, all over a patch. */
static void find_inner(tw_winograd_frame *f, int axis, const int64_t *table, int64_t count, int64_t step) {
    int64_t from = 0, to = count;
    for (int64_t i = 0; i + 1 < count; i++)
        if (table[i] < 0 || table[i + 1] != table[i] + step) {
            if (i < count / 2)
                from = i + 1;
            else
                to = tw_min(to, i + 1);
        }
    f->inner[axis].from = from;
    f->inner[axis].to = tw_max(from, to - f->side + 1);
}

static void find_apart(tw_winograd_frame *f, int64_t size) {
    for (int c = 0, at = 0; c < f->side; c++)
        for (int r = 0; r < f->side; r++, at++) f->apart[at] = size * f->read_channels * (r * f->read[1] + c);
}

static tw_status tables(const tw_problem *problem, tw_pass pass, tw_winograd_frame *f) {
    const tw_shape *s = &problem->shape;
    for (int a = 0; a < 2; a++) {
        int64_t count = f->tiles[a] * f->outs + 2, first = first_read(s, pass, a);
        int64_t step = f->read_channels * (a == 0 ? f->read[1] : 1);
        int64_t *table = tw_alloc(count, sizeof *table);
        if (!table) return TW_ERROR_MEMORY;
        *(a == 0 ? &f->rows : &f->cols) = table;
        int64_t end = f->written[a] + 2; /* rows past it feed outputs past the border: zeros do */
        for (int64_t i = 0; i < count; i++) {
            int64_t from = i < end ? tw_shape_source(s->geometry.pad_mode, first + i, f->read[a]) : -1;
            table[i] = from < 0 ? -1 : from * step;
        }
        find_inner(f, a, table, count, step);
    }
    find_apart(f, (int64_t)tw_type_size(problem->type));
    f->zeros = tw_alloc_zero(tw_max(f->channels, f->columns), tw_type_size(problem->type));
    return f->zeros ? TW_OK : TW_ERROR_MEMORY;
}

static void release(void *state) {
    tw_winograd_frame *f = state;
    tw_free(f->rows);
    tw_free(f->cols);
    tw_free(f->zeros);
    tw_free(f);
}

static tw_status prepare(const tw_problem *problem, tw_pass pass, int outs, void **state) {
    *state = NULL;
    tw_winograd_frame *f = tw_alloc(1, sizeof *f);
    if (!f) return TW_ERROR_MEMORY;
    *f = tw_winograd_lay(problem, pass, outs);
    tw_status status = tables(problem, pass, f);
    if (status)
        release(f);
    else
        *state = f;
    return status;
}

static tw_status prepare_2(const tw_problem *problem, tw_pass pass, void **state) {
    return prepare(problem, pass, 2, state);
}

static tw_status prepare_4(const tw_problem *problem, tw_pass pass, void **state) {
    return prepare(problem, pass, 4, state);
}

/* ---- Weights. */

static int64_t packed_bytes(const tw_problem *problem, tw_pass pass, const void *state) {
    const tw_winograd_frame *f = state;
    if (pass == TW_BACKWARD_WEIGHTS) return 0;
    int64_t count;
    size_t bytes;
    if (!tw_mul(f->u_group, f->groups, &count) || !tw_bytes(count, tw_type_size(problem->type), &bytes))
        return INT64_MAX;
    return (int64_t)bytes;
}

/* w in the terms of the pass: element (column, channel, tap) of a group, and whether taps run backwards. */
typedef struct packing {
    const tw_winograd_frame *frame;
    const tw_problem *problem;
    int64_t w_column, w_channel;
    bool flipped;
    const char *w;
    char *u;
} packing;

/* The filters of some channels, tap by tap, columns side by side. Where a column's lie one behind the other
 * they are turned at once. */
static void gather(const packing *k, const char *w, int64_t channels, int64_t count, int64_t columns,
                   char *g) {
    const int64_t size = (int64_t)tw_type_size(k->problem->type);
    tw_block filters = {.from = w,
                        .from_pitch = k->w_column,
                        .to = g,
                        .to_pitch = columns,
                        .rows = count,
                        .columns = channels * TAPS};
    if (k->w_channel == TAPS && !k->flipped) {
        k->problem->loops->turn(&filters);
        return;
    }
    filters.columns = TAPS;
    if (k->flipped) filters.to_pitch = -columns, g += (TAPS - 1) * columns * size;
    for (int64_t c = 0; c < channels; c++) {
        tw_fetch_behind(w, (c + TW_CHANNELS_AHEAD) * k->w_channel * size, count * TAPS * size);
        filters.from = w + c * k->w_channel * size, filters.to = g + c * TAPS * columns * size;
        k->problem->loops->turn(&filters);
    }
}

/* U of some channels, from their filters: points lie far apart in it, where stores number by number would
 * meet in a few sets of a cache. So they are transformed nearby, and each point's part is written as one
 * piece. */
static void transform(const tw_winograd_frame *f, char *g, int64_t channels, int64_t columns, int64_t size,
                      char *u) {
    _Alignas(64) char near[TW_WINOGRAD_POINTS * (PIECE + 64)];
    const int64_t row = columns * size, piece = channels * row, apart = piece + 64;
    for (int64_t i = 0; i < channels; i++)
        f->transform->filter(&(tw_winograd_filter){
            .g = g + i * TAPS * row, .columns = columns, .u = near + i * row, .u_point = apart / size});
    for (int64_t point = 0; point < f->points; point++)
        memcpy(u + point * f->channels * row, near + point * apart, (size_t)piece);
}

static void pack_panel(void *context, int64_t task, int worker) {
    (void)worker;
    const packing *k = context;
    const tw_winograd_frame *f = k->frame;
    _Alignas(64) char g[TAPS * GATHERED];
    int64_t size = (int64_t)tw_type_size(k->problem->type);
    int64_t group = task / f->panels, p = task % f->panels, first = p * f->panel;
    int64_t columns = tw_winograd_panel_columns(f, k->problem->loops, p), row = columns * size;
    int64_t count = tw_min(columns, f->columns - first);
    const char *w = k->w + size * (group * f->channels * f->columns * TAPS + first * k->w_column);
    char *u = k->u + size * (group * f->u_group + first * f->points * f->channels);
    if (count < columns) memset(g, 0, sizeof g); /* what lies behind the last column */
    for (int64_t c = 0, gathered; c < f->channels; c += gathered) {
        gathered = tw_min(GATHERED / row, f->channels - c);
        gather(k, w + size * c * k->w_channel, gathered, count, columns, g);
        for (int64_t i = 0, channels; i < gathered; i += channels) {
            channels = tw_min(PIECE / row, gathered - i);
            transform(f, g + i * TAPS * row, channels, columns, size, u + (c + i) * row);
        }
    }
}

static void pack(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads) {
    const tw_winograd_frame *f = state;
    bool forward = pass == TW_FORWARD;
    packing k = {
        .frame = f,
        .problem = problem,
        .w_column = forward ? f->channels * TAPS : TAPS,
        .w_channel = forward ? TAPS : f->columns * TAPS,
        .flipped = problem->shape.geometry.flipped == forward,
        .w = w,
        .u = packed,
    };
    tw_parallel(threads, f->groups * f->panels, pack_panel, &k);
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    return pass == TW_BACKWARD_WEIGHTS ? tw_winograd_weights_workspace(problem, state, threads)
                                       : tw_winograd_workspace(problem, state, threads);
}

static void run(const tw_job *job) {
    (job->pass == TW_BACKWARD_WEIGHTS ? tw_winograd_weights_run : tw_winograd_run)(job);
}

static bool ramps(const tw_problem *problem, tw_pass pass, const void *state) {
    (void)problem, (void)pass, (void)state;
    return true;
}

const tw_algorithm tw_algorithm_winograd_4 = {
    .name = "winograd-4x4",
    .reason = "3x3 weights with stride 1: tiles of 4x4 outputs take a quarter of the products",
    .declines = declines,
    .cost = cost_4,
    .prepare = prepare_4,
    .release = release,
    .workspace = workspace,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
    .ramps = ramps,
    .sums_dy = true,
};

const tw_algorithm tw_algorithm_winograd_2 = {
    .name = "winograd-2x2",
    .reason = "3x3 weights with stride 1: tiles of 2x2 outputs take 4 of 9 products, and fit this image best",
    .declines = declines,
    .cost = cost_2,
    .prepare = prepare_2,
    .release = release,
    .workspace = workspace,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
    .ramps = ramps,
    .sums_dy = true,
};

/* Depthwise convolution plane by plane. Where channels come first, a channel's plane is whole in memory:
 * neighbouring pixels fill the lanes, and a tap is the same row at another place (kernel/plane_body.h).
 * Nothing is turned round. That pays where taps are few and rows fill vectors: 3x3, forward with stride 1 or
 * 2, backward with stride 1, which is a forward pass with padding 2 - pad. Elsewhere channels are turned to
 * lanes.
 *
 * Rows are staged between zeros, a band of a plane at a time, so that whole vectors may read beyond their
 * ends; with a stride every other column first. Rows that are shorter than a vector are read where they are
 * (kernel/small_plane_body.h), several at once if they fit. Where a channel has a weight that is not finite,
 * whose product with a zero would be NaN, what lies outside is left out: of staged rows. */
#include "conv/depthwise.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

enum {
    TAPS = 3,
    LEAST_COLUMNS = 12,    /* of the destination: shorter rows leave lanes empty */
    LEAST_SPREAD = 16,     /* the same with a stride */
    BAND_BYTES = 24 << 10, /* of staged rows: they stay in the first cache */
    TASK_BYTES = 32 << 10, /* of the destination, at least, where there are so many planes */
    LINES = 4,             /* of a band, at least */
    MOST_COLUMNS = 1 << 16
};

/* Everything that does not change while a pass runs. */
typedef struct planes {
    const tw_problem *problem;
    bool backward;
    int64_t size, lanes, repeat, channels, from_channels;
    int64_t from[2], to[2];  /* rows and columns */
    int64_t pad[2], step[2]; /* destination i reads from source i * step - pad on */
    int64_t column[TAPS];    /* where each tap of a row finds the source of destination column 0: its place */
    int64_t residue[TAPS];   /* among the columns that are `step` apart, and the first of these */
    int64_t left, pitch, slot; /* staged: numbers before a row's columns; of a residue; of a row */
    int64_t inside_row, band;  /* destination columns in whole vectors; rows of a band */
    int64_t tables;            /* bytes: which columns read inside */
    int64_t stage, worker;     /* bytes of a worker's staged rows; of all its memory */
    int64_t together;          /* small planes: rows in a vector; 0: the rows are longer */
} planes;

static planes describe(const tw_problem *problem, bool backward) {
    const tw_shape *s = &problem->shape;
    planes p = {.problem = problem,
                .backward = backward,
                .size = (int64_t)tw_type_size(problem->type),
                .lanes = problem->loops->lanes,
                .repeat = backward ? 1 : s->group_out,
                .channels = backward ? s->in_channels : s->out_channels,
                .from_channels = backward ? s->out_channels : s->in_channels};
    for (int a = 0; a < 2; a++) {
        p.from[a] = backward ? s->out[TW_HEIGHT + a] : s->in[TW_HEIGHT + a];
        p.to[a] = backward ? s->in[TW_HEIGHT + a] : s->out[TW_HEIGHT + a];
        p.pad[a] = backward ? TAPS - 1 - s->pad[TW_HEIGHT + a] : s->pad[TW_HEIGHT + a];
        p.step[a] = s->stride[TW_HEIGHT + a];
    }
    /* an empty lane is left for what lies outside */
    const int64_t most = tw_min((p.lanes - 1) / p.from[1], p.lanes / p.to[1]);
    p.together = p.step[0] > 1 ? tw_min(most, 1) : most;
    return p;
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -tw_ceil_div(-a, b);
}

static void lay(planes *p) {
    for (int64_t j = 0; j < TAPS; j++) {
        p->column[j] = floor_div(j - p->pad[1], p->step[1]);
        p->residue[j] = j - p->pad[1] - p->column[j] * p->step[1];
    }
    p->inside_row = tw_round_up(p->to[1], p->lanes);
    p->left = tw_round_up(tw_max(0, -p->column[0]), p->lanes);
    const int64_t right = tw_max(p->inside_row + p->column[TAPS - 1], tw_ceil_div(p->from[1], p->step[1]));
    p->pitch = tw_round_up(p->left + right, p->lanes);
    p->slot = p->step[1] * p->pitch;
    const int64_t fit = BAND_BYTES / (p->step[0] * p->slot * p->size);
    p->band = tw_min(p->to[0], tw_max(LINES, fit / LINES * LINES));
    p->stage = ((p->band - 1) * p->step[0] + TAPS) * p->slot * p->size;
    p->worker = tw_worker_bytes(p->stage);
    p->tables = tw_round_up(TAPS * p->inside_row * p->size, TW_ALIGNMENT);
}

bool tw_depthwise_by_planes(const tw_problem *problem, bool backward) {
    const tw_shape *s = &problem->shape;
    const planes p = describe(problem, backward);
    const bool flat = s->in[TW_DEPTH] == 1 && s->out[TW_DEPTH] == 1 && s->kernel[TW_DEPTH] == 1;
    bool suits = flat && s->geometry.layout == TW_NCHW && s->geometry.pad_mode == TW_PAD_ZEROS;
    for (int a = 0; a < 2; a++)
        suits = suits && s->kernel[TW_HEIGHT + a] == TAPS && s->dilation[TW_HEIGHT + a] == 1 &&
                p.pad[a] >= 0 && p.pad[a] < TAPS && p.step[a] == p.step[0] && p.step[a] <= (backward ? 1 : 2);
    const bool large = p.to[0] >= LINES && p.to[1] >= (p.step[1] > 1 ? LEAST_SPREAD : LEAST_COLUMNS) &&
                       tw_max(p.from[1], p.to[1]) <= MOST_COLUMNS;
    return suits && (large || p.together > 0);
}

int64_t tw_depthwise_planes_workspace(const tw_problem *problem, bool backward, int threads) {
    planes p = describe(problem, backward);
    lay(&p);
    return p.tables + threads * p.worker;
}

/* ---- Weights: one byte for each channel, whether one of its weights is not finite; behind them
 * [channel][taps y][taps x], those of the smallest source row and column first. */

static int64_t header(const planes *p) {
    return tw_round_up(p->channels, TW_ALIGNMENT);
}

int64_t tw_depthwise_planes_packed_bytes(const tw_problem *problem, bool backward) {
    const planes p = describe(problem, backward);
    return header(&p) + p.channels * TAPS * TAPS * p.size;
}

void tw_depthwise_planes_pack(const tw_problem *problem, bool backward, const void *w, void *packed) {
    const planes p = describe(problem, backward);
    const bool turned = backward != problem->shape.geometry.flipped;
    const int64_t taps = TAPS * TAPS;
    for (int64_t c = 0; c < p.channels; c++) {
        const char *from = (const char *)w + c * taps * p.size;
        char *to = (char *)packed + header(&p) + c * taps * p.size;
        for (int64_t k = 0; k < taps; k++)
            memcpy(to + k * p.size, from + (turned ? taps - 1 - k : k) * p.size, (size_t)p.size);
        ((char *)packed)[c] = (char)!problem->loops->all_finite(from, taps);
    }
}

/* ---- The walk. */

/* Which columns read inside through each tap of a row. */
static void fill_inside(const planes *p, char *to) {
    for (int64_t j = 0; j < TAPS; j++) {
        const int64_t width = tw_ceil_div(p->from[1] - p->residue[j], p->step[1]);
        for (int64_t q = p->column[j]; q < p->column[j] + p->inside_row; q++, to += p->size)
            memset(to, q >= 0 && q < width ? 0xff : 0, (size_t)p->size);
    }
}

typedef struct sweep {
    const tw_job *job;
    planes p;
    char *inside, *workers;
    int64_t all, each;                        /* planes of the batch; of a task */
    int64_t bands, band_lines;                /* parts of a plane for threads; their lines */
    int32_t lane[(TAPS + 1) * TW_MOST_LANES]; /* of small planes */
} sweep;

/* `count` rows from `low` on to the worker's memory, those outside as zeros. What stands beside a row is zero
 * from the beginning. */
static void stage_rows(const planes *p, const char *from, int64_t low, int64_t count, char *memory) {
    const int64_t begin = tw_min(count, tw_max(0, -low)),
                  end = tw_max(begin, tw_min(count, p->from[0] - low));
    const int64_t slot = p->slot * p->size, width = p->from[1], step = p->step[1], whole = width / step;
    memset(memory, 0, (size_t)(begin * slot));
    memset(memory + end * slot, 0, (size_t)((count - end) * slot));
    char *to = memory + begin * slot + p->left * p->size;
    from += (low + begin) * width * p->size;
    if (step == 1) {
        p->problem->loops->copy(&(tw_block){from, width, to, p->slot, end - begin, width});
        return;
    }
    for (int64_t r = begin; r < end; r++, from += width * p->size, to += slot) {
        p->problem->loops->turn(&(tw_block){from, step, to, p->pitch, whole, step});
        if (whole * step < width)
            memcpy(to + whole * p->size, from + whole * step * p->size, (size_t)p->size);
    }
}

/* One channel's plane of the source, and of the destination. */
static const char *source_plane(const sweep *s, int64_t image, int64_t channel) {
    const planes *p = &s->p;
    const int64_t plane = image * p->from_channels + (p->repeat > 1 ? channel / p->repeat : channel);
    return (const char *)(p->backward ? s->job->dy : s->job->x) + plane * p->from[0] * p->from[1] * p->size;
}

static char *target_plane(const sweep *s, int64_t image, int64_t channel) {
    const planes *p = &s->p;
    const int64_t plane = image * p->channels + channel;
    return (char *)(p->backward ? s->job->dx : s->job->y) + plane * p->to[0] * p->to[1] * p->size;
}

/* Lines y0 .. y1 - 1 of one plane of the destination. */
static void run_plane(const sweep *s, char *memory, int64_t image, int64_t channel, int64_t y0, int64_t y1) {
    const planes *p = &s->p;
    const tw_job *job = s->job;
    const char *packed = job->packed, *from = source_plane(s, image, channel);
    char *to = target_plane(s, image, channel);
    tw_plane plane = {.in = memory + p->left * p->size,
                      .in_row = p->slot,
                      .columns = p->to[1],
                      .step = p->step[0],
                      .weights = packed + header(p) + channel * TAPS * TAPS * p->size,
                      .bias = job->bias ? (const char *)job->bias + channel * p->size : NULL,
                      .out_row = p->to[1],
                      .inside = packed[channel] ? s->inside : NULL,
                      .inside_row = p->inside_row};
    for (int64_t j = 0; j < TAPS; j++) plane.offset[j] = p->residue[j] * p->pitch + p->column[j];
    for (int64_t y = y0; y < y1; y += plane.lines) {
        const int64_t low = y * p->step[0] - p->pad[0];
        plane.lines = tw_min(p->band, y1 - y);
        plane.out = to + y * p->to[1] * p->size;
        plane.first = -low, plane.end = p->from[0] - low;
        stage_rows(p, from, low, (plane.lines - 1) * p->step[0] + TAPS, memory);
        p->problem->loops->stencil.plane(&plane);
    }
}

/* ---- Small planes. */

/* Which lane of a vector of source rows each lane of the destination's reads through each tap of a row. */
static void choose_lanes(const planes *p, int32_t *lane) {
    for (int64_t j = 0; j < TAPS; j++)
        for (int64_t l = 0; l < p->lanes; l++, lane++) {
            const int64_t row = l / p->to[1], column = l % p->to[1] * p->step[1] + j - p->pad[1];
            const bool inside = row < p->together && column >= 0 && column < p->from[1];
            *lane = (int32_t)(inside ? row * p->from[1] + column : p->lanes - 1);
        }
    for (int64_t l = 0; l < p->lanes; l++)
        lane[l] = (int32_t)(l >= p->from[1] && l < p->together * p->from[1] ? l - p->from[1] : p->lanes - 1);
}

/* Lines y0 .. y1 - 1 of `count` neighbouring channels whose weights are finite. */
static void run_small(const sweep *s, int64_t image, int64_t channel, int64_t count, int64_t y0, int64_t y1) {
    const planes *p = &s->p;
    const tw_job *job = s->job;
    tw_small_planes small = {.in = source_plane(s, image, channel),
                             .out = target_plane(s, image, channel) + y0 * p->to[1] * p->size,
                             .planes = count,
                             .in_plane = p->from[0] * p->from[1],
                             .out_plane = p->to[0] * p->to[1],
                             .rows = p->from[0],
                             .width = p->from[1],
                             .lines = y1 - y0,
                             .columns = p->to[1],
                             .step = p->step[0],
                             .top = p->pad[0] - y0 * p->step[0],
                             .together = p->together,
                             .weights =
                                 (const char *)job->packed + header(p) + channel * TAPS * TAPS * p->size,
                             .bias = job->bias ? (const char *)job->bias + channel * p->size : NULL};
    for (int64_t j = 0; j < TAPS; j++) small.lane[j] = s->lane + j * p->lanes;
    small.down = s->lane + TAPS * p->lanes;
    p->problem->loops->stencil.small_planes(&small);
}

/* How many planes from `channel` on, of `most`, are summed at once. */
static int64_t count_small(const sweep *s, int64_t channel, int64_t most) {
    const char *packed = s->job->packed;
    int64_t count = 0;
    most = s->p.repeat > 1 ? 1 : tw_min(most, s->p.channels - channel);
    while (count < most && !packed[channel + count]) count++;
    return s->p.together ? count : 0;
}

/* Neighbouring planes, or a part of one. */
static void run_task(void *context, int64_t task, int worker) {
    const sweep *s = context;
    char *memory = s->workers + worker * s->p.worker;
    const int64_t y0 = task % s->bands * s->band_lines, y1 = tw_min(y0 + s->band_lines, s->p.to[0]);
    const int64_t first = task / s->bands * s->each, end = tw_min(first + s->each, s->all);
    int64_t channel = first % s->p.channels, image = first / s->p.channels;
    for (int64_t i = first, count; i < end; i += count) {
        const int64_t small = count_small(s, channel, end - i);
        if (small > 0)
            run_small(s, image, channel, small, y0, y1);
        else
            run_plane(s, memory, image, channel, y0, y1);
        count = tw_max(1, small), channel += count;
        if (channel == s->p.channels) channel = 0, image++;
    }
}

void tw_depthwise_planes_run(const tw_job *job) {
    sweep s = {
        .job = job, .p = describe(job->problem, job->pass == TW_BACKWARD_DATA), .inside = job->workspace};
    planes *p = &s.p;
    lay(p);
    if (p->together) choose_lanes(p, s.lane);
    s.workers = s.inside + p->tables;
    const bool finite = !memchr(job->packed, 1, (size_t)p->channels), stages = !p->together || !finite;
    if (!finite) fill_inside(p, s.inside);
    for (int i = 0; stages && i < job->threads; i++) memset(s.workers + i * p->worker, 0, (size_t)p->stage);
    const int64_t wanted = 4 * job->threads;
    s.all = job->problem->shape.batch * p->channels;
    s.each = tw_max(1, tw_min(TASK_BYTES / (p->to[0] * p->to[1] * p->size), s.all / wanted));
    const int64_t tasks = tw_ceil_div(s.all, s.each);
    const int64_t cuts = job->threads == 1 ? 1 : tw_ceil_div(wanted, tasks);
    s.band_lines = tw_min(p->to[0], tw_round_up(tw_ceil_div(p->to[0], cuts), LINES));
    s.bands = tw_ceil_div(p->to[0], s.band_lines);
    tw_parallel(job->threads, tasks * s.bands, run_task, &s);
}

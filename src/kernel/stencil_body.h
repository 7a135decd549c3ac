/* The body of the depthwise kernels, included by each file ISA_TYPE.c behind tile_body.h, which names what it
 * needs.
 *
 * Forward, two output rows by up to seven columns are summed at once: 14 independent chains hide the latency
 * of the multiply-adds, and what is loaded of a source row that both output rows read serves both. Where 16
 * registers do not hold their sums and weights, the rows come one after the other (row_by_row): a sum that is
 * kept in memory waits for itself at each multiply-add. Seven divides the widths of the usual networks (7,
 * 14, 28, 56, 112); other widths are cut into even spans. How a row is cut changes no bit:
 * what a tap reads outside is left out for each column by itself. */

enum {
    SPAN = 7,
    FEW_TAPS = 7,
    FETCH_LINE = 64 / (int)sizeof(real), /* numbers */
    FETCH_AHEAD = 40 * FETCH_LINE
};

static void stage(const tw_stage *s) {
    real *out = s->out;
    const real *in = (const real *)s->in + s->first * s->stride;
    if (s->stride == 1 && s->repeat == 1) {
        for (int64_t p = 0; p < s->pixels; p++)
            vec_store(out + p * LANES, s->used == LANES ? vec_load(in + p * s->step)
                                                        : vec_load_part(in + p * s->step, s->used));
        return;
    }
    int64_t source[LANES];
    for (int l = 0; l < LANES; l++) source[l] = l < s->used ? (s->first + l) / s->repeat * s->stride : -1;
    in = s->in;
    for (int64_t p = 0; p < s->pixels; p++)
        for (int l = 0; l < LANES; l++) out[p * LANES + l] = source[l] < 0 ? 0 : in[p * s->step + source[l]];
}

/* The least j >= 0 with j * step >= distance. */
static inline int64_t steps_to(int64_t distance, int64_t step) {
    return distance <= 0 ? 0 : step == 1 ? distance : (distance + step - 1) / step;
}

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The next of `left` things, cut evenly into pieces of at most `most`. */
static inline int64_t even_piece(int64_t left, int64_t most) {
    int64_t pieces = (left + most - 1) / most;
    return (left + pieces - 1) / pieces;
}

/* Columns q .. q + span - 1 of a phase, and which taps they read: first .. end - 1 for some of them,
 * all_first
 * .. all_end - 1 for all of them. */
typedef struct span_of_columns {
    const tw_stencil_phase *phase;
    int64_t q, span, column; /* the source's column of q without a tap */
    int64_t spans;           /* as many of this length lie one behind the other */
    int64_t first, all_first, all_end, end;
} span_of_columns;

static inline span_of_columns clip(const tw_stencil *s, const tw_stencil_phase *p, int64_t q, int64_t span,
                                   int64_t spans) {
    span_of_columns c = {
        .phase = p, .q = q, .span = span, .column = q * s->stride + p->shift, .spans = spans};
    int64_t last = c.column + (span - 1) * s->stride;
    c.first = least(steps_to(-last, p->dilation), p->taps);
    c.end = least(steps_to(p->width - c.column, p->dilation), p->taps);
    c.all_first = least(steps_to(-c.column, p->dilation), p->taps);
    c.all_end = least(steps_to(p->width - last, p->dilation), p->taps);
    if (c.all_first >= c.all_end) c.all_first = c.all_end = c.end; /* every tap is asked */
    return c;
}

static inline bool has_column(const tw_stencil_phase *p, int64_t column) {
    return (uint64_t)column < (uint64_t)p->width;
}

/* What the lanes read of a pixel: a channel each; of a vector of channels those that `pick` says; all one. */
enum { EACH_ITS_OWN, PICKED, THE_SAME };

/* One source row and which output rows read it, `r0` and `r1`, with which weights. */
typedef struct row_of_taps {
    const real *x, *w0, *w1;
    picks pick;
} row_of_taps;

static inline vec pixel_of(const row_of_taps *row, const real *at, const int reading) {
    if (reading == THE_SAME) return vec_splat(*(const packed_real *)at);
    vec pixel = load_once(at); /* for both output rows */
    return reading == PICKED ? vec_pick(pixel, row->pick) : pixel;
}

/* One tap of a source row: one pixel for each column of the span. `whole`: all of them are inside. */
TW_INLINED void one_tap(const tw_stencil *s, const tw_stencil_phase *p, const row_of_taps *row, int64_t j,
                        int64_t column, const int span, const bool whole, const bool r0, const bool r1,
                        const int reading, vec sum[2][SPAN]) {
    vec weight0 = r0 ? vec_load(row->w0 + j * LANES) : vec_zero();
    vec weight1 = r1 ? vec_load(row->w1 + j * LANES) : vec_zero();
#pragma GCC unroll 7
    for (int t = 0; t < span; t++) {
        if (!whole && !has_column(p, column + t * s->stride)) continue;
        vec pixel = pixel_of(row, row->x + (column + t * s->stride) * p->in_step, reading);
        if (r0) sum[0][t] = vec_fma(weight0, pixel, sum[0][t]);
        if (r1) sum[1][t] = vec_fma(weight1, pixel, sum[1][t]);
    }
}

/* All taps of one source row, tap by tap. */
TW_INLINED void by_taps(const tw_stencil *s, const span_of_columns *c, const row_of_taps *row, const int span,
                        const bool r0, const bool r1, const int reading, vec sum[2][SPAN]) {
    const int64_t hop = c->phase->dilation;
    for (int64_t j = c->first; j < c->end;) {
        for (; j >= c->all_first && j < c->all_end; j++)
            one_tap(s, c->phase, row, j, c->column + j * hop, span, true, r0, r1, reading, sum);
        if (j < c->end) one_tap(s, c->phase, row, j, c->column + j * hop, span, false, r0, r1, reading, sum);
        j++;
    }
}

/* Whether output rows are summed one after the other: beside the weights of three taps or more 16 registers
 * hold the sums of one row, not of two. 120 channels of 28x28 pixels by 5x5 taps with AVX2 on a Zen 5 in 0.66
 * of the time. */
static inline bool row_by_row(int taps) {
    return STENCIL_SUMS < 28 && taps >= 3;
}

/* All taps of a source row that are few and neighbours, pixel by pixel: the weights stay in registers, and
 * each pixel is loaded once for all taps that it meets. Those between the first column's last tap and the
 * last column's first are inside. */
TW_INLINED void by_pixels(const span_of_columns *c, const row_of_taps *row, const int span, const int taps,
                          const int stride, const bool r0, const bool r1, const int reading,
                          vec sum[2][SPAN]) {
    vec weight0[FEW_TAPS], weight1[FEW_TAPS];
#pragma GCC unroll 7
    for (int j = 0; j < taps; j++) {
        weight0[j] = r0 ? vec_load(row->w0 + j * LANES) : vec_zero();
        weight1[j] = r1 ? vec_load(row->w1 + j * LANES) : vec_zero();
    }
    const real *at = row->x + c->column * c->phase->in_step;
#pragma GCC unroll 17
    for (int u = 0; u < (span - 1) * stride + taps; u++, at += c->phase->in_step) {
        const bool middle = u >= taps - 1 && u <= (span - 1) * stride;
        if (!middle && !has_column(c->phase, c->column + u)) continue;
        vec pixel = pixel_of(row, at, reading);
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) {
            const int j = u - t * stride;
            if (j < 0 || j >= taps) continue;
            if (r0) sum[0][t] = vec_fma(weight0[j], pixel, sum[0][t]);
            if (r1) sum[1][t] = vec_fma(weight1[j], pixel, sum[1][t]);
        }
    }
}

/* `taps` 0: any, at any stride and dilation. */
TW_INLINED void row_taps(const tw_stencil *s, const span_of_columns *c, const row_of_taps *row,
                         const int span, const int taps, const int stride, const bool r0, const bool r1,
                         const int reading, vec sum[2][SPAN]) {
    if (taps)
        by_pixels(c, row, span, taps, stride, r0, r1, reading, sum);
    else
        by_taps(s, c, row, span, r0, r1, reading, sum);
}

TW_INLINED void store_sums(real *out, int64_t step, const vec bias, const int span, const int used,
                           const bool ramped, const vec top, const bool streams, vec sum[SPAN]) {
#pragma GCC unroll 7
    for (int t = 0; t < span; t++) {
        vec y = vec_add(bias, sum[t]);
        if (ramped) y = vec_ramp(y, top);
        if (streams)
            vec_stream(out + t * step, y);
        else if (used == LANES)
            vec_store(out + t * step, y);
        else
            vec_store_part(out + t * step, y, used);
    }
}

TW_INLINED void store_row(const tw_stencil *s, const span_of_columns *c, int r, int64_t block, const int span,
                          vec sum[SPAN]) {
    const vec bias = vec_load((const real *)s->bias + block * LANES);
    const int64_t step = c->phase->out_step;
    const int used = s->used == LANES || block + 1 < s->blocks ? LANES : s->used;
    real *out = (real *)s->out[r] + c->phase->out_begin + c->q * step + block * LANES;
    const bool streams = is_line() && s->streams;
    if (s->ramp != TW_NO_RAMP && streams)
        store_sums(out, step, bias, span, LANES, true, ramp_top(s->ramp), true, sum);
    else if (s->ramp != TW_NO_RAMP)
        store_sums(out, step, bias, span, used, true, ramp_top(s->ramp), false, sum);
    else if (streams)
        store_sums(out, step, bias, span, LANES, false, vec_zero(), true, sum);
    else if (used == LANES)
        store_sums(out, step, bias, span, LANES, false, vec_zero(), false, sum);
    else
        store_sums(out, step, bias, span, used, false, vec_zero(), false, sum);
}

/* `count` numbers. Inline, or the compiler leaves out the call of a function that changes nothing. */
TW_INLINED void fetch_numbers(const real *from, int64_t count) {
    const uintptr_t begin = (uintptr_t)from;
    for (int64_t i = 0; i < count; i += FETCH_LINE)
        __builtin_prefetch((const void *)(begin + (uintptr_t)i * sizeof(real)));
}

/* For rows that lie far, each block of a span asks for its part of what follows. The next pair of output rows
 * reads the `fetch` rows behind the last one: in memory's order, as the hardware foresees it, and not piece
 * by piece as the spans will. Output rows are asked for so far ahead that all of the next span has been when
 * its first block begins. */
TW_INLINED void fetch_ahead(const tw_stencil *s, const tw_stencil_phase *p, int64_t q, int64_t span,
                            int64_t block) {
    const int64_t in = s->stride * p->in_step * s->fetch, in_part = (span * in + s->blocks - 1) / s->blocks;
    const int64_t out = p->out_step, out_part = (span * out + s->blocks - 1) / s->blocks;
    if (s->count > 0 && s->source[s->count - 1].in)
        fetch_numbers((const real *)s->source[s->count - 1].in + p->width * p->in_step + q * in +
                          block * in_part,
                      in_part);
    for (int r = 0; r < s->rows && !s->streams; r++)
        fetch_numbers((const real *)s->out[r] + (q + span) * out + block * out_part + FETCH_AHEAD, out_part);
}

/* Adds one source row to one or two neighbouring blocks of a span; `r0` and `r1`: which output rows read it.
 */
TW_INLINED void add_source(const tw_stencil *s, const span_of_columns *c, const tw_stencil_row *from,
                           int64_t block, const int blocks, const int span, const int taps, const int stride,
                           const bool r0, const bool r1, vec sum[2][2][SPAN]) {
    const real *x = (const real *)from->in + c->phase->in_begin + block * LANES;
#pragma GCC unroll 2
    for (int b = 0; b < blocks; b++) {
        const int64_t weights = (block + b) * s->block_weights + c->phase->weights_begin;
        row_of_taps row = {.x = x + b * LANES,
                           .w0 = (const real *)from->weights[r0 ? 0 : 1] + weights,
                           .w1 = (const real *)from->weights[r1 ? 1 : 0] + weights};
        row_taps(s, c, &row, span, taps, stride, r0, r1, EACH_ITS_OWN, sum[b]);
    }
}

/* All of them, each as it may be. `top` and `bottom`: which output rows are summed. */
TW_INLINED void add_sources(const tw_stencil *s, const span_of_columns *c, int64_t block, const int blocks,
                            const int span, const int taps, const int stride, const bool top,
                            const bool bottom, vec sum[2][2][SPAN]) {
    for (int64_t i = 0; i < s->count; i++) {
        const tw_stencil_row *from = &s->source[i];
        if (!from->in) continue;
        const bool r0 = top && from->weights[0], r1 = bottom && from->weights[1];
        if (r0 && r1)
            add_source(s, c, from, block, blocks, span, taps, stride, top, bottom, sum);
        else if (r0)
            add_source(s, c, from, block, blocks, span, taps, stride, true, false, sum);
        else if (r1)
            add_source(s, c, from, block, blocks, span, taps, stride, false, true, sum);
    }
}

/* The same where it is known (is_square) which output rows read them. */
TW_INLINED void add_square(const tw_stencil *s, const span_of_columns *c, int64_t block, const int blocks,
                           const int span, const int taps, const int stride, const bool top,
                           const bool bottom, vec sum[2][2][SPAN]) {
#pragma GCC unroll 5
    for (int i = 0; i < taps + stride; i++) {
        const bool r0 = top && i < taps, r1 = bottom && i >= stride;
        if ((r0 || r1) && s->source[i].in)
            add_source(s, c, &s->source[i], block, blocks, span, taps, stride, r0, r1, sum);
    }
}

TW_INLINED void span_sums(const tw_stencil *s, const span_of_columns *c, int64_t block, const int blocks,
                          const int span, const int taps, const int stride, const bool square, const bool top,
                          const bool bottom) {
    vec sum[2][2][SPAN];
#pragma GCC unroll 2
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) sum[b][0][t] = sum[b][1][t] = vec_zero();
    if (square)
        add_square(s, c, block, blocks, span, taps, stride, top, bottom, sum);
    else
        add_sources(s, c, block, blocks, span, taps, stride, top, bottom, sum);
#pragma GCC unroll 2
    for (int b = 0; b < blocks; b++) {
        if (top) store_row(s, c, 0, block + b, span, sum[b][0]);
        if (bottom && s->rows > 1) store_row(s, c, 1, block + b, span, sum[b][1]);
    }
}

TW_INLINED void span_blocks(const tw_stencil *s, const span_of_columns *c, int64_t block, const int blocks,
                            const int span, const int taps, const int stride, const bool square) {
    if (!row_by_row(taps)) {
        span_sums(s, c, block, blocks, span, taps, stride, square, true, true);
        return;
    }
    span_sums(s, c, block, blocks, span, taps, stride, square, true, false);
    if (s->rows > 1) span_sums(s, c, block, blocks, span, taps, stride, square, false, true);
}

/* Output pixels whose source pixels lie a multiple of 2048 bytes apart: those of one block share a few sets
 * of the first cache, which do not hold what is on its way. There two blocks are summed at once, of three
 * taps, the columns in two parts. On a Zen 5 512 channels of 14x14 pixels in 0.75 of the time, 256 channels
 * with stride 2 in 0.75 to 0.95; 496 and 528 channels in as much as before. Not where rows are fetched ahead:
 * that reads memory in order. */
enum { PAIR_TAPS = 3, PAIR_SPAN = 4, PAIR_PITCH = 2048 / (int)sizeof(real) /* numbers */ };

static inline bool is_paired(const tw_stencil *s, const tw_stencil_phase *p) {
    return STENCIL_SUMS >= 28 && !s->fetch && s->stride * p->in_step % PAIR_PITCH == 0;
}

/* Returns how many blocks, an even number. */
TW_INLINED int64_t span_pairs(const tw_stencil *s, const span_of_columns *c, const int span, const int taps,
                              const int stride, const bool square) {
    const int first = span < PAIR_SPAN ? span : PAIR_SPAN;
    span_of_columns rest = *c;
    rest.q += first, rest.column += first * stride;
    int64_t block = 0;
    for (; block + 2 <= s->blocks; block += 2) {
        span_blocks(s, c, block, 2, first, taps, stride, square);
        if (span > first) span_blocks(s, &rest, block, 2, span - first, taps, stride, square);
    }
    return block;
}

/* All blocks of `c->spans` spans, one behind the other. */
TW_INLINED void span_rows(const tw_stencil *s, const span_of_columns *c, const int span, const int taps,
                          const int stride, const bool square) {
    const bool paired = taps == PAIR_TAPS && is_paired(s, c->phase);
    /* copies of its own: as the compiler sees it, a store may change all others */
    tw_stencil own = *s;
    if (c->phase != s->phases) own.fetch = 0; /* the first phase's loop fetches for all */
    const tw_stencil_phase phase = *c->phase;
    span_of_columns columns = *c;
    columns.phase = &phase;
    s = &own, c = &columns;
    for (int64_t i = 0; i < columns.spans; i++) {
        int64_t block = paired ? span_pairs(s, c, span, taps, stride, square) : 0;
        for (; block < s->blocks; block++) {
            if (s->fetch) fetch_ahead(s, &phase, c->q, span, block);
            span_blocks(s, c, block, 1, span, taps, stride, square);
        }
        if (taps)
            columns.q += span, columns.column += span * stride;
        else
            columns = clip(s, &phase, columns.q + span, span, columns.spans);
    }
}

/* Spans of SPAN / 2 + 1 .. SPAN columns, whose taps by stride are known. */
#define SPAN_ROWS(taps, stride, square)                                                                      \
    TW_KNOWN_TO_7(c->span, span, if (span > SPAN / 2) span_rows(s, c, span, taps, stride, square))

static void taps_1(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(1, 1, false)
}

static void taps_2(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(2, 1, false)
}

static void taps_3(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(3, 1, false)
}

static void taps_5(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(5, 1, false)
}

static void taps_7(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(7, 1, false)
}

static void taps_3_by_2(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(3, 2, false)
}

static void taps_5_by_2(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(5, 2, false)
}

static void square_3(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(3, 1, true)
}

static void square_3_by_2(const tw_stencil *s, const span_of_columns *c) {
    SPAN_ROWS(3, 2, true)
}

/* Two output rows of a kernel with as many rows as columns: which of them read a source row is known before,
 * and the rows' loops become one run of instructions. 64 channels of 56x56 pixels on a Zen 5 in 0.95 of the
 * time. */
static bool is_square(const tw_stencil *s, int64_t taps) {
    bool square = s->rows == 2 && s->count == taps + s->stride;
    for (int64_t i = 0; square && i < s->count; i++) {
        const void *const *weights = s->source[i].weights;
        square = (weights[0] != NULL) == (i < taps) && (weights[1] != NULL) == (i >= s->stride);
    }
    return square;
}

static void any_taps(const tw_stencil *s, const span_of_columns *c) {
    TW_KNOWN_TO_7(c->span, span, span_rows(s, c, span, 0, 0, false))
}

typedef void span_loop(const tw_stencil *s, const span_of_columns *c);

/* The loop that knows a phase's taps; NULL: none. */
static span_loop *known_loop(const tw_stencil *s, const tw_stencil_phase *p) {
    static span_loop *const known[2][FEW_TAPS + 1] = {
        {[1] = taps_1, [2] = taps_2, [3] = taps_3, [5] = taps_5, [7] = taps_7},
        {[3] = taps_3_by_2, [5] = taps_5_by_2},
    };
    const bool usual = p->dilation == 1 && p->taps <= FEW_TAPS && s->stride <= 2;
    return usual && !TW_SMALL_KERNELS ? known[s->stride - 1][p->taps] : NULL;
}

static span_loop *loop_for(const tw_stencil *s, const span_of_columns *c) {
    const tw_stencil_phase *p = c->phase;
    span_loop *found = known_loop(s, p);
    const bool middle =
        c->column + p->taps > 0 && c->column + (c->spans * c->span - 1) * s->stride < p->width;
    if (!found || !middle || c->span <= SPAN / 2) return any_taps;
    if (p->taps == 3 && is_square(s, 3)) return s->stride == 1 ? square_3 : square_3_by_2;
    return found;
}

/* Most columns of a span. 16 registers do not hold two weights beside the sums of two rows of SPAN columns,
 * where all taps go one by one: 31x31 taps with AVX2 on a Zen 5 in 0.6 of the time. */
static int64_t most_columns(const tw_stencil *s) {
    return STENCIL_SUMS >= 28 || known_loop(s, s->phases) ? SPAN : SPAN - 1;
}

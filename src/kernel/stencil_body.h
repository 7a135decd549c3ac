/* The body of the depthwise kernels, included by each file ISA_TYPE.c behind tile_body.h, which names what it
 * needs.
 *
 * Forward, two output rows by up to seven columns are summed at once: 14 sums, a weight and an operand from
 * memory fit into the 16 registers of AVX2, 14 independent chains hide the latency of the multiply-adds, and
 * what is loaded of a source row that both output rows read serves both. Seven divides the widths of the
 * usual networks (7, 14, 28, 56, 112); other widths are cut into even spans. How a row is cut changes no bit:
 * what a tap reads outside is left out for each column by itself. */

enum { SPAN = 7, FEW_TAPS = 7, GRADIENT_ROWS = 4 };

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
    int64_t first, all_first, all_end, end;
} span_of_columns;

static inline span_of_columns clip(const tw_stencil *s, const tw_stencil_phase *p, int64_t q, int64_t span) {
    span_of_columns c = {.phase = p, .q = q, .span = span, .column = q * s->stride + p->shift};
    int64_t last = c.column + (span - 1) * s->stride;
    c.first = least(steps_to(-last, p->dilation), p->taps);
    c.end = least(steps_to(s->width - c.column, p->dilation), p->taps);
    c.all_first = least(steps_to(-c.column, p->dilation), p->taps);
    c.all_end = least(steps_to(s->width - last, p->dilation), p->taps);
    if (c.all_first >= c.all_end) c.all_first = c.all_end = c.end; /* every tap is asked */
    return c;
}

static inline bool has_column(const tw_stencil *s, int64_t column) {
    return (uint64_t)column < (uint64_t)s->width;
}

/* One source row and which output rows read it, `r0` and `r1`, with which weights. */
typedef struct row_of_taps {
    const real *x, *w0, *w1;
} row_of_taps;

/* One tap of a source row: one pixel for each column of the span. `whole`: all of them are inside. */
static inline __attribute__((always_inline)) void one_tap(const tw_stencil *s, const row_of_taps *row,
                                                          int64_t j, int64_t column, const int span,
                                                          const bool whole, const bool r0, const bool r1,
                                                          vec sum[2][SPAN]) {
    vec weight0 = r0 ? vec_load(row->w0 + j * LANES) : vec_zero();
    vec weight1 = r1 ? vec_load(row->w1 + j * LANES) : vec_zero();
    const real *x = row->x + column * s->in_step;
#pragma GCC unroll 7
    for (int t = 0; t < span; t++) {
        if (!whole && !has_column(s, column + t * s->stride)) continue;
        vec pixel = vec_load(x + t * s->stride * s->in_step);
        if (r0) sum[0][t] = vec_fma(weight0, pixel, sum[0][t]);
        if (r1) sum[1][t] = vec_fma(weight1, pixel, sum[1][t]);
    }
}

/* All taps of one source row, tap by tap. */
static inline __attribute__((always_inline)) void by_taps(const tw_stencil *s, const span_of_columns *c,
                                                          const row_of_taps *row, const int span,
                                                          const bool r0, const bool r1, vec sum[2][SPAN]) {
    const int64_t hop = c->phase->dilation;
    for (int64_t j = c->first; j < c->end;) {
        for (; j >= c->all_first && j < c->all_end; j++)
            one_tap(s, row, j, c->column + j * hop, span, true, r0, r1, sum);
        if (j < c->end) one_tap(s, row, j, c->column + j * hop, span, false, r0, r1, sum);
        j++;
    }
}

/* The same for few neighbouring taps, pixel by pixel: the weights stay in registers, and each pixel is loaded
 * once for all taps that it meets. */
static inline __attribute__((always_inline)) void by_pixels(const tw_stencil *s, const span_of_columns *c,
                                                            const row_of_taps *row, const int span,
                                                            const int taps, const int stride, const bool r0,
                                                            const bool r1, vec sum[2][SPAN]) {
    vec weight0[FEW_TAPS], weight1[FEW_TAPS];
#pragma GCC unroll 7
    for (int j = 0; j < taps; j++) {
        weight0[j] = r0 ? vec_load(row->w0 + j * LANES) : vec_zero();
        weight1[j] = r1 ? vec_load(row->w1 + j * LANES) : vec_zero();
    }
    int64_t at = c->column * s->in_step;
#pragma GCC unroll 17
    for (int u = 0; u < (span - 1) * stride + taps; u++, at += s->in_step) {
        if (!has_column(s, c->column + u)) continue;
        vec pixel = vec_load(row->x + at);
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
static inline __attribute__((always_inline)) void row_taps(const tw_stencil *s, const span_of_columns *c,
                                                           const row_of_taps *row, const int span,
                                                           const int taps, const int stride, const bool r0,
                                                           const bool r1, vec sum[2][SPAN]) {
    if (taps)
        by_pixels(s, c, row, span, taps, stride, r0, r1, sum);
    else
        by_taps(s, c, row, span, r0, r1, sum);
}

static inline __attribute__((always_inline)) void store_row(const tw_stencil *s, const span_of_columns *c,
                                                            int r, int64_t block, const int span,
                                                            vec sum[SPAN]) {
    vec bias = vec_load((const real *)s->bias + block * LANES);
    real *out = (real *)s->out[r] + c->phase->out_begin + c->q * s->out_step + block * LANES;
#pragma GCC unroll 7
    for (int t = 0; t < span; t++, out += s->out_step) {
        if (s->used == LANES)
            vec_store(out, vec_add(bias, sum[t]));
        else
            vec_store_part(out, vec_add(bias, sum[t]), s->used);
    }
}

static inline __attribute__((always_inline)) void span_rows(const tw_stencil *s, const span_of_columns *c,
                                                            const int span, const int taps,
                                                            const int stride) {
    for (int64_t block = 0; block < s->blocks; block++) {
        vec sum[2][SPAN];
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) sum[0][t] = sum[1][t] = vec_zero();
        const int64_t weights = block * s->block_weights + c->phase->weights_begin;
        for (int64_t i = 0; i < s->count; i++) {
            const tw_stencil_row *from = &s->source[i];
            const real *w0 = from->weights[0], *w1 = from->weights[1];
            row_of_taps row = {(const real *)from->in + block * LANES, (w0 ? w0 : w1) + weights,
                               (w1 ? w1 : w0) + weights};
            if (w0 && w1)
                row_taps(s, c, &row, span, taps, stride, true, true, sum);
            else if (w0)
                row_taps(s, c, &row, span, taps, stride, true, false, sum);
            else
                row_taps(s, c, &row, span, taps, stride, false, true, sum);
        }
        store_row(s, c, 0, block, span, sum[0]);
        if (s->rows > 1) store_row(s, c, 1, block, span, sum[1]);
    }
}

/* Spans of SPAN / 2 + 1 .. SPAN columns, whose taps by stride are known: each becomes a loop of its own. */
static inline __attribute__((always_inline)) void known_taps(const tw_stencil *s, const span_of_columns *c,
                                                             const int taps, const int stride) {
    switch (c->span) {
    case 4: span_rows(s, c, 4, taps, stride); break;
    case 5: span_rows(s, c, 5, taps, stride); break;
    case 6: span_rows(s, c, 6, taps, stride); break;
    default: span_rows(s, c, SPAN, taps, stride); break;
    }
}

static void taps_1(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 1, 1);
}

static void taps_2(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 2, 1);
}

static void taps_3(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 3, 1);
}

static void taps_5(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 5, 1);
}

static void taps_7(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 7, 1);
}

static void taps_3_by_2(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 3, 2);
}

static void taps_5_by_2(const tw_stencil *s, const span_of_columns *c) {
    known_taps(s, c, 5, 2);
}

static void any_taps(const tw_stencil *s, const span_of_columns *c) {
    switch (c->span) {
    case 1: span_rows(s, c, 1, 0, 0); break;
    case 2: span_rows(s, c, 2, 0, 0); break;
    case 3: span_rows(s, c, 3, 0, 0); break;
    default: known_taps(s, c, 0, 0); break;
    }
}

typedef void span_loop(const tw_stencil *s, const span_of_columns *c);

static span_loop *loop_for(const tw_stencil *s, const span_of_columns *c) {
    static span_loop *const known[2][FEW_TAPS + 1] = {
        {[1] = taps_1, [2] = taps_2, [3] = taps_3, [5] = taps_5, [7] = taps_7},
        {[3] = taps_3_by_2, [5] = taps_5_by_2},
    };
    const tw_stencil_phase *p = c->phase;
    if (c->span <= SPAN / 2 || p->dilation != 1 || p->taps > FEW_TAPS || s->stride > 2) return any_taps;
    span_loop *found = known[s->stride - 1][p->taps];
    return found ? found : any_taps;
}

/* Span after span, so that what all phases and blocks read of a row lies together. */
static void apply(const tw_stencil *s) {
    const int64_t columns = s->phases[0].columns; /* other phases have as many, or one less */
    int64_t q = 0;
    for (int64_t span; q < columns; q += span) {
        span = even_piece(columns - q, SPAN);
        for (int64_t p = 0; p < s->phase_count; p++) {
            int64_t here = least(span, s->phases[p].columns - q);
            if (here <= 0) continue;
            span_of_columns c = clip(s, &s->phases[p], q, here);
            loop_for(s, &c)(s, &c);
        }
    }
}

/* ---- The weights' gradient. Some rows of taps by some taps are summed at once, all over the lines: as many
 * as registers hold. */

/* Up to SPAN taps from `tap` on, and the columns at which some of them, or all, read inside. */
typedef struct span_of_taps {
    int64_t row, tap;
    int64_t first, all_first, all_end, end;
} span_of_taps;

static inline void clip_columns(const tw_stencil_gradient *g, int64_t taps, span_of_taps *c) {
    int64_t column = g->shift + c->tap * g->dilation, last = column + (taps - 1) * g->dilation;
    c->first = least(steps_to(-last, g->stride), g->columns);
    c->end = least(steps_to(g->width - column, g->stride), g->columns);
    c->all_first = least(steps_to(-column, g->stride), g->columns);
    c->all_end = least(steps_to(g->width - last, g->stride), g->columns);
    if (c->all_first >= c->all_end) c->all_first = c->all_end = c->end; /* every tap is asked */
}

/* One row of dy. Columns where a tap reads outside, and lines where a row of taps does, are asked for each.
 */
static inline __attribute__((always_inline)) void gradient_line(const tw_stencil_gradient *g,
                                                                const tw_stencil_line *line, int64_t block,
                                                                const span_of_taps *c, const int rows,
                                                                const int taps,
                                                                vec sum[GRADIENT_ROWS][SPAN]) {
    const int64_t hop = g->dilation * g->in_step, step = g->stride * g->in_step;
    const real *dy = (const real *)line->dy + block * LANES, *x[GRADIENT_ROWS];
    bool whole = true;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
        x[r] = line->in[c->row + r];
        whole = whole && x[r];
    }
    int64_t column = c->first * g->stride + g->shift + c->tap * g->dilation;
    int64_t at = column * g->in_step + block * LANES;
    for (int64_t q = c->first; q < c->end;) {
        for (; whole && q >= c->all_first && q < c->all_end; q++, column += g->stride, at += step) {
            vec d = vec_load(dy + q * g->dy_step);
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
                for (int t = 0; t < taps; t++)
                    sum[r][t] = vec_fma(d, vec_load(x[r] + at + t * hop), sum[r][t]);
        }
        if (q >= c->end) break;
        vec d = vec_load(dy + q * g->dy_step);
#pragma GCC unroll 7
        for (int t = 0; t < taps; t++) {
            if ((uint64_t)(column + t * g->dilation) >= (uint64_t)g->width) continue;
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                if (x[r]) sum[r][t] = vec_fma(d, vec_load(x[r] + at + t * hop), sum[r][t]);
        }
        q++, column += g->stride, at += step;
    }
}

static inline __attribute__((always_inline)) void gradient_span(const tw_stencil_gradient *g, int64_t block,
                                                                const span_of_taps *c, const int rows,
                                                                const int taps) {
    vec sum[GRADIENT_ROWS][SPAN];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < taps; t++) sum[r][t] = vec_zero();
    for (int64_t i = 0; i < g->count; i++) gradient_line(g, &g->lines[i], block, c, rows, taps, sum);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < taps; t++) {
            real *total = (real *)g->sum + ((block * g->rows + c->row + r) * g->taps + c->tap + t) * LANES;
            vec_store(total, vec_add(vec_load(total), sum[r][t]));
        }
}

static inline __attribute__((always_inline)) void gradient_taps(const tw_stencil_gradient *g, int64_t block,
                                                                const span_of_taps *c, const int taps,
                                                                int64_t rows) {
    switch (rows) {
    case 1: gradient_span(g, block, c, 1, taps); break;
    case 2: gradient_span(g, block, c, 2, taps); break;
    case 3: gradient_span(g, block, c, 3, taps); break;
    default: gradient_span(g, block, c, GRADIENT_ROWS, taps); break;
    }
}

static void gradient_block(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c, int64_t rows,
                           int64_t taps) {
    switch (taps) {
    case 1: gradient_taps(g, block, c, 1, rows); break;
    case 2: gradient_taps(g, block, c, 2, rows); break;
    case 3: gradient_taps(g, block, c, 3, rows); break;
    case 4: gradient_taps(g, block, c, 4, rows); break;
    case 5: gradient_taps(g, block, c, 5, rows); break;
    case 6: gradient_taps(g, block, c, 6, rows); break;
    default: gradient_taps(g, block, c, SPAN, rows); break;
    }
}

static void by_lines(const tw_stencil_gradient *g) {
    span_of_taps c = {0};
    for (int64_t taps; c.tap < g->taps; c.tap += taps) {
        taps = even_piece(g->taps - c.tap, SPAN);
        clip_columns(g, taps, &c);
        const int64_t most = least(GRADIENT_ROWS, STENCIL_SUMS / taps);
        int64_t rows;
        for (c.row = 0; c.row < g->rows; c.row += rows) {
            rows = even_piece(g->rows - c.row, most);
            for (int64_t block = 0; block < g->blocks; block++) gradient_block(g, block, &c, rows, taps);
        }
    }
}

/* ---- The same for 3 taps a row, column by column down some lines that share their rows: each pixel is
 * loaded once for all rows of taps that it meets, and from farther than the first cache once at all. */

enum { TAPS_3 = 3, MOST_SHARED = 2 * (TW_STENCIL_LINES - 1) + 3 };

/* The lines' rows of dy, and all rows of x that they read, for one block. */
typedef struct shared_lines {
    const real *dy[TW_STENCIL_LINES], *x[MOST_SHARED];
} shared_lines;

/* Columns from .. end - 1 are a chain. */
typedef struct column_range {
    int64_t from, end;
} column_range;

static inline __attribute__((always_inline)) void shared_column(const tw_stencil_gradient *g,
                                                                const shared_lines *in, int64_t q,
                                                                const int lines, const int rows,
                                                                const int step, const bool whole,
                                                                vec sum[3][TAPS_3]) {
    const int64_t column = q * g->stride + g->shift, at = column * g->in_step;
    vec dy[TW_STENCIL_LINES];
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) dy[i] = vec_load(in->dy[i] + q * g->dy_step);
#pragma GCC unroll 9
    for (int k = 0; k < (lines - 1) * step + rows; k++) {
        if (!in->x[k]) continue;
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) {
            if (!whole && (uint64_t)(column + t * g->dilation) >= (uint64_t)g->width) continue;
            vec pixel = vec_load(in->x[k] + at + t * g->dilation * g->in_step);
#pragma GCC unroll 4
            for (int i = 0; i < lines; i++) {
                const int r = k - i * step;
                if (r >= 0 && r < rows) sum[r][t] = vec_fma(dy[i], pixel, sum[r][t]);
            }
        }
    }
}

static inline __attribute__((always_inline)) void shared_range(const tw_stencil_gradient *g,
                                                               const shared_lines *in, column_range range,
                                                               const span_of_taps *c, real *total,
                                                               const int lines, const int rows,
                                                               const int step) {
    vec sum[3][TAPS_3];
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) sum[r][t] = vec_zero();
    for (int64_t q = range.from; q < range.end; q++) {
        for (; q >= c->all_first && q < least(c->all_end, range.end); q++)
            shared_column(g, in, q, lines, rows, step, true, sum);
        if (q < range.end) shared_column(g, in, q, lines, rows, step, false, sum);
    }
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) {
            real *to = total + (r * TAPS_3 + t) * LANES;
            vec_store(to, vec_add(vec_load(to), sum[r][t]));
        }
}

static inline __attribute__((always_inline)) void shared_rows(const tw_stencil_gradient *g,
                                                              const shared_lines *in, column_range range,
                                                              const span_of_taps *c, real *total,
                                                              const int rows, const int step) {
    switch (g->count) {
    case 1: shared_range(g, in, range, c, total, 1, rows, step); break;
    case 2: shared_range(g, in, range, c, total, 2, rows, step); break;
    case 3: shared_range(g, in, range, c, total, 3, rows, step); break;
    default: shared_range(g, in, range, c, total, TW_STENCIL_LINES, rows, step); break;
    }
}

static void shared_block(const tw_stencil_gradient *g, int64_t block, int64_t row, column_range range,
                         const span_of_taps *c) {
    const int rows = g->rows % 3 ? 1 : 3, step = rows == 1 ? 1 : (int)g->row_step;
    shared_lines in = {0};
    for (int64_t i = 0; i < g->count; i++) {
        in.dy[i] = (const real *)g->lines[i].dy + block * LANES;
        for (int r = 0; r < rows; r++) {
            const real *x = g->lines[i].in[row + r];
            in.x[i * step + r] = x ? x + block * LANES : NULL;
        }
    }
    real *total = (real *)g->sum + (block * g->rows + row) * TAPS_3 * LANES;
    if (rows == 1)
        shared_rows(g, &in, range, c, total, 1, 1);
    else if (step == 1)
        shared_rows(g, &in, range, c, total, 3, 1);
    else
        shared_rows(g, &in, range, c, total, 3, 2);
}

static void by_columns(const tw_stencil_gradient *g) {
    span_of_taps c = {0};
    clip_columns(g, TAPS_3, &c);
    for (int64_t from = 0; from < g->columns; from += TW_STENCIL_COLUMNS) {
        const column_range range = {from, least(from + TW_STENCIL_COLUMNS, g->columns)};
        for (int64_t block = 0; block < g->blocks; block++)
            for (int64_t row = 0; row < g->rows; row += g->rows % 3 ? 1 : 3)
                shared_block(g, block, row, range, &c);
    }
}

static void gradient(const tw_stencil_gradient *g) {
    if (g->row_step)
        by_columns(g);
    else
        by_lines(g);
}

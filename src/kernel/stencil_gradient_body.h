/* The body of the depthwise weights' gradient, included by each file ISA_TYPE.c behind stencil_body.h.
 *
 * Some rows of taps by some taps are summed at once, all over the lines: as many as registers hold. */

enum { GRADIENT_ROWS = 4 };

/* Up to SPAN taps from `tap` on, and the columns at which some of them, or all, read inside. */
typedef struct span_of_taps {
    int64_t row, tap;
    int64_t first, all_first, all_end, end;
} span_of_taps;

static inline int64_t within(int64_t i, int64_t from, int64_t end) {
    return i < from ? from : least(i, end);
}

static inline void clip_columns(const tw_stencil_gradient *g, int64_t taps, int64_t from, int64_t end,
                                span_of_taps *c) {
    int64_t column = g->shift + c->tap * g->dilation, last = column + (taps - 1) * g->dilation;
    c->first = within(steps_to(-last, g->stride), from, end);
    c->end = within(steps_to(g->width - column, g->stride), from, end);
    c->all_first = within(steps_to(-column, g->stride), from, end);
    c->all_end = within(steps_to(g->width - last, g->stride), from, end);
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

/* Columns from .. end - 1 of all lines, for all taps. */
static void by_lines(const tw_stencil_gradient *g, int64_t from, int64_t end) {
    span_of_taps c = {0};
    for (int64_t taps; c.tap < g->taps; c.tap += taps) {
        taps = even_piece(g->taps - c.tap, SPAN);
        clip_columns(g, taps, from, end, &c);
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
                                                               const shared_lines *in, const span_of_taps *c,
                                                               real *total, const int lines, const int rows,
                                                               const int step) {
    vec sum[3][TAPS_3];
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) sum[r][t] = vec_zero();
    for (int64_t q = c->first; q < c->end; q++) {
        for (; q >= c->all_first && q < c->all_end; q++)
            shared_column(g, in, q, lines, rows, step, true, sum);
        if (q < c->end) shared_column(g, in, q, lines, rows, step, false, sum);
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
                                                              const shared_lines *in, const span_of_taps *c,
                                                              real *total, const int rows, const int step) {
    switch (g->count) {
    case 1: shared_range(g, in, c, total, 1, rows, step); break;
    case 2: shared_range(g, in, c, total, 2, rows, step); break;
    case 3: shared_range(g, in, c, total, 3, rows, step); break;
    default: shared_range(g, in, c, total, TW_STENCIL_LINES, rows, step); break;
    }
}

static void shared_block(const tw_stencil_gradient *g, int64_t block, int64_t row, const span_of_taps *c) {
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
        shared_rows(g, &in, c, total, 1, 1);
    else if (step == 1)
        shared_rows(g, &in, c, total, 3, 1);
    else
        shared_rows(g, &in, c, total, 3, 2);
}

static void by_columns(const tw_stencil_gradient *g, int64_t from, int64_t end) {
    span_of_taps c = {0};
    clip_columns(g, TAPS_3, from, end, &c);
    for (int64_t block = 0; block < g->blocks; block++)
        for (int64_t row = 0; row < g->rows; row += g->rows % 3 ? 1 : 3) shared_block(g, block, row, &c);
}

/* Chains are cut at fixed columns: long ones would err more, and leave the first cache before they return. */
static void gradient(const tw_stencil_gradient *g) {
    const int64_t chain = g->row_step ? TW_STENCIL_COLUMNS : TW_STENCIL_CHAIN;
    for (int64_t from = 0; from < g->columns; from += chain) {
        int64_t end = least(from + chain, g->columns);
        if (g->row_step)
            by_columns(g, from, end);
        else
            by_lines(g, from, end);
    }
}

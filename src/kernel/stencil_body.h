/* The body of the depthwise kernels, included by each file ISA_TYPE.c behind tile_body.h, which names what it
 * needs.
 *
 * Two output rows by seven columns are summed at once: 14 sums, a weight and an operand from memory fit into
 * the 16 registers of AVX2, 14 independent chains hide the latency of the multiply-adds, and each weight is
 * loaded once for 14 of them. Seven divides the widths of the usual networks (7, 14, 28, 56, 112). The tile
 * is the same on every instruction set, because it decides which zeros beyond the borders are multiplied. */

enum { SPAN = 7 };

static void stage(const tw_stage *s) {
    real *out = s->out;
    const real *in = (const real *)s->in + s->first * s->stride;
    if (s->stride == 1 && s->repeat == 1 && s->used == LANES) {
        for (int64_t p = 0; p < s->pixels; p++) vec_store(out + p * LANES, vec_load(in + p * s->step));
        return;
    }
    int64_t source[LANES];
    for (int l = 0; l < LANES; l++) source[l] = l < s->used ? (s->first + l) / s->repeat * s->stride : -1;
    in = s->in;
    for (int64_t p = 0; p < s->pixels; p++)
        for (int l = 0; l < LANES; l++) out[p * LANES + l] = source[l] < 0 ? 0 : in[p * s->step + source[l]];
}

/* The taps j in first .. end - 1 that read inside for at least one of `span` columns from q on. */
static inline void clip_taps(const tw_stencil *s, int64_t q, int span, int64_t *first, int64_t *end) {
    int64_t missing = s->inside_first - (q + span - 1) * s->stride, left = s->inside_end - q * s->stride;
    *first = missing <= 0 ? 0 : s->dilation == 1 ? missing : (missing + s->dilation - 1) / s->dilation;
    *end = left <= 0 ? 0 : s->dilation == 1 ? left : (left + s->dilation - 1) / s->dilation;
    if (*end > s->taps) *end = s->taps;
}

static inline __attribute__((always_inline)) void span_rows(const tw_stencil *s, int64_t q, const int rows,
                                                            const int span) {
    vec sum[2][SPAN];
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) sum[r][t] = vec_zero();
    int64_t first, end;
    clip_taps(s, q, span, &first, &end);
    const int64_t step = s->stride * LANES, hop = s->dilation * LANES, begin = s->in_begin + q * step;
    for (int64_t i = 0; i < s->count; i++) {
        const tw_stencil_row *row = &s->taps_of_rows[i];
        const real *w = (const real *)row->weights + s->weights_begin + first * LANES;
        const real *x0 = (const real *)row->in[0] + begin + first * hop;
        const real *x1 = rows > 1 ? (const real *)row->in[1] + begin + first * hop : x0;
        for (int64_t j = first; j < end; j++, w += LANES, x0 += hop, x1 += hop) {
            vec weight = vec_load(w);
#pragma GCC unroll 7
            for (int t = 0; t < span; t++) {
                sum[0][t] = vec_fma(weight, vec_load(x0 + t * step), sum[0][t]);
                if (rows > 1) sum[1][t] = vec_fma(weight, vec_load(x1 + t * step), sum[1][t]);
            }
        }
    }
    vec bias = vec_load(s->bias);
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) {
            real *out = (real *)s->out[r] + (q + t) * s->out_step;
            if (s->used == LANES)
                vec_store(out, vec_add(bias, sum[r][t]));
            else
                vec_store_part(out, vec_add(bias, sum[r][t]), s->used);
        }
}

/* `span` is 1 .. SPAN: each becomes a loop of its own. */
static inline __attribute__((always_inline)) void span_of(const tw_stencil *s, int64_t q, const int rows,
                                                          int64_t span) {
    switch (span) {
    case 1: span_rows(s, q, rows, 1); break;
    case 2: span_rows(s, q, rows, 2); break;
    case 3: span_rows(s, q, rows, 3); break;
    case 4: span_rows(s, q, rows, 4); break;
    case 5: span_rows(s, q, rows, 5); break;
    case 6: span_rows(s, q, rows, 6); break;
    default: span_rows(s, q, rows, SPAN); break;
    }
}

static void span_1(const tw_stencil *s, int64_t q, int64_t span) {
    span_of(s, q, 1, span);
}

static void span_2(const tw_stencil *s, int64_t q, int64_t span) {
    span_of(s, q, 2, span);
}

/* Whether no column of the span reads outside with any tap. */
static inline bool is_interior(const tw_stencil *s, int64_t q, int64_t span) {
    return q * s->stride >= s->inside_first &&
           (q + span - 1) * s->stride + (s->taps - 1) * s->dilation < s->inside_end;
}

static void apply(const tw_stencil *s) {
    void (*sum)(const tw_stencil *, int64_t, int64_t) = s->rows > 1 ? span_2 : span_1;
    for (int64_t q = 0; q < s->columns; q += SPAN) {
        int64_t span = s->columns - q < SPAN ? s->columns - q : SPAN;
        if (!s->exact || is_interior(s, q, span))
            sum(s, q, span);
        else
            for (int64_t t = 0; t < span; t++) sum(s, q + t, 1);
    }
}

/* Columns first .. end - 1 whose staged column for tap j lies inside. */
static inline void clip_columns(const tw_stencil_gradient *g, int64_t j, int64_t *first, int64_t *end) {
    int64_t shift = j * g->dilation, s = g->stride;
    *first = shift >= g->inside_first ? 0 : (g->inside_first - shift + s - 1) / s;
    *end = shift >= g->inside_end ? 0 : (g->inside_end - shift + s - 1) / s;
    if (*end > g->columns) *end = g->columns;
    if (*first > *end) *first = *end;
}

/* `span` taps from j on: their sums stay in registers over all lines. Between `all_first` and `all_end` every
 * tap reads inside; before and after, each tap is asked. */
static inline __attribute__((always_inline)) void gradient_span(const tw_stencil_gradient *g, int64_t j,
                                                                const int rows, const int span) {
    vec sum[2][SPAN];
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) sum[r][t] = vec_zero();
    int64_t first[SPAN], end[SPAN], all_first = 0, all_end = g->columns;
    for (int t = 0; t < span; t++) {
        clip_columns(g, j + t, &first[t], &end[t]);
        if (first[t] > all_first) all_first = first[t];
        if (end[t] < all_end) all_end = end[t];
    }
    if (all_end < all_first) all_end = all_first;
    const int64_t step = g->stride * LANES, hop = g->dilation * LANES;
    for (int64_t i = 0; i < g->count; i++) {
        const tw_stencil_line *line = &g->lines[i];
        const real *dy = line->dy;
        bool has0 = line->in[0], has1 = rows > 1 && line->in[1];
        const real *x0 = has0 ? (const real *)line->in[0] + j * hop : dy;
        const real *x1 = has1 ? (const real *)line->in[1] + j * hop : dy;
        for (int64_t q = 0; q < g->columns; q++) {
            vec d = vec_load(dy + q * LANES);
            bool inner = q >= all_first && q < all_end;
            if (inner && has0 && (rows == 1 || has1)) {
#pragma GCC unroll 7
                for (int t = 0; t < span; t++) {
                    sum[0][t] = vec_fma(d, vec_load(x0 + q * step + t * hop), sum[0][t]);
                    if (rows > 1) sum[1][t] = vec_fma(d, vec_load(x1 + q * step + t * hop), sum[1][t]);
                }
                continue;
            }
#pragma GCC unroll 7
            for (int t = 0; t < span; t++) {
                if (q < first[t] || q >= end[t]) continue;
                if (has0) sum[0][t] = vec_fma(d, vec_load(x0 + q * step + t * hop), sum[0][t]);
                if (has1) sum[1][t] = vec_fma(d, vec_load(x1 + q * step + t * hop), sum[1][t]);
            }
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) {
            real *total = (real *)g->sum[r] + (j + t) * LANES;
            vec_store(total, vec_add(vec_load(total), sum[r][t]));
        }
}

static inline __attribute__((always_inline)) void gradient_rows(const tw_stencil_gradient *g,
                                                                const int rows) {
    int64_t j = 0;
    for (; j + SPAN <= g->taps; j += SPAN) gradient_span(g, j, rows, SPAN);
    switch (g->taps - j) {
    case 1: gradient_span(g, j, rows, 1); break;
    case 2: gradient_span(g, j, rows, 2); break;
    case 3: gradient_span(g, j, rows, 3); break;
    case 4: gradient_span(g, j, rows, 4); break;
    case 5: gradient_span(g, j, rows, 5); break;
    case 6: gradient_span(g, j, rows, 6); break;
    default: break;
    }
}

static void gradient(const tw_stencil_gradient *g) {
    if (g->rows > 1)
        gradient_rows(g, 2);
    else
        gradient_rows(g, 1);
}

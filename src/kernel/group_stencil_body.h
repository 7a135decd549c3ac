/* The body of the loops for groups of few channels, included by each file ISA_TYPE.c behind stencil_body.h.
 *
 * Lanes are output channels, of several groups where a group is narrower than a vector. For each channel that
 * a group reads, the lanes of a vector of pixels are permuted so that each holds the one of its own group;
 * the rest is a stencil, whose loops these are: each permuted pixel serves all the taps that it meets. */

/* Adds `channels` channels of one source row. */
TW_INLINED void spread_row(const tw_stencil_groups *g, const span_of_columns *c, row_of_taps row,
                           const tw_stencil_spread *spread, const int span, const int taps, const int stride,
                           const bool r0, const bool r1, const int reading, vec sum[2][SPAN]) {
    const real *x = row.x;
    const int64_t weights = c->phase->taps * LANES;
    for (int64_t k = 0; k < g->channels; k++, row.w0 += weights, row.w1 += weights) {
        row.x = x + spread[k].begin;
        if (reading == PICKED) row.pick = vec_picks(spread[k].lane);
        row_taps(&g->of, c, &row, span, taps, stride, r0, r1, reading, sum);
    }
}

TW_INLINED void store_spread(const tw_stencil_groups *g, const span_of_columns *c, int r,
                             const tw_stencil_block *block, const int span, vec sum[SPAN]) {
    const real *bias = g->of.bias;
    const int64_t step = c->phase->out_step;
    real *out = (real *)g->of.out[r] + c->phase->out_begin + c->q * step + block->out;
    if (is_line() && g->of.streams) {
        const vec start = vec_load(bias + block->out);
#pragma GCC unroll 7
        for (int t = 0; t < span; t++) vec_stream(out + t * step, vec_add(start, sum[t]));
        return;
    }
#pragma GCC unroll 7
    for (int t = 0; t < span; t++, out += step) {
        const real *start = bias ? bias + block->out : out;
        if (block->used == LANES)
            vec_store(out, vec_add(vec_load(start), sum[t]));
        else
            vec_store_part(out, vec_add(vec_load_part(start, block->used), sum[t]), block->used);
    }
}

/* `top` and `bottom`: which output rows are summed. */
TW_INLINED void sum_block(const tw_stencil_groups *g, const span_of_columns *c, const tw_stencil_block *block,
                          const int span, const int taps, const int stride, const int reading, const bool top,
                          const bool bottom, vec sum[2][SPAN]) {
    const int64_t weights = block->weights + g->channels * c->phase->weights_begin;
    for (int64_t i = 0; i < g->of.count; i++) {
        const tw_stencil_row *from = &g->of.source[i];
        const real *w0 = top ? from->weights[0] : NULL, *w1 = bottom ? from->weights[1] : NULL;
        if (!w0 && !w1) continue;
        const row_of_taps row = {.x = (const real *)from->in + c->phase->in_begin,
                                 .w0 = (w0 ? w0 : w1) + weights,
                                 .w1 = (w1 ? w1 : w0) + weights};
        if (w0 && w1)
            spread_row(g, c, row, block->spread, span, taps, stride, top, bottom, reading, sum);
        else if (w0)
            spread_row(g, c, row, block->spread, span, taps, stride, true, false, reading, sum);
        else
            spread_row(g, c, row, block->spread, span, taps, stride, false, true, reading, sum);
    }
}

TW_INLINED void grouped_rows(const tw_stencil_groups *g, const span_of_columns *c,
                             const tw_stencil_block *block, const int span, const int taps, const int stride,
                             const bool top, const bool bottom) {
    vec sum[2][SPAN];
#pragma GCC unroll 7
    for (int t = 0; t < span; t++) sum[0][t] = sum[1][t] = vec_zero();
    if (g->picked)
        sum_block(g, c, block, span, taps, stride, PICKED, top, bottom, sum);
    else
        sum_block(g, c, block, span, taps, stride, THE_SAME, top, bottom, sum);
    if (top) store_spread(g, c, 0, block, span, sum[0]);
    if (bottom && g->of.rows > 1) store_spread(g, c, 1, block, span, sum[1]);
}

/* Out of line: the loops that do not fetch are a twentieth slower otherwise. The first phase's loop fetches
 * for all. */
__attribute__((noinline)) static void fetch_for_groups(const tw_stencil_groups *g, const span_of_columns *c,
                                                       int64_t span, int64_t block) {
    __asm__ volatile(""); /* or the call of a function that changes nothing is left out */
    if (c->phase == g->of.phases) fetch_ahead(&g->of, c->phase, c->q, span, block);
}

TW_INLINED void grouped_span(const tw_stencil_groups *g, const span_of_columns *c, const int span,
                             const int taps, const int stride) {
    for (const tw_stencil_block *block = g->block; block < g->block + g->of.blocks; block++) {
        if (g->of.fetch) fetch_for_groups(g, c, span, block - g->block);
        if (!row_by_row(taps + 1)) { /* what is permuted, and how, takes registers as one more tap does */
            grouped_rows(g, c, block, span, taps, stride, true, true);
            continue;
        }
        grouped_rows(g, c, block, span, taps, stride, true, false);
        if (g->of.rows > 1) grouped_rows(g, c, block, span, taps, stride, false, true);
    }
}

#define GROUPED_SPAN(taps, stride)                                                                           \
    TW_KNOWN_TO_7(c->span, span, if (span > SPAN / 2) grouped_span(g, c, span, taps, stride))

static void grouped_1(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(1, 1)
}

static void grouped_2(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(2, 1)
}

static void grouped_3(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(3, 1)
}

static void grouped_5(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(5, 1)
}

static void grouped_3_by_2(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(3, 2)
}

static void grouped_5_by_2(const tw_stencil_groups *g, const span_of_columns *c) {
    GROUPED_SPAN(5, 2)
}

static void grouped_any(const tw_stencil_groups *g, const span_of_columns *c) {
    TW_KNOWN_TO_7(c->span, span, if (!TW_SMALL_KERNELS || span == 1) grouped_span(g, c, span, 0, 0))
}

typedef void grouped_loop(const tw_stencil_groups *g, const span_of_columns *c);

static grouped_loop *grouped_loop_for(const tw_stencil_groups *g, const span_of_columns *c) {
    static grouped_loop *const known[2][FEW_TAPS + 1] = {
        {[1] = grouped_1, [2] = grouped_2, [3] = grouped_3, [5] = grouped_5},
        {[3] = grouped_3_by_2, [5] = grouped_5_by_2},
    };
    const tw_stencil_phase *p = c->phase;
    if (TW_SMALL_KERNELS || c->span <= SPAN / 2) return grouped_any;
    if (p->dilation != 1 || p->taps > FEW_TAPS || g->of.stride > 2) return grouped_any;
    bool middle = c->column + p->taps > 0 && c->column + (c->span - 1) * g->of.stride < p->width;
    if (!middle) return grouped_any;
    grouped_loop *found = known[g->of.stride - 1][p->taps];
    return found ? found : grouped_any;
}

/* Span after span, so that what all phases and blocks read of a row lies together. */
static void groups(const tw_stencil_groups *g) {
    const tw_stencil *s = &g->of;
    int64_t columns = 0;
    for (int64_t p = 0; p < s->phase_count; p++)
        if (columns < s->phases[p].columns) columns = s->phases[p].columns;
    for (int64_t q = 0, span; q < columns; q += span) {
        span = TW_SMALL_KERNELS ? 1 : even_piece(columns - q, SPAN);
        for (int64_t p = 0; p < s->phase_count; p++) {
            int64_t here = least(span, s->phases[p].columns - q);
            if (here <= 0) continue;
            span_of_columns c = clip(s, &s->phases[p], q, here, 1);
            grouped_loop_for(g, &c)(g, &c);
        }
    }
}

/* The body of depthwise sweeps over rows of several phases, included by each file ISA_TYPE.c behind
 * stencil_body.h.
 *
 * Backward data with stride 2 has two phases of columns that read the same pixels with taps of their own:
 * both are summed at once, so that a pixel is loaded once for all of them, and stores go along the row. Two
 * phases by PAIRED columns of one row: sums and weights stay in registers, which two rows would not. Only for
 * the usual kernels; what is left goes phase by phase. */

enum { PAIRED = STENCIL_SUMS >= 28 ? 7 : 4 };

/* Taps of the two phases, neighbours; those of the second begin `apart` columns after those of the first. */
typedef struct paired_taps {
    int taps[2], apart;
} paired_taps;

/* Columns that the taps of both meet. */
static inline int paired_reach(paired_taps k) {
    return k.taps[0] > k.apart + k.taps[1] ? k.taps[0] : k.apart + k.taps[1];
}

/* One source row, pixel by pixel. `inside`: so are all of them. */
TW_INLINED void paired_row(const tw_stencil_phase *p, int64_t column, const real *x, const real *weights,
                           const paired_taps k, const bool inside, vec sum[2][SPAN]) {
    const int reach = paired_reach(k);
    vec weight[2][FEW_TAPS];
#pragma GCC unroll 2
    for (int f = 0; f < 2; f++)
#pragma GCC unroll 7
        for (int j = 0; j < k.taps[f]; j++) weight[f][j] = vec_load(weights + p[f].weights_begin + j * LANES);
    int64_t at = column * p->in_step;
#pragma GCC unroll 17
    for (int u = 0; u < PAIRED - 1 + reach; u++, at += p->in_step) {
        const bool middle = inside || (u >= reach - 1 && u <= PAIRED - 1);
        if (!middle && !has_column(p, column + u)) continue;
        vec pixel = vec_load(x + at);
#pragma GCC unroll 7
        for (int t = 0; t < PAIRED; t++)
#pragma GCC unroll 2
            for (int f = 0; f < 2; f++) {
                const int j = u - t - f * k.apart;
                if (j >= 0 && j < k.taps[f]) sum[f][t] = vec_fma(weight[f][j], pixel, sum[f][t]);
            }
    }
}

TW_INLINED void store_paired(const tw_stencil *s, int64_t q, int r, int64_t block, vec sum[2][SPAN]) {
    const vec bias = vec_load((const real *)s->bias + block * LANES), top = ramp_top(s->ramp);
    const tw_stencil_phase *p = s->phases;
    const int64_t step = p->out_step, apart = p[1].out_begin - p->out_begin;
    const int used = s->used == LANES || block + 1 < s->blocks ? LANES : s->used;
    real *out = (real *)s->out[r] + p->out_begin + q * step + block * LANES;
#pragma GCC unroll 7
    for (int t = 0; t < PAIRED; t++, out += step)
#pragma GCC unroll 2
        for (int f = 0; f < 2; f++) {
            vec y = vec_add(bias, sum[f][t]);
            if (s->ramp != TW_NO_RAMP) y = vec_ramp(y, top);
            if (is_line() && s->streams)
                vec_stream(out + f * apart, y);
            else if (used == LANES)
                vec_store(out + f * apart, y);
            else
                vec_store_part(out + f * apart, y, used);
        }
}

TW_INLINED void paired_span(const tw_stencil *s, int64_t q, const int r, int64_t block, const paired_taps k,
                            const bool inside) {
    const tw_stencil_phase *p = s->phases;
    vec sum[2][SPAN];
#pragma GCC unroll 7
    for (int t = 0; t < PAIRED; t++) sum[0][t] = sum[1][t] = vec_zero();
    for (int64_t i = 0; i < s->count; i++) {
        const tw_stencil_row *from = &s->source[i];
        if (from->in && from->weights[r])
            paired_row(p, q + p->shift, (const real *)from->in + p->in_begin + block * LANES,
                       (const real *)from->weights[r] + block * s->block_weights, k, inside, sum);
    }
    store_paired(s, q, r, block, sum);
}

TW_INLINED void paired_blocks(const tw_stencil *s, int64_t q, const paired_taps k, const bool inside) {
    for (int64_t block = 0; block < s->blocks; block++) {
        if (s->fetch) fetch_ahead(s, s->phases, q, PAIRED, block);
        paired_span(s, q, 0, block, k, inside);
        if (s->rows > 1) paired_span(s, q, 1, block, k, inside);
    }
}

/* The last span overlaps the one before it where columns do not divide: what is computed twice is the same.
 */
TW_INLINED void paired_spans(const tw_stencil *s, int64_t columns, const paired_taps k) {
    /* copies of its own: as the compiler sees it, a store may change all others */
    const tw_stencil_phase p[2] = {s->phases[0], s->phases[1]};
    tw_stencil own = *s;
    own.phases = p;
    for (int64_t i = 0; i < columns; i += PAIRED) {
        const int64_t q = least(i, columns - PAIRED), first = q + p->shift;
        if (first >= 0 && first + PAIRED - 1 + paired_reach(k) <= p->width)
            paired_blocks(&own, q, k, true);
        else
            paired_blocks(&own, q, k, false);
    }
}

/* Kernels of 3 taps padded by 1, of 5 by 2, and by one less. */
static const paired_taps taps_1_2 = {{1, 2}, 0}, taps_3_2 = {{3, 2}, 1}, taps_2_1 = {{2, 1}, 1},
                         taps_2_3 = {{2, 3}, 0};

static void paired_1_2(const tw_stencil *s, int64_t columns) {
    paired_spans(s, columns, taps_1_2);
}

static void paired_3_2(const tw_stencil *s, int64_t columns) {
    paired_spans(s, columns, taps_3_2);
}

static void paired_2_1(const tw_stencil *s, int64_t columns) {
    paired_spans(s, columns, taps_2_1);
}

static void paired_2_3(const tw_stencil *s, int64_t columns) {
    paired_spans(s, columns, taps_2_3);
}

typedef void paired_loop(const tw_stencil *s, int64_t columns);

/* For `columns` of both phases; NULL: none. */
static paired_loop *paired_loop_for(const tw_stencil *s, int64_t columns) {
    static const struct {
        const paired_taps *taps;
        paired_loop *loop;
    } known[] = {
        {&taps_1_2, paired_1_2}, {&taps_3_2, paired_3_2}, {&taps_2_1, paired_2_1}, {&taps_2_3, paired_2_3}};
    const tw_stencil_phase *a = &s->phases[0], *b = &s->phases[1];
    bool same = a->width == b->width && a->in_begin == b->in_begin && a->in_step == b->in_step &&
                a->out_step == b->out_step && a->dilation == 1 && b->dilation == 1;
    for (size_t i = 0; same && i < sizeof known / sizeof *known; i++) {
        const paired_taps *k = known[i].taps;
        if (a->taps != k->taps[0] || b->taps != k->taps[1] || b->shift - a->shift != k->apart) continue;
        bool middle = a->shift + paired_reach(*k) > 0 && a->shift + columns - 1 < a->width;
        return middle ? known[i].loop : NULL;
    }
    return NULL;
}

/* As many columns as both phases have: their number. */
static int64_t apply_paired(const tw_stencil *s) {
    if (TW_SMALL_KERNELS || s->phase_count != 2 || s->stride != 1) return 0;
    const int64_t columns = least(s->phases[0].columns, s->phases[1].columns);
    paired_loop *loop = columns < PAIRED ? NULL : paired_loop_for(s, columns);
    if (!loop) return 0;
    loop(s, columns);
    return columns;
}

/* Span after span, so that what all phases and blocks read of a row lies together. */
static void apply(const tw_stencil *s) {
    const int64_t most = most_columns(s);
    int64_t columns = 0, q = apply_paired(s);
    for (int64_t p = 0; p < s->phase_count; p++)
        if (columns < s->phases[p].columns) columns = s->phases[p].columns;
    for (int64_t span, spans; q < columns; q += spans * span) {
        const int64_t left = columns - q, pieces = (left + most - 1) / most;
        span = even_piece(left, most);
        spans = s->phase_count > 1 ? 1 : left - pieces * (span - 1); /* the others are shorter by one */
        for (int64_t p = 0; p < s->phase_count; p++) {
            int64_t here = least(span, s->phases[p].columns - q);
            if (here <= 0) continue;
            span_of_columns c = clip(s, &s->phases[p], q, here, spans);
            loop_for(s, &c)(s, &c);
        }
    }
}

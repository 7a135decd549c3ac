/* The body of `small_planes`, 3x3 depthwise convolution of planes whose rows are shorter than a vector;
 * included by each file ISA_TYPE.c behind stencil_body.h.
 *
 * A vector holds one row of the destination, or some, side by side. The same number of source rows, which lie
 * behind each other, is loaded at once, and what a tap of a row reads of them is a choice of lanes: a lane
 * that is empty where it reads outside. So a vector that was loaded serves three taps, and the lines that
 * read it after this one. */

/* The source rows from `row` on, some of which lie outside: zeros. */
static inline vec end_rows(const tw_small_planes *p, const real *in, int64_t row) {
    const int64_t first = row < 0 ? 0 : row, end = least(row + p->together, p->rows);
    if (first >= end) return vec_zero();
    vec rows = vec_load_part(in + first * p->width, (int)((end - first) * p->width));
    for (; row < 0; row++) rows = vec_pick(rows, vec_picks(p->down));
    return rows;
}

/* What the three taps of a row read of them. */
TW_INLINED void choose_taps(vec rows, const picks lanes[3], vec x[3]) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) x[j] = vec_pick(rows, lanes[j]);
}

/* One plane. From one vector of the destination to the next the source moves on by `hop` rows, or three and
 * more: the others are there already. */
TW_INLINED void small_plane(const tw_small_planes *p, const real *in, const packed_real *weights, vec bias,
                            real *out, const int hop) {
    const int kept = hop < 3 ? 3 - hop : 0, full = (int)(p->together * p->width);
    const picks lanes[3] = {vec_picks(p->lane[0]), vec_picks(p->lane[1]), vec_picks(p->lane[2])};
    const int64_t step = hop < 3 ? hop : p->step * p->together;
    vec w[3][3], x[3][3];
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
#pragma GCC unroll 3
        for (int j = 0; j < 3; j++) w[i][j] = vec_splat(weights[3 * i + j]);
    int64_t row = -p->top;
#pragma GCC unroll 3
    for (int i = 0; i < kept; i++) choose_taps(end_rows(p, in, row + i), lanes, x[i]);
    for (int64_t line = 0; line < p->lines; line += p->together, row += step) {
        const bool inside = row + kept >= 0 && row + 2 + p->together <= p->rows;
        vec sum = vec_zero();
#pragma GCC unroll 3
        for (int i = kept; i < 3; i++)
            choose_taps(inside ? vec_load_part(in + (row + i) * p->width, full) : end_rows(p, in, row + i),
                        lanes, x[i]);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++)
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) sum = vec_fma(w[i][j], x[i][j], sum);
        const int64_t used = least(p->together, p->lines - line) * p->columns;
        vec_store_part(out, vec_add(bias, sum), (int)used);
        out += used;
#pragma GCC unroll 3
        for (int i = 0; i < kept; i++)
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) x[i][j] = x[i + hop][j];
    }
}

/* `single`: one line in a vector. */
TW_INLINED void all_small_planes(const tw_small_planes *planes, const int hop, const bool single) {
    tw_small_planes p = *planes; /* a copy: as the compiler sees it, a store may change all others */
    if (single) p.together = 1;
    const real *in = p.in;
    const packed_real *weights = p.weights, *bias = p.bias;
    real *out = p.out;
    for (int64_t i = 0; i < p.planes; i++, in += p.in_plane, weights += 9, out += p.out_plane)
        small_plane(&p, in, weights, bias ? vec_splat(bias[i]) : vec_zero(), out, hop);
}

static void small_planes(const tw_small_planes *p) {
    if (p->together > 2)
        all_small_planes(p, 3, false);
    else if (p->together == 2)
        all_small_planes(p, 2, false);
    else if (p->step == 2)
        all_small_planes(p, 2, true);
    else
        all_small_planes(p, 1, true);
}

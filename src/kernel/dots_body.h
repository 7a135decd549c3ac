/* The body of `dots`, sums of products along pixels; included after sums_body.h by each file ISA_TYPE.c.
 * Sixteen partial sums, pixel l of a strip in sum l mod 16, are whole vectors on every instruction set; a
 * tile of rows and columns of them lives in registers: with 6 x 4 vectors 24 multiply-adds for 10 loads. */

enum {
    DOT_COLUMNS = PHASE_VECS == 1   ? 4
                  : PHASE_VECS <= 8 ? 3
                                    : 1,
    DOT_FIT = 2 * ROWS_2 / (DOT_COLUMNS * PHASE_VECS),
    DOT_ROWS = DOT_FIT < 1   ? 1
               : DOT_FIT > 6 ? 6
                             : DOT_FIT
};

typedef vec dot_sums[6][4][PHASE_VECS];

static inline vec load_phase(const real *p, int64_t left, int v, bool whole) {
    int64_t used = left - v * LANES;
    return whole || used >= LANES ? vec_load(p + v * LANES)
                                  : vec_load_part(p + v * LANES, used < 0 ? 0 : (int)used);
}

/* 16 pixels, or the last `left` of a strip; `in` holds the bits of those that count, if `cut`. */
TW_INLINED void dot_step(dot_sums sum, const tw_dots *d, const real *a, const real *b, const real *in,
                         int64_t left, const int rows, const int columns, const bool whole, const bool cut) {
    vec x[4][PHASE_VECS];
    mask counts[4][PHASE_VECS];
#pragma GCC unroll 4
    for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
        for (int v = 0; v < PHASE_VECS; v++) {
            x[j][v] = load_phase(b + d->offset[j], left, v, whole);
            if (cut) counts[j][v] = mask_of(load_phase(in + d->inside_offset[j], left, v, whole));
        }
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 16
        for (int v = 0; v < PHASE_VECS; v++) {
            vec y = load_phase(a + m * d->a_pitch, left, v, whole);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++)
                sum[m][j][v] = cut ? vec_fma_where(counts[j][v], y, x[j][v], sum[m][j][v])
                                   : vec_fma(y, x[j][v], sum[m][j][v]);
        }
}

/* A vector's 16 / LANES partial vectors, added as the upper levels of the tree say. */
static inline vec dot_fold(const vec *sum) {
    vec s[PHASE_VECS];
#pragma GCC unroll 16
    for (int v = 0; v < PHASE_VECS; v++) s[v] = sum[v];
#pragma GCC unroll 4
    for (int half = PHASE_VECS / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int v = 0; v < half; v++) s[v] = vec_add(s[v], s[v + half]);
    return s[0];
}

/* Lane i of the result: the tree over the lanes of sum[i]. Zipping two vectors brings the halves of both side
 * by side, so one addition is a level of the tree for both. */
TW_INLINED vec dot_totals(vec *sum) {
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            sum[i] = vec_add(vec_zip_low(sum[i], sum[i + half]), vec_zip_high(sum[i], sum[i + half]));
    return sum[0];
}

/* Lines are fetched some at a time, or they would take the registers that the loop over pixels needs. */
enum { FETCHED = 8 };

TW_INLINED const char *fetch_lines(const char *next, const int lines) {
#pragma GCC unroll 8
    for (int i = 0; i < lines; i++) __builtin_prefetch(next + i * 64, 0, 2);
    return next + lines * 64;
}

TW_INLINED void dot_tile(const tw_dots *d, const int rows, const int columns, const bool cut) {
    dot_sums sum;
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
            for (int v = 0; v < PHASE_VECS; v++) sum[m][j][v] = vec_zero();
    const char *next = d->next[0], *other = d->next[1];
    for (int64_t i = 0; i < d->count; i++) {
        const real *a = (const real *)d->strips[i].a + d->a_begin, *b = d->strips[i].b,
                   *in = cut ? d->inside[i] : b;
        const int64_t left = d->strips[i].length % PHASES;
        for (int64_t steps = d->strips[i].length / PHASES, n; steps > 0; steps -= n) {
            n = next && steps > FETCHED ? FETCHED : steps;
            if (next) next = fetch_lines(next, FETCHED);
            if (other) other = fetch_lines(other, FETCHED);
            for (int64_t j = n; j > 0; j--, a += PHASES, b += PHASES, in += PHASES)
                dot_step(sum, d, a, b, in, PHASES, rows, columns, true, cut);
        }
        if (left > 0) dot_step(sum, d, a, b, in, left, rows, columns, false, cut);
    }
    real total[(24 + LANES - 1) / LANES * LANES];
#pragma GCC unroll 24
    for (int first = 0; first < rows * columns; first += LANES) {
        vec group[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            group[i] = first + i < rows * columns
                           ? dot_fold(sum[(first + i) / columns][(first + i) % columns])
                           : vec_zero();
        vec_store(total + first, dot_totals(group));
    }
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < columns; j++) ((real *)d->c)[m * d->c_row + j] = total[m * columns + j];
}

TW_INLINED void dot_row(const tw_dots *d, const int rows, const bool cut) {
    TW_KNOWN_TO_7(d->columns, columns, if (columns <= DOT_COLUMNS) dot_tile(d, rows, columns, cut))
}

static void dots(const tw_dots *d) {
    TW_KNOWN_TO_7(d->rows, rows, if (rows <= DOT_ROWS) dot_row(d, rows, false))
}

/* Some rows at a time, so that few tiles need be compiled. */
static void dots_inside(const tw_dots *dots) {
    tw_dots d = *dots;
    for (int m = 0; m < dots->rows; m += d.rows) {
        int left = dots->rows - m;
        d.rows = DOT_ROWS >= 6 && left >= 6 ? 6 : DOT_ROWS >= 3 && left >= 3 ? 3 : 1;
        TW_KNOWN_TO_7(d.rows, known,
                      if ((known % 3 == 0 || known == 1) && known <= DOT_ROWS) dot_row(&d, known, true))
        d.a_begin += d.rows * d.a_pitch;
        d.c = (real *)d.c + d.rows * d.c_row;
    }
}

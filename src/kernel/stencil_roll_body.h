/* Rolling along a row, for the depthwise weights' gradient; included by each file ISA_TYPE.c before
 * stencil_gradient_body.h.
 *
 * A pixel of x meets one dy for each tap of a row, neighbours of each other. So the columns go by one after
 * the other, the last few of dy are kept, and every pixel and every dy is loaded once for all the taps of a
 * row. The chains are those of the loops that do not roll: each tap's by columns of dy. */

/* Up to SPAN taps from `tap` on, the columns of a chain, and those of them at which some of the taps, or all,
 * read inside. */
typedef struct span_of_taps {
    int64_t row, tap;
    int64_t from, to;
    int64_t first, all_first, all_end, end;
} span_of_taps;

enum { LEAST_ROLLED = 4, ROLLED_ROWS = 5, MOST_SHARED = 2 * (TW_STENCIL_LINES - 1) + 3 };

/* Rows of taps that roll together: registers hold their sums, the columns of dy, and a pixel. */
static inline int rolled_rows(int64_t taps, int64_t stride) {
    const int64_t held = STENCIL_SUMS >= 28 ? 31 : 15, rows = (held - (taps - 1) / stride - 1) / taps;
    return (int)least(rows, ROLLED_ROWS);
}

/* The lines' rows of dy, and all rows of x that they read; the block begins `begin` numbers after them. The
 * first of the rows to be fetched; NULL: none. */
typedef struct shared_lines {
    const real *dy[TW_STENCIL_LINES], *x[MOST_SHARED];
    int64_t begin;
    const real *next_dy, *next_x;
} shared_lines;

TW_INLINED void shared_dy(const tw_stencil_gradient *g, const shared_lines *in, int64_t q, const int lines,
                          vec dy[TW_STENCIL_LINES]) {
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) dy[i] = vec_load(in->dy[i] + q * g->dy_step + in->begin);
}

/* With stride 2 several lines have more to fetch than time for it: 3x3 taps would take 1.2 times as long. */
static inline bool is_fetched(const int lines, const int stride) {
    return lines == 1 || stride == 1;
}

/* What the next call reads where this one has column q of dy, and the columns of x that it is the first to
 * meet: to the second-level cache, since there is time until then, and the first is full. */
TW_INLINED void fetch_column(const tw_stencil_gradient *g, const shared_lines *in, int64_t q, const int lines,
                             const int stride) {
    const real *dy = in->next_dy + q * g->dy_step + in->begin;
    const real *x = in->next_x + q * stride * g->in_step + in->begin;
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) __builtin_prefetch(dy + i * g->next_dy_row, 0, 2);
#pragma GCC unroll 8
    for (int i = 0; i < lines * stride; i++)
#pragma GCC unroll 2
        for (int j = 0; j < stride; j++) __builtin_prefetch(x + i * g->next_x_row + j * g->in_step, 0, 2);
}

/* The sums of a block, and the columns of dy that they still need: of age 0, 1, ... columns. */
typedef struct rolled_sums {
    vec tap[ROLLED_ROWS][SPAN], dy[SPAN][TW_STENCIL_LINES], dy_sum[TW_STENCIL_LINES];
} rolled_sums;

/* The columns of x that column q of dy is the first to meet, `stride` of them, with all dy that meet them:
 * tap t with the dy of t / stride columns before, its age. Only ages of youngest .. oldest: the others'
 * columns lie before the first, or behind the last. `inside`: so is the first column of x. */
TW_INLINED void roll(const tw_stencil_gradient *g, const shared_lines *in, int64_t q, int64_t tap,
                     const int lines, const int rows, const int taps, const int stride, const int youngest,
                     const int oldest, const bool inside, rolled_sums *s) {
    const int64_t column = q * stride + g->shift + tap, at = column * g->in_step + in->begin;
#pragma GCC unroll 7
    for (int age = (taps - 1) / stride; age > 0; age--)
#pragma GCC unroll 4
        for (int i = 0; i < lines; i++) s->dy[age][i] = s->dy[age - 1][i];
    if (youngest == 0) {
        shared_dy(g, in, q, lines, s->dy[0]);
#pragma GCC unroll 4
        for (int i = 0; i < lines; i++) s->dy_sum[i] = vec_add(s->dy_sum[i], s->dy[0][i]);
    }
#pragma GCC unroll 2
    for (int j = 0; j < stride; j++) {
        if (!(inside && j == 0) && (uint64_t)(column + j) >= (uint64_t)g->width) continue;
#pragma GCC unroll 9
        for (int k = 0; k < (lines - 1) * stride + rows; k++) {
            if (!in->x[k]) continue;
            vec pixel = vec_load(in->x[k] + at + j * g->in_step);
#pragma GCC unroll 7
            for (int t = j; t < taps; t += stride) {
                const int age = t / stride;
                if (age < youngest || age > oldest) continue;
#pragma GCC unroll 4
                for (int i = 0; i < lines; i++) {
                    const int r = k - i * stride;
                    if (r >= 0 && r < rows) s->tap[r][t] = vec_fma(s->dy[age][i], pixel, s->tap[r][t]);
                }
            }
        }
    }
}

/* A range has more columns than the oldest age. Its first columns, which meet the younger ages alone. */
TW_INLINED void roll_first(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                           const int lines, const int rows, const int taps, const int stride,
                           rolled_sums *s) {
    const int oldest = (taps - 1) / stride;
    int64_t q = c->first;
#pragma GCC unroll 7
    for (int i = 0; i < oldest; i++, q++) roll(g, in, q, c->tap, lines, rows, taps, stride, 0, i, false, s);
    if (!is_fetched(lines, stride) || !in->next_x) return;
    for (int64_t i = c->first; i < q; i++) fetch_column(g, in, i, lines, stride);
}

/* Columns from .. end - 1 of those that meet all ages. The first column of x is inside, as the first column
 * of dy has a tap that reads inside, and the last too. Not so where stride 2 leaves the last of an even
 * number of taps by itself: there it is asked. */
TW_INLINED void roll_between(const tw_stencil_gradient *g, const shared_lines *in, int64_t from, int64_t end,
                             int64_t tap, const int lines, const int rows, const int taps, const int stride,
                             const bool fetched, rolled_sums *s) {
    const int oldest = (taps - 1) / stride;
    const bool inside = (taps - 1) % stride == 0;
    for (int64_t q = from; q < end; q++) {
        if (fetched) fetch_column(g, in, q, lines, stride);
        roll(g, in, q, tap, lines, rows, taps, stride, 0, oldest, inside, s);
    }
}

/* The columns behind the last of dy, which meet the older ages alone. */
TW_INLINED void roll_last(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                          const int lines, const int rows, const int taps, const int stride, rolled_sums *s) {
    const int oldest = (taps - 1) / stride;
    int64_t q = c->end;
#pragma GCC unroll 7
    for (int i = 0; i < oldest; i++, q++)
        roll(g, in, q, c->tap, lines, rows, taps, stride, i + 1, oldest, false, s);
}

TW_INLINED void roll_columns(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                             const int lines, const int rows, const int taps, const int stride,
                             rolled_sums *s) {
    const int64_t from = c->first + (taps - 1) / stride;
    roll_first(g, in, c, lines, rows, taps, stride, s);
    if (is_fetched(lines, stride) && in->next_x)
        roll_between(g, in, from, c->end, c->tap, lines, rows, taps, stride, true, s);
    else
        roll_between(g, in, from, c->end, c->tap, lines, rows, taps, stride, false, s);
    roll_last(g, in, c, lines, rows, taps, stride, s);
}

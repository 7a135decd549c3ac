/* The body of the depthwise weights' gradient, included by each file ISA_TYPE.c behind stencil_body.h.
 *
 * Some rows of taps by some taps are summed at once, all over the lines: as many as registers hold. */

enum { GRADIENT_ROWS = 4 };

static inline int64_t within(int64_t i, int64_t from, int64_t end) {
    return i < from ? from : least(i, end);
}

static inline void clip_columns(const tw_stencil_gradient *g, int64_t taps, int64_t from, int64_t end,
                                span_of_taps *c) {
    int64_t column = g->shift + c->tap * g->dilation, last = column + (taps - 1) * g->dilation;
    c->from = from, c->to = end;
    c->first = within(steps_to(-last, g->stride), from, end);
    c->end = within(steps_to(g->width - column, g->stride), from, end);
    c->all_first = within(steps_to(-column, g->stride), from, end);
    c->all_end = within(steps_to(g->width - last, g->stride), from, end);
    if (c->all_first >= c->all_end) c->all_first = c->all_end = c->end; /* every tap is asked */
}

/* One row of dy. Columns where a tap reads outside, and lines where a row of taps does, are asked for each.
 */
TW_INLINED void gradient_line(const tw_stencil_gradient *g, const tw_stencil_line *line, int64_t block,
                              const span_of_taps *c, const int rows, const int taps,
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

TW_INLINED void clear_taps(const int rows, const int taps, vec sum[][SPAN]) {
#pragma GCC unroll 5
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < taps; t++) sum[r][t] = vec_zero();
}

/* To the sums of all chains. */
TW_INLINED void add_taps(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c, const int rows,
                         const int taps, vec sum[][SPAN]) {
#pragma GCC unroll 5
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int t = 0; t < taps; t++) {
            real *total = (real *)g->sum + ((block * g->rows + c->row + r) * g->taps + c->tap + t) * LANES;
            vec_store(total, vec_add(vec_load(total), sum[r][t]));
        }
}

TW_INLINED void gradient_span(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c,
                              const int rows, const int taps) {
    vec sum[GRADIENT_ROWS][SPAN];
    clear_taps(rows, taps, sum);
    for (int64_t i = 0; i < g->count; i++) gradient_line(g, &g->lines[i], block, c, rows, taps, sum);
    add_taps(g, block, c, rows, taps, sum);
}

static void gradient_block(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c, int64_t rows,
                           int64_t taps) {
    TW_KNOWN_TO_7(rows, r,
                  if (r <= GRADIENT_ROWS)
                      TW_KNOWN_TO_7(taps, t, if (r * t <= STENCIL_SUMS) gradient_span(g, block, c, r, t)))
}

/* ---- The same with 4 to 7 neighbouring taps, each pixel loaded once for all taps of its row. */

static bool rolls(const tw_stencil_gradient *g, const span_of_taps *c, int64_t taps) {
    return LANES > 1 && !TW_SMALL_KERNELS && taps >= LEAST_ROLLED && g->dilation == 1 && g->stride <= 2 &&
           c->end - c->first > (taps - 1) / g->stride;
}

TW_INLINED void rolled_span(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c,
                            const int rows, const int taps, const int stride) {
    rolled_sums s = {.dy_sum = {vec_zero()}}; /* of one line; nobody asks for it */
    clear_taps(rows, taps, s.tap);
    for (int64_t i = 0; i < g->count; i++) {
        shared_lines in = {.dy = {g->lines[i].dy}, .begin = block * LANES};
        if (g->next_x && c->row == 0 && c->tap == 0) {
            in.next_dy = (const real *)g->next_dy + i * g->next_dy_row;
            in.next_x = (const real *)g->next_x + i * stride * g->next_x_row;
        }
#pragma GCC unroll 5
        for (int r = 0; r < rows; r++) in.x[r] = g->lines[i].in[c->row + r];
        roll_columns(g, &in, c, 1, rows, taps, stride, &s);
    }
    add_taps(g, block, c, rows, taps, s.tap);
}

#define ROLLED_BY(stride)                                                                                    \
    TW_KNOWN_TO_7(rows, r,                                                                                   \
                  TW_KNOWN_TO_7(taps, t,                                                                     \
                                if (t >= LEAST_ROLLED && r <= rolled_rows(t, stride))                        \
                                    rolled_span(g, block, c, r, t, stride)))

static void rolled_block(const tw_stencil_gradient *g, int64_t block, const span_of_taps *c, int64_t rows,
                         int64_t taps) {
    if (g->stride == 1)
        ROLLED_BY(1)
    else
        ROLLED_BY(2)
}

/* The sums of dy alone. */
static void sum_lines(const tw_stencil_gradient *g, int64_t from, int64_t end) {
    for (int64_t at = 0; at < g->blocks * LANES; at += LANES) {
        real *total = (real *)g->dy_sum + at;
        for (int64_t i = 0; i < g->count; i++) {
            const real *dy = (const real *)g->lines[i].dy + at;
            vec sum = vec_zero();
            for (int64_t q = from; q < end; q++) sum = vec_add(sum, vec_load(dy + q * g->dy_step));
            vec_store(total, vec_add(vec_load(total), sum));
        }
    }
}

/* Columns from .. end - 1 of all lines, for all taps. */
static void by_lines(const tw_stencil_gradient *g, int64_t from, int64_t end) {
    span_of_taps c = {0};
    if (g->dy_sum) sum_lines(g, from, end);
    for (int64_t taps; c.tap < g->taps; c.tap += taps) {
        taps = even_piece(g->taps - c.tap, SPAN);
        clip_columns(g, taps, from, end, &c);
        const bool rolled = rolls(g, &c, taps);
        const int64_t most =
            rolled ? rolled_rows(taps, g->stride) : least(GRADIENT_ROWS, STENCIL_SUMS / taps);
        int64_t rows;
        for (c.row = 0; c.row < g->rows; c.row += rows) {
            rows = even_piece(g->rows - c.row, most);
            for (int64_t block = 0; block < g->blocks; block++)
                (rolled ? rolled_block : gradient_block)(g, block, &c, rows, taps);
        }
    }
}

/* ---- The same for 3 taps a row, column by column down some lines that share their rows: each pixel is
 * loaded once for all rows of taps that it meets, and from farther than the first cache once at all. */

enum { TAPS_3 = 3 };

TW_INLINED void add_columns(const tw_stencil_gradient *g, const shared_lines *in, int64_t from, int64_t end,
                            const int lines, vec dy_sum[]) {
    for (int64_t q = from; q < end; q++) {
        vec dy[TW_STENCIL_LINES];
        shared_dy(g, in, q, lines, dy);
#pragma GCC unroll 4
        for (int i = 0; i < lines; i++) dy_sum[i] = vec_add(dy_sum[i], dy[i]);
    }
}

/* What column q of dy adds to all sums: row by row of x, so that neighbouring multiply-adds are of as many
 * chains as may be. `inside`: so are all columns of x that it meets. */
TW_INLINED void any_column(const tw_stencil_gradient *g, const shared_lines *in, int64_t q, const int lines,
                           const int rows, const int step, const bool inside, rolled_sums *s) {
    const int64_t column = q * g->stride + g->shift, at = column * g->in_step + in->begin,
                  hop = g->dilation * g->in_step;
    shared_dy(g, in, q, lines, s->dy[0]);
#pragma GCC unroll 9
    for (int k = 0; k < (lines - 1) * step + rows; k++) {
        if (!in->x[k]) continue;
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) {
            if (!inside && (uint64_t)(column + t * g->dilation) >= (uint64_t)g->width) continue;
            vec pixel = vec_load(in->x[k] + at + t * hop);
#pragma GCC unroll 4
            for (int i = 0; i < lines; i++) {
                const int r = k - i * step;
                if (r >= 0 && r < rows) s->tap[r][t] = vec_fma(s->dy[0][i], pixel, s->tap[r][t]);
            }
        }
    }
}

/* One column of dy after the other, at any stride and dilation. */
TW_INLINED void any_columns(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                            const int lines, const int rows, const int step, rolled_sums *s) {
    int64_t q = c->first;
    for (; q < c->all_first; q++) any_column(g, in, q, lines, rows, step, false, s);
    for (; q < c->all_end; q++) {
        if (is_fetched(lines, step) && in->next_x) fetch_column(g, in, q, lines, step);
        any_column(g, in, q, lines, rows, step, true, s);
    }
    for (; q < c->end; q++) any_column(g, in, q, lines, rows, step, false, s);
}

TW_INLINED void clear_shared(const int lines, const int rows, rolled_sums *s) {
    clear_taps(rows, TAPS_3, s->tap);
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) s->dy_sum[i] = vec_zero();
}

/* To the sums of all chains; those of dy come with the first rows of taps. */
TW_INLINED void add_shared(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                           const int lines, const int rows, rolled_sums *s) {
    add_taps(g, in->begin / LANES, c, rows, TAPS_3, s->tap);
    if (!g->dy_sum || c->row > 0) return;
    real *total = (real *)g->dy_sum + in->begin;
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) vec_store(total, vec_add(vec_load(total), s->dy_sum[i]));
}

/* One block. `stride` 0: any, with any dilation. */
TW_INLINED void shared_range(const tw_stencil_gradient *g, const shared_lines *in, const span_of_taps *c,
                             const int lines, const int rows, const int step, const int stride) {
    rolled_sums sum;
    clear_shared(lines, rows, &sum);
    if (stride) {
        add_columns(g, in, c->from, c->first, lines, sum.dy_sum);
        roll_columns(g, in, c, lines, rows, TAPS_3, stride, &sum);
        add_columns(g, in, c->end, c->to, lines, sum.dy_sum);
    } else {
        if (g->dy_sum && c->row == 0) add_columns(g, in, c->from, c->to, lines, sum.dy_sum);
        any_columns(g, in, c, lines, rows, step, &sum);
    }
    add_shared(g, in, c, lines, rows, &sum);
}

/* Where pixels lie a multiple of MEETING bytes apart, those of a block meet in a few sets of the first cache:
 * what the processor fetches beside a line has left it before the block comes whose line it is, and half of
 * all that is fetched is for nothing. There ABREAST blocks take turns, some columns of x each: 512 channels
 * of 14x14 pixels on a Zen 5 in 0.7 to 1.0 of the time, with stride 2 in 0.4 to 0.85, the less, the more
 * alike the addresses of x and dy are. */
enum { MEETING = 1024, ABREAST = 4, TURN_COLUMNS = 2 };

/* With stride 2 twice as many columns are on their way. Not where the next chain is fetched: that reads
 * memory in order. */
static inline bool meets(const tw_stencil_gradient *g) {
    return !g->next_x && g->stride * g->in_step * (int64_t)sizeof(real) % MEETING == 0;
}

/* What a block keeps while others have their turn. */
TW_INLINED void keep(const rolled_sums *from, const int lines, const int rows, const int oldest,
                     rolled_sums *to) {
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS_3; t++) to->tap[r][t] = from->tap[r][t];
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) {
#pragma GCC unroll 2
        for (int age = 0; age < oldest; age++) to->dy[age][i] = from->dy[age][i];
        to->dy_sum[i] = from->dy_sum[i];
    }
}

TW_INLINED void abreast_range(const tw_stencil_gradient *g, const shared_lines *first, const span_of_taps *c,
                              const int lines, const int stride) {
    const int rows = 3, oldest = (TAPS_3 - 1) / stride, turn = TURN_COLUMNS / stride;
    rolled_sums kept[ABREAST], sum;
    shared_lines in = *first;
    for (int b = 0; b < ABREAST; b++, in.begin += LANES) {
        clear_shared(lines, rows, &sum);
        add_columns(g, &in, c->from, c->first, lines, sum.dy_sum);
        roll_first(g, &in, c, lines, rows, TAPS_3, stride, &sum);
        keep(&sum, lines, rows, oldest, &kept[b]);
    }
    for (int64_t q = c->first + oldest; q < c->end; q += turn) {
        in.begin = first->begin;
        for (int b = 0; b < ABREAST; b++, in.begin += LANES) {
            keep(&kept[b], lines, rows, oldest, &sum);
            roll_between(g, &in, q, least(q + turn, c->end), c->tap, lines, rows, TAPS_3, stride, false,
                         &sum);
            keep(&sum, lines, rows, oldest, &kept[b]);
        }
    }
    in.begin = first->begin;
    for (int b = 0; b < ABREAST; b++, in.begin += LANES) {
        keep(&kept[b], lines, rows, oldest, &sum);
        roll_last(g, &in, c, lines, rows, TAPS_3, stride, &sum);
        add_columns(g, &in, c->end, c->to, lines, sum.dy_sum);
        add_shared(g, &in, c, lines, rows, &sum);
    }
}

/* As many blocks as fill whole rounds; where the next one begins. Out of line, or the loops over single
 * blocks would get the worse registers. Of copies, as a compiler takes it that storing a vector may change
 * what was pointed to. */
static __attribute__((noinline)) int64_t abreast_blocks(const tw_stencil_gradient *gradient,
                                                        const shared_lines *first, const span_of_taps *span) {
    const tw_stencil_gradient g = *gradient;
    const span_of_taps c = *span;
    shared_lines in = *first;
    for (int64_t left = g.blocks; left >= ABREAST; left -= ABREAST, in.begin += ABREAST * LANES)
        if (g.stride == 1)
            TW_KNOWN_TO_7(g.count, lines, if (lines <= TW_STENCIL_LINES) abreast_range(&g, &in, &c, lines, 1))
        else
            TW_KNOWN_TO_7(g.count, lines, if (lines <= TW_STENCIL_LINES) abreast_range(&g, &in, &c, lines, 2))
    return in.begin;
}

/* The other blocks. */
TW_INLINED void shared_blocks(const tw_stencil_gradient *g, const shared_lines *first, const span_of_taps *c,
                              const int lines, const int rows, const int step, const int stride) {
    shared_lines in = *first;
    for (; in.begin < g->blocks * LANES; in.begin += LANES)
        shared_range(g, &in, c, lines, rows, step, stride);
}

#define SHARED_BLOCKS(rows, step, stride)                                                                    \
    TW_KNOWN_TO_7(g->count, lines,                                                                           \
                  if (lines <= TW_STENCIL_LINES) shared_blocks(g, &in, &c, lines, rows, step, stride))

static void by_columns(const tw_stencil_gradient *g, int64_t from, int64_t end) {
    span_of_taps c = {0};
    clip_columns(g, TAPS_3, from, end, &c);
    const int64_t rows = g->rows % 3 ? 1 : 3, step = rows == 1 ? 1 : g->row_step;
    /* rolling holds three columns of dy beside the sums: more than 16 registers */
    const bool rolls =
        STENCIL_SUMS >= 28 && g->dilation == 1 && g->stride == step && c.end - c.first > (TAPS_3 - 1) / step;
    for (c.row = 0; c.row < g->rows; c.row += rows) {
        shared_lines in = {0};
        if (c.row == 0) in.next_dy = g->next_dy, in.next_x = g->next_x;
        for (int64_t i = 0; i < g->count; i++) {
            in.dy[i] = g->lines[i].dy;
            for (int64_t r = 0; r < rows; r++) in.x[i * step + r] = g->lines[i].in[c.row + r];
        }
        if (rows == 3 && rolls && meets(g)) in.begin = abreast_blocks(g, &in, &c);
        if (rows == 1)
            SHARED_BLOCKS(1, 1, 0)
        else if (step == 1 && rolls)
            SHARED_BLOCKS(3, 1, 1)
        else if (step == 2 && rolls)
            SHARED_BLOCKS(3, 2, 2)
        else if (step == 1)
            SHARED_BLOCKS(3, 1, 0)
        else
            SHARED_BLOCKS(3, 2, 0)
    }
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

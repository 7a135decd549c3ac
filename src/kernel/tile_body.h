/* The tile of every kernel, in plain C over a handful of inline functions, which each file ISA_TYPE.c defines
 * before it includes this and the other bodies (loops_body.h):
 *
 *     real, vec                    a number; a vector of LANES numbers
 *     LANES, VECS, ROWS_1..ROWS_4  the register tile: ROWS_v is the most rows of a tile v vectors wide, or 0
 *     vec_load, vec_store, vec_splat, vec_fma, vec_add, vec_zero, vec_load_part, vec_store_part
 *     vec_above, vec_below         lane by lane a where it is above, or below, b; else b
 *
 * A tile is `rows` x `vecs` sums that live in registers; for each l it loads
 * `vecs` vectors of b once and each a once, and does rows * vecs fused multiply-adds: with 14 x 2 vectors 28
 * of them for 16 loads, enough that a processor with two multiply-add units and two load ports is bound by
 * the former (the blocking of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication",
 * 2008). Every loop over rows and vectors has a constant length where it is inlined, so the compiler unrolls
 * it and keeps the sums in registers: -O3 is needed for that. */

#include <math.h>

enum { MOST_ROWS = 28 };

/* A vector and a number as they lie in memory: no alignment is asked for. */
typedef vec packed_vec __attribute__((aligned(1), may_alias));
typedef real packed_real __attribute__((aligned(1), may_alias));

/* A vector that several rows need. Volatile, or gcc loads it again for each of them where rows are few, which
 * costs half the speed when it crosses a cache line. */
static inline vec load_once(const real *p) {
    return *(const volatile packed_vec *)p;
}

/* Whether a vector is a line of the caches and can be written past them. */
static inline bool is_line(void) {
#ifdef STREAM
    return true;
#else
    return false;
#endif
}

static inline void vec_stream(real *to, vec x) {
#ifdef STREAM
    STREAM(to, x);
#else
    vec_store(to, x);
#endif
}

/* Where a row of sums goes and what it starts from: copies, which a store to c cannot change as far as the
 * compiler knows. */
typedef struct finish {
    real *c;
    const real *start;
    int64_t c_at[TW_MOST_VECS], start_at[TW_MOST_VECS]; /* where vector v stands */
    int columns[TW_MOST_VECS];
} finish;

/* What an activation leaves of z; NaN stays. `top`: 6 or infinity. */
static inline vec vec_ramp(vec z, vec top) {
    return vec_below(top, vec_above(vec_zero(), z));
}

static inline vec ramp_top(tw_ramp ramp) {
    return vec_splat(ramp == TW_RELU6 ? 6 : (real)INFINITY);
}

TW_INLINED void finish_row(const finish *f, const int vecs, const vec *sum, const bool started,
                           const bool whole, const bool ramped, const vec top, const bool streams) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
        const bool full = whole || f->columns[v] == LANES;
        vec s = sum[v];
        if (started) {
            const real *from = f->start + f->start_at[v];
            s = vec_add(full ? vec_load(from) : vec_load_part(from, f->columns[v]), s);
        }
        if (ramped) s = vec_ramp(s, top);
        if (streams)
            vec_stream(f->c + f->c_at[v], s);
        else if (full)
            vec_store(f->c + f->c_at[v], s);
        else
            vec_store_part(f->c + f->c_at[v], s, f->columns[v]);
    }
}

/* All rows. What is a constant here, `started`, `whole` (no part of a vector), `ramped`, costs nothing. */
TW_INLINED void finish_rows(const tw_tile *t, finish f, const int rows, const int vecs,
                            vec sum[][TW_MOST_VECS], const bool started, const bool whole, const bool ramped,
                            const bool streams) {
    const int64_t c_row = t->c_row, start_row = t->start_row, gap = t->c_gap, start_gap = start_row ? gap : 0;
    const vec top = ramped ? ramp_top(t->ramp) : vec_zero();
#pragma GCC unroll 28
    for (int r = 0; r < rows; r++) {
        if (r == (rows + 1) / 2) f.c += gap;
        if (started && r == (rows + 1) / 2) f.start += start_gap;
        finish_row(&f, vecs, sum[r], started, whole, ramped, top, streams);
        f.c += c_row;
        if (started) f.start += start_row;
    }
}

/* The activation of what was stored: where some vector is wanted in part, or nothing to start from is given,
 * which is rare, so that the tile need not be there once more. */
__attribute__((noinline)) static void ramp_stored(const tw_tile *t, finish f, const int rows,
                                                  const int vecs) {
    const vec top = ramp_top(t->ramp);
    for (int r = 0; r < rows; r++, f.c += t->c_row) {
        if (r == (rows + 1) / 2) f.c += t->c_gap;
        for (int v = 0; v < vecs; v++) {
            real *c = f.c + f.c_at[v];
            vec_store_part(c, vec_ramp(vec_load_part(c, f.columns[v]), top), f.columns[v]);
        }
    }
}

/* Of the tile that lies `steps` behind t's. */
TW_INLINED void finish_tile(const tw_tile *t, const tw_apart *apart, const int64_t steps, const int rows,
                            const int vecs, vec sum[][TW_MOST_VECS]) {
    const bool whole = t->columns == vecs * LANES;
    finish f = {.c = (real *)t->c + steps * t->c_tile};
    if (t->start) f.start = (const real *)t->start + steps * t->start_tile;
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
        f.c_at[v] = apart ? apart->c[v] : v * LANES;
        f.start_at[v] = apart ? apart->start[v] : v * LANES;
        f.columns[v] = apart ? apart->columns[v] : v < vecs - 1 ? LANES : t->columns - v * LANES;
    }
    const bool ramped = whole && f.start && t->ramp != TW_NO_RAMP, streams = is_line() && t->streams && whole;
    if (streams && ramped)
        finish_rows(t, f, rows, vecs, sum, true, true, true, true);
    else if (ramped)
        finish_rows(t, f, rows, vecs, sum, true, true, true, false);
    if (ramped) return;
    if (streams && !f.start)
        finish_rows(t, f, rows, vecs, sum, false, true, false, true);
    else if (streams)
        finish_rows(t, f, rows, vecs, sum, true, true, false, true);
    else if (whole && !f.start)
        finish_rows(t, f, rows, vecs, sum, false, true, false, false);
    else if (whole)
        finish_rows(t, f, rows, vecs, sum, true, true, false, false);
    else if (!f.start)
        finish_rows(t, f, rows, vecs, sum, false, false, false, false);
    else
        finish_rows(t, f, rows, vecs, sum, true, false, false, false);
    if (t->ramp != TW_NO_RAMP) ramp_stored(t, f, rows, vecs);
}

TW_INLINED void sum_tile(const tw_tile *t, const int rows, const int vecs, const bool is_apart) {
    vec sum[MOST_ROWS][TW_MOST_VECS];
    /* pointers to every seventh row, or to both halves: few offsets stay in registers */
    const int half = (rows + 1) / 2, part = rows > 14 ? (half + 1) / 2 : half;
    const int64_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row, a_below = half * a_row + t->a_gap;
    const char *next = t->next ? t->next : (const char *)t; /* a fetch costs nothing, a branch would */
    const int64_t next_step = t->next ? 64 : 0;
    const int lines = rows > 1 ? 1 : vecs; /* a single row waits for what it reads */
    const tw_apart *apart = is_apart ? t->apart : NULL;
    for (int64_t k = 0, steps = 0; k <= t->further; k++) {
        int64_t at[TW_MOST_VECS];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) at[v] = is_apart ? apart->b[v] : v * LANES;
        const int64_t a_begin = t->a_begin + steps * t->a_tile, b_begin = t->b_begin + steps * t->b_tile;
#pragma GCC unroll 28
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) sum[r][v] = vec_zero();
        for (int64_t i = 0; i < t->count; i++) {
            const real *a = (const real *)t->strips[i].a + a_begin,
                       *b = (const real *)t->strips[i].b + b_begin, *below = a + a_below,
                       *parts[4] = {a, a + part * a_row, below, below + part * a_row};
            for (int64_t l = t->strips[i].length; l > 0; l--) {
                vec w[TW_MOST_VECS];
                for (int v = 0; v < lines; v++, next += next_step) __builtin_prefetch(next, 0, 2);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) w[v] = rows > 1 ? load_once(b + at[v]) : vec_load(b + at[v]);
#pragma GCC unroll 28
                for (int r = 0; r < rows; r++) {
                    const int q = r < half ? r / part : 2 + (r - half) / part, from = r < half ? 0 : half;
                    vec s = vec_splat(*(const packed_real *)(parts[q] + (r - from) % part * a_row));
#pragma GCC unroll 4
                    for (int v = 0; v < vecs; v++) sum[r][v] = vec_fma(s, w[v], sum[r][v]);
                }
#pragma GCC unroll 4
                for (int q = 0; q < 4; q++) parts[q] += a_col;
                b += b_row;
            }
        }
        finish_tile(t, apart, steps, rows, vecs, sum);
        if (is_apart && ++apart < t->apart + t->aparts) continue;
        apart = is_apart ? t->apart : NULL, steps++;
    }
}

static void tile_1(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_1) sum_tile(t, rows, 1, false))
}

static void tile_2(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_2) sum_tile(t, rows, 2, false))
}

static void tile_2_apart(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_2) sum_tile(t, rows, 2, true))
}

static void tile_3(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_3) sum_tile(t, rows, 3, false))
}

static void tile_3_apart(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_3) sum_tile(t, rows, 3, true))
}

static void tile_4(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_4) sum_tile(t, rows, 4, false))
}

static void tile_4_apart(const tw_tile *t) {
    TW_KNOWN_TO_28(t->rows, rows, if (rows <= ROWS_4) sum_tile(t, rows, 4, true))
}

static void tile(const tw_tile *t) {
    static void (*const by_width[])(const tw_tile *) = {tile_1, tile_2, tile_3, tile_4};
    static void (*const apart[])(const tw_tile *) = {tile_1, tile_2_apart, tile_3_apart, tile_4_apart};
    if (t->apart)
        apart[t->vecs - 1](t);
    else
        by_width[t->vecs - 1](t);
}

/* Twelve chains: more than latency times units of any processor so far, and few enough for 16 registers. */
enum { CHAINS = 12 };

static void burn(int64_t rounds, void *out) {
    vec sum[CHAINS], x = vec_splat((real)0.999), y = vec_splat((real)0.001);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = vec_splat((real)i);
    for (; rounds > 0; rounds--) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sum[i] = vec_fma(sum[i], x, y);
    }
    vec total = sum[0];
    for (int i = 1; i < CHAINS; i++) total = vec_add(total, sum[i]);
    vec_store(out, total);
}

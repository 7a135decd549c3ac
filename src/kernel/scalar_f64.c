/* The kernel of every machine, in double precision: one number at a time, fused multiply-adds through libm
 * where the processor has none. Slow there, and the same bits. */
#include <math.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef double real;
typedef double vec;
typedef bool mask;
typedef int32_t picks; /* which lane of a vector a lane takes: there is one */
enum { LANES = 1, VECS = 2, ROWS_1 = 4, ROWS_2 = 4, ROWS_3 = 0, ROWS_4 = 0, STENCIL_SUMS = 14 };

static inline vec vec_zero(void) {
    return 0;
}

static inline vec vec_splat(real x) {
    return x;
}

static inline vec vec_load(const real *p) {
    return *p;
}

static inline void vec_store(real *p, vec x) {
    *p = x;
}

static inline vec vec_load_part(const real *p, int count) {
    return count > 0 ? *p : 0;
}

static inline void vec_store_part(real *p, vec x, int count) {
    if (count > 0) *p = x;
}

static inline vec vec_add(vec a, vec b) {
    return a + b;
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return fma(a, b, c);
}

static inline vec vec_above(vec a, vec b) {
    return a > b ? a : b;
}

static inline vec vec_below(vec a, vec b) {
    return a < b ? a : b;
}

static inline mask mask_of(vec x) {
    return x != 0;
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return m ? fma(a, b, c) : c;
}

/* Never called: a square of one number is turned as it is. */
static inline vec vec_zip_low(vec a, vec b) {
    (void)a;
    return b;
}

static inline vec vec_zip_high(vec a, vec b) {
    (void)a;
    return b;
}

static inline vec vec_unzip_even(vec a, vec b) {
    (void)b;
    return a;
}

static inline vec vec_unzip_odd(vec a, vec b) {
    (void)a;
    return b;
}

static inline picks vec_picks(const int32_t *lane) {
    return *lane;
}

static inline vec vec_pick(vec x, picks lanes) {
    (void)lanes;
    return x;
}

#define LOOPS tw_loops_scalar_f64
#include "kernel/loops_body.h"

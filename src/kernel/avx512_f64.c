/* AVX-512 (F, VL, BW, DQ), double precision: 8 lanes. Compiled with its own flags; called only where the
 * processor has it. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef double real;
typedef __m512d vec;
typedef __mmask8 mask;
typedef __m512i picks; /* for each lane, which lane of a vector it takes */
/* 14 x 2 or 9 x 3 or 6 x 4 sums, the weights and a splat: 31 of 32 registers */
enum { LANES = 8, VECS = 4, ROWS_1 = 28, ROWS_2 = 14, ROWS_3 = 9, ROWS_4 = 6, STENCIL_SUMS = 28 };

static inline __mmask8 first(int count) {
    return (__mmask8)((1u << count) - 1);
}

static inline vec vec_zero(void) {
    return _mm512_setzero_pd();
}

static inline vec vec_splat(real x) {
    return _mm512_set1_pd(x);
}

static inline vec vec_load(const real *p) {
    return _mm512_loadu_pd(p);
}

static inline void vec_store(real *p, vec x) {
    _mm512_storeu_pd(p, x);
}

static inline vec vec_load_part(const real *p, int count) {
    return _mm512_maskz_loadu_pd(first(count), p);
}

static inline void vec_store_part(real *p, vec x, int count) {
    _mm512_mask_storeu_pd(p, first(count), x);
}

static inline vec vec_add(vec a, vec b) {
    return _mm512_add_pd(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_pd(a, b, c);
}

static inline vec vec_above(vec a, vec b) {
    return _mm512_max_pd(a, b);
}

static inline vec vec_below(vec a, vec b) {
    return _mm512_min_pd(a, b);
}

static inline mask mask_of(vec x) {
    return _mm512_movepi64_mask(_mm512_castpd_si512(x));
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return _mm512_mask3_fmadd_pd(a, b, c, m);
}

static inline vec vec_zip_low(vec a, vec b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}

static inline vec vec_zip_high(vec a, vec b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}

static inline vec vec_unzip_even(vec a, vec b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b);
}

static inline vec vec_unzip_odd(vec a, vec b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b);
}

typedef int64_t place;

static inline vec vec_permute(vec x, const place *from) {
    return _mm512_permutexvar_pd(_mm512_loadu_si512(from), x);
}

/* Lanes of b where `lanes` has a bit, else of a. */
static inline vec vec_blend(vec a, vec b, unsigned lanes) {
    return _mm512_mask_blend_pd((__mmask8)lanes, a, b);
}

static inline picks vec_picks(const int32_t *lane) {
    return _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)lane));
}

static inline vec vec_pick(vec x, picks lanes) {
    return _mm512_permutexvar_pd(lanes, x);
}

/* 18, 10 and 6 rows of one, two and three and a half vectors: 27, 25 and 21 sums */
enum { SHARED_2 = 18, SHARED_3 = 10, SHARED_4 = 6 };

static inline vec vec_halves(vec lower, vec upper) {
    return _mm512_mask_blend_pd(0xf0, lower, upper);
}

static inline vec vec_upper(vec x) {
    return _mm512_shuffle_f64x2(x, x, _MM_SHUFFLE(1, 0, 3, 2));
}

/* Squares of 2 x 2 numbers inside quarters of vectors, then the quarters. */
static inline void vec_turn(vec a[LANES]) {
    vec b[LANES];
#pragma GCC unroll 4
    for (int r = 0; r < LANES; r += 2) {
        b[r] = _mm512_unpacklo_pd(a[r], a[r + 1]);
        b[r + 1] = _mm512_unpackhi_pd(a[r], a[r + 1]);
    }
#pragma GCC unroll 2
    for (int r = 0; r < 2; r++) {
        const vec low = _mm512_shuffle_f64x2(b[r], b[r + 2], _MM_SHUFFLE(1, 0, 1, 0)),
                  high = _mm512_shuffle_f64x2(b[r], b[r + 2], _MM_SHUFFLE(3, 2, 3, 2)),
                  low_below = _mm512_shuffle_f64x2(b[r + 4], b[r + 6], _MM_SHUFFLE(1, 0, 1, 0)),
                  high_below = _mm512_shuffle_f64x2(b[r + 4], b[r + 6], _MM_SHUFFLE(3, 2, 3, 2));
        a[r] = _mm512_shuffle_f64x2(low, low_below, _MM_SHUFFLE(2, 0, 2, 0));
        a[r + 2] = _mm512_shuffle_f64x2(low, low_below, _MM_SHUFFLE(3, 1, 3, 1));
        a[r + 4] = _mm512_shuffle_f64x2(high, high_below, _MM_SHUFFLE(2, 0, 2, 0));
        a[r + 6] = _mm512_shuffle_f64x2(high, high_below, _MM_SHUFFLE(3, 1, 3, 1));
    }
}
#define VEC_TURN

#define LOOPS         tw_loops_avx512_f64
#define STREAM(to, x) _mm512_stream_pd(to, x)
#define WEAVES
#define SHARES
#include "kernel/loops_body.h"

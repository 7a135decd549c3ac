/* AVX-512 (F, VL, BW, DQ), single precision: 16 lanes. Compiled with its own flags; called only where the
 * processor has it. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef float real;
typedef __m512 vec;
typedef __mmask16 mask;
typedef __m512i picks; /* for each lane, which lane of a vector it takes */
/* 14 x 2 or 9 x 3 or 6 x 4 sums, the weights and a splat: 31 of 32 registers */
enum { LANES = 16, VECS = 4, ROWS_1 = 28, ROWS_2 = 14, ROWS_3 = 9, ROWS_4 = 6, STENCIL_SUMS = 28 };

static inline __mmask16 first(int count) {
    return (__mmask16)((1u << count) - 1);
}

static inline vec vec_zero(void) {
    return _mm512_setzero_ps();
}

static inline vec vec_splat(real x) {
    return _mm512_set1_ps(x);
}

static inline vec vec_load(const real *p) {
    return _mm512_loadu_ps(p);
}

static inline void vec_store(real *p, vec x) {
    _mm512_storeu_ps(p, x);
}

static inline vec vec_load_part(const real *p, int count) {
    return _mm512_maskz_loadu_ps(first(count), p);
}

static inline void vec_store_part(real *p, vec x, int count) {
    _mm512_mask_storeu_ps(p, first(count), x);
}

static inline vec vec_add(vec a, vec b) {
    return _mm512_add_ps(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec vec_above(vec a, vec b) {
    return _mm512_max_ps(a, b);
}

static inline vec vec_below(vec a, vec b) {
    return _mm512_min_ps(a, b);
}

static inline mask mask_of(vec x) {
    return _mm512_movepi32_mask(_mm512_castps_si512(x));
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return _mm512_mask3_fmadd_ps(a, b, c, m);
}

static inline vec vec_zip_low(vec a, vec b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
}

static inline vec vec_zip_high(vec a, vec b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b);
}

static inline vec vec_unzip_even(vec a, vec b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}

static inline vec vec_unzip_odd(vec a, vec b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}

typedef int32_t place;

static inline vec vec_permute(vec x, const place *from) {
    return _mm512_permutexvar_ps(_mm512_loadu_si512(from), x);
}

/* Lanes of b where `lanes` has a bit, else of a. */
static inline vec vec_blend(vec a, vec b, unsigned lanes) {
    return _mm512_mask_blend_ps((__mmask16)lanes, a, b);
}

static inline picks vec_picks(const int32_t *lane) {
    return _mm512_loadu_si512(lane);
}

static inline vec vec_pick(vec x, picks lanes) {
    return _mm512_permutexvar_ps(lanes, x);
}

/* 18, 10 and 6 rows of one, two and three and a half vectors: 27, 25 and 21 sums */
enum { SHARED_2 = 18, SHARED_3 = 10, SHARED_4 = 6 };

static inline vec vec_halves(vec lower, vec upper) {
    return _mm512_mask_blend_ps(0xff00, lower, upper);
}

static inline vec vec_upper(vec x) {
    return _mm512_shuffle_f32x4(x, x, _MM_SHUFFLE(1, 0, 3, 2));
}

/* Squares of 4 x 4 numbers inside quarters of vectors, then the quarters. */
static inline void vec_turn(vec a[LANES]) {
    __m512d b[LANES], c[LANES];
#pragma GCC unroll 8
    for (int r = 0; r < LANES; r += 2) {
        b[r] = _mm512_castps_pd(_mm512_unpacklo_ps(a[r], a[r + 1]));
        b[r + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(a[r], a[r + 1]));
    }
#pragma GCC unroll 4
    for (int r = 0; r < LANES; r += 4)
#pragma GCC unroll 2
        for (int i = 0; i < 2; i++) {
            c[r + 2 * i] = _mm512_unpacklo_pd(b[r + i], b[r + i + 2]);
            c[r + 2 * i + 1] = _mm512_unpackhi_pd(b[r + i], b[r + i + 2]);
        }
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        const __m512d low = _mm512_shuffle_f64x2(c[r], c[r + 4], _MM_SHUFFLE(1, 0, 1, 0)),
                      high = _mm512_shuffle_f64x2(c[r], c[r + 4], _MM_SHUFFLE(3, 2, 3, 2)),
                      low_below = _mm512_shuffle_f64x2(c[r + 8], c[r + 12], _MM_SHUFFLE(1, 0, 1, 0)),
                      high_below = _mm512_shuffle_f64x2(c[r + 8], c[r + 12], _MM_SHUFFLE(3, 2, 3, 2));
        a[r] = _mm512_castpd_ps(_mm512_shuffle_f64x2(low, low_below, _MM_SHUFFLE(2, 0, 2, 0)));
        a[r + 4] = _mm512_castpd_ps(_mm512_shuffle_f64x2(low, low_below, _MM_SHUFFLE(3, 1, 3, 1)));
        a[r + 8] = _mm512_castpd_ps(_mm512_shuffle_f64x2(high, high_below, _MM_SHUFFLE(2, 0, 2, 0)));
        a[r + 12] = _mm512_castpd_ps(_mm512_shuffle_f64x2(high, high_below, _MM_SHUFFLE(3, 1, 3, 1)));
    }
}
#define VEC_TURN

#define LOOPS         tw_loops_avx512_f32
#define STREAM(to, x) _mm512_stream_ps(to, x)
#define WEAVES
#define SHARES
#include "kernel/loops_body.h"

/* AVX2 and FMA, single precision: 8 lanes. Compiled with its own flags; called only where the processor has
 * it. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef float real;
typedef __m256 vec;
typedef __m256 mask;
typedef __m256i picks; /* for each lane, which lane of a vector it takes */
/* 12 sums, 2 or 3 weights and 1 splat: all of 16 registers. One vector: 8 sums, as many chains as keep two
 * units busy for their latency of 4; more rows would cost more loads than multiply-adds. */
enum { LANES = 8, VECS = 3, ROWS_1 = 8, ROWS_2 = 6, ROWS_3 = 4, ROWS_4 = 0, STENCIL_SUMS = 14 };

/* All ones in the first `count` lanes. */
static inline __m256i first(int count) {
    static const int32_t ones[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones + LANES - count));
}

static inline vec vec_zero(void) {
    return _mm256_setzero_ps();
}

static inline vec vec_splat(real x) {
    return _mm256_set1_ps(x);
}

static inline vec vec_load(const real *p) {
    return _mm256_loadu_ps(p);
}

static inline void vec_store(real *p, vec x) {
    _mm256_storeu_ps(p, x);
}

static inline vec vec_load_part(const real *p, int count) {
    return _mm256_maskload_ps(p, first(count));
}

static inline void vec_store_part(real *p, vec x, int count) {
    _mm256_maskstore_ps(p, first(count), x);
}

static inline vec vec_add(vec a, vec b) {
    return _mm256_add_ps(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}

static inline vec vec_above(vec a, vec b) {
    return _mm256_max_ps(a, b);
}

static inline vec vec_below(vec a, vec b) {
    return _mm256_min_ps(a, b);
}

static inline mask mask_of(vec x) {
    return x;
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return _mm256_blendv_ps(c, _mm256_fmadd_ps(a, b, c), m);
}

static inline vec vec_zip_low(vec a, vec b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}

static inline vec vec_zip_high(vec a, vec b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

static inline vec vec_unzip_even(vec a, vec b) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(
        _mm256_castps_pd(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0))), _MM_SHUFFLE(3, 1, 2, 0)));
}

static inline vec vec_unzip_odd(vec a, vec b) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(
        _mm256_castps_pd(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1))), _MM_SHUFFLE(3, 1, 2, 0)));
}

static inline picks vec_picks(const int32_t *lane) {
    return _mm256_loadu_si256((const __m256i *)lane);
}

static inline vec vec_pick(vec x, picks lanes) {
    return _mm256_permutevar8x32_ps(x, lanes);
}

/* Squares of 4 x 4 numbers inside halves of vectors, then the halves. */
static inline void vec_turn(vec a[LANES]) {
    __m256d b[LANES];
    vec c[LANES];
#pragma GCC unroll 4
    for (int r = 0; r < LANES; r += 2) {
        b[r] = _mm256_castps_pd(_mm256_unpacklo_ps(a[r], a[r + 1]));
        b[r + 1] = _mm256_castps_pd(_mm256_unpackhi_ps(a[r], a[r + 1]));
    }
#pragma GCC unroll 2
    for (int r = 0; r < LANES; r += 4)
#pragma GCC unroll 2
        for (int i = 0; i < 2; i++) {
            c[r + 2 * i] = _mm256_castpd_ps(_mm256_unpacklo_pd(b[r + i], b[r + i + 2]));
            c[r + 2 * i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(b[r + i], b[r + i + 2]));
        }
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        a[r] = _mm256_permute2f128_ps(c[r], c[r + 4], 0x20);
        a[r + 4] = _mm256_permute2f128_ps(c[r], c[r + 4], 0x31);
    }
}
#define VEC_TURN

#define LOOPS tw_loops_avx2_f32
#include "kernel/loops_body.h"

/* AVX2 and FMA, double precision: 4 lanes. Compiled with its own flags; called only where the processor has
 * it. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef double real;
typedef __m256d vec;
typedef __m256d mask;
typedef __m256i picks; /* for each lane, which lane of a vector it takes: both halves of it */
/* 12 sums, 2 or 3 weights and 1 splat: all of 16 registers. One vector: 8 sums, as many chains as keep two
 * units busy for their latency of 4; more rows would cost more loads than multiply-adds. */
enum { LANES = 4, VECS = 3, ROWS_1 = 8, ROWS_2 = 6, ROWS_3 = 4, ROWS_4 = 0, STENCIL_SUMS = 14 };

/* All ones in the first `count` lanes. */
static inline __m256i first(int count) {
    static const int64_t ones[2 * LANES] = {-1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones + LANES - count));
}

static inline vec vec_zero(void) {
    return _mm256_setzero_pd();
}

static inline vec vec_splat(real x) {
    return _mm256_set1_pd(x);
}

static inline vec vec_load(const real *p) {
    return _mm256_loadu_pd(p);
}

static inline void vec_store(real *p, vec x) {
    _mm256_storeu_pd(p, x);
}

static inline vec vec_load_part(const real *p, int count) {
    return _mm256_maskload_pd(p, first(count));
}

static inline void vec_store_part(real *p, vec x, int count) {
    _mm256_maskstore_pd(p, first(count), x);
}

static inline vec vec_add(vec a, vec b) {
    return _mm256_add_pd(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_pd(a, b, c);
}

static inline vec vec_above(vec a, vec b) {
    return _mm256_max_pd(a, b);
}

static inline vec vec_below(vec a, vec b) {
    return _mm256_min_pd(a, b);
}

static inline mask mask_of(vec x) {
    return x;
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return _mm256_blendv_pd(c, _mm256_fmadd_pd(a, b, c), m);
}

static inline vec vec_zip_low(vec a, vec b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20);
}

static inline vec vec_zip_high(vec a, vec b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31);
}

static inline vec vec_unzip_even(vec a, vec b) {
    return _mm256_permute4x64_pd(_mm256_unpacklo_pd(a, b), _MM_SHUFFLE(3, 1, 2, 0));
}

static inline vec vec_unzip_odd(vec a, vec b) {
    return _mm256_permute4x64_pd(_mm256_unpackhi_pd(a, b), _MM_SHUFFLE(3, 1, 2, 0));
}

static inline picks vec_picks(const int32_t *lane) {
    __m256i low = _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)lane)), 1);
    __m256i high = _mm256_add_epi64(low, _mm256_set1_epi64x(1));
    return _mm256_or_si256(low, _mm256_slli_epi64(high, 32));
}

static inline vec vec_pick(vec x, picks lanes) {
    return _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(x), lanes));
}

/* Squares of 2 x 2 numbers inside halves of vectors, then the halves. */
static inline void vec_turn(vec a[LANES]) {
    const vec b[LANES] = {_mm256_unpacklo_pd(a[0], a[1]), _mm256_unpackhi_pd(a[0], a[1]),
                          _mm256_unpacklo_pd(a[2], a[3]), _mm256_unpackhi_pd(a[2], a[3])};
    a[0] = _mm256_permute2f128_pd(b[0], b[2], 0x20);
    a[1] = _mm256_permute2f128_pd(b[1], b[3], 0x20);
    a[2] = _mm256_permute2f128_pd(b[0], b[2], 0x31);
    a[3] = _mm256_permute2f128_pd(b[1], b[3], 0x31);
}
#define VEC_TURN

#define LOOPS tw_loops_avx2_f64
#include "kernel/loops_body.h"

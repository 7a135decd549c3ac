/* Eight numbers of `real` side by side, whatever the machine's vectors hold: for loops that the compiler
 * would not turn into vectors by itself, or not well. Passed by address, because how a function is handed a
 * vector depends on the instruction set. */

#if defined __SSE2__
#include <immintrin.h>
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

enum { BLOCK = 8, PAIR = 2 * BLOCK };
typedef real block __attribute__((vector_size(BLOCK * sizeof(real))));
typedef integer lanes __attribute__((vector_size(BLOCK * sizeof(real))));
typedef int32_t marks __attribute__((vector_size(BLOCK * sizeof(int32_t))));

/* `count` is BLOCK, a constant where it matters, or fewer. */
static inline __attribute__((always_inline)) void block_load(const real *x, int64_t count, block *b) {
    if (count == BLOCK) {
        memcpy(b, x, sizeof *b);
        return;
    }
    *b = (block){0};
    for (int64_t i = 0; i < count; i++) (*b)[i] = x[i];
}

static inline __attribute__((always_inline)) void block_store(real *x, const block *b, int64_t count) {
    if (count == BLOCK)
        memcpy(x, b, sizeof *b);
    else
        for (int64_t i = 0; i < count; i++) x[i] = (*b)[i];
}

/* Past the caches, where the machine can: for what no cache holds, whose lines would be read before they are
 * written. `x` is a multiple of 32 bytes. Who streams ends with streamed(). */
static inline __attribute__((always_inline)) void block_stream(real *x, const block *b) {
#ifdef __AVX__
    __m256i part;
    for (size_t i = 0; i < sizeof *b; i += sizeof part) {
        memcpy(&part, (const char *)b + i, sizeof part);
        _mm256_stream_si256((__m256i *)(void *)((char *)x + i), part);
    }
#else
    memcpy(x, b, sizeof *b);
#endif
}

static inline void streamed(void) {
#ifdef __AVX__
    _mm_sfence();
#endif
}

/* Numbers of taps, kept in bytes or in 32 bits: `bytes` of each, a constant. Compilers convert vectors of
 * bytes number by number. */
static inline __attribute__((always_inline)) void marks_load(const void *from, int bytes, int64_t count,
                                                             lanes *to) {
    marks numbers = {0};
    if (bytes == 4) {
        memcpy(&numbers, from, (size_t)count * sizeof numbers[0]);
    } else if (count == BLOCK) {
#if defined __AVX2__
        const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from));
        memcpy(&numbers, &wide, sizeof wide);
#elif defined __SSE2__
        const __m128i zero = _mm_setzero_si128(), half = _mm_unpacklo_epi8(_mm_loadl_epi64(from), zero);
        const __m128i wide[2] = {_mm_unpacklo_epi16(half, zero), _mm_unpackhi_epi16(half, zero)};
        memcpy(&numbers, wide, sizeof wide);
#elif defined __ARM_NEON
        const uint16x8_t half = vmovl_u8(vld1_u8(from));
        const uint32x4_t wide[2] = {vmovl_u16(vget_low_u16(half)), vmovl_u16(vget_high_u16(half))};
        memcpy(&numbers, wide, sizeof wide);
#else
        for (int i = 0; i < BLOCK; i++) numbers[i] = ((const uint8_t *)from)[i];
#endif
    } else {
        for (int64_t i = 0; i < count; i++) numbers[i] = ((const uint8_t *)from)[i];
    }
    *to = __builtin_convertvector(numbers, lanes);
}

static inline __attribute__((always_inline)) void marks_store(void *to, int bytes, const lanes *from,
                                                              int64_t count) {
    const marks numbers = __builtin_convertvector(*from, marks);
    if (bytes == 4) {
        memcpy(to, &numbers, (size_t)count * sizeof numbers[0]);
    } else if (count == BLOCK) {
#if defined __AVX512VL__
        __m256i wide;
        memcpy(&wide, &numbers, sizeof wide);
        _mm_storel_epi64(to, _mm256_cvtepi32_epi8(wide));
#elif defined __SSE2__
        __m128i wide[2];
        memcpy(wide, &numbers, sizeof wide);
        const __m128i half = _mm_packs_epi32(wide[0], wide[1]);
        _mm_storel_epi64(to, _mm_packus_epi16(half, half));
#elif defined __ARM_NEON
        uint32x4_t wide[2];
        memcpy(wide, &numbers, sizeof wide);
        vst1_u8(to, vmovn_u16(vcombine_u16(vmovn_u32(wide[0]), vmovn_u32(wide[1]))));
#else
        for (int i = 0; i < BLOCK; i++) ((uint8_t *)to)[i] = (uint8_t)numbers[i];
#endif
    } else {
        for (int64_t i = 0; i < count; i++) ((uint8_t *)to)[i] = (uint8_t)numbers[i];
    }
}

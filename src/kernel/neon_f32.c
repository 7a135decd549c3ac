/* NEON of 64-bit ARM, single precision: 4 lanes, part of every such processor. */
#include <arm_neon.h>
#include <stdbool.h>

#include "kernel/kernel.h"

typedef float real;
typedef float32x4_t vec;
typedef uint32x4_t mask;
typedef uint8x16_t picks; /* for each lane, which lane of a vector it takes: its bytes */
/* 14 x 2 or 9 x 3 or 6 x 4 sums, the weights and a splat: 31 of 32 registers */
enum { LANES = 4, VECS = 4, ROWS_1 = 14, ROWS_2 = 14, ROWS_3 = 9, ROWS_4 = 6, STENCIL_SUMS = 28 };

static inline vec vec_zero(void) {
    return vdupq_n_f32(0);
}

static inline vec vec_splat(real x) {
    return vdupq_n_f32(x);
}

static inline vec vec_load(const real *p) {
    return vld1q_f32(p);
}

static inline void vec_store(real *p, vec x) {
    vst1q_f32(p, x);
}

static inline vec vec_load_part(const real *p, int count) {
    real lane[LANES] = {0};
    for (int i = 0; i < count; i++) lane[i] = p[i];
    return vld1q_f32(lane);
}

static inline void vec_store_part(real *p, vec x, int count) {
    real lane[LANES];
    vst1q_f32(lane, x);
    for (int i = 0; i < count; i++) p[i] = lane[i];
}

static inline vec vec_add(vec a, vec b) {
    return vaddq_f32(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c) {
    return vfmaq_f32(c, a, b);
}

static inline vec vec_above(vec a, vec b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static inline vec vec_below(vec a, vec b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

static inline mask mask_of(vec x) {
    return vreinterpretq_u32_f32(x);
}

static inline vec vec_fma_where(mask m, vec a, vec b, vec c) {
    return vbslq_f32(m, vfmaq_f32(c, a, b), c);
}

static inline vec vec_zip_low(vec a, vec b) {
    return vzip1q_f32(a, b);
}

static inline vec vec_zip_high(vec a, vec b) {
    return vzip2q_f32(a, b);
}

static inline vec vec_unzip_even(vec a, vec b) {
    return vuzp1q_f32(a, b);
}

static inline vec vec_unzip_odd(vec a, vec b) {
    return vuzp2q_f32(a, b);
}

static inline picks vec_picks(const int32_t *lane) {
    uint32x4_t first = vmulq_n_u32(vreinterpretq_u32_s32(vld1q_s32(lane)), 0x04040404);
    return vreinterpretq_u8_u32(vaddq_u32(first, vdupq_n_u32(0x03020100)));
}

static inline vec vec_pick(vec x, picks lanes) {
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(x), lanes));
}

#define LOOPS tw_loops_neon_f32
#include "kernel/loops_body.h"

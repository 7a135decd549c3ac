/* The loops in float, with exponentials of our own: within 2 ulp, made of single additions, multiplications
 * and shifts, so that they become vectors on every machine and have the same bits on all. */
#include "kernel/sweeps.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/logarithm.h"

typedef float real;
typedef int32_t integer; /* as wide as real */

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* exp x = 2^k exp r with r = x - k log 2, |r| <= log(2)/2, log 2 in two parts of which the first has 9 bits,
 * so that k times it is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980); exp r
 * by the polynomial of Cephes' expf (Moshier 1989). k comes from adding 1.5 * 2^23, which leaves the rounded
 * integer in the low bits. 2^k in two factors reaches infinity and the subnormal numbers. */
static inline float exp_real(float x) {
    const float magic = 0x1.8p23f;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float shifted = x * 1.44269504088896341f + magic;
    float k = shifted - magic;
    float r = x - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    float y = (p * (r * r) + r) + 1.0f;
    int32_t power = (int32_t)(bits_of(shifted) - bits_of(magic)), half = power >> 1;
    float low = float_of((uint32_t)(half + 127) << 23);
    float high = float_of((uint32_t)(power - half + 127) << 23);
    return y * low * high;
}

/* Below 0.625 an odd polynomial (Cephes' tanhf), above 1 - 2 / (exp(2|x|) + 1). */
static inline float tanh_real(float x) {
    float size = x < 0 ? -x : x, square = x * x;
    float p = -5.70498872745e-3f;
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    float small = p * square * size + size;
    float large = 1.0f - 2.0f / (exp_real(2.0f * size) + 1.0f);
    float y = size < 0.625f ? small : large;
    return float_of(bits_of(y) | (bits_of(x) & 0x80000000u));
}

/* 1 / (1 + e) or e / (1 + e) with e = exp(-|x|), so that nothing overflows. What 1 + e loses in rounding is
 * given back to the first order: 1 / (1 + e) is the other of the two. */
static inline float sigmoid_real(float x) {
    float e = exp_real(x < 0 ? x : -x), sum = 1.0f + e, lost = e - (sum - 1.0f);
    float y = (x < 0 ? e : 1.0f) / sum;
    return y - y * (lost * (x < 0 ? 1.0f - y : y));
}

static inline float sqrt_real(float x) {
    return sqrtf(x);
}

#include "kernel/sweeps_table.h"

/* The loops in float, with exponentials of our own: within 2 ulp, made of single additions, multiplications
 * and shifts, so that they become vectors on every machine and have the same bits on all. */
#include "kernel/sweeps.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/logarithm.h"

typedef float real;
typedef int32_t integer; /* as wide as real */
typedef uint32_t word;
enum { FRACTION_BITS = 23, EXPONENT_BIAS = 127 };

#include "kernel/real_bits.h"

/* exp x = 2^k exp r with r = x - k log 2, |r| <= log(2)/2, log 2 in two parts of which the first has 9 bits,
 * so that k times it is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980); exp r
 * by the polynomial of Cephes' expf (Moshier 1989). k comes from adding 1.5 * 2^23, which leaves the rounded
 * integer in the low bits.
 *
 * What is too large or too small is replaced at the end: at the beginning a compiler would follow the two
 * constants through all that comes after them. */
static inline float exp_real(float x) {
    const float magic = 0x1.8p23f;
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
    y = times_power(y, (int32_t)(bits_of(shifted) - bits_of(magic)));
    y = x > 89.0f ? HUGE_VALF : y;
    return x < -104.0f ? 0.0f : y;
}

/* tanh x for 0 <= x < 0.625: an odd polynomial (Cephes' tanhf). */
static inline float small_tanh(float x) {
    float square = x * x;
    float p = -5.70498872745e-3f;
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    return p * square * x + x;
}

static inline float sqrt_real(float x) {
    return sqrtf(x);
}

#include "kernel/sweeps_table.h"

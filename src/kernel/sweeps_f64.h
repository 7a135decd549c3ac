/* The loops in double, with exponentials of our own: within 2 ulp, made of single additions, multiplications,
 * divisions and shifts, so that they become vectors and have the same bits on every machine. */
#include "kernel/sweeps.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/logarithm.h"

typedef double real;
typedef int64_t integer; /* as wide as real */
typedef uint64_t word;
enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023 };

#include "kernel/real_bits.h"

/* exp x = 2^k exp r with r = x - k log 2, |r| <= log(2)/2, log 2 in two parts of which the first has 32 bits,
 * so that k times it is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980); exp r
 * by its power series, which ends where the next term is below 2^-57. k comes from adding 1.5 * 2^52, which
 * leaves the rounded integer in the low bits. 2^k in two factors reaches infinity and the subnormal numbers.
 * What is too large or too small is replaced at the end, as in sweeps_f32.h. */
static inline double exp_real(double x) {
    const double magic = 0x1.8p52;
    double shifted = x * 1.4426950408889634 + magic;
    double k = shifted - magic;
    double r = x - k * 0x1.62e42feep-1;
    r = r - k * 0x1.a39ef35793c76p-33;
    double p = 1.0 / 6227020800; /* 1 / 13! */
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    double y = (p * (r * r) + r) + 1.0;
    y = times_power(y, (int64_t)(bits_of(shifted) - bits_of(magic)));
    y = x > 710.0 ? HUGE_VAL : y;
    return x < -746.0 ? 0.0 : y;
}

/* tanh x for 0 <= x < 0.625: Lambert's continued fraction x / (1 + s / (3 + s / (5 + ...))), s = x^2, to 15,
 * as x minus a fraction of it (the rest is below 2^-57). */
static inline double small_tanh(double x) {
    double s = x * x;
    double above = ((s + 594.0) * s + 45045.0) * s + 675675.0;
    double below = (((s + 630.0) * s + 51975.0) * s + 945945.0) * s + 2027025.0;
    return x - x * (s * above / below);
}

static inline double sqrt_real(double x) {
    return sqrt(x);
}

#include "kernel/sweeps_table.h"

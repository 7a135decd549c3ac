/* The loops in double, with libm's exponentials. */
#include "kernel/sweeps.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

typedef double real;
typedef int64_t integer; /* as wide as real */

static inline real exp_real(real x) {
    return exp(x);
}

static inline real tanh_real(real x) {
    return tanh(x);
}

static inline real sigmoid_real(real x) {
    real e = exp(x < 0 ? x : -x); /* at most 1 */
    return (x < 0 ? e : 1) / (1 + e);
}

#include "kernel/sweeps_table.h"

/* The loops in double, with libm's exponentials. */
#include "net/sweeps.h"

#include <math.h>

#include "base/checked.h"

typedef double real;

static inline real exp_real(real x) {
    return exp(x);
}

static inline real tanh_real(real x) {
    return tanh(x);
}

#define SWEEPS tw_sweeps_f64
#include "net/sweeps_table.h"

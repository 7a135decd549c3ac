/* The sweeps in double, compiled for AVX2 by flags.cmake. */
#define SWEEPS tw_sweeps_avx2_f64
#include "kernel/sweeps_f64.h"

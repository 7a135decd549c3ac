/* The sweeps in double, compiled for AVX-512 by flags.cmake. */
#define SWEEPS tw_sweeps_avx512_f64
#include "kernel/sweeps_f64.h"

/* The sweeps in float, compiled for AVX2 by flags.cmake. */
#define SWEEPS tw_sweeps_avx2_f32
#include "kernel/sweeps_f32.h"

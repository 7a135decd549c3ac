/* The sweeps in float, compiled for AVX-512 by flags.cmake. */
#define SWEEPS tw_sweeps_avx512_f32
#include "kernel/sweeps_f32.h"

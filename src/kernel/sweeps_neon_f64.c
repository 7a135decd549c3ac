/* The sweeps in double, compiled for NEON by flags.cmake. */
#define SWEEPS tw_sweeps_neon_f64
#include "kernel/sweeps_f64.h"

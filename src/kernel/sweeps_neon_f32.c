/* The sweeps in float, compiled for NEON by flags.cmake. */
#define SWEEPS tw_sweeps_neon_f32
#include "kernel/sweeps_f32.h"

/* The sweeps in float, compiled for the build's baseline by flags.cmake. */
#define SWEEPS tw_sweeps_scalar_f32
#include "kernel/sweeps_f32.h"

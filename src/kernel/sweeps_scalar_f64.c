/* The sweeps in double, compiled for the build's baseline by flags.cmake. */
#define SWEEPS tw_sweeps_scalar_f64
#include "kernel/sweeps_f64.h"

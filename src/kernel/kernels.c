/* The table of kernels: which this build carries, and which one is taken. An instruction set is its four
 * files and a line here. The other of the two files with an #if on the machine. */
#include "kernel/kernel.h"

#include <string.h>

extern const tw_loops tw_loops_scalar_f32, tw_loops_scalar_f64;
extern const tw_sweeps tw_sweeps_scalar_f32, tw_sweeps_scalar_f64;
static const tw_kernel scalar = {.name = "scalar",
                                 .needs = TW_CPU_NOTHING,
                                 .loops = {&tw_loops_scalar_f32, &tw_loops_scalar_f64},
                                 .sweeps = {&tw_sweeps_scalar_f32, &tw_sweeps_scalar_f64}};

#if defined(__x86_64__)
extern const tw_loops tw_loops_avx2_f32, tw_loops_avx2_f64, tw_loops_avx512_f32, tw_loops_avx512_f64;
extern const tw_sweeps tw_sweeps_avx2_f32, tw_sweeps_avx2_f64, tw_sweeps_avx512_f32, tw_sweeps_avx512_f64;
static const tw_kernel avx2 = {.name = "avx2",
                               .needs = TW_CPU_AVX2_FMA,
                               .loops = {&tw_loops_avx2_f32, &tw_loops_avx2_f64},
                               .sweeps = {&tw_sweeps_avx2_f32, &tw_sweeps_avx2_f64}};
static const tw_kernel avx512 = {.name = "avx512",
                                 .needs = TW_CPU_AVX512,
                                 .loops = {&tw_loops_avx512_f32, &tw_loops_avx512_f64},
                                 .sweeps = {&tw_sweeps_avx512_f32, &tw_sweeps_avx512_f64}};
static const tw_kernel *const kernels[] = {&scalar, &avx2, &avx512};
#elif defined(__aarch64__)
extern const tw_loops tw_loops_neon_f32, tw_loops_neon_f64;
extern const tw_sweeps tw_sweeps_neon_f32, tw_sweeps_neon_f64;
static const tw_kernel neon = {.name = "neon",
                               .needs = TW_CPU_NEON,
                               .loops = {&tw_loops_neon_f32, &tw_loops_neon_f64},
                               .sweeps = {&tw_sweeps_neon_f32, &tw_sweeps_neon_f64}};
static const tw_kernel *const kernels[] = {&scalar, &neon};
#else
static const tw_kernel *const kernels[] = {&scalar};
#endif

enum { KERNELS = sizeof kernels / sizeof *kernels };

const tw_kernel *const *tw_kernels(size_t *count) {
    *count = KERNELS;
    return kernels;
}

const tw_kernel *tw_kernel_find(const char *name) {
    for (size_t i = 0; i < KERNELS; i++)
        if (strcmp(kernels[i]->name, name) == 0) return kernels[i];
    return NULL;
}

const tw_kernel *tw_kernel_default(void) {
    const char *asked = tw_cpu_override();
    const tw_kernel *found = asked ? tw_kernel_find(asked) : NULL;
    if (found && tw_cpu_has(found->needs)) return found;
    for (size_t i = KERNELS; i-- > 1;)
        if (tw_cpu_has(kernels[i]->needs)) return kernels[i];
    return &scalar;
}

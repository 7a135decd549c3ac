/* What the tests of the depthwise loops share: random numbers beside a fence, the arithmetic that was
 * promised, and all loops that run here. Include after <cmocka.h>. */
#ifndef TW_TEST_STENCIL_CASES_H
#define TW_TEST_STENCIL_CASES_H

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "fence.h"
#include "kernel/kernel.h"

enum { CASES = 150 };
enum { SOURCE, WEIGHTS, BIAS, RESULT, TOTAL, BUFFERS };

static inline int64_t between(tw_random *r, int64_t least, int64_t most) {
    return least + (int64_t)tw_random_below(r, (uint64_t)(most - least + 1));
}

static inline double get(tw_type type, const void *at, int64_t i) {
    return type == TW_F32 ? (double)((const float *)at)[i] : ((const double *)at)[i];
}

/* `count` random numbers beside a fence. */
static inline char *draw(tw_random *r, tw_type type, int buffer, int64_t count) {
    int64_t bytes = count * (int64_t)tw_type_size(type);
    assert_true(bytes <= FENCE_ROOM);
    char *at = fence_place(buffer, (size_t)bytes, between(r, 0, 1));
    for (int64_t i = 0; i < count; i++) {
        double x = tw_random_uniform(r) - 0.5;
        if (type == TW_F32)
            ((float *)at)[i] = (float)x;
        else
            ((double *)at)[i] = x;
    }
    return at;
}

static inline double fused(tw_type type, double a, double b, double c) {
    return type == TW_F32 ? (double)fmaf((float)a, (float)b, (float)c) : fma(a, b, c);
}

static inline double sum_of(tw_type type, double a, double b) {
    return type == TW_F32 ? (double)((float)a + (float)b) : a + b;
}

static inline void for_every_loop(void (*check)(tw_random *, tw_type, const tw_loops *)) {
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (size_t k = 0; k < count; k++) {
        if (!tw_cpu_has(kernels[k]->needs)) continue;
        for (int type = TW_F32; type <= TW_F64; type++)
            for (uint64_t i = 0; i < CASES; i++) {
                tw_random r = tw_random_stream(5, TW_RANDOM_TEST, i, (uint32_t)type);
                check(&r, (tw_type)type, kernels[k]->loops[type]);
            }
    }
}

#endif

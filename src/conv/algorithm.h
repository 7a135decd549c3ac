/* What an algorithm is: one file that exports one const struct tw_algorithm, and a line in algorithms.c.
 *
 * Algorithms know the three passes of the *base* convolution (see shape/shape.h); a transposed convolution's
 * passes have been mapped to them before. They are asked in the order of the list; the plan takes, among
 * those that do not decline, the one with the least cost. Declining and cost may look at the geometry of one
 * image, the type and the accuracy mode only: never at batch, threads or instruction set, because the choice
 * decides which bits come out. */
#ifndef TW_CONV_ALGORITHM_H
#define TW_CONV_ALGORITHM_H

#include <twill/conv.h>

#include "kernel/kernel.h"
#include "shape/shape.h"

/* What a plan is for: constant, the same for all its passes. */
typedef struct tw_problem {
    tw_shape shape;
    tw_type type;
    tw_accuracy accuracy;
    const tw_kernel *kernel;
    const tw_loops *loops; /* the kernel's, for `type` */
    int threads;
} tw_problem;

/* One pass of the base convolution, to be done now. Nothing is NULL that the pass needs, nothing overlaps,
 * and the batch is not empty.
 *
 *     TW_FORWARD           y  = W x + bias          reads x, w or packed, bias [out_channels] or NULL
 *     TW_BACKWARD_DATA     dx = W^T dy + bias       reads dy, w or packed, bias [in_channels] or NULL (only a
 *                                                   transposed convolution's forward pass has one)
 *     TW_BACKWARD_WEIGHTS  dw = sum of dy * x       reads x, dy
 *                          db = sum of dy, when it is not NULL: for an algorithm that `sums_dy` only
 *
 * w is what the caller gave, NULL when it gave packed weights; `packed` is not NULL when packed_bytes is not
 * 0, unless the algorithm `reads_w` and the caller gave them. Where an algorithm does not sum dy, bias.h
 * does. `problem` may have fewer images than the one that prepare and workspace saw (a call for a part of the
 * batch): `state` must not depend on the batch. */
typedef struct tw_job {
    const tw_problem *problem;
    tw_pass pass; /* of the base */
    const void *state;
    const void *x, *w, *dy, *bias, *packed;
    void *y, *dx, *dw, *db;
    tw_ramp ramp;    /* of y or dx, for an algorithm that `ramps` */
    bool dy_finite;  /* dy is known to hold neither NaN nor infinity; false: unknown */
    void *workspace; /* workspace() bytes for `threads`, aligned to 64 */
    int threads;
} tw_job;

/* A weights' gradient of few input channels, channels first: the cost of turning a number of dy, or of x.
 * (Zen 5, 1 to 16 channels; with more channels it does not decide.) */
enum { TW_TURNING = 22, TW_FEW_CHANNELS = 16 };

typedef struct tw_algorithm {
    const char *name;
    const char *reason; /* why a plan takes it where it wins: a sentence */

    /* Why not: a sentence, or NULL. */
    const char *(*declines)(const tw_problem *problem, tw_pass pass);

    /* Work for one image, in multiply-adds at full speed; INFINITY: only when asked for by name. */
    double (*cost)(const tw_problem *problem, tw_pass pass);

    /* Tables for this pass, made once with the plan; NULL: none. On failure *state is NULL. `release` frees.
     */
    tw_status (*prepare)(const tw_problem *problem, tw_pass pass, void **state);
    void (*release)(void *state);

    /* Bytes; NULL: none. Fewer threads may need more: the plan takes the most. Packed weights are not part of
     * the workspace: the plan adds them when the caller brings none. INT64_MAX: more than can be counted. */
    int64_t (*workspace)(const tw_problem *problem, tw_pass pass, const void *state, int threads);
    int64_t (*packed_bytes)(const tw_problem *problem, tw_pass pass, const void *state);

    /* Writes all of packed, any alignment, on `threads` threads. */
    void (*pack)(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads);

    /* Whether weights that the caller did not pack are not packed before `run` either. NULL: never. */
    bool (*reads_w)(tw_pass pass, const void *state);

    void (*run)(const tw_job *job);

    /* Whether it does job->ramp while it stores, forward or backward data; if not, call.c does it afterwards.
     * NULL: never. */
    bool (*ramps)(const tw_problem *problem, tw_pass pass, const void *state);
    bool sums_dy; /* it sees all of dy, and writes db in the same go */
} tw_algorithm;

/* All algorithms, in the order in which a plan asks them; the last one, the definition, declines nothing. */
extern const tw_algorithm *const tw_algorithm_list[];
extern const size_t tw_algorithm_count;

/* The index of a name, -1 when there is none. */
int tw_algorithm_find(const char *name);

#endif

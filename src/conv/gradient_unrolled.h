/* The weight gradient of few pixels and many channels, as a product of two matrices.
 *
 * Usually the sums come out tap by tap and are turned into the order of the weights at the end. With 49
 * pixels (the last stage of a residual network) turning takes a third as long as summing. Then x is unrolled
 * instead: for each output pixel the values that its taps read, in the order of the weights; that is much
 * less to turn. What is left is the gradient of a 1x1 convolution with channels x taps inputs: the same
 * chains, the same bits.
 *
 * Unrolled padding is multiplied, so dy must be finite: if it is not, nothing is done here. */
#ifndef TW_CONV_GRADIENT_UNROLLED_H
#define TW_CONV_GRADIENT_UNROLLED_H

#include "conv/gradient.h"

typedef struct tw_unrolled {
    bool pays; /* else all else is zero */
    tw_problem problem;
    tw_gradient gradient; /* of the 1x1 convolution, channels last */
    int64_t x_bytes, dy_bytes, pixel_bytes;
} tw_unrolled;

/* `gradient` is the usual one of the problem. */
tw_status tw_unrolled_create(tw_unrolled *unrolled, const tw_problem *problem, const tw_gradient *gradient);
void tw_unrolled_free(tw_unrolled *unrolled);
int64_t tw_unrolled_workspace(const tw_unrolled *unrolled, int threads);

/* False: it does not pay, or dy is not finite. Then nothing has been written. */
bool tw_unrolled_execute(const tw_unrolled *unrolled, const tw_gradient *gradient, const tw_job *job);

#endif

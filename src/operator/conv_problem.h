/* One convolution to be computed in many ways: whole numbers in its tensors, and what the matrix makes of
 * them. */
#ifndef TW_OPERATOR_CONV_PROBLEM_H
#define TW_OPERATOR_CONV_PROBLEM_H

#include <twill/conv.h>

#include "base/random.h"

/* The tensors of a convolution: four are given, four come out. */
typedef enum tw_conv_tensor {
    TW_CONV_X,
    TW_CONV_W,
    TW_CONV_B,
    TW_CONV_DY,
    TW_CONV_Y,
    TW_CONV_DX,
    TW_CONV_DW,
    TW_CONV_DB,
    TW_CONV_TENSORS,
    TW_CONV_GIVEN = TW_CONV_Y
} tw_conv_tensor;

/* "x", "w", ... */
const char *tw_conv_tensor_name(tw_conv_tensor tensor);

typedef struct tw_conv_problem {
    tw_geometry geometry;
    int64_t count[TW_CONV_TENSORS];  /* elements */
    double *value[TW_CONV_TENSORS];  /* those that come out: by the matrix, without a rounding */
    double *weight[TW_CONV_TENSORS]; /* for those that come out: the sum of the products' absolute values */
    void *typed[2][TW_CONV_TENSORS]; /* the given ones, by tw_type */
} tw_conv_problem;

/* Values -3 .. 3 from `random`. Fails as tw_matrix_create does. Free with tw_conv_problem_free, also after a
 * failure. */
tw_status tw_conv_problem_create(tw_conv_problem *problem, const tw_geometry *geometry, tw_random *random);
void tw_conv_problem_free(tw_conv_problem *problem);

#endif

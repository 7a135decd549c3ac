/* The gradient of the bias: for each channel the sum of dy over images and pixels. */
#ifndef TW_CONV_BIAS_H
#define TW_CONV_BIAS_H

#include "conv/algorithm.h"

/* db[channels of the user's y] from the user's dy. */
void tw_bias_gradient(const tw_problem *problem, const void *dy, void *db, int threads);

#endif

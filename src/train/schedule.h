/* The learning rate of each step. */
#ifndef TW_TRAIN_SCHEDULE_H
#define TW_TRAIN_SCHEDULE_H

#include <twill/train.h>

/* The rate of step `step` (from 0) of `batches` steps an epoch: a pure function, so that a resumed training
 * has the same rates; computed without libm, so that every machine has them. */
double tw_schedule_rate(const tw_train_options *options, int64_t step, int64_t batches);

/* base to the power of a whole number >= 0. */
double tw_whole_power(double base, int64_t exponent);

#endif

/* One step of an optimiser over the flat array of weights. */
#ifndef TW_TRAIN_OPTIMISER_H
#define TW_TRAIN_OPTIMISER_H

#include <twill/train.h>

typedef struct tw_optimiser_state tw_optimiser_state;

/* All averages zero. Options are copied. */
tw_status tw_optimiser_create(tw_optimiser_state **state, const tw_net *net, const tw_train_options *options);
void tw_optimiser_free(tw_optimiser_state *state);

/* to = from moved against the gradient, for all trained weights; the rest is copied. `from` stays, so that a
 * step can be taken back: false when a new weight is no finite number. Every weight is computed for itself:
 * the same bits for any number of threads. */
bool tw_optimiser_step(tw_optimiser_state *state, double rate, const float *gradient, const float *from,
                       float *to);

#endif

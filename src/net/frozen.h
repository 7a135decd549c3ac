/* Frozen weights: what a runner that infers makes once of weights that stay as they are. */
#ifndef TW_NET_FROZEN_H
#define TW_NET_FROZEN_H

#include <stdbool.h>

#include "net/layer.h"

/* One operator's part. */
typedef struct tw_frozen_op {
    const void *w[TW_MAX_TENSORS]; /* NULL: none, or packed */
    const void *packed;            /* the weights of its plan's forward pass; NULL: w[0] */
    tw_ramp ramp;                  /* of the activation behind what is folded into it: that is done too */
    bool folded;                   /* the convolution before it computes it: nothing is left to do */
} tw_frozen_op;

typedef struct tw_frozen {
    tw_frozen_op *ops; /* [op_count] */
    void *block;       /* all numbers of the operators */
    size_t bytes;      /* of the block */
} tw_frozen;

/* What `frozen` holds; NULL: nothing. */
void tw_frozen_free(tw_frozen *frozen);

#endif

/* Whose memory the values and gradients of a network lie in. */
#ifndef TW_NET_SHARING_H
#define TW_NET_SHARING_H

#include "net/lifetimes.h"
#include "net/runner.h"

typedef struct tw_sharing {
    int *value;                           /* [ops]: the operator whose memory its value lies in */
    int *gradient;                        /* [ops]: likewise its gradient, of a runner that trains */
    tw_lifetime *values, *gradients;      /* [ops]: of those operators; 0 bytes for others */
    size_t values_bytes, gradients_bytes; /* of all of them, placed by lifetime */
} tw_sharing;

/* Decides it, and which operators of runner->stages are done together with others. */
tw_status tw_sharing_plan(tw_runner *runner, tw_sharing *sharing);
void tw_sharing_free(tw_sharing *sharing);

/* Bytes of the value of operator i for the runner's batch; OVERFLOW. */
tw_status tw_sharing_value_bytes(const tw_runner *runner, int i, size_t *bytes);

#endif

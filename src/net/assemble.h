/* A network under construction: what the text reader and the builder share. */
#ifndef TW_NET_ASSEMBLE_H
#define TW_NET_ASSEMBLE_H

#include "net/layer.h"

/* An empty network with its input, checked. */
tw_status tw_assemble_begin(tw_net **net, tw_net_input input);

typedef struct tw_addition {
    const tw_layer *layer;
    tw_settings set;
    int inputs[2];
    const char *label; /* [label_length], NULL: none */
    size_t label_length;
} tw_addition;

/* Appends an operator and infers its shapes. LIMIT, SHAPE, OVERFLOW, ARGUMENT, MEMORY. */
tw_status tw_assemble_add(tw_net *net, const tw_addition *addition);

/* Checks the whole, lays out the parameters and makes what the public functions show. On failure the network
 * still belongs to the caller. */
tw_status tw_assemble_finish(tw_net *net);

#endif

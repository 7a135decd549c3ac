/* The numbers that flow through a network for one image: every layer's outputs and, with a label, the
 * gradients of the loss by them and by the weights. In f64, by the network's own runner. */
#ifndef TW_EXPLAIN_NETWORK_FLOW_H
#define TW_EXPLAIN_NETWORK_FLOW_H

#include "explain/document.h"

typedef struct tw_flow {
    const tw_net *net;
    const tw_explain_net *given;
    const tw_net_node *nodes;
    int count; /* of nodes */
    tw_runner *runner;
    double *weights, *x, *outputs;
    double *gradient, *dx; /* of the weights and the image; of no use without a label */
    double loss;
} tw_flow;

/* Runs the network on the request's image. ARGUMENT: an image, weights or a label that do not fit it. */
tw_status tw_flow_create(tw_flow *flow, const tw_net *net, const tw_explain_net *given);
void tw_flow_release(tw_flow *flow);

/* Of one node: [outputs]; NULL where there are none. */
const double *tw_flow_values(const tw_flow *flow, int node);
const double *tw_flow_gradient(const tw_flow *flow, int node);

/* Everything that is to be told about them. */
tw_status tw_flow_write(tw_document *document, const tw_flow *flow);

/* The layers with weights one by one, each with a sum for an output, a weight's gradient and a pixel's. */
tw_status tw_flow_write_sums(tw_document *document, const tw_flow *flow);

/* For the JSON form: every number that is not too many. */
void tw_flow_write_facts(tw_document *document, const tw_flow *flow);

#endif

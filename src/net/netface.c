/* What a network shows of itself. */
#include "base/memory.h"
#include "net/graph.h"

void tw_net_free(tw_net *net) {
    if (!net) return;
    for (int i = 0; i < net->op_count; i++) {
        tw_free(net->ops[i].label);
        if (net->nodes) tw_free((char *)net->nodes[i].text);
    }
    for (size_t i = 0; net->parameters && i < net->parameter_count; i++)
        tw_free((char *)net->parameters[i].name);
    tw_free(net->parameters);
    tw_free(net->nodes);
    tw_free(net->ops);
    tw_free(net->text);
    tw_free(net);
}

const char *tw_net_text(const tw_net *net) {
    return net->text;
}

tw_net_input tw_net_image(const tw_net *net) {
    return net->input;
}

int64_t tw_net_inputs(const tw_net *net) {
    return net->ops[0].extent.count;
}

int64_t tw_net_outputs(const tw_net *net) {
    return net->ops[net->op_count - 1].extent.count;
}

int64_t tw_net_weights(const tw_net *net) {
    return net->weights;
}

int64_t tw_net_trained(const tw_net *net) {
    return net->trained;
}

const tw_net_parameter *tw_net_parameters(const tw_net *net, size_t *count) {
    if (count) *count = net->parameter_count;
    return net->parameters;
}

const tw_net_node *tw_net_nodes(const tw_net *net, size_t *count) {
    if (count) *count = (size_t)net->op_count;
    return net->nodes;
}

tw_loss tw_net_loss(const tw_net *net) {
    return net->loss ? net->loss : TW_CROSS_ENTROPY;
}

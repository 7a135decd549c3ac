/* A network's structure and numbers for programs: copies, since the document outlives the network's runner.
 */
#include "explain/network_facts.h"

#include <string.h>

#include "base/checked.h"
#include "explain/network_flow.h"

enum { MOST_VALUES = 1 << 16 };

static const char *copy_text(tw_document *d, const char *text) {
    const char *copy = text ? tw_arena_text(&d->arena, text, strlen(text)) : NULL;
    return copy ? copy : "";
}

static const double *copy_values(tw_document *d, const double *values, int64_t count) {
    double *copy =
        values && count <= MOST_VALUES ? tw_arena_take(&d->arena, tw_max(1, count), sizeof *copy) : NULL;
    if (copy) memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

void tw_network_write_facts(tw_document *d, const tw_net *net) {
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    tw_network_facts *facts = tw_arena_take(&d->arena, 1, sizeof *facts);
    tw_layer_facts *layers = tw_arena_take(&d->arena, (int64_t)count, sizeof *layers);
    if (!facts || !layers) return;
    for (size_t i = 0; i < count; i++) {
        const tw_net_node *n = &nodes[i];
        tw_layer_facts layer = {.name = copy_text(d, n->name),
                                .kind = copy_text(d, n->kind),
                                .text = copy_text(d, n->text),
                                .inputs = {n->inputs[0], n->inputs[1]},
                                .rank = 1 + n->spatial,
                                .shape = {n->spatial ? n->channels : n->outputs},
                                .outputs = n->outputs,
                                .parameters = n->parameters,
                                .flops = n->flops};
        for (int a = 0; a < n->spatial; a++) layer.shape[1 + a] = n->size[a];
        layers[i] = layer;
    }
    *facts = (tw_network_facts){
        .text = copy_text(d, tw_net_text(net)), .layers = layers, .layer_count = (int)count, .label = -1};
    d->network = facts;
}

void tw_flow_write_facts(tw_document *d, const tw_flow *f) {
    tw_network_facts *facts = d->network;
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(f->net, &count);
    tw_weight_facts *weights = tw_arena_take(&d->arena, tw_max(1, (int64_t)count), sizeof *weights);
    if (!facts || !weights) return;
    for (int i = 0; i < f->count; i++) {
        facts->layers[i].values = copy_values(d, tw_flow_values(f, i), f->nodes[i].outputs);
        facts->layers[i].gradient = copy_values(d, tw_flow_gradient(f, i), f->nodes[i].outputs);
    }
    for (size_t i = 0; i < count; i++) {
        const tw_net_parameter *p = &parameters[i];
        bool slopes = f->given->label >= 0 && p->trained;
        weights[i] = (tw_weight_facts){.name = copy_text(d, p->name), .rank = p->rank, .count = p->count};
        memcpy(weights[i].shape, p->shape, sizeof weights[i].shape);
        weights[i].values = copy_values(d, f->weights + p->offset, p->count);
        weights[i].gradient = slopes ? copy_values(d, f->gradient + p->offset, p->count) : NULL;
    }
    facts->weights = weights;
    facts->weight_count = (int)count;
    facts->label = f->given->label;
    facts->loss = f->loss;
}

/* A network's structure and numbers, for readers of the JSON form. */
#ifndef TW_EXPLAIN_NETWORK_FACTS_H
#define TW_EXPLAIN_NETWORK_FACTS_H

#include "explain/document.h"

typedef struct tw_layer_facts {
    const char *name, *kind, *text;
    int inputs[2]; /* layers that it reads; -1: none */
    int rank;
    int64_t shape[1 + TW_MAX_SPATIAL];
    int64_t outputs, parameters, flops;
    const double *values, *gradient; /* [outputs]; NULL: unknown, or too many */
} tw_layer_facts;

typedef struct tw_weight_facts {
    const char *name;
    int rank;
    int64_t shape[5], count;
    const double *values, *gradient; /* [count], or NULL */
} tw_weight_facts;

typedef struct tw_network_facts {
    const char *text;
    tw_layer_facts *layers;
    int layer_count, weight_count;
    const tw_weight_facts *weights;
    int label; /* -1: none, and no loss */
    double loss;
} tw_network_facts;

/* What is known without an image: d->network. */
void tw_network_write_facts(tw_document *document, const tw_net *net);

#endif

/* The table of all kinds of operators. */
#include <string.h>

#include "net/layer.h"

extern const tw_layer tw_layer_conv, tw_layer_deconv, tw_layer_dense, tw_layer_maxpool, tw_layer_avgpool,
    tw_layer_globalavgpool, tw_layer_batchnorm, tw_layer_dropout, tw_layer_relu, tw_layer_relu6,
    tw_layer_leakyrelu, tw_layer_sigmoid, tw_layer_tanh, tw_layer_softmax, tw_layer_flatten, tw_layer_add;

const tw_layer *const tw_layers[] = {&tw_layer_conv,
                                     &tw_layer_deconv,
                                     &tw_layer_dense,
                                     &tw_layer_maxpool,
                                     &tw_layer_avgpool,
                                     &tw_layer_globalavgpool,
                                     &tw_layer_batchnorm,
                                     &tw_layer_dropout,
                                     &tw_layer_relu,
                                     &tw_layer_relu6,
                                     &tw_layer_leakyrelu,
                                     &tw_layer_sigmoid,
                                     &tw_layer_tanh,
                                     &tw_layer_softmax,
                                     &tw_layer_flatten,
                                     &tw_layer_add,
                                     NULL};

static bool is(const char *name, const char *word, size_t length) {
    return name && strlen(name) == length && memcmp(name, word, length) == 0;
}

const tw_layer *tw_layer_find(const char *word, size_t length) {
    for (const tw_layer *const *row = tw_layers; *row; row++)
        if (is((*row)->name, word, length) || is((*row)->alias, word, length)) return *row;
    return NULL;
}

/* Starting values: uniform in +-limit, which has the same bits on every machine.
 *
 *     He        sqrt(6 / fan_in)                for weights that a relu follows (arXiv:1502.01852)
 *     Xavier    sqrt(6 / (fan_in + fan_out))    for all others (Glorot and Bengio 2010)
 *     zhang2016 sqrt(6 / ((n_in + n_out) * area))
 *
 * with fan_in = n_in * area the inputs of one output, fan_out = n_out * area, n the channels of a group, area
 * the elements of the kernel; so zhang2016 is Xavier. For leakyrelu He has a factor 1 / (1 + slope^2). Each
 * tensor is its own stream of (seed, operator, tensor). */
#include <math.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/layer.h"

/* The rectifier that a value reaches through layers that only pass it on; NULL: another layer comes first. Of
 * several readers the first counts. */
static const tw_op *rectifier_after(const tw_net *net, const int *first_reader, int op) {
    for (int i = first_reader[op]; i >= 0; i = first_reader[i]) {
        if (net->ops[i].layer->rectifies) return &net->ops[i];
        if (!net->ops[i].layer->transmits) return NULL;
    }
    return NULL;
}

static double limit_of(const tw_net *net, const int *first_reader, int number) {
    const tw_op *op = &net->ops[number];
    const tw_geometry *g = &op->shape.geometry;
    double area = (double)op->shape.kernel_taps, n_in = (double)(g->in_channels / g->groups),
           n_out = (double)(g->out_channels / g->groups);
    const tw_op *rectifier = rectifier_after(net, first_reader, number);
    if (net->scheme == TW_SCHEME_HE || (net->scheme == TW_SCHEME_AUTO && rectifier)) {
        double slope = rectifier ? rectifier->set.slope : 0;
        return sqrt(6 / ((1 + slope * slope) * n_in * area));
    }
    return sqrt(6 / ((n_in + n_out) * area));
}

static void fill(const tw_tensor *tensor, tw_type type, void *weights, double low, double high,
                 tw_random *random) {
    for (int64_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
        double value = low == high ? low : low + (high - low) * tw_random_uniform(random);
        if (type == TW_F32)
            ((float *)weights)[i] = (float)value;
        else
            ((double *)weights)[i] = value;
    }
}

static void fill_op(const tw_net *net, const int *first_reader, int number, uint64_t seed, tw_type type,
                    void *weights) {
    const tw_op *op = &net->ops[number];
    for (int t = 0; t < op->tensor_count; t++) {
        tw_random random = tw_random_stream(seed, TW_RANDOM_WEIGHTS, (uint64_t)number, (uint32_t)t);
        tw_start start = op->tensors[t].start;
        double limit = start == TW_START_RANDOM ? limit_of(net, first_reader, number) : 0;
        double constant = start == TW_START_ONE ? 1 : 0;
        fill(&op->tensors[t], type, weights, constant - limit, constant + limit, &random);
    }
}

tw_status tw_net_initialise(const tw_net *net, uint64_t seed, tw_type type, void *weights) {
    if (!net || !weights) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", net ? "weights" : "net");
    if (tw_type_size(type) == 0)
        return tw_fail(TW_ERROR_ARGUMENT, "type is %d; expected TW_F32 or TW_F64", (int)type);
    int *first_reader = tw_alloc(net->op_count, sizeof *first_reader);
    if (!first_reader) return TW_ERROR_MEMORY;
    for (int i = net->op_count - 1; i >= 0; i--) {
        first_reader[i] = -1;
        for (int k = 0; k < 2 && net->ops[i].inputs[k] >= 0; k++) first_reader[net->ops[i].inputs[k]] = i;
    }
    for (int i = 1; i < net->op_count; i++) fill_op(net, first_reader, i, seed, type, weights);
    tw_free(first_reader);
    return TW_OK;
}

/* Freezing: a network's weights, made ready once for many runs.
 *
 * An operator that is a scale and a shift of each channel (batch norm in use) is folded into the convolution
 * before it, when nobody else reads that:
 *
 *     w' = scale w    b' = scale b + shift        in double, each rounded once
 *
 * so that its pass over the data is gone, and that of a relu or relu6 behind it too. Then every convolution's
 * weights are packed in the order in which it reads them. All of it lies in one block that the runner owns;
 * the caller's weights may go. What has nothing folded gives the bits of a run on the weights themselves. */
#include "net/frozen.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "net/runner.h"

/* Freezing at work. */
typedef struct freezing {
    tw_runner *runner;
    const void *weights;
    tw_frozen *frozen;
    void *folded; /* the weights of one convolution before they are packed */
} freezing;

/* The operator that is folded into convolution i; 0: none. */
static int folded_into(const tw_net *net, int i) {
    const tw_op *op = &net->ops[i];
    if (!op->layer->plans || op->readers != 1) return 0;
    return net->ops[op->last_reader].layer->affine ? op->last_reader : 0;
}

/* What convolution i computes too: what is folded into it, and the relu or relu6 behind that. */
static void mark_folded(freezing *f, int i) {
    const tw_net *net = f->runner->net;
    const int next = folded_into(net, i),
              ramp = next && net->ops[next].readers == 1 ? net->ops[next].last_reader : 0;
    if (!next) return;
    f->frozen->ops[next].folded = true;
    if (!ramp || net->ops[ramp].layer->ramp == TW_NO_RAMP) return;
    f->frozen->ops[i].ramp = net->ops[ramp].layer->ramp;
    f->frozen->ops[ramp].folded = true;
}

/* ---- Sizes ---- */

static size_t packed_bytes(const freezing *f, int i) {
    return f->runner->net->ops[i].layer->plans ? tw_conv_packed_bytes(f->runner->stages[i].plan, TW_FORWARD)
                                               : 0;
}

/* Bytes of each tensor of operator i, the first in its packed form where there is one. All were counted
 * together by the network: no product wraps. */
static void part_bytes(const freezing *f, int i, size_t bytes[TW_MAX_TENSORS]) {
    const tw_net *net = f->runner->net;
    const tw_op *op = &net->ops[i];
    memset(bytes, 0, TW_MAX_TENSORS * sizeof *bytes);
    if (f->frozen->ops[i].folded) return;
    for (int t = 0; t < op->tensor_count; t++) bytes[t] = (size_t)op->tensors[t].count * f->runner->size;
    if (packed_bytes(f, i)) bytes[0] = packed_bytes(f, i);
    if (folded_into(net, i)) bytes[1] = (size_t)op->extent.channels * f->runner->size;
}

static tw_status count_bytes(freezing *f, size_t *folded) {
    const tw_net *net = f->runner->net;
    size_t most = (size_t)1 << TW_MOST_RUNNER_LOG2, bytes[TW_MAX_TENSORS];
    *folded = 0;
    for (int i = 1; i < net->op_count; i++) {
        part_bytes(f, i, bytes);
        for (int t = 0; t < TW_MAX_TENSORS; t++) {
            if (bytes[t] > most || f->frozen->bytes > most - bytes[t])
                return tw_fail(TW_ERROR_LIMIT, "the frozen weights need more than 2^%d bytes",
                               TW_MOST_RUNNER_LOG2);
            f->frozen->bytes += (size_t)tw_round_up((int64_t)bytes[t], TW_ALIGNMENT);
        }
        size_t plain = (size_t)net->ops[i].tensors[0].count * f->runner->size;
        if (folded_into(net, i) && packed_bytes(f, i) && plain > *folded) *folded = plain;
    }
    return TW_OK;
}

/* ---- Folding ---- */

/* The output channel that number i of a convolution's weights leads to. */
static int64_t channel_of(const tw_op *op, int64_t i) {
    const tw_geometry *g = &op->shape.geometry;
    int64_t count = op->tensors[0].count;
    if (!g->transposed) return i / (count / g->out_channels);
    int64_t each = g->out_channels / g->groups, pair = i / (count / g->in_channels / each);
    int64_t group = pair / each / (g->in_channels / g->groups);
    return group * each + pair % each;
}

/* Weights and bias of convolution i with the operator `next` folded in. */
static void fold(freezing *f, int i, int next, void *w, void *b) {
    const tw_sweeps *sweeps = f->runner->sweeps;
    tw_run conv = tw_runner_run(f->runner, i, f->weights, NULL, 1, false, 0);
    tw_run norm = tw_runner_run(f->runner, next, f->weights, NULL, 1, false, 0);
    double scale = 0, shift = 0;
    int64_t known = -1; /* the channel that scale and shift belong to */
    for (int64_t k = 0; k < conv.op->tensors[0].count; k++) {
        int64_t channel = channel_of(conv.op, k);
        if (channel != known) norm.op->layer->affine(&norm, known = channel, &scale, &shift);
        sweeps->set(w, k, scale * sweeps->get(conv.w[0], k));
    }
    for (int64_t c = 0; c < conv.op->extent.channels; c++) {
        norm.op->layer->affine(&norm, c, &scale, &shift);
        sweeps->set(b, c, (conv.w[1] ? scale * sweeps->get(conv.w[1], c) : 0) + shift);
    }
}

/* Operator i's part of the block, which begins at `at`; returns its end. */
static tw_status fill(freezing *f, int i, char **at) {
    tw_run run = tw_runner_run(f->runner, i, f->weights, NULL, 1, false, 0);
    tw_frozen_op *to = &f->frozen->ops[i];
    void *part[TW_MAX_TENSORS] = {NULL};
    size_t bytes[TW_MAX_TENSORS];
    part_bytes(f, i, bytes);
    for (int t = 0; t < TW_MAX_TENSORS; t++) {
        if (bytes[t]) to->w[t] = part[t] = *at;
        *at += tw_round_up((int64_t)bytes[t], TW_ALIGNMENT);
    }
    int next = folded_into(f->runner->net, i);
    bool packs = packed_bytes(f, i) > 0;
    if (next) fold(f, i, next, packs ? f->folded : part[0], part[1]);
    for (int t = next ? TW_MAX_TENSORS : packs; t < run.op->tensor_count && !to->folded; t++)
        memcpy(part[t], run.w[t], bytes[t]);
    if (!packs) return TW_OK;
    to->packed = part[0];
    to->w[0] = NULL;
    return tw_conv_pack(run.plan, TW_FORWARD, next ? f->folded : run.w[0], part[0]);
}

/* ---- The whole ---- */

void tw_frozen_free(tw_frozen *frozen) {
    if (!frozen) return;
    tw_free(frozen->ops);
    tw_free(frozen->block);
    tw_free(frozen);
}

static tw_status freeze(freezing *f) {
    const tw_net *net = f->runner->net;
    f->frozen->ops = tw_alloc_zero(net->op_count, sizeof *f->frozen->ops);
    if (!f->frozen->ops) return TW_ERROR_MEMORY;
    for (int i = 1; i < net->op_count; i++) mark_folded(f, i);
    size_t folded;
    tw_status status = count_bytes(f, &folded);
    if (status) return status;
    f->frozen->block = tw_alloc((int64_t)f->frozen->bytes, 1);
    f->folded = tw_alloc((int64_t)folded, 1);
    if (!f->frozen->block || !f->folded) return TW_ERROR_MEMORY;
    char *at = f->frozen->block;
    for (int i = 1; i < net->op_count && !status; i++) status = fill(f, i, &at);
    return status;
}

tw_status tw_runner_freeze(tw_runner *r, const void *weights) {
    if (!r) return tw_fail(TW_ERROR_ARGUMENT, "runner is NULL");
    if (r->options.trains)
        return tw_fail(TW_ERROR_ARGUMENT,
                       "this runner was made with trains = true; only one that infers freezes");
    if (!weights && r->net->weights) return tw_fail(TW_ERROR_ARGUMENT, "weights is NULL");
    freezing f = {.runner = r, .weights = weights, .frozen = tw_alloc_zero(1, sizeof *f.frozen)};
    tw_status status = f.frozen ? freeze(&f) : TW_ERROR_MEMORY;
    tw_free(f.folded);
    if (status) {
        tw_frozen_free(f.frozen);
        return status;
    }
    tw_frozen_free(r->frozen);
    r->frozen = f.frozen;
    return TW_OK;
}

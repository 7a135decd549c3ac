/* Softmax over the channels of each pixel (of a flat value: over all its numbers). As a network's last
 * operator under cross-entropy it is fused with the loss: see loss.c. */
#include "net/split.h"

static size_t offset_of(const tw_run *run, int64_t row) {
    return (size_t)(row * run->op->extent.channels) * run->size;
}

static void forward_rows(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    size_t offset = offset_of(run, first);
    run->sweeps->softmax(last - first, run->op->extent.channels, (const char *)run->x[0] + offset,
                         (char *)run->y + offset);
}

static void backward_rows(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    size_t offset = offset_of(run, first);
    run->sweeps->softmax_back(last - first, run->op->extent.channels, (const char *)run->y + offset,
                              (const char *)run->dy + offset, (char *)run->dx + offset);
}

static tw_status forward(const tw_run *run) {
    const tw_extent *e = &run->op->extent;
    tw_split(run, run->count * e->pixels, 4096 / e->channels, 4 * run->count * e->count, forward_rows, run);
    return TW_OK;
}

static tw_status backward(const tw_run *run) {
    const tw_extent *e = &run->op->extent;
    if (run->dx)
        tw_split(run, run->count * e->pixels, 4096 / e->channels, run->count * e->count, backward_rows, run);
    return TW_OK;
}

static tw_status infer(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    op->extent = *in;
    op->flops = 4 * in->count;
    return TW_OK;
}

static const tw_field no_fields[] = {{0}};

const tw_layer tw_layer_softmax = {
    .name = "softmax",
    .summary = "probabilities over the channels",
    .forward_formula = "y_i = exp(x_i) / sum_j exp(x_j)",
    .backward_formula = "dx_i = y_i (dy_i - sum_j y_j dy_j)",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .reads_y = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};

/* Layers that are one convolution with the input: conv, deconv (transposed), dense. All run through a tw_conv
 * plan; a dense layer is a convolution of one pixel whose channels are all numbers that reach it, in the
 * order in which they lie: [height][width][channel]. */
#include <stddef.h>

#include "base/checked.h"
#include "base/fail.h"
#include "net/layer.h"

static tw_status add_tensors(tw_op *op) {
    const tw_geometry *g = &op->shape.geometry;
    tw_tensor weight = {.role = "weight", .trained = true, .decays = true, .start = TW_START_RANDOM};
    bool dense = g->spatial == 1 && op->extent.spatial == 0;
    weight.rank = dense ? 2 : 2 + g->spatial;
    weight.shape[0] = g->transposed ? g->in_channels : g->out_channels;
    weight.shape[1] = (g->transposed ? g->out_channels : g->in_channels) / g->groups;
    for (int a = 2; a < weight.rank; a++) weight.shape[a] = g->kernel[a - 2];
    tw_status status = tw_op_tensor(op, weight);
    if (status || op->set.nobias) return status;
    tw_tensor bias = {.role = "bias", .rank = 1, .shape = {g->out_channels}, .trained = true};
    return tw_op_tensor(op, bias);
}

static tw_status count_flops(tw_op *op) {
    tw_geometry_sizes sizes;
    tw_status status = tw_geometry_count(&op->shape.geometry, &sizes);
    if (status) return status;
    op->flops = 2 * sizes.taps + (op->set.nobias ? 0 : op->extent.count);
    return TW_OK;
}

static tw_status finish(tw_op *op) {
    tw_status status = add_tensors(op);
    return status ? status : count_flops(op);
}

static tw_status infer_conv(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    tw_status status = tw_window(op, in, op->set.out, op->set.groups, false);
    return status ? status : finish(op);
}

static tw_status infer_deconv(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    tw_status status = tw_window(op, in, op->set.out, op->set.groups, true);
    return status ? status : finish(op);
}

static tw_status infer_dense(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    tw_geometry g = tw_geometry_defaults(1);
    g.in_channels = in->count;
    g.out_channels = op->set.out;
    g.input[0] = g.kernel[0] = 1;
    g.layout = TW_NHWC;
    tw_status status = tw_shape_create(&op->shape, &g);
    if (status) return status;
    op->extent = tw_extent_flat(op->set.out);
    return finish(op);
}

static tw_conv_call call_of(const tw_run *run, tw_pass pass) {
    return (tw_conv_call){.pass = pass,
                          .w = run->w[0],
                          .packed_w = pass == TW_FORWARD ? run->packed_w : NULL,
                          .workspace = run->workspace,
                          .workspace_bytes = run->workspace_bytes,
                          .batch = run->count};
}

static tw_status forward(const tw_run *run) {
    tw_conv_call call = call_of(run, TW_FORWARD);
    call.x = run->x[0];
    call.b = run->w[1]; /* NULL: none */
    call.y = run->y;
    call.ramp = run->ramp;
    return tw_conv_execute(run->plan, &call);
}

static tw_status backward(const tw_run *run) {
    tw_status status = TW_OK;
    if (run->dw[0]) {
        tw_conv_call call = call_of(run, TW_BACKWARD_WEIGHTS);
        call.x = run->x[0];
        call.dy = run->dy;
        call.dw = run->dw[0];
        call.db = run->op->set.nobias ? NULL : run->dw[1];
        status = tw_conv_execute(run->plan, &call);
    }
    if (status || !run->dx) return status;
    tw_conv_call call = call_of(run, TW_BACKWARD_DATA);
    call.dy = run->dy;
    call.dx = run->dx;
    return tw_conv_execute(run->plan, &call);
}

static const tw_field conv_fields[] = {
    {TW_FIELD_INTEGER, NULL, "the number of output channels, like 16", offsetof(tw_settings, out),
     .least = 1},
    {TW_FIELD_SIZES, NULL, "the kernel size, like 3x3", offsetof(tw_settings, kernel), .least = 1},
    {TW_FIELD_SIZES, "stride", "a stride, like 2 or 2x1", offsetof(tw_settings, stride), .least = 1},
    {TW_FIELD_PADS, "pad", "padding, like 1, 1x2, 0,1 (begin, end) or same", offsetof(tw_settings, pad),
     .least = 0},
    {TW_FIELD_SIZES, "dilation", "a dilation, like 2 or 2x1", offsetof(tw_settings, dilation), .least = 1},
    {TW_FIELD_INTEGER, "groups", "the number of groups, like 4", offsetof(tw_settings, groups), .least = 1},
    {TW_FIELD_MODE, "mode", "zeros, reflect, replicate or circular", offsetof(tw_settings, mode), .least = 0},
    {TW_FIELD_FLAG, "nobias", "nothing", offsetof(tw_settings, nobias), .least = 0},
    {TW_FIELD_FLAG, "flip", "nothing", offsetof(tw_settings, flip), .least = 0},
    {0}};

const tw_layer tw_layer_conv = {
    .name = "conv",
    .summary = "convolution: channels, kernel size, stride, pad, dilation, groups, mode, nobias, flip",
    .forward_formula = "y[h] = b + sum_k w[k] x[h * stride + k * dilation - pad]",
    .backward_formula =
        "dx = W^T dy; dw[k] = sum_h dy[h] x[h * stride + k * dilation - pad]; db = sum_h dy[h]",
    .inputs = 1,
    .fields = conv_fields,
    .defaults = {.groups = 1},
    .plans = true,
    .reads_x = true,
    .absorbs = true,
    .infer = infer_conv,
    .forward = forward,
    .backward = backward,
};

static const tw_field deconv_fields[] = {
    {TW_FIELD_INTEGER, NULL, "the number of output channels, like 16", offsetof(tw_settings, out),
     .least = 1},
    {TW_FIELD_SIZES, NULL, "the kernel size, like 4x4", offsetof(tw_settings, kernel), .least = 1},
    {TW_FIELD_SIZES, "stride", "a stride, like 2 or 2x1", offsetof(tw_settings, stride), .least = 1},
    {TW_FIELD_PADS, "pad", "padding, like 1, 1x2, 0,1 (begin, end) or same", offsetof(tw_settings, pad),
     .least = 0},
    {TW_FIELD_SIZES, "outpad", "rows added at the end, like 1", offsetof(tw_settings, output_padding),
     .least = 0},
    {TW_FIELD_SIZES, "dilation", "a dilation, like 2 or 2x1", offsetof(tw_settings, dilation), .least = 1},
    {TW_FIELD_INTEGER, "groups", "the number of groups, like 4", offsetof(tw_settings, groups), .least = 1},
    {TW_FIELD_FLAG, "nobias", "nothing", offsetof(tw_settings, nobias), .least = 0},
    {TW_FIELD_FLAG, "flip", "nothing", offsetof(tw_settings, flip), .least = 0},
    {0}};

const tw_layer tw_layer_deconv = {
    .name = "deconv",
    .alias = "convtranspose",
    .summary = "transposed convolution: channels, kernel size, stride, pad, outpad, dilation, groups, nobias",
    .forward_formula = "y = W^T x + b, with W the convolution that leads from y's sizes to x's",
    .backward_formula = "dx = W dy; dw[k] = sum_h x[h] dy[h * stride + k * dilation - pad]; db = sum dy",
    .inputs = 1,
    .fields = deconv_fields,
    .defaults = {.groups = 1},
    .plans = true,
    .reads_x = true,
    .absorbs = true,
    .infer = infer_deconv,
    .forward = forward,
    .backward = backward,
};

static const tw_field dense_fields[] = {
    {TW_FIELD_INTEGER, NULL, "the number of outputs, like 10", offsetof(tw_settings, out), .least = 1},
    {TW_FIELD_FLAG, "nobias", "nothing", offsetof(tw_settings, nobias), .least = 0},
    {0}};

const tw_layer tw_layer_dense = {
    .name = "dense",
    .summary = "full connection of all numbers that reach it: outputs, nobias",
    .forward_formula = "y = W x + b",
    .backward_formula = "dx = W^T dy; dW = dy x^T; db = dy",
    .inputs = 1,
    .fields = dense_fields,
    .plans = true,
    .reads_x = true,
    .absorbs = true,
    .infer = infer_dense,
    .forward = forward,
    .backward = backward,
};

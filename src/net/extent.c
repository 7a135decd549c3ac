/* Shape inference that several kinds of operator share: products of extents, tensors, windows that slide. */
#include <stdio.h>

#include "base/checked.h"
#include "base/fail.h"
#include "net/layer.h"

tw_status tw_extent_count(tw_extent *e) {
    int64_t bytes;
    e->pixels = 1;
    for (int a = 0; a < e->spatial; a++)
        if (!tw_mul(e->pixels, e->size[a], &e->pixels))
            return tw_fail(TW_ERROR_OVERFLOW, "pixels of an image: more than 63 bits can count");
    if (!tw_mul(e->pixels, e->channels, &e->count) || !tw_mul(e->count, 8, &bytes))
        return tw_fail(TW_ERROR_OVERFLOW, "numbers of an image: more than 63 bits can count");
    return TW_OK;
}

tw_extent tw_extent_flat(int64_t count) {
    return (tw_extent){.channels = count, .pixels = 1, .count = count};
}

void tw_extent_write(const tw_extent *e, char text[96]) {
    if (e->spatial == 0) {
        snprintf(text, 96, "%lld numbers", (long long)e->count);
        return;
    }
    int at = 0;
    for (int a = 0; a < e->spatial; a++)
        at += snprintf(text + at, (size_t)(96 - at), "%s%lld", a ? "x" : "", (long long)e->size[a]);
    snprintf(text + at, (size_t)(96 - at), ", %lld channels", (long long)e->channels);
}

tw_status tw_op_tensor(tw_op *op, tw_tensor tensor) {
    tensor.count = 1;
    for (int i = 0; i < tensor.rank; i++)
        if (!tw_mul(tensor.count, tensor.shape[i], &tensor.count))
            return tw_fail(TW_ERROR_OVERFLOW, "parameters of '%s': more than 63 bits can count", tensor.role);
    op->tensors[op->tensor_count++] = tensor;
    return TW_OK;
}

/* One number for all dimensions, or one for each. */
static tw_status spread(const char *what, const tw_sizes *sizes, int spatial, int64_t absent,
                        int64_t out[TW_MAX_SPATIAL]) {
    if (sizes->given > 1 && sizes->given != spatial)
        return tw_fail(TW_ERROR_SHAPE, "%s has %d numbers; expected 1 or %d, the dimensions of the image",
                       what, sizes->given, spatial);
    for (int a = 0; a < spatial; a++)
        out[a] = sizes->given == 0 ? absent : sizes->value[sizes->given == 1 ? 0 : a];
    return TW_OK;
}

/* Padding "same" makes ceil(input / stride) outputs, or input * stride of a transposed convolution; an odd
 * pixel of padding stands at the end. */
static tw_status pad_same(tw_geometry *g, int a) {
    int64_t extent, total;
    if (!tw_mul(g->kernel[a] - 1, g->dilation[a], &extent) || !tw_add(extent, 1, &extent))
        return tw_fail(TW_ERROR_OVERFLOW, "(kernel - 1) * dilation + 1: more than 63 bits can count");
    if (g->transposed) {
        total = tw_max(extent - g->stride[a], 0);
        g->output_padding[a] = tw_max(g->stride[a] - extent, 0);
    } else {
        int64_t left = g->input[a] - (tw_ceil_div(g->input[a], g->stride[a]) - 1) * g->stride[a];
        total = tw_max(extent - left, 0);
    }
    g->pad_begin[a] = total / 2;
    g->pad_end[a] = total - total / 2;
    return TW_OK;
}

static tw_status pad(tw_geometry *g, const tw_pads *pads) {
    if (pads->given > 1 && pads->given != g->spatial)
        return tw_fail(TW_ERROR_SHAPE, "pad has %d numbers; expected 1 or %d, the dimensions of the image",
                       pads->given, g->spatial);
    for (int a = 0; a < g->spatial && pads->given; a++) {
        int from = pads->given == 1 ? 0 : a;
        g->pad_begin[a] = pads->begin[from];
        g->pad_end[a] = pads->end[from];
        tw_status status = pads->same ? pad_same(g, a) : TW_OK;
        if (status) return status;
    }
    return TW_OK;
}

static tw_status window_geometry(const tw_op *op, const tw_extent *in, tw_geometry *g) {
    const tw_settings *set = &op->set;
    tw_status status;
    if (g->transposed && set->pad.same && set->output_padding.given)
        return tw_fail(TW_ERROR_ARGUMENT, "outpad with pad same; expected one of the two");
    for (int a = 0; a < g->spatial; a++) g->input[a] = in->size[a];
    if ((status = spread("the kernel size", &set->kernel, g->spatial, 1, g->kernel))) return status;
    if ((status = spread("stride", &set->stride, g->spatial, 1, g->stride))) return status;
    if ((status = spread("dilation", &set->dilation, g->spatial, 1, g->dilation))) return status;
    if ((status = spread("outpad", &set->output_padding, g->spatial, 0, g->output_padding))) return status;
    return pad(g, &set->pad);
}

tw_status tw_window(tw_op *op, const tw_extent *in, int64_t out_channels, int64_t groups, bool transposed) {
    if (in->spatial == 0)
        return tw_fail(TW_ERROR_SHAPE, "what reaches it is flat (%lld numbers); expected an image",
                       (long long)in->count);
    tw_geometry g = tw_geometry_defaults(in->spatial);
    g.in_channels = in->channels;
    g.out_channels = out_channels;
    g.groups = groups;
    g.layout = TW_NHWC;
    g.pad_mode = (tw_pad_mode)op->set.mode;
    g.transposed = transposed;
    g.flipped = op->set.flip;
    tw_status status = window_geometry(op, in, &g);
    if (!status) status = tw_shape_create(&op->shape, &g);
    if (status) return status;
    const int64_t *sizes = transposed ? op->shape.in : op->shape.out;
    op->extent = (tw_extent){.spatial = in->spatial, .channels = out_channels};
    for (int a = 0; a < in->spatial; a++) op->extent.size[a] = sizes[TW_AXES - in->spatial + a];
    return tw_extent_count(&op->extent);
}

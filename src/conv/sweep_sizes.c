/* What a sweep is: its sizes and axes, and which geometries are taken as those of another convolution. What
 * of it the order of sums depends on follows from the geometry of an image alone. */
#include "base/checked.h"
#include "conv/sweep.h"

static bool is_pointwise(const tw_sweep_spec *spec) {
    const tw_shape *s = &spec->problem->shape;
    for (int a = 0; a < TW_AXES; a++)
        if (s->kernel[a] != 1 || s->stride[a] != 1 || spec->pad[a] != 0 || s->in[a] != s->out[a])
            return false;
    return true;
}

/* A 1x1 convolution of stride 1 knows no rows: all pixels of an image, with channels last of all images, are
 * one row. */
static void flatten(tw_sweep *s, tw_axis_spec axes[TW_AXES]) {
    bool all = s->from_layout == TW_NHWC && s->to_layout == TW_NHWC;
    int64_t pixels = s->from_pixels * (all ? s->images : 1);
    for (int a = 0; a < TW_AXES; a++) axes[a].from = axes[a].to = a == TW_WIDTH ? pixels : 1;
    if (!all) return;
    s->flat = s->from_pixels;
    s->from_image *= s->images, s->to_image *= s->images;
    s->from_pixels = s->to_pixels = pixels;
    s->images = 1;
}

/* Where a stride is as long as the kernel, a destination has one tap, and few channels would fill a part of a
 * vector: with channels last, those of neighbouring destinations lie behind each other. */
static void weave(tw_sweep *s, const tw_sweep_spec *spec) {
    const tw_shape *shape = &spec->problem->shape;
    int64_t width = shape->kernel[TW_WIDTH];
    s->woven = 1;
    if (!spec->backward || s->from_layout != TW_NHWC || s->to_layout != TW_NHWC || s->groups > 1) return;
    if (width != shape->stride[TW_WIDTH] || spec->pad[TW_WIDTH] != 0 || shape->dilation[TW_WIDTH] != 1)
        return;
    if (spec->to[TW_WIDTH] % width != 0 || spec->to[TW_WIDTH] / width != shape->out[TW_WIDTH]) return;
    if (s->produce >= spec->problem->loops->lanes) return;
    s->woven = width;
    s->produce *= width, s->to_channels *= width, s->to_pixels /= width;
}

/* Whether a single output channel is fanned out. The order of sums depends on it, so that the geometry alone
 * decides: there is enough to sum for each tap; rows fit into a task; and padding is no longer than they. */
static void fan(tw_sweep *s, const tw_sweep_spec *spec) {
    enum { LEAST_PRODUCTS = 8, MOST_COLUMNS = 4096 };
    const tw_shape *shape = &spec->problem->shape;
    const int64_t taps = shape->kernel[TW_WIDTH], products = shape->kernel_taps / taps * s->reduce;
    s->fanned = 1, s->hop = shape->dilation[TW_WIDTH];
    if (s->produce > 1 || s->groups > 1 || taps == 1 || shape->stride[TW_WIDTH] > 1) return;
    if (products < LEAST_PRODUCTS || s->from_pixels == 1 || spec->to[TW_HEIGHT] == 1) return;
    if (spec->to[TW_WIDTH] > MOST_COLUMNS || (taps - 1) * s->hop >= spec->to[TW_WIDTH]) return;
    s->produce = s->fanned = taps;
}

static void take_sizes(tw_sweep *s, const tw_sweep_spec *spec) {
    const tw_shape *shape = &spec->problem->shape;
    bool back = spec->backward;
    s->mode = spec->mode;
    s->backward = back;
    s->flipped = shape->geometry.flipped;
    s->from_layout = shape->geometry.layout;
    s->to_layout = spec->to_layout;
    s->size = tw_type_size(spec->problem->type);
    s->images = spec->images;
    s->groups = shape->groups;
    s->reduce = back ? shape->group_out : shape->group_in;
    s->produce = back ? shape->group_in : shape->group_out;
    s->from_channels = s->reduce * s->groups;
    s->to_channels = s->produce * s->groups;
    s->from_pixels = back ? shape->out_pixels : shape->in_pixels;
    s->to_pixels = spec->to[0] * spec->to[1] * spec->to[2];
    s->from_image = s->from_pixels * s->from_channels;
    s->to_image = s->to_pixels * s->to_channels;
    weave(s, spec);
    fan(s, spec);
}

static tw_status make_axes(tw_sweep *s, const tw_sweep_spec *spec) {
    const tw_shape *shape = &spec->problem->shape;
    tw_axis_spec axes[TW_AXES];
    for (int a = 0; a < TW_AXES; a++) {
        s->kernel[a] = shape->kernel[a];
        axes[a] = (tw_axis_spec){.from = spec->backward ? shape->out[a] : shape->in[a],
                                 .to = spec->to[a],
                                 .kernel = shape->kernel[a],
                                 .stride = shape->stride[a],
                                 .dilation = shape->dilation[a],
                                 .pad = spec->pad[a],
                                 .backward = spec->backward};
    }
    if (s->woven > 1) {
        tw_axis_spec *x = &axes[TW_WIDTH];
        x->kernel = x->stride = 1, x->to = x->from;
    }
    if (s->fanned > 1) { /* destination j is source j + the least shift */
        tw_axis_spec *x = &axes[TW_WIDTH];
        int64_t more = (x->kernel - 1) * x->dilation;
        x->to += more, x->pad -= spec->backward ? more : 0;
        x->kernel = x->dilation = 1;
    }
    if (is_pointwise(spec)) flatten(s, axes);
    s->taps = 1;
    for (int a = 0; a < TW_AXES; a++) {
        tw_status status = tw_axis_create(&s->axis[a], &axes[a]);
        if (status) return status;
        s->taps *= tw_axis_used(&s->axis[a]);
    }
    return TW_OK;
}

tw_status tw_sweep_take_sizes(tw_sweep *s, const tw_sweep_spec *spec) {
    take_sizes(s, spec);
    return make_axes(s, spec);
}

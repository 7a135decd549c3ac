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

/* Whether to fan out pays, for rows of `width` pixels: measured with vectors of 16 numbers (Zen 5). With
 * channels last almost always, unless the taps' sums would leave a third of their vectors empty in long rows,
 * or there is little to sum for each. With channels first, where pixels lie as the other tiles want them, if
 * these have few rows or short ones and there is more to sum. */
static bool fanning_pays(const tw_sweep *s, int64_t width, int64_t taps, int64_t products) {
    enum { LANES = 16, MOST_CHANNELS = 8, SHORT = 16, LONG = 24, FEW_SUMS = 12 };
    const int64_t channels = s->produce, sums = channels * taps;
    if (channels == 1) return products >= 8;
    if (channels > MOST_CHANNELS) return false;
    if (s->from_layout == TW_NCHW) {
        const bool few = channels == 2 || (sums <= FEW_SUMS && width >= LONG);
        return few ? products >= 40 : width <= SHORT && products >= 20 * width;
    }
    const bool fills = sums <= FEW_SUMS || 3 * sums >= 2 * tw_round_up(sums, LANES);
    return width <= SHORT || (fills && (taps <= 3 || products >= 5 * taps));
}

/* Fans output channels out. The order of sums depends on it, so that the geometry alone decides: besides,
 * rows fit into a task, and padding is no longer than what the taps reach. */
static void fan(tw_sweep *s, const tw_sweep_spec *spec) {
    enum { MOST_COLUMNS = 4096 };
    const tw_shape *shape = &spec->problem->shape;
    const int64_t taps = shape->kernel[TW_WIDTH], products = shape->kernel_taps / taps * s->reduce;
    const int64_t hop = shape->dilation[TW_WIDTH], reach = (taps - 1) * hop, pad = spec->pad[TW_WIDTH];
    const int64_t from = spec->backward ? shape->out[TW_WIDTH] : shape->in[TW_WIDTH], to = spec->to[TW_WIDTH];
    s->fanned = 1;
    if (s->groups > 1 || s->woven > 1 || taps == 1 || shape->stride[TW_WIDTH] > 1) return;
    if (s->from_pixels == 1 || spec->to[TW_HEIGHT] == 1 || to > MOST_COLUMNS || reach >= to) return;
    s->hop = hop, s->fan_width = to + reach;
    if (s->mode == TW_PAD_ZEROS) s->fan_lead = spec->backward ? reach - pad : pad;
    if (s->fan_lead < 0 || s->fan_lead + from > s->fan_width) return;
    if (!fanning_pays(s, to, taps, products)) return;
    s->fanned = taps, s->produce *= taps;
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
    if (s->fanned > 1) { /* sums of what there is; of repeated pixels too */
        tw_axis_spec *x = &axes[TW_WIDTH];
        bool zeros = s->mode == TW_PAD_ZEROS;
        x->to = zeros ? x->from : s->fan_width, x->pad = zeros ? 0 : x->pad;
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

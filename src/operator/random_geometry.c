/* Geometries that reach every branch: drawn freely from ranges that hold the odd cases (kernels wider than
 * the image, windows wholly in the padding, one pixel, empty batches), and drawn again until legal and small
 * enough. A few draws in eight are the shapes that fast paths are made for: many channels, 3x3 of stride 1,
 * depthwise. */
#include "operator/random_geometry.h"

#include "base/checked.h"

static int64_t between(tw_random *random, int64_t least, int64_t most) {
    return least + (int64_t)tw_random_below(random, (uint64_t)(most - least + 1));
}

static bool one_in(tw_random *random, uint64_t n) {
    return tw_random_below(random, n) == 0;
}

/* Channels by groups: one group, several, or one for each input channel with a multiplier. Sometimes more
 * than a register tile holds, and then seldom a multiple of it. */
static void draw_channels(tw_random *random, tw_geometry *g) {
    bool wide = one_in(random, 4);
    int64_t most = wide ? 70 : 5, least = wide ? 17 : 1;
    switch (tw_random_below(random, 6)) {
    case 0: /* depthwise */
        g->groups = between(random, least, most);
        g->in_channels = g->groups;
        g->out_channels = g->groups * between(random, 1, wide ? 2 : 3);
        break;
    case 1: /* groups */
        g->groups = between(random, 2, 4);
        g->in_channels = g->groups * between(random, 1, wide ? 20 : 3);
        g->out_channels = g->groups * between(random, 1, wide ? 20 : 3);
        break;
    default:
        g->in_channels = one_in(random, 3) ? between(random, 1, 5) : between(random, least, most);
        g->out_channels = one_in(random, 3) ? between(random, 1, 5) : between(random, least, most);
    }
}

static void draw_axis(tw_random *random, tw_geometry *g, int a) {
    int64_t most_input = g->spatial == 1 ? 40 : g->spatial == 2 ? 14 : 6;
    g->input[a] = one_in(random, 8) ? between(random, 1, 2) : between(random, 1, most_input);
    g->kernel[a] = one_in(random, 8) ? between(random, 5, 9) : between(random, 1, 4);
    g->stride[a] = one_in(random, 2) ? 1 : between(random, 1, 4);
    g->dilation[a] = one_in(random, 2) ? 1 : between(random, 1, 4);
    g->pad_begin[a] = one_in(random, 12) ? between(random, 0, 9) : between(random, 0, 3);
    g->pad_end[a] = one_in(random, 2) ? g->pad_begin[a] : between(random, 0, 3);
    if (g->transposed && one_in(random, 2))
        g->output_padding[a] = between(random, 0, tw_max(g->stride[a], g->dilation[a]) - 1);
}

/* What networks are made of, and fast paths for: 3x3 (or 3, 3x3x3) of stride 1, often with many channels. */
static void draw_common(tw_random *random, tw_geometry *g) {
    for (int a = 0; a < g->spatial; a++) {
        g->kernel[a] = 3;
        g->stride[a] = g->dilation[a] = 1;
        g->pad_begin[a] = between(random, 0, 2);
        g->pad_end[a] = one_in(random, 2) ? g->pad_begin[a] : between(random, 0, 2);
        g->output_padding[a] = 0;
    }
    if (one_in(random, 2)) return;
    g->groups = one_in(random, 4) ? 2 : 1;
    g->in_channels = g->groups * between(random, 8, 24);
    g->out_channels = g->groups * between(random, 8, 24);
}

static tw_geometry draw(tw_random *random) {
    tw_geometry g = tw_geometry_defaults(one_in(random, 2) ? 2 : (int)between(random, 1, 3));
    g.batch = between(random, 0, 3);
    g.transposed = one_in(random, 4);
    g.flipped = one_in(random, 4);
    g.layout = one_in(random, 2) ? TW_NCHW : TW_NHWC;
    if (!g.transposed && one_in(random, 2)) g.pad_mode = (tw_pad_mode)between(random, 0, TW_PAD_CIRCULAR);
    draw_channels(random, &g);
    for (int a = 0; a < g.spatial; a++) draw_axis(random, &g, a);
    if (one_in(random, 3)) draw_common(random, &g);
    return g;
}

static bool fits(const tw_geometry *g, int64_t most_products) {
    tw_geometry_sizes sizes;
    int64_t output[TW_MAX_SPATIAL];
    if (tw_geometry_count(g, &sizes) || tw_geometry_output(g, output)) return false;
    const int64_t *places = g->transposed ? g->input : output;
    int64_t products = sizes.w * tw_max(g->batch, 1);
    for (int a = 0; a < g->spatial; a++) products *= places[a];
    return products <= most_products;
}

tw_geometry tw_geometry_random(tw_random *random, int64_t most_products) {
    tw_geometry g;
    do g = draw(random);
    while (!fits(&g, most_products));
    return g;
}

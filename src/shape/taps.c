/* One loop nest over the base convolution of shape.h, and one place that says which input a tap reads.
 * Outside the image it reads nothing (zeros) or what the padding mode repeats. A transposed convolution is
 * the same list with out and in exchanged. Time: outputs times weights of an output; no memory. */
#include "shape/taps.h"

#include "base/memory.h"

/* The tap of output position `o` and kernel position `k` of a pair of channels of the base, which reads the
 * input's `in_pixel`. */
static tw_tap tap_of(const tw_shape *s, int64_t out_channel, int64_t out_pixel, int64_t in_channel,
                     int64_t in_pixel, int64_t k) {
    const tw_geometry *g = &s->geometry;
    int64_t out = tw_shape_index(g->layout, 0, s->out_channels, out_channel, s->out_pixels, out_pixel);
    int64_t in = tw_shape_index(g->layout, 0, s->in_channels, in_channel, s->in_pixels, in_pixel);
    int64_t first_weight = (out_channel * s->group_in + in_channel % s->group_in) * s->kernel_taps;
    int64_t weight = first_weight + (g->flipped ? s->kernel_taps - 1 - k : k);
    return g->transposed ? (tw_tap){in, out, weight} : (tw_tap){out, in, weight};
}

/* The input position of one axis that (output position, kernel position) reads, or -1 for a zero. */
static int64_t axis_source(const tw_shape *s, int a, int64_t o, int64_t k) {
    return tw_shape_source(s->geometry.pad_mode, o * s->stride[a] + k * s->dilation[a] - s->pad[a], s->in[a]);
}

/* The kernel positions of one pair of channels at one output pixel of the base. */
static void walk_kernel(const tw_shape *s, const int64_t o[TW_AXES], int64_t out_channel, int64_t in_channel,
                        void (*visit)(void *, tw_tap), void *context) {
    int64_t out_pixel = (o[0] * s->out[1] + o[1]) * s->out[2] + o[2];
    for (int64_t k = 0; k < s->kernel_taps; k++) {
        int64_t position[TW_AXES] = {k / s->kernel[2] / s->kernel[1], k / s->kernel[2] % s->kernel[1],
                                     k % s->kernel[2]};
        int64_t in_pixel = 0;
        for (int a = 0; a < TW_AXES && in_pixel >= 0; a++) {
            int64_t source = axis_source(s, a, o[a], position[a]);
            in_pixel = source < 0 ? -1 : in_pixel * s->in[a] + source;
        }
        if (in_pixel < 0) continue;
        visit(context, tap_of(s, out_channel, out_pixel, in_channel, in_pixel, k));
    }
}

void tw_taps_walk(const tw_shape *s, void (*visit)(void *context, tw_tap tap), void *context) {
    for (int64_t out_channel = 0; out_channel < s->out_channels; out_channel++)
        for (int64_t z = 0; z < s->out[0]; z++)
            for (int64_t y = 0; y < s->out[1]; y++)
                for (int64_t x = 0; x < s->out[2]; x++)
                    for (int64_t c = 0; c < s->group_in; c++) {
                        int64_t in_channel = out_channel / s->group_out * s->group_in + c;
                        walk_kernel(s, (int64_t[]){z, y, x}, out_channel, in_channel, visit, context);
                    }
}

/* What one axis may be fixed to; -1: free. */
typedef struct fixed {
    int64_t out[TW_AXES], in[TW_AXES], kernel[TW_AXES];
} fixed;

static void split(int64_t pixel, const int64_t size[TW_AXES], int64_t position[TW_AXES]) {
    position[2] = pixel % size[2];
    position[1] = pixel / size[2] % size[1];
    position[0] = pixel / size[2] / size[1];
}

/* Writes (NULL: only counts) the pairs of one axis that fit, in rising order of (output, kernel). Where one
 * of the two is fixed only the other is run through; a fixed input with zeros around it leaves one output for
 * each kernel position. */
static int64_t axis_pairs(const tw_shape *s, int a, const fixed *f, tw_taps_pair *pairs) {
    int64_t count = 0;
    int64_t first = f->out[a] < 0 ? 0 : f->out[a], end = f->out[a] < 0 ? s->out[a] : f->out[a] + 1;
    int64_t k_first = f->kernel[a] < 0 ? 0 : f->kernel[a];
    int64_t k_end = f->kernel[a] < 0 ? s->kernel[a] : f->kernel[a] + 1;
    bool zeros = s->geometry.pad_mode == TW_PAD_ZEROS;
    if (f->in[a] >= 0 && zeros) { /* o * stride = in + pad - k * dilation: o falls as k rises */
        for (int64_t k = k_end - 1; k >= k_first; k--) {
            int64_t from = f->in[a] + s->pad[a] - k * s->dilation[a];
            if (from < 0 || from % s->stride[a] || from / s->stride[a] >= s->out[a]) continue;
            if (pairs) pairs[count] = (tw_taps_pair){from / s->stride[a], k, f->in[a]};
            count++;
        }
        return count;
    }
    for (int64_t o = first; o < end; o++)
        for (int64_t k = k_first; k < k_end; k++) {
            int64_t in = axis_source(s, a, o, k);
            if (in < 0 || (f->in[a] >= 0 && in != f->in[a])) continue;
            if (pairs) pairs[count] = (tw_taps_pair){o, k, in};
            count++;
        }
    return count;
}

/* Which channels and positions of the base the end fixes. */
static void fix(tw_taps_chosen *c, tw_tap_end end, int64_t index, fixed *f) {
    const tw_shape *s = c->shape;
    const tw_geometry *g = &s->geometry;
    for (int a = 0; a < TW_AXES; a++) f->out[a] = f->in[a] = f->kernel[a] = -1;
    c->channels = 1;
    c->free_channel = TW_TAP_WEIGHT;
    if (end == TW_TAP_WEIGHT) {
        int64_t k = index % s->kernel_taps, pair = index / s->kernel_taps;
        split(g->flipped ? s->kernel_taps - 1 - k : k, s->kernel, f->kernel);
        c->out_channel = pair / s->group_in;
        c->in_channel = c->out_channel / s->group_out * s->group_in + pair % s->group_in;
        return;
    }
    bool base_out = (end == TW_TAP_OUT) != g->transposed;
    int64_t pixels = base_out ? s->out_pixels : s->in_pixels;
    int64_t channels = base_out ? s->out_channels : s->in_channels;
    int64_t channel = g->layout == TW_NCHW ? index / pixels : index % channels;
    int64_t pixel = g->layout == TW_NCHW ? index % pixels : index / channels;
    c->free_channel = base_out ? TW_TAP_IN : TW_TAP_OUT;
    if (base_out) {
        split(pixel, s->out, f->out);
        c->out_channel = channel;
        c->in_channel = channel / s->group_out * s->group_in;
        c->channels = s->group_in;
    } else {
        split(pixel, s->in, f->in);
        c->in_channel = channel;
        c->out_channel = channel / s->group_in * s->group_out;
        c->channels = s->group_out;
    }
}

tw_status tw_taps_choose(tw_taps_chosen *chosen, const tw_shape *shape, tw_tap_end end, int64_t index) {
    *chosen = (tw_taps_chosen){.shape = shape};
    fixed f;
    fix(chosen, end, index, &f);
    chosen->count = chosen->channels;
    for (int a = 0; a < TW_AXES; a++) {
        chosen->pairs[a] = axis_pairs(shape, a, &f, NULL);
        chosen->pair[a] = tw_alloc(chosen->pairs[a], sizeof *chosen->pair[a]);
        if (!chosen->pair[a]) {
            tw_taps_release(chosen);
            return TW_ERROR_MEMORY;
        }
        axis_pairs(shape, a, &f, chosen->pair[a]);
        chosen->count *= chosen->pairs[a];
    }
    return TW_OK;
}

tw_tap tw_taps_at(const tw_taps_chosen *c, int64_t number) {
    const tw_shape *s = c->shape;
    int64_t out = 0, in = 0, k = 0, left = number, at[TW_AXES];
    for (int a = TW_AXES - 1; a >= 0; a--) {
        at[a] = left % c->pairs[a];
        left /= c->pairs[a];
    }
    for (int a = 0; a < TW_AXES; a++) {
        const tw_taps_pair *p = &c->pair[a][at[a]];
        out = out * s->out[a] + p->out;
        in = in * s->in[a] + p->in;
        k = k * s->kernel[a] + p->kernel;
    }
    int64_t out_channel = c->out_channel + (c->free_channel == TW_TAP_OUT ? left : 0);
    int64_t in_channel = c->in_channel + (c->free_channel == TW_TAP_IN ? left : 0);
    return tap_of(s, out_channel, out, in_channel, in, k);
}

void tw_taps_release(tw_taps_chosen *chosen) {
    for (int a = 0; a < TW_AXES; a++) tw_free(chosen->pair[a]);
    *chosen = (tw_taps_chosen){0};
}

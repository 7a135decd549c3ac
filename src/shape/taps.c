/* One loop nest over the base convolution of shape.h, and one place that says which input a tap reads.
 * Outside the image it reads nothing (zeros) or what the padding mode repeats. A transposed convolution is
 * the same list with out and in exchanged. Time: outputs times weights of an output; no memory. */
#include "shape/taps.h"

/* The kernel positions of one pair of channels at one output pixel of the base. */
static void walk_kernel(const tw_shape *s, const int64_t o[TW_AXES], int64_t out_channel, int64_t in_channel,
                        void (*visit)(void *, tw_tap), void *context) {
    const tw_geometry *g = &s->geometry;
    int64_t out_pixel = (o[0] * s->out[1] + o[1]) * s->out[2] + o[2];
    int64_t out = tw_shape_index(g->layout, 0, s->out_channels, out_channel, s->out_pixels, out_pixel);
    int64_t first_weight = (out_channel * s->group_in + in_channel % s->group_in) * s->kernel_taps;
    for (int64_t k = 0; k < s->kernel_taps; k++) {
        int64_t position[TW_AXES] = {k / s->kernel[2] / s->kernel[1], k / s->kernel[2] % s->kernel[1],
                                     k % s->kernel[2]};
        int64_t in_pixel = 0;
        for (int a = 0; a < TW_AXES && in_pixel >= 0; a++) {
            int64_t i = o[a] * s->stride[a] + position[a] * s->dilation[a] - s->pad[a];
            int64_t source = tw_shape_source(g->pad_mode, i, s->in[a]);
            in_pixel = source < 0 ? -1 : in_pixel * s->in[a] + source;
        }
        if (in_pixel < 0) continue;
        int64_t in = tw_shape_index(g->layout, 0, s->in_channels, in_channel, s->in_pixels, in_pixel);
        int64_t weight = first_weight + (g->flipped ? s->kernel_taps - 1 - k : k);
        visit(context, g->transposed ? (tw_tap){in, out, weight} : (tw_tap){out, in, weight});
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

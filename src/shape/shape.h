/* The validated geometry, as all other code takes it: always three spatial dimensions (depth, height, width;
 * the absent ones are 1), and always described by an ordinary convolution, the *base*.
 *
 * A transposed convolution is the adjoint of its base: what it reads (x) is the base's output, what it writes
 * (y) the base's input. So every algorithm knows one kind of convolution:
 *
 *     pass of the user        ordinary                        transposed
 *     forward                 base forward  (x -> y)          base backward data (x -> y)
 *     backward data           base backward data (dy -> dx)   base forward (dy -> dx)
 *     backward weights        base weights (x, dy)            base weights (x := dy, dy := x)
 *
 * The base's weights are [out_channels][in_channels / groups][kernel], which for a transposed convolution is
 * just the user's [in_channels][out_channels / groups][kernel]: no weight moves. */
#ifndef TW_SHAPE_SHAPE_H
#define TW_SHAPE_SHAPE_H

#include <twill/geometry.h>

enum { TW_DEPTH = 0, TW_HEIGHT, TW_WIDTH, TW_AXES };

typedef struct tw_shape {
    tw_geometry geometry; /* as the user gave it */

    /* The base convolution. */
    int64_t batch, groups;
    int64_t in_channels, out_channels; /* all groups together */
    int64_t group_in, group_out;       /* of one group */
    int64_t in[TW_AXES],
        out[TW_AXES]; /* `out` may be smaller than the formula allows: it is what is computed */
    int64_t kernel[TW_AXES], stride[TW_AXES], dilation[TW_AXES], pad[TW_AXES]; /* pad at the begin */

    /* Products that are known to fit, in elements. */
    int64_t in_pixels, out_pixels, kernel_taps; /* of one image, of one kernel */
    int64_t in_image, out_image;                /* pixels * channels */
    int64_t in_count, out_count, w_count;       /* the whole batch; weights */
} tw_shape;

/* Validates and fills; the rules and errors of tw_geometry_validate. */
tw_status tw_shape_create(tw_shape *shape, const tw_geometry *geometry);

/* Where position `i` (may lie outside) of an axis of `size` elements takes its value: 0 .. size-1, or -1 for
 * a zero. */
int64_t tw_shape_source(tw_pad_mode mode, int64_t i, int64_t size);

/* Index of (image, channel, pixel) in a tensor of `channels` channels and `pixels` pixels. */
static inline int64_t tw_shape_index(tw_layout layout, int64_t image, int64_t channels, int64_t channel,
                                     int64_t pixels, int64_t pixel) {
    return layout == TW_NCHW ? (image * channels + channel) * pixels + pixel
                             : (image * pixels + pixel) * channels + channel;
}

#endif

/* The geometry: everything one can say of a convolution, in one plain struct.
 *
 *     tw_geometry g = tw_geometry_defaults(2); // 2 spatial dimensions; strides, dilations, groups, batch 1
 *     g.in_channels = 3, g.out_channels = 16;
 *     g.input[0] = 32, g.input[1] = 32; // height, width
 *     g.kernel[0] = 3, g.kernel[1] = 3;
 *     g.pad_begin[0] = g.pad_end[0] = g.pad_begin[1] = g.pad_end[1] = 1;
 *
 * Tensors. With NCHW (channels first) x is [batch][in_channels][input...], y is
 * [batch][out_channels][output...]; with NHWC (channels last) x is [batch][input...][in_channels] and y
 * likewise. Weights never depend on the layout:
 *
 *     w [out_channels][in_channels / groups][kernel...]       ordinary
 *     w [in_channels][out_channels / groups][kernel...]       transposed
 *     b [out_channels]
 *
 * Parameter p of the convolution is w[p] in that order. Spatial dimensions are (width), (height, width) or
 * (depth, height, width): the last one is contiguous.
 *
 * The map of one image, with h the output position, k the kernel position, per spatial dimension:
 *
 *     ordinary    y[h] = b + sum over k of w[k] * x~[h * stride + k * dilation - pad_begin]
 *     flipped     the same with w[kernel - 1 - k]: the convolution of the mathematicians
 *     transposed  the adjoint of the ordinary one that leads from y's sizes to x's sizes (plus b)
 *
 * where x~ continues x outside its borders as the padding mode says. */
#ifndef TWILL_GEOMETRY_H
#define TWILL_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <twill/machine.h>
#include <twill/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { TW_MAX_SPATIAL = 3 };

/* What stands outside the borders, for the row 1 2 3 4 padded by 2:
 *     zeros      0 0 | 1 2 3 4 | 0 0
 *     reflect    3 2 | 1 2 3 4 | 3 2    needs pad < input
 *     replicate  1 1 | 1 2 3 4 | 4 4
 *     circular   3 4 | 1 2 3 4 | 1 2    needs pad <= input */
typedef enum tw_pad_mode { TW_PAD_ZEROS = 0, TW_PAD_REFLECT, TW_PAD_REPLICATE, TW_PAD_CIRCULAR } tw_pad_mode;

typedef enum tw_layout { TW_NCHW = 0, TW_NHWC } tw_layout;

typedef struct tw_geometry {
    size_t struct_size; /* sizeof(tw_geometry): set by tw_geometry_defaults */
    int spatial;        /* 1, 2 or 3 */
    int64_t batch;      /* images, 0 allowed: then nothing is computed, and weight gradients are zero */
    int64_t in_channels, out_channels;
    int64_t groups;                /* divides both channel counts; in_channels for a depthwise convolution */
    int64_t input[TW_MAX_SPATIAL]; /* sizes, at least 1 */
    int64_t kernel[TW_MAX_SPATIAL];
    int64_t stride[TW_MAX_SPATIAL];
    int64_t dilation[TW_MAX_SPATIAL];
    int64_t pad_begin[TW_MAX_SPATIAL]; /* >= 0; for a transposed convolution: rows cut from the output */
    int64_t pad_end[TW_MAX_SPATIAL];
    int64_t output_padding[TW_MAX_SPATIAL]; /* transposed only: rows added at the output's end, < max(stride,
                                               dilation) */
    tw_pad_mode pad_mode;                   /* transposed: zeros only */
    tw_layout layout;
    bool transposed;
    bool flipped;
} tw_geometry;

/* A geometry with `spatial` dimensions (as given, also when illegal: validation will say so), batch, groups,
 * strides and dilations 1, no padding, zeros mode, NCHW; sizes and channels 0, to be filled in. */
tw_geometry tw_geometry_defaults(int spatial);

/* Checks every rule above and every size in elements and bytes. TW_OK, or: ARGUMENT (a value out of range, an
 * unknown enum), SHAPE (groups, input smaller than the kernel, empty output), OVERFLOW (a product over 63
 * bits), VERSION (a struct_size that this library does not know), UNSUPPORTED (transposed with another
 * padding mode than zeros). The message names the field, its value and what was expected. */
tw_status tw_geometry_validate(const tw_geometry *geometry);

/* The output's spatial sizes into output[spatial]:
 *     ordinary    floor((input + pad_begin + pad_end - ((kernel - 1) * dilation + 1)) / stride) + 1
 *     transposed  (input - 1) * stride + (kernel - 1) * dilation + 1 - pad_begin - pad_end + output_padding
 * (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.) Fails as
 * tw_geometry_validate does. */
tw_status tw_geometry_output(const tw_geometry *geometry, int64_t output[TW_MAX_SPATIAL]);

/* Elements of the four tensors, for the whole batch. */
typedef struct tw_geometry_sizes {
    int64_t x, y, w, b;
    int64_t taps; /* products of one image: pairs of output and weight whose input lies inside the image
                     (zeros), or all */
} tw_geometry_sizes;

tw_status tw_geometry_count(const tw_geometry *geometry, tw_geometry_sizes *sizes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

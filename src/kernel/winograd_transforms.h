/* The three transforms of Winograd's convolution of a 3x3 filter, as functions over vectors of channels.
 *
 *     Y = A^T [ (G g G^T) . (B^T d B) ] A        d a patch of side x side pixels, g the filter, Y its outputs
 *
 * With out = 2 (side 4) and out = 4 (side 6). What the matrices are stands in winograd_body.h; what is done
 * with them in conv/winograd.h. The product in the middle, for many patches and channels at once, is the tile
 * kernel's work: a matrix product for each of the side * side *points*. */
#ifndef TW_KERNEL_WINOGRAD_TRANSFORMS_H
#define TW_KERNEL_WINOGRAD_TRANSFORMS_H

#include <stdint.h>

#include <twill/conv.h>

enum { TW_WINOGRAD_SIDE = 6, TW_WINOGRAD_POINTS = TW_WINOGRAD_SIDE * TW_WINOGRAD_SIDE };

/* One patch, all its channels: v[point * v_point + channel] = (B^T d B)[point][channel]. pixels[column * side
 * + row] is where the channels of that pixel lie one beside the other. Not a byte outside `channels` is
 * touched. */
typedef struct tw_winograd_patch {
    const void *const *pixels;
    int64_t channels;
    void *v;
    int64_t v_point;
} tw_winograd_patch;

/* The filters of one input channel and `columns` output channels, columns being a whole number of vectors: g
 * is [9 taps][columns], and point p of column n is u[p * u_point + n]. */
typedef struct tw_winograd_filter {
    void *g;
    int64_t columns;
    void *u;
    int64_t u_point;
} tw_winograd_filter;

/* The outputs of one patch: y[row * y_row + col * y_col + column] = (A^T m A)[row][col][column] +
 * bias[column], after the ramp, for row < rows, col < cols (as many as lie inside the image), column <
 * columns. bias may be NULL. m[point * m_point + column] is read in whole vectors. */
typedef struct tw_winograd_result {
    const void *m;
    int64_t m_point;
    int64_t columns;
    const void *bias;
    tw_ramp ramp;
    void *y;
    int64_t y_row, y_col;
    int rows, cols;
} tw_winograd_result;

/* One of the two sizes. The gradient of the weights takes the same matrices the other way round:
 *
 *     dg = G^T [ (A dY A^T) . (B^T d B) ] G */
typedef struct tw_winograd {
    void (*patch)(const tw_winograd_patch *patch);
    void (*spread)(
        const tw_winograd_patch *tile); /* A dY A^T: out x out pixels, pixels[column * out + row] */
    void (*filter)(const tw_winograd_filter *filter);   /* u from g */
    void (*gradient)(const tw_winograd_filter *filter); /* g from u */
    void (*result)(const tw_winograd_result *result);
} tw_winograd;

#endif

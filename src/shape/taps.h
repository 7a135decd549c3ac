/* The walk over the taps: the geometry, written once.
 *
 * A convolution is a list of taps (out, in, weight), and its three passes are three sums over that list:
 *
 *     y[out] += w[weight] x[in]      dx[in] += w[weight] dy[out]      dw[weight] += dy[out] x[in]
 *
 * The conv matrix, the derivation that is explained and the reference of every test come from this walk. */
#ifndef TW_SHAPE_TAPS_H
#define TW_SHAPE_TAPS_H

#include "shape/shape.h"

/* Indices into one image's x and y (in the geometry's layout) and into w, as the user sees them. */
typedef struct tw_tap {
    int64_t out, in, weight;
} tw_tap;

/* Calls visit for each tap of one image: for an ordinary convolution by output channel, output pixel, input
 * channel, kernel position; for a transposed one by input, likewise. */
void tw_taps_walk(const tw_shape *shape, void (*visit)(void *context, tw_tap tap), void *context);

#endif

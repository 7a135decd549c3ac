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

typedef enum tw_tap_end { TW_TAP_OUT = 0, TW_TAP_IN, TW_TAP_WEIGHT } tw_tap_end;

/* The taps that share one output, one input or one weight, each to be had by its number without a walk: per
 * axis of the base the pairs (output position, kernel position) that fit, and a run of free channels. Time
 * and memory: the sum of the axes' sizes, not their product. */
typedef struct tw_taps_pair {
    int64_t out, kernel, in; /* positions along one axis of the base */
} tw_taps_pair;

typedef struct tw_taps_chosen {
    const tw_shape *shape;
    int64_t count;
    int64_t channels; /* free channels: inputs of an output, outputs of an input; 1 for a weight */
    int64_t out_channel, in_channel; /* the first of them, of the base */
    tw_tap_end free_channel;
    int64_t pairs[TW_AXES];
    tw_taps_pair *pair[TW_AXES];
} tw_taps_chosen;

/* The taps whose `end` is `index` (of one image, as the user sees it), in the order of the walk when the end
 * is the base's output, else by output channel and output position. MEMORY only. `shape` is borrowed. */
tw_status tw_taps_choose(tw_taps_chosen *chosen, const tw_shape *shape, tw_tap_end end, int64_t index);
/* Tap `number` of 0 .. count-1. */
tw_tap tw_taps_at(const tw_taps_chosen *chosen, int64_t number);
void tw_taps_release(tw_taps_chosen *chosen);

#endif

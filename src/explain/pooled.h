/* One channel under a moving window, as average and max pools see it: its taps, and the numbers that the
 * network's own pool makes of it. */
#ifndef TW_EXPLAIN_POOLED_H
#define TW_EXPLAIN_POOLED_H

#include "explain/problem.h"

typedef struct tw_pooled {
    tw_problem problem; /* the window as a convolution; x, y, dy and dx where they are known */
    double *y, *dx;     /* the problem's, where the image (and dL/dh) is known */
    int64_t *taken;     /* [y]: the pixel that a max pool takes; NULL: an average pool, or no image */
} tw_pooled;

/* The window of a request: its kernel over its first channel, its padding as far as a pool may have it, and
 * its stride, for which a 1 stands for the window's size unless it is kept. */
tw_geometry tw_pooled_window(const tw_geometry *geometry, bool keeps_stride);

/* Runs "avgpool" or "maxpool" on the image (NULL: symbols) and, where dL/dh is given, backward; and compares
 * what the network makes with the taps. NUMERIC when they differ, else the errors of tw_net_create. */
tw_status tw_pooled_create(tw_pooled *pooled, const tw_explain_request *window, bool largest);
void tw_pooled_release(tw_pooled *pooled);

/* Pixels that lie under the window of an output: all of its places but those in the padding. */
int64_t tw_pooled_pixels(const tw_pooled *pooled, int64_t output);

#endif

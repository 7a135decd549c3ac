/* The backward passes as convolutions, in grids: the first channel of an image with its border, a gradient
 * with zeros around it or between its elements, the first kernel turned over. All in terms of the base
 * convolution (shape.h), whose image is x, or h where the convolution is transposed. One or two dimensions.
 */
#ifndef TW_EXPLAIN_PLANES_H
#define TW_EXPLAIN_PLANES_H

#include "explain/passages.h"

/* One channel of a tensor: x and h, or their gradients. */
typedef struct tw_plane {
    const tw_naming *naming;
    tw_element element;
    int64_t channels, rows, columns;
} tw_plane;

/* What the base convolution reads and what it makes, each as values or as gradients. */
tw_plane tw_plane_in(const tw_problem *problem, bool gradient);
tw_plane tw_plane_out(const tw_problem *problem, bool gradient);

/* The image as far as the kernel reaches, with the border that the padding puts around it. */
tw_grid tw_plane_bordered(tw_document *document, const tw_problem *problem, tw_plane plane);
/* With stride - 1 zeros between the elements. */
tw_grid tw_plane_spread(tw_document *document, const tw_problem *problem, tw_plane plane);
/* The same in a border of zeros, as a full convolution reads it to make as many numbers as the image has. */
tw_grid tw_plane_framed(tw_document *document, const tw_problem *problem, tw_plane plane);
/* As it is. */
tw_grid tw_plane_plain(tw_document *document, const tw_problem *problem, tw_plane plane);

/* The first kernel, or its gradient: turned by 180 degrees or not, with its dilation's zeros or without. */
tw_grid tw_plane_kernel(tw_document *document, const tw_problem *problem, bool gradient, bool turned,
                        bool dilated);

/* The extents of the kernel with its dilation: [height], [width]. */
int64_t tw_plane_extent(const tw_problem *problem, int axis);
/* Whether all of these grids are small enough to be read. */
bool tw_planes_fit(const tw_problem *problem);
/* Whether some axis has a stride, a dilation or a padding. */
bool tw_planes_strided(const tw_problem *problem);
bool tw_planes_dilated(const tw_problem *problem);
bool tw_planes_padded(const tw_problem *problem);

#endif

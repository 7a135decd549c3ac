/* The gradient of the weights: dw[n][c][tap] = sum over images and output pixels of dy[pixel][n] *
 * x[source][c].
 *
 * For the tile kernel the rows are input channels, the columns output channels, and the sum runs over pixels:
 * a *chunk* of about 256 of them is one chain from zero, some rows of an image, or some small images. A
 * chunk's dy (channels last, a block of columns wide) stays in the first cache while all taps and channels
 * pass over it. Chunk number i of the batch is added to the partial gradient number i mod `slots`; the
 * partial gradients are added up at the end. So chunks can be worked on at the same time where the weights
 * alone would be too few to share among threads. Chunks and slots depend on the geometry alone.
 *
 * Taps whose source lies outside are left out, so a padding zero never meets an infinity. Only with very few
 * input channels the taps of a row are joined to one tile, and then padding is multiplied, unless the chunk's
 * dy holds a NaN or an infinity. */
#ifndef TW_CONV_GRADIENT_H
#define TW_CONV_GRADIENT_H

#include "conv/algorithm.h"
#include "conv/axis.h"

typedef struct tw_gradient {
    tw_axis axis[TW_AXES]; /* forward */
    tw_pad_mode mode;
    bool flipped;
    tw_layout layout;
    size_t size;
    int64_t images, groups, group_in, group_out;
    int64_t in_channels, out_channels, in_pixels, out_pixels, in_image, out_image;
    int64_t kernel[TW_AXES], kernel_taps;
    int64_t flat; /* pixels of an image, where all images are one row; else 0 */

    int64_t chunk_images, chunk_rows, chunk_pixels; /* at most, of one chunk */
    int64_t image_chunks, row_chunks, pixel_chunks; /* of the batch, of a plane's rows, of a row */
    int64_t chunks;                                 /* the product of these and the planes */
    int64_t slots;

    /* Decisions that change no bit. */
    bool by_images; /* one output pixel: the images are the pixels */
    bool x_in_place, dy_in_place;
    bool joined; /* the taps of a row are one tile */
    bool padded; /* staged rows of x have padded sides */
    int64_t lanes, vecs, block, blocks;
    int64_t column_parts, row_parts; /* of the blocks, of the input channels of a group */
    int64_t part_in;                 /* input channels of a part, at most */
    int64_t x_rows, x_width;         /* staged rows for each plane and image; pixels of one */
    int64_t partial;                 /* numbers of one partial gradient */
} tw_gradient;

tw_status tw_gradient_create(tw_gradient *gradient, const tw_problem *problem);
void tw_gradient_free(tw_gradient *gradient);
int64_t tw_gradient_workspace(const tw_gradient *gradient, int threads);
void tw_gradient_execute(const tw_gradient *gradient, const tw_job *job);

/* The same for the first `images` images; borrows its tables. */
tw_gradient tw_gradient_shrunk(const tw_gradient *gradient, int64_t images);

/* ---- Shared between the files of the gradient. */

/* Bytes of a worker: staged x, then staged dy. */
int64_t tw_gradient_worker_bytes(const tw_gradient *gradient, int64_t *x_bytes);

static inline int64_t tw_gradient_columns(const tw_gradient *g, int64_t b) {
    return b + 1 < g->blocks ? g->block : g->group_out - b * g->block;
}

/* Numbers of a row of block b: whole vectors. */
static inline int64_t tw_gradient_row(const tw_gradient *g, int64_t b) {
    return (tw_gradient_columns(g, b) + g->lanes - 1) / g->lanes * g->lanes;
}

/* Where block b of a group begins in a partial gradient: [group][block][tap][channel][row]. */
static inline int64_t tw_gradient_at(const tw_gradient *g, int64_t group, int64_t b) {
    int64_t depth = g->kernel_taps * g->group_in;
    int64_t whole = ((g->blocks - 1) * g->block + tw_gradient_row(g, g->blocks - 1)) * depth;
    return group * whole + b * g->block * depth;
}

#endif

/* Rows of pixels in and out of the layout that kernels work in: channels last, padded where the padding mode
 * says. */
#ifndef TW_CONV_ROWS_H
#define TW_CONV_ROWS_H

#include "kernel/kernel.h"
#include "shape/shape.h"

/* One row of one image, `channels` of its channels from `first` on. */
typedef struct tw_row {
    const tw_loops *loops; /* for numbers of `size` bytes */
    tw_layout layout;
    size_t size;
    int64_t image_channels; /* of the tensor */
    int64_t image_pixels;
    int64_t first, channels;
    int64_t begin; /* pixel number of the row's pixel 0 */
    int64_t width; /* pixels of the row */
} tw_row;

/* to[x][channels] = the row's pixels from .. from + count - 1, which may lie outside: then as the mode says.
 */
void tw_row_load(const tw_row *row, const void *image, tw_pad_mode mode, int64_t from, int64_t count,
                 void *to);

/* The row's pixels from .. from + count - 1, all inside, = values[x * pitch + channel]. */
void tw_row_store(const tw_row *row, void *image, int64_t from, int64_t count, const void *values,
                  int64_t pitch);

/* to[x * pitch + c] = from[x * pixel_step + c * channel_step] for count pixels and `channels` channels, zeros
 * for the channels up to pitch. Steps count numbers of `size` bytes; one of the two is 1. */
void tw_row_spread(const tw_loops *loops, const void *from, int64_t pixel_step, int64_t channel_step,
                   int64_t count, int64_t channels, int64_t pitch, size_t size, void *to);

#endif

/* Data sets: labelled images, read by number, from any thread.
 *
 *     strokes          built in: digits drawn from strokes with random slant, thickness and jitter, 28x28,
 * one channel; "strokes:count=20000,seed=1" sets the samples of the training split and the seed mnist:DIR the
 * four IDX files of MNIST (also Fashion-MNIST, KMNIST), gzipped or not (LeCun, Cortes, Burges, "The MNIST
 * database of handwritten digits")
 *
 * A sample is a pure function of (data set, number): nothing depends on the order in which samples are read.
 */
#ifndef TWILL_DATA_H
#define TWILL_DATA_H

#include <twill/net.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tw_data tw_data;

typedef enum tw_split { TW_TRAIN = 0, TW_TEST } tw_split;

/* Opens one split of a data set by its specification. FORMAT, TRUNCATED, SHAPE, IO, UNSUPPORTED (an optional
 * part that this build lacks), ARGUMENT (an unknown data set: the message lists them). */
tw_status tw_data_open(tw_data **data, const char *specification, tw_split split);
void tw_data_close(tw_data *data);

typedef struct tw_data_info {
    const char *specification;
    tw_net_input image;
    int64_t count;
    int classes;
    const char *const *class_names; /* [classes] */
    uint64_t fingerprint;           /* of contents: changes when the data do */
} tw_data_info;
tw_data_info tw_data_describe(const tw_data *data);

/* Sample `index` as numbers 0..1, channels last, into x[inputs], its class into *label (either may be NULL).
 */
tw_status tw_data_read(const tw_data *data, int64_t index, float *x, int32_t *label);

/* The kinds of data sets, for --help: "mnist:DIR" and a line about it. */
typedef struct tw_data_kind {
    const char *form, *summary;
} tw_data_kind;
const tw_data_kind *tw_data_kinds(size_t *count);

/* One image file (PNG or JPEG when built with them, PGM/PPM always) as numbers 0..1 in the shape of
 * `image`, channels last: gray from colour by luma (BT.601) or repeated; resized by area when sizes differ.
 */
tw_status tw_image_read(const char *path, tw_net_input image, float *x);

/* The shape that an image file itself has: height, width, 1 channel (gray) or 3 (colour). The file is decoded
 * for it, so that what tw_image_read would refuse is refused here. */
tw_status tw_image_shape(const char *path, tw_net_input *image);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

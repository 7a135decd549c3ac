/* MNIST and all that come in its four files: images and labels of both splits, gzipped or not. The pixels
 * stay bytes in memory (47 MB for MNIST) and become numbers, byte / 255, when a sample is read. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "format/digest.h"
#include "format/idx.h"

enum { CLASSES = 10 };

typedef struct mnist {
    tw_idx *images, *labels;
} mnist;

/* The path of folder/name, or of folder/name.gz where only that exists. */
static char *find_file(const char *folder, const char *name) {
    char packed_name[64];
    snprintf(packed_name, sizeof packed_name, "%s.gz", name);
    char *plain = tw_data_path(folder, name), *packed = tw_data_path(folder, packed_name);
    if (!plain || !packed) {
        tw_free(plain);
        tw_free(packed);
        return NULL;
    }
    bool takes_packed = access(plain, F_OK) != 0 && access(packed, F_OK) == 0;
    tw_free(takes_packed ? plain : packed);
    return takes_packed ? packed : plain;
}

/* One file, which must hold unsigned bytes of `rank` dimensions. */
static tw_status read_bytes(const char *folder, const char *name, int rank, const char *what, tw_idx **idx) {
    char *path = find_file(folder, name);
    if (!path) return TW_ERROR_MEMORY;
    tw_status status = tw_idx_read(idx, path);
    if (!status && (*idx)->rank != rank)
        status = tw_fail(TW_ERROR_SHAPE, "%s: %d dimension%s; %s have %d%s", path, (*idx)->rank,
                         (*idx)->rank == 1 ? "" : "s", what, rank,
                         (*idx)->rank == 1 ? " (is it a file of labels?)" : "");
    else if (!status && (*idx)->type != TW_IDX_U8)
        status = tw_fail(TW_ERROR_UNSUPPORTED, "%s: numbers of type %02x; %s are unsigned bytes (08)", path,
                         (unsigned)(*idx)->type, what);
    tw_free(path);
    return status;
}

static tw_status check_pair(const mnist *m, const char *folder) {
    const tw_idx *images = m->images, *labels = m->labels;
    if (images->size[0] != labels->size[0])
        return tw_fail(TW_ERROR_SHAPE, "%s: %" PRId64 " images and %" PRId64 " labels; expected as many",
                       folder, images->size[0], labels->size[0]);
    if (images->count == 0)
        return tw_fail(TW_ERROR_SHAPE,
                       "%s: %" PRId64 " images of %" PRId64 "x%" PRId64 "; expected at least one pixel",
                       folder, images->size[0], images->size[1], images->size[2]);
    for (int64_t i = 0; i < labels->count; i++)
        if (labels->data[i] >= CLASSES)
            return tw_fail(TW_ERROR_FORMAT,
                           "%s: label %" PRId64 " (byte %" PRId64 " of the labels) is %d; expected 0..9",
                           folder, i, 8 + i, labels->data[i]);
    return TW_OK;
}

static void close_mnist(tw_data *data) {
    mnist *m = data->state;
    tw_idx_free(m->images);
    tw_idx_free(m->labels);
    tw_free(m);
}

static uint64_t fingerprint(const mnist *m) {
    uint64_t digest = tw_digest_start();
    for (int i = 0; i < 3; i++) digest = tw_digest_number(digest, (uint64_t)m->images->size[i]);
    digest = tw_digest_add(digest, m->images->data, (size_t)m->images->count);
    return tw_digest_add(digest, m->labels->data, (size_t)m->labels->count);
}

static tw_status open_mnist(tw_data *data, const char *folder, tw_split split) {
    static const char *const names[][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                           {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}};
    if (!*folder) return tw_fail(TW_ERROR_ARGUMENT, "no folder; expected mnist:DIR");
    mnist *m = data->state = tw_alloc_zero(1, sizeof *m);
    if (!m) return TW_ERROR_MEMORY;
    tw_status status = read_bytes(folder, names[split][0], 3, "images", &m->images);
    if (!status) status = read_bytes(folder, names[split][1], 1, "labels", &m->labels);
    if (!status) status = check_pair(m, folder);
    if (status) return status;
    data->info.image =
        (tw_net_input){.spatial = 2, .channels = 1, .size = {m->images->size[1], m->images->size[2]}};
    data->info.count = m->images->size[0];
    data->info.classes = CLASSES;
    data->info.class_names = tw_data_digits;
    data->info.fingerprint = fingerprint(m);
    return TW_OK;
}

static tw_status read_mnist(const tw_data *data, int64_t index, float *x, int32_t *label) {
    const mnist *m = data->state;
    int64_t pixels = m->images->size[1] * m->images->size[2];
    const unsigned char *image = m->images->data + index * pixels;
    for (int64_t i = 0; x && i < pixels; i++) x[i] = (float)image[i] / 255;
    if (label) *label = m->labels->data[index];
    return TW_OK;
}

const tw_data_source tw_data_mnist = {
    .name = "mnist",
    .kind = {"mnist:DIR", "the four IDX files of MNIST, Fashion-MNIST or KMNIST, gzipped or not"},
    .open = open_mnist,
    .close = close_mnist,
    .read = read_mnist,
};

/* CIFAR-10 as its authors publish it in binary (Krizhevsky 2009): records of a label and 3 x 32 x 32 bytes,
 * channel after channel, five files for training and one for test. They stay bytes in memory. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "format/digest.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, CLASSES = 10, FILES = 5 };
static const int64_t FILE_MOST = INT64_C(1) << 31;

typedef struct cifar {
    unsigned char *files[FILES];
    int64_t counts[FILES];
} cifar;

static const char *const class_names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                 "dog",      "frog",       "horse", "ship", "truck"};

static tw_status check_records(const char *path, const unsigned char *bytes, int64_t size) {
    if (size == 0 || size % RECORD != 0)
        return tw_fail(TW_ERROR_FORMAT, "%s: %" PRId64 " bytes; expected records of %d%s", path, size, RECORD,
                       size && size % (RECORD + 1) == 0 ? " (these are the 3074 of CIFAR-100)" : "");
    for (int64_t i = 0; i < size / RECORD; i++)
        if (bytes[i * RECORD] >= CLASSES)
            return tw_fail(TW_ERROR_FORMAT,
                           "%s: byte %" PRId64 ": record %" PRId64 " has label %d; expected 0..9", path,
                           i * RECORD, i, bytes[i * RECORD]);
    return TW_OK;
}

static tw_status read_batch(const char *folder, const char *name, unsigned char **bytes, int64_t *count) {
    char *path = tw_data_path(folder, name);
    int64_t size = 0;
    if (!path) return TW_ERROR_MEMORY;
    tw_status status = tw_file_read(path, FILE_MOST, bytes, &size);
    if (!status) status = check_records(path, *bytes, size);
    *count = size / RECORD;
    tw_free(path);
    return status;
}

static void close_cifar(tw_data *data) {
    cifar *c = data->state;
    for (int i = 0; i < FILES; i++) tw_free(c->files[i]);
    tw_free(c);
}

static tw_status open_cifar(tw_data *data, const char *folder, tw_split split) {
    static const char *const names[][FILES] = {
        {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
        {"test_batch.bin"}};
    if (!*folder) return tw_fail(TW_ERROR_ARGUMENT, "no folder; expected cifar10:DIR");
    cifar *c = data->state = tw_alloc_zero(1, sizeof *c);
    if (!c) return TW_ERROR_MEMORY;
    uint64_t digest = tw_digest_start();
    for (int i = 0; i < FILES && names[split][i]; i++) {
        tw_status status = read_batch(folder, names[split][i], &c->files[i], &c->counts[i]);
        if (status) return status;
        digest = tw_digest_add(digest, c->files[i], (size_t)(c->counts[i] * RECORD));
        data->info.count += c->counts[i];
    }
    data->info.image = (tw_net_input){.spatial = 2, .channels = 3, .size = {SIDE, SIDE}};
    data->info.classes = CLASSES;
    data->info.class_names = class_names;
    data->info.fingerprint = digest;
    return TW_OK;
}

static tw_status read_cifar(const tw_data *data, int64_t index, float *x, int32_t *label) {
    const cifar *c = data->state;
    int file = 0;
    while (index >= c->counts[file]) index -= c->counts[file++];
    const unsigned char *record = c->files[file] + index * RECORD;
    if (label) *label = record[0];
    for (int64_t i = 0; x && i < PLANE; i++)
        for (int64_t k = 0; k < 3; k++) x[i * 3 + k] = (float)record[1 + k * PLANE + i] / 255;
    return TW_OK;
}

const tw_data_source tw_data_cifar10 = {
    .name = "cifar10",
    .kind = {"cifar10:DIR", "the binary batches of CIFAR-10"},
    .open = open_cifar,
    .close = close_cifar,
    .read = read_cifar,
};

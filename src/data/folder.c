/* A folder with one folder per class, each full of images. Where DIR/train and DIR/test exist they are the
 * two splits; else every tenth image of a class is kept for the test. Classes and images are numbered in the
 * order of their names, byte by byte, so the same files give the same samples on every machine. The first
 * image decides size and channels; all others are resized to it. Images are decoded when they are read:
 * memory holds their paths only.
 *
 * The fingerprint covers names and lengths of the files, not their bytes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "format/digest.h"
#include "format/pixels.h"

enum { FIRST_ROOM = 64, CLASSES_MOST = 65536, TEST_EACH = 10 };

/* Names that grow by doubling. */
typedef struct names {
    char **list;
    int64_t count, room;
} names;

typedef struct folder {
    names classes, paths;
    int32_t *labels;
    int64_t label_room;
} folder;

static tw_status add_name(names *n, char *name) {
    if (!name) return TW_ERROR_MEMORY;
    if (n->count == n->room) {
        int64_t room = n->room ? 2 * n->room : FIRST_ROOM;
        char **list = tw_regrow(n->list, n->count, room, sizeof *list);
        if (!list) {
            tw_free(name);
            return TW_ERROR_MEMORY;
        }
        n->list = list;
        n->room = room;
    }
    n->list[n->count++] = name;
    return TW_OK;
}

static void free_names(names *n) {
    for (int64_t i = 0; i < n->count; i++) tw_free(n->list[i]);
    tw_free(n->list);
    *n = (names){0};
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_image(const char *path) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".pgm", ".ppm"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0) return !is_folder(path);
    return false;
}

/* The entries of a folder that are wanted, sorted; hidden ones are not. */
static tw_status list_folder(const char *path, bool (*wanted)(const char *path), names *found) {
    DIR *stream = opendir(path);
    if (!stream) return tw_fail(TW_ERROR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    tw_status status = TW_OK;
    for (struct dirent *entry; !status && (entry = readdir(stream));) {
        if (entry->d_name[0] == '.') continue;
        char *whole = tw_data_path(path, entry->d_name);
        if (!whole) status = TW_ERROR_MEMORY;
        if (whole && wanted(whole)) status = add_name(found, tw_strdup(entry->d_name));
        tw_free(whole);
    }
    closedir(stream);
    if (found->count) qsort(found->list, (size_t)found->count, sizeof *found->list, by_bytes);
    return status;
}

/* ---- Collecting ---- */

static tw_status add_sample(folder *f, char *path, int32_t label) {
    if (path && f->paths.count == f->label_room) {
        int64_t room = f->label_room ? 2 * f->label_room : FIRST_ROOM;
        int32_t *labels = tw_regrow(f->labels, f->label_room, room, sizeof *labels);
        if (!labels) {
            tw_free(path);
            return TW_ERROR_MEMORY;
        }
        f->labels = labels;
        f->label_room = room;
    }
    int64_t at = f->paths.count;
    tw_status status = add_name(&f->paths, path);
    if (!status) f->labels[at] = label;
    return status;
}

/* `every`: the folders hold both splits, and the test takes each tenth image. */
static tw_status collect_class(folder *f, const char *path, int32_t label, bool every, tw_split split) {
    names images = {0};
    tw_status status = list_folder(path, is_image, &images);
    for (int64_t i = 0; !status && i < images.count; i++) {
        bool tests = i % TEST_EACH == TEST_EACH - 1;
        if (!every || tests == (split == TW_TEST))
            status = add_sample(f, tw_data_path(path, images.list[i]), label);
    }
    free_names(&images);
    return status;
}

/* A class that only one split has would shift the numbers of those behind it. */
static tw_status check_same_classes(const names *ours, const char *root, const char *other_root) {
    names others = {0};
    tw_status status = list_folder(other_root, is_folder, &others);
    int64_t i = 0;
    while (i < ours->count && i < others.count && strcmp(ours->list[i], others.list[i]) == 0) i++;
    if (!status && (i < ours->count || i < others.count)) {
        const bool in_ours =
            i == others.count || (i < ours->count && strcmp(ours->list[i], others.list[i]) < 0);
        status = tw_fail(TW_ERROR_SHAPE, "%s: no class '%s', which %s has; expected the same classes",
                         in_ours ? other_root : root, in_ours ? ours->list[i] : others.list[i],
                         in_ours ? root : other_root);
    }
    free_names(&others);
    return status;
}

static tw_status collect(folder *f, const char *root, bool every, tw_split split) {
    tw_status status = list_folder(root, is_folder, &f->classes);
    if (!status && (f->classes.count < 1 || f->classes.count > CLASSES_MOST))
        status = tw_fail(TW_ERROR_FORMAT, "%s: %" PRId64 " folders; expected one per class, 1..%d", root,
                         f->classes.count, CLASSES_MOST);
    for (int64_t i = 0; !status && i < f->classes.count; i++) {
        char *path = tw_data_path(root, f->classes.list[i]);
        status = path ? collect_class(f, path, (int32_t)i, every, split) : TW_ERROR_MEMORY;
        tw_free(path);
    }
    if (!status && f->paths.count == 0)
        status = tw_fail(TW_ERROR_FORMAT, "%s: no images (png, jpg, pgm, ppm) in the folders of its classes",
                         root);
    return status;
}

/* ---- The data set ---- */

static uint64_t fingerprint(const folder *f) {
    uint64_t digest = tw_digest_start();
    for (int64_t i = 0; i < f->paths.count; i++) {
        struct stat status;
        digest = tw_digest_text(digest, strrchr(f->paths.list[i], '/'));
        digest = tw_digest_number(digest, (uint64_t)f->labels[i]);
        digest =
            tw_digest_number(digest, stat(f->paths.list[i], &status) == 0 ? (uint64_t)status.st_size : 0);
    }
    return digest;
}

static tw_status describe(tw_data *data, const folder *f) {
    tw_pixels first;
    tw_status status = tw_pixels_read(f->paths.list[0], &first);
    if (status) return status;
    tw_free(first.samples);
    data->info.image =
        (tw_net_input){.spatial = 2, .channels = first.channels, .size = {first.height, first.width}};
    data->info.count = f->paths.count;
    data->info.classes = (int)f->classes.count;
    data->info.class_names = (const char *const *)f->classes.list;
    data->info.fingerprint = fingerprint(f);
    return TW_OK;
}

static tw_status open_folder(tw_data *data, const char *root, tw_split split) {
    if (!*root) return tw_fail(TW_ERROR_ARGUMENT, "no folder; expected folder:DIR");
    folder *f = data->state = tw_alloc_zero(1, sizeof *f);
    char *train = f ? tw_data_path(root, "train") : NULL, *test = train ? tw_data_path(root, "test") : NULL;
    tw_status status = TW_ERROR_MEMORY;
    if (test) {
        bool divided = is_folder(train) && is_folder(test);
        const char *ours = !divided ? root : split == TW_TEST ? test : train;
        status = collect(f, ours, !divided, split);
        if (!status && divided)
            status = check_same_classes(&f->classes, ours, split == TW_TEST ? train : test);
    }
    tw_free(train);
    tw_free(test);
    return status ? status : describe(data, f);
}

static void close_folder(tw_data *data) {
    folder *f = data->state;
    free_names(&f->classes);
    free_names(&f->paths);
    tw_free(f->labels);
    tw_free(f);
}

static tw_status read_folder(const tw_data *data, int64_t index, float *x, int32_t *label) {
    const folder *f = data->state;
    tw_status status = x ? tw_image_read(f->paths.list[index], data->info.image, x) : TW_OK;
    if (!status && label) *label = f->labels[index];
    return status;
}

const tw_data_source tw_data_folder = {
    .name = "folder",
    .kind = {"folder:DIR", "a folder per class of PNG, JPEG, PGM or PPM images"},
    .open = open_folder,
    .close = close_folder,
    .read = read_folder,
};

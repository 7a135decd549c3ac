/* Opening by name: the table of kinds is all that knows them. */
#include "data/dataset.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

static const tw_data_source *const sources[] = {&tw_data_strokes, &tw_data_mnist, &tw_data_cifar10,
                                                &tw_data_folder};
enum { SOURCES = sizeof sources / sizeof *sources };

const char *const tw_data_digits[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

const tw_data_kind *tw_data_kinds(size_t *count) {
    static tw_data_kind kinds[SOURCES]; /* the same values whoever writes them */
    for (int i = 0; i < SOURCES; i++) kinds[i] = sources[i]->kind;
    *count = SOURCES;
    return kinds;
}

char *tw_data_path(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = tw_alloc((int64_t)size, 1);
    if (path) snprintf(path, size, "%s/%s", folder, name);
    return path;
}

/* ---- Options ---- */

/* A whole number in digits alone that fills text[0 .. length-1]. */
static bool read_whole(const char *text, size_t length, int64_t *value) {
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit || !tw_mul(*value, 10, value) || !tw_add(*value, text[i] - '0', value)) return false;
    }
    return length > 0;
}

static tw_status read_option(const char *text, size_t length, const tw_data_option *options, int count,
                             bool *seen) {
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals ? (size_t)(equals - text) : length;
    for (int i = 0; i < count; i++) {
        const tw_data_option *o = &options[i];
        if (strlen(o->name) != name_length || memcmp(o->name, text, name_length) != 0) continue;
        if (seen[i]) return tw_fail(TW_ERROR_ARGUMENT, "%s stands twice", o->name);
        seen[i] = true;
        const char *value = equals ? equals + 1 : text + length;
        int64_t number;
        if (!read_whole(value, (size_t)(text + length - value), &number) || number < o->least ||
            number > o->most)
            return tw_fail(TW_ERROR_ARGUMENT, "%s is '%.*s'; expected a whole number %" PRId64 "..%" PRId64,
                           o->name, (int)tw_min(text + length - value, 40), value, o->least, o->most);
        *o->value = number;
        return TW_OK;
    }
    return tw_fail(TW_ERROR_ARGUMENT, "unknown option '%.*s'; expected %s=...",
                   (int)tw_min((int64_t)name_length, 40), text, count ? options[0].name : "none");
}

tw_status tw_data_options(const char *argument, const tw_data_option *options, int count) {
    enum { OPTIONS_MOST = 8 };
    bool seen[OPTIONS_MOST] = {false};
    while (*argument) {
        size_t length = strcspn(argument, ",");
        tw_status status = read_option(argument, length, options, count, seen);
        if (status) return status;
        argument += length;
        if (*argument == ',' && *++argument == 0)
            return tw_fail(TW_ERROR_ARGUMENT, "nothing after the last comma; expected an option");
    }
    return TW_OK;
}

/* ---- Opening ---- */

static const tw_data_source *find_source(const char *specification) {
    size_t length = strcspn(specification, ":");
    for (int i = 0; i < SOURCES; i++)
        if (strlen(sources[i]->name) == length && memcmp(sources[i]->name, specification, length) == 0)
            return sources[i];
    return NULL;
}

static tw_status unknown(const char *specification) {
    char known[256];
    size_t at = 0;
    for (int i = 0; i < SOURCES && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", sources[i]->kind.form);
    return tw_fail(TW_ERROR_ARGUMENT, "unknown data set '%.80s'; there are %s", specification, known);
}

tw_status tw_data_open(tw_data **out, const char *specification, tw_split split) {
    if (!out) return tw_fail(TW_ERROR_ARGUMENT, "data is NULL");
    *out = NULL;
    if (!specification) return tw_fail(TW_ERROR_ARGUMENT, "specification is NULL");
    if (split != TW_TRAIN && split != TW_TEST)
        return tw_fail(TW_ERROR_ARGUMENT, "split is %d; expected train (0) or test (1)", (int)split);
    const tw_data_source *source = find_source(specification);
    if (!source) return unknown(specification);
    tw_data *data = tw_alloc_zero(1, sizeof *data);
    char *copy = data ? tw_strdup(specification) : NULL;
    if (!copy) {
        tw_free(data);
        return TW_ERROR_MEMORY;
    }
    *data = (tw_data){.source = source, .specification = copy, .info.specification = copy};
    const char *colon = strchr(copy, ':');
    tw_status status = source->open(data, colon ? colon + 1 : "", split);
    if (status) {
        tw_data_close(data);
        return tw_fail_within(status, "%s: ", source->name);
    }
    *out = data;
    return TW_OK;
}

void tw_data_close(tw_data *data) {
    if (!data) return;
    if (data->state) data->source->close(data);
    tw_free(data->specification);
    tw_free(data);
}

tw_data_info tw_data_describe(const tw_data *data) {
    return data->info;
}

tw_status tw_data_read(const tw_data *data, int64_t index, float *x, int32_t *label) {
    if (!data) return tw_fail(TW_ERROR_ARGUMENT, "data is NULL");
    if (index < 0 || index >= data->info.count)
        return tw_fail(TW_ERROR_ARGUMENT, "index is %" PRId64 "; %s has samples 0..%" PRId64, index,
                       data->info.specification, data->info.count - 1);
    return data->source->read(data, index, x, label);
}

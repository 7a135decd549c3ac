/* Reading: the JSON is checked whole, then read key by key; the tensors' places are sorted and must follow
 * each other from the first byte of the data to the last, without a hole or an overlap. So when a tensor is
 * handed out nothing about it needs checking any more. Cost: one pass over the bytes, and n log n for n
 * tensors. Names are keys only, never paths. */
#include "format/safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "format/digest.h"
#include "format/json.h"

enum { HEADER_MOST = 16 << 20, FIRST_ROOM = 64 };
static const int64_t FILE_MOST = INT64_C(1) << 40;
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie in the file");

/* A tensor while its file is read. */
typedef struct place {
    tw_safetensor tensor;
    int64_t begin, end;
    bool has_type, has_shape, has_offsets;
} place;

typedef struct reader {
    tw_safetensors content; /* first: what callers see */
    unsigned char *bytes;
    int64_t size, data_at; /* offset of the numbers */
    place *places;
    tw_safetensor *tensors;
    tw_safetensors_text *texts;
    int64_t count, room, text_count, text_room;
    tw_json json;
} reader;

void tw_shape_text(const int64_t *shape, int rank, char *text, size_t size) {
    size_t at = (size_t)snprintf(text, size, "%s", rank ? "" : "scalar");
    for (int i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%" PRId64, i ? "x" : "", shape[i]);
}

/* ---- Types ---- */

/* Every type of the specification; those without a size here are not offered. */
static const struct {
    const char *name;
    bool offered;
    tw_type type;
} types[] = {
    {"F32", true, TW_F32},     {"F64", true, TW_F64},     {"F16", false, 0},     {"BF16", false, 0},
    {"I8", false, 0},          {"I16", false, 0},         {"I32", false, 0},     {"I64", false, 0},
    {"U8", false, 0},          {"U16", false, 0},         {"U32", false, 0},     {"U64", false, 0},
    {"BOOL", false, 0},        {"F8_E4M3", false, 0},     {"F8_E5M2", false, 0}, {"F8_E8M0", false, 0},
    {"F8_E4M3FNUZ", false, 0}, {"F8_E5M2FNUZ", false, 0}, {"F4", false, 0},      {"F6_E2M3", false, 0},
    {"F6_E3M2", false, 0},     {"C64", false, 0},
};

static tw_status find_type(const reader *r, const char *tensor, const char *name, tw_type *type) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) != 0) continue;
        *type = types[i].type;
        if (types[i].offered) return TW_OK;
        return tw_fail(TW_ERROR_UNSUPPORTED, "%s: tensor '%s' has type %s; this reader takes F32 and F64",
                       r->json.file, tensor, name);
    }
    return tw_fail(TW_ERROR_FORMAT, "%s: tensor '%s' has the unknown type '%s'", r->json.file, tensor, name);
}

/* ---- One tensor of the header ---- */

static tw_status read_type(reader *r, place *p) {
    char *name;
    tw_status status = tw_json_string(&r->json, "dtype", &name);
    if (!status) status = find_type(r, p->tensor.name, name, &p->tensor.type);
    tw_free(name);
    return status;
}

/* A list of at most `most` whole numbers. */
static tw_status read_list(reader *r, const char *where, int most, int64_t *numbers, int *count) {
    tw_status status = tw_json_expect(&r->json, '[', where);
    *count = 0;
    if (status || tw_json_takes(&r->json, ']')) return status;
    do {
        if (*count == most)
            return tw_fail(TW_ERROR_LIMIT, "%s: byte %" PRId64 ": %s has more than %d numbers", r->json.file,
                           r->json.origin + r->json.at, where, most);
        if ((status = tw_json_count(&r->json, where, &numbers[(*count)++]))) return status;
    } while (tw_json_takes(&r->json, ','));
    return tw_json_expect(&r->json, ']', where);
}

static tw_status read_offsets(reader *r, place *p) {
    int64_t offsets[2];
    int count;
    tw_status status = read_list(r, "data_offsets", 2, offsets, &count);
    if (status) return status;
    if (count != 2)
        return tw_fail(TW_ERROR_FORMAT, "%s: tensor '%s': data_offsets has %d numbers; expected 2",
                       r->json.file, p->tensor.name, count);
    p->begin = offsets[0], p->end = offsets[1];
    return TW_OK;
}

static tw_status read_field(reader *r, place *p, const char *key) {
    bool *has = strcmp(key, "dtype") == 0          ? &p->has_type
                : strcmp(key, "shape") == 0        ? &p->has_shape
                : strcmp(key, "data_offsets") == 0 ? &p->has_offsets
                                                   : NULL;
    if (!has || *has)
        return tw_fail(TW_ERROR_FORMAT,
                       "%s: tensor '%s': %s key '%s'; expected dtype, shape and data_offsets, once each",
                       r->json.file, p->tensor.name, has ? "repeated" : "unknown", key);
    *has = true;
    if (has == &p->has_type) return read_type(r, p);
    if (has == &p->has_offsets) return read_offsets(r, p);
    return read_list(r, "shape", TW_SAFETENSORS_RANK, p->tensor.shape, &p->tensor.rank);
}

/* The shape's numbers fill the bytes exactly. */
static tw_status check_size(const reader *r, place *p) {
    const tw_safetensor *t = &p->tensor;
    char shape[128];
    tw_shape_text(t->shape, t->rank, shape, sizeof shape);
    int64_t count = 1, bytes;
    bool fits = true;
    for (int i = 0; i < t->rank; i++) fits = fits && tw_mul(count, t->shape[i], &count);
    if (!fits || !tw_mul(count, tw_safetensor_width(t->type), &bytes))
        return tw_fail(TW_ERROR_OVERFLOW, "%s: tensor '%s': shape %s does not fit 63 bits", r->json.file,
                       t->name, shape);
    if (p->end < p->begin)
        return tw_fail(TW_ERROR_FORMAT,
                       "%s: tensor '%s': data_offsets %" PRId64 ", %" PRId64 " run backwards", r->json.file,
                       t->name, p->begin, p->end);
    if (p->end - p->begin != bytes)
        return tw_fail(TW_ERROR_SHAPE,
                       "%s: tensor '%s': shape %s needs %" PRId64 " bytes; data_offsets gives %" PRId64,
                       r->json.file, t->name, shape, bytes, p->end - p->begin);
    p->tensor.count = count;
    return TW_OK;
}

static tw_status read_tensor(reader *r, place *p) {
    tw_status status = tw_json_expect(&r->json, '{', p->tensor.name);
    if (status) return status;
    if (!tw_json_takes(&r->json, '}')) {
        do {
            char *key;
            status = tw_json_string(&r->json, "a tensor's key", &key);
            if (!status) status = tw_json_expect(&r->json, ':', key);
            if (!status) status = read_field(r, p, key);
            tw_free(key);
            if (status) return status;
        } while (tw_json_takes(&r->json, ','));
        if ((status = tw_json_expect(&r->json, '}', p->tensor.name))) return status;
    }
    const char *missing = !p->has_type      ? "dtype"
                          : !p->has_shape   ? "shape"
                          : !p->has_offsets ? "data_offsets"
                                            : NULL;
    if (missing)
        return tw_fail(TW_ERROR_FORMAT, "%s: tensor '%s' has no %s", r->json.file, p->tensor.name, missing);
    return check_size(r, p);
}

/* ---- The header ---- */

/* Room for one more element of an array that grows by doubling; NULL without memory. */
static void *room_for_one(void *block, int64_t count, int64_t *room, size_t size) {
    if (count < *room) return block;
    int64_t wanted = *room ? 2 * *room : FIRST_ROOM;
    void *grown = tw_regrow(block, count, wanted, size);
    if (grown) *room = wanted;
    return grown;
}

static tw_status read_texts(reader *r) {
    static const char where[] = "__metadata__";
    tw_status status = tw_json_expect(&r->json, '{', where);
    if (status || tw_json_takes(&r->json, '}')) return status;
    do {
        tw_safetensors_text *texts = room_for_one(r->texts, r->text_count, &r->text_room, sizeof *texts);
        if (!texts) return TW_ERROR_MEMORY;
        r->texts = texts;
        char *key = NULL, *value = NULL;
        status = tw_json_string(&r->json, where, &key);
        if (!status) status = tw_json_expect(&r->json, ':', where);
        if (!status) status = tw_json_string(&r->json, key, &value);
        texts[r->text_count++] = (tw_safetensors_text){key, value};
        if (status) return status;
    } while (tw_json_takes(&r->json, ','));
    return tw_json_expect(&r->json, '}', where);
}

static tw_status read_entry(reader *r, bool *has_metadata) {
    char *name;
    tw_status status = tw_json_string(&r->json, "the header", &name);
    if (!status) status = tw_json_expect(&r->json, ':', name);
    if (!status && strcmp(name, "__metadata__") == 0) {
        status = *has_metadata ? tw_fail(TW_ERROR_FORMAT, "%s: __metadata__ stands twice", r->json.file)
                               : read_texts(r);
        *has_metadata = true;
        tw_free(name);
        return status;
    }
    place *places = status ? NULL : room_for_one(r->places, r->count, &r->room, sizeof *places);
    if (!places) {
        tw_free(name);
        return status ? status : TW_ERROR_MEMORY;
    }
    r->places = places;
    place *p = &places[r->count++];
    *p = (place){.tensor.name = name};
    return read_tensor(r, p);
}

static tw_status read_header(reader *r) {
    bool has_metadata = false;
    tw_status status = tw_json_expect(&r->json, '{', "the header");
    if (status || tw_json_takes(&r->json, '}')) return status;
    do {
        if ((status = read_entry(r, &has_metadata))) return status;
    } while (tw_json_takes(&r->json, ','));
    return tw_json_expect(&r->json, '}', "the header");
}

/* ---- The file as a whole ---- */

static int by_place(const void *a, const void *b) {
    const place *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tw_safetensor *)a)->name, ((const tw_safetensor *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const tw_safetensors_text *)a)->key, ((const tw_safetensors_text *)b)->key);
}

static tw_status check_places(reader *r) {
    int64_t reached = 0, most = r->size - r->data_at;
    if (r->count) qsort(r->places, (size_t)r->count, sizeof *r->places, by_place);
    for (int64_t i = 0; i < r->count; i++) {
        const place *p = &r->places[i];
        if (p->begin != reached)
            return tw_fail(TW_ERROR_FORMAT,
                           "%s: tensor '%s' begins at byte %" PRId64 " of the data; expected %" PRId64
                           " (%s)",
                           r->json.file, p->tensor.name, p->begin, reached,
                           p->begin < reached ? "it overlaps another" : "a hole");
        if (p->end > most)
            return tw_fail(TW_ERROR_TRUNCATED,
                           "%s: tensor '%s' ends at byte %" PRId64 " of the data; the file has %" PRId64,
                           r->json.file, p->tensor.name, p->end, most);
        reached = p->end;
    }
    if (reached != most)
        return tw_fail(TW_ERROR_FORMAT, "%s: %" PRId64 " bytes after the last tensor", r->json.file,
                       most - reached);
    return TW_OK;
}

/* Sorts tensors and texts by name and refuses doubles. */
static tw_status sort_names(reader *r) {
    r->tensors = tw_alloc(r->count, sizeof *r->tensors);
    if (!r->tensors) return TW_ERROR_MEMORY;
    for (int64_t i = 0; i < r->count; i++) {
        r->tensors[i] = r->places[i].tensor;
        r->tensors[i].data = r->bytes + r->data_at + r->places[i].begin;
    }
    if (r->count) qsort(r->tensors, (size_t)r->count, sizeof *r->tensors, by_name);
    if (r->text_count) qsort(r->texts, (size_t)r->text_count, sizeof *r->texts, by_key);
    for (int64_t i = 1; i < r->count; i++)
        if (by_name(&r->tensors[i - 1], &r->tensors[i]) == 0)
            return tw_fail(TW_ERROR_FORMAT, "%s: tensor '%s' stands twice", r->json.file, r->tensors[i].name);
    for (int64_t i = 1; i < r->text_count; i++)
        if (by_key(&r->texts[i - 1], &r->texts[i]) == 0)
            return tw_fail(TW_ERROR_FORMAT, "%s: metadata '%s' stands twice", r->json.file, r->texts[i].key);
    r->content = (tw_safetensors){r->tensors, r->count, r->texts, r->text_count};
    return TW_OK;
}

uint64_t tw_safetensors_digest(const tw_safetensors *content) {
    uint64_t digest = tw_digest_number(tw_digest_start(), (uint64_t)content->tensor_count);
    for (int64_t i = 0; i < content->text_count; i++) {
        if (strcmp(content->texts[i].key, TW_SAFETENSORS_CHECKSUM) == 0) continue;
        digest = tw_digest_text(digest, content->texts[i].key);
        digest = tw_digest_text(digest, content->texts[i].value);
    }
    for (int64_t i = 0; i < content->tensor_count; i++) {
        const tw_safetensor *t = &content->tensors[i];
        digest = tw_digest_text(digest, t->name);
        digest = tw_digest_number(digest, (uint64_t)t->type);
        digest = tw_digest_number(digest, (uint64_t)t->rank);
        for (int d = 0; d < t->rank; d++) digest = tw_digest_number(digest, (uint64_t)t->shape[d]);
        digest = tw_digest_add(digest, t->data, (size_t)(t->count * tw_safetensor_width(t->type)));
    }
    return digest;
}

const tw_safetensor *tw_safetensors_find(const tw_safetensors *content, const char *name) {
    const tw_safetensor key = {.name = name};
    if (content->tensor_count == 0) return NULL;
    return bsearch(&key, content->tensors, (size_t)content->tensor_count, sizeof key, by_name);
}

const char *tw_safetensors_text_of(const tw_safetensors *content, const char *key) {
    const tw_safetensors_text wanted = {.key = key};
    if (content->text_count == 0) return NULL;
    const tw_safetensors_text *found =
        bsearch(&wanted, content->texts, (size_t)content->text_count, sizeof wanted, by_key);
    return found ? found->value : NULL;
}

void tw_safetensor_copy(const tw_safetensor *tensor, float *numbers) {
    if (tensor->count == 0) return;
    if (tensor->type == TW_F32) {
        memcpy(numbers, tensor->data, (size_t)tensor->count * sizeof *numbers);
        return;
    }
    const unsigned char *at = tensor->data; /* perhaps not aligned */
    for (int64_t i = 0; i < tensor->count; i++, at += sizeof(double)) {
        double number;
        memcpy(&number, at, sizeof number);
        numbers[i] = (float)number;
    }
}

static tw_status check_digest(const reader *r) {
    const char *found = tw_safetensors_text_of(&r->content, TW_SAFETENSORS_CHECKSUM);
    char expected[17];
    if (!found) return TW_OK;
    snprintf(expected, sizeof expected, "%016" PRIx64, tw_safetensors_digest(&r->content));
    if (strcmp(found, expected) == 0) return TW_OK;
    return tw_fail(TW_ERROR_CHECKSUM, "%s: the content has checksum %s; its metadata says %.40s",
                   r->json.file, expected, found);
}

static uint64_t little_endian64(const unsigned char *bytes) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

static tw_status find_header(reader *r) {
    const char *file = r->json.file;
    if (r->size < 8)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: %" PRId64 " bytes; a safetensors file starts with 8", file,
                       r->size);
    uint64_t length = little_endian64(r->bytes);
    if (length > HEADER_MOST)
        return tw_fail(TW_ERROR_LIMIT,
                       "%s: byte 0: a header of %" PRIu64 " bytes; at most %d (is it a safetensors file?)",
                       file, length, HEADER_MOST);
    if ((int64_t)length > r->size - 8)
        return tw_fail(TW_ERROR_TRUNCATED,
                       "%s: a header of %" PRIu64 " bytes; the file has %" PRId64 " after it", file, length,
                       r->size - 8);
    if (length == 0 || r->bytes[8] != '{')
        return tw_fail(TW_ERROR_FORMAT, "%s: byte 8: expected '{', the start of the header", file);
    r->data_at = 8 + (int64_t)length;
    r->json.text = r->bytes + 8;
    r->json.size = (int64_t)length;
    return TW_OK;
}

static tw_status parse(reader *r) {
    tw_status status = find_header(r);
    if (!status) status = tw_json_check(&r->json);
    if (!status) status = read_header(r);
    if (!status) status = check_places(r);
    if (!status) status = sort_names(r);
    return status ? status : check_digest(r);
}

tw_status tw_safetensors_parse(tw_safetensors **content, const char *file, unsigned char *bytes,
                               int64_t size) {
    *content = NULL;
    reader *r = tw_alloc_zero(1, sizeof *r);
    if (!r) {
        tw_free(bytes);
        return TW_ERROR_MEMORY;
    }
    r->bytes = bytes;
    r->size = size;
    r->json = (tw_json){.file = file, .origin = 8};
    tw_status status = parse(r);
    r->json = (tw_json){0}; /* it borrows `file` */
    *content = &r->content;
    if (status) {
        tw_safetensors_free(*content);
        *content = NULL;
    }
    return status;
}

tw_status tw_safetensors_read(tw_safetensors **content, const char *path) {
    unsigned char *bytes;
    int64_t size;
    *content = NULL;
    tw_status status = tw_file_read(path, FILE_MOST, &bytes, &size);
    return status ? status : tw_safetensors_parse(content, path, bytes, size);
}

void tw_safetensors_free(tw_safetensors *content) {
    if (!content) return;
    reader *r = (reader *)content;
    for (int64_t i = 0; i < r->count; i++) tw_free((char *)r->places[i].tensor.name);
    for (int64_t i = 0; i < r->text_count; i++) {
        tw_free((char *)r->texts[i].key);
        tw_free((char *)r->texts[i].value);
    }
    tw_free(r->places);
    tw_free(r->tensors);
    tw_free(r->texts);
    tw_free(r->bytes);
    tw_free(r);
}

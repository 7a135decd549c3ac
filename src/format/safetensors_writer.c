/* Writing: the header is printed tensor by tensor in the order of their names, padded with spaces to a
 * multiple of 8 bytes so that the numbers lie aligned, and followed by the numbers. Its length stands before
 * it, so it is printed into memory first. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "format/safetensors.h"

/* A text that grows; `failed` sticks. */
typedef struct text {
    char *bytes;
    int64_t used, room;
    bool failed;
} text;

static void put(text *t, const char *bytes, int64_t count) {
    if (!t->failed && t->used + count > t->room) {
        int64_t room = 2 * (t->used + count);
        char *grown = tw_regrow(t->bytes, t->used, room, 1);
        t->failed = !grown;
        if (grown) t->bytes = grown, t->room = room;
    }
    if (t->failed) return;
    memcpy(t->bytes + t->used, bytes, (size_t)count);
    t->used += count;
}

__attribute__((format(printf, 2, 3))) static void print(text *t, const char *format, ...) {
    char line[256]; /* only numbers and short words are printed so */
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    put(t, line, length);
}

static void put_string(text *t, const char *string) {
    put(t, "\"", 1);
    for (const char *s = string; *s; s++) {
        if (*s == '"' || *s == '\\')
            print(t, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            print(t, "\\u%04x", *s);
        else
            put(t, s, 1);
    }
    put(t, "\"", 1);
}

static int64_t byte_count(const tw_safetensor *tensor) {
    return tensor->count * tw_safetensor_width(tensor->type);
}

static void put_texts(text *t, const tw_safetensors *content) {
    print(t, "{\"__metadata__\":{\"%s\":\"%016" PRIx64 "\"", TW_SAFETENSORS_CHECKSUM,
          tw_safetensors_digest(content));
    for (int64_t i = 0; i < content->text_count; i++) {
        put(t, ",", 1);
        put_string(t, content->texts[i].key);
        put(t, ":", 1);
        put_string(t, content->texts[i].value);
    }
    put(t, "}", 1);
}

static void put_header(text *t, const tw_safetensors *content) {
    int64_t at = 0;
    put_texts(t, content);
    for (int64_t i = 0; i < content->tensor_count; i++) {
        const tw_safetensor *tensor = &content->tensors[i];
        put(t, ",", 1);
        put_string(t, tensor->name);
        print(t, ":{\"dtype\":\"%s\",\"shape\":[", tensor->type == TW_F64 ? "F64" : "F32");
        for (int d = 0; d < tensor->rank; d++) print(t, "%s%" PRId64, d ? "," : "", tensor->shape[d]);
        print(t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", at, at + byte_count(tensor));
        at += byte_count(tensor);
    }
    put(t, "}", 1);
    while (t->used % 8 && !t->failed) put(t, " ", 1);
}

static tw_status write_file(const char *path, const tw_safetensors *content, const text *header) {
    tw_writer *writer;
    tw_status status = tw_writer_create(&writer, path);
    if (status) return status;
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)header->used >> (8 * i));
    tw_writer_write(writer, length, sizeof length);
    tw_writer_write(writer, header->bytes, (size_t)header->used);
    for (int64_t i = 0; i < content->tensor_count; i++)
        tw_writer_write(writer, content->tensors[i].data, (size_t)byte_count(&content->tensors[i]));
    return tw_writer_commit(writer);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tw_safetensor *)a)->name, ((const tw_safetensor *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const tw_safetensors_text *)a)->key, ((const tw_safetensors_text *)b)->key);
}

/* A sorted copy of `count` elements; NULL without memory. */
static void *sorted(const void *list, int64_t count, size_t size,
                    int (*compare)(const void *, const void *)) {
    void *copy = tw_alloc(count, size);
    if (copy && count) {
        memcpy(copy, list, (size_t)count * size);
        qsort(copy, (size_t)count, size, compare);
    }
    return copy;
}

tw_status tw_safetensors_write(const char *path, const tw_safetensors *content) {
    tw_safetensor *tensors = sorted(content->tensors, content->tensor_count, sizeof *tensors, by_name);
    tw_safetensors_text *texts =
        tensors ? sorted(content->texts, content->text_count, sizeof *texts, by_key) : NULL;
    tw_status status = TW_ERROR_MEMORY;
    if (texts) {
        tw_safetensors ordered = {tensors, content->tensor_count, texts, content->text_count};
        text header = {0};
        put_header(&header, &ordered);
        if (!header.failed) status = write_file(path, &ordered, &header);
        tw_free(header.bytes);
    }
    tw_free(texts);
    tw_free(tensors);
    return status;
}

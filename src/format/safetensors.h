/* Named tensors and a few texts in one file: safetensors (huggingface/safetensors, README, 2024).
 *
 * A file is a length N (8 bytes), N bytes of JSON, and the numbers, all little-endian. The reader takes what
 * the specification allows and nothing else, and of the types F32 and F64 only. Our own files carry a
 * checksum of their content in the metadata ("twill.checksum"); where it stands it is verified. */
#ifndef TW_FORMAT_SAFETENSORS_H
#define TW_FORMAT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <twill/machine.h>

enum { TW_SAFETENSORS_RANK = 8 };

/* The key of the checksum: 16 hexadecimal digits. */
#define TW_SAFETENSORS_CHECKSUM "twill.checksum"

typedef struct tw_safetensor {
    const char *name;
    tw_type type;
    int rank;
    int64_t shape[TW_SAFETENSORS_RANK];
    int64_t count;    /* numbers: the product of the shape */
    const void *data; /* writing: the machine's numbers; reading: bytes of the file, of any alignment */
} tw_safetensor;

typedef struct tw_safetensors_text {
    const char *key, *value;
} tw_safetensors_text;

/* What a file holds. */
typedef struct tw_safetensors {
    const tw_safetensor *tensors; /* sorted by name */
    int64_t tensor_count;
    const tw_safetensors_text *texts; /* the metadata, sorted by key */
    int64_t text_count;
} tw_safetensors;

/* Writes a file whole or not at all, with a checksum as a further text. Names and keys differ from each other
 * and are valid UTF-8. */
tw_status tw_safetensors_write(const char *path, const tw_safetensors *content);

/* TRUNCATED, FORMAT, SHAPE, OVERFLOW, LIMIT, UNSUPPORTED (a type), CHECKSUM, IO; the message names the file,
 * the byte or the tensor. Free with tw_safetensors_free (NULL allowed). */
tw_status tw_safetensors_read(tw_safetensors **content, const char *path);
/* The same from bytes (of tw_alloc, which the content then owns, also on failure). `file` is for messages. */
tw_status tw_safetensors_parse(tw_safetensors **content, const char *file, unsigned char *bytes,
                               int64_t size);
void tw_safetensors_free(tw_safetensors *content);

/* Bytes of one number. */
static inline int64_t tw_safetensor_width(tw_type type) {
    return type == TW_F64 ? 8 : 4;
}

/* NULL when there is none. */
const tw_safetensor *tw_safetensors_find(const tw_safetensors *content, const char *name);
const char *tw_safetensors_text_of(const tw_safetensors *content, const char *key);

/* The numbers of a tensor that was read, as f32 (f64 is rounded). */
void tw_safetensor_copy(const tw_safetensor *tensor, float *numbers);

/* The digest behind the checksum: of what the content says, not of how its header is written, so that another
 * program may copy the file. Both lists must be sorted. */
uint64_t tw_safetensors_digest(const tw_safetensors *content);

/* "3x4", "scalar" for rank 0: for messages; cut to `size`. */
void tw_shape_text(const int64_t *shape, int rank, char *text, size_t size);

#endif

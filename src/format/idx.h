/* IDX: the arrays that MNIST comes in (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"). */
#ifndef TW_FORMAT_IDX_H
#define TW_FORMAT_IDX_H

#include <stdint.h>

#include <twill/status.h>

enum { TW_IDX_RANK = 8 };

typedef enum tw_idx_type {
    TW_IDX_U8 = 0x08,
    TW_IDX_I8 = 0x09,
    TW_IDX_I16 = 0x0b,
    TW_IDX_I32 = 0x0c,
    TW_IDX_F32 = 0x0d,
    TW_IDX_F64 = 0x0e
} tw_idx_type;

typedef struct tw_idx {
    tw_idx_type type;
    int rank;
    int64_t size[TW_IDX_RANK], count; /* count: the product of the sizes */
    unsigned char *data;              /* big-endian numbers, as in the file */
} tw_idx;

/* Reads a whole file, gzipped or not. FORMAT, TRUNCATED, OVERFLOW, LIMIT, UNSUPPORTED, CHECKSUM, IO: the
 * message names the file, and the byte or what was expected. Free with tw_idx_free (NULL allowed). */
tw_status tw_idx_read(tw_idx **idx, const char *path);
/* The same from bytes (of tw_alloc, which it takes over, also on failure). `file` is for messages. */
tw_status tw_idx_parse(tw_idx **idx, const char *file, unsigned char *bytes, int64_t size);
void tw_idx_free(tw_idx *idx);

/* Number i of all types. */
double tw_idx_number(const tw_idx *idx, int64_t i);

#endif

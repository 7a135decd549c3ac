/* A magic number (two zeros, the type, the rank), the sizes, the numbers: all big-endian, and not one byte
 * more. The header says exactly how long the file must be, so a gzipped file is first inflated for its header
 * alone, and then up to that length: what else it holds is never unpacked. */
#include "format/idx.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "format/gzip.h"

enum { HEADER_MOST = 4 + 4 * TW_IDX_RANK };
static const int64_t FILE_MOST = INT64_C(1) << 33; /* packed or not */

/* The file as one block: bytes is the block that is owned, and the numbers start at data_at. */
typedef struct layout {
    tw_idx idx;
    int64_t data_at, total; /* bytes of header; of the whole file */
} layout;

static int64_t width_of(tw_idx_type type) {
    switch (type) {
    case TW_IDX_U8:
    case TW_IDX_I8: return 1;
    case TW_IDX_I16: return 2;
    case TW_IDX_I32:
    case TW_IDX_F32: return 4;
    case TW_IDX_F64: return 8;
    }
    return 0;
}

static uint32_t big_endian32(const unsigned char *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static tw_status read_magic(const char *file, const unsigned char *bytes, tw_idx *idx) {
    if (bytes[0] != 0 || bytes[1] != 0) {
        const char *hint = bytes[3] == 0 && bytes[2] == 0 ? " (little-endian? IDX is big-endian)" : "";
        return tw_fail(TW_ERROR_FORMAT,
                       "%s: byte 0: %02x %02x %02x %02x; expected 00 00, a type and a rank%s", file, bytes[0],
                       bytes[1], bytes[2], bytes[3], hint);
    }
    idx->type = (tw_idx_type)bytes[2];
    idx->rank = bytes[3];
    if (width_of(idx->type) == 0)
        return tw_fail(TW_ERROR_FORMAT, "%s: byte 2: type %02x; expected 08, 09, 0b, 0c, 0d or 0e", file,
                       bytes[2]);
    if (idx->rank == 0)
        return tw_fail(TW_ERROR_FORMAT, "%s: byte 3: 0 dimensions; expected 1..%d", file, TW_IDX_RANK);
    if (idx->rank > TW_IDX_RANK)
        return tw_fail(TW_ERROR_LIMIT, "%s: byte 3: %d dimensions; at most %d", file, idx->rank, TW_IDX_RANK);
    return TW_OK;
}

/* Sizes and how long the file must be. `size` bytes are there. */
static tw_status read_layout(const char *file, const unsigned char *bytes, int64_t size, layout *l) {
    if (size < 4)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: %" PRId64 " bytes; an IDX file starts with 4", file, size);
    tw_status status = read_magic(file, bytes, &l->idx);
    if (status) return status;
    l->data_at = 4 + 4 * l->idx.rank;
    if (size < l->data_at)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: %" PRId64 " bytes; the header has %" PRId64, file, size,
                       l->data_at);
    l->idx.count = 1;
    bool fits = true;
    for (int i = 0; i < l->idx.rank; i++) {
        l->idx.size[i] = big_endian32(bytes + 4 + 4 * i);
        fits = fits && tw_mul(l->idx.count, l->idx.size[i], &l->idx.count);
    }
    fits = fits && tw_mul(l->idx.count, width_of(l->idx.type), &l->total);
    if (!fits || !tw_add(l->total, l->data_at, &l->total))
        return tw_fail(TW_ERROR_OVERFLOW, "%s: the sizes' product does not fit 63 bits", file);
    return TW_OK;
}

static tw_status check_length(const char *file, const layout *l, int64_t size, bool ends) {
    if (size < l->total)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: %" PRId64 " bytes; the header promises %" PRId64, file, size,
                       l->total);
    if (size > l->total || !ends)
        return tw_fail(TW_ERROR_FORMAT, "%s: more than the %" PRId64 " bytes that the header promises", file,
                       l->total);
    return TW_OK;
}

/* Replaces gzipped bytes by what they hold. */
static tw_status unpack(const char *file, unsigned char **bytes, int64_t *size, layout *l) {
    unsigned char *head, *whole;
    int64_t head_size, whole_size;
    bool ends;
    tw_status status = tw_gzip_inflate(file, *bytes, *size, HEADER_MOST, &head, &head_size, &ends);
    if (status) return status;
    status = read_layout(file, head, head_size, l);
    tw_free(head);
    if (status) return status;
    if (l->total > FILE_MOST)
        return tw_fail(TW_ERROR_LIMIT, "%s: %" PRId64 " bytes unpacked; at most %" PRId64, file, l->total,
                       FILE_MOST);
    status = tw_gzip_inflate(file, *bytes, *size, l->total, &whole, &whole_size, &ends);
    if (status) return status;
    tw_free(*bytes);
    *bytes = whole;
    *size = whole_size;
    return check_length(file, l, whole_size, ends);
}

static tw_status parse(const char *file, unsigned char **bytes, int64_t *size, layout *l) {
    if (tw_gzip_recognises(*bytes, *size)) return unpack(file, bytes, size, l);
    tw_status status = read_layout(file, *bytes, *size, l);
    return status ? status : check_length(file, l, *size, true);
}

tw_status tw_idx_parse(tw_idx **out, const char *file, unsigned char *bytes, int64_t size) {
    *out = NULL;
    layout l = {0};
    tw_status status = parse(file, &bytes, &size, &l);
    tw_idx *idx = status ? NULL : tw_alloc(1, sizeof *idx);
    if (!idx) {
        tw_free(bytes);
        return status ? status : TW_ERROR_MEMORY;
    }
    *idx = l.idx;
    idx->data = bytes; /* moved to the block's start, so that the block can be freed by it */
    memmove(bytes, bytes + l.data_at, (size_t)(l.total - l.data_at));
    *out = idx;
    return TW_OK;
}

tw_status tw_idx_read(tw_idx **idx, const char *path) {
    unsigned char *bytes;
    int64_t size;
    *idx = NULL;
    tw_status status = tw_file_read(path, FILE_MOST, &bytes, &size);
    return status ? status : tw_idx_parse(idx, path, bytes, size);
}

void tw_idx_free(tw_idx *idx) {
    if (!idx) return;
    tw_free(idx->data);
    tw_free(idx);
}

double tw_idx_number(const tw_idx *idx, int64_t i) {
    const unsigned char *at = idx->data + i * width_of(idx->type);
    switch (idx->type) {
    case TW_IDX_U8: return at[0];
    case TW_IDX_I8: return (int8_t)at[0];
    case TW_IDX_I16: return (int16_t)(at[0] << 8 | at[1]);
    case TW_IDX_I32: return (int32_t)big_endian32(at);
    case TW_IDX_F32: {
        uint32_t bits = big_endian32(at);
        float number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    case TW_IDX_F64: {
        uint64_t bits = (uint64_t)big_endian32(at) << 32 | big_endian32(at + 4);
        double number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    }
    return 0;
}

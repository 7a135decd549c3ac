/* A gzip file is one or more members, one after the other. Each is inflated into a block that grows by
 * doubling; zlib verifies lengths and checksums. */
#include "format/gzip.h"

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

bool tw_gzip_recognises(const unsigned char *bytes, int64_t size) {
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#ifdef TW_HAS_ZLIB
#include <limits.h>
#include <string.h>

#include <zlib.h>

enum { FIRST_ROOM = 1 << 12, GZIP_ONLY = 16 + MAX_WBITS };

/* zlib's allocator in terms of ours. */
static voidpf allocate(voidpf unused, uInt count, uInt size) {
    (void)unused;
    return tw_alloc(count, size);
}

static void release(voidpf unused, voidpf block) {
    (void)unused;
    tw_free(block);
}

typedef struct inflation {
    z_stream stream;
    const char *file;
    const unsigned char *packed;
    int64_t packed_size, room, used, most;
    unsigned char *bytes;
} inflation;

static tw_status grow(inflation *i) {
    int64_t room = tw_min(i->room ? 2 * i->room : FIRST_ROOM, i->most);
    unsigned char *grown = tw_regrow(i->bytes, i->used, room, 1);
    if (!grown) return TW_ERROR_MEMORY;
    i->bytes = grown;
    i->room = room;
    return TW_OK;
}

static tw_status refused(const inflation *i, int code) {
    int64_t at = i->packed_size - (int64_t)i->stream.avail_in;
    const char *reason = i->stream.msg ? i->stream.msg : "not a gzip stream";
    if (code == Z_MEM_ERROR) return TW_ERROR_MEMORY;
    if (code == Z_BUF_ERROR)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: the compressed data end too early, after byte %lld", i->file,
                       (long long)at);
    tw_status status =
        strstr(reason, "check") && !strstr(reason, "header") ? TW_ERROR_CHECKSUM : TW_ERROR_FORMAT;
    return tw_fail(status, "%s: byte %lld: bad gzip data: %s", i->file, (long long)at, reason);
}

/* One call of zlib into the room that is left. *ends: the last member is over. */
static tw_status advance(inflation *i, bool *ends) {
    int64_t room = tw_min(i->room - i->used, INT_MAX);
    i->stream.next_out = i->bytes + i->used;
    i->stream.avail_out = (uInt)room;
    int code = inflate(&i->stream, Z_NO_FLUSH);
    i->used += room - i->stream.avail_out;
    if (code == Z_STREAM_END) {
        *ends = i->stream.avail_in == 0;
        if (!*ends && inflateReset(&i->stream) != Z_OK) return refused(i, Z_STREAM_ERROR);
        return TW_OK;
    }
    bool no_more_input = i->stream.avail_in == 0 && i->stream.avail_out > 0;
    if (code == Z_OK && !no_more_input) return TW_OK;
    return refused(i, code == Z_OK ? Z_BUF_ERROR : code);
}

static tw_status inflate_all(inflation *i, bool *ends) {
    unsigned char beyond;
    tw_status status = TW_OK;
    while (!status && !*ends && i->used < i->most) {
        if (i->used == i->room) status = grow(i);
        if (!status) status = advance(i, ends);
    }
    if (status || *ends) return status;
    /* all that was asked for is there: one byte more tells whether something follows, and reaches the
     * trailer */
    i->stream.next_out = &beyond;
    i->stream.avail_out = 1;
    int code = inflate(&i->stream, Z_NO_FLUSH);
    *ends = code == Z_STREAM_END && i->stream.avail_out == 1 && i->stream.avail_in == 0;
    bool goes_on = i->stream.avail_out == 0 || code == Z_STREAM_END;
    return *ends || goes_on ? TW_OK : refused(i, code == Z_OK ? Z_BUF_ERROR : code);
}

tw_status tw_gzip_inflate(const char *file, const unsigned char *packed, int64_t packed_size, int64_t most,
                          unsigned char **bytes, int64_t *size, bool *ends) {
    *bytes = NULL;
    *size = 0;
    *ends = false;
    if (packed_size > UINT_MAX)
        return tw_fail(TW_ERROR_LIMIT, "%s: more than 4 GiB of compressed data", file);
    inflation i = {.file = file, .packed = packed, .packed_size = packed_size, .most = tw_max(most, 1)};
    i.stream.zalloc = allocate;
    i.stream.zfree = release;
    i.stream.next_in = (unsigned char *)packed; /* zlib does not write through it */
    i.stream.avail_in = (uInt)packed_size;
    if (inflateInit2(&i.stream, GZIP_ONLY) != Z_OK) return TW_ERROR_MEMORY;
    tw_status status = inflate_all(&i, ends);
    inflateEnd(&i.stream);
    if (status) {
        tw_free(i.bytes);
        return status;
    }
    *bytes = i.bytes;
    *size = i.used;
    return TW_OK;
}

#else

tw_status tw_gzip_inflate(const char *file, const unsigned char *packed, int64_t packed_size, int64_t most,
                          unsigned char **bytes, int64_t *size, bool *ends) {
    (void)packed, (void)packed_size, (void)most;
    *bytes = NULL;
    *size = 0;
    *ends = false;
    return tw_fail(TW_ERROR_UNSUPPORTED,
                   "%s: gzip data, and this build has no zlib; unpack the file (gzip -d) or build with zlib",
                   file);
}

#endif

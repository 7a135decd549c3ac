/* Compressed files (RFC 1952), read through zlib where the build has it. */
#ifndef TW_FORMAT_GZIP_H
#define TW_FORMAT_GZIP_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/status.h>

/* Whether bytes start as a gzip file does. */
bool tw_gzip_recognises(const unsigned char *bytes, int64_t size);

/* At most `most` bytes of what is packed, into a new block (tw_free): never more memory than about twice what
 * really comes out, so a bomb costs no more than `most`. *ends: nothing follows them. `file` is for messages.
 * TRUNCATED, FORMAT, CHECKSUM, UNSUPPORTED (no zlib in this build), MEMORY. */
tw_status tw_gzip_inflate(const char *file, const unsigned char *packed, int64_t packed_size, int64_t most,
                          unsigned char **bytes, int64_t *size, bool *ends);

#endif

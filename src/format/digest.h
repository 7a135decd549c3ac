/* A 64-bit digest of bytes, for fingerprints of data sets and checksums of our own files.
 *
 * Each step h = (h ^ word) * odd, h ^= h >> 32 is a bijection of h for a given word and of the word for a
 * given h: so two inputs that differ in one word, and in nothing else, never have the same digest; in
 * particular a single flipped bit is always found. (After FNV-1a: Fowler, Noll, Vo, 1991; here eight bytes a
 * step.) It is no protection against someone who wants two files with the same digest. */
#ifndef TW_FORMAT_DIGEST_H
#define TW_FORMAT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* The digest of nothing, to start from. */
uint64_t tw_digest_start(void);
/* Goes on with `count` bytes. The count is mixed in too: "ab","c" and "a","bc" differ. */
uint64_t tw_digest_add(uint64_t digest, const void *bytes, size_t count);
uint64_t tw_digest_number(uint64_t digest, uint64_t number);
uint64_t tw_digest_text(uint64_t digest, const char *text);

#endif

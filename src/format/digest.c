/* The bytes are read as little-endian words whatever the machine: the digest of a file is the same
 * everywhere. One multiplication for eight bytes. */
#include "format/digest.h"

#include <string.h>

static uint64_t little_endian(const unsigned char *bytes, size_t count) {
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t tw_digest_start(void) {
    return 0xcbf29ce484222325u;
}

uint64_t tw_digest_number(uint64_t digest, uint64_t number) {
    digest = (digest ^ number) * 0x9e3779b97f4a7c15u;
    return digest ^ digest >> 32;
}

uint64_t tw_digest_add(uint64_t digest, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    digest = tw_digest_number(digest, count);
    size_t left = count;
    for (; left >= 8; left -= 8, at += 8) digest = tw_digest_number(digest, little_endian(at, 8));
    return left ? tw_digest_number(digest, little_endian(at, left)) : digest;
}

uint64_t tw_digest_text(uint64_t digest, const char *text) {
    return tw_digest_add(digest, text, strlen(text));
}

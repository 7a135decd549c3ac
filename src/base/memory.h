/* The only file that calls malloc. Blocks are aligned to 64 bytes: a cache line, and the widest vector. */
#ifndef TW_BASE_MEMORY_H
#define TW_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { TW_ALIGNMENT = 64 };

/* count * size bytes, or NULL when there is no memory or the product does not fit; the message is then set,
 * so a caller says `if (!p) return TW_ERROR_MEMORY;`. A count of 0 gives a pointer that may be freed. */
void *tw_alloc(int64_t count, size_t size);
/* The same, all bytes zero. */
void *tw_alloc_zero(int64_t count, size_t size);
/* `bytes` bytes that cost nothing before they are written, however many they are; to be freed by the second,
 * with the same number. */
void *tw_alloc_untouched(size_t bytes);
void tw_free_untouched(void *block, size_t bytes); /* NULL allowed */
/* A block of tw_alloc grown to `count`, the first `old_count` elements kept; the old block stays valid on
 * failure. */
void *tw_regrow(void *block, int64_t old_count, int64_t count, size_t size);
/* A copy of a text. */
char *tw_strdup(const char *text);
char *tw_strndup(const char *text, size_t length);
/* NULL allowed. */
void tw_free(void *block);

#endif

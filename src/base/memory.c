#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"

void *tw_alloc(int64_t count, size_t size) {
    size_t bytes;
    if (!tw_bytes(count, size, &bytes) || bytes > PTRDIFF_MAX - TW_ALIGNMENT) {
        tw_fail(TW_ERROR_MEMORY, "%lld elements of %zu bytes exceed the address space", (long long)count,
                size);
        return NULL;
    }
    /* aligned_alloc wants a multiple of the alignment; at least one line, so that a count of 0 is a block too
     */
    size_t rounded = (bytes / TW_ALIGNMENT + (bytes % TW_ALIGNMENT != 0 || bytes == 0)) * TW_ALIGNMENT;
    void *block = aligned_alloc(TW_ALIGNMENT, rounded);
    if (!block) tw_fail(TW_ERROR_MEMORY, "no memory for %zu bytes", bytes);
    return block;
}

void *tw_alloc_zero(int64_t count, size_t size) {
    void *block = tw_alloc(count, size);
    if (block) memset(block, 0, (size_t)count * size);
    return block;
}

void *tw_regrow(void *block, int64_t old_count, int64_t count, size_t size) {
    void *grown = tw_alloc(count, size);
    if (!grown) return NULL;
    if (block) memcpy(grown, block, (size_t)tw_min(old_count, count) * size);
    tw_free(block);
    return grown;
}

char *tw_strndup(const char *text, size_t length) {
    char *copy = tw_alloc((int64_t)length + 1, 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *tw_strdup(const char *text) {
    return tw_strndup(text, strlen(text));
}

void tw_free(void *block) {
    free(block);
}

#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/fail.h"

enum { LARGE_PAGE = 1 << 21, UNTOUCHED = 2 * LARGE_PAGE };

/* Asks for pages of 2 MB where they fit whole: some hundred times fewer of them to hand out when the block is
 * first written, and to look up for ever after. What the system answers does not matter. */
static void ask_for_large_pages(void *block, size_t bytes) {
#ifdef MADV_HUGEPAGE
    size_t before = (LARGE_PAGE - (uintptr_t)block % LARGE_PAGE) % LARGE_PAGE;
    if (bytes >= before + LARGE_PAGE)
        madvise((char *)block + before, (bytes - before) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)block, (void)bytes;
#endif
}

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
    if (block && rounded >= UNTOUCHED) ask_for_large_pages(block, rounded);
    return block;
}

static size_t whole_pages(size_t bytes) {
    return (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

/* Of malloc, a large block's first page is written, and a page that is written first takes the system up to
 * 50 us; of mmap nothing is before the caller writes. */
void *tw_alloc_untouched(size_t bytes) {
    if (bytes < UNTOUCHED || bytes > PTRDIFF_MAX - LARGE_PAGE) return tw_alloc((int64_t)bytes, 1);
    void *block = mmap(NULL, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
        tw_fail(TW_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    ask_for_large_pages(block, whole_pages(bytes));
    return block;
}

void tw_free_untouched(void *block, size_t bytes) {
    if (bytes < UNTOUCHED)
        tw_free(block);
    else if (block)
        munmap(block, whole_pages(bytes));
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

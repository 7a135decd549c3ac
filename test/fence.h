/* Buffers between pages that must not be touched: whoever reads or writes one byte before or behind them is
 * stopped by the machine. A buffer is flush with the page behind it or with the one before. */
#ifndef TW_TEST_FENCE_H
#define TW_TEST_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FENCES = 10, FENCE_ROOM = 1 << 24 };

typedef struct fence {
    char *first, *end; /* FENCE_ROOM bytes that may be touched */
} fence;

static fence fences[FENCES];

/* As a group's set-up. */
static inline int fences_raise(void **state) {
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < FENCES; i++) {
        char *map = mmap(NULL, FENCE_ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + page, FENCE_ROOM, PROT_READ | PROT_WRITE)) return -1;
        fences[i] = (fence){map + page, map + page + FENCE_ROOM};
    }
    return 0;
}

/* Room for `bytes` (at most FENCE_ROOM) of one of the buffers, filled with NaN. */
static inline void *fence_place(int buffer, size_t bytes, bool at_end) {
    char *at = at_end ? fences[buffer].end - bytes : fences[buffer].first;
    memset(at, 0xff, bytes);
    return at;
}

#endif

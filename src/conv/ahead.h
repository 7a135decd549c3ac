/* What goes between memory and caches besides loads and stores.
 *
 * Fetching ahead: a tile can fetch a line with each of its products, which costs nothing beside them.
 *
 * Writing past the caches, where tensors are larger than they: a line that is written as usual is read
 * before, and drives out another. */
#ifndef TW_CONV_AHEAD_H
#define TW_CONV_AHEAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "kernel/kernel.h"

/* Bytes that a pass reads and writes from which on its tensors lie far: so many stay in no shared cache. On a
 * Zen 5 with 32 MB, one thread: 112x112 pixels from 16 to 96 channels, 24 MB in 0.7 of the time when written
 * past the caches, 32 MB in 0.46; two threads 1.23 and 0.77. CMake's TWILL_FAR sets another limit. */
#ifndef TW_FAR
#define TW_FAR (24 << 20)
#endif

static inline bool tw_lies_far(int64_t numbers, size_t size) {
    return numbers * (int64_t)size >= TW_FAR;
}

/* Behind what was written past the caches: such stores are not in order, and others will read it. */
static inline void tw_lines_written(void) {
    atomic_thread_fence(memory_order_seq_cst);
}

/* Whether rows of `row` numbers at `to` are whole lines, and so are the loops' vectors. */
static inline bool tw_writes_lines(const void *to, int64_t row, const tw_loops *loops, size_t size) {
    const int64_t line = TW_ALIGNMENT / (int64_t)size;
    return loops->lanes == line && row % line == 0 && (uintptr_t)to % TW_ALIGNMENT == 0;
}

/* Memory that is to be fetched while the units multiply, some lines with each tile. */
typedef struct tw_ahead {
    const char *at, *end;
} tw_ahead;

/* Fetches the next so many bytes. */
static inline void tw_ahead_fetch(tw_ahead *ahead, int64_t bytes) {
    const char *end = ahead->end - ahead->at < bytes ? ahead->end : ahead->at + bytes;
    for (; ahead->at < end; ahead->at += TW_ALIGNMENT) __builtin_prefetch(ahead->at);
}

/* Fetches so many bytes from `behind` bytes behind `from` on, where there need be no memory. */
static inline void tw_fetch_behind(const void *from, int64_t behind, int64_t bytes) {
    const uintptr_t begin = (uintptr_t)from + (uintptr_t)behind;
    for (int64_t at = 0; at < bytes; at += TW_ALIGNMENT)
        __builtin_prefetch((const void *)(begin + (uintptr_t)at), 0, 2);
}

/* How many channels ahead packing fetches weights of which a channel has a short piece of memory (512
 * channels, 3x3, one core of Zen 5: 1.2 times as fast). */
enum { TW_CHANNELS_AHEAD = 4 };

/* Where *tiles tiles of so many products fetch ahead, a line for each product; NULL: nowhere. Some tiles may
 * be enough: then *tiles becomes less. */
static inline const void *tw_ahead_next(tw_ahead *ahead, int64_t products, int64_t *tiles) {
    const char *now = ahead->at;
    const int64_t left = ahead->end - now, each = products * TW_ALIGNMENT;
    if (left <= 0) return NULL;
    if (*tiles * each > left) *tiles = (left + each - 1) / each;
    ahead->at += *tiles * each;
    return now;
}

/* The same for two pieces, the first one first. */
static inline const void *tw_ahead_either(tw_ahead *ahead, int64_t products, int64_t *tiles) {
    const void *first = tw_ahead_next(&ahead[0], products, tiles);
    return first ? first : tw_ahead_next(&ahead[1], products, tiles);
}

#endif

/* Fetching ahead: a tile can fetch a line with each of its products, which costs nothing beside them. */
#ifndef TW_CONV_AHEAD_H
#define TW_CONV_AHEAD_H

#include <stdint.h>

#include "base/memory.h"

/* Memory that is to be fetched while the units multiply, some lines with each tile. */
typedef struct tw_ahead {
    const char *at, *end;
} tw_ahead;

/* Fetches the next so many bytes. */
static inline void tw_ahead_fetch(tw_ahead *ahead, int64_t bytes) {
    const char *end = ahead->end - ahead->at < bytes ? ahead->end : ahead->at + bytes;
    for (; ahead->at < end; ahead->at += TW_ALIGNMENT) __builtin_prefetch(ahead->at);
}

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

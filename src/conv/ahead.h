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

/* Where a tile of so many products fetches ahead, a line for each; NULL: nowhere. */
static inline const void *tw_ahead_next(tw_ahead *ahead, int64_t products) {
    if (ahead->at >= ahead->end) return NULL;
    const char *now = ahead->at;
    ahead->at += products * TW_ALIGNMENT;
    return now;
}

/* The same for two pieces, the first one first. */
static inline const void *tw_ahead_either(tw_ahead *ahead, int64_t products) {
    const void *first = tw_ahead_next(&ahead[0], products);
    return first ? first : tw_ahead_next(&ahead[1], products);
}

#endif

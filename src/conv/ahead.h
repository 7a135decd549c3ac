/* Fetching ahead: a tile can fetch a line with each of its products, which costs nothing beside them. */
#ifndef TW_CONV_AHEAD_H
#define TW_CONV_AHEAD_H

#include <stdint.h>

#include "base/memory.h"

/* Memory that is to be fetched while the units multiply, some lines with each tile. */
typedef struct tw_ahead {
    const char *at, *end;
} tw_ahead;

/* Where a tile of so many products fetches ahead, a line for each; NULL: nowhere. */
static inline const void *tw_ahead_next(tw_ahead *ahead, int64_t products) {
    if (ahead->at >= ahead->end) return NULL;
    const char *now = ahead->at;
    ahead->at += products * TW_ALIGNMENT;
    return now;
}

#endif

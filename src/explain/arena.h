/* Memory that is given back all at once: a document's blocks, words and numbers. */
#ifndef TW_EXPLAIN_ARENA_H
#define TW_EXPLAIN_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

typedef struct tw_arena {
    struct tw_arena_chunk *chunk;
    tw_status status; /* sticks at the first failure */
} tw_arena;

/* count * size bytes, all zero, aligned for every type; NULL after a failure. */
void *tw_arena_take(tw_arena *arena, int64_t count, size_t size);
char *tw_arena_text(tw_arena *arena, const char *text, size_t length);
void tw_arena_release(tw_arena *arena);

#endif

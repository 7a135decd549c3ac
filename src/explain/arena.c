/* Chunks in a list, each filled from its start; a block larger than a chunk gets one of its own. */
#include "explain/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

enum { CHUNK = 1 << 16 };

typedef struct tw_arena_chunk {
    struct tw_arena_chunk *before;
    size_t used, room;
    alignas(max_align_t) unsigned char bytes[];
} tw_arena_chunk;

static tw_arena_chunk *add_chunk(tw_arena *arena, size_t least) {
    size_t room = least > CHUNK ? least : CHUNK;
    tw_arena_chunk *chunk = tw_alloc_zero((int64_t)(sizeof *chunk + room), 1);
    if (!chunk) {
        arena->status = TW_ERROR_MEMORY;
        return NULL;
    }
    chunk->before = arena->chunk;
    chunk->room = room;
    arena->chunk = chunk;
    return chunk;
}

void *tw_arena_take(tw_arena *arena, int64_t count, size_t size) {
    size_t bytes;
    if (arena->status) return NULL;
    if (!tw_bytes(count, size, &bytes) || (uint64_t)bytes > UINT64_C(1) << 40) {
        arena->status =
            tw_fail(TW_ERROR_OVERFLOW, "the explanation: a block of %lld elements", (long long)count);
        return NULL;
    }
    bytes = (size_t)tw_round_up((int64_t)bytes, alignof(max_align_t));
    tw_arena_chunk *chunk = arena->chunk;
    if (!chunk || chunk->room - chunk->used < bytes) chunk = add_chunk(arena, bytes);
    if (!chunk) return NULL;
    void *block = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return block;
}

char *tw_arena_text(tw_arena *arena, const char *text, size_t length) {
    char *copy = tw_arena_take(arena, (int64_t)length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

void tw_arena_release(tw_arena *arena) {
    while (arena->chunk) {
        tw_arena_chunk *chunk = arena->chunk;
        arena->chunk = chunk->before;
        tw_free(chunk);
    }
}

#include "net/labels.h"

#include <string.h>

#include "base/memory.h"

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash_of(const char *at, size_t length) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)at[i]) * 0x100000001b3u;
    return hash;
}

/* The slot of a label, or the free one where it would go; room is a power of two and never full. */
static tw_label *slot_of(const tw_labels *labels, const char *at, size_t length) {
    uint64_t i = hash_of(at, length);
    for (;; i++) {
        tw_label *slot = &labels->slots[i & (uint64_t)(labels->room - 1)];
        if (!slot->at || (slot->length == length && memcmp(slot->at, at, length) == 0)) return slot;
    }
}

int tw_labels_find(const tw_labels *labels, tw_word word) {
    if (labels->room == 0) return -1;
    const tw_label *slot = slot_of(labels, word.at, word.length);
    return slot->at ? slot->op : -1;
}

static tw_status grow(tw_labels *labels) {
    tw_labels wider = {.room = labels->room ? 2 * labels->room : 64, .count = labels->count};
    wider.slots = tw_alloc_zero(wider.room, sizeof *wider.slots);
    if (!wider.slots) return TW_ERROR_MEMORY;
    for (int64_t i = 0; i < labels->room; i++)
        if (labels->slots[i].at)
            *slot_of(&wider, labels->slots[i].at, labels->slots[i].length) = labels->slots[i];
    tw_free(labels->slots);
    *labels = wider;
    return TW_OK;
}

tw_status tw_labels_add(tw_labels *labels, tw_word word, int op) {
    if (2 * labels->count >= labels->room) {
        tw_status status = grow(labels);
        if (status) return status;
    }
    *slot_of(labels, word.at, word.length) = (tw_label){word.at, word.length, op};
    labels->count++;
    return TW_OK;
}

void tw_labels_free(tw_labels *labels) {
    tw_free(labels->slots);
    *labels = (tw_labels){0};
}

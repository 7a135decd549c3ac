/* Labels of a text and the operators that they name: a hash table with open addressing. */
#ifndef TW_NET_LABELS_H
#define TW_NET_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "net/tokens.h"

typedef struct tw_label {
    const char *at; /* in the caller's text */
    size_t length;
    int op;
} tw_label;

typedef struct tw_labels {
    tw_label *slots;
    int64_t room, count;
} tw_labels;

/* The operator of a label; -1: none. */
int tw_labels_find(const tw_labels *labels, tw_word word);
/* Adds a label that is not there yet; MEMORY. */
tw_status tw_labels_add(tw_labels *labels, tw_word word, int op);
void tw_labels_free(tw_labels *labels);

#endif

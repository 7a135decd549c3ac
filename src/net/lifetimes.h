/* Where tensors that live for a while are laid in one block of memory: two that live at the same time never
 * overlap. */
#ifndef TW_NET_LIFETIMES_H
#define TW_NET_LIFETIMES_H

#include <stddef.h>

#include <twill/status.h>

typedef struct tw_lifetime {
    size_t bytes;
    int first, last; /* steps, both included */
    size_t offset;   /* out: a multiple of 64 */
} tw_lifetime;

/* Chooses all offsets; *total receives the bytes of the block. OVERFLOW, MEMORY. */
tw_status tw_lifetimes_plan(tw_lifetime *lifetimes, int count, size_t *total);

#endif

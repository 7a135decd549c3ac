/* From channels first to channels last and back: matrices, each turned. */
#ifndef TW_CONV_RELAYOUT_H
#define TW_CONV_RELAYOUT_H

#include "kernel/kernel.h"

/* to[i * to_step + column * rows + row] = from[i * from_step + row * columns + column], for i < count; steps
 * count numbers of `size` bytes. from and to do not overlap. */
typedef struct tw_matrices {
    const tw_loops *loops;
    size_t size;
    const void *from;
    void *to;
    int64_t count, rows, columns, from_step, to_step;
} tw_matrices;

void tw_relayout(const tw_matrices *matrices, int threads);

#endif

/* From channels first to channels last and back: `count` matrices, each turned. */
#ifndef TW_CONV_RELAYOUT_H
#define TW_CONV_RELAYOUT_H

#include <twill/machine.h>

#include <stdint.h>

/* to[i][column][row] = from[i][row][column], for i < count. from and to do not overlap. */
void tw_relayout(tw_type type, const void *from, void *to, int64_t count, int64_t rows, int64_t columns,
                 int threads);

#endif

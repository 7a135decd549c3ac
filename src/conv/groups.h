/* How the channels of groups lie in the lanes of vectors: laid by groups_blocks.c for groups.c. */
#ifndef TW_CONV_GROUPS_H
#define TW_CONV_GROUPS_H

#include "conv/algorithm.h"

/* How output channels fill vectors: each block some whole groups, or a part of one. */
typedef struct tw_group_blocks {
    int64_t lanes;
    int64_t reads, writes; /* channels of a group */
    int64_t count, together, pieces;
    tw_stencil_block *block;   /* [count] */
    tw_stencil_spread *spread; /* [count of different groups][reads] */
    int32_t *lane;             /* tables of lanes */
} tw_group_blocks;

/* `reads` and `writes` channels of each of `groups` groups; `weights` numbers of packed weights for each
 * block. */
tw_status tw_group_blocks_create(tw_group_blocks *blocks, int lanes, int64_t groups, int64_t reads,
                                 int64_t writes, int64_t weights);
void tw_group_blocks_free(tw_group_blocks *blocks);

#endif

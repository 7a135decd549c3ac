/* Which channels lie in the lanes of a vector, for groups of few channels: where a group is narrower than a
 * vector, as many whole groups as fit; otherwise one group, cut into pieces. And where in memory the lanes
 * find a channel of their groups: always within one vector, which ends before the channels of a pixel do, so
 * that nothing behind a tensor is read. */
#include "base/checked.h"
#include "base/memory.h"
#include "conv/groups.h"

/* Groups that share a vector: one table of lanes for each channel, and one more where the last vector cannot
 * begin with its groups, since the pixel ends. */
static void fill_tables(tw_group_blocks *b, int64_t shift) {
    for (int64_t t = 0; t < 2 * b->reads; t++)
        for (int64_t l = 0; l < b->lanes; l++) {
            int64_t at = l / b->writes * b->reads + t % b->reads + (t < b->reads ? 0 : shift);
            b->lane[t * b->lanes + l] = (int32_t)(at < b->lanes ? at : 0);
        }
}

/* Groups from `first` on, in a pixel of `channels` channels. */
static void spread(const tw_group_blocks *b, int64_t first, int64_t channels, tw_stencil_spread *to) {
    int64_t vector = first * b->reads, begin = tw_min(vector, channels - b->lanes);
    for (int64_t k = 0; k < b->reads; k++) {
        int64_t table = (begin < vector) * b->reads + k;
        to[k] = b->together > 1 ? (tw_stencil_spread){.begin = begin, .lane = b->lane + table * b->lanes}
                                : (tw_stencil_spread){.begin = vector + k};
    }
}

tw_status tw_group_blocks_create(tw_group_blocks *b, int lanes, int64_t groups, int64_t reads, int64_t writes,
                                 int64_t weights) {
    int64_t channels = groups * reads;
    *b = (tw_group_blocks){.lanes = lanes, .reads = reads, .writes = writes};
    b->together = tw_max(1, lanes / tw_max(reads, writes)), b->pieces = tw_ceil_div(writes, lanes);
    int64_t sets = tw_ceil_div(groups, b->together);
    b->count = sets * b->pieces;
    b->block = tw_alloc(b->count, sizeof *b->block);
    b->spread = tw_alloc(sets * reads, sizeof *b->spread);
    b->lane = tw_alloc(2 * reads * lanes, sizeof *b->lane);
    if (!b->block || !b->spread || !b->lane) {
        tw_group_blocks_free(b);
        return TW_ERROR_MEMORY;
    }
    int64_t last = (sets - 1) * b->together * reads;
    fill_tables(b, last - tw_min(last, channels - lanes));
    for (int64_t i = 0; i < b->count; i++) {
        int64_t set = i / b->pieces, piece = i % b->pieces * lanes;
        int64_t first = set * b->together, here = tw_min(b->together, groups - first);
        b->block[i] = (tw_stencil_block){.out = first * writes + piece,
                                         .weights = i * weights,
                                         .spread = b->spread + set * reads,
                                         .used = (int)tw_min(lanes, here * writes - piece)};
        if (piece == 0) spread(b, first, channels, b->spread + set * reads);
    }
    return TW_OK;
}

void tw_group_blocks_free(tw_group_blocks *b) {
    tw_free(b->block);
    tw_free(b->spread);
    tw_free(b->lane);
    *b = (tw_group_blocks){0};
}

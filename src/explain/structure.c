/* Each name follows from the geometry alone. */
#include "explain/structure.h"

#include "base/checked.h"

static const tw_structure toeplitz[TW_MAX_SPATIAL] = {{"toeplitz", TW_SAY_TOEPLITZ_1},
                                                      {"block toeplitz", TW_SAY_TOEPLITZ_2},
                                                      {"three-level block toeplitz", TW_SAY_TOEPLITZ_3}};
static const tw_structure border = {"block toeplitz but for the border", TW_SAY_TOEPLITZ_BORDER},
                          strided = {"block toeplitz, some rows", TW_SAY_TOEPLITZ_STRIDE},
                          upstrided = {"block toeplitz, some columns", TW_SAY_TOEPLITZ_UPSTRIDE},
                          circulant = {"block circulant", TW_SAY_CIRCULANT},
                          diagonal = {"block diagonal", TW_SAY_BLOCK_DIAGONAL},
                          channels = {"a block for each pair of channels", TW_SAY_BLOCK_CHANNELS};

int tw_structures_of(const tw_problem *p, tw_structure found[TW_STRUCTURES]) {
    const tw_geometry *g = &p->geometry;
    bool steps = false, same_size = true;
    int count = 0;
    for (int a = 0; a < g->spatial; a++) {
        steps = steps || g->stride[a] > 1;
        same_size = same_size && g->input[a] == p->output[a];
    }
    if (g->pad_mode == TW_PAD_REFLECT || g->pad_mode == TW_PAD_REPLICATE)
        found[count++] = border;
    else if (steps)
        found[count++] = g->transposed ? upstrided : strided;
    else
        found[count++] = toeplitz[g->spatial - 1];
    if (g->pad_mode == TW_PAD_CIRCULAR && !steps && same_size) found[count++] = circulant;
    if (g->groups > 1)
        found[count++] = diagonal;
    else if (g->in_channels > 1 || g->out_channels > 1)
        found[count++] = channels;
    return count;
}

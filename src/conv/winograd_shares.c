/* Cutting the Winograd gradient of the weights. Chunks and slots look at one image alone, since bits depend
 * on them; shares look at the threads too: as many as let them end first, counting that shares beside each
 * other transform the same tiles. */
#include "conv/winograd_shares.h"

#include <math.h>

#include "base/checked.h"

typedef tw_winograd_work work;

enum {
    CHUNK = 128,          /* most tiles of a chunk */
    LARGE_BYTES = 700000, /* of P: so large that it does not, and has one slot */
    SLOTS = 8,
    SLOT_BYTES = 1300000,
    PANEL = 16, /* channels of a block of P are a multiple of it */
    HIGH = 64   /* most channels of a block of P; and TW_WINOGRAD_WIDE columns */
};

/* Looks at one image alone: chunks of even length, and as long runs as give each slot one of an image. */
void tw_winograd_cut_chunks(work *k, int64_t image_tiles) {
    const tw_winograd_frame *f = k->frame;
    bool large = f->channels * tw_round_up(f->columns, 16) > LARGE_BYTES / (f->points * k->size);
    k->slots = large ? 1
                     : tw_max(1, tw_min(SLOTS, SLOT_BYTES / (f->points * k->size * f->channels *
                                                             tw_round_up(f->columns, 16))));
    const int64_t chunks = tw_ceil_div(image_tiles, CHUNK);
    k->chunk = chunks > 1 ? tw_ceil_div(image_tiles, chunks) : CHUNK;
    k->run = tw_max(1, chunks / k->slots);
}

/* Whole panels of the kernel's tile in even blocks, `least` of them or a multiple of the shares. */
static int64_t cut_axis(int64_t length, int64_t panel, int64_t least, int64_t shares) {
    int64_t blocks = tw_min(tw_round_up(least, shares), tw_ceil_div(length, panel));
    return tw_round_up(tw_ceil_div(length, tw_max(blocks, least)), panel);
}

static void cut_blocks(work *k, int64_t shares_down, int64_t shares_along) {
    const tw_winograd_frame *f = k->frame;
    int64_t lanes = k->loops->lanes, columns = tw_round_up(f->columns, lanes);
    k->high = cut_axis(f->channels, PANEL, tw_ceil_div(f->channels, HIGH), shares_down);
    k->wide =
        cut_axis(columns, tw_min(columns, 2 * lanes), tw_ceil_div(columns, TW_WINOGRAD_WIDE), shares_along);
    k->wide = tw_min(k->wide, columns);
    k->down = tw_ceil_div(f->channels, k->high);
    k->along = tw_ceil_div(columns, k->wide);
    k->blocks = k->down * k->along;
    k->shares_down = tw_min(shares_down, k->down);
    k->shares_along = tw_min(shares_along, k->along);
}

/* What the largest share costs for each tile, as winograd.c counts. Shares below each other write parts of
 * the same rows of dw, and take its lines from each other: with a single chunk that is much of the work. */
static double share_cost(const work *k) {
    enum { GATHERED = 5000, SPREAD = 4200 }; /* multiply-adds of 16 channels and columns */
    const double split_rows = k->alone && k->shares_down > 1 ? 1.2 : 1;
    const tw_winograd_frame *f = k->frame;
    double channels = (double)tw_min(f->channels, tw_ceil_div(k->down, k->shares_down) * k->high);
    double columns = (double)tw_min(f->columns, tw_ceil_div(k->along, k->shares_along) * k->wide);
    return split_rows * (f->points * channels * columns + channels / 16 * GATHERED + columns / 16 * SPREAD);
}

/* 1, 2, 3, 4, 6, 8, 12 ... */
static int64_t more_shares(int64_t shares) {
    return shares == 1 ? 2 : shares % 3 == 0 ? shares / 3 * 4 : shares / 2 * 3;
}

/* Looks at the threads too: as many shares as let them end first. */
static void choose_shares(work *k, int threads) {
    int64_t most = tw_max(1, 2 * threads / k->slots);
    double least = INFINITY;
    work best = *k;
    for (int64_t down = 1; down <= most; down = more_shares(down))
        for (int64_t along = 1; down * along <= most; along = more_shares(along)) {
            cut_blocks(k, down, along);
            if (k->shares_down < down || k->shares_along < along) break;
            double cost = share_cost(k) * (double)tw_ceil_div(down * along * k->slots, threads);
            if (cost < 0.99 * least) least = cost, best = *k;
        }
    *k = best;
}

/* A single chunk has room for its tiles alone. */
work tw_winograd_work_of(const tw_problem *problem, const tw_winograd_frame *f, int threads, int64_t tiles) {
    work k = {.frame = f, .loops = problem->loops, .size = (int64_t)tw_type_size(problem->type)};
    tw_winograd_cut_chunks(&k, f->plane_tiles * problem->shape.in[TW_DEPTH]);
    int64_t chunks = tw_ceil_div(tiles, k.chunk);
    k.alone = chunks == 1;
    if (k.alone) k.chunk = tiles;
    k.slots = tw_min(k.slots, chunks);
    choose_shares(&k, threads);
    return k;
}

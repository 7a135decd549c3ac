/* What the files of the Winograd gradient of the weights share: how it is cut into chunks of tiles and slots
 * and into shares of P (winograd_shares.c), and its end (winograd_finish.c). See winograd_weights.c. */
#ifndef TW_CONV_WINOGRAD_SHARES_H
#define TW_CONV_WINOGRAD_SHARES_H

#include "base/threads.h"
#include "conv/winograd.h"

enum { TW_WINOGRAD_WIDE = 128 /* most columns of a block of P */ };

typedef struct tw_winograd_work {
    const tw_job *job;
    const tw_winograd_frame *frame;
    const tw_loops *loops;
    int64_t size;
    int64_t chunk, run, slots; /* most tiles of a chunk; chunks in a row for one slot; slots that have one */
    int64_t high, wide, down, along,
        blocks;                        /* a block of P: channels, columns; how many each way and in all */
    int64_t shares_down, shares_along; /* of P, whole blocks */
    bool alone;                        /* there is one chunk only: P is one block for each worker */
    int64_t group, all;                /* tiles of the call */
    int64_t first, last;               /* chunks of this round */
    const char *x, *dy;                /* plane first_plane, channels last */
    int64_t first_plane;
    char *space;          /* workspace of this group */
    char *v, *e, *p, *db; /* db: sums of dy of this group, slot by slot; NULL: not wanted */
    int64_t db_bytes;     /* of a slot */
} tw_winograd_work;

/* The blocks of a share: a rectangle. */
typedef struct tw_winograd_share {
    int64_t down0, down1, along0, along1;
} tw_winograd_share;

/* Most tiles of a chunk, and most slots: of one image's tiles. */
void tw_winograd_cut_chunks(tw_winograd_work *work, int64_t image_tiles);

/* Everything that is counted, nothing that points, for a call of so many tiles in each group. */
tw_winograd_work tw_winograd_work_of(const tw_problem *problem, const tw_winograd_frame *frame, int threads,
                                     int64_t tiles);

static inline int64_t tw_winograd_shares(const tw_winograd_work *k) {
    return k->shares_down * k->shares_along;
}

/* Of the blocks that lie so far down or along. */
static inline int64_t tw_winograd_channels_of(const tw_winograd_work *k, int64_t down) {
    return tw_min(k->high, k->frame->channels - down * k->high);
}

static inline int64_t tw_winograd_columns_of(const tw_winograd_work *k, int64_t along) {
    return tw_min(k->wide, k->frame->columns - along * k->wide);
}

/* Bytes of a block of P, and where one begins. */
static inline int64_t tw_winograd_block_bytes(const tw_winograd_work *k) {
    return tw_worker_bytes(k->frame->points * k->high * k->wide * k->size);
}

static inline char *tw_winograd_slot_block(const tw_winograd_work *k, int64_t slot, int64_t block) {
    return k->p + (slot * k->blocks + block) * tw_winograd_block_bytes(k);
}

/* dw of a block from its P. */
void tw_winograd_finish(const tw_winograd_work *work, int64_t block, char *p);

/* All dw, the slots being added in order. */
void tw_winograd_finish_slots(tw_winograd_work *work, int threads);

#endif

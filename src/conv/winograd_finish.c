/* The end of the Winograd gradient of the weights: slots are added, and P is transformed to dw. */
#include <string.h>

#include "base/checked.h"
#include "base/threads.h"
#include "conv/winograd_shares.h"

enum { TAPS = 9, FINISHED = 8 /* channels whose dw is turned at once */ };

typedef tw_winograd_work work;

/* One channel of all slots, added in order to the first. */
static void add_slots(const work *k, int64_t block, int64_t channel) {
    const tw_winograd_frame *f = k->frame;
    for (int64_t slot = 1; slot < k->slots; slot++)
        for (int point = 0; point < f->points; point++) {
            int64_t at = k->size * (point * k->high + channel) * k->wide;
            void *to = tw_winograd_slot_block(k, 0, block) + at,
                 *from = tw_winograd_slot_block(k, slot, block) + at;
            for (int64_t n = 0; n < k->wide; n++)
                if (k->size == 4)
                    ((float *)to)[n] += ((const float *)from)[n];
                else
                    ((double *)to)[n] += ((const double *)from)[n];
        }
}

/* The taps of a channel in the other order. */
static void flip(char *g, int64_t row) {
    char kept[TW_WINOGRAD_WIDE * sizeof(double)];
    for (int tap = 0; tap < TAPS / 2; tap++) {
        char *a = g + tap * row, *b = g + (TAPS - 1 - tap) * row;
        memcpy(kept, a, (size_t)row);
        memcpy(a, b, (size_t)row);
        memcpy(b, kept, (size_t)row);
    }
}

/* dw of some channels of a block from its P. */
static void finish_some(const work *k, int64_t block, char *p, int64_t begin, int64_t end) {
    const tw_winograd_frame *f = k->frame;
    _Alignas(64) char g[FINISHED * TAPS * TW_WINOGRAD_WIDE * sizeof(double)];
    int64_t down = block % k->down, along = block / k->down;
    int64_t columns = tw_winograd_columns_of(k, along), padded = tw_round_up(columns, k->loops->lanes);
    int64_t first = (k->group * f->columns + along * k->wide) * f->channels + down * k->high;
    for (int64_t c = begin; c < end; c += FINISHED) {
        int64_t count = tw_min(FINISHED, end - c);
        for (int64_t i = 0; i < count; i++) {
            char *taps = g + k->size * i * TAPS * padded;
            add_slots(k, block, c + i);
            f->transform->gradient(&(tw_winograd_filter){.g = taps,
                                                         .columns = padded,
                                                         .u = p + k->size * (c + i) * k->wide,
                                                         .u_point = k->high * k->wide});
            if (k->job->problem->shape.geometry.flipped) flip(taps, k->size * padded);
        }
        k->loops->turn(&(tw_block){.from = g,
                                   .from_pitch = padded,
                                   .to = (char *)k->job->dw + k->size * (first + c) * TAPS,
                                   .to_pitch = f->channels * TAPS,
                                   .rows = count * TAPS,
                                   .columns = columns});
    }
}

/* Some channels of a block, of all slots. */
static void finish_rows(void *context, int64_t task, int worker) {
    (void)worker;
    const work *k = context;
    int64_t pieces = tw_ceil_div(k->high, FINISHED), block = task / pieces, first = task % pieces * FINISHED;
    int64_t channels = tw_winograd_channels_of(k, block % k->down);
    finish_some(k, block, tw_winograd_slot_block(k, 0, block), first, tw_min(first + FINISHED, channels));
}

void tw_winograd_finish(const tw_winograd_work *k, int64_t block, char *p) {
    finish_some(k, block, p, 0, tw_winograd_channels_of(k, block % k->down));
}

void tw_winograd_finish_slots(tw_winograd_work *k, int threads) {
    tw_parallel(threads, k->blocks * tw_ceil_div(k->high, FINISHED), finish_rows, k);
}

/* The parts of the depthwise algorithm, and what they share. */
#ifndef TW_CONV_DEPTHWISE_H
#define TW_CONV_DEPTHWISE_H

#include "conv/algorithm.h"
#include "conv/axis.h"

/* Staged rows of one block of channels: a small cache, indexed by a row's numbers. A row holds the source's
 * columns from .. from + width - 1 as [column][lane]: with padding mode zeros those that the image has, else
 * all that are read. */
typedef struct tw_stage_cache {
    const tw_shape *shape;
    const tw_loops *loops;
    tw_pad_mode mode;
    size_t size;
    tw_layout layout;
    int64_t channels, pixels, extent[TW_AXES]; /* of the source tensor's images */
    int64_t first, repeat;                     /* the block's first channel; depth multiplier */
    int used;
    bool in_place; /* nothing is staged: see tw_stage_needless */
    int64_t from, width;
    int64_t depths, rows; /* slots: for the depths and rows that are read together */
    int64_t runs;  /* rows that may be staged before they are asked for, with the one that is; 0: none */
    char *lines;   /* [depths][rows][width][lanes] */
    int64_t *tags; /* [depths][rows][2]: depth and row that stand there */
} tw_stage_cache;

/* Slots for a window of so many: the next power of two. */
int64_t tw_stage_slots(int64_t window);

/* Sets `rows`, for a window of so many, and `runs`; all else but lines and tags is there. */
void tw_stage_rows(tw_stage_cache *cache, int64_t window);

/* Sets `from` and `width`, where columns first .. last are read. */
void tw_stage_columns(tw_stage_cache *cache, int64_t first, int64_t last);

/* Whether rows are better read where they lie: channels last, without repeated borders, not very short, for
 * kernels of few taps. */
bool tw_stage_needless(const tw_stage_cache *cache, const tw_shape *shape);

/* Rows in place are read in whole vectors. Where these run over a pixel's channels, that is harmless but at
 * the tensor's end: a copy of the last row of its last image, with room behind it. NULL: not needed. */
const void *tw_stage_last_row(const tw_stage_cache *cache, const void *tensor, int64_t images, void *memory);

/* Bytes of that memory. */
int64_t tw_stage_last_row_bytes(const tw_stage_cache *cache);

/* Makes an empty cache of tw_stage_bytes of memory, for `used` channels from `first` on. */
void tw_stage_open(tw_stage_cache *cache, void *memory, int64_t first, int used);

/* Forgets all rows. */
void tw_stage_reset(tw_stage_cache *cache);

/* The row `y` of depth `z` (padding mode zeros: inside the image) of one image, staged if it is not there. */
const void *tw_stage_row(tw_stage_cache *cache, const void *image, int64_t z, int64_t y);

/* Copies the source's pixels source .. source + count - 1, counted from `row`, to the line's columns from
 * `at` on. */
void tw_stage_copy(const tw_stage_cache *cache, const void *row, int64_t source, int64_t at, int64_t count,
                   void *line);

/* Bytes of lines and tags. */
int64_t tw_stage_bytes(const tw_stage_cache *cache);

enum {
    TW_DEPTHWISE_STAGED = 64, /* channels staged in one go: four cache lines in f32, so that neighbours in
                                 memory are used together */
    TW_DEPTHWISE_WORKSPACE = 1 << 28, /* bytes of a worker, at most */
    TW_DEPTHWISE_CHAIN = 64, /* pixels of a chain of the weights gradient, at least, in whole output rows */
    TW_DEPTHWISE_BLOCKS = 64 /* of channels in a task of it */
};

/* Forward and backward data, lanes being channels. */
int64_t tw_depthwise_lanes_workspace(const tw_problem *problem, const tw_axis *axes, bool backward,
                                     int threads);
int64_t tw_depthwise_lanes_packed_bytes(const tw_problem *problem, const tw_axis *axes, bool backward);
void tw_depthwise_lanes_pack(const tw_problem *problem, const tw_axis *axes, bool backward, const void *w,
                             void *packed);
void tw_depthwise_lanes_run(const tw_job *job, const tw_axis *axes);

/* The same, lanes being pixels, for what tw_depthwise_by_planes says. */
bool tw_depthwise_by_planes(const tw_problem *problem, bool backward);
int64_t tw_depthwise_planes_workspace(const tw_problem *problem, bool backward, int threads);
int64_t tw_depthwise_planes_packed_bytes(const tw_problem *problem, bool backward);
void tw_depthwise_planes_pack(const tw_problem *problem, bool backward, const void *w, void *packed);
void tw_depthwise_planes_run(const tw_job *job);

/* The gradient of the weights. */
int64_t tw_depthwise_weights_workspace(const tw_problem *problem, const tw_axis *axes, int threads);
void tw_depthwise_weights_run(const tw_job *job, const tw_axis *axes);

#endif

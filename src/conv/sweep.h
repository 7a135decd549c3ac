/* The sweep: forward and backward data as one walk over destination rows.
 *
 *     destination[pixel][n] = bias[n] + sum over taps (z, y, x ascending), over c of
 *                             source[pixel's source for the tap][c] * weights[tap][c][n]
 *
 * A sweep is cut into *bands* (some rows, or a part of one row, of one image), bands times column parts are
 * the tasks of the threads. A task stages the source rows that its band needs (channels last, sides padded)
 * in its worker's workspace, unless the tensor can be read in place; then for each block of columns and each
 * *chunk* of the sum it runs the tile kernel over all pixels of the band, so that the chunk's weights stay in
 * the first cache and everything else in the second.
 *
 * The order of a sum: taps by z, y, x shift ascending, within a tap the channels; cut into chunks of about
 * 256 products, each chunk one chain of fused multiply-adds from zero, the chunks added to the bias one after
 * the other. Chunks depend on kernel and channels alone. Rows and planes outside the source are left out, the
 * zeros at the sides of a staged row are multiplied; where rows are read in place, and with weights that are
 * not finite, the sides are left out as well: 0 * infinity is NaN.
 *
 * A few output channels fill no tile, whichever way it is turned. They are *fanned* out: each tap of a row
 * has a sum of its own for every source pixel, over what is left in the same order, as if it were a channel;
 * and these sums are added to the bias, by ascending shift, each from where its tap reads: sweep_fan.c. */
#ifndef TW_CONV_SWEEP_H
#define TW_CONV_SWEEP_H

#include "conv/algorithm.h"
#include "conv/axis.h"

/* A chunk of the sum holds about so many products: 32 KB of weights for a tile of two AVX-512 vectors. The
 * bits of all results depend on it. */
enum { TW_SWEEP_CHUNK = 256 };

typedef struct tw_sweep {
    tw_axis axis[TW_AXES];
    tw_pad_mode mode; /* of the source */
    bool backward, flipped;
    tw_layout from_layout, to_layout;
    size_t size; /* bytes of a number */

    int64_t images, groups;
    int64_t reduce, produce;            /* channels of one group: summed over, written */
    int64_t from_channels, to_channels; /* of the tensors */
    int64_t from_pixels, to_pixels;     /* of an image */
    int64_t from_image, to_image;       /* elements of an image */
    int64_t kernel[TW_AXES];
    int64_t flat; /* pixels of an image, where all images are one row; else 0 */

    /* Backward, and no two taps of a row meet: as many destinations as a row of taps has, side by side, are
     * one pixel of woven * channels columns, for one tap. Else 1. */
    int64_t woven;

    /* Few output channels: the taps of a row, `hop` columns apart, for which `produce` counts the channels
     * once each: column n is tap n / channels by ascending shift. Else 1. A row of sums is fan_width long and
     * the source's columns begin at number fan_lead of it, so that destination i takes from i + tap * hop;
     * what else there is are zeros. */
    int64_t fanned, hop, fan_lead, fan_width;

    /* Decisions that change no bit. */
    bool in_place;  /* the source is read where it lies, also across */
    bool by_images; /* a tile's rows are images at one pixel, not pixels of one row */
    bool merged;    /* the taps of a row are one strip: neighbours in memory */
    bool across;    /* a tile's columns are pixels of one row, its rows channels: sweep_across.c */
    bool skirts;    /* taps outside the sides are left out, not multiplied by zero, whatever the weights */
    bool streams;   /* the weights do not stay in the second cache: a chunk fetches the next one's */
    bool shared;    /* the last block leaves half of a vector empty: two pixels share it (tile_shared) */
    bool writes;    /* few products for each number written, and many of these: they are fetched ahead too */
    bool reads_w; /* weights that nobody packed are packed chunk by chunk, by the one task that reads them */
    int64_t lanes, vecs;             /* numbers of a vector; vectors of the widest tile */
    int64_t block;                   /* columns of a full block; across: rows of the tile */
    int64_t blocks;                  /* of one group */
    int64_t band_rows, band_columns; /* destination rows of a band; columns, a multiple of out_step x */
    int64_t bands_y, bands_x, parts; /* of one plane; parts of the blocks */
    int64_t image_step;              /* images of a task: by_images, across */
    int64_t image_slot;              /* numbers staged for each */
    int64_t slots, slot;             /* staged rows of a band, for each plane; numbers of one */
    int64_t pitch, to_pitch; /* across: numbers between channels in a staged row, in a row of the buffer;
                                fanned along channels: of a pixel in the buffer */
    int64_t buffer_rows, buffer_row; /* across, fanned: rows of the buffer, where the tensor is not written
                                        directly; numbers of one */
    int64_t taps;                    /* of a channel pair, that some destination uses */
} tw_sweep;

/* What a sweep leads from and to. */
typedef struct tw_sweep_spec {
    const tw_problem *problem;
    bool backward;
    tw_pad_mode mode;
    int64_t pad[TW_AXES];
    int64_t to[TW_AXES]; /* sizes of the destination */
    tw_layout to_layout;
    int64_t images;
} tw_sweep_spec;

tw_status tw_sweep_create(tw_sweep *sweep, const tw_sweep_spec *spec);
void tw_sweep_free(tw_sweep *sweep);

/* The same sweep for the first `images` images; borrows its tables. */
tw_sweep tw_sweep_shrunk(const tw_sweep *sweep, int64_t images);

int64_t tw_sweep_workspace(const tw_sweep *sweep, int threads);
int64_t tw_sweep_packed_bytes(const tw_sweep *sweep);

/* Weights as the sweep reads them. */
void tw_sweep_pack(const tw_sweep *sweep, const tw_loops *loops, const void *w, void *packed, int threads);

/* The same of channels c0 .. c1 - 1 of the sum alone, for one block of columns and a kernel of one tap:
 * [channels][columns], without a header. */
void tw_sweep_pack_channels(const tw_sweep *sweep, const tw_loops *loops, const void *w, int64_t group,
                            int64_t block, int64_t c0, int64_t c1, char *packed);

/* Runs for sweep->images images of the tensors given. */
typedef struct tw_sweep_run {
    const tw_sweep *sweep;
    const tw_loops *loops;
    const void *from, *packed, *bias;
    const void *w; /* where `packed` is NULL: only if the sweep reads_w */
    void *to, *workspace;
    tw_ramp ramp; /* where the sweep `ramps` */
    bool streams; /* what is written goes past the caches; set by tw_sweep_execute */
    int threads;
} tw_sweep_run;

/* Whether tiles may do an activation: each output is stored once, being finished. */
static inline bool tw_sweep_ramps(const tw_sweep *s) {
    return s->taps * s->reduce <= TW_SWEEP_CHUNK && s->fanned == 1;
}

void tw_sweep_execute(const tw_sweep_run *run);

/* ---- Shared between the files of the sweep. */

/* The first step of tw_sweep_create: sizes and axes. */
tw_status tw_sweep_take_sizes(tw_sweep *sweep, const tw_sweep_spec *spec);

/* Columns of block `b`, and the numbers of one row of its packed weights: whole vectors, but for tiles turned
 * round. */
static inline int64_t tw_sweep_columns(const tw_sweep *s, int64_t b) {
    return b + 1 < s->blocks ? s->block : s->produce - b * s->block;
}

static inline int64_t tw_sweep_row(const tw_sweep *s, int64_t b) {
    if (s->across) return tw_sweep_columns(s, b);
    return (tw_sweep_columns(s, b) + s->lanes - 1) / s->lanes * s->lanes;
}

/* Numbers of packed weights before block `b` of group `g`. */
static inline int64_t tw_sweep_packed_at(const tw_sweep *s, int64_t g, int64_t b) {
    int64_t depth = s->taps * s->reduce;
    int64_t group = ((s->blocks - 1) * s->block + tw_sweep_row(s, s->blocks - 1)) * depth;
    return g * group + b * s->block * depth;
}

/* The packed weights begin with one byte for each block of each group: whether one of its weights is not
 * finite. */
static inline int64_t tw_sweep_header(const tw_sweep *s) {
    return (s->groups * s->blocks + 63) / 64 * 64;
}

/* Bytes of a worker's workspace, in their order: staged rows, a band of the destination that is not written
 * in place, a spread bias, which lanes a tap meets inside, rows of fanned sums, added up, that are to be
 * turned, the weights of a chunk. `all` is INT64_MAX when they cannot be counted. */
typedef struct tw_sweep_parts {
    int64_t stage, buffer, bias, lanes, fan, chunk, all;
} tw_sweep_parts;

tw_sweep_parts tw_sweep_worker_parts(const tw_sweep *sweep);

#endif

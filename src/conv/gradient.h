/* The gradient of the weights: dw[n][c][tap] = sum over images and output pixels of dy[pixel][n] *
 * x[source][c].
 *
 * For the tile kernel the sum runs over pixels. Down the tile lie output channels and across it input
 * channels, or, where input channels are few, the other way round: a product is the same from both sides, so
 * no bit depends on it. A *chunk* of about 256 pixels is one chain from zero, some rows of an image, or some
 * small images. Chunk number i of the batch is added to the partial gradient number (i mod period) * slots /
 * period; the partial gradients are added up at the end, in order. So chunks can be worked on
 * at the same time where the weights alone would be too few to share among threads. Chunks and slots depend
 * on the geometry alone.
 *
 * Both sides are staged, so that a tile reads its operands side by side: what lies down once for a chunk, cut
 * into panels as high as a tile; what lies across once for each block, as wide as a tile, where it stays in
 * the first cache while all taps and panels pass over it.
 *
 * With few pixels (49 in the last stage of a residual network) putting the sums into the order of the weights
 * takes long beside summing them. Then all taps of one panel come first and its sums are woven into the
 * weights from the first cache, while the next panel's part of them is fetched.
 *
 * The gradient of the bias is summed in the same go: dy of a chunk when it is staged, so that it is read
 * once.
 *
 * Taps whose source lies outside are left out, so a padding zero never meets an infinity. Only with few input
 * channels the taps of a row are joined to one tile, and then padding is multiplied. Where the chunk's dy
 * holds a NaN or an infinity, rows of pixels are cut where other taps lie inside, and parts of tiles summed.
 */
#ifndef TW_CONV_GRADIENT_H
#define TW_CONV_GRADIENT_H

#include "base/checked.h"
#include "conv/ahead.h"
#include "conv/algorithm.h"
#include "conv/axis.h"

typedef struct tw_gradient {
    tw_axis axis[TW_AXES]; /* forward */
    tw_pad_mode mode;
    bool flipped;
    tw_layout layout;
    size_t size;
    int64_t images, groups, group_in, group_out;
    int64_t in_channels, out_channels, in_pixels, out_pixels, in_image, out_image;
    int64_t kernel[TW_AXES], kernel_taps;
    int64_t flat; /* pixels of an image, where all images are one row; else 0 */

    int64_t chunk_images, chunk_rows, chunk_pixels; /* at most, of one chunk */
    int64_t image_chunks, row_chunks, pixel_chunks; /* of the batch, of a plane's rows, of a row */
    int64_t chunks;                                 /* the product of these and the planes */
    int64_t slots, period;                          /* slots <= period: chunks of an image */

    /* Decisions that change no bit. */
    bool by_images; /* one output pixel: the images are the pixels */
    bool across_in; /* input channels lie across the tile, output channels down; else the reverse */
    bool joined;    /* the taps of a row are one tile; they lie where the input channels lie */
    bool x_in_place, dy_in_place;
    bool padded;             /* staged rows of x have padded sides */
    bool dw_in_place;        /* tiles write the weights' gradient itself */
    bool at_once;            /* one chunk, one slot: a block is finished as soon as it is summed */
    bool by_panel;           /* at once, and what lies across fits the first cache: panel by panel */
    int64_t lanes, vecs;     /* of a block */
    int64_t down, across;    /* rows and columns of a group, for one tap or one row of joined taps */
    int64_t block, blocks;   /* columns of a block */
    int64_t most_rows;       /* of a panel */
    int64_t part, parts;     /* rows of a share of `down`, and shares */
    int64_t block_shares;    /* of the blocks, where the rows cannot be shared */
    int64_t x_rows, x_width; /* staged rows for each plane and image; pixels of one */
    int64_t tap_rows;        /* tiles of one chunk, block and panel: taps, or rows of joined taps */
    int64_t sum_rows;        /* rows of a tap's sums: `down`, or those of a panel */
    int64_t group_sums;      /* numbers of a group in a partial gradient */
    int64_t partial;         /* numbers from one partial gradient to the next */
} tw_gradient;

/* Rows of pixels in a chunk, and by_panel those of all taps together; taps by_panel. A thread's stack holds
 * them. */
enum { TW_GRADIENT_STRIPS = 256, TW_GRADIENT_TAPS = 32 };

tw_status tw_gradient_create(tw_gradient *gradient, const tw_problem *problem);
void tw_gradient_free(tw_gradient *gradient);
int64_t tw_gradient_workspace(const tw_gradient *gradient, int threads);
void tw_gradient_execute(const tw_gradient *gradient, const tw_job *job);

/* The same for the first `images` images; borrows its tables. */
tw_gradient tw_gradient_shrunk(const tw_gradient *gradient, int64_t images);

/* ---- Shared between the files of the gradient. */

/* One share of the work, and the chunk that it is at. */
typedef struct tw_gradient_work {
    const tw_gradient *g;
    const tw_job *job;
    char *sums, *x, *dy; /* workspace: all partial gradients; this worker's staged numbers */
    char *lanes;         /* what a tile needs to sum a part, if `infinite` (tw_part) */
    char *db;            /* the slot's sums of dy, of all channels; NULL: not wanted */
    int64_t slot, group, down0, down1;
    int64_t group0, group1; /* of the share: a chunk's groups follow each other */
    int64_t chunk, image0, image1, z, y0, y1, x0, x1;
    int64_t x_low, y_low;        /* source column and row at the beginning of what is staged */
    int64_t x_pitch;             /* channels of a staged pixel of x */
    int64_t block0, block1;      /* of the share */
    int64_t block, columns, row; /* of a block; numbers of its rows: whole vectors */
    int64_t dy_pitch;            /* numbers from one pixel of dy to the next, as the block's tiles read it */
    bool infinite;               /* the chunk's dy holds a NaN or an infinity */
    tw_ahead *ahead;             /* x and dy of the next chunk */
} tw_gradient_work;

/* Bytes of a worker's staged x, staged dy and lanes; INT64_MAX in *x: more than can be counted. */
void tw_gradient_staged_bytes(const tw_gradient *gradient, int64_t *x, int64_t *dy, int64_t *lanes);

void tw_gradient_find_chunk(tw_gradient_work *work, int64_t chunk);

/* Where x and dy of another chunk lie, to ahead[2]: only what is one piece of memory, and all of which is
 * read. */
void tw_gradient_look_ahead(const tw_gradient_work *work, int64_t chunk, tw_ahead *ahead);

/* Adds dy of the chunk to the slot's sums, of this share's part of the group's channels. */
void tw_gradient_sum_dy(const tw_gradient_work *work);

/* Stages what lies down the tiles, for the chunk; what lies across, for the block. */
void tw_gradient_stage_down(tw_gradient_work *work);
void tw_gradient_stage_across(tw_gradient_work *work);

/* Slots that have a chunk; the first chunk of a slot, and the one after `chunk`. */
static inline int64_t tw_gradient_slots(const tw_gradient *g) {
    return tw_min(g->slots, g->chunks);
}

static inline int64_t tw_gradient_first(const tw_gradient *g, int64_t slot) {
    return slot * g->period / g->slots;
}

static inline int64_t tw_gradient_next(const tw_gradient *g, int64_t slot, int64_t chunk) {
    int64_t end = tw_gradient_first(g, slot + 1), begin = tw_gradient_first(g, slot);
    return (chunk + 1) % g->period == end % g->period ? chunk + 1 + g->period - (end - begin) : chunk + 1;
}

/* Source position of a forward tap, resolved by the padding mode: -1 outside. */
static inline int64_t tw_gradient_source(const tw_gradient *g, int axis, int64_t to, int64_t t) {
    const tw_axis *a = &g->axis[axis];
    int64_t source = to * a->in_step + a->shift[t];
    return source >= 0 && source < a->from ? source : tw_shape_source(g->mode, source, a->from);
}

/* Pixels of the chunk. */
static inline int64_t tw_gradient_pixels(const tw_gradient_work *k) {
    return (k->image1 - k->image0) * (k->y1 - k->y0) * (k->x1 - k->x0);
}

static inline int64_t tw_gradient_columns(const tw_gradient *g, int64_t b) {
    return b + 1 < g->blocks ? g->block : g->across - b * g->block;
}

/* Numbers of a row of block b: whole vectors. */
static inline int64_t tw_gradient_row(const tw_gradient *g, int64_t b) {
    return (tw_gradient_columns(g, b) + g->lanes - 1) / g->lanes * g->lanes;
}

/* Where block b of a group begins in a partial gradient: [group][block][tap row][down][row]. */
static inline int64_t tw_gradient_at(const tw_gradient *g, int64_t group, int64_t b) {
    return g->at_once ? 0 : group * g->group_sums + b * g->block * g->tap_rows * g->sum_rows;
}

#endif

/* One task of a sweep while it runs: what its files share. */
#ifndef TW_CONV_SWEEP_BAND_H
#define TW_CONV_SWEEP_BAND_H

#include "conv/ahead.h"
#include "conv/sweep.h"

/* One task: a band of one plane of one image, one group, some blocks of columns. */
typedef struct tw_band {
    const tw_sweep_run *run;
    const tw_sweep *s;
    int64_t image, images, group, z, y0, y1, x0, x1, block0, block1;
    const char *from; /* the image */
    char *to, *stage, *buffer;
    char *lanes; /* lanes across pixels, weights that are not finite: for each tap of a row which pixels it
                    meets inside, as tw_part says; [tap][to_pitch] */
    char *fan;   /* rows of fanned sums, added up, where they are to be turned */
    char *bias;  /* lanes across pixels: the bias of a block's channels, each in a vector of its own */
    char *chunk; /* the weights of a chunk, where they are packed here */
    tw_ahead *ahead;   /* [2]: what the next band writes, and what it reads */
    int64_t first_row; /* source row in slot 0 */
    int64_t stage_low; /* source column in a staged row's pixel 0 */
} tw_band;

/* What is the same for all rows of a chunk: block, phases, and the piece of the sum. */
typedef struct tw_chunk {
    int64_t y0, y1; /* destination rows */
    int64_t block, row, phase_y, phase_x;
    int64_t q0, q1; /* pairs of z and y taps */
    int64_t r0, r1; /* products of one pair */
    bool first, skirts;
    bool parts;       /* taps that lie outside are left out by b->lanes, instead of by runs */
    tw_ahead weights; /* of the chunk behind this one */
} tw_chunk;

/* Products of one sum of the chunk, where none lies outside. */
static inline int64_t tw_chunk_products(const tw_chunk *c) {
    return (c->q1 - c->q0) * (c->r1 - c->r0);
}

/* A run of pixels: `count` destinations of the phase from number j on, in `rows` rows of the phase from y on
 * that read neighbouring source rows through the same taps. */
typedef struct tw_run {
    int64_t y, rows, j, count;
} tw_run;

/* A kernel's loop over tiles. */
typedef void tw_tile_loop(const tw_tile *tile);

/* `count` tiles like t, one a_tile, b_tile, c_tile, start_tile and lanes_tile behind the other. Memory that
 * is to be read soon is fetched meanwhile. */
void tw_sweep_tiles(const tw_band *band, tw_chunk *chunk, tw_tile *t, int64_t count, tw_tile_loop *loop);

/* ---- Lanes along the channels. */

/* The pixels of a run, of all its rows; or the images at pixel j. */
void tw_along_tiles(const tw_band *band, tw_chunk *chunk, const tw_run *run, const tw_strip *strips,
                    int64_t strip_count);

/* ---- Lanes across the pixels of a row. */

/* `rows` source rows, of which the first begins at pixel `begin` of an image, into slots: columns stage_low
 * and on. */
void tw_across_stage(const tw_band *band, const char *image, int64_t begin, int64_t rows, char *slot);

/* The bias of a block, spread for the tiles of its rows. */
void tw_across_bias(const tw_band *band, int64_t block);

/* Fills the band's lanes. */
void tw_across_lanes(const tw_band *band);

/* Where the products r0 .. r1 - 1 of a row of taps lie: strips of them for the destinations from j on, `slot`
 * being the staged row and `w` the weights of product r0; and what takes part in them. Returns how many. */
int64_t tw_across_strips(const tw_band *band, const tw_chunk *chunk, int64_t j, int64_t r0, int64_t r1,
                         const char *slot, const char *w, tw_strip *strips, tw_part *parts);

/* The pixels of a run. */
void tw_across_tiles(const tw_band *band, tw_chunk *chunk, const tw_run *run, const tw_strip *strips,
                     const tw_part *parts, int64_t strip_count);

/* The rows of a chunk, finished, from the buffer into the tensor. */
void tw_across_store(const tw_band *band, const tw_chunk *chunk);

/* ---- Fanned sums. */

/* Zeros in the whole buffer: tiles write all but what stays zero. */
void tw_fan_clear(const tw_band *band);

/* The destination's rows y0 .. y1 - 1, of which the buffer has the sums. */
void tw_fan_store(const tw_band *band, int64_t y0, int64_t y1);

#endif

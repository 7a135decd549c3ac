/* The inner loops, as one table of functions for each instruction set and type.
 *
 * A kernel knows no tensor and no geometry: it multiplies and adds what pointers and strides say. All kernels
 * give the same bits: every sum is the same chain of fused multiply-adds, and vectors only lay several such
 * chains side by side. How many fit into the registers differs, and the table says it. */
#ifndef TW_KERNEL_KERNEL_H
#define TW_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <twill/machine.h>

#include "base/cpu.h"
#include "kernel/sweeps.h"
#include "kernel/stencil.h"
#include "kernel/winograd_transforms.h"

/* One piece of a sum: `length` products of a[l * a_col + m * a_row] with b[l * b_row + n]. */
typedef struct tw_strip {
    const void *a, *b;
    int64_t length;
} tw_strip;

enum { TW_MOST_VECS = 4, TW_MOST_LANES = 16 /* of any instruction set */ };

/* Columns that lie apart: vector v of a row of b, start and c stands at b[v], start[v] and c[v] instead of v
 * * lanes, and columns[v] of its numbers are wanted. */
typedef struct tw_apart {
    int64_t b[TW_MOST_VECS], start[TW_MOST_VECS], c[TW_MOST_VECS];
    int columns[TW_MOST_VECS];   /* 1 .. lanes */
    int64_t lanes[TW_MOST_VECS]; /* with parts: where the vector stands in them, instead of v * lanes */
} tw_apart;

/* What takes part in a strip: of the rows first .. end - 1 those lanes over which all bits of a number are
 * set. In the others all bits are clear: they keep their sums, whatever a and b hold. */
typedef struct tw_part {
    const void *lanes; /* vecs * lanes numbers */
    int64_t first, end;
} tw_part;

/* The tile: for m < rows, n < columns
 *
 *     C[m][n] = start[m][n] + sum over the strips, over l < length, of a[l * a_col + m * a_row] * b[l * b_row
 * + n]
 *
 * The sum begins at zero and is one chain of fused multiply-adds in the order of strips and l; `start` is
 * added last, rounded once. Rows from number (rows + 1) / 2 on may stand apart from those before, by a_gap
 * in a and by c_gap in c and start: two short runs of rows make one tile. Strides count elements. b is read
 * in whole vectors (vecs * lanes elements for each l); a, start and c only where the formula says. */
typedef struct tw_tile {
    const tw_strip *strips;
    int64_t count;
    int64_t a_begin; /* added to every strip's a, in elements: one list of strips serves many tiles */
    int64_t b_begin; /* likewise added to every b */
    int64_t a_row, a_col, b_row;
    int64_t a_gap, c_gap;
    const void *start; /* may be c itself; NULL: zeros */
    int64_t start_row; /* 0: the same row for all m (a bias) */
    void *c;
    int64_t c_row;
    int rows;    /* 1 .. most_rows[vecs] */
    int vecs;    /* 1 .. most_vecs */
    int columns; /* (vecs - 1) * lanes < columns <= vecs * lanes; apart: the latter if all are whole */
    const tw_apart *apart; /* of two vectors or more; NULL: they lie side by side */
    tw_ramp ramp;          /* of what is stored */
    bool streams; /* c is written past the caches, where a vector is a line of them and all its vectors are */
    const tw_part *parts; /* of tile_parts: for each strip */
    int64_t lanes_begin;  /* added to their lanes, in elements */
    const void *next; /* what will be read soon: fetched to the second-level cache, 64 bytes for each l, by a
                         tile of one row, which has the time, for each vector of it; or NULL */
    /* As many more tiles like this one follow: what one is made ready for serves all. Each lies so many
     * elements behind the one before; or with some `aparts` each takes the next of them, and after the last
     * one the first again, that far behind. */
    int64_t further, aparts;
    int64_t a_tile, b_tile, c_tile, start_tile, lanes_tile;
} tw_tile;

/* Numbers to move, rows x columns. Any bits pass unchanged, and nothing else is touched. Pitches count
 * elements.
 *
 *     turn: to[c * to_pitch + r] = from[r * from_pitch + c]
 *     copy: to[r * to_pitch + c] = from[r * from_pitch + c] */
typedef struct tw_block {
    const void *from;
    int64_t from_pitch;
    void *to;
    int64_t to_pitch;
    int64_t rows, columns;
} tw_block;

/* Rows between zeros: to[r * to_pitch + c] = from[r * from_pitch + c - before] where that is one of the
 * block's columns, else 0, for c < width, whole vectors that hold the columns. */
typedef struct tw_frame {
    tw_block block;
    int64_t before, width;
} tw_frame;

/* Sums of rows, each shifted by `hop` more than the one before: for r < rows, n < columns
 *
 *     to[r * to_row + n] = start + from[r * from_row + n] + from[r * from_row + from_pitch + hop + n] + ...
 *
 * added in this order, for as many terms; start is *start, or 0 where that is NULL. */
typedef struct tw_aslant {
    const void *from;
    int64_t from_row, from_pitch;
    void *to;
    int64_t to_row;
    int64_t rows, columns, terms, hop;
    const void *start; /* one number, or NULL */
} tw_aslant;

/* Sums of pixels that overlap: for r < rows, i < pixels, c < channels, at being r * from_row + i * from_pixel
 *
 *     to[r * to_row + i * channels + c] = start[c] + from[at + c] + from[at + from_term + c] + ...
 *
 * added in this order, for as many terms. Whole vectors are read from c = 0, lanes, ... on. */
typedef struct tw_overlap {
    const void *from;
    int64_t from_row, from_pixel, from_term;
    void *to;
    int64_t to_row;
    int64_t rows, pixels, channels, terms;
    const void *start; /* [channels], or NULL: zeros */
} tw_overlap;

/* total[c] += the sum of in[p * pixel_step + c * channel_step] over p < pixels, for c < channels; one of the
 * steps is 1. The order is that of sums_body.h. */
typedef struct tw_sums {
    const void *in;
    int64_t pixels, pixel_step, channels, channel_step;
    void *total;
} tw_sums;

/* For m < rows, j < columns
 *
 *     c[m * c_row + j] = the sum over the strips, over l < length, of
 *                        a[a_begin + m * a_pitch + l] * b[offset[j] + l]
 *
 * Element l of every strip belongs to partial sum l mod 16, each a chain of fused multiply-adds from zero in
 * the order of strips and l; the 16 are added in a tree.
 *
 * dots_inside leaves out the products for which inside[strip][inside_offset[j] + l] has no bit set; all
 * others have all bits set there. */
typedef struct tw_dots {
    const tw_strip *strips;
    int64_t count;
    int64_t a_begin, a_pitch;
    const int64_t *offset; /* [columns] */
    const void *const *inside;
    const int64_t *inside_offset;
    void *c;
    int64_t c_row;
    int rows, columns;   /* 1 .. dot_rows, 1 .. dot_columns */
    const void *next[2]; /* what will be read soon: a line of each is fetched for every 16 elements; NULL:
                            nothing, or nothing beside the first */
} tw_dots;

/* The loops for one type of number. */
typedef struct tw_loops {
    int lanes;                       /* numbers in a vector */
    int most_vecs;                   /* widest tile, in vectors */
    int most_rows[TW_MOST_VECS + 1]; /* highest tile for a width in vectors; [0] is unused */
    void (*tile)(const tw_tile *tile);
    void (*tile_parts)(const tw_tile *tile); /* with parts; without gaps and `next` */
    /* The tile for columns that leave half of the last vector empty: two rows share its products. It has
     * exactly shared_rows[vecs] rows (0: there is none of this width), b holds the last vector's columns
     * twice, in both halves, and `apart` and gaps are not known. */
    void (*tile_shared)(const tw_tile *tile);
    int shared_rows[TW_MOST_VECS + 1];
    void (*turn)(const tw_block *block);
    void (*copy)(const tw_block *block);
    void (*frame)(const tw_frame *frame);
    void (*sums)(const tw_sums *sums);
    void (*aslant)(const tw_aslant *sums);
    void (*overlap)(const tw_overlap *sums);
    bool (*all_finite)(const void *numbers, int64_t count); /* no infinity and no NaN among them */
    void (*dots)(const tw_dots *dots);
    void (*dots_inside)(const tw_dots *dots); /* with `inside` */
    int dot_rows, dot_columns;                /* largest tile of `dots` */
    tw_stencil_loops stencil;                 /* depthwise */
    /* Does `rounds` times `burn_flops` operations on registers alone: how fast can this be at all? */
    void (*burn)(int64_t rounds, void *out);
    int64_t burn_flops;
    const tw_winograd *winograd[2]; /* F(2x2,3x3) and F(4x4,3x3) */
} tw_loops;

typedef struct tw_kernel {
    const char *name;
    tw_cpu_need needs;
    const tw_loops *loops[2];   /* by tw_type */
    const tw_sweeps *sweeps[2]; /* likewise: everything that is not a convolution */
} tw_kernel;

/* The kernels of this build, best last; *count receives how many. */
const tw_kernel *const *tw_kernels(size_t *count);

/* The kernel of that name: NULL when this build has none. */
const tw_kernel *tw_kernel_find(const char *name);

/* The one that plans take when nobody says: TWILL_ISA if it names one that runs here, else the best that
 * does. */
const tw_kernel *tw_kernel_default(void);

#endif

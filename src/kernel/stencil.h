/* The inner loops of depthwise convolution. First one channel a lane, so that every lane has its own weights
 * and its own pixels. A block is as many channels as there are lanes. Rows are read where they lie (channels
 * last), block after block, or from lines that were *staged* before: copied into a small buffer as
 * [column][lane]. Taps beyond the sides of a row are left out, never multiplied as zeros. */
#ifndef TW_KERNEL_STENCIL_H
#define TW_KERNEL_STENCIL_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/conv.h>

/* Copies a row: out[p * lanes + l] = in[p * step + (first + l) / repeat * stride] for p < pixels, l < used;
 * the other lanes become zero. `repeat` is the depth multiplier: how many channels read the same one. */
typedef struct tw_stage {
    const void *in;
    int64_t step, stride, first, repeat;
    int64_t pixels;
    int used;
    void *out;
} tw_stage;

/* One row of the source, and the weights [columns of taps][lanes] with which each of two output rows reads
 * it; NULL: it does not. */
typedef struct tw_stencil_row {
    const void *in; /* NULL: outside the image, left out */
    const void *weights[2];
} tw_stencil_row;

/* The output columns q of one phase, q < columns: tap j of them reads the source's column q * stride + shift
 * + j
 * * dilation, of `width` columns that begin at in_begin and lie in_step apart, in elements. */
typedef struct tw_stencil_phase {
    int64_t columns, taps, shift, dilation;
    int64_t width, in_begin, in_step;
    int64_t weights_begin, out_begin, out_step;
} tw_stencil_phase;

/* For r < rows (1 or 2), all blocks, all phases, q < columns, all lanes, but of the last block only l < used:
 *
 *     out[r][out_begin + q * out_step + block * lanes + l] = bias[block * lanes + l] + sum over i < count,
 *         j < taps with weights and a column c = q * stride + shift + j * dilation in 0 .. width - 1 of
 *             source[i].weights[r][block * block_weights + weights_begin + j * lanes + l] *
 *             source[i].in[in_begin + c * in_step + block * lanes + l]
 *
 * The sum begins at zero and is one chain of fused multiply-adds by i, then j; bias is added last. The source
 * is read in whole vectors, whatever `used` is. The `fetch` rows behind the last source row, and what comes
 * next of out, are fetched ahead: for tensors that lie far from the processor. With `streams` out is written
 * past the caches instead, where a vector is a line of them: its vectors are whole lines then, and who reads
 * it elsewhere waits for a fence. */
typedef struct tw_stencil {
    const tw_stencil_row *source;
    int64_t count;
    const tw_stencil_phase *phases;
    int64_t phase_count;
    int64_t stride;
    int64_t blocks, block_weights;
    const void *bias; /* [blocks][lanes] */
    tw_ramp ramp;     /* of what is stored, but by `groups` */
    void *out[2];
    int rows, used;
    int64_t fetch;
    bool streams;
} tw_stencil;

/* Where the lanes of a block of grouped convolution read one channel of their groups: lane l stands at begin
 * + lane[l], lane[l] < lanes. Whole vectors are read from begin on. */
typedef struct tw_stencil_spread {
    int64_t begin;
    const int32_t *lane; /* [lanes] */
} tw_stencil_spread;

/* A block of grouped convolution: `used` neighbouring channels from `out` on, of one group or of some whole
 * ones. */
typedef struct tw_stencil_block {
    int64_t out, weights;
    const tw_stencil_spread *spread; /* [channels] */
    int used;
} tw_stencil_block;

/* Grouped convolution: the same, but that a lane sums over `channels` channels. For r, phases and columns as
 * there, all blocks, l < used:
 *
 *     out[r][out_begin + q * out_step + out + l] = start + sum over i < count, k < channels, j < taps with
 *         weights and a column c of
 *             source[i].weights[r][block.weights + channels * weights_begin + (k * taps + j) * lanes + l] *
 *             source[i].in[in_begin + c * in_step + spread[k].begin + (picked ? spread[k].lane[l] : 0)]
 *
 * The sum begins at zero and is one chain of fused multiply-adds by i, k, then j. The start is bias[out + l],
 * or what stands in out[r] where `bias` is NULL. Of `of`, block_weights and used mean nothing, and no source
 * row lies outside. */
typedef struct tw_stencil_groups {
    tw_stencil of;
    const tw_stencil_block *block; /* [of.blocks] */
    int64_t channels;
    bool picked;
} tw_stencil_groups;

/* One row of dy and, for each row of taps, the row of x that it reads there; NULL: outside the image. */
typedef struct tw_stencil_line {
    const void *dy;
    const void *const *in; /* [rows] */
} tw_stencil_line;

/* For all blocks, r < rows, j < taps, every lane:
 *
 *     sum[((block * rows + r) * taps + j) * lanes + lane] += sum over the lines with in[r], over q < columns
 *         with a column c = q * stride + shift + j * dilation in 0 .. width - 1 of
 *             dy[q * dy_step + block * lanes + lane] * in[r][c * in_step + block * lanes + lane]
 *
 * where the inner sum begins at zero, is one chain by line and q, and is added once. With a row_step (1 or
 * 2), the chains go by q, then line, and are cut and added every TW_STENCIL_COLUMNS columns: for at most
 * TW_STENCIL_LINES lines, 3 taps, and rows of taps of which the next line reads row r where this one reads
 * row r + row_step, in each three of them; or for single ones.
 *
 * Where dy_sum is not NULL, for each line, one after the other,
 *
 *     dy_sum[block * lanes + lane] += sum over q < columns of dy[q * dy_step + block * lanes + lane]
 *
 * by q from zero, cut and added at the same columns.
 *
 * For tensors that lie far from the processor, what the next lines will read can be fetched ahead: as many
 * rows of dy, and stride times as many of x, from next_dy and next_x on. Whatever is there is not touched. */
enum { TW_STENCIL_LINES = 4, TW_STENCIL_COLUMNS = 32, TW_STENCIL_CHAIN = 256 };

typedef struct tw_stencil_gradient {
    const tw_stencil_line *lines;
    int64_t count, rows, taps;
    int64_t columns, stride, shift, dilation, width;
    int64_t dy_step, in_step, blocks;
    int64_t row_step; /* 0: line by line */
    void *sum, *dy_sum;
    const void *next_dy, *next_x; /* or NULL */
    int64_t next_dy_row, next_x_row;
} tw_stencil_gradient;

/* 3x3 taps on one channel of a channels-first tensor, a lane being a pixel of a row. For n < lines, q <
 * columns:
 *
 *     out[n * out_row + q] = bias + sum over i < 3, j < 3 of
 *         weights[3 * i + j] * in[(n * step + i) * in_row + q + offset[j]]
 *
 * The sum begins at zero and is one chain of fused multiply-adds by i, then j; bias (NULL: zero) is added
 * last. `step` is 1, with offsets that are neighbours, or 2. Rows are read in whole vectors. With `inside`
 * only those products count whose row r = n * step + i is first <= r < end and whose inside[j * inside_row +
 * q] has all bits set (else none). Strides count elements. */
typedef struct tw_plane {
    const void *in;
    int64_t in_row, offset[3];
    int64_t lines, columns, step;
    const void *weights, *bias;
    void *out;
    int64_t out_row;
    const void *inside;
    int64_t inside_row, first, end;
} tw_plane;

/* The same on planes whose rows are shorter than a vector, of `planes` channels one after the other: in_plane
 * and out_plane numbers apart, with nine weights and a bias each. A vector holds `together` lines side by
 * side, and is made of as many neighbouring source rows. For n < lines, q < columns, where n is line r of its
 * vector:
 *
 *     out[n * columns + q] = bias + sum over i < 3, j < 3 of
 *         weights[3 * i + j] * the number lane[j][r * columns + q] of the source rows from
 *                              (n - r) * step + i - top on
 *
 * and rows outside are zeros; so is the last lane, which is never filled. */
typedef struct tw_small_planes {
    const void *in;
    void *out;
    int64_t planes, in_plane, out_plane;
    int64_t rows, width, lines, columns;
    int64_t step, top, together;   /* together > 1 only with step 1 */
    const int32_t *lane[3], *down; /* [lanes]; number l of source rows is number down[l] of those one below */
    const void *weights, *bias;    /* bias NULL: zero */
} tw_small_planes;

typedef struct tw_stencil_loops {
    void (*stage)(const tw_stage *stage);
    void (*plane)(const tw_plane *plane);
    void (*small_planes)(const tw_small_planes *planes);
    void (*apply)(const tw_stencil *stencil);
    void (*groups)(const tw_stencil_groups *groups);
    void (*gradient)(const tw_stencil_gradient *gradient);
} tw_stencil_loops;

#endif

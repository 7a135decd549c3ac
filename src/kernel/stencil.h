/* The inner loops of depthwise convolution: one channel a lane, so that every lane has its own weights and
 * its own pixels. They read rows that were *staged* before: copied into a small buffer as [column][lane],
 * with the columns that the image lacks standing there as zeros. */
#ifndef TW_KERNEL_STENCIL_H
#define TW_KERNEL_STENCIL_H

#include <stdbool.h>
#include <stdint.h>

/* Copies a row: out[p * lanes + l] = in[p * step + (first + l) / repeat * stride] for p < pixels, l < used;
 * the other lanes become zero. `repeat` is the depth multiplier: how many channels read the same one. */
typedef struct tw_stage {
    const void *in;
    int64_t step, stride, first, repeat;
    int64_t pixels;
    int used;
    void *out;
} tw_stage;

/* One row of taps for two output rows: where they read, and the weights [columns of taps][lanes] that both
 * multiply. */
typedef struct tw_stencil_row {
    const void *in[2];
    const void *weights;
} tw_stencil_row;

/* For r < rows (1 or 2), q < columns, lanes l < used:
 *
 *     out[r][q * out_step + l] = bias[l] + sum over i < count, j < taps of
 *                                rows[i].weights[j][l] * rows[i].in[r][(q * stride + j * dilation) * lanes +
 * l]
 *
 * The sum begins at zero and is one chain of fused multiply-adds by i, then j; bias is added last. Staged
 * columns outside inside_first .. inside_end - 1 are zeros: their products are left out where that saves
 * time, and everywhere when `exact` (an infinite weight times such a zero would be NaN). */
typedef struct tw_stencil {
    const tw_stencil_row *taps_of_rows;
    int64_t count, taps;
    int64_t in_begin, weights_begin; /* in elements */
    int64_t columns, stride, dilation;
    int64_t inside_first, inside_end;
    const void *bias; /* [lanes] */
    void *out[2];
    int64_t out_step;
    int rows, used;
    bool exact;
} tw_stencil;

/* One row of dy and the staged row of x that up to two rows of taps read there; NULL: outside the image. */
typedef struct tw_stencil_line {
    const void *dy; /* [columns][lanes] */
    const void *in[2];
} tw_stencil_line;

/* For r < rows (1 or 2), j < taps:
 *
 *     sum[r][j][lane] += sum over the lines, over q < columns whose staged column lies inside, of
 *                        dy[q][lane] * in[r][q * stride + j * dilation][lane]
 *
 * where the inner sum begins at zero, is one chain by line and q, and is added once. */
typedef struct tw_stencil_gradient {
    const tw_stencil_line *lines;
    int64_t count, taps;
    int64_t columns, stride, dilation;
    int64_t inside_first, inside_end;
    void *sum[2];
    int rows;
} tw_stencil_gradient;

typedef struct tw_stencil_loops {
    void (*stage)(const tw_stage *stage);
    void (*apply)(const tw_stencil *stencil);
    void (*gradient)(const tw_stencil_gradient *gradient);
} tw_stencil_loops;

#endif

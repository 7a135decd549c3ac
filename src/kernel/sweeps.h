/* The inner loops of everything that is not a convolution: written in *_sweeps.h over `real` as plain loops
 * that the compiler turns into vectors, compiled once for each type and instruction set by sweeps_ISA_TYPE.c.
 * No multiply-add is fused, so all of them give the same bits.
 *
 * A loop computes each number of its output from the same inputs in the same order whatever range it is
 * given, so callers may cut the work anywhere. Sums over images are sums of fixed chunks, in double. */
#ifndef TW_KERNEL_SWEEPS_H
#define TW_KERNEL_SWEEPS_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/conv.h>

/* The window of a pool over one image, channels last; depth, height, width. */
typedef struct tw_pool {
    int64_t channels, in[3], out[3], kernel[3], stride[3], pad[3];
    bool countpad; /* a mean divides by the whole window, not by the pixels that are there */
    bool fetches;  /* x comes from afar: a row's lines are fetched while the row before is folded */
    bool streams;  /* y or dx is written past the caches: channels are octets, and it begins with 32 bytes */
    int tap_bytes; /* of the number of a maximum's tap: 1 (of up to 256) or 4; 0: it is not kept */
} tw_pool;

/* One row (an image's outputs) of a loss. */
typedef struct tw_loss_row {
    int64_t n;
    const void *z;      /* cross-entropy: logits; squared error: outputs */
    const void *target; /* [n], or NULL: one-hot at label */
    int32_t label;
    double scale; /* of the gradient: 1 / count */
    void *dz;     /* NULL: not wanted */
    double loss;  /* out */
} tw_loss_row;

/* Batch norm's numbers of one channel each, [channels]: z = (x - mean) * scale + shift. */
typedef struct tw_norm {
    int64_t channels;
    const void *mean, *scale, *shift;
    tw_ramp ramp; /* of z; backward dy counts only where it cut nothing and the value is not a bound itself */
    bool streams; /* y, which is neither x nor addend, is written past the caches, as tw_pool says */
} tw_norm;

/* A step of an optimiser for n weights; the formulas stand in train/optimiser.c. `to` overlaps nothing. */
typedef struct tw_update {
    int64_t n;
    const void *gradient, *from;
    void *to, *first, *second; /* first: velocity, or Adam's m; second: Adam's v */
    double rate, decay, momentum, beta2, correction1, correction2, epsilon;
    bool nesterov;
} tw_update;

typedef void (*tw_map)(int64_t n, double slope, const void *x, void *y);
typedef void (*tw_map_back)(int64_t n, double slope, const void *x, const void *y, const void *dy, void *dx);

typedef struct tw_sweeps {
    tw_map relu, relu6, leaky, sigmoid, tanh;
    tw_map_back relu_back, relu6_back, leaky_back, sigmoid_back, tanh_back;
    void (*add)(int64_t n, tw_ramp ramp, const void *a, const void *b, void *y); /* y may be a or b */
    void (*softmax)(int64_t rows, int64_t n, const void *x, void *y);
    void (*softmax_back)(int64_t rows, int64_t n, const void *y, const void *dy, void *dx);
    /* y = x * scale where keep[i] >= threshold of 2^32, else 0 */
    void (*drop)(int64_t n, const uint32_t *bits, uint32_t threshold, double scale, const void *x, void *y);
    /* Rows first .. last-1 of the output (a row: one depth and height of one image). */
    void (*maxpool)(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y, void *taps);
    void (*avgpool)(const tw_pool *s, int64_t first, int64_t last, const void *x, void *y);
    /* Rows first .. last-1 of the input's gradient. */
    void (*maxpool_back)(const tw_pool *s, int64_t first, int64_t last, const void *taps, const void *dy,
                         void *dx);
    void (*avgpool_back)(const tw_pool *s, int64_t first, int64_t last, const void *dy, void *dx);
    /* One image. */
    void (*globalavg)(int64_t pixels, int64_t channels, const void *x, void *y);
    void (*globalavg_back)(int64_t pixels, int64_t channels, const void *dy, void *dx);
    /* Batch norm over rows of channels. The sum of each channel, and of the squares around this sum's mean.
     */
    void (*moments)(int64_t rows, int64_t channels, const void *x, double *sum, double *squares);
    /* y = z + addend (NULL: none), after the ramp; y may be x or addend */
    void (*normalise)(int64_t rows, const tw_norm *norm, const void *x, const void *addend, void *y);
    /* Sums of dy, and of dy * (x - mean). */
    void (*back_sums)(int64_t rows, const tw_norm *norm, const void *x, const void *dy, double *sum,
                      double *products);
    /* dx = dy * scale + (x - mean) * slope + constant; dx may be x or dy */
    void (*normalise_back)(int64_t rows, const tw_norm *norm, const void *slope, const void *constant,
                           const void *x, const void *dy, void *dx);
    void (*cross_entropy)(tw_loss_row *row);
    void (*squared_error)(tw_loss_row *row);
    bool (*sgd)(const tw_update *update); /* whether all new weights are finite */
    bool (*adam)(const tw_update *update);
    int64_t (*largest)(int64_t n, const void *x); /* the first of the largest */
    double (*get)(const void *x, int64_t i);
    void (*set)(void *x, int64_t i, double value);
} tw_sweeps;

#endif

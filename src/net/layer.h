/* One kind of operator: a row of the table in layers.c.
 *
 * A row says how the operator is written, what shapes it makes, and how it runs forward and backward. The
 * text form, `twill info`, the runner, the gradient check and the documentation read the same rows; adding an
 * operator is one file and one row. */
#ifndef TW_NET_LAYER_H
#define TW_NET_LAYER_H

#include "net/fields.h"
#include "net/graph.h"
#include "kernel/sweeps.h"

/* What an operator needs to run once: prepared by the runner, nothing in it is owned. */
typedef struct tw_run {
    const tw_op *op;
    const tw_sweeps *sweeps; /* the inner loops for the runner's type */
    tw_type type;
    size_t size; /* bytes of one number */
    int threads;
    int64_t count; /* images */
    bool training;
    uint64_t seed, step; /* of dropout */
    int number;          /* of the operator */

    const void *x[2]; /* the inputs' values */
    void *y;          /* forward: written; backward: the value that was computed */
    const void *dy;   /* backward */
    int which;        /* backward: the input whose gradient is asked ... */
    void *dx;         /* ... and where it goes; overwritten; NULL: not wanted */
    const void *w[TW_MAX_TENSORS];
    void *dw[TW_MAX_TENSORS]; /* overwritten; NULL: not wanted */
    void *kept;               /* what forward leaves for backward, of layer->kept_bytes */

    const tw_conv *plan;  /* of operators with layer->plans */
    const void *packed_w; /* forward: w[0], packed for it; NULL: it is not */
    const void *addend;   /* forward: the sum that follows is done too, with this; NULL: there is none */
    tw_ramp ramp; /* forward: of the activation that follows and is done too; TW_NO_RAMP: there is none */
    bool masks;   /* backward: dy is that of this activation, which is done too */
    void *workspace;
    size_t workspace_bytes;
} tw_run;

typedef struct tw_layer {
    const char *name, *alias; /* alias: another word that is read, never printed; NULL: none */
    const char *summary;      /* a line for people */
    const char *forward_formula, *backward_formula;
    int inputs;
    const tw_field *fields; /* ends with a field without kind */
    tw_settings defaults;

    /* What the operator may share or drop. */
    bool in_place;  /* inference may write y over x[0] */
    bool plans;     /* runs through a tw_conv on op->geometry */
    bool reads_x;   /* backward reads x */
    bool reads_y;   /* backward reads y */
    bool rectifies; /* it has a kink at 0: starting weights before it follow He */
    tw_ramp ramp;   /* all that it does, if another may do it too; TW_NO_RAMP: it is something else */
    bool passes;    /* backward gives every input dy as it is */
    bool absorbs;   /* forward does run->ramp too */
    bool merges;    /* in training: forward adds run->addend, backward obeys run->masks, both do run->ramp */
    bool transmits; /* starting weights look through it to what follows */

    /* Sizes, tensors and flops of op from what reaches it. */
    tw_status (*infer)(tw_op *op, const tw_extent *in, const tw_extent *second);
    /* Bytes for `kept` with this many images, in a runner that trains or not; NULL: none. */
    tw_status (*kept_bytes)(const tw_op *op, int64_t count, size_t size, bool trains, size_t *bytes);
    tw_status (*forward)(const tw_run *run);
    tw_status (*backward)(const tw_run *run);
    /* After a step whose loss is a number: batch norm's running state. NULL: nothing. */
    void (*settle)(const tw_run *run, void *const state[TW_MAX_TENSORS]);
    /* What it is in use, when that is y = scale x + shift for each channel; NULL: something else. */
    void (*affine)(const tw_run *run, int64_t channel, double *scale, double *shift);
    /* Number of the linear piece that the last forward ran on, folded into `hash`: for finite differences.
     * NULL: smooth. */
    uint64_t (*piece)(const tw_run *run, uint64_t hash);
} tw_layer;

/* All rows, ended by NULL. */
extern const tw_layer *const tw_layers[];
/* The row of a word; NULL when there is none. */
const tw_layer *tw_layer_find(const char *word, size_t length);

/* Adds a tensor of parameters to an operator under inference: its count from its shape, checked. */
tw_status tw_op_tensor(tw_op *op, tw_tensor tensor);
/* Fills extent's products; OVERFLOW. */
tw_status tw_extent_count(tw_extent *extent);
/* "28x28, 6 channels" or "10 numbers". */
void tw_extent_write(const tw_extent *extent, char text[96]);
/* A flat value of `count` numbers. */
tw_extent tw_extent_flat(int64_t count);
/* The geometry of a window (convolution or pool) that slides over `in`: sizes from op->set. `out_channels`
 * and `groups` as given. */
tw_status tw_window(tw_op *op, const tw_extent *in, int64_t out_channels, int64_t groups, bool transposed);

#endif

/* The graph: what tw_net_create and the builder leave behind, and what the runner walks over.
 *
 * Operators stand in topological order because each may read only what stands before it; operator 0 is the
 * network's input. What one operator says in its text is a tw_settings, what follows from it and from the
 * values that reach it (sizes, tensors of parameters, flops) is inferred once, with checked arithmetic. */
#ifndef TW_NET_GRAPH_H
#define TW_NET_GRAPH_H

#include <twill/net.h>

#include "shape/shape.h"

struct tw_layer;

/* One value of one image: channels last. Flat values (after dense, flatten) have spatial 0 and one pixel. */
typedef struct tw_extent {
    int spatial;
    int64_t channels, size[TW_MAX_SPATIAL];
    int64_t pixels, count; /* count = pixels * channels */
} tw_extent;

/* Numbers as in "5x5": one for each dimension, or one for all (given 1), or none (given 0). */
typedef struct tw_sizes {
    int given;
    int64_t value[TW_MAX_SPATIAL];
} tw_sizes;

/* Padding as in "2", "1x2", "0,1" (begin, end), "0,1x2,3" or "same". */
typedef struct tw_pads {
    int given;
    bool same;
    int64_t begin[TW_MAX_SPATIAL], end[TW_MAX_SPATIAL];
} tw_pads;

/* All that the words of an operator can say; each layer's fields say which of it applies. */
typedef struct tw_settings {
    int64_t out, groups;
    tw_sizes kernel, stride, dilation, output_padding;
    tw_pads pad;
    int64_t mode; /* a tw_pad_mode */
    bool nobias, flip, countpad;
    double slope, rate, epsilon, momentum;
} tw_settings;

/* How a tensor of parameters starts. */
typedef enum tw_start { TW_START_ZERO = 0, TW_START_ONE, TW_START_RANDOM } tw_start;

/* How TW_START_RANDOM is drawn; chosen in text by "init". */
typedef enum tw_scheme { TW_SCHEME_AUTO = 0, TW_SCHEME_HE, TW_SCHEME_XAVIER, TW_SCHEME_ZHANG2016 } tw_scheme;

enum { TW_MAX_TENSORS = 4 };

typedef struct tw_tensor {
    const char *role; /* "weight", "bias", "mean", "variance" */
    int rank;
    int64_t shape[5], count, offset;
    bool trained, decays;
    tw_start start;
} tw_tensor;

typedef struct tw_op {
    const struct tw_layer *layer; /* NULL for the input */
    tw_settings set;
    int inputs[2]; /* -1: none */
    char *label;   /* NULL: none */
    tw_extent extent;
    tw_shape shape; /* convolutions, dense: the convolution of one image; pools: the window */
    tw_tensor tensors[TW_MAX_TENSORS];
    int tensor_count;
    int64_t flops;
    int readers;     /* how many inputs read this value */
    int last_reader; /* the last operator that does; -1: none */
} tw_op;

enum {
    TW_MOST_OPERATORS = 10000, /* of a network */
    TW_MOST_TEXT = 1 << 20,    /* bytes of a network's text */
    TW_MOST_LABEL = 64,        /* bytes of a label */
    TW_MOST_WEIGHTS_LOG2 = 37, /* 2^37 numbers: 1 TiB in f64 */
    TW_MOST_RUNNER_LOG2 = 40   /* 2^40 bytes of activations */
};

struct tw_net {
    tw_op *ops;
    int op_count, op_room;
    tw_loss loss;
    tw_scheme scheme;
    tw_net_input input;
    tw_net_node *nodes; /* [op_count] */
    tw_net_parameter *parameters;
    size_t parameter_count;
    int64_t weights, trained;
    char *text;
};

/* Words for a scheme and for a loss, in their enum's order; NULL where the text has none. */
extern const char *const tw_scheme_words[4];
extern const char *const tw_loss_words[3];

#endif

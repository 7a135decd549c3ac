/* A network: a list of operators in topological order, with shapes inferred and checked.
 *
 * From text, one operator after the other (grammar: docs/networks.md), or a name from tw_net_names:
 *
 *     tw_net *net;
 *     tw_net_create(&net, "conv 6 5x5 pad 2; relu; maxpool 2; conv 16 5x5; relu; maxpool 2; dense 10",
 *                   (tw_net_input){.spatial = 2, .channels = 1, .size = {28, 28}});
 *
 * or operator by operator with a tw_builder. A network is immutable and holds no numbers. Its parameters are
 * one flat array of tw_net_weights(net) values that the caller owns: first all that are trained, then the
 * state that is not (running means and variances of batch norm). Gradients are an array of the same shape; so
 * an optimiser, a checkpoint or a reduction over machines is a loop over one array.
 *
 * A runner executes a network on up to `batch` images. Inside and outside, images are channels last:
 * x is [count][size...][channels], and the outputs are [count][outputs]. */
#ifndef TWILL_NET_H
#define TWILL_NET_H

#include <twill/conv.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tw_net tw_net;

/* One image that goes in. */
typedef struct tw_net_input {
    int spatial; /* 1, 2 or 3 */
    int64_t channels;
    int64_t size[TW_MAX_SPATIAL]; /* (width), (height, width) or (depth, height, width) */
} tw_net_input;

/* Makes a network from its text or its name. FORMAT: the message points at the word and says what was
 * expected; SHAPE: an operator that does not fit what reaches it; OVERFLOW, LIMIT, MEMORY. */
tw_status tw_net_create(tw_net **net, const char *text, tw_net_input input);
void tw_net_free(tw_net *net);

/* A named network: what --net lists. */
typedef struct tw_net_name {
    const char *name, *text, *summary;
    tw_net_input input; /* what it was made for */
} tw_net_name;
const tw_net_name *tw_net_names(size_t *count);

/* The whole network as text that tw_net_create reads back to the same network: also for one that a builder
 * made. The network's memory. */
const char *tw_net_text(const tw_net *net);
tw_net_input tw_net_image(const tw_net *net);
int64_t tw_net_inputs(const tw_net *net);  /* numbers of one input image */
int64_t tw_net_outputs(const tw_net *net); /* numbers of one output */

/* Numbers in the flat weights array, and how many of them, the first ones, are trained. */
int64_t tw_net_weights(const tw_net *net);
int64_t tw_net_trained(const tw_net *net);

/* One named tensor within the flat array. */
typedef struct tw_net_parameter {
    const char
        *name; /* "2.conv.weight", "2.conv.bias", "3.batchnorm.mean": node number from 1, operator, role */
    int64_t offset, count;
    int rank;
    int64_t shape[5];
    bool trained;
    bool decays; /* whether weight decay applies: weights yes; biases and batch norm no */
} tw_net_parameter;
const tw_net_parameter *tw_net_parameters(const tw_net *net, size_t *count);

/* One operator as `twill info` and the explanations show it. */
typedef struct tw_net_node {
    const char *name; /* label, or the operator's name */
    const char *kind; /* the operator: "conv", "maxpool", ... */
    const char *text; /* the operator as written: "conv 6 5x5 pad 2" */
    int inputs[2];    /* nodes whose outputs come in; -1: none; 0 is the network's input */
    int spatial;      /* 0 after flatten and dense */
    int64_t channels; /* of one image's output */
    int64_t size[TW_MAX_SPATIAL];
    int64_t outputs;             /* numbers of one image's output */
    int64_t parameters;          /* trained */
    int64_t flops;               /* of one image forward: 2 per multiply-add */
    const tw_geometry *geometry; /* conv, transposed conv, dense: of one image; else NULL */
} tw_net_node;
/* Node 0 is the input. The network's memory. */
const tw_net_node *tw_net_nodes(const tw_net *net, size_t *count);

typedef enum tw_loss { TW_LOSS_DEFAULT = 0, TW_CROSS_ENTROPY, TW_SQUARED_ERROR } tw_loss;
/* The loss that a network is trained with when nothing else is said: its text's "loss" word, else
 * cross-entropy. */
tw_loss tw_net_loss(const tw_net *net);

/* Fills weights[tw_net_weights] of `type` with starting values: a pure function of network and seed. Each
 * operator's own rule: He for those followed by relu, Xavier else, zhang2016 where the text says so; biases
 * 0, batch norm 1 and 0. (He et al. 2015, arXiv:1502.01852; Glorot and Bengio 2010; Zhang 2016.) */
tw_status tw_net_initialise(const tw_net *net, uint64_t seed, tw_type type, void *weights);

/* ---- Building from C
 * ---------------------------------------------------------------------------------------- */

typedef struct tw_builder tw_builder;
/* Every call returns the new node's number, or -1 after an error; errors stick, and tw_builder_finish reports
 * the first. `operator_text` is one operator of the text form without its inputs: "conv 16 3x3 pad 1". */
tw_status tw_builder_create(tw_builder **builder, tw_net_input input);
int tw_builder_add(tw_builder *builder, const char *operator_text, int input);
int tw_builder_add2(tw_builder *builder, const char *operator_text, int first, int second); /* "add" */
/* Makes the network and frees the builder, whatever comes back; the last node added is the output. */
tw_status tw_builder_finish(tw_builder *builder, tw_net **net);
void tw_builder_free(tw_builder *builder);

/* ---- Running
 * ------------------------------------------------------------------------------------------------ */

typedef struct tw_runner tw_runner;

typedef struct tw_runner_options {
    size_t struct_size;
    tw_type type;  /* F32, or F64 for checks */
    int64_t batch; /* most images of one call, >= 1 */
    bool trains;   /* keeps what backward needs */
    bool keeps;    /* trains: keeps all values and gradients, for tw_runner_value and tw_runner_gradient;
                    * without it operators share memory, and some are done together */
    int threads;   /* 0: tw_threads() */
    tw_accuracy accuracy;
    tw_loss loss;    /* DEFAULT: the network's */
    uint64_t seed;   /* of dropout */
    const char *isa; /* NULL: the best */
} tw_runner_options;
tw_runner_options tw_runner_options_defaults(void);

/* Plans the memory of all activations and makes every convolution's plan. `net` is borrowed until the runner
 * is freed. */
tw_status tw_runner_create(tw_runner **runner, const tw_net *net, const tw_runner_options *options);
void tw_runner_free(tw_runner *runner);
size_t tw_runner_bytes(const tw_runner *runner);

/* Makes weights [weights] that stay as they are ready for many calls of tw_runner_forward: batch norm goes
 * into the convolution before it, and weights are packed as convolutions read them. What the runner needs it
 * keeps (tw_runner_bytes counts it): `weights` may change or go. Where batch norm was folded, outputs are
 * rounded otherwise than without; they too are the same for any batch, threads and instruction set. Freezing
 * again replaces. ARGUMENT for a runner that trains. */
tw_status tw_runner_freeze(tw_runner *runner, const void *weights);

/* outputs [count][tw_net_outputs] = the network on x [count][inputs], as in use: no dropout, running
 * statistics. weights NULL: the frozen ones; a batch whose values no cache would hold is then run some images
 * after the other. x and outputs do not overlap; after an error outputs are undefined. */
tw_status tw_runner_forward(tw_runner *runner, const void *weights, const void *x, int64_t count,
                            void *outputs);

/* What one step of training needs and gives. */
typedef struct tw_step {
    void *weights;         /* [weights]: read; batch norm's running state is updated unless keeps_state */
    const void *x;         /* [count][inputs] */
    const int32_t *labels; /* [count], 0 <= label < outputs (ARGUMENT otherwise); or NULL and targets */
    const void *targets;   /* [count][outputs] for squared error */
    int64_t count;
    uint64_t step; /* counts the steps: dropout is a function of (seed, step, element) */
    bool keeps_state;
    void *gradient;  /* [weights]: d(mean loss)/dw, zero for state; NULL: forward only */
    void *dx;        /* [count][inputs] or NULL: d(mean loss)/dx */
    void *outputs;   /* [count][outputs] or NULL */
    double loss;     /* out: mean loss over the batch */
    int64_t correct; /* out: images whose largest output is at their label; 0 without labels */
} tw_step;
/* Forward in training mode, loss, and backward. Same bits for any number of threads. NUMERIC when the loss is
 * NaN or infinite: outputs are then undefined. */
tw_status tw_runner_step(tw_runner *runner, tw_step *step);

/* The value of a node after the last forward or step of a runner that trains and keeps ([count][outputs] in
 * `type`), and the gradient that reached it; NULL when there is none. The runner's memory, until its next
 * call. */
const void *tw_runner_value(const tw_runner *runner, int node);
const void *tw_runner_gradient(const tw_runner *runner, int node);

/* Called as a runner begins with a node: forward (once for each portion of a frozen batch), the loss (node
 * 0), backward; with -1 when a call has ended. What is done together with another operator is not told. */
typedef void (*tw_watch)(void *context, int node, bool backward);
/* From the next call on; NULL: nobody listens. */
void tw_runner_watch(tw_runner *runner, tw_watch watch, void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/* The runner: a network with the memory and the plans to execute it. runner.c makes it, step.c runs it,
 * loss.c closes a step. */
#ifndef TW_NET_RUNNER_H
#define TW_NET_RUNNER_H

#include "net/frozen.h"
#include "net/layer.h"

/* One operator at work. */
typedef struct tw_slot {
    tw_conv *plan;
    void *value, *gradient; /* [batch][outputs]; gradient NULL: none */
    void *kept;
    int addend;   /* forward does the sum that follows too, with this operator's value; -1: it does not */
    tw_ramp ramp; /* forward does this one too, which follows */
    bool masks;   /* ... and backward */
    bool done;    /* forward is done by another */
    bool masked;  /* backward too */
    bool wanted;  /* this step: somebody needs the gradient */
    bool reached; /* this step: the gradient has been written */
} tw_slot;

struct tw_runner {
    const tw_net *net;
    tw_runner_options options;
    tw_loss loss;
    const tw_sweeps *sweeps;
    size_t size; /* bytes of one number */
    int threads;
    tw_slot *stages; /* [net->op_count] */
    void *arena;     /* everything below, and all of the stages' memory */
    size_t arena_bytes;
    void *scratch;  /* a gradient that is added to another reader's */
    double *losses; /* [batch] */
    void *workspace;
    size_t workspace_bytes;
    double image_bytes; /* that one image's values take at any time */
    double image_moved; /* and that its operators write and read of them */
    tw_frozen *frozen;  /* NULL: not frozen */
    tw_watch watch;     /* NULL: nobody listens */
    void *watch_context;
};

/* Whether the loss takes the last operator, a softmax, into itself. */
bool tw_runner_fuses(const tw_runner *runner);

/* Loss and its gradient into the stages (and dx when the input itself is reached): step->loss and
 * step->correct. NUMERIC. */
tw_status tw_loss_close(tw_runner *runner, tw_step *step);

/* What operator `i` needs to run on `count` images; x the network's input. Without weights: the frozen ones.
 */
tw_run tw_runner_run(tw_runner *runner, int i, const void *weights, const void *x, int64_t count,
                     bool training, uint64_t step);

#endif

/* Stochastic gradient descent with momentum (Polyak 1964; Nesterov's as in Sutskever et al. 2013), and Adam
 * (Kingma and Ba 2015). Weight decay is an L2 term in the gradient, and only for parameters that decay.
 *
 *     sgd    g += decay w;  v = momentum v + g;  w -= rate (nesterov ? g + momentum v : v)
 *     adam   g += decay w;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 *            w -= rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * The parameters are cut into blocks of at most BLOCK numbers of one tensor, which threads take. */
#include "train/optimiser.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernel/kernel.h"
#include "train/schedule.h"

enum { BLOCK = 1 << 14 };

typedef struct block {
    int64_t offset, count;
    bool decays;
} block;

struct tw_optimiser_state {
    tw_train_options options;
    int64_t weights, trained, steps, block_count;
    block *blocks;
    float *first, *second; /* [trained]: velocity, or Adam's m and v */
    bool *finite;          /* [block_count] */
    const tw_sweeps *sweeps;
};

/* What one step needs, the same for every block. */
typedef struct step {
    tw_optimiser_state *state;
    tw_update update; /* of all weights */
} step;

static void step_block(void *context, int64_t task, int worker) {
    (void)worker;
    const step *s = context;
    const block *b = &s->state->blocks[task];
    const tw_sweeps *sweeps = s->state->sweeps;
    tw_update u = s->update;
    u.n = b->count;
    u.gradient = (const float *)u.gradient + b->offset;
    u.from = (const float *)u.from + b->offset;
    u.to = (float *)u.to + b->offset;
    u.first = s->state->first + b->offset;
    if (!b->decays) u.decay = 0;
    bool is_adam = s->state->options.optimiser == TW_ADAM;
    if (is_adam) u.second = s->state->second + b->offset;
    s->state->finite[task] = (is_adam ? sweeps->adam : sweeps->sgd)(&u);
}

bool tw_optimiser_step(tw_optimiser_state *state, double rate, const float *gradient, const float *from,
                       float *to) {
    const tw_train_options *o = &state->options;
    state->steps++;
    step s = {.state = state,
              .update = {.gradient = gradient,
                         .from = from,
                         .to = to,
                         .rate = rate,
                         .decay = o->weight_decay,
                         .momentum = o->momentum,
                         .beta2 = o->beta2,
                         .correction1 = 1 / (1 - tw_whole_power(o->momentum, state->steps)),
                         .correction2 = 1 / (1 - tw_whole_power(o->beta2, state->steps)),
                         .epsilon = o->epsilon,
                         .nesterov = o->nesterov}};
    /* waking a thread costs as much as some tens of thousands of weights */
    int threads = state->trained < 8 * BLOCK ? 1 : tw_threads_clamp(o->threads);
    tw_parallel(threads, state->block_count, step_block, &s);
    memcpy(to + state->trained, from + state->trained,
           (size_t)(state->weights - state->trained) * sizeof *to);
    bool finite = true;
    for (int64_t i = 0; i < state->block_count; i++) finite = finite && state->finite[i];
    return finite;
}

/* ---- Making one ---- */

/* Writes the blocks when there is room for them; returns how many there are. */
static int64_t cut_blocks(const tw_net *net, block *blocks) {
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(net, &count);
    int64_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const tw_net_parameter *p = &parameters[i];
        for (int64_t at = 0; p->trained && at < p->count; at += BLOCK, used++)
            if (blocks) blocks[used] = (block){p->offset + at, tw_min(BLOCK, p->count - at), p->decays};
    }
    return used;
}

tw_status tw_optimiser_create(tw_optimiser_state **out, const tw_net *net, const tw_train_options *options) {
    *out = NULL;
    tw_optimiser_state *state = tw_alloc_zero(1, sizeof *state);
    if (!state) return TW_ERROR_MEMORY;
    state->options = *options;
    state->sweeps = tw_kernel_default()->sweeps[TW_F32];
    state->weights = tw_net_weights(net);
    state->trained = tw_net_trained(net);
    state->block_count = cut_blocks(net, NULL);
    state->blocks = tw_alloc(state->block_count, sizeof *state->blocks);
    state->finite = tw_alloc_zero(state->block_count, sizeof *state->finite);
    state->first = tw_alloc_zero(state->trained, sizeof *state->first);
    state->second = tw_alloc_zero(options->optimiser == TW_ADAM ? state->trained : 0, sizeof *state->second);
    if (!state->blocks || !state->finite || !state->first || !state->second) {
        tw_optimiser_free(state);
        return TW_ERROR_MEMORY;
    }
    cut_blocks(net, state->blocks);
    *out = state;
    return TW_OK;
}

void tw_optimiser_free(tw_optimiser_state *state) {
    if (!state) return;
    tw_free(state->blocks);
    tw_free(state->finite);
    tw_free(state->first);
    tw_free(state->second);
    tw_free(state);
}

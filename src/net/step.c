/* Running a network: forward in the order of the operators; for a step also the loss, and backward in the
 * reverse order. A value with several readers gets the sum of their gradients, the last reader's first. Only
 * gradients that lead to something wanted are computed. */
#include "net/runner.h"

#include <string.h>

#include "base/checked.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "net/split.h"

tw_run tw_runner_run(tw_runner *r, int i, const void *weights, const void *x, int64_t count, bool training,
                     uint64_t step) {
    const tw_op *op = &r->net->ops[i];
    const tw_slot *stage = &r->stages[i];
    tw_run run = {
        .op = op,
        .sweeps = r->sweeps,
        .type = r->options.type,
        .size = r->size,
        .threads = r->threads,
        .count = count,
        .training = training,
        .seed = r->options.seed,
        .step = step,
        .number = i,
        .y = stage->value,
        .kept = stage->kept,
        .plan = stage->plan,
        .ramp = stage->ramp,
        .masks = stage->masks,
        .workspace = r->workspace,
        .workspace_bytes = r->workspace_bytes,
    };
    for (int k = 0; k < 2; k++)
        if (op->inputs[k] >= 0) run.x[k] = op->inputs[k] ? r->stages[op->inputs[k]].value : x;
    if (stage->addend >= 0) run.addend = stage->addend ? r->stages[stage->addend].value : x;
    if (!weights && r->frozen) {
        memcpy(run.w, r->frozen->ops[i].w, sizeof run.w);
        run.packed_w = r->frozen->ops[i].packed;
        if (r->frozen->ops[i].ramp != TW_NO_RAMP) run.ramp = r->frozen->ops[i].ramp;
        return run;
    }
    for (int t = 0; t < op->tensor_count; t++)
        run.w[t] = (const char *)weights + (size_t)op->tensors[t].offset * r->size;
    return run;
}

void tw_runner_watch(tw_runner *r, tw_watch watch, void *context) {
    r->watch = watch;
    r->watch_context = context;
}

static void tell(const tw_runner *r, int node, bool backward) {
    if (r->watch) r->watch(r->watch_context, node, backward);
}

static tw_status forward(tw_runner *r, const void *weights, const void *x, int64_t count, bool training,
                         uint64_t step) {
    for (int i = 1; i < r->net->op_count; i++) {
        bool folded = !weights && r->frozen && r->frozen->ops[i].folded;
        if (folded || r->stages[i].done) continue;
        tell(r, i, false);
        tw_run run = tw_runner_run(r, i, weights, x, count, training, step);
        tw_status status = run.op->layer->forward(&run);
        if (status) return tw_fail_within(status, "operator %d: ", i);
    }
    return TW_OK;
}

static void copy_outputs(const tw_runner *r, int64_t count, void *outputs) {
    const void *value = r->stages[r->net->op_count - 1].value;
    memcpy(outputs, value, (size_t)(count * tw_net_outputs(r->net)) * r->size);
}

static tw_status check_count(const tw_runner *r, int64_t count, int64_t least) {
    if (count >= least && count <= r->options.batch) return TW_OK;
    return tw_fail(TW_ERROR_ARGUMENT, "count is %lld; expected %lld to %lld, the runner's batch",
                   (long long)count, (long long)least, (long long)r->options.batch);
}

/* Images do not meet, so that a batch may be run some images after the other: where its values would go by
 * way of memory, those of a few stay in a cache that threads share, as a rule of more than sixteen second
 * ones. It pays with frozen weights (others are packed anew for each portion), unless threads would wait or
 * reading the weights for each portion outweighs the values. No bit depends on it. */
static int64_t images_at_once(const tw_runner *r, int64_t count) {
    enum { CACHES = 16 };
    const double cache = CACHES * (double)tw_cpu_l2_bytes(),
                 weights = (double)r->net->weights * (double)r->size;
    if (r->image_bytes * (double)count <= cache) return count;
    const int64_t fit = (int64_t)(cache / r->image_bytes);
    if (fit < r->threads || (weights > cache && weights / (double)fit > r->image_moved / 2)) return count;
    return tw_ceil_div(count, tw_ceil_div(count, fit));
}

tw_status tw_runner_forward(tw_runner *r, const void *weights, const void *x, int64_t count, void *outputs) {
    if (!r) return tw_fail(TW_ERROR_ARGUMENT, "runner is NULL");
    tw_status status = check_count(r, count, 0);
    if (status || count == 0) return status;
    if (!x || !outputs || (!weights && r->net->weights && !r->frozen))
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !x ? "x" : !outputs ? "outputs" : "weights");
    for (int i = 0; i < r->net->op_count; i++) r->stages[i].reached = false;
    const int64_t most = weights ? count : images_at_once(r, count);
    const size_t in = (size_t)tw_net_inputs(r->net) * r->size, out = (size_t)tw_net_outputs(r->net) * r->size;
    for (int64_t first = 0; first < count && !status; first += most) {
        const int64_t images = tw_min(most, count - first);
        status = forward(r, weights, (const char *)x + (size_t)first * in, images, false, 0);
        if (!status) copy_outputs(r, images, (char *)outputs + (size_t)first * out);
    }
    tell(r, -1, false);
    return status;
}

/* ---- A step ---- */

static tw_status check_labels(const tw_runner *r, const tw_step *step) {
    int64_t outputs = tw_net_outputs(r->net);
    for (int64_t i = 0; step->labels && i < step->count; i++)
        if (step->labels[i] < 0 || step->labels[i] >= outputs)
            return tw_fail(TW_ERROR_ARGUMENT, "labels[%lld] is %d; expected 0 to %lld", (long long)i,
                           (int)step->labels[i], (long long)outputs - 1);
    return TW_OK;
}

static tw_status check_step(const tw_runner *r, const tw_step *step) {
    if (!r || !step) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", r ? "step" : "runner");
    if (!r->options.trains)
        return tw_fail(TW_ERROR_ARGUMENT, "this runner was made with trains = false; a step needs true");
    tw_status status = check_count(r, step->count, 1);
    if (status) return status;
    if (!step->x || (!step->weights && r->net->weights))
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", step->x ? "weights" : "x");
    if (!step->labels && !step->targets)
        return tw_fail(TW_ERROR_ARGUMENT, "labels and targets are NULL; expected one of them");
    return check_labels(r, step);
}

/* Which gradients lead to parameters or to dx. */
static void mark_wanted(tw_runner *r, const tw_step *step) {
    r->stages[0].wanted = step->dx != NULL;
    r->stages[0].reached = false;
    for (int i = 1; i < r->net->op_count; i++) {
        const tw_op *op = &r->net->ops[i];
        bool wanted = op->tensor_count > 0 && step->gradient;
        for (int k = 0; k < 2; k++) wanted |= op->inputs[k] >= 0 && r->stages[op->inputs[k]].wanted;
        r->stages[i].wanted = wanted;
        r->stages[i].reached = false;
    }
}

typedef struct sum_job {
    const tw_run *run;
    void *sum;
    const void *addend;
} sum_job;

static void sum_chunk(const void *context, int64_t first, int64_t last) {
    const sum_job *job = context;
    size_t offset = (size_t)first * job->run->size;
    char *sum = (char *)job->sum + offset;
    job->run->sweeps->add(last - first, TW_NO_RAMP, sum, (const char *)job->addend + offset, sum);
}

/* The gradient with respect to input k of operator i; parameters' too with the first. */
static tw_status backward_input(tw_runner *r, tw_step *step, int i, int k, tw_run *run) {
    int from = run->op->inputs[k];
    tw_slot *source = &r->stages[from];
    void *target = from ? source->gradient : step->dx;
    bool adds = source->wanted && source->reached, passes = run->op->layer->passes;
    if (passes && source->wanted && target == run->dy) { /* one memory: nothing to pass */
        source->reached = true;
        return TW_OK;
    }
    run->which = k;
    run->dx = !source->wanted ? NULL : adds ? r->scratch : target;
    if (!(adds && passes)) { /* else dy itself is the addend */
        tw_status status = run->op->layer->backward(run);
        if (status) return tw_fail_within(status, "operator %d, backward: ", i);
    }
    if (adds) {
        int64_t count = step->count * r->net->ops[from].extent.count;
        const void *addend = passes ? run->dy : r->scratch;
        tw_split(run, count, 16384, count, sum_chunk, &(sum_job){run, target, addend});
    }
    source->reached |= source->wanted;
    return TW_OK;
}

static tw_status backward_op(tw_runner *r, tw_step *step, int i) {
    tw_run run = tw_runner_run(r, i, step->weights, step->x, step->count, true, step->step);
    run.dy = r->stages[i].gradient;
    for (int t = 0; t < run.op->tensor_count && step->gradient; t++)
        if (run.op->tensors[t].trained)
            run.dw[t] = (char *)step->gradient + (size_t)run.op->tensors[t].offset * r->size;
    for (int k = 0; k < run.op->layer->inputs; k++) {
        tw_status status = backward_input(r, step, i, k, &run);
        if (status) return status;
    }
    return TW_OK;
}

static tw_status backward(tw_runner *r, tw_step *step) {
    for (int i = r->net->op_count - 1; i > 0; i--) {
        if (!r->stages[i].reached) continue;
        if (r->stages[i].masked) {
            tw_slot *by = &r->stages[r->net->ops[i].inputs[0]];
            by->reached = by->wanted;
            continue;
        }
        tell(r, i, true);
        tw_status status = backward_op(r, step, i);
        if (status) return status;
    }
    if (step->gradient) {
        size_t trained = (size_t)r->net->trained * r->size, all = (size_t)r->net->weights * r->size;
        memset((char *)step->gradient + trained, 0, all - trained);
    }
    return TW_OK;
}

static void settle(tw_runner *r, const tw_step *step) {
    for (int i = 1; i < r->net->op_count; i++) {
        const tw_op *op = &r->net->ops[i];
        if (!op->layer->settle) continue;
        void *state[TW_MAX_TENSORS];
        for (int t = 0; t < op->tensor_count; t++)
            state[t] = (char *)step->weights + (size_t)op->tensors[t].offset * r->size;
        tw_run run = tw_runner_run(r, i, step->weights, step->x, step->count, true, step->step);
        op->layer->settle(&run, state);
    }
}

/* Forward, the loss, backward. */
static tw_status there_and_back(tw_runner *r, tw_step *step) {
    tw_status status = forward(r, step->weights, step->x, step->count, true, step->step);
    if (status) return status;
    tell(r, 0, false);
    status = tw_loss_close(r, step);
    return status ? status : backward(r, step);
}

tw_status tw_runner_step(tw_runner *r, tw_step *step) {
    tw_status status = check_step(r, step);
    if (status) return status;
    mark_wanted(r, step);
    status = there_and_back(r, step);
    tell(r, -1, false);
    if (status) return status;
    if (step->outputs) copy_outputs(r, step->count, step->outputs);
    if (!step->keeps_state) settle(r, step);
    return TW_OK;
}

/* ---- What is left of a step ---- */

static bool keeps(const tw_runner *r, int node) {
    return r->options.trains && r->options.keeps && node > 0 && node < r->net->op_count;
}

const void *tw_runner_value(const tw_runner *r, int node) {
    return keeps(r, node) ? r->stages[node].value : NULL;
}

const void *tw_runner_gradient(const tw_runner *r, int node) {
    return keeps(r, node) && r->stages[node].reached ? r->stages[node].gradient : NULL;
}

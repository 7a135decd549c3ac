/* Values. An operator that may writes over its input when nobody else reads that and nobody needs it later. A
 * runner that infers gives memory on by lifetime too; one that trains has every value until the step ends,
 * for the way back.
 *
 * Gradients live from the last reader of a value, which is the first on the way back, to the operator that
 * made it. An operator that passes its gradient on shares its memory with its inputs; one that works number
 * by number writes over it, unless another input was given the same memory.
 *
 * Operators done together: an operator that can does the relu or relu6 behind it; batch norm in training also
 * the sum in between, with something that is known by then.
 *
 * A runner that keeps has all values and gradients to the end, each its own. */
#include "net/sharing.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

static bool has(const tw_runner *r, int i, const char *name) {
    return r->net->ops[i].layer == tw_layer_find(name, strlen(name));
}

/* The only reader of i's value; 0: there are more, or none. */
static int only_reader(const tw_runner *r, int i) {
    return r->net->ops[i].readers == 1 ? r->net->ops[i].last_reader : 0;
}

tw_status tw_sharing_value_bytes(const tw_runner *r, int i, size_t *bytes) {
    int64_t count;
    if (!tw_mul(r->net->ops[i].extent.count, r->options.batch, &count) || !tw_bytes(count, r->size, bytes))
        return tw_fail(TW_ERROR_OVERFLOW, "operator %d: more bytes than 63 bits can count", i);
    return TW_OK;
}

/* ---- Values ---- */

/* Whether the way back needs the value of an operator that lies in the memory of `root`. */
static bool is_needed(const tw_runner *r, const int *value, int root, int before) {
    for (int i = root; i < before; i++)
        if (value[i] == root && r->net->ops[i].layer->reads_y) return true;
    return false;
}

static int value_root(const tw_runner *r, const int *value, int i) {
    const tw_op *op = &r->net->ops[i];
    int from = op->inputs[0];
    if (!op->layer->in_place || from == 0) return i;
    if (!r->options.trains) return r->net->ops[from].last_reader == i ? value[from] : i;
    bool logits = i == r->net->op_count - 1 && tw_runner_fuses(r); /* the loss reads them */
    bool shares = !r->options.keeps && only_reader(r, from) == i && !op->layer->reads_x && !logits &&
                  !is_needed(r, value, value[from], i);
    return shares ? value[from] : i;
}

static tw_status plan_values(const tw_runner *r, tw_sharing *s) {
    int count = r->net->op_count;
    for (int i = 1; i < count; i++) {
        tw_status status;
        int root = s->value[i] = value_root(r, s->value, i), last = r->net->ops[i].last_reader;
        bool stays = r->options.trains || last < 0;
        s->values[i] = (tw_lifetime){.first = r->options.trains ? 0 : i, .last = i};
        if (root == i && (status = tw_sharing_value_bytes(r, i, &s->values[i].bytes))) return status;
        s->values[root].last = stays ? count : last;
    }
    return tw_lifetimes_plan(s->values, count, &s->values_bytes);
}

/* ---- Together ---- */

/* The relu or relu6 behind operator `tail`, which `by` does as well; 0: there is none. */
static int take_ramp(tw_runner *r, const int *value, int by, int tail) {
    int next = only_reader(r, tail);
    if (!next || value[next] != value[by] || r->net->ops[next].layer->ramp == TW_NO_RAMP) return 0;
    r->stages[by].ramp = r->net->ops[next].layer->ramp;
    r->stages[next].done = true;
    return next;
}

/* The sum behind batch norm i. */
static int take_sum(tw_runner *r, const int *value, int i) {
    int sum = only_reader(r, i);
    const tw_op *op = &r->net->ops[sum];
    if (!sum || !has(r, sum, "add") || op->inputs[0] != i || op->inputs[1] >= i || value[sum] != value[i])
        return 0;
    r->stages[sum].done = true;
    r->stages[i].addend = op->inputs[1];
    return sum;
}

static void join(tw_runner *r, const int *value) {
    bool merges = r->options.trains && !r->options.keeps;
    for (int i = 1; i < r->net->op_count; i++) r->stages[i].addend = -1;
    for (int i = 1; i < r->net->op_count; i++) {
        const tw_layer *layer = r->net->ops[i].layer;
        if (layer->merges && merges) {
            int sum = take_sum(r, value, i), ramp = take_ramp(r, value, i, sum ? sum : i);
            if (ramp && !sum) r->stages[i].masks = r->stages[ramp].masked = true;
        } else if (layer->absorbs && !r->options.keeps && !r->stages[i].done) {
            take_ramp(r, value, i, i);
        }
    }
}

/* ---- Gradients ---- */

static bool passes(const tw_runner *r, int i) {
    return r->net->ops[i].layer->passes || r->stages[i].masked;
}

static bool reads(const tw_op *op, int value) {
    return op->inputs[0] == value || op->inputs[1] == value;
}

/* A value that sum i is the last to read, beside others, may collect its gradient where i's lies, if the
 * other input has read it there before they add theirs. */
static bool may_collect(const tw_runner *r, int i, int k) {
    const tw_op *ops = r->net->ops;
    int from = ops[i].inputs[k], other = ops[i].inputs[1 - k];
    if (r->options.keeps || ops[i].layer->inputs < 2 || from == other || ops[from].last_reader != i)
        return false;
    if (other == 0 || only_reader(r, other) != i || passes(r, other)) return false;
    for (int j = other; j < i; j++)
        if (reads(&ops[j], from)) return false;
    return true;
}

/* Where the gradients of i's inputs lie. `busy`: of operators, whether somebody reads the memory of their
 * gradient after them. */
static void share_gradients(const tw_runner *r, int *gradient, bool *busy, int i) {
    const tw_op *op = &r->net->ops[i];
    bool writes_over = op->layer->in_place && !r->options.keeps && !busy[i];
    bool shares[2] = {false, false};
    for (int k = 0; k < op->layer->inputs; k++) {
        bool alone = only_reader(r, op->inputs[k]) == i;
        if (op->inputs[k] == 0) continue;
        shares[k] = passes(r, i) ? alone || may_collect(r, i, k) : alone && writes_over;
    }
    int higher =
        op->inputs[0] > op->inputs[1] ? op->inputs[0] : op->inputs[1]; /* runs first on the way back */
    for (int k = 0; k < op->layer->inputs; k++) {
        int from = op->inputs[k];
        if (!shares[k]) continue;
        gradient[from] = gradient[i];
        busy[from] = busy[i] || (shares[1 - k] && (from == higher || passes(r, higher)));
    }
}

static tw_status plan_gradients(const tw_runner *r, tw_sharing *s) {
    int count = r->net->op_count;
    bool *busy = tw_alloc_zero(count, sizeof *busy);
    if (!busy) return TW_ERROR_MEMORY;
    for (int i = 1; i < count; i++) s->gradient[i] = i;
    for (int i = count - 1; i > 0; i--) share_gradients(r, s->gradient, busy, i);
    tw_free(busy);
    for (int i = count - 1; i > 0; i--) { /* time goes back: operator i runs at count - i */
        int reader = r->net->ops[i].last_reader;
        tw_lifetime *life = &s->gradients[s->gradient[i]];
        tw_status status;
        if (s->gradient[i] == i && (status = tw_sharing_value_bytes(r, i, &life->bytes))) return status;
        if (s->gradient[i] == i) life->first = r->options.keeps || reader < 0 ? 1 : count - reader;
        life->last = r->options.keeps ? count : count - i;
    }
    return tw_lifetimes_plan(s->gradients, count, &s->gradients_bytes);
}

/* ---- All of it ---- */

tw_status tw_sharing_plan(tw_runner *r, tw_sharing *s) {
    int count = r->net->op_count;
    *s = (tw_sharing){.value = tw_alloc_zero(count, sizeof *s->value),
                      .gradient = tw_alloc_zero(count, sizeof *s->gradient),
                      .values = tw_alloc_zero(count, sizeof *s->values),
                      .gradients = tw_alloc_zero(count, sizeof *s->gradients)};
    if (!s->value || !s->gradient || !s->values || !s->gradients) return TW_ERROR_MEMORY;
    tw_status status = plan_values(r, s);
    if (status) return status;
    join(r, s->value);
    return r->options.trains ? plan_gradients(r, s) : TW_OK;
}

void tw_sharing_free(tw_sharing *s) {
    tw_free(s->value);
    tw_free(s->gradient);
    tw_free(s->values);
    tw_free(s->gradients);
}

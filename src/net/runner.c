/* Making a runner: the memory of all values is planned and compared with the limit before anything is
 * allocated; then every convolution's plan is made, and one block holds values, gradients, what layers keep,
 * and one workspace that all plans share.
 *
 * sharing.c decides who shares memory with whom. */
#include "net/runner.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernel/kernel.h"
#include "net/sharing.h"

tw_runner_options tw_runner_options_defaults(void) {
    return (tw_runner_options){.struct_size = sizeof(tw_runner_options), .batch = 1};
}

static tw_status check_options(const tw_runner_options *o) {
    if (o->struct_size != sizeof *o)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; this library knows a tw_runner_options of %zu bytes",
                       o->struct_size, sizeof *o);
    if (tw_type_size(o->type) == 0)
        return tw_fail(TW_ERROR_ARGUMENT, "type is %d; expected f32 or f64", (int)o->type);
    if (o->batch < 1)
        return tw_fail(TW_ERROR_ARGUMENT, "batch is %lld; expected at least 1", (long long)o->batch);
    if (o->threads < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "threads is %d; expected 0 (all) or at least 1", o->threads);
    if ((unsigned)o->accuracy > TW_STRICT)
        return tw_fail(TW_ERROR_ARGUMENT, "accuracy is %d; expected fast or strict", (int)o->accuracy);
    if ((unsigned)o->loss > TW_SQUARED_ERROR)
        return tw_fail(TW_ERROR_ARGUMENT, "loss is %d; expected default, cross-entropy or squared error",
                       (int)o->loss);
    return TW_OK;
}

bool tw_runner_fuses(const tw_runner *runner) {
    const tw_op *last = &runner->net->ops[runner->net->op_count - 1];
    return runner->loss == TW_CROSS_ENTROPY && last->layer == tw_layer_find("softmax", 7);
}

static tw_status check_loss(const tw_runner *runner) {
    const tw_op *last = &runner->net->ops[runner->net->op_count - 1];
    if (!runner->options.trains || !tw_runner_fuses(runner) || last->extent.pixels == 1) return TW_OK;
    return tw_fail(TW_ERROR_UNSUPPORTED,
                   "cross-entropy after a softmax over %lld pixels; expected a flat softmax, or logits",
                   (long long)last->extent.pixels);
}

/* ---- Memory ---- */

/* Where everything goes; offsets into the arena. */
typedef struct layout {
    tw_sharing sharing;
    size_t *kept; /* [ops]: bytes that a layer keeps */
    size_t scratch, losses;
    size_t total; /* without workspace */
} layout;

static tw_status plan_kept(const tw_runner *r, layout *l) {
    bool trains = r->options.trains;
    for (int i = 1; i < r->net->op_count; i++) {
        const tw_op *op = &r->net->ops[i];
        tw_status status;
        if (op->layer->kept_bytes &&
            (status = op->layer->kept_bytes(op, r->options.batch, r->size, trains, &l->kept[i])))
            return status;
        size_t bytes = 0;
        if (trains && op->readers > 1 && (status = tw_sharing_value_bytes(r, i, &bytes))) return status;
        if (bytes > l->scratch) l->scratch = bytes;
    }
    if (trains && r->net->ops[0].readers > 1) {
        size_t bytes = 0;
        tw_status status = tw_sharing_value_bytes(r, 0, &bytes);
        if (status) return status;
        if (bytes > l->scratch) l->scratch = bytes;
    }
    return trains ? (tw_bytes(r->options.batch, sizeof(double), &l->losses)
                         ? TW_OK
                         : tw_fail(TW_ERROR_OVERFLOW, "batch: more bytes than 63 bits can count"))
                  : TW_OK;
}

static tw_status reserve(size_t *total, size_t bytes) {
    /* 2^40 is no size at all where addresses have 32 bits */
    size_t line = TW_ALIGNMENT, most = (size_t)tw_min(INT64_C(1) << TW_MOST_RUNNER_LOG2, PTRDIFF_MAX);
    if (bytes > most || *total > most - bytes)
        return tw_fail(TW_ERROR_LIMIT,
                       "the network's values need more than %zu bytes; expected a smaller input, "
                       "batch or network",
                       most);
    *total += (bytes + line - 1) / line * line;
    return TW_OK;
}

static tw_status sum_up(const tw_runner *r, layout *l) {
    tw_status status = reserve(&l->total, l->sharing.values_bytes);
    if (!status) status = reserve(&l->total, l->sharing.gradients_bytes);
    for (int i = 1; i < r->net->op_count && !status; i++) status = reserve(&l->total, l->kept[i]);
    if (!status) status = reserve(&l->total, l->scratch);
    if (!status) status = reserve(&l->total, l->losses);
    return status;
}

static tw_status plan_memory(tw_runner *r, layout *l) {
    l->kept = tw_alloc_zero(r->net->op_count, sizeof *l->kept);
    if (!l->kept) return TW_ERROR_MEMORY;
    tw_status status;
    if ((status = tw_sharing_plan(r, &l->sharing)) || (status = plan_kept(r, l))) return status;
    return sum_up(r, l);
}

static void free_layout(layout *l) {
    tw_sharing_free(&l->sharing);
    tw_free(l->kept);
}

static void *take(char **at, size_t bytes) {
    void *block = bytes ? *at : NULL;
    *at += (bytes + TW_ALIGNMENT - 1) / TW_ALIGNMENT * TW_ALIGNMENT;
    return block;
}

static tw_status allocate(tw_runner *r, const layout *l) {
    r->arena_bytes = l->total;
    tw_status status = reserve(&r->arena_bytes, r->workspace_bytes);
    if (status) return status;
    r->arena = tw_alloc_untouched(r->arena_bytes);
    if (!r->arena) return TW_ERROR_MEMORY;
    const tw_sharing *s = &l->sharing;
    char *at = r->arena, *values = take(&at, s->values_bytes), *gradients = take(&at, s->gradients_bytes);
    for (int i = 1; i < r->net->op_count; i++) {
        r->stages[i].value = values + s->values[s->value[i]].offset;
        r->stages[i].gradient = gradients ? gradients + s->gradients[s->gradient[i]].offset : NULL;
        r->stages[i].kept = take(&at, l->kept[i]);
    }
    r->scratch = take(&at, l->scratch);
    r->losses = take(&at, l->losses);
    r->workspace = take(&at, r->workspace_bytes);
    return TW_OK;
}

/* ---- Plans ---- */

static tw_status make_plans(tw_runner *r) {
    tw_conv_options options = tw_conv_options_defaults();
    options.type = r->options.type;
    options.accuracy = r->options.accuracy;
    options.isa = r->options.isa;
    options.threads = r->threads;
    options.lends_workspace = true;
    for (int i = 1; i < r->net->op_count; i++) {
        const tw_op *op = &r->net->ops[i];
        if (!op->layer->plans) continue;
        tw_geometry g = op->shape.geometry;
        g.batch = r->options.batch;
        tw_status status = tw_conv_create(&r->stages[i].plan, &g, &options);
        if (status) return tw_fail_within(status, "operator %d ('%s'): ", i, r->net->nodes[i].text);
        for (int pass = 0; pass < (r->options.trains ? TW_PASSES : 1); pass++) {
            size_t bytes = tw_conv_workspace(r->stages[i].plan, (tw_pass)pass, r->threads);
            if (bytes > r->workspace_bytes) r->workspace_bytes = bytes;
        }
    }
    return TW_OK;
}

static tw_status choose_sweeps(tw_runner *r) {
    const char *isa = r->options.isa;
    const tw_kernel *kernel = isa ? tw_kernel_find(isa) : tw_kernel_default();
    if (!kernel)
        return tw_fail(TW_ERROR_ARGUMENT, "isa is \"%s\"; expected a name of tw_machine_isas()", isa);
    if (!tw_cpu_has(kernel->needs))
        return tw_fail(TW_ERROR_UNSUPPORTED, "isa is \"%s\": this machine or build lacks it", isa);
    r->sweeps = kernel->sweeps[r->options.type];
    return TW_OK;
}

/* What step.c's images_at_once must know. */
static void measure(tw_runner *r, const layout *l) {
    r->image_bytes = (double)l->sharing.values_bytes / (double)r->options.batch;
    for (int i = 1; i < r->net->op_count; i++)
        r->image_moved += 2 * (double)r->net->ops[i].extent.count * (double)r->size;
}

static tw_status build(tw_runner *r) {
    layout l = {0};
    tw_status status = choose_sweeps(r);
    if (!status) status = check_loss(r);
    if (!status) status = plan_memory(r, &l);
    if (!status) status = make_plans(r);
    if (!status) status = allocate(r, &l);
    if (!status) measure(r, &l);
    free_layout(&l);
    return status;
}

tw_status tw_runner_create(tw_runner **out, const tw_net *net, const tw_runner_options *options) {
    if (!out) return tw_fail(TW_ERROR_ARGUMENT, "runner is NULL");
    *out = NULL;
    if (!net) return tw_fail(TW_ERROR_ARGUMENT, "net is NULL");
    tw_runner_options defaults = tw_runner_options_defaults();
    if (!options) options = &defaults;
    tw_status status = check_options(options);
    if (status) return status;
    tw_runner *r = tw_alloc_zero(1, sizeof *r);
    if (!r) return TW_ERROR_MEMORY;
    r->net = net;
    r->options = *options;
    r->loss = options->loss ? options->loss : tw_net_loss(net);
    r->size = tw_type_size(options->type);
    r->threads = tw_threads_clamp(options->threads);
    r->stages = tw_alloc_zero(net->op_count, sizeof *r->stages);
    status = r->stages ? build(r) : TW_ERROR_MEMORY;
    if (status)
        tw_runner_free(r);
    else
        *out = r;
    return status;
}

void tw_runner_free(tw_runner *r) {
    if (!r) return;
    for (int i = 0; r->stages && i < r->net->op_count; i++) tw_conv_free(r->stages[i].plan);
    tw_frozen_free(r->frozen);
    tw_free_untouched(r->arena, r->arena_bytes);
    tw_free(r->stages);
    tw_free(r);
}

size_t tw_runner_bytes(const tw_runner *r) {
    size_t frozen = r->frozen ? r->frozen->bytes + (size_t)r->net->op_count * sizeof *r->frozen->ops : 0;
    return r->arena_bytes + sizeof *r + (size_t)r->net->op_count * sizeof *r->stages + frozen;
}

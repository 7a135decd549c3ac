/* Running a plan: the tensors of a call are checked (NULL, alignment, overlap by byte ranges), mapped to the
 * base convolution, the workspace is found or waited for, and the pass's algorithm runs. Nothing is allocated
 * and nothing is written before every check has passed. */
#include <stdint.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "conv/bias.h"
#include "conv/plan.h"

/* One tensor or buffer of a call. */
typedef struct range {
    const char *name;
    const void *at;
    int64_t bytes;
    bool written;  /* else read */
    bool optional; /* NULL: absent */
    bool typed;    /* numbers of the plan's type, aligned so; else any bytes */
} range;

enum { MOST_RANGES = 6 };

static bool overlap(const range *a, const range *b) {
    uintptr_t p = (uintptr_t)a->at, q = (uintptr_t)b->at;
    return a->at && b->at && a->bytes > 0 && b->bytes > 0 &&
           (p < q ? q - p < (uintptr_t)a->bytes : p - q < (uintptr_t)b->bytes);
}

static tw_status check_ranges(const range *ranges, int count, size_t alignment) {
    for (int i = 0; i < count; i++) {
        const range *r = &ranges[i];
        if (!r->at && !r->optional && r->bytes > 0)
            return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL; expected %lld bytes", r->name,
                           (long long)r->bytes);
        if (r->typed && (uintptr_t)r->at % alignment != 0)
            return tw_fail(TW_ERROR_ARGUMENT, "%s is at %p; expected an address aligned to %zu bytes",
                           r->name, r->at, alignment);
        for (int j = 0; j < i; j++)
            if ((r->written || ranges[j].written) && overlap(r, &ranges[j]))
                return tw_fail(TW_ERROR_ALIAS, "%s overlaps %s", r->name, ranges[j].name);
    }
    return TW_OK;
}

/* The tensors that the pass uses, in the user's terms. */
static int list_ranges(const tw_conv *plan, const tw_conv_call *c, range *ranges) {
    const tw_geometry_sizes *sizes = &plan->sizes;
    int64_t size = (int64_t)tw_type_size(plan->problem.type), packed = plan->passes[c->pass].packed;
    range x = {"x", c->x, sizes->x * size, .typed = true}, w = {"w", c->w, sizes->w * size, .typed = true};
    range b = {"b", c->b, sizes->b * size, .optional = true, .typed = true};
    range y = {"y", c->y, sizes->y * size, .written = true, .typed = true};
    range dy = {"dy", c->dy, sizes->y * size, .typed = true};
    range dx = {"dx", c->dx, sizes->x * size, .written = true, .typed = true};
    range dw = {"dw", c->dw, sizes->w * size, .written = true, .typed = true};
    range db = {"db", c->db, sizes->b * size, .written = true, .optional = true, .typed = true};
    range workspace = {"workspace", c->workspace,
                       (int64_t)tw_min((int64_t)(c->workspace_bytes / 2), INT64_MAX / 2) * 2, .written = true,
                       .optional = true};
    if (c->packed_w && packed > 0)
        w = (range){.name = "packed_w", .at = c->packed_w, .bytes = packed, .typed = true};
    range lists[TW_PASSES][MOST_RANGES] = {[TW_FORWARD] = {x, w, b, y, workspace},
                                           [TW_BACKWARD_DATA] = {dy, w, dx, workspace},
                                           [TW_BACKWARD_WEIGHTS] = {x, dy, dw, db, workspace}};
    static const int counts[TW_PASSES] = {5, 4, 5};
    memcpy(ranges, lists[c->pass], sizeof lists[c->pass]);
    return counts[c->pass];
}

static tw_status check_call(const tw_conv *plan, const tw_conv_call *c) {
    if (!plan) return tw_fail(TW_ERROR_ARGUMENT, "plan is NULL");
    if (!c) return tw_fail(TW_ERROR_ARGUMENT, "call is NULL");
    if ((unsigned)c->pass >= TW_PASSES)
        return tw_fail(TW_ERROR_ARGUMENT, "pass is %d; expected forward, backward-data or backward-weights",
                       (int)c->pass);
    if (c->pass == TW_FORWARD && (unsigned)c->ramp > TW_RELU6)
        return tw_fail(TW_ERROR_ARGUMENT, "ramp is %d; expected none, relu or relu6", (int)c->ramp);
    if (c->threads < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "threads is %d; expected 0 (as planned) or at least 1", c->threads);
    if (c->batch < 0 || c->batch > plan->problem.shape.batch)
        return tw_fail(TW_ERROR_ARGUMENT, "batch is %lld; expected 0 (as planned) to %lld",
                       (long long)c->batch, (long long)plan->problem.shape.batch);
    range ranges[MOST_RANGES];
    int count = list_ranges(plan, c, ranges);
    return check_ranges(ranges, count, tw_type_size(plan->problem.type));
}

/* As many threads as are asked for and planned, or where nothing is asked for as there is work for, and as
 * the workspace is large enough for. */
static tw_status fit_threads(const tw_conv *plan, const tw_conv_call *c, int *threads) {
    const int most = plan->problem.threads;
    const int64_t batch = c->batch ? c->batch : plan->problem.shape.batch;
    *threads = c->threads == 0     ? tw_plan_worth_threads(plan, c->pass, batch, most)
               : c->threads < most ? c->threads
                                   : most;
    const size_t wanted = plan->passes[c->pass].one;
    if (wanted == 0 || (!c->workspace && !plan->lends_workspace)) return TW_OK;
    if (!c->workspace)
        return tw_fail(TW_ERROR_ARGUMENT, "workspace is NULL; this plan owns none: expected %zu bytes",
                       wanted);
    if (c->workspace_bytes < wanted)
        return tw_fail(TW_ERROR_ARGUMENT, "workspace_bytes is %zu; expected at least %zu", c->workspace_bytes,
                       wanted);
    *threads = tw_plan_fit_threads(plan, c->pass, *threads, c->workspace_bytes);
    return TW_OK;
}

static void *aligned(void *at) {
    return (char *)at + (TW_ALIGNMENT - (uintptr_t)at % TW_ALIGNMENT) % TW_ALIGNMENT;
}

/* Whether the gradient of the bias comes with the weights': a transposed convolution's is a sum of the base's
 * x, and without images nothing runs. */
static bool sums_bias(const tw_conv *plan) {
    const tw_shape *s = &plan->problem.shape;
    return plan->passes[TW_BACKWARD_WEIGHTS].algorithm->sums_dy && !s->geometry.transposed && s->batch > 0;
}

/* The call in the base's terms: a transposed convolution reads and writes the other side. */
static tw_job base_job(const tw_conv *plan, const tw_conv_call *c, int threads) {
    const tw_pass_plan *p = &plan->passes[c->pass];
    bool swap = plan->problem.shape.geometry.transposed;
    tw_job job = {
        .problem = &plan->problem, .pass = p->base, .state = p->state, .w = c->w, .threads = threads};
    switch (c->pass) {
    case TW_FORWARD:
        *(swap ? &job.dy : &job.x) = c->x;
        *(swap ? &job.dx : &job.y) = c->y;
        job.bias = c->b;
        break;
    case TW_BACKWARD_DATA:
        *(swap ? &job.x : &job.dy) = c->dy;
        *(swap ? &job.y : &job.dx) = c->dx;
        break;
    default:
        job.x = swap ? c->dy : c->x;
        job.dy = swap ? c->x : c->dy;
        job.dw = c->dw;
        if (sums_bias(plan)) job.db = c->db;
    }
    return job;
}

/* A NaN or an infinity of dy stays in the sum of its channel: where all sums, just made, are finite, so is
 * dy, and need not be read once more. */
static bool finite_sums(const tw_conv *plan, const tw_conv_call *c) {
    const tw_shape *s = &plan->problem.shape;
    if (c->pass != TW_BACKWARD_WEIGHTS || !c->db || sums_bias(plan) || s->geometry.transposed) return false;
    return plan->problem.loops->all_finite(c->db, s->out_channels);
}

/* An activation over all of y. */
typedef struct ramp_work {
    const tw_sweeps *sweeps;
    tw_ramp ramp;
    char *y;
    int64_t count;
    size_t size;
} ramp_work;

enum { RAMP_NUMBERS = 16384 }; /* of a task */

static void ramp_part(void *context, int64_t task, int worker) {
    (void)worker;
    const ramp_work *k = context;
    void *y = k->y + (size_t)(task * RAMP_NUMBERS) * k->size;
    const int64_t count = tw_min(RAMP_NUMBERS, k->count - task * RAMP_NUMBERS);
    (k->ramp == TW_RELU6 ? k->sweeps->relu6 : k->sweeps->relu)(count, 0, y, y);
}

static void ramp_all(const tw_conv *plan, const tw_conv_call *c, int threads) {
    const tw_problem *problem = &plan->problem;
    ramp_work k = {.sweeps = problem->kernel->sweeps[problem->type],
                   .ramp = c->ramp,
                   .y = c->y,
                   .count = plan->sizes.y,
                   .size = tw_type_size(problem->type)};
    tw_parallel(threads, tw_ceil_div(k.count, RAMP_NUMBERS), ramp_part, &k);
}

static void run(const tw_conv *plan, const tw_conv_call *c, void *workspace, int threads) {
    const tw_pass_plan *p = &plan->passes[c->pass];
    const bool wanted = c->pass == TW_FORWARD && c->ramp != TW_NO_RAMP;
    const bool at_once =
        wanted && p->algorithm->ramps && p->algorithm->ramps(&plan->problem, p->base, p->state);
    tw_job job = base_job(plan, c, threads);
    if (at_once) job.ramp = c->ramp;
    job.dy_finite = finite_sums(plan, c);
    if (workspace) workspace = aligned(workspace);
    job.workspace = workspace;
    job.packed = c->packed_w;
    if (p->packs > 0 && !c->packed_w) {
        p->algorithm->pack(&plan->problem, p->base, p->state, c->w, workspace, threads);
        job.packed = workspace;
        job.workspace = (char *)workspace + tw_round_up(p->packs, TW_ALIGNMENT);
    }
    p->algorithm->run(&job);
    if (wanted && !at_once) ramp_all(plan, c, threads);
}

/* The same plan for the first images of the batch alone: what an algorithm prepared does not know the batch.
 * A copy of its numbers; the lock stays with the original. */
static void shrink(const tw_conv *plan, int64_t batch, tw_conv *smaller) {
    memcpy(smaller, plan, sizeof *smaller);
    tw_shape *s = &smaller->problem.shape;
    s->geometry.batch = s->batch = batch;
    s->in_count = s->in_image * batch;
    s->out_count = s->out_image * batch;
    bool swap = s->geometry.transposed;
    smaller->sizes.x = swap ? s->out_count : s->in_count;
    smaller->sizes.y = swap ? s->in_count : s->out_count;
}

tw_status tw_conv_execute(const tw_conv *plan, const tw_conv_call *c) {
    tw_conv smaller;
    const tw_conv *whole = plan;
    if (plan && c && c->batch > 0 && c->batch < plan->problem.shape.batch) {
        shrink(plan, c->batch, &smaller);
        plan = &smaller;
    }
    int threads;
    tw_status status = check_call(plan, c);
    if (status || (status = fit_threads(plan, c, &threads))) return status;
    size_t size = tw_type_size(plan->problem.type);
    if (c->pass == TW_BACKWARD_WEIGHTS && c->db && !sums_bias(plan))
        tw_bias_gradient(&plan->problem, c->dy, c->db, threads);
    if (plan->problem.shape.batch == 0) {
        if (c->pass == TW_BACKWARD_WEIGHTS) memset(c->dw, 0, (size_t)plan->sizes.w * size);
        return TW_OK;
    }
    pthread_mutex_t *turn = c->workspace || !plan->workspace ? NULL : (pthread_mutex_t *)&whole->turn;
    if (turn) pthread_mutex_lock(turn);
    run(plan, c, c->workspace ? c->workspace : plan->workspace, threads);
    if (turn) pthread_mutex_unlock(turn);
    return TW_OK;
}

static tw_status run_own(const tw_conv *plan, const tw_conv_call *c) {
    if (plan && plan->lends_workspace)
        return tw_fail(TW_ERROR_ARGUMENT,
                       "lends_workspace was set: expected tw_conv_execute with a workspace");
    return tw_conv_execute(plan, c);
}

tw_status tw_conv_forward(const tw_conv *plan, const void *x, const void *w, const void *b, void *y) {
    return run_own(plan, &(tw_conv_call){.pass = TW_FORWARD, .x = x, .w = w, .b = b, .y = y});
}

tw_status tw_conv_backward_data(const tw_conv *plan, const void *dy, const void *w, void *dx) {
    return run_own(plan, &(tw_conv_call){.pass = TW_BACKWARD_DATA, .dy = dy, .w = w, .dx = dx});
}

tw_status tw_conv_backward_weights(const tw_conv *plan, const void *x, const void *dy, void *dw, void *db) {
    return run_own(plan, &(tw_conv_call){.pass = TW_BACKWARD_WEIGHTS, .x = x, .dy = dy, .dw = dw, .db = db});
}

size_t tw_conv_packed_bytes(const tw_conv *plan, tw_pass pass) {
    return plan && (unsigned)pass < TW_PASSES ? (size_t)plan->passes[pass].packed : 0;
}

tw_status tw_conv_pack(const tw_conv *plan, tw_pass pass, const void *w, void *packed) {
    if (!plan) return tw_fail(TW_ERROR_ARGUMENT, "plan is NULL");
    if ((unsigned)pass >= TW_PASSES)
        return tw_fail(TW_ERROR_ARGUMENT, "pass is %d; expected forward, backward-data or backward-weights",
                       (int)pass);
    const tw_pass_plan *p = &plan->passes[pass];
    if (p->packed == 0)
        return tw_fail(TW_ERROR_UNSUPPORTED, "algorithm \"%s\" has no packed weights for the %s pass",
                       p->algorithm->name, tw_pass_name(pass));
    size_t size = tw_type_size(plan->problem.type);
    range ranges[] = {{"w", w, plan->sizes.w * (int64_t)size, .typed = true},
                      {"packed", packed, p->packed, .written = true, .typed = true}};
    tw_status status = check_ranges(ranges, 2, size);
    if (status) return status;
    p->algorithm->pack(&plan->problem, p->base, p->state, w, packed, plan->problem.threads);
    return TW_OK;
}

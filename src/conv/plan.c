/* Making a plan: options checked, an algorithm chosen for each pass, tables and workspace made. Takes
 * microseconds: nothing is timed. Immutable afterwards but for its own workspace, which a mutex guards. */
#include "conv/plan.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"

const char *tw_pass_name(tw_pass pass) {
    static const char *const names[TW_PASSES] = {"forward", "backward-data", "backward-weights"};
    return (unsigned)pass < TW_PASSES ? names[pass] : "unknown";
}

tw_conv_options tw_conv_options_defaults(void) {
    return (tw_conv_options){.struct_size = sizeof(tw_conv_options)};
}

tw_pass tw_plan_base_pass(const tw_shape *shape, tw_pass pass) {
    if (!shape->geometry.transposed || pass == TW_BACKWARD_WEIGHTS) return pass;
    return pass == TW_FORWARD ? TW_BACKWARD_DATA : TW_FORWARD;
}

/* The kernel that the options name. The four names are known to every build: one that is missing here is not
 * offered, any other is a mistake. */
static tw_status choose_kernel(const char *isa, const tw_kernel **kernel) {
    static const char *const known[] = {"scalar", "avx2", "avx512", "neon"};
    *kernel = isa ? tw_kernel_find(isa) : tw_kernel_default();
    if (*kernel && tw_cpu_has((*kernel)->needs)) return TW_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(isa, known[i]) == 0)
            return tw_fail(TW_ERROR_UNSUPPORTED, "isa is \"%s\": this machine or build lacks it", isa);
    return tw_fail(TW_ERROR_ARGUMENT, "isa is \"%s\"; expected scalar, avx2, avx512 or neon", isa);
}

static tw_status check_options(const tw_conv_options *o) {
    if (o->struct_size != sizeof *o)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; this library knows a tw_conv_options of %zu bytes",
                       o->struct_size, sizeof *o);
    if (tw_type_size(o->type) == 0)
        return tw_fail(TW_ERROR_ARGUMENT, "type is %d; expected f32 or f64", (int)o->type);
    if ((unsigned)o->accuracy > TW_STRICT)
        return tw_fail(TW_ERROR_ARGUMENT, "accuracy is %d; expected fast or strict", (int)o->accuracy);
    if (o->threads < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "threads is %d; expected 0 (all) or at least 1", o->threads);
    if (o->algorithm && tw_algorithm_find(o->algorithm) < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "algorithm is \"%s\"; expected a name of tw_conv_algorithms()",
                       o->algorithm);
    return TW_OK;
}

/* The least cost among those that do not decline; of equals the first. NULL: only the last resort is left,
 * which has to be asked for. */
static const tw_algorithm *cheapest(const tw_problem *problem, tw_pass base) {
    const tw_algorithm *best = NULL;
    double least = 0;
    for (size_t i = 0; i < tw_algorithm_count; i++) {
        const tw_algorithm *a = tw_algorithm_list[i];
        if (a->declines(problem, base)) continue;
        double cost = a->cost(problem, base);
        if (!isinf(cost) && (!best || cost < least)) best = a, least = cost;
    }
    return best;
}

/* The algorithm that was asked for does the passes that it does not decline. */
static tw_status choose(const tw_problem *problem, const tw_algorithm *forced, tw_pass pass,
                        tw_pass_plan *p) {
    p->base = tw_plan_base_pass(&problem->shape, pass);
    if (forced && !forced->declines(problem, p->base)) {
        p->algorithm = forced;
        p->reason = "asked for by name";
        return TW_OK;
    }
    p->algorithm = cheapest(problem, p->base);
    if (!p->algorithm)
        return tw_fail(TW_ERROR_UNSUPPORTED,
                       "no algorithm takes the %s pass but \"reference\", which must be named; direct: %s",
                       tw_pass_name(pass),
                       tw_algorithm_list[tw_algorithm_find("direct")]->declines(problem, p->base));
    p->reason = forced ? "the algorithm that was asked for declines this pass" : p->algorithm->reason;
    return TW_OK;
}

/* Sets *forced (NULL: none is named), or fails when it would do none of the passes. */
static tw_status find_forced(const tw_problem *problem, const char *name, const tw_algorithm **forced) {
    *forced = name ? tw_algorithm_list[tw_algorithm_find(name)] : NULL;
    if (!name) return TW_OK;
    const char *why = NULL;
    for (int pass = TW_PASSES - 1; pass >= 0; pass--) {
        why = (*forced)->declines(problem, tw_plan_base_pass(&problem->shape, (tw_pass)pass));
        if (!why) return TW_OK;
    }
    return tw_fail(TW_ERROR_UNSUPPORTED, "algorithm \"%s\" declines every pass; forward: %s", name, why);
}

static tw_status prepare(const tw_problem *problem, tw_pass_plan *p) {
    const tw_algorithm *a = p->algorithm;
    p->cost = a->cost(problem, p->base);
    if (a->prepare) {
        tw_status status = a->prepare(problem, p->base, &p->state);
        if (status) return status;
    }
    if (a->packed_bytes) p->packed = a->packed_bytes(problem, p->base, p->state);
    if (!a->reads_w || !a->reads_w(p->base, p->state)) p->packs = p->packed;
    return TW_OK;
}

/* Workspace of one pass for exactly so many threads, packed weights and the slack for alignment included; -1
 * when that is more than a size can say. */
static int64_t wanted(const tw_conv *plan, const tw_pass_plan *p, int threads) {
    int64_t own =
        p->algorithm->workspace ? p->algorithm->workspace(&plan->problem, p->base, p->state, threads) : 0;
    if (own == 0 && p->packs == 0) return 0;
    bool counted = tw_add(own, p->packs, &own) && tw_add(own, 2 * TW_ALIGNMENT, &own);
    return counted && (uint64_t)own <= SIZE_MAX ? own : -1;
}

/* A call may have fewer threads than the plan, and an algorithm that shares its work otherwise then may need
 * more: what is asked for is the most of both. */
static tw_status count_workspace(tw_conv *plan, tw_pass pass) {
    tw_pass_plan *p = &plan->passes[pass];
    for (int t = 1; t <= plan->problem.threads; t++) {
        int64_t bytes = wanted(plan, p, t);
        if (bytes < 0)
            return tw_fail(TW_ERROR_OVERFLOW, "workspace of the %s pass: more bytes than can be counted",
                           tw_pass_name(pass));
        if (t == 1) p->one = (size_t)bytes;
        if ((size_t)bytes > p->all) p->all = (size_t)bytes;
    }
    return TW_OK;
}

size_t tw_conv_workspace(const tw_conv *plan, tw_pass pass, int threads) {
    if (!plan || (unsigned)pass >= TW_PASSES || threads < 0) return 0;
    const tw_pass_plan *p = &plan->passes[pass];
    if (threads == 0 || threads >= plan->problem.threads) return p->all;
    size_t most = p->one;
    for (int t = 2; t <= threads; t++) {
        size_t bytes = (size_t)wanted(plan, p, t);
        if (bytes > most) most = bytes;
    }
    return most;
}

int tw_plan_fit_threads(const tw_conv *plan, tw_pass pass, int threads, size_t bytes) {
    const tw_pass_plan *p = &plan->passes[pass];
    if (bytes >= p->all) return threads;
    int fit = 1;
    while (fit < threads && (size_t)wanted(plan, p, fit + 1) <= bytes) ++fit;
    return fit;
}

static tw_status make_workspace(tw_conv *plan) {
    size_t most = 0;
    for (int pass = 0; pass < TW_PASSES; pass++) {
        tw_status status = count_workspace(plan, (tw_pass)pass);
        if (status) return status;
        if (plan->passes[pass].all > most) most = plan->passes[pass].all;
    }
    if (most == 0 || plan->lends_workspace) return TW_OK;
    plan->workspace = tw_alloc_untouched(most);
    plan->workspace_bytes = most;
    return plan->workspace ? TW_OK : TW_ERROR_MEMORY;
}

static tw_status fill(tw_conv *plan, const tw_geometry *geometry, const tw_conv_options *o) {
    tw_problem *problem = &plan->problem;
    tw_status status = tw_shape_create(&problem->shape, geometry);
    if (status || (status = tw_geometry_count(geometry, &plan->sizes)) || (status = check_options(o)) ||
        (status = choose_kernel(o->isa, &problem->kernel)))
        return status;
    problem->type = o->type;
    problem->accuracy = o->accuracy;
    problem->loops = problem->kernel->loops[o->type];
    problem->threads = tw_threads_clamp(o->threads);
    plan->lends_workspace = o->lends_workspace;
    const tw_algorithm *forced;
    if ((status = find_forced(problem, o->algorithm, &forced))) return status;
    for (int pass = 0; pass < TW_PASSES; pass++) {
        tw_pass_plan *p = &plan->passes[pass];
        if ((status = choose(problem, forced, (tw_pass)pass, p)) || (status = prepare(problem, p)))
            return status;
    }
    return make_workspace(plan);
}

tw_status tw_conv_create(tw_conv **out, const tw_geometry *geometry, const tw_conv_options *options) {
    if (!out) return tw_fail(TW_ERROR_ARGUMENT, "plan is NULL");
    *out = NULL;
    tw_conv *plan = tw_alloc_zero(1, sizeof *plan);
    if (!plan) return TW_ERROR_MEMORY;
    tw_conv_options defaults = tw_conv_options_defaults();
    pthread_mutex_init(&plan->turn, NULL);
    tw_status status = fill(plan, geometry, options ? options : &defaults);
    if (status)
        tw_conv_free(plan);
    else
        *out = plan;
    return status;
}

void tw_conv_free(tw_conv *plan) {
    if (!plan) return;
    for (int pass = 0; pass < TW_PASSES; pass++) {
        const tw_pass_plan *p = &plan->passes[pass];
        if (p->state) p->algorithm->release(p->state);
    }
    pthread_mutex_destroy(&plan->turn);
    tw_free_untouched(plan->workspace, plan->workspace_bytes);
    tw_free(plan);
}

/* To wake another thread, and to take the lines that it wrote, costs one or two microseconds. */
int tw_plan_worth_threads(const tw_conv *plan, tw_pass pass, int64_t batch, int most) {
    enum { WORTH = 8000 }; /* multiply-adds of whole vectors, for each */
    double work = plan->passes[pass].cost * (double)batch / plan->problem.loops->lanes;
    return work < (double)WORTH * most ? (int)tw_max(1, (int64_t)(work / WORTH)) : most;
}

tw_status tw_conv_describe(const tw_conv *plan, tw_pass pass, tw_conv_description *description) {
    if (!description) return tw_fail(TW_ERROR_ARGUMENT, "description is NULL");
    *description = (tw_conv_description){0};
    if (!plan) return tw_fail(TW_ERROR_ARGUMENT, "plan is NULL");
    if ((unsigned)pass >= TW_PASSES)
        return tw_fail(TW_ERROR_ARGUMENT, "pass is %d; expected forward, backward-data or backward-weights",
                       (int)pass);
    description->algorithm = plan->passes[pass].algorithm->name;
    description->reason = plan->passes[pass].reason;
    description->isa = plan->problem.kernel->name;
    description->workspace_bytes = tw_conv_workspace(plan, pass, 0);
    description->threads =
        tw_plan_worth_threads(plan, pass, plan->problem.shape.batch, plan->problem.threads);
    description->taps = plan->sizes.taps * plan->problem.shape.batch;
    return TW_OK;
}

const char *tw_conv_declines(const tw_conv *plan, tw_pass pass, const char *algorithm) {
    int i = algorithm ? tw_algorithm_find(algorithm) : -1;
    if (!plan || (unsigned)pass >= TW_PASSES || i < 0) return "no such plan, pass or algorithm";
    return tw_algorithm_list[i]->declines(&plan->problem, plan->passes[pass].base);
}

double tw_conv_cost(const tw_conv *plan, tw_pass pass, const char *algorithm) {
    if (tw_conv_declines(plan, pass, algorithm)) return NAN;
    return tw_algorithm_list[tw_algorithm_find(algorithm)]->cost(&plan->problem, plan->passes[pass].base);
}

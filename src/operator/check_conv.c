/* The proof of the convolution: random geometries, each computed by every algorithm and by the plan's own
 * choice, on every instruction set of this machine, on one thread and several, in f32 and f64, all passes;
 * held against the matrix (conv_problem.h). Direct sums of whole numbers must equal it with ==; algorithms
 * that multiply transformed numbers must keep their bound. And all runs of one algorithm must give the same
 * bits. */
#include <twill/check.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <twill/conv.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "operator/conv_problem.h"
#include "operator/random_geometry.h"

enum {
    USUAL_PRODUCTS = 20000, /* of a geometry, and of every LARGE-th one */
    LARGE_PRODUCTS = 400000,
    LARGE = 8,
    DIRECT_BOUND = 16 /* of sums too large to be exact, as conv.h promises */
};

/* Algorithms that round also whole numbers, and what conv.h promises of them: |error| <= c * 2^-24 * weight
 * (2^-53 in f64). */
static const struct {
    const char *name;
    double bound;
} inexact[] = {{"winograd-2x2", 8}, {"winograd-4x4", 128}};

static double bound_of(const char *algorithm) {
    for (size_t i = 0; i < sizeof inexact / sizeof *inexact; i++)
        if (strcmp(algorithm, inexact[i].name) == 0) return inexact[i].bound;
    return 0;
}

/* What one plan is made with. */
typedef struct variant {
    const char *algorithm; /* NULL: the plan's choice */
    const char *isa;
    tw_type type;
    int threads;
} variant;

typedef struct checker {
    const tw_check_options *options;
    tw_check_result *result;
    tw_conv_problem problem;
    char subject[512];
    int threads;
    bool stopped;
    /* What the first variant of an algorithm and type gave, for the bits; `known` where it is set. */
    void *first[TW_CONV_TENSORS];
    bool known[TW_CONV_TENSORS];
} checker;

/* How one tensor compares with the matrix. */
typedef struct verdict {
    bool failed;
    double error, bound;
    char why[160];
} verdict;

static double element(tw_type type, const void *values, int64_t i) {
    return type == TW_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* What element i may be off. */
static double allowed(const checker *c, tw_conv_tensor t, int64_t i, tw_type type, double bound) {
    double weight = c->problem.weight[t][i], unit = type == TW_F32 ? 0x1p-24 : 0x1p-53;
    if (bound == 0 && weight <= 1 / unit) return 0;
    return fmax(bound, DIRECT_BOUND) * unit * weight;
}

static void compare(const checker *c, tw_conv_tensor t, tw_type type, const void *got, double bound,
                    verdict *v) {
    for (int64_t i = 0; i < c->problem.count[t]; i++) {
        double expected = c->problem.value[t][i], value = element(type, got, i);
        double most = allowed(c, t, i, type, bound), difference = fabs(value - expected);
        double error = most > 0 ? difference / most : difference;
        if (most > 0) v->bound = 1;
        bool out = !(difference <= most); /* also NaN */
        if (out && !v->failed)
            snprintf(v->why, sizeof v->why, ": %s[%lld] is %.9g, by the matrix %.9g", tw_conv_tensor_name(t),
                     (long long)i, value, expected);
        v->failed = v->failed || out;
        v->error = out && isnan(error) ? INFINITY : fmax(v->error, error);
    }
}

/* The first result of its kind is kept, the others must have its bits. */
static void compare_bits(checker *c, tw_conv_tensor t, tw_type type, const void *got, verdict *v) {
    size_t bytes = (size_t)c->problem.count[t] * tw_type_size(type);
    if (!c->known[t]) {
        memcpy(c->first[t], got, bytes);
        c->known[t] = true;
    } else if (!v->failed && memcmp(c->first[t], got, bytes) != 0) {
        v->failed = true;
        v->error = INFINITY;
        snprintf(v->why, sizeof v->why, ": the bits of %s differ from those of the first run",
                 tw_conv_tensor_name(t));
    }
}

static void report(checker *c, const variant *how, tw_pass pass, const char *algorithm, const verdict *v) {
    char text[320];
    snprintf(text, sizeof text, "%s%s %s %s %s threads %d%s", how->algorithm ? "" : "chosen ", algorithm,
             how->isa, how->type == TW_F32 ? "f32" : "f64", tw_pass_name(pass), how->threads, v->why);
    c->result->checked++;
    c->result->failed += v->failed;
    c->result->largest_error = fmax(c->result->largest_error, v->error);
    const tw_check_line line = {.subject = c->subject,
                                .variant = text,
                                .largest_error = v->error,
                                .bound = v->bound,
                                .failed = v->failed};
    if (c->options->report && !c->options->report(c->options->context, &line)) c->stopped = true;
}

/* The tensors that a pass writes. */
static const struct {
    int count;
    tw_conv_tensor tensors[2];
} written[TW_PASSES] = {[TW_FORWARD] = {1, {TW_CONV_Y}},
                        [TW_BACKWARD_DATA] = {1, {TW_CONV_DX}},
                        [TW_BACKWARD_WEIGHTS] = {2, {TW_CONV_DW, TW_CONV_DB}}};

/* One pass into `out`, which holds rubbish before. */
static tw_status run(const checker *c, const tw_conv *plan, tw_pass pass, const variant *how,
                     void *const out[]) {
    void *const *in = c->problem.typed[how->type];
    for (int i = 0; i < written[pass].count; i++) {
        tw_conv_tensor t = written[pass].tensors[i];
        memset(out[t], 0xff, (size_t)c->problem.count[t] * tw_type_size(how->type)); /* NaNs */
    }
    const tw_conv_call call = {.pass = pass,
                               .x = in[TW_CONV_X],
                               .w = in[TW_CONV_W],
                               .b = in[TW_CONV_B],
                               .dy = in[TW_CONV_DY],
                               .y = out[TW_CONV_Y],
                               .dx = out[TW_CONV_DX],
                               .dw = out[TW_CONV_DW],
                               .db = out[TW_CONV_DB],
                               .threads = how->threads}; /* however little there is to share */
    return tw_conv_execute(plan, &call);
}

static tw_status check_plan(checker *c, const tw_conv *plan, const variant *how, void *const out[]) {
    for (int i = 0; i < TW_PASSES && !c->stopped; i++) {
        tw_pass pass = (tw_pass)i;
        tw_conv_description description;
        tw_status status = tw_conv_describe(plan, pass, &description);
        if (status) return status;
        if (how->algorithm && strcmp(description.algorithm, how->algorithm) != 0)
            continue; /* declines this pass */
        if ((status = run(c, plan, pass, how, out))) return status;
        verdict v = {.why = ""};
        for (int k = 0; k < written[pass].count; k++) {
            tw_conv_tensor t = written[pass].tensors[k];
            compare(c, t, how->type, out[t], bound_of(description.algorithm), &v);
            compare_bits(c, t, how->type, out[t], &v);
        }
        report(c, how, pass, description.algorithm, &v);
    }
    return TW_OK;
}

static tw_status check_variant(checker *c, const variant *how, void *const out[]) {
    tw_conv_options options = tw_conv_options_defaults();
    options.type = how->type;
    options.algorithm = how->algorithm;
    options.isa = how->isa;
    options.threads = how->threads;
    tw_conv *plan;
    tw_status status = tw_conv_create(&plan, &c->problem.geometry, &options);
    if (status == TW_ERROR_UNSUPPORTED && how->algorithm) {
        c->result->declined++;
        return TW_OK;
    }
    if (status) return status;
    status = check_plan(c, plan, how, out);
    tw_conv_free(plan);
    return status;
}

/* An algorithm in one type, on every instruction set and one and several threads: all must have the same
 * bits. */
static tw_status check_algorithm(checker *c, const char *algorithm, tw_type type, void *const out[]) {
    memset(c->known, 0, sizeof c->known);
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    int declined = (int)c->result->declined;
    for (size_t i = 0; i < isas; i++) {
        if (!isa[i].runs) continue;
        for (int several = 0; several < (c->threads > 1 ? 2 : 1); several++) {
            variant how = {algorithm, isa[i].name, type, several ? c->threads : 1};
            tw_status status = check_variant(c, &how, out);
            if (status || c->stopped || c->result->declined > declined) return status;
        }
    }
    return TW_OK;
}

static tw_status check_algorithms(checker *c, void *const out[]) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    for (tw_type type = TW_F32; type <= TW_F64; type++)
        for (size_t i = 0; i <= count && !c->stopped; i++) {
            tw_status status = check_algorithm(c, i < count ? names[i] : NULL, type, out);
            if (status) return status;
        }
    return TW_OK;
}

static tw_status check_problem(checker *c) {
    void *out[TW_CONV_TENSORS] = {0};
    bool enough = true;
    for (int t = TW_CONV_GIVEN; t < TW_CONV_TENSORS; t++) {
        out[t] = tw_alloc(c->problem.count[t], sizeof(double));
        c->first[t] = tw_alloc(c->problem.count[t], sizeof(double));
        enough = enough && out[t] && c->first[t];
    }
    tw_status status = enough ? check_algorithms(c, out) : TW_ERROR_MEMORY;
    for (int t = TW_CONV_GIVEN; t < TW_CONV_TENSORS; t++) {
        tw_free(out[t]);
        tw_free(c->first[t]);
    }
    return status;
}

static tw_status check_geometry(checker *c, const tw_geometry *geometry, uint64_t number) {
    tw_random values = tw_random_stream(c->options->seed, TW_RANDOM_CHECK, number, 1);
    tw_geometry_write(geometry, c->subject, sizeof c->subject);
    tw_status status = tw_conv_problem_create(&c->problem, geometry, &values);
    if (!status) status = check_problem(c);
    tw_conv_problem_free(&c->problem);
    return status ? tw_fail_within(status, "%s: ", c->subject) : TW_OK;
}

static tw_status check_random(checker *c) {
    for (int64_t i = 0; i < c->options->count && !c->stopped; i++) {
        tw_random random = tw_random_stream(c->options->seed, TW_RANDOM_CHECK, (uint64_t)i, 0);
        tw_geometry g = tw_geometry_random(&random, i % LARGE == LARGE - 1 ? LARGE_PRODUCTS : USUAL_PRODUCTS);
        tw_status status = check_geometry(c, &g, (uint64_t)i);
        if (status) return status;
    }
    return TW_OK;
}

tw_check_options tw_check_options_defaults(void) {
    return (tw_check_options){.struct_size = sizeof(tw_check_options), .count = 100, .seed = 1};
}

static tw_status validate(const tw_check_options *o) {
    if (o->struct_size != sizeof *o)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; this library knows a tw_check_options of %zu bytes",
                       o->struct_size, sizeof *o);
    if (o->count < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "count is %lld; expected at least 0", (long long)o->count);
    if (o->threads < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "threads is %d; expected 0 (all) or at least 1", o->threads);
    return TW_OK;
}

tw_status tw_check_conv(const tw_check_options *options, tw_check_result *result) {
    if (!result) return tw_fail(TW_ERROR_ARGUMENT, "result is NULL");
    *result = (tw_check_result){0};
    tw_check_options defaults = tw_check_options_defaults();
    checker c = {.options = options ? options : &defaults, .result = result};
    tw_geometry geometry;
    tw_status status = validate(c.options);
    if (!status && c.options->geometry) status = tw_geometry_read(&geometry, c.options->geometry);
    if (status) return status;
    c.threads = c.options->threads ? tw_threads_clamp(c.options->threads) : (int)tw_max(2, tw_threads());
    status = c.options->geometry ? check_geometry(&c, &geometry, 0) : check_random(&c);
    return !status && c.stopped ? TW_STOPPED : status;
}

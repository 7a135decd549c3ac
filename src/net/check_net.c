/* Every gradient of a network against central differences, in f64.
 *
 *     dL/dv ~ (8 (L(v + h) - L(v - h)) - (L(v + 2h) - L(v - 2h))) / (12 h)      (error of order h^4)
 *
 * relu and maxpool have kinks: across one the difference is no derivative. So each evaluation also numbers
 * the linear piece that it ran on (which relus are open, where each maximum stood), and h shrinks until all
 * four lie on the piece of v itself; an entry where none does is skipped and counted. Weights are the
 * network's starting values plus noise, so that no bias is zero and no two inputs tie; dropout draws one mask
 * for all.
 *
 * A tensor's error is the largest difference over the largest derivative of the tensor, which is taken as at
 * least FLOOR: a bias in front of a batch norm has derivative 0, and its differences are rounding alone. */
#include <twill/check.h>

#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/runner.h"

enum { IMAGES = 3, TRIES = 7 };
static const double BOUND = 1e-6, FLOOR = 1e-4, FIRST_STEP = 0x1p-11;

typedef struct check {
    const tw_net *net;
    const tw_check_options *options;
    tw_check_result *result;
    tw_runner *runner;
    double *weights, *gradient, *x, *dx, *targets;
    int32_t labels[IMAGES];
    uint64_t piece; /* that the unchanged values run on */
} check;

static void fill(double *values, int64_t count, double scale, tw_random *random) {
    for (int64_t i = 0; i < count; i++) values[i] += scale * (2 * tw_random_uniform(random) - 1);
}

static tw_status prepare(check *c) {
    int64_t weights = tw_net_weights(c->net), inputs = tw_net_inputs(c->net),
            outputs = tw_net_outputs(c->net);
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = IMAGES;
    options.trains = true;
    options.threads = c->options->threads;
    options.seed = c->options->seed;
    tw_status status = tw_runner_create(&c->runner, c->net, &options);
    if (status) return status;
    c->weights = tw_alloc_zero(weights, sizeof(double));
    c->gradient = tw_alloc_zero(weights, sizeof(double));
    c->x = tw_alloc_zero(inputs, IMAGES * sizeof(double));
    c->dx = tw_alloc_zero(inputs, IMAGES * sizeof(double));
    c->targets = tw_alloc_zero(outputs, IMAGES * sizeof(double));
    if (!c->weights || !c->gradient || !c->x || !c->dx || !c->targets) return TW_ERROR_MEMORY;
    if ((status = tw_net_initialise(c->net, c->options->seed, TW_F64, c->weights))) return status;
    tw_random random = tw_random_stream(c->options->seed, TW_RANDOM_CHECK, 0, 0);
    fill(c->weights, tw_net_trained(c->net), 0.1, &random);
    fill(c->x, IMAGES * inputs, 1, &random);
    fill(c->targets, IMAGES * outputs, 1, &random);
    for (int i = 0; i < IMAGES; i++) c->labels[i] = (int32_t)tw_random_below(&random, (uint64_t)outputs);
    return TW_OK;
}

/* The loss as it is now, and the linear piece that it lies on. */
static tw_status evaluate(check *c, bool differentiate, double *loss, uint64_t *piece) {
    bool squared = tw_net_loss(c->net) == TW_SQUARED_ERROR;
    tw_step step = {.weights = c->weights,
                    .x = c->x,
                    .labels = squared ? NULL : c->labels,
                    .targets = squared ? c->targets : NULL,
                    .count = IMAGES,
                    .keeps_state = true,
                    .gradient = differentiate ? c->gradient : NULL,
                    .dx = differentiate ? c->dx : NULL};
    tw_status status = tw_runner_step(c->runner, &step);
    *loss = step.loss;
    *piece = 0xcbf29ce484222325u;
    for (int i = 1; i < c->net->op_count && !status; i++) {
        tw_run run = tw_runner_run(c->runner, i, c->weights, c->x, IMAGES, true, 0);
        if (run.op->layer->piece) *piece = run.op->layer->piece(&run, *piece);
    }
    return status;
}

/* The central difference of step h at *v; *smooth: all on one piece. */
static tw_status difference(check *c, double *v, double h, double *slope, bool *smooth) {
    static const double places[] = {1, -1, 2, -2}, factors[] = {8, -8, -1, 1};
    double middle = *v, sum = 0;
    *smooth = true;
    for (int i = 0; i < 4; i++) {
        double loss;
        uint64_t piece;
        *v = middle + places[i] * h;
        tw_status status = evaluate(c, false, &loss, &piece);
        *v = middle;
        if (status) return status;
        sum += factors[i] * loss;
        *smooth = *smooth && piece == c->piece;
    }
    *slope = sum / (12 * h);
    return TW_OK;
}

typedef struct tensor_check {
    const char *name;
    double *values;
    const double *gradient;
    int64_t count;
    double error, size; /* largest difference and derivative */
    int64_t checked, skipped;
} tensor_check;

static tw_status check_entry(check *c, tensor_check *t, int64_t i) {
    double h = FIRST_STEP, slope = 0;
    bool smooth = false;
    for (int attempt = 0; attempt < TRIES && !smooth; attempt++, h /= 4) {
        tw_status status = difference(c, &t->values[i], h, &slope, &smooth);
        if (status) return status;
    }
    if (!smooth) {
        t->skipped++;
        return TW_OK;
    }
    t->checked++;
    t->error = fmax(t->error, fabs(slope - t->gradient[i]));
    t->size = fmax(t->size, fmax(fabs(slope), fabs(t->gradient[i])));
    return TW_OK;
}

static bool report(check *c, const tensor_check *t) {
    char variant[96];
    snprintf(variant, sizeof variant, "f64, %lld entries%s", (long long)t->checked,
             t->skipped ? ", others at a kink" : "");
    double error = t->error / fmax(t->size, FLOOR);
    tw_check_line line = {.subject = t->name,
                          .variant = variant,
                          .largest_error = error,
                          .bound = BOUND,
                          .failed = !(error <= BOUND)};
    c->result->checked++;
    c->result->failed += line.failed;
    c->result->largest_error = fmax(c->result->largest_error, error);
    return !c->options->report || c->options->report(c->options->context, &line);
}

/* All entries of a small tensor, options->count random ones of a large one. */
static tw_status check_tensor(check *c, tensor_check *t, uint32_t number) {
    tw_random random = tw_random_stream(c->options->seed, TW_RANDOM_CHECK, 1, number);
    bool all = t->count <= c->options->count;
    for (int64_t k = 0; k < (all ? t->count : c->options->count); k++) {
        int64_t i = all ? k : (int64_t)tw_random_below(&random, (uint64_t)t->count);
        tw_status status = check_entry(c, t, i);
        if (status) return status;
    }
    return report(c, t) ? TW_OK : TW_STOPPED;
}

static tw_status check_all(check *c) {
    double loss;
    tw_status status = evaluate(c, true, &loss, &c->piece);
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(c->net, &count);
    for (size_t i = 0; i < count && !status; i++) {
        const tw_net_parameter *p = &parameters[i];
        tensor_check t = {.name = p->name,
                          .values = c->weights + p->offset,
                          .gradient = c->gradient + p->offset,
                          .count = p->count};
        if (p->trained) status = check_tensor(c, &t, (uint32_t)i);
    }
    tensor_check input = {
        .name = "input", .values = c->x, .gradient = c->dx, .count = IMAGES * tw_net_inputs(c->net)};
    return status ? status : check_tensor(c, &input, (uint32_t)count);
}

tw_status tw_check_net(const tw_net *net, const tw_check_options *options, tw_check_result *result) {
    if (!net || !result) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", net ? "result" : "net");
    tw_check_options defaults = tw_check_options_defaults();
    if (!options) options = &defaults;
    if (options->struct_size != sizeof *options)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; this library knows a tw_check_options of %zu bytes",
                       options->struct_size, sizeof *options);
    if (options->count < 1)
        return tw_fail(TW_ERROR_ARGUMENT, "count is %lld; expected at least 1", (long long)options->count);
    *result = (tw_check_result){0};
    check c = {.net = net, .options = options, .result = result};
    tw_status status = prepare(&c);
    if (!status) status = check_all(&c);
    tw_runner_free(c.runner);
    tw_free(c.weights);
    tw_free(c.gradient);
    tw_free(c.x);
    tw_free(c.dx);
    tw_free(c.targets);
    return status;
}

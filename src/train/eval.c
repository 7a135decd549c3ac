/* A network on every sample of a data set: how many it gets right, which it takes for which, and the mean
 * loss, summed in the order of the samples. */
#include <twill/train.h>

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/logarithm.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "train/loader.h"
#include "train/train_options.h"

enum { GOOD_BATCH = 256 };

typedef struct evaluation {
    tw_runner *runner;
    tw_loader *loader;
    float *outputs;
    int64_t batch, samples, classes;
    tw_loss loss;
    bool probabilities; /* the network ends in a softmax */
    double loss_sum;
} evaluation;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool ends_in_softmax(const tw_net *net) {
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    return strcmp(nodes[count - 1].kind, "softmax") == 0;
}

/* The first of the largest; a NaN is never larger. */
static int64_t largest(const float *y, int64_t count) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (y[i] > y[best]) best = i;
    return best;
}

/* The losses of net.h, of one image. */
static double loss_of(const evaluation *e, const float *y, int32_t label) {
    double sum = 0;
    if (e->loss == TW_SQUARED_ERROR) {
        for (int64_t i = 0; i < e->classes; i++) {
            double d = (double)y[i] - (i == label);
            sum += d * d;
        }
        return sum / 2;
    }
    if (e->probabilities) return -tw_log(fmax((double)y[label], 1e-45));
    tw_loss_row row = {.n = e->classes, .z = y, .label = label};
    tw_kernel_default()->sweeps[TW_F32]->cross_entropy(&row);
    return row.loss;
}

static tw_status run_batch(evaluation *e, tw_eval_result *result) {
    tw_batch batch;
    tw_status status = tw_loader_next(e->loader, &batch);
    if (!status) status = tw_runner_forward(e->runner, NULL, batch.x, batch.count, e->outputs);
    for (int64_t i = 0; !status && i < batch.count; i++) {
        const float *y = e->outputs + i * e->classes;
        int64_t predicted = largest(y, e->classes), label = batch.labels[i];
        result->confusion[label * e->classes + predicted]++;
        result->correct += predicted == label;
        e->loss_sum += loss_of(e, y, batch.labels[i]);
    }
    return status;
}

static tw_status prepare(evaluation *e, const tw_net *net, const float *weights, const tw_data *data,
                         int threads) {
    tw_runner_options options = tw_runner_options_defaults();
    options.batch = e->batch;
    options.threads = threads;
    e->outputs = tw_alloc(e->batch * e->classes, sizeof *e->outputs);
    if (!e->outputs) return TW_ERROR_MEMORY;
    tw_status status = tw_runner_create(&e->runner, net, &options);
    if (!status) status = tw_runner_freeze(e->runner, weights);
    if (status) return status;
    const tw_loader_options loader = {.data = data, .samples = e->samples, .batch = e->batch, .epochs = 1};
    return tw_loader_create(&e->loader, &loader);
}

static tw_status run(evaluation *e, const tw_net *net, const float *weights, const tw_data *data, int threads,
                     tw_eval_result *result) {
    tw_status status = prepare(e, net, weights, data, threads);
    for (int64_t done = 0; !status && done < e->samples; done += e->batch) status = run_batch(e, result);
    tw_loader_free(e->loader);
    tw_runner_free(e->runner);
    tw_free(e->outputs);
    return status;
}

tw_status tw_eval(const tw_net *net, const float *weights, const tw_data *data, int64_t batch, int threads,
                  tw_eval_result *result) {
    if (!result) return tw_fail(TW_ERROR_ARGUMENT, "result is NULL");
    *result = (tw_eval_result){0};
    if (!net || !weights || !data)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !net ? "net" : !weights ? "weights" : "data");
    if (batch < 0) return tw_fail(TW_ERROR_ARGUMENT, "batch is %lld; expected 0 or more", (long long)batch);
    tw_status status = tw_train_data_check(net, data);
    if (status) return status;
    tw_data_info info = tw_data_describe(data);
    double started = seconds_now();
    evaluation e = {.batch = tw_min(batch ? batch : GOOD_BATCH, info.count),
                    .samples = info.count,
                    .classes = info.classes,
                    .loss = tw_net_loss(net),
                    .probabilities = ends_in_softmax(net)};
    result->confusion = tw_alloc_zero((int64_t)info.classes * info.classes, sizeof *result->confusion);
    status = result->confusion ? run(&e, net, weights, data, threads, result) : TW_ERROR_MEMORY;
    if (status) {
        tw_eval_free(result);
        *result = (tw_eval_result){0};
        return status;
    }
    result->count = info.count;
    result->classes = info.classes;
    result->accuracy = (double)result->correct / (double)info.count;
    result->loss = e.loss_sum / (double)info.count;
    result->seconds = seconds_now() - started;
    return TW_OK;
}

void tw_eval_free(tw_eval_result *result) {
    if (!result) return;
    tw_free(result->confusion);
    result->confusion = NULL;
}

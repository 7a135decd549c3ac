/* The loop: a batch, its loss and gradient, a step of the optimiser.
 *
 * The optimiser writes the new weights beside the old ones, and the two change places; so a step that gives
 * no finite number is simply not taken. Nothing here depends on the number of threads or on when the loader
 * has a batch ready. */
#include <twill/train.h>

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "train/loader.h"
#include "train/optimiser.h"
#include "train/schedule.h"
#include "train/train_options.h"

typedef struct training {
    const tw_net *net;
    const tw_data *test;
    tw_train_options options;
    tw_runner *runner;
    tw_loader *loader;
    tw_optimiser_state *optimiser;
    float *now, *next, *gradient, *state; /* state: what a step changes in place, as it was before */
    float *owned;                         /* that one of now and next which is ours */
    int64_t trained, weights;
    int64_t samples, batches, step;
    double started, tested; /* when, and for how long tests have run since */
    double loss_sum;        /* of this epoch */
    int64_t correct, seen, seen_in_all;
} training;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- One step ---- */

static void keep_state(training *t) {
    memcpy(t->state, t->now + t->trained, (size_t)(t->weights - t->trained) * sizeof *t->now);
}

static void restore_state(training *t) {
    memcpy(t->now + t->trained, t->state, (size_t)(t->weights - t->trained) * sizeof *t->now);
}

static tw_status take_step(training *t, const tw_batch *batch) {
    tw_step step = {.weights = t->now,
                    .x = batch->x,
                    .labels = batch->labels,
                    .count = batch->count,
                    .step = (uint64_t)t->step,
                    .gradient = t->gradient};
    keep_state(t);
    tw_status status = tw_runner_step(t->runner, &step);
    double rate = tw_schedule_rate(&t->options, t->step, t->batches);
    if (!status && !tw_optimiser_step(t->optimiser, rate, t->gradient, t->now, t->next))
        status =
            tw_fail(TW_ERROR_NUMERIC,
                    "step %lld: a new weight is no finite number; a smaller learning rate than %g may help",
                    (long long)t->step, rate);
    if (status) {
        restore_state(t);
        return status;
    }
    float *old = t->now;
    t->now = t->next;
    t->next = old;
    t->step++;
    t->loss_sum += step.loss * (double)batch->count;
    t->correct += step.correct;
    t->seen += batch->count;
    t->seen_in_all += batch->count;
    return TW_OK;
}

/* ---- Telling ---- */

static tw_status run_test(training *t, tw_progress *p) {
    double before = seconds_now();
    tw_eval_result result;
    tw_status status = tw_eval(t->net, t->now, t->test, 0, t->options.threads, &result);
    if (!status) {
        p->test_accuracy = result.accuracy;
        p->test_loss = result.loss;
        tw_eval_free(&result);
    }
    t->tested += seconds_now() - before;
    return status;
}

static tw_status report(training *t) {
    int64_t batch = (t->step - 1) % t->batches;
    tw_progress p = {.epoch = (int)((t->step - 1) / t->batches),
                     .epochs = t->options.epochs,
                     .batch = batch,
                     .batches = t->batches,
                     .loss = t->loss_sum / (double)t->seen,
                     .accuracy = (double)t->correct / (double)t->seen,
                     .learning_rate = tw_schedule_rate(&t->options, t->step - 1, t->batches),
                     .epoch_ends = batch + 1 == t->batches,
                     .test_accuracy = -1,
                     .test_loss = -1};
    if (!t->options.progress) return TW_OK;
    tw_status status = p.epoch_ends && t->test ? run_test(t, &p) : TW_OK;
    if (status) return status;
    int64_t all = t->samples * t->options.epochs;
    p.seconds = seconds_now() - t->started - t->tested;
    p.images_per_second = p.seconds > 0 ? (double)t->seen_in_all / p.seconds : 0;
    p.seconds_left = p.seconds * (double)(all - t->seen_in_all) / (double)t->seen_in_all;
    if (t->options.progress(t->options.context, &p)) return TW_OK;
    return tw_fail(TW_STOPPED, "stopped after step %lld, as asked", (long long)t->step);
}

static void summarise(const training *t, tw_train_result *result) {
    result->seconds = seconds_now() - t->started - t->tested;
    result->images_per_second = result->seconds > 0 ? (double)t->seen_in_all / result->seconds : 0;
    if (t->seen == 0) return;
    result->loss = t->loss_sum / (double)t->seen;
    result->accuracy = (double)t->correct / (double)t->seen;
    result->epochs = (int)(t->step / t->batches);
}

static tw_status run(training *t) {
    int64_t steps = t->batches * t->options.epochs;
    tw_status status = TW_OK;
    while (!status && t->step < steps) {
        if (t->step % t->batches == 0) t->loss_sum = 0, t->correct = 0, t->seen = 0;
        tw_batch batch;
        status = tw_loader_next(t->loader, &batch);
        if (!status) status = take_step(t, &batch);
        if (!status) status = report(t);
    }
    return status;
}

/* ---- Making ready ---- */

static tw_status allocate(training *t, float *weights) {
    t->now = weights;
    t->next = t->owned = tw_alloc(t->weights, sizeof *t->next);
    t->gradient = tw_alloc(t->weights, sizeof *t->gradient);
    t->state = tw_alloc(t->weights - t->trained, sizeof *t->state);
    return t->next && t->gradient && t->state ? TW_OK : TW_ERROR_MEMORY;
}

static tw_status make_runner(training *t) {
    tw_runner_options options = tw_runner_options_defaults();
    options.batch = t->options.batch;
    options.trains = true;
    options.threads = t->options.threads;
    options.accuracy = t->options.accuracy;
    options.loss = t->options.loss;
    options.seed = t->options.seed;
    return tw_runner_create(&t->runner, t->net, &options);
}

static tw_status prepare(training *t, const tw_data *data, float *weights) {
    int64_t count = tw_data_describe(data).count, most = t->options.most_samples;
    t->samples = most ? tw_min(most, count) : count;
    t->options.batch = tw_min(t->options.batch, t->samples);
    t->batches = tw_ceil_div(t->samples, t->options.batch);
    t->weights = tw_net_weights(t->net);
    t->trained = tw_net_trained(t->net);
    tw_status status = allocate(t, weights);
    if (!status) status = make_runner(t);
    if (!status) status = tw_optimiser_create(&t->optimiser, t->net, &t->options);
    const tw_loader_options options = {.data = data,
                                       .samples = t->samples,
                                       .batch = t->options.batch,
                                       .epochs = t->options.epochs,
                                       .shuffles = true,
                                       .seed = t->options.seed};
    return status ? status : tw_loader_create(&t->loader, &options);
}

static void release(training *t) {
    tw_loader_free(t->loader);
    tw_optimiser_free(t->optimiser);
    tw_runner_free(t->runner);
    tw_free(t->owned);
    tw_free(t->gradient);
    tw_free(t->state);
}

tw_status tw_train(const tw_net *net, float *weights, const tw_data *train, const tw_data *test,
                   const tw_train_options *options, tw_train_result *result) {
    tw_train_result unused;
    if (!result) result = &unused;
    *result = (tw_train_result){0};
    if (!net || !weights || !train)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !net ? "net" : !weights ? "weights" : "train");
    const tw_train_options suggested = tw_train_suggest(net);
    if (!options) options = &suggested;
    tw_status status = tw_train_options_check(options);
    if (!status) status = tw_train_data_check(net, train);
    if (!status && test) status = tw_train_data_check(net, test);
    if (status) return status;
    training t = {.net = net, .test = test, .options = *options};
    status = prepare(&t, train, weights);
    if (!status) {
        t.started = seconds_now();
        status = run(&t);
        summarise(&t, result);
        if (t.now != weights) memcpy(weights, t.now, (size_t)t.weights * sizeof *weights);
    }
    release(&t);
    return status;
}

/* Training: it learns, gives the same bits for any number of threads, takes back a step that fails, stops
 * when asked, and refuses options out of range by name (rows B13, K07 and K10). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <twill/train.h>

#include "base/memory.h"
#include "train/loader.h"
#include "train/schedule.h"

static const char NET[] = "conv 4 5x5 stride 3; relu; dense 10";

typedef struct bench {
    tw_net *net;
    tw_data *train, *test;
    float *weights;
    size_t bytes;
} bench;

static void make_bench(bench *b, const char *net, const char *data) {
    tw_net_input image = {.spatial = 2, .channels = 1, .size = {28, 28}};
    assert_int_equal(tw_net_create(&b->net, net, image), TW_OK);
    assert_int_equal(tw_data_open(&b->train, data, TW_TRAIN), TW_OK);
    assert_int_equal(tw_data_open(&b->test, data, TW_TEST), TW_OK);
    b->bytes = (size_t)tw_net_weights(b->net) * sizeof(float);
    b->weights = tw_alloc(tw_net_weights(b->net), sizeof(float));
    assert_int_equal(tw_net_initialise(b->net, 1, TW_F32, b->weights), TW_OK);
}

static void free_bench(bench *b) {
    tw_net_free(b->net);
    tw_data_close(b->train);
    tw_data_close(b->test);
    tw_free(b->weights);
}

static void options_out_of_range_are_named(void **state) {
    (void)state;
    bench b;
    make_bench(&b, NET, "strokes:count=20");
    const tw_train_options good = tw_train_options_defaults();
    tw_train_options bad[24];
    const char *names[24];
    int count = 0;
#define BAD(field, value) (bad[count] = good, bad[count].field = value, names[count++] = #field)
    BAD(learning_rate, NAN), BAD(learning_rate, INFINITY), BAD(learning_rate, -1), BAD(learning_rate, 0);
    BAD(momentum, 2), BAD(momentum, 1), BAD(momentum, -0.1), BAD(momentum, NAN), BAD(weight_decay, NAN);
    BAD(weight_decay, -1), BAD(batch, 0), BAD(batch, -1), BAD(epochs, -1), BAD(beta2, 1), BAD(epsilon, 0);
    BAD(step_epochs, 0), BAD(step_factor, 0), BAD(warmup_epochs, -1), BAD(warmup_epochs, 9), BAD(threads, -1);
    BAD(most_samples, -1), BAD(optimiser, (tw_optimiser)7), BAD(schedule, (tw_schedule)-1);
    BAD(loss, (tw_loss)9);
#undef BAD
    float *before = tw_alloc(tw_net_weights(b.net), sizeof(float));
    memcpy(before, b.weights, b.bytes);
    for (int i = 0; i < count; i++) {
        tw_status status = tw_train(b.net, b.weights, b.train, NULL, &bad[i], NULL);
        if (status != TW_ERROR_ARGUMENT || strncmp(tw_message(), names[i], strlen(names[i])) != 0)
            fail_msg("%s: %s: %s", names[i], tw_status_name(status), tw_message());
    }
    tw_train_options newer = good;
    newer.struct_size++;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &newer, NULL), TW_ERROR_VERSION);
    assert_memory_equal(before, b.weights, b.bytes);
    tw_free(before);
    free_bench(&b);
}

static void a_net_of_other_size_or_classes_is_refused(void **state) {
    (void)state;
    bench b;
    make_bench(&b, "dense 9", "strokes:count=20");
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, NULL, NULL), TW_ERROR_SHAPE);
    assert_non_null(strstr(tw_message(), "9 outputs"));
    tw_eval_result result;
    assert_int_equal(tw_eval(b.net, b.weights, b.test, 0, 0, &result), TW_ERROR_SHAPE);
    assert_null(result.confusion);
    tw_net *large;
    tw_net_input image = {.spatial = 2, .channels = 1, .size = {32, 32}};
    assert_int_equal(tw_net_create(&large, "dense 10", image), TW_OK);
    assert_int_equal(tw_train(large, b.weights, b.train, NULL, NULL, NULL), TW_ERROR_SHAPE);
    assert_non_null(strstr(tw_message(), "1x32x32"));
    assert_non_null(strstr(tw_message(), "1x28x28"));
    tw_net_free(large);
    free_bench(&b);
}

/* Trains anew and returns the weights. */
static float *trained(tw_train_options options, const char *net) {
    bench b;
    make_bench(&b, net, "strokes:count=150");
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_OK);
    float *weights = b.weights;
    b.weights = NULL;
    free_bench(&b);
    return weights;
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char wide[] = "dense 200; batchnorm; relu; dropout 0.2; dense 10";
    enum { WEIGHTS = 784 * 200 + 200 + 4 * 200 + 200 * 10 + 10 };
    for (int optimiser = TW_SGD; optimiser <= TW_ADAM; optimiser++) {
        tw_train_options options = tw_train_options_defaults();
        options.optimiser = (tw_optimiser)optimiser;
        options.learning_rate = 0.01;
        options.weight_decay = 0.01;
        options.epochs = 2;
        options.threads = 1;
        float *one = trained(options, wide);
        for (options.threads = 2; options.threads <= 3; options.threads++) {
            float *more = trained(options, wide);
            assert_memory_equal(one, more, WEIGHTS * sizeof(float));
            tw_free(more);
        }
        tw_free(one);
    }
}

/* The loss of a linear network: training and test must show it. */
static void training_lowers_the_loss(void **state) {
    (void)state;
    bench b;
    make_bench(&b, "dense 10", "strokes:count=400");
    tw_train_options options = tw_train_options_defaults();
    tw_train_result result;
    tw_eval_result before, after;
    assert_int_equal(tw_eval(b.net, b.weights, b.train, 7, 2, &before), TW_OK);
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, &result), TW_OK);
    assert_int_equal(result.epochs, options.epochs);
    assert_int_equal(tw_eval(b.net, b.weights, b.train, 0, 1, &after), TW_OK);
    assert_true(after.loss < before.loss);
    assert_true(after.correct > 2 * before.correct);
    int64_t all = 0, diagonal = 0;
    for (int i = 0; i < 100; i++) all += after.confusion[i];
    for (int i = 0; i < 10; i++) diagonal += after.confusion[i * 11];
    assert_int_equal(all, 400);
    assert_int_equal(diagonal, after.correct);
    tw_eval_free(&before);
    tw_eval_free(&after);
    free_bench(&b);
}

/* One step of a network whose gradient is known: dense 10 without input is softmax of the bias alone. */
static void a_step_is_the_formula_of_its_optimiser(void **state) {
    (void)state;
    bench b;
    make_bench(&b, "dense 10", "strokes:count=1");
    enum { WEIGHTS = 7850 };
    assert_int_equal(tw_net_weights(b.net), WEIGHTS);
    memset(b.weights, 0, b.bytes);
    tw_train_options options = tw_train_options_defaults();
    options.epochs = 1;
    options.learning_rate = 0.5;
    options.schedule = TW_CONSTANT;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_OK);
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(b.net, &count);
    const float *bias = b.weights + parameters[1].offset;
    /* sample 0 is a 0; all classes have probability 1/10: d loss / d bias = 1/10 - (class is 0) */
    assert_true(fabsf(bias[0] - 0.45f) < 1e-6f);
    for (int i = 1; i < 10; i++) assert_true(fabsf(bias[i] + 0.05f) < 1e-6f);
    memset(b.weights, 0, b.bytes);
    options.optimiser = TW_ADAM; /* the first step of Adam is the rate, against the sign */
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_OK);
    assert_true(fabsf(bias[0] - 0.5f) < 1e-5f && fabsf(bias[1] + 0.5f) < 1e-5f);
    free_bench(&b);
}

static bool stop_at_third(void *context, const tw_progress *progress) {
    int *calls = context;
    assert_int_equal(progress->batch, *calls);
    assert_true(progress->seconds_left >= 0);
    return ++*calls < 3;
}

static void progress_may_stop_training(void **state) {
    (void)state;
    bench b;
    make_bench(&b, NET, "strokes:count=100");
    int calls = 0;
    tw_train_options options = tw_train_options_defaults();
    options.batch = 10;
    options.progress = stop_at_third;
    options.context = &calls;
    tw_train_result result;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, &result), TW_STOPPED);
    assert_int_equal(calls, 3);
    assert_int_equal(result.epochs, 0);
    for (int64_t i = 0; i < tw_net_weights(b.net); i++) assert_true(isfinite(b.weights[i]));
    free_bench(&b);
}

static void a_step_that_explodes_is_not_taken(void **state) {
    (void)state;
    bench b;
    make_bench(&b, NET, "strokes:count=100");
    tw_train_options options = tw_train_options_defaults();
    options.learning_rate = 1e38;
    options.schedule = TW_CONSTANT;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_ERROR_NUMERIC);
    for (int64_t i = 0; i < tw_net_weights(b.net); i++) assert_true(isfinite(b.weights[i]));
    b.weights[0] = NAN;
    float *before = tw_alloc(tw_net_weights(b.net), sizeof(float));
    memcpy(before, b.weights, b.bytes);
    options.learning_rate = 0.1;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_ERROR_NUMERIC);
    assert_memory_equal(before, b.weights, b.bytes);
    tw_free(before);
    free_bench(&b);
}

static void schedules_follow_their_formulas(void **state) {
    (void)state;
    tw_train_options o = tw_train_options_defaults();
    o.learning_rate = 2;
    o.epochs = 10;
    o.schedule = TW_COSINE;
    for (int64_t step = 0; step < 100; step++)
        assert_true(fabs(tw_schedule_rate(&o, step, 10) - (1 + cos(acos(-1) * (double)step / 100))) < 1e-12);
    o.schedule = TW_STEP;
    o.step_epochs = 3;
    assert_true(fabs(tw_schedule_rate(&o, 29, 10) - 2) < 1e-12);
    assert_true(fabs(tw_schedule_rate(&o, 30, 10) - 0.2) < 1e-12);
    assert_true(fabs(tw_schedule_rate(&o, 90, 10) - 0.002) < 1e-12);
    o.schedule = TW_ONE_CYCLE;
    assert_true(fabs(tw_schedule_rate(&o, 0, 10) - 2.0 / 25) < 1e-12);
    assert_true(fabs(tw_schedule_rate(&o, 30, 10) - 2) < 1e-12);
    assert_true(tw_schedule_rate(&o, 99, 10) < 0.01);
    o.schedule = TW_CONSTANT;
    o.warmup_epochs = 1;
    assert_true(tw_schedule_rate(&o, 0, 10) < tw_schedule_rate(&o, 5, 10));
    assert_true(tw_schedule_rate(&o, 10, 10) == 2);
}

/* Every sample once an epoch, in an order of its own. */
static void an_epoch_holds_every_sample_once(void **state) {
    (void)state;
    enum { SAMPLES = 50, INPUTS = 784 };
    tw_data *data;
    assert_int_equal(tw_data_open(&data, "strokes:count=50", TW_TRAIN), TW_OK);
    static float all[SAMPLES][INPUTS];
    for (int i = 0; i < SAMPLES; i++) tw_data_read(data, i, all[i], NULL);
    tw_loader *loader;
    const tw_loader_options options = {
        .data = data, .samples = SAMPLES, .batch = 7, .epochs = 2, .shuffles = true, .seed = 5};
    assert_int_equal(tw_loader_create(&loader, &options), TW_OK);
    int order[2][SAMPLES];
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[SAMPLES] = {0}, at = 0;
        while (at < SAMPLES) {
            tw_batch batch;
            assert_int_equal(tw_loader_next(loader, &batch), TW_OK);
            assert_int_equal(batch.count, SAMPLES - at < 7 ? SAMPLES - at : 7);
            for (int64_t k = 0; k < batch.count; k++) {
                int i = 0;
                while (i < SAMPLES && memcmp(all[i], batch.x + k * INPUTS, sizeof all[i]) != 0) i++;
                assert_true(i < SAMPLES);
                assert_int_equal(batch.labels[k], i % 10);
                seen[i]++;
                order[epoch][at++] = i;
            }
        }
        for (int i = 0; i < SAMPLES; i++) assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    tw_loader_free(loader);
    assert_int_equal(tw_loader_create(&loader, &options), TW_OK); /* and freed while it reads */
    tw_loader_free(loader);
    tw_data_close(data);
}

/* Of 7 samples 3 are those at 0, 7/3 and 14/3: a folder of images, which is sorted by class, keeps its
 * classes. */
static void fewer_samples_are_spread_over_the_data(void **state) {
    (void)state;
    tw_data *data;
    assert_int_equal(tw_data_open(&data, "strokes:count=7", TW_TRAIN), TW_OK);
    tw_loader *loader;
    const tw_loader_options options = {.data = data, .samples = 3, .batch = 3, .epochs = 1};
    assert_int_equal(tw_loader_create(&loader, &options), TW_OK);
    tw_batch batch;
    assert_int_equal(tw_loader_next(loader, &batch), TW_OK);
    assert_int_equal(batch.count, 3);
    for (int i = 0; i < 3; i++) {
        static const int64_t expected[] = {0, 2, 4};
        float x[784];
        int32_t label;
        assert_int_equal(tw_data_read(data, expected[i], x, &label), TW_OK);
        assert_memory_equal(batch.x + i * 784, x, sizeof x);
        assert_int_equal(batch.labels[i], label);
    }
    tw_loader_free(loader);
    tw_data_close(data);
}

static void one_sample_and_a_batch_beyond_the_data_are_well(void **state) {
    (void)state;
    bench b;
    make_bench(&b, NET, "strokes:count=1");
    tw_train_options options = tw_train_options_defaults();
    options.batch = 1000000;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, NULL), TW_OK);
    options.epochs = 0;
    tw_train_result result;
    assert_int_equal(tw_train(b.net, b.weights, b.train, NULL, &options, &result), TW_OK);
    assert_int_equal(result.epochs, 0);
    free_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(a_net_of_other_size_or_classes_is_refused),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(training_lowers_the_loss),
        cmocka_unit_test(a_step_is_the_formula_of_its_optimiser),
        cmocka_unit_test(progress_may_stop_training),
        cmocka_unit_test(a_step_that_explodes_is_not_taken),
        cmocka_unit_test(schedules_follow_their_formulas),
        cmocka_unit_test(an_epoch_holds_every_sample_once),
        cmocka_unit_test(fewer_samples_are_spread_over_the_data),
        cmocka_unit_test(one_sample_and_a_batch_beyond_the_data_are_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

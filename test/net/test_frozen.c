/* Frozen weights: batch norm folded and weights packed, against runs on the weights themselves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/machine.h>
#include <twill/net.h>

#include "base/cpu.h"
#include "base/random.h"

enum { IMAGES = 5, INPUTS = 4 * 9 * 9, MOST_OUTPUTS = 600 };
static const tw_net_input image = {.spatial = 2, .channels = 4, .size = {9, 9}};

static tw_net *make(const char *text, tw_net_input input) {
    tw_net *net;
    if (tw_net_create(&net, text, input)) fail_msg("'%s': %s", text, tw_message());
    return net;
}

static tw_runner *run(const tw_net *net, tw_type type, int64_t batch, int threads, const char *isa) {
    tw_runner_options options = tw_runner_options_defaults();
    options.type = type;
    options.batch = batch;
    options.threads = threads;
    options.isa = isa;
    tw_runner *runner;
    if (tw_runner_create(&runner, net, &options)) fail_msg("%s", tw_message());
    return runner;
}

/* Any numbers, those of variances among them: from 0.5 to 1.5. */
static double *random_weights(const tw_net *net) {
    tw_random random = tw_random_stream(4, TW_RANDOM_TEST, 0, 0);
    double *weights = malloc((size_t)tw_net_weights(net) * sizeof *weights);
    for (int64_t i = 0; i < tw_net_weights(net); i++) weights[i] = 0.5 + tw_random_uniform(&random);
    return weights;
}

static void fill(double *x) {
    tw_random random = tw_random_stream(5, TW_RANDOM_TEST, 0, 0);
    for (int i = 0; i < IMAGES * INPUTS; i++) x[i] = tw_random_uniform(&random) - 0.5;
}

static void a_folded_batch_norm_is_worked_by_hand(void **state) {
    (void)state;
    tw_net *net = make("conv 1 1; batchnorm eps 0", (tw_net_input){1, 1, {2}});
    tw_runner *runner = run(net, TW_F64, 1, 1, NULL);
    /* weight 2, bias 1; batch norm's weight 3, bias 4, mean 5, variance 4: y = 3 (2 x + 1 - 5) / 2 + 4 */
    double weights[] = {2, 1, 3, 4, 5, 4}, x[] = {0, 10}, y[2];
    assert_int_equal(tw_runner_freeze(runner, weights), TW_OK);
    memset(weights, 0, sizeof weights); /* they may change */
    assert_int_equal(tw_runner_forward(runner, NULL, x, 1, y), TW_OK);
    assert_true(y[0] == -2 && y[1] == 28);
    double others[] = {1, 0, 1, 0, 0, 1};
    assert_int_equal(tw_runner_freeze(runner, others), TW_OK); /* replaces */
    assert_int_equal(tw_runner_forward(runner, NULL, x, 1, y), TW_OK);
    assert_true(y[0] == 0 && y[1] == 10);
    tw_runner_free(runner);
    tw_net_free(net);
}

/* Every kind of convolution before a batch norm, and batch norms that cannot be folded. */
static const char *const folds[] = {
    "conv 6 3x3 pad 1 nobias; batchnorm; relu; dense 3",
    "conv 8 3x3 groups 2; batchnorm; relu6; dense 3",
    "conv 4 3x3 groups 4 stride 2; batchnorm",
    "deconv 6 2 stride 2 groups 2; batchnorm; dense 4",
    "dense 7; batchnorm; relu; dense 2 nobias",
    "batchnorm; conv 3 1; batchnorm; batchnorm; softmax",
    "a = conv 4 3 pad 1; batchnorm; add a; relu",
    "a = conv 4 3 pad 1; b = batchnorm; conv 4 1 from a; batchnorm; add b; relu; dense 3",
};

static void folding_only_rounds_otherwise(void **state) {
    (void)state;
    double x[IMAGES * INPUTS], plain[IMAGES * MOST_OUTPUTS], frozen[IMAGES * MOST_OUTPUTS];
    fill(x);
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        tw_net *net = make(folds[i], image);
        double *weights = random_weights(net);
        tw_runner *runner = run(net, TW_F64, IMAGES, 2, NULL);
        size_t before = tw_runner_bytes(runner);
        assert_int_equal(tw_runner_forward(runner, weights, x, IMAGES, plain), TW_OK);
        assert_int_equal(tw_runner_freeze(runner, weights), TW_OK);
        assert_true(tw_runner_bytes(runner) > before);
        assert_int_equal(tw_runner_forward(runner, NULL, x, IMAGES, frozen), TW_OK);
        for (int64_t k = 0; k < IMAGES * tw_net_outputs(net); k++)
            if (fabs(frozen[k] - plain[k]) > 1e-12 * (1 + fabs(plain[k])))
                fail_msg("'%s': output %d is %.17g, %.17g without folding", folds[i], (int)k, frozen[k],
                         plain[k]);
        /* the weights themselves still serve */
        assert_int_equal(tw_runner_forward(runner, weights, x, IMAGES, frozen), TW_OK);
        assert_memory_equal(frozen, plain, (size_t)(IMAGES * tw_net_outputs(net)) * sizeof *plain);
        tw_runner_free(runner);
        free(weights);
        tw_net_free(net);
    }
}

static void without_batch_norm_the_bits_are_those_of_the_weights(void **state) {
    (void)state;
    tw_net *net = make("a = conv 16 3 pad 1; relu; conv 16 3x3 pad 1 groups 16; add a; relu; maxpool 2; "
                       "deconv 4 3; tanh; dense 20; dropout 0.5; dense 10; softmax",
                       image);
    float x[IMAGES * INPUTS], plain[IMAGES * 10], frozen[IMAGES * 10];
    float *weights = malloc((size_t)tw_net_weights(net) * sizeof *weights);
    assert_int_equal(tw_net_initialise(net, 3, TW_F32, weights), TW_OK);
    for (int i = 0; i < IMAGES * INPUTS; i++) x[i] = (float)(i % 17) / 16;
    tw_runner *runner = run(net, TW_F32, IMAGES, 2, NULL);
    assert_int_equal(tw_runner_forward(runner, weights, x, IMAGES, plain), TW_OK);
    assert_int_equal(tw_runner_freeze(runner, weights), TW_OK);
    assert_int_equal(tw_runner_forward(runner, NULL, x, IMAGES, frozen), TW_OK);
    assert_memory_equal(frozen, plain, sizeof plain);
    tw_runner_free(runner);
    free(weights);
    tw_net_free(net);
}

static void frozen_outputs_have_the_same_bits_everywhere(void **state) {
    (void)state;
    double x[IMAGES * INPUTS], first[IMAGES * MOST_OUTPUTS], y[IMAGES * MOST_OUTPUTS];
    fill(x);
    size_t isas;
    const tw_machine_isa *list = tw_machine_isas(&isas);
    for (size_t n = 0; n < sizeof folds / sizeof *folds; n++) {
        tw_net *net = make(folds[n], image);
        double *weights = random_weights(net);
        size_t outputs = (size_t)tw_net_outputs(net);
        for (size_t i = 0, runs = 0; i < isas; i++)
            for (int threads = 1; threads <= 3 && list[i].runs; threads++, runs++) {
                tw_runner *runner = run(net, TW_F64, threads, threads, list[i].name);
                assert_int_equal(tw_runner_freeze(runner, weights), TW_OK);
                for (int at = 0; at < IMAGES; at += threads) {
                    int count = threads < IMAGES - at ? threads : IMAGES - at;
                    assert_int_equal(tw_runner_forward(runner, NULL, x + at * INPUTS, count,
                                                       (runs ? y : first) + (size_t)at * outputs),
                                     TW_OK);
                }
                if (runs) assert_memory_equal(y, first, IMAGES * outputs * sizeof *y);
                tw_runner_free(runner);
            }
        free(weights);
        tw_net_free(net);
    }
}

static void count_nodes(void *context, int node, bool backward) {
    (void)backward;
    *(int *)context += node == 1;
}

/* Each image as if it were alone. */
static void a_batch_that_no_cache_holds_is_run_in_portions(void **state) {
    (void)state;
    enum { SIDE = 256, PIXELS = SIDE * SIDE, CHANNELS = 8, BATCH = 40 };
    tw_net *net = make("conv 8 1x1; relu; globalavgpool; dense 3", (tw_net_input){2, 1, {SIDE, SIDE}});
    double *drawn = random_weights(net);
    float weights[64], one[3], all[BATCH * 3], *x = malloc(sizeof(float) * BATCH * PIXELS);
    for (int64_t i = 0; i < tw_net_weights(net); i++) weights[i] = (float)drawn[i];
    for (int64_t i = 0; i < BATCH * PIXELS; i++) x[i] = (float)(i % 251 + i / PIXELS) / 125 - 1;
    tw_runner *runner = run(net, TW_F32, BATCH, 2, NULL);
    int begun = 0;
    assert_int_equal(tw_runner_freeze(runner, weights), TW_OK);
    tw_runner_watch(runner, count_nodes, &begun);
    assert_int_equal(tw_runner_forward(runner, NULL, x, BATCH, all), TW_OK);
    if (16 * tw_cpu_l2_bytes() < (int64_t)sizeof(float) * BATCH * CHANNELS * PIXELS) assert_true(begun > 1);
    for (int i = 0; i < BATCH; i += 3) {
        assert_int_equal(tw_runner_forward(runner, NULL, x + (int64_t)i * PIXELS, 1, one), TW_OK);
        assert_memory_equal(one, all + (size_t)i * 3, sizeof one);
    }
    tw_runner_free(runner);
    tw_net_free(net);
    free(drawn);
    free(x);
}

static void what_cannot_be_frozen_is_refused(void **state) {
    (void)state;
    tw_net *net = make("conv 2 1; batchnorm", (tw_net_input){1, 1, {2}});
    float weights[12] = {0}, x[2] = {0}, y[4];
    tw_runner *runner = run(net, TW_F32, 1, 1, NULL), *trains;
    assert_int_equal(tw_runner_forward(runner, NULL, x, 1, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_freeze(runner, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_freeze(NULL, weights), TW_ERROR_ARGUMENT);
    tw_runner_options options = tw_runner_options_defaults();
    options.trains = true;
    assert_int_equal(tw_runner_create(&trains, net, &options), TW_OK);
    assert_int_equal(tw_runner_freeze(trains, weights), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "trains = true"));
    tw_runner_free(trains);
    tw_runner_free(runner);
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folded_batch_norm_is_worked_by_hand),
        cmocka_unit_test(folding_only_rounds_otherwise),
        cmocka_unit_test(without_batch_norm_the_bits_are_those_of_the_weights),
        cmocka_unit_test(frozen_outputs_have_the_same_bits_everywhere),
        cmocka_unit_test(a_batch_that_no_cache_holds_is_run_in_portions),
        cmocka_unit_test(what_cannot_be_frozen_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Operators that share memory, or are done together, give the bits that they give one by one, each in memory
 * of its own: loss, outputs and every gradient of a step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/net.h>

#include "base/random.h"

/* What can go wrong lies in who reads what last: chains, forks, sums of sums, values read far apart. */
static const char *const texts[] = {
    "conv 3 3x3 pad 1; batchnorm; relu; conv 3 1x1; batchnorm; relu; dense 4",
    "a = relu; conv 2 3x3 pad 1; batchnorm; add a; b = relu; conv 2 3x3 pad 1; batchnorm; add b; relu; dense "
    "4",
    "a = conv 2 1x1; batchnorm; relu; conv 2 3x3 pad 1; b = batchnorm; conv 2 1x1 from a; batchnorm; add b; "
    "relu; globalavgpool; dense 4",
    "conv 2 1x1; a = batchnorm; relu; add a; relu; b = dropout 0.25; tanh; add b; sigmoid; dense 4; softmax",
    "a = batchnorm; add input; relu; b = batchnorm; add a; add b; relu6; dense 4",
    "a = conv 2 1x1; b = flatten; c = flatten from a; add b; relu; dropout 0.5; dense 4; softmax",
    "a = conv 2 1x1; relu; b = relu; add a; leakyrelu; add b; batchnorm; batchnorm; relu; dense 4",
    "a = conv 2 1x1; add a from a; b = relu; tanh; c = tanh; add b; add c; maxpool 2; relu; dense 4",
    "a = relu; batchnorm; b = add a; relu; maxpool 2; conv 2 1x1; batchnorm; relu; dense 4; loss squared",
    "a = conv 2 1x1; b = batchnorm; c = batchnorm from a; d = relu from b; e = add c; "
    "add d; add e; relu; dense 4",
    "a = conv 2 1x1; b = batchnorm; c = conv 2 1x1 from a; add b from a; add c; dense 4",
    "conv 3 3x3 pad 1; batchnorm; relu6; conv 3 1x1; batchnorm; relu6; dense 4",
    "a = conv 2 1x1; conv 2 3x3 pad 1; batchnorm; add a; relu6; b = tanh; add b; relu6; dense 4",
    "conv 2 1x1; softmax; a = flatten; b = relu; flatten; add a; add b; sigmoid; dense 4; sigmoid; loss "
    "squared",
};
enum { IMAGES = 3, INPUTS = 2 * 6 * 6, OUTPUTS = 4, MOST = 2000, TEXTS = sizeof texts / sizeof *texts };

/* What a step gives. */
typedef struct given {
    double loss, outputs[IMAGES * OUTPUTS], gradient[MOST], dx[IMAGES * INPUTS];
    int64_t correct;
} given;

static void fill(double *numbers, int64_t count, uint32_t stream) {
    tw_random r = tw_random_stream(3, TW_RANDOM_TEST, 0, stream);
    for (int64_t i = 0; i < count; i++) numbers[i] = tw_random_uniform(&r) * 2 - 1;
}

static given step_of(const tw_net *net, bool keeps, int threads, bool with_dx) {
    static double weights[MOST], x[IMAGES * INPUTS], targets[IMAGES * OUTPUTS];
    int32_t labels[IMAGES] = {0, 3, 1};
    bool squared = tw_net_loss(net) == TW_SQUARED_ERROR;
    given g;
    memset(&g, 0, sizeof g);
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64, options.batch = IMAGES, options.threads = threads;
    options.trains = true, options.keeps = keeps;
    tw_runner *runner;
    if (tw_runner_create(&runner, net, &options)) fail_msg("%s", tw_message());
    assert_true(tw_net_weights(net) <= MOST);
    fill(weights, tw_net_weights(net), 0);
    for (int i = 0; i < tw_net_weights(net); i++) weights[i] *= 8; /* some values exceed 6 */
    fill(x, IMAGES * INPUTS, 1), fill(targets, IMAGES * OUTPUTS, 2);
    tw_step step = {.weights = weights,
                    .x = x,
                    .count = IMAGES,
                    .outputs = g.outputs,
                    .keeps_state = true,
                    .gradient = g.gradient,
                    .dx = with_dx ? g.dx : NULL};
    if (squared)
        step.targets = targets;
    else
        step.labels = labels;
    for (int i = 0; i < 2; i++) /* what the first leaves behind must not matter */
        if (tw_runner_step(runner, &step)) fail_msg("%s", tw_message());
    g.loss = step.loss, g.correct = step.correct;
    tw_runner_free(runner);
    return g;
}

static void shared_memory_and_joined_operators_change_no_bit(void **state) {
    (void)state;
    for (int t = 0; t < TEXTS; t++)
        for (int with_dx = 0; with_dx < 2; with_dx++) {
            tw_net *net;
            if (tw_net_create(&net, texts[t], (tw_net_input){2, 2, {6, 6}}))
                fail_msg("'%s': %s", texts[t], tw_message());
            given alone = step_of(net, true, 1, with_dx), shared = step_of(net, false, 1, with_dx);
            if (memcmp(&alone, &shared, sizeof alone) != 0) fail_msg("'%s', dx %d", texts[t], with_dx);
            given threads = step_of(net, false, 3, with_dx);
            assert_memory_equal(&alone, &threads, sizeof alone);
            tw_net_free(net);
        }
}

static size_t bytes_of(const char *text, bool keeps) {
    tw_net *net;
    if (tw_net_create(&net, text, (tw_net_input){2, 4, {64, 64}})) fail_msg("%s", tw_message());
    tw_runner_options options = tw_runner_options_defaults();
    options.trains = true, options.keeps = keeps;
    tw_runner *runner;
    if (tw_runner_create(&runner, net, &options)) fail_msg("%s", tw_message());
    size_t bytes = tw_runner_bytes(runner);
    tw_runner_free(runner);
    tw_net_free(net);
    return bytes;
}

/* Values of 64 KB: the convolutions' and the rectifiers' of six blocks stay, and three gradients. */
static void a_runner_that_trains_takes_the_memory_of_what_the_way_back_needs(void **state) {
    (void)state;
    const char *text =
        "conv 4 1x1; batchnorm; relu; conv 4 1x1; batchnorm; relu; conv 4 1x1; batchnorm; relu; "
        "conv 4 1x1; batchnorm; relu; conv 4 1x1; batchnorm; relu; conv 4 1x1; batchnorm; relu; "
        "globalavgpool";
    const size_t value = 4 * 64 * 64 * sizeof(float), others = 4 * value;
    assert_true(bytes_of(text, true) >= 2 * 18 * value);
    assert_true(bytes_of(text, false) <= (12 + 3) * value + others);
}

static void values_and_gradients_are_told_by_a_runner_that_keeps(void **state) {
    (void)state;
    tw_net *net;
    assert_int_equal(tw_net_create(&net, "a = relu; relu; dense 4", (tw_net_input){2, 2, {6, 6}}), TW_OK);
    float weights[4 * INPUTS + 4], x[INPUTS], gradient[4 * INPUTS + 4];
    for (int i = 0; i < 4 * INPUTS + 4; i++) weights[i] = (float)(i % 3) - 1;
    for (int i = 0; i < INPUTS; i++) x[i] = (float)(i % 5) - 2;
    int32_t label = 2;
    for (int keeps = 0; keeps < 2; keeps++) {
        tw_runner_options options = tw_runner_options_defaults();
        options.trains = true, options.keeps = keeps;
        tw_runner *runner;
        assert_int_equal(tw_runner_create(&runner, net, &options), TW_OK);
        tw_step step = {.weights = weights, .x = x, .labels = &label, .count = 1, .gradient = gradient};
        step.dx = NULL;
        assert_int_equal(tw_runner_step(runner, &step), TW_OK);
        const float *value = tw_runner_value(runner, 1);
        assert_int_equal(value != NULL, keeps);
        for (int i = 0; i < INPUTS && value; i++) assert_true(value[i] == (x[i] < 0 ? 0 : x[i]));
        assert_int_equal(tw_runner_gradient(runner, 3) != NULL, keeps);
        assert_null(tw_runner_gradient(runner, 1)); /* nobody needs it */
        tw_runner_free(runner);
    }
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_memory_and_joined_operators_change_no_bit),
        cmocka_unit_test(a_runner_that_trains_takes_the_memory_of_what_the_way_back_needs),
        cmocka_unit_test(values_and_gradients_are_told_by_a_runner_that_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

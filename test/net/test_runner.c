/* Running networks: values worked by hand, the same bits whatever the threads, batch and place in the batch,
 * training's bookkeeping, and refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/net.h>

#include "base/random.h"

static tw_net *make(const char *text, tw_net_input input) {
    tw_net *net;
    if (tw_net_create(&net, text, input)) fail_msg("'%s': %s", text, tw_message());
    return net;
}

static const char *isa; /* NULL: the best */

static tw_runner *run(const tw_net *net, tw_type type, int64_t batch, bool trains, int threads) {
    tw_runner_options options = tw_runner_options_defaults();
    options.type = type;
    options.batch = batch;
    options.trains = trains;
    options.threads = threads;
    options.seed = 7;
    options.isa = isa;
    tw_runner *runner;
    if (tw_runner_create(&runner, net, &options)) fail_msg("%s", tw_message());
    return runner;
}

/* outputs = text(x) for one image, weights in order w1 w2 ... */
static void forward(const char *text, tw_net_input input, const double *weights, const double *x, double *y) {
    tw_net *net = make(text, input);
    tw_runner *runner = run(net, TW_F64, 1, false, 1);
    assert_int_equal(tw_runner_forward(runner, weights, x, 1, y), TW_OK);
    tw_runner_free(runner);
    tw_net_free(net);
}

static void expect(const char *text, tw_net_input input, const double *weights, const double *x,
                   const double *expected, int count) {
    double y[32];
    forward(text, input, weights, x, y);
    for (int i = 0; i < count; i++)
        if (!(fabs(y[i] - expected[i]) <= 1e-15 * fmax(1, fabs(expected[i]))))
            fail_msg("'%s': y[%d] is %.17g, expected %.17g", text, i, y[i], expected[i]);
}

static void operators_give_the_values_worked_by_hand(void **state) {
    (void)state;
    tw_net_input square = {.spatial = 2, .channels = 1, .size = {3, 3}};
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const double ones[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
    expect("conv 1 3 pad 1", square, ones, (double[]){1, 1, 1, 1, 1, 1, 1, 1, 1},
           (double[]){4, 6, 4, 6, 9, 6, 4, 6, 4}, 9);
    const double corners[] = {1, 2, 3, 4, 10};
    expect("conv 1 2", square, corners, x, (double[]){1 + 4 + 12 + 20 + 10, 57, 77, 87}, 4);
    expect("conv 1 2 flip", square, corners, x, (double[]){4 + 6 + 8 + 5 + 10, 43, 63, 73}, 4);
    expect("deconv 1 2 stride 2 nobias", (tw_net_input){2, 1, {1, 2}}, corners, x,
           (double[]){1, 2, 2, 4, 3, 4, 6, 8}, 8);
    expect("dense 2", (tw_net_input){1, 1, {3}}, (double[]){1, 2, 3, 4, 5, 6, 0.5, -0.5}, x,
           (double[]){14.5, 31.5}, 2);
    expect("maxpool 2 stride 1", square, NULL, x, (double[]){5, 6, 8, 9}, 4);
    expect("maxpool 2", square, NULL, x, (double[]){5}, 1);
    expect("maxpool 3 stride 2 pad 1", square, NULL, x, (double[]){5, 6, 8, 9}, 4);
    expect("avgpool 2 stride 1", square, NULL, x, (double[]){3, 4, 6, 7}, 4);
    expect("avgpool 3 stride 2 pad 1", square, NULL, x, (double[]){3, 4, 6, 7}, 4);
    expect("avgpool 2 stride 2 pad 1 countpad", square, NULL, x, (double[]){0.25, 1.25, 2.75, 7}, 4);
    expect("globalavgpool", square, NULL, x, (double[]){5}, 1);
    expect("batchnorm eps 0", (tw_net_input){1, 2, {2}}, (double[]){2, 3, 1, -1, 1, 2, 4, 9}, x,
           (double[]){1, -1, 3, 1}, 4);
    expect("relu", (tw_net_input){1, 1, {3}}, NULL, (double[]){-1, 0, 2}, (double[]){0, 0, 2}, 3);
    expect("relu6", (tw_net_input){1, 1, {5}}, NULL, (double[]){-1, 0, 2, 6, 7}, (double[]){0, 0, 2, 6, 6},
           5);
    expect("leakyrelu 0.25", (tw_net_input){1, 1, {3}}, NULL, (double[]){-1, 0, 2}, (double[]){-0.25, 0, 2},
           3);
    expect("sigmoid", (tw_net_input){1, 1, {3}}, NULL, (double[]){0, 1000, -1000}, (double[]){0.5, 1, 0}, 3);
    expect("tanh", (tw_net_input){1, 1, {2}}, NULL, (double[]){0, 1000}, (double[]){0, 1}, 2);
    expect("softmax", (tw_net_input){1, 2, {2}}, NULL, (double[]){1000, 1000, 0, -2000},
           (double[]){0.5, 0.5, 1, 0}, 4);
    expect("dropout 0.5", (tw_net_input){1, 1, {3}}, NULL, x, x, 3);
    expect("a = relu; add a; add input", square, NULL, x, (double[]){3, 6, 9, 12, 15, 18, 21, 24, 27}, 9);
}

static void not_a_number_goes_through(void **state) {
    (void)state;
    tw_net_input line = {.spatial = 1, .channels = 1, .size = {4}};
    static const char *const texts[] = {"relu",    "relu6",     "leakyrelu",     "sigmoid",  "tanh",
                                        "softmax", "maxpool 4", "globalavgpool", "batchnorm"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int at = 0; at < 4; at++) {
            double x[4] = {1, 5, 3, 2}, y[4] = {0}, weights[] = {1, 0, 0, 1};
            x[at] = NAN;
            forward(texts[i], line, weights, x, y);
            tw_net *net = make(texts[i], line);
            if (!isnan(y[tw_net_outputs(net) == 1 ? 0 : at]))
                fail_msg("'%s' loses a NaN at %d", texts[i], at);
            tw_net_free(net);
        }
}

/* Every kind of operator in one network. */
static const char everything[] =
    "conv 8 3x3 pad 1; batchnorm; a = relu; conv 8 3x3 pad 1 groups 2; leakyrelu 0.1; add a; b = maxpool 2; "
    "conv 8 1x1; tanh; deconv 8 3 pad 1; add b; conv 16 5 pad 2 mode reflect; sigmoid; relu6; dropout 0.3; "
    "avgpool 3 stride 2 pad 1; globalavgpool; flatten; dense 20; relu; dense 10; softmax";
static const tw_net_input colour16 = {.spatial = 2, .channels = 3, .size = {16, 16}};
enum { IMAGES = 7, INPUTS = 3 * 16 * 16, OUTPUTS = 10 };

typedef struct data {
    tw_net *net;
    float *weights, x[IMAGES * INPUTS];
    int32_t labels[IMAGES];
} data;

static data *prepare(void) {
    data *d = calloc(1, sizeof *d);
    d->net = make(everything, colour16);
    d->weights = malloc((size_t)tw_net_weights(d->net) * sizeof(float));
    assert_int_equal(tw_net_initialise(d->net, 5, TW_F32, d->weights), TW_OK);
    tw_random random = tw_random_stream(3, TW_RANDOM_TEST, 0, 0);
    for (int i = 0; i < IMAGES * INPUTS; i++) d->x[i] = (float)tw_random_uniform(&random);
    for (int i = 0; i < IMAGES; i++) d->labels[i] = i % OUTPUTS;
    return d;
}

static void discard(data *d) {
    tw_net_free(d->net);
    free(d->weights);
    free(d);
}

static void an_image_has_the_same_bits_alone_and_in_any_batch(void **state) {
    (void)state;
    data *d = prepare();
    float alone[IMAGES * OUTPUTS], y[IMAGES * OUTPUTS];
    tw_runner *runner = run(d->net, TW_F32, 1, false, 1);
    for (int i = 0; i < IMAGES; i++)
        assert_int_equal(tw_runner_forward(runner, d->weights, d->x + i * INPUTS, 1, alone + i * OUTPUTS),
                         TW_OK);
    tw_runner_free(runner);
    for (int threads = 1; threads <= 4; threads++)
        for (int trains = 0; trains < 2; trains++)
            for (int count = 1; count <= IMAGES; count++) {
                runner = run(d->net, TW_F32, IMAGES, trains, threads);
                for (int i = 0; i < IMAGES; i += count) {
                    int part = count < IMAGES - i ? count : IMAGES - i;
                    assert_int_equal(
                        tw_runner_forward(runner, d->weights, d->x + i * INPUTS, part, y + i * OUTPUTS),
                        TW_OK);
                }
                assert_memory_equal(y, alone, sizeof y);
                tw_runner_free(runner);
            }
    discard(d);
}

/* One step's every output. */
typedef struct outcome {
    double loss;
    int64_t count;
    float *gradient, *weights, dx[IMAGES * INPUTS];
} outcome;

static outcome *take_step(const data *d, int64_t batch, int threads) {
    outcome *o = calloc(1, sizeof *o);
    o->count = tw_net_weights(d->net);
    size_t bytes = (size_t)o->count * sizeof(float);
    o->gradient = malloc(bytes);
    o->weights = malloc(bytes);
    memcpy(o->weights, d->weights, bytes);
    tw_runner *runner = run(d->net, TW_F32, batch, true, threads);
    tw_step step = {.weights = o->weights,
                    .x = d->x,
                    .labels = d->labels,
                    .count = IMAGES,
                    .step = 11,
                    .gradient = o->gradient,
                    .dx = o->dx};
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    o->loss = step.loss;
    tw_runner_free(runner);
    return o;
}

static void drop_outcome(outcome *o) {
    free(o->gradient);
    free(o->weights);
    free(o);
}

static void assert_same(const outcome *a, const outcome *b) {
    size_t bytes = (size_t)a->count * sizeof(float);
    assert_true(a->loss == b->loss);
    assert_memory_equal(a->gradient, b->gradient, bytes);
    assert_memory_equal(a->dx, b->dx, sizeof a->dx);
    assert_memory_equal(a->weights, b->weights, bytes);
}

static void a_step_has_the_same_bits_on_any_threads_and_instruction_set(void **state) {
    (void)state;
    data *d = prepare();
    outcome *first = take_step(d, IMAGES, 1);
    size_t isas;
    const tw_machine_isa *list = tw_machine_isas(&isas);
    for (size_t i = 0; i < isas; i++)
        for (int threads = 1; threads <= 4 && list[i].runs; threads++)
            for (int batch = IMAGES; batch <= IMAGES + 3; batch += 3) {
                isa = list[i].name;
                outcome *other = take_step(d, batch, threads);
                isa = NULL;
                assert_same(first, other);
                drop_outcome(other);
            }
    drop_outcome(first);
    discard(d);
}

static void float_follows_double_closely(void **state) {
    (void)state;
    data *d = prepare();
    int64_t count = tw_net_weights(d->net);
    double *weights = malloc((size_t)count * sizeof(double)),
           *gradient = malloc((size_t)count * sizeof(double));
    float *narrow = malloc((size_t)count * sizeof(float));
    double *x = malloc(sizeof(double) * IMAGES * INPUTS);
    for (int64_t i = 0; i < count; i++) weights[i] = (double)d->weights[i];
    for (int i = 0; i < IMAGES * INPUTS; i++) x[i] = (double)d->x[i];
    tw_runner *f64 = run(d->net, TW_F64, IMAGES, true, 2), *f32 = run(d->net, TW_F32, IMAGES, true, 2);
    tw_step wide = {.weights = weights, .x = x, .labels = d->labels, .count = IMAGES, .gradient = gradient};
    tw_step thin = {
        .weights = d->weights, .x = d->x, .labels = d->labels, .count = IMAGES, .gradient = narrow};
    assert_int_equal(tw_runner_step(f64, &wide), TW_OK);
    assert_int_equal(tw_runner_step(f32, &thin), TW_OK);
    assert_true(fabs(wide.loss - thin.loss) < 1e-5);
    double most = 0, difference = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, fabs(gradient[i]));
        difference = fmax(difference, fabs(gradient[i] - (double)narrow[i]));
    }
    assert_true(difference < 1e-4 * most);
    tw_runner_free(f64), tw_runner_free(f32);
    free(weights), free(gradient), free(narrow), free(x);
    discard(d);
}

/* Two rows 1 3 and 5 7 of one channel, momentum 0.1: mean 4, variance 5, unbiased 20/3. */
static void batch_norm_keeps_its_running_state(void **state) {
    (void)state;
    tw_net *net = make("batchnorm eps 0; loss squared", (tw_net_input){1, 1, {2}});
    tw_runner *runner = run(net, TW_F64, 2, true, 1);
    double weights[] = {1, 0, 0, 1}, gradient[] = {9, 9, 9, 9}, x[] = {1, 3, 5, 7}, y[4], targets[4] = {0};
    tw_step step = {
        .weights = weights, .x = x, .targets = targets, .count = 2, .gradient = gradient, .outputs = y};
    step.keeps_state = true;
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_true(weights[2] == 0 && weights[3] == 1);
    step.keeps_state = false;
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_true(fabs(weights[2] - 0.4) < 1e-15 && fabs(weights[3] - (0.9 + 0.1 * 20 / 3)) < 1e-15);
    assert_true(gradient[2] == 0 && gradient[3] == 0);
    for (int i = 0; i < 4; i++) assert_true(fabs(y[i] - (x[i] - 4) / sqrt(5)) < 1e-15);
    /* a step whose loss is no number leaves the state alone */
    double before[4];
    memcpy(before, weights, sizeof before);
    x[1] = NAN;
    assert_int_equal(tw_runner_step(runner, &step), TW_ERROR_NUMERIC);
    assert_memory_equal(before, weights, sizeof before);
    tw_runner_free(runner);
    tw_net_free(net);
}

static void dropout_is_a_function_of_seed_step_and_element(void **state) {
    (void)state;
    enum { COUNT = 40000 };
    tw_net *net = make("dropout 0.25; loss squared", (tw_net_input){1, 1, {COUNT}});
    tw_runner *runner = run(net, TW_F32, 1, true, 2);
    static float x[COUNT], y[2][COUNT];
    static int32_t label = 0;
    for (int i = 0; i < COUNT; i++) x[i] = 3;
    tw_step step = {.x = x, .labels = &label, .count = 1, .outputs = y[0]};
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    step.outputs = y[1];
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    int dropped = 0, different = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(y[0][i] == 0 || y[0][i] == 4);
        dropped += y[0][i] == 0;
    }
    assert_true(abs(dropped - COUNT / 4) < 4 * 87); /* four standard deviations */
    step.step = 1;
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    for (int i = 0; i < COUNT; i++) different += y[0][i] != y[1][i];
    assert_true(abs(different - 3 * COUNT / 8) < 5 * 97);
    tw_runner_free(runner);
    tw_net_free(net);
}

static void the_losses_are_those_of_their_formulas(void **state) {
    (void)state;
    tw_net_input three = {.spatial = 1, .channels = 3, .size = {1}};
    const double x[] = {1, 2, 3, 1000, 0, -1000};
    const int32_t labels[] = {2, 1};
    double y[6], dx[6], sum = exp(1 - 3) + exp(2 - 3) + 1;
    static const char *const texts[] = {"flatten", "flatten; softmax"};
    for (int i = 0; i < 2; i++) {
        tw_net *net = make(texts[i], three);
        tw_runner *runner = run(net, TW_F64, 2, true, 1);
        tw_step step = {.x = x, .labels = labels, .count = 2, .outputs = y, .dx = dx};
        assert_int_equal(tw_runner_step(runner, &step), TW_OK);
        assert_true(fabs(step.loss - (log(sum) + 1000) / 2) < 1e-12);
        assert_int_equal(step.correct, 1);
        assert_true(fabs(dx[0] - exp(1 - 3) / sum / 2) < 1e-15 && fabs(dx[2] - (1 / sum - 1) / 2) < 1e-15);
        assert_true(dx[3] == 0.5 && dx[4] == -0.5);
        tw_runner_free(runner);
        tw_net_free(net);
    }
    tw_net *net = make("flatten; loss squared", three);
    tw_runner *runner = run(net, TW_F64, 2, true, 1);
    tw_step step = {.x = (double[]){1, 2, 3, 4, 5, 6}, .labels = labels, .count = 2, .dx = dx};
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_true(step.loss == ((1 + 4 + 4) / 2.0 + (16 + 16 + 36) / 2.0) / 2 && dx[2] == 1 && dx[4] == 2);
    tw_runner_free(runner);
    tw_net_free(net);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    tw_net *net = make("dense 3", (tw_net_input){1, 1, {2}});
    tw_runner *trains = run(net, TW_F32, 2, true, 1), *infers = run(net, TW_F32, 2, false, 1), *none;
    float weights[9] = {0}, x[6] = {0}, y[9];
    int32_t labels[] = {0, 3}, minus[] = {-1, 0};
    assert_int_equal(tw_runner_forward(infers, weights, x, 3, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_forward(infers, weights, x, -1, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_forward(infers, weights, x, 0, y), TW_OK);
    assert_int_equal(tw_runner_forward(infers, NULL, x, 1, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_forward(infers, weights, NULL, 1, y), TW_ERROR_ARGUMENT);
    tw_step step = {.weights = weights, .x = x, .labels = labels, .count = 2};
    assert_int_equal(tw_runner_step(infers, &step), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_runner_step(trains, &step), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "labels[1] is 3; expected 0 to 2"));
    step.labels = minus;
    assert_int_equal(tw_runner_step(trains, &step), TW_ERROR_ARGUMENT);
    step.labels = NULL;
    assert_int_equal(tw_runner_step(trains, &step), TW_ERROR_ARGUMENT);
    step.count = 0;
    assert_int_equal(tw_runner_step(trains, &step), TW_ERROR_ARGUMENT);
    assert_null(tw_runner_value(infers, 1));
    assert_null(tw_runner_value(trains, 0));
    assert_null(tw_runner_value(trains, 2));
    tw_runner_options options = tw_runner_options_defaults();
    options.isa = "mmx";
    assert_int_equal(tw_runner_create(&none, net, &options), TW_ERROR_ARGUMENT);
    options = tw_runner_options_defaults();
    options.batch = 0;
    assert_int_equal(tw_runner_create(&none, net, &options), TW_ERROR_ARGUMENT);
    options.struct_size--;
    assert_int_equal(tw_runner_create(&none, net, &options), TW_ERROR_VERSION);
    assert_null(none);
    tw_runner_free(trains), tw_runner_free(infers);
    tw_net_free(net);
}

/* Weights of 100 bytes, values of 10 TB and more: refused before anything is allocated. */
static void values_that_no_machine_holds_are_refused_at_once(void **state) {
    (void)state;
    static const struct {
        int64_t side, batch;
        tw_status status;
    } cases[] = {{1000000, 1, TW_ERROR_LIMIT},
                 {10000, 10000, TW_ERROR_LIMIT},
                 {1000, INT64_MAX / 8, TW_ERROR_OVERFLOW}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_net *net = make("conv 2 3 pad 1; relu; conv 1 3 pad 1; globalavgpool",
                           (tw_net_input){2, 1, {cases[i].side, cases[i].side}});
        tw_runner_options options = tw_runner_options_defaults();
        options.batch = cases[i].batch;
        tw_runner *runner;
        assert_int_equal(tw_runner_create(&runner, net, &options), cases[i].status);
        assert_null(runner);
        tw_net_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_give_the_values_worked_by_hand),
        cmocka_unit_test(not_a_number_goes_through),
        cmocka_unit_test(an_image_has_the_same_bits_alone_and_in_any_batch),
        cmocka_unit_test(a_step_has_the_same_bits_on_any_threads_and_instruction_set),
        cmocka_unit_test(float_follows_double_closely),
        cmocka_unit_test(batch_norm_keeps_its_running_state),
        cmocka_unit_test(dropout_is_a_function_of_seed_step_and_element),
        cmocka_unit_test(the_losses_are_those_of_their_formulas),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(values_that_no_machine_holds_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

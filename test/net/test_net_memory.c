/* wraps: aligned_alloc free */
/* The k-th allocation fails, for every k: the status is MEMORY, nothing leaks, and the next call is fine. And
 * running allocates nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <twill/check.h>

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

static int64_t calls, fails_at = -1, alive;

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (calls++ == fails_at) return NULL;
    alive++;
    return __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *block) {
    alive -= block != NULL;
    __real_free(block);
}

static const char text[] =
    "a = conv 4 3 pad 1; batchnorm; relu; maxpool 2; deconv 4 2 stride 2; b = dropout 0.5; "
    "add a; dense 10; softmax";
static const tw_net_input input = {.spatial = 2, .channels = 3, .size = {8, 8}};

static tw_status make_net(void) {
    tw_net *net;
    tw_status status = tw_net_create(&net, text, input);
    if (status) assert_null(net);
    tw_net_free(net);
    return status;
}

static tw_status build_net(void) {
    tw_builder *builder;
    tw_net *net;
    tw_status status = tw_builder_create(&builder, input);
    if (status) return status;
    int a = tw_builder_add(builder, "conv 3 3 pad 1", 0);
    tw_builder_add2(builder, "add", a, 0);
    status = tw_builder_finish(builder, &net);
    tw_net_free(net);
    return status;
}

static tw_net *shared; /* for what follows */

static tw_status make_runner(bool trains) {
    tw_runner *runner;
    tw_runner_options options = tw_runner_options_defaults();
    options.batch = 3;
    options.trains = trains;
    options.threads = 1;
    tw_status status = tw_runner_create(&runner, shared, &options);
    if (status) assert_null(runner);
    tw_runner_free(runner);
    return status;
}

static tw_status make_trainer(void) {
    return make_runner(true);
}

static tw_status make_inferrer(void) {
    return make_runner(false);
}

static tw_status freeze(void) {
    static float weights[100000];
    tw_runner *runner;
    tw_status status = tw_runner_create(&runner, shared, NULL);
    if (!status) status = tw_runner_freeze(runner, weights);
    tw_runner_free(runner);
    return status;
}

static tw_status initialise(void) {
    static double weights[100000];
    assert_true(tw_net_weights(shared) < 100000);
    return tw_net_initialise(shared, 1, TW_F64, weights);
}

static tw_status check(void) {
    tw_check_options options = tw_check_options_defaults();
    options.count = 1;
    options.threads = 1;
    tw_check_result result;
    return tw_check_net(shared, &options, &result);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    tw_status (*const jobs[])(void) = {make_net, build_net,  make_trainer, make_inferrer,
                                       freeze,   initialise, check};
    assert_int_equal(tw_net_create(&shared, text, input), TW_OK);
    for (size_t job = 0; job < sizeof jobs / sizeof *jobs; job++) {
        bool failed = true;
        for (int64_t k = 0; failed; k++) {
            int64_t before = alive;
            calls = 0;
            fails_at = k;
            tw_status status = jobs[job]();
            fails_at = -1;
            failed = calls > k;
            assert_int_equal(status, failed ? TW_ERROR_MEMORY : TW_OK);
            assert_int_equal(alive, before);
            assert_int_equal(make_net(), TW_OK);
        }
    }
    tw_net_free(shared);
}

static void running_allocates_nothing(void **state) {
    (void)state;
    tw_net *net;
    assert_int_equal(tw_net_create(&net, text, input), TW_OK);
    tw_runner_options options = tw_runner_options_defaults();
    options.batch = 3;
    options.trains = true;
    options.threads = 1;
    tw_runner *runner;
    assert_int_equal(tw_runner_create(&runner, net, &options), TW_OK);
    static float weights[100000], gradient[100000], x[3 * 192], y[3 * 10];
    static const int32_t labels[3] = {0, 1, 2};
    assert_int_equal(tw_net_initialise(net, 1, TW_F32, weights), TW_OK);
    tw_step step = {.weights = weights, .x = x, .labels = labels, .count = 3, .gradient = gradient};
    int64_t before = calls;
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_int_equal(tw_runner_forward(runner, weights, x, 2, y), TW_OK);
    assert_int_equal(calls, before);
    tw_runner_free(runner);
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(running_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

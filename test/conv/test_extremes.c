/* Numbers at the edge of f32, and a host whose floating-point environment is not the usual one. Rows B07 and
 * B15 of the catalogue of hostile inputs. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/conv.h>
#include <twill/net.h>

enum { CHANNELS = 16, SIDE = 12, X = CHANNELS * SIDE * SIDE, W = CHANNELS * CHANNELS * 9 };

static float x[X], w[W], y[X], dx[X], dw[W], db[CHANNELS];

static void fill(float *numbers, int count, float value) {
    for (int i = 0; i < count; i++) numbers[i] = value;
}

static tw_geometry square(int64_t groups) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = CHANNELS, g.groups = groups;
    for (int a = 0; a < 2; a++) g.input[a] = SIDE, g.kernel[a] = 3, g.pad_begin[a] = g.pad_end[a] = 1;
    return g;
}

static void run(const tw_conv *plan) {
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y), TW_OK);
    assert_int_equal(tw_conv_backward_data(plan, y, w, dx), TW_OK);
    assert_int_equal(tw_conv_backward_weights(plan, x, y, dw, db), TW_OK);
}

/* `check` for each plan of each algorithm and instruction set, and how many there were. */
static int each_plan(void (*check)(const tw_conv *plan)) {
    size_t algorithms, isas;
    const char *const *names = tw_conv_algorithms(&algorithms);
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    int plans = 0;
    for (int64_t groups = 1; groups <= CHANNELS; groups *= CHANNELS)
        for (size_t i = 0; i < algorithms; i++)
            for (size_t k = 0; k < isas; k++) {
                const tw_geometry g = square(groups);
                tw_conv_options o = tw_conv_options_defaults();
                o.algorithm = names[i], o.isa = isa[k].name, o.threads = 1;
                tw_conv *plan;
                if (!isa[k].runs || tw_conv_create(&plan, &g, &o) == TW_ERROR_UNSUPPORTED) continue;
                assert_non_null(plan);
                check(plan);
                tw_conv_free(plan);
                plans++;
            }
    return plans;
}

static bool is_winograd(const tw_conv *plan, tw_pass pass) {
    tw_conv_description d;
    assert_int_equal(tw_conv_describe(plan, pass, &d), TW_OK);
    return strncmp(d.algorithm, "winograd", 8) == 0;
}

/* Every sum overflows: to infinity, in Winograd to infinity or NaN; never to a number. */
static void check_overflow(const tw_conv *plan) {
    fill(x, X, FLT_MAX), fill(w, W, FLT_MAX);
    run(plan);
    for (int i = 0; i < X; i++)
        assert_true(is_winograd(plan, TW_FORWARD) ? !isfinite(y[i]) : y[i] == INFINITY);
    for (int i = 0; i < X; i++) assert_true(!isfinite(dx[i]));
    for (int i = 0; i < W; i++) assert_true(!isfinite(dw[i]));
}

static void sums_that_overflow_never_give_a_number(void **state) {
    (void)state;
    assert_true(each_plan(check_overflow) > 0);
}

/* As large as docs/winograd.md lets them be, 1/31 of the largest number, with random signs. */
static void check_large(const tw_conv *plan) {
    uint32_t state = 1;
    fill(w, W, 0x1p-10f);
    for (int i = 0; i < X; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = state >> 31 ? FLT_MAX / 31 : -FLT_MAX / 31;
    }
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y), TW_OK);
    for (int i = 0; i < X; i++) assert_true(isfinite(y[i]));
}

static void large_numbers_whose_sums_are_none_stay_numbers(void **state) {
    (void)state;
    assert_true(each_plan(check_large) > 0);
}

#ifdef __SSE__
#include <xmmintrin.h>

enum {
    FLAGS = 0x3f,
    FLUSHES = 0x8000 | 0x0040
}; /* of MXCSR: exceptions that came; flush and denormals zero */

static unsigned control(void) {
    return _mm_getcsr() & ~(unsigned)FLAGS;
}

static void flush_denormals(void) {
    _mm_setcsr(_mm_getcsr() | FLUSHES);
}
#else
static unsigned control(void) {
    return (unsigned)fegetround();
}

static void flush_denormals(void) {}
#endif

static void check_control(const tw_conv *plan) {
    const unsigned before = control();
    run(plan);
    assert_int_equal(control(), before);
    assert_int_equal(fegetround(), FE_TOWARDZERO);
}

static void step_a_network(void) {
    tw_net *net;
    tw_runner *runner;
    const tw_net_input image = {.spatial = 2, .channels = 1, .size = {28, 28}};
    tw_runner_options options = tw_runner_options_defaults();
    options.batch = 2, options.trains = true, options.threads = 2;
    assert_int_equal(tw_net_create(&net, "lenet5", image), TW_OK);
    assert_int_equal(tw_runner_create(&runner, net, &options), TW_OK);
    static float weights[61706], images[2 * 28 * 28];
    const int32_t labels[] = {3, 4};
    assert_int_equal(tw_net_weights(net), 61706);
    assert_int_equal(tw_net_initialise(net, 1, TW_F32, weights), TW_OK);
    tw_step step = {.weights = weights, .x = images, .labels = labels, .count = 2};
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    tw_runner_free(runner);
    tw_net_free(net);
}

/* A host that rounds toward zero and flushes denormals gets other results, and keeps its settings. */
static void the_floating_point_environment_is_the_host_s(void **state) {
    (void)state;
    fenv_t usual;
    assert_int_equal(fegetenv(&usual), 0);
    fill(x, X, 0.1f), fill(w, W, 0.3f);
    assert_int_equal(fesetround(FE_TOWARDZERO), 0);
    flush_denormals();
    assert_true(each_plan(check_control) > 0);
    const unsigned before = control();
    step_a_network();
    assert_int_equal(control(), before);
    assert_int_equal(fesetenv(&usual), 0);
    const unsigned ordinary = control();
    step_a_network();
    assert_int_equal(control(), ordinary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_that_overflow_never_give_a_number),
        cmocka_unit_test(large_numbers_whose_sums_are_none_stay_numbers),
        cmocka_unit_test(the_floating_point_environment_is_the_host_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

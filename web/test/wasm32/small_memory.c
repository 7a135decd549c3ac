/* Sizes that 63 bits count and a memory of 32-bit addresses does not hold: each is refused by name, none is
 * cut to fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/explain.h>
#include <twill/twill.h>

#include "base/checked.h"
#include "base/memory.h"

_Static_assert(sizeof(size_t) == 4, "this is about 32-bit machines");

static tw_geometry square(int64_t channels, int64_t size, int64_t kernel) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = channels;
    g.input[0] = g.input[1] = size;
    g.kernel[0] = g.kernel[1] = kernel;
    return g;
}

/* Refused for its size: MEMORY, OVERFLOW or LIMIT, with a message. */
static void expect_refused(tw_status status) {
    assert_true(status == TW_ERROR_MEMORY || status == TW_ERROR_OVERFLOW || status == TW_ERROR_LIMIT);
    assert_true(tw_message()[0] != 0);
}

static void bytes_beyond_the_addresses_are_no_size(void **state) {
    (void)state;
    size_t bytes = 99;
    assert_false(tw_bytes(INT64_C(1) << 32, 1, &bytes));
    assert_false(tw_bytes((INT64_C(1) << 32) + 64, 1, &bytes)); /* cut to 32 bits: 64 */
    assert_false(tw_bytes(INT64_C(1) << 30, 4, &bytes));        /* cut: 0 */
    assert_false(tw_bytes(INT64_C(1) << 29, 8, &bytes));
    assert_int_equal(bytes, 99);
    assert_null(tw_alloc(INT64_C(1) << 29, 8));
    assert_null(tw_alloc((INT64_C(1) << 32) + 1, 1));
    assert_null(tw_alloc(PTRDIFF_MAX, 1));
}

static void a_matrix_too_large_is_refused(void **state) {
    (void)state;
    tw_matrix *matrix;
    const tw_geometry large[] = {square(1, 40000, 3), square(1024, 2048, 1), square(1, 46341, 1),
                                 square(4096, 256, 3)};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        tw_status valid = tw_geometry_validate(&large[i]); /* 63 bits count it; 32-bit addresses may not */
        assert_true(valid == TW_OK || valid == TW_ERROR_OVERFLOW);
        expect_refused(tw_matrix_create(&matrix, &large[i]));
        assert_null(matrix);
    }
}

static void a_plan_too_large_is_refused_or_needs_no_memory(void **state) {
    (void)state;
    const tw_geometry large[] = {square(65536, 3, 3), square(1 << 20, 1, 1), square(4096, 4096, 3)};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        for (int type = TW_F32; type <= TW_F64; type++) {
            tw_conv *plan;
            tw_conv_options options = tw_conv_options_defaults();
            options.type = (tw_type)type;
            options.threads = 1;
            tw_status status = tw_conv_create(&plan, &large[i], &options);
            if (status) expect_refused(status);
            if (status) assert_null(plan);
            tw_conv_free(plan);
        }
    }
}

static void an_explanation_of_large_tensors_is_made_or_refused(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    tw_explain_request request = tw_explain_defaults();
    request.geometry = square(4096, 100000, 3);
    tw_status status = tw_explain(&request, &bytes, &size);
    if (status) expect_refused(status);
    tw_explain_free(bytes);
}

static void a_network_too_large_is_refused(void **state) {
    (void)state;
    tw_net *net;
    tw_runner *runner = NULL;
    tw_net_input input = {.spatial = 2, .channels = 64, .size = {8192, 8192}};
    tw_status status = tw_net_create(&net, "conv 64 3x3 pad 1; relu; globalavgpool; dense 10", input);
    if (!status) {
        tw_runner_options options = tw_runner_options_defaults();
        options.trains = true;
        options.threads = 1;
        status = tw_runner_create(&runner, net, &options);
    }
    expect_refused(status);
    assert_null(runner);
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_beyond_the_addresses_are_no_size),
        cmocka_unit_test(a_matrix_too_large_is_refused),
        cmocka_unit_test(a_plan_too_large_is_refused_or_needs_no_memory),
        cmocka_unit_test(an_explanation_of_large_tensors_is_made_or_refused),
        cmocka_unit_test(a_network_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

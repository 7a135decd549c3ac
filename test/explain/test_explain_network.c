/* Networks explained with an image: numbers worked by hand, read back from the JSON; a page that was read;
 * and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/explain.h>

#include "explain/golden.h"

/* x = 1 2 3 under (2 -1) makes 0 1, and those under (3 5) make 5, where 1 is wanted: L = 1/2 (5 - 1)^2. */
static const float line[] = {1, 2, 3}, line_weights[] = {2, -1, 3, 5};

static tw_explain_request line_network(void) {
    tw_explain_request r = tw_explain_defaults();
    r.net = (tw_explain_net){.text = "conv 1 2 nobias; dense 1 nobias; loss squared",
                             .input = {.spatial = 1, .channels = 1, .size = {3}},
                             .weights = line_weights,
                             .weights_count = 4,
                             .image = line,
                             .image_count = 3,
                             .label = 0};
    return r;
}

static void numbers_and_gradients_are_those_worked_by_hand(void **state) {
    (void)state;
    static const char *const says[] = {
        "\"label\":0,\"loss\":8",
        "\"values\":[1,2,3],\"gradient\":[24,28,-20]",
        "\"values\":[0,1],\"gradient\":[12,20]",
        "\"values\":[5],\"gradient\":[4]",
        "\"values\":[2,-1],\"gradient\":[52,84]",
        "\"values\":[3,5],\"gradient\":[0,4]",
    };
    tw_explain_request r = line_network();
    char *bytes;
    size_t size;
    r.format = TW_EXPLAIN_JSON;
    if (tw_explain(&r, &bytes, &size) != TW_OK) fail_msg("%s", tw_message());
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (!strstr(bytes, says[i])) fail_msg("%s is not in %s", says[i], bytes);
    tw_explain_free(bytes);
}

static void a_layer_stands_as_sums_of_its_own_numbers(void **state) {
    (void)state;
    tw_explain_request r = line_network();
    check_golden(&r, "network.txt");
    r.language = TW_CHINESE;
    check_golden(&r, "network.zh-TW.txt");
}

static void without_a_label_no_gradient_is_told(void **state) {
    (void)state;
    tw_explain_request r = line_network();
    char *bytes;
    size_t size;
    r.net.label = -1;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_OK);
    assert_null(strstr(bytes, "norm of dL"));
    assert_null(strstr(bytes, "dL/dw1 ="));
    assert_non_null(strstr(bytes, "h2 ="));
    tw_explain_free(bytes);
}

static void the_maps_of_a_network_are_a_figure(void **state) {
    (void)state;
    tw_explain_request r = line_network();
    char *bytes;
    size_t size;
    r.format = TW_EXPLAIN_SVG;
    r.figure = "network";
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_OK);
    assert_memory_equal(bytes, "<svg ", 5);
    assert_non_null(strstr(bytes, "dense"));
    tw_explain_free(bytes);
    r.net.image = NULL;
    r.net.image_count = 0;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_UNSUPPORTED);
}

static void what_does_not_fit_the_network_is_named(void **state) {
    (void)state;
    tw_explain_request r = line_network();
    char *bytes;
    size_t size;
    r.net.image_count = 4;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "the network takes 3"));
    r = line_network();
    r.net.weights_count = 5;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "the network has 4"));
    r = line_network();
    r.net.label = 1;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "expected 0 to 0"));
    assert_null(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_gradients_are_those_worked_by_hand),
        cmocka_unit_test(a_layer_stands_as_sums_of_its_own_numbers),
        cmocka_unit_test(without_a_label_no_gradient_is_told),
        cmocka_unit_test(the_maps_of_a_network_are_a_figure),
        cmocka_unit_test(what_does_not_fit_the_network_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The explanation as text: the page of the worked example as it was checked by hand, lines that keep the
 * width, and input that cannot be explained. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <twill/explain.h>

#include "base/random.h"
#include "explain/golden.h"
#include "explain/ink.h"

static const double image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weights[] = {1, 2, 3, 4},
                    upstream[] = {2, -1, 2, -1};

static tw_explain_request worked_example(void) {
    tw_explain_request r = tw_explain_defaults();
    r.image = (tw_explain_values){image, 9};
    r.weights = (tw_explain_values){weights, 4};
    r.upstream = (tw_explain_values){upstream, 4};
    return r;
}

static void the_worked_example_reads_as_it_was_checked(void **state) {
    (void)state;
    tw_explain_request r = worked_example();
    check_golden(&r, "worked.txt");
    r.language = TW_CHINESE;
    r.width = 72;
    check_golden(&r, "worked.zh-TW.txt");
}

static void symbols_alone_read_as_they_were_checked(void **state) {
    (void)state;
    tw_explain_request r = tw_explain_defaults();
    r.ascii = true;
    check_golden(&r, "symbols.txt");
}

/* Two output channels, channels last: each row of the written product adds its own channel's bias. */
static void a_bias_stands_where_it_is_added(void **state) {
    (void)state;
    static const double two_kernels[] = {1, 2, 3, 4, 5, 6, 7, 8}, bias[] = {1, 2};
    enum { FORWARD = 1 << 0, MATRIX = 1 << 3 };
    tw_explain_request r = tw_explain_defaults();
    r.geometry.out_channels = 2;
    r.geometry.layout = TW_NHWC;
    r.image = (tw_explain_values){image, 9};
    r.weights = (tw_explain_values){two_kernels, 8};
    r.bias = (tw_explain_values){bias, 2};
    r.sections = FORWARD | MATRIX;
    check_golden(&r, "bias.txt");
}

/* Whatever is explained, no line is wider than asked. */
static void no_line_is_wider_than_the_page(void **state) {
    (void)state;
    static const int widths[] = {40, 60, 80, 120};
    tw_random random = tw_random_stream(5, TW_RANDOM_TEST, 0, 0);
    for (int n = 0; n < 200; n++) {
        tw_explain_request r = tw_explain_defaults();
        tw_geometry *g = &r.geometry;
        *g = tw_geometry_defaults(1 + n % 3);
        g->groups = 1 + (int64_t)tw_random_below(&random, 2);
        g->in_channels = g->groups * (1 + (int64_t)tw_random_below(&random, 2));
        g->out_channels = g->groups * (1 + (int64_t)tw_random_below(&random, 2));
        for (int a = 0; a < g->spatial; a++) {
            g->input[a] = 3 + (int64_t)tw_random_below(&random, 12);
            g->kernel[a] = 1 + (int64_t)tw_random_below(&random, 3);
            g->stride[a] = 1 + (int64_t)tw_random_below(&random, 2);
            g->pad_begin[a] = g->pad_end[a] = (int64_t)tw_random_below(&random, 2);
        }
        g->transposed = n % 5 == 0;
        r.language = n % 2 ? TW_CHINESE : TW_ENGLISH;
        r.ascii = n % 4 == 0;
        r.width = widths[n / 4 % 4];
        char *bytes;
        size_t size;
        tw_status status = tw_explain(&r, &bytes, &size);
        if (status == TW_ERROR_SHAPE) { /* padding may cut a transposed output away */
            tw_explain_free(bytes);
            continue;
        }
        assert_int_equal(status, TW_OK);
        for (const char *line = bytes; *line;) {
            size_t length = strcspn(line, "\n");
            if (tw_ink_width(line, length) > r.width) fail_msg("width %d: %.*s", r.width, (int)length, line);
            line += length + (line[length] == '\n');
        }
        tw_explain_free(bytes);
    }
}

static void a_large_convolution_stays_a_few_pages(void **state) {
    (void)state;
    tw_explain_request r = tw_explain_defaults();
    r.geometry.in_channels = r.geometry.out_channels = 64;
    r.geometry.input[0] = r.geometry.input[1] = 224;
    r.geometry.kernel[0] = r.geometry.kernel[1] = 3;
    for (int a = 0; a < 2; a++) r.geometry.pad_begin[a] = r.geometry.pad_end[a] = 1;
    char *bytes;
    size_t size;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_OK);
    int lines = 0;
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    assert_in_range(lines, 50, 600);
    assert_non_null(strstr(bytes, "3211264")); /* outputs */
    assert_non_null(strstr(bytes, " terms)"));
    tw_explain_free(bytes);
}

static void values_that_cannot_be_explained_are_named(void **state) {
    (void)state;
    double bad[9] = {1, 2, 3, 4, 5, 6, 7, 8, NAN};
    char *bytes;
    size_t size;
    tw_explain_request r = worked_example();
    r.image.values = bad;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_NUMERIC);
    assert_null(bytes);
    assert_non_null(strstr(tw_message(), "number 9"));
    bad[8] = 1e200;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_NUMERIC);
    r.image = (tw_explain_values){image, 8};
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "needs 9"));
    r = worked_example();
    r.upstream.count = INT64_MAX;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    r = worked_example();
    r.struct_size = 8;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_VERSION);
    r = tw_explain_defaults();
    r.geometry.input[0] = (int64_t)1 << 40;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_reads_as_it_was_checked),
        cmocka_unit_test(symbols_alone_read_as_they_were_checked),
        cmocka_unit_test(a_bias_stands_where_it_is_added),
        cmocka_unit_test(no_line_is_wider_than_the_page),
        cmocka_unit_test(a_large_convolution_stays_a_few_pages),
        cmocka_unit_test(values_that_cannot_be_explained_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

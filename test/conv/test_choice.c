/* What a plan chooses, and what it says of that: an algorithm for what is fast, never the last resort; the
 * same on any batch, number of threads and instruction set; the cheapest of those that do not decline. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 4000 };

static tw_conv *plan_of(const tw_geometry *g, const char *algorithm, const char *isa, int threads,
                        int number) {
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = algorithm, o.isa = isa, o.threads = threads, o.lends_workspace = true;
    o.type = number % 2 ? TW_F64 : TW_F32, o.accuracy = number / 2 % 2 ? TW_STRICT : TW_FAST;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, g, &o), TW_OK);
    return plan;
}

static const char *chosen(const tw_conv *plan, int pass) {
    tw_conv_description d;
    assert_int_equal(tw_conv_describe(plan, (tw_pass)pass, &d), TW_OK);
    return d.algorithm;
}

static void each_case(void (*check)(const tw_geometry *g, int number)) {
    for (int number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(7, TW_RANDOM_TEST, (uint64_t)number, 0);
        const tw_geometry g = case_draw_kind(&r, (case_kind)(number % CASE_KINDS));
        if (tw_geometry_validate(&g) == TW_OK) check(&g, number / CASE_KINDS);
    }
}

static void check_last_resort(const tw_geometry *g, int number) {
    tw_conv *plan = plan_of(g, NULL, NULL, 1, number);
    for (int pass = 0; pass < TW_PASSES; pass++) {
        if (strcmp(chosen(plan, pass), "reference") == 0) case_print(g, tw_pass_name((tw_pass)pass));
        assert_string_not_equal(chosen(plan, pass), "reference");
    }
    tw_conv_free(plan);
}

static void the_last_resort_is_never_chosen(void **state) {
    (void)state;
    each_case(check_last_resort);
}

/* Replicated padding that is many times the image: the direct sum takes it, on any threads and instruction
 * set, until the padded image is out of reach; then the plan is refused in words, unless the last resort is
 * named. */
static tw_geometry padded_geometry(int64_t pad) {
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = 2, g.in_channels = 3, g.out_channels = 5;
    g.pad_mode = TW_PAD_REPLICATE;
    for (int a = 0; a < 2; a++) g.input[a] = 4, g.kernel[a] = 3;
    g.pad_begin[1] = pad, g.pad_end[1] = pad / 2, g.dilation[1] = pad / 4, g.stride[1] = pad / 3;
    return g;
}

static void absurd_padding_is_computed_or_refused(void **state) {
    (void)state;
    const tw_geometry wide = padded_geometry(5000), wider = padded_geometry((int64_t)1 << 40);
    for (int number = 0; number < 4; number++) check_last_resort(&wide, number);
    tw_conv *plan = NULL;
    assert_int_equal(tw_conv_create(&plan, &wider, NULL), TW_ERROR_UNSUPPORTED);
    assert_null(plan);
    assert_non_null(strstr(tw_message(), "no algorithm takes the forward pass but \"reference\""));
    assert_non_null(strstr(tw_message(), "the padding is many times larger than the image"));
    tw_conv_free(plan_of(&wider, "reference", NULL, 1, 0));
}

static void check_cost(const tw_geometry *g, int number) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    tw_conv *plan = plan_of(g, NULL, NULL, 1, number);
    for (int pass = 0; pass < TW_PASSES; pass++) {
        const double least = tw_conv_cost(plan, (tw_pass)pass, chosen(plan, pass));
        assert_true(least >= 0);
        for (size_t i = 0; i < count; i++) {
            const double cost = tw_conv_cost(plan, (tw_pass)pass, names[i]);
            const char *declines = tw_conv_declines(plan, (tw_pass)pass, names[i]);
            assert_int_equal(isnan(cost), declines != NULL);
            assert_false(cost < least);
            if (declines) assert_true(strlen(declines) > 10); /* a sentence */
        }
    }
    tw_conv_free(plan);
}

static void the_cheapest_is_chosen_and_the_others_have_a_reason_or_a_cost(void **state) {
    (void)state;
    each_case(check_cost);
}

/* Groups of 8 channels waste half of Winograd's vectors, and its tiles cost the same for each group. */
static void the_gradient_of_narrow_groups_is_summed_directly(void **state) {
    (void)state;
    for (int channels = 8; channels <= 16; channels += 8) {
        tw_geometry g = tw_geometry_defaults(2);
        g.groups = 32, g.in_channels = g.out_channels = 32 * channels, g.layout = TW_NHWC;
        for (int a = 0; a < 2; a++) g.input[a] = 28, g.kernel[a] = 3, g.pad_begin[a] = g.pad_end[a] = 1;
        tw_conv *plan = plan_of(&g, NULL, NULL, 1, 0);
        assert_string_equal(chosen(plan, TW_BACKWARD_WEIGHTS), channels == 8 ? "direct" : "winograd-4x4");
        tw_conv_free(plan);
    }
}

/* Neither chosen nor to be had by name. */
static void check_strict(const tw_geometry *g, int number) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    tw_conv *plan = plan_of(g, NULL, NULL, 1, number % 2 + 2); /* strict, of both types */
    for (int pass = 0; pass < TW_PASSES; pass++) {
        assert_int_not_equal(strncmp(chosen(plan, pass), "winograd", 8), 0);
        for (size_t i = 0; i < count; i++)
            if (strncmp(names[i], "winograd", 8) == 0)
                assert_non_null(tw_conv_declines(plan, (tw_pass)pass, names[i]));
    }
    tw_conv_free(plan);
}

static void strict_never_takes_winograd(void **state) {
    (void)state;
    each_case(check_strict);
}

static void check_independence(const tw_geometry *g, int number) {
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    tw_geometry many = *g;
    many.batch = g->batch + 6;
    while (!isa[(size_t)number % isas].runs) ++number;
    tw_conv *plan = plan_of(g, NULL, NULL, 1, 0);
    tw_conv *other = plan_of(&many, NULL, isa[(size_t)number % isas].name, number % 8 + 1, 0);
    for (int pass = 0; pass < TW_PASSES; pass++) assert_string_equal(chosen(plan, pass), chosen(other, pass));
    tw_conv_free(plan), tw_conv_free(other);
}

static void neither_batch_nor_threads_nor_instruction_set_choose(void **state) {
    (void)state;
    each_case(check_independence);
}

static void the_cost_of_nothing_is_none(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = g.in_channels = g.out_channels = 1;
    for (int a = 0; a < 2; a++) g.input[a] = 4, g.kernel[a] = 3;
    tw_conv *plan = plan_of(&g, NULL, NULL, 1, 0);
    assert_true(isnan(tw_conv_cost(NULL, TW_FORWARD, "direct")));
    assert_true(isnan(tw_conv_cost(plan, (tw_pass)7, "direct")));
    assert_true(isnan(tw_conv_cost(plan, TW_FORWARD, "nonsense")));
    assert_true(isnan(tw_conv_cost(plan, TW_FORWARD, NULL)));
    assert_true(isinf(tw_conv_cost(plan, TW_FORWARD, "reference")));
    tw_conv_free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_resort_is_never_chosen),
        cmocka_unit_test(absurd_padding_is_computed_or_refused),
        cmocka_unit_test(the_cheapest_is_chosen_and_the_others_have_a_reason_or_a_cost),
        cmocka_unit_test(the_gradient_of_narrow_groups_is_summed_directly),
        cmocka_unit_test(strict_never_takes_winograd),
        cmocka_unit_test(neither_batch_nor_threads_nor_instruction_set_choose),
        cmocka_unit_test(the_cost_of_nothing_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

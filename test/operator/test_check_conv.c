/* wraps: tw_conv_execute */
/* The check of the convolution: that it passes, says what it did, stops when told, and is the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <twill/check.h>
#include <twill/conv.h>

#include "operator/conv_problem.h"
#include "operator/random_geometry.h"

/* What a report saw. */
typedef struct record {
    int64_t lines, most_lines;
    uint64_t hash; /* of all subjects */
    bool quiet;
    char variants[60000];
} record;

static bool note(void *context, const tw_check_line *line) {
    record *l = context;
    l->lines++;
    for (const char *s = line->subject; *s; s++) l->hash = l->hash * 31 + (unsigned char)*s;
    if (l->lines <= 100 || line->failed) strncat(strncat(l->variants, line->variant, 150), "\n", 2);
    if (line->failed && !l->quiet)
        print_error("%s: %s (%g)\n", line->subject, line->variant, line->largest_error);
    return l->lines != l->most_lines;
}

static tw_check_options options_for(record *l, int64_t count, uint64_t seed) {
    tw_check_options o = tw_check_options_defaults();
    o.count = count, o.seed = seed, o.threads = 2;
    o.report = note, o.context = l;
    return o;
}

static void every_algorithm_equals_the_matrix(void **state) {
    (void)state;
    record l = {0};
    tw_check_options o = options_for(&l, 150, 20260);
    tw_check_result result;
    assert_int_equal(tw_check_conv(&o, &result), TW_OK);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.checked, l.lines);
    assert_true(result.checked >= 150 * 2 * 3 * 2);
    assert_true(result.largest_error <= 1);
}

static void all_algorithms_types_passes_and_instruction_sets_are_met(void **state) {
    (void)state;
    record l = {0};
    tw_check_options o = options_for(&l, 0, 1);
    o.geometry = "2d nchw n2 c3 k5 i7x6 f3 p1";
    tw_check_result result;
    assert_int_equal(tw_check_conv(&o, &result), TW_OK);
    assert_int_equal(result.failed, 0);
    static const char *const words[] = {
        "reference",          "chosen ",   " f32 ",    " f64 ", " forward ", " backward-data ",
        " backward-weights ", "threads 1", "threads 2"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_non_null(strstr(l.variants, words[i]));
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    for (size_t i = 0; i < isas; i++) {
        char word[32];
        snprintf(word, sizeof word, " %s ", isa[i].name);
        assert_int_equal(strstr(l.variants, word) != NULL, isa[i].runs);
    }
}

static void geometries_that_once_failed_pass(void **state) {
    (void)state;
    static const char *const lines[] = {
        /* weights that meet only padding: their gradient came out of Winograd as a rounding error, not as
           zero */
        "2d nhwc n2 c1 k28 g1 i1x14 f3x3 s1x1 d1x1 p2,1x0,0 zeros flipped",
        "2d nchw n2 c2 k5 g1 i1x8 f3x3 s1x1 d1x1 p1,2x0,2 zeros",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        record l = {0};
        tw_check_options o = options_for(&l, 0, 99);
        o.geometry = lines[i];
        tw_check_result result;
        assert_int_equal(tw_check_conv(&o, &result), TW_OK);
        assert_int_equal(result.failed, 0);
    }
}

static void the_same_seed_gives_the_same_geometries(void **state) {
    (void)state;
    record a = {0}, b = {0}, c = {0};
    tw_check_result result;
    tw_check_options first = options_for(&a, 10, 5), second = options_for(&b, 10, 5),
                     third = options_for(&c, 10, 6);
    assert_int_equal(tw_check_conv(&first, &result), TW_OK);
    assert_int_equal(tw_check_conv(&second, &result), TW_OK);
    assert_int_equal(tw_check_conv(&third, &result), TW_OK);
    assert_true(a.hash == b.hash && a.lines == b.lines);
    assert_true(a.hash != c.hash);
}

static void a_report_stops_the_check(void **state) {
    (void)state;
    record l = {.most_lines = 7};
    tw_check_options o = options_for(&l, 10, 1);
    tw_check_result result;
    assert_int_equal(tw_check_conv(&o, &result), TW_STOPPED);
    assert_int_equal(l.lines, 7);
    assert_int_equal(result.checked, 7);
}

static void options_that_cannot_be_used_are_named(void **state) {
    (void)state;
    tw_check_result result;
    tw_check_options o = tw_check_options_defaults();
    o.count = -1;
    assert_int_equal(tw_check_conv(&o, &result), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "count is -1"));
    o = tw_check_options_defaults();
    o.threads = -3;
    assert_int_equal(tw_check_conv(&o, &result), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "threads is -3"));
    o = tw_check_options_defaults();
    o.struct_size = 8;
    assert_int_equal(tw_check_conv(&o, &result), TW_ERROR_VERSION);
    o = tw_check_options_defaults();
    o.geometry = "2d c1 k1 i3 f3 g0";
    assert_int_equal(tw_check_conv(&o, &result), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "groups is 0"));
    assert_int_equal(tw_check_conv(&o, NULL), TW_ERROR_ARGUMENT);
}

/* Where the test puts an error into the last output of each forward pass: none, a wrong value, NaN, or a
 * value that is right but has other bits on one thread than on two. */
static enum { NOTHING, VALUE, NOT_A_NUMBER, SIGN_OF_ZERO } sabotage;

tw_status __real_tw_conv_execute(const tw_conv *plan, const tw_conv_call *call);
tw_status __wrap_tw_conv_execute(const tw_conv *plan, const tw_conv_call *call);
tw_status __wrap_tw_conv_execute(const tw_conv *plan, const tw_conv_call *call) {
    static int calls;
    tw_status status = __real_tw_conv_execute(plan, call);
    if (call->pass != TW_FORWARD) return status;
    float *last =
        (float *)call->y + 3; /* the geometry below has 4 outputs; of f64 this is half of the second */
    if (sabotage == VALUE) *last += 1;
    if (sabotage == NOT_A_NUMBER) *last = NAN;
    if (sabotage == SIGN_OF_ZERO && *last == 0) *last = ++calls % 2 ? 0.0f : -0.0f;
    return status;
}

static void errors_are_found(void **state) {
    (void)state;
    record l = {0};
    tw_check_options o = options_for(&l, 0, 1);
    o.geometry = "1d nchw n1 c1 k4 i1 f1";
    tw_check_result result;
    l.quiet = true;
    for (sabotage = VALUE; sabotage <= NOT_A_NUMBER; sabotage++) {
        memset(l.variants, 0, sizeof l.variants);
        assert_int_equal(tw_check_conv(&o, &result), TW_OK);
        assert_true(result.failed > 0 && result.failed < result.checked);
        assert_true(result.largest_error >= 1);
        assert_non_null(strstr(l.variants, "f32 forward threads 1: y[3] is "));
    }
    sabotage = NOTHING;
}

/* Seeds are tried until the last output is zero: 0 and -0 are equal, their bits are not. */
static void other_bits_are_found(void **state) {
    (void)state;
    bool found = false;
    sabotage = SIGN_OF_ZERO;
    for (uint64_t seed = 0; seed < 40 && !found; seed++) {
        record l = {.quiet = true};
        tw_check_options o = options_for(&l, 0, seed);
        o.geometry = "1d nchw n1 c1 k4 i1 f1";
        tw_check_result result;
        assert_int_equal(tw_check_conv(&o, &result), TW_OK);
        found = strstr(l.variants, "the bits of y differ from those of the first run") != NULL;
        assert_true(found == (result.failed > 0));
    }
    sabotage = NOTHING;
    assert_true(found);
}

/* Two channels of three pixels, one image; the sums are written out. */
static void the_reference_is_the_sum_that_is_written_by_hand(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(1);
    g.in_channels = 2, g.out_channels = 1, g.input[0] = 3, g.kernel[0] = 2, g.layout = TW_NHWC;
    tw_random random = tw_random_stream(3, TW_RANDOM_TEST, 0, 0);
    tw_conv_problem p;
    assert_int_equal(tw_conv_problem_create(&p, &g, &random), TW_OK);
    const double *x = p.value[TW_CONV_X], *w = p.value[TW_CONV_W], *dy = p.value[TW_CONV_DY];
    for (int o = 0; o < 2; o++) {
        double y = x[2 * o] * w[0] + x[2 * o + 2] * w[1] + x[2 * o + 1] * w[2] + x[2 * o + 3] * w[3];
        assert_true(p.value[TW_CONV_Y][o] == y + p.value[TW_CONV_B][0]);
    }
    assert_true(p.value[TW_CONV_DX][2] == w[1] * dy[0] + w[0] * dy[1]);
    assert_true(p.value[TW_CONV_DW][3] == dy[0] * x[3] + dy[1] * x[5]);
    assert_true(p.value[TW_CONV_DB][0] == dy[0] + dy[1]);
    assert_true(((float *)p.typed[TW_F32][TW_CONV_X])[4] == x[4]);
    tw_conv_problem_free(&p);
}

/* The generator meets what it is there for. */
static void random_geometries_cover_the_kinds(void **state) {
    (void)state;
    enum { KINDS = 18 };
    int met[KINDS] = {0};
    tw_random random = tw_random_stream(4, TW_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 2000; i++) {
        tw_geometry g = tw_geometry_random(&random, 20000);
        assert_int_equal(tw_geometry_validate(&g), TW_OK);
        met[g.spatial - 1]++;
        met[3 + g.pad_mode]++;
        met[7] += g.transposed;
        met[8] += g.flipped;
        met[9] += g.layout == TW_NHWC;
        met[10] += g.batch == 0;
        met[11] += g.groups > 1 && g.groups < g.in_channels;
        met[12] += g.groups > 1 && g.groups == g.in_channels;
        met[13] += g.out_channels >= 17;
        met[14] += g.in_channels >= 17;
        met[15] += g.pad_begin[0] != g.pad_end[0];
        met[16] += g.output_padding[0] > 0;
        met[17] += g.pad_begin[0] >= (g.kernel[0] - 1) * g.dilation[0] + 1;
    }
    for (int k = 0; k < KINDS; k++)
        if (met[k] < 40) fail_msg("kind %d is met %d times in 2000", k, met[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_equals_the_matrix),
        cmocka_unit_test(all_algorithms_types_passes_and_instruction_sets_are_met),
        cmocka_unit_test(geometries_that_once_failed_pass),
        cmocka_unit_test(the_same_seed_gives_the_same_geometries),
        cmocka_unit_test(a_report_stops_the_check),
        cmocka_unit_test(options_that_cannot_be_used_are_named),
        cmocka_unit_test(errors_are_found),
        cmocka_unit_test(other_bits_are_found),
        cmocka_unit_test(the_reference_is_the_sum_that_is_written_by_hand),
        cmocka_unit_test(random_geometries_cover_the_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

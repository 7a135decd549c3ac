/* Squares worked by hand: what a convolution and its gradients are, in numbers that fit on paper. Every
 * algorithm that takes them, every instruction set of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/conv.h>

static tw_geometry square(int64_t input, int64_t kernel, int64_t pad) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = 1;
    for (int a = 0; a < 2; a++) g.input[a] = input, g.kernel[a] = kernel, g.pad_begin[a] = g.pad_end[a] = pad;
    return g;
}

/* Calls check(plan) for a plan of each algorithm and instruction set. */
static void each_plan(const tw_geometry *g, void (*check)(const tw_conv *plan)) {
    size_t algorithms, isas;
    const char *const *algorithm = tw_conv_algorithms(&algorithms);
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    for (size_t i = 0; i < algorithms; i++)
        for (size_t j = 0; j < isas; j++) {
            if (!isa[j].runs) continue;
            tw_conv_options o = tw_conv_options_defaults();
            o.algorithm = algorithm[i], o.isa = isa[j].name;
            tw_conv *plan;
            tw_status status = tw_conv_create(&plan, g, &o);
            if (status == TW_ERROR_UNSUPPORTED) continue;
            assert_int_equal(status, TW_OK);
            check(plan);
            tw_conv_free(plan);
        }
}

static void expect(const float *got, const float *wanted, int count) {
    for (int i = 0; i < count; i++) assert_true(got[i] == wanted[i]);
}

static void check_ones(const tw_conv *plan) {
    const float ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, sums[9] = {4, 6, 4, 6, 9, 6, 4, 6, 4};
    float y[9];
    assert_int_equal(tw_conv_forward(plan, ones, ones, NULL, y), TW_OK);
    expect(y, sums, 9);
    assert_int_equal(tw_conv_backward_data(plan, ones, ones, y), TW_OK);
    expect(y, sums, 9);
    assert_int_equal(tw_conv_backward_weights(plan, ones, ones, y, NULL), TW_OK);
    expect(y, sums, 9);
}

static void ones_with_same_padding_count_their_neighbours(void **state) {
    (void)state;
    tw_geometry g = square(3, 3, 1);
    each_plan(&g, check_ones);
}

/* x = 1..9, w = 1..4, valid: y[0] = 1*1 + 2*2 + 4*3 + 5*4 = 37 and so on. */
static void check_worked(const tw_conv *plan) {
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[4] = {1, 2, 3, 4}, b[1] = {100}, dy[4] = {1, 0, 0, -1};
    float y[4], dx[9], dw[4], db[1];
    assert_int_equal(tw_conv_forward(plan, x, w, b, y), TW_OK);
    expect(y, (float[]){137, 147, 167, 177}, 4);
    assert_int_equal(tw_conv_backward_data(plan, dy, w, dx), TW_OK);
    expect(dx, (float[]){1, 2, 0, 3, 3, -2, 0, -3, -4}, 9);
    assert_int_equal(tw_conv_backward_weights(plan, x, dy, dw, db), TW_OK);
    expect(dw, (float[]){-4, -4, -4, -4}, 4);
    expect(db, (float[]){0}, 1);
}

static void the_worked_example_has_the_numbers_of_the_paper(void **state) {
    (void)state;
    tw_geometry g = square(3, 2, 0);
    each_plan(&g, check_worked);
}

static void check_flipped(const tw_conv *plan) {
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[4] = {1, 2, 3, 4};
    float y[4];
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y), TW_OK);
    expect(y, (float[]){23, 33, 53, 63}, 4); /* 4*1 + 3*2 + 2*4 + 1*5 = 23 */
}

static void a_true_convolution_turns_the_kernel_round(void **state) {
    (void)state;
    tw_geometry g = square(3, 2, 0);
    g.flipped = true;
    each_plan(&g, check_flipped);
}

/* A transposed convolution paints the kernel at each input: 2x2 inputs, 2x2 kernel, stride 2. */
static void check_transposed(const tw_conv *plan) {
    const float x[4] = {1, 2, 3, 4}, w[4] = {1, 10, 100, 1000}, b[1] = {0.5f};
    float y[16];
    assert_int_equal(tw_conv_forward(plan, x, w, b, y), TW_OK);
    expect(y,
           (float[]){1.5f, 10.5f, 2.5f, 20.5f, 100.5f, 1000.5f, 200.5f, 2000.5f, 3.5f, 30.5f, 4.5f, 40.5f,
                     300.5f, 3000.5f, 400.5f, 4000.5f},
           16);
}

static void a_transposed_convolution_paints_the_kernel(void **state) {
    (void)state;
    tw_geometry g = square(2, 2, 0);
    g.transposed = true;
    g.stride[0] = g.stride[1] = 2;
    each_plan(&g, check_transposed);
}

/* The row 1 2 3 4 padded by 2, seen through the kernel 1 0: y[i] is the padded row itself. */
static void padding_continues_a_row_as_its_mode_says(void **state) {
    (void)state;
    static const float padded[4][7] = {
        {0, 0, 1, 2, 3, 4, 0}, {3, 2, 1, 2, 3, 4, 3}, {1, 1, 1, 2, 3, 4, 4}, {3, 4, 1, 2, 3, 4, 1}};
    for (int mode = 0; mode < 4; mode++) {
        tw_geometry g = tw_geometry_defaults(1);
        g.in_channels = g.out_channels = 1;
        g.input[0] = 4, g.kernel[0] = 2, g.pad_begin[0] = g.pad_end[0] = 2;
        g.pad_mode = (tw_pad_mode)mode;
        tw_conv *plan;
        assert_int_equal(tw_conv_create(&plan, &g, NULL), TW_OK);
        float y[7];
        assert_int_equal(tw_conv_forward(plan, (float[]){1, 2, 3, 4}, (float[]){1, 0}, NULL, y), TW_OK);
        expect(y, padded[mode], 7);
        tw_conv_free(plan);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_with_same_padding_count_their_neighbours),
        cmocka_unit_test(the_worked_example_has_the_numbers_of_the_paper),
        cmocka_unit_test(a_true_convolution_turns_the_kernel_round),
        cmocka_unit_test(a_transposed_convolution_paints_the_kernel),
        cmocka_unit_test(padding_continues_a_row_as_its_mode_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

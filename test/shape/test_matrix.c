/* The conv matrix against squares worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/matrix.h>

static tw_geometry plane(int64_t height, int64_t width, int64_t kernel_height, int64_t kernel_width) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = 1;
    g.input[0] = height, g.input[1] = width;
    g.kernel[0] = kernel_height, g.kernel[1] = kernel_width;
    return g;
}

static tw_geometry line(int64_t input, int64_t kernel) {
    tw_geometry g = tw_geometry_defaults(1);
    g.in_channels = g.out_channels = 1;
    g.input[0] = input, g.kernel[0] = kernel;
    return g;
}

static void pad(tw_geometry *g, int64_t all) {
    for (int a = 0; a < g->spatial; a++) g->pad_begin[a] = g->pad_end[a] = all;
}

static tw_matrix *matrix_of(const tw_geometry *g) {
    tw_matrix *m;
    assert_int_equal(tw_matrix_create(&m, g), TW_OK);
    return m;
}

/* y = W x for one image. */
static void expect_forward(tw_geometry g, const double *w, const double *x, const double *expected) {
    double y[64];
    tw_matrix *m = matrix_of(&g);
    assert_in_range(m->rows, 1, 64);
    assert_int_equal(tw_matrix_apply(m, TW_F64, 1, w, x, y), TW_OK);
    for (int64_t i = 0; i < m->rows; i++) assert_true(y[i] == expected[i]);
    tw_matrix_free(m);
}

static const double ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static void a_3x3_image_and_a_2x2_kernel_give_the_4x9_matrix_of_the_readme(void **state) {
    (void)state;
    tw_geometry g = plane(3, 3, 2, 2);
    static const int64_t column[16] = {0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8};
    tw_matrix *m = matrix_of(&g);
    assert_int_equal(m->rows, 4);
    assert_int_equal(m->columns, 9);
    assert_int_equal(m->nonzeros, 16);
    assert_int_equal(m->parameters, 4);
    assert_int_equal(m->rows * m->columns, 36); /* the full connection */
    for (int64_t i = 0; i <= 4; i++) assert_int_equal(m->row_begin[i], 4 * i);
    for (int64_t n = 0; n < 16; n++) {
        assert_int_equal(m->column[n], column[n]);
        assert_int_equal(m->parameter[n], n % 4);
    }
    tw_matrix_free(m);
}

static void ones_under_ones_with_same_padding_count_the_neighbours(void **state) {
    (void)state;
    tw_geometry g = plane(3, 3, 3, 3);
    pad(&g, 1);
    expect_forward(g, ones, ones, (double[]){4, 6, 4, 6, 9, 6, 4, 6, 4});
}

static void correlation_slides_the_kernel_and_convolution_turns_it(void **state) {
    (void)state;
    tw_geometry g = plane(3, 3, 2, 2);
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4};
    expect_forward(g, w, x, (double[]){37, 47, 67, 77});
    g.flipped = true;
    expect_forward(g, w, x, (double[]){23, 33, 53, 63});
}

static void gradients_of_the_worked_example(void **state) {
    (void)state;
    tw_geometry g = plane(3, 3, 2, 2);
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4}, dy[] = {1, 0, 2, -1};
    static const double expected_dx[] = {1, 2, 0, 5, 7, -2, 6, 5, -4}, expected_dw[] = {4, 6, 10, 12};
    double dx[9], dw[4];
    tw_matrix *m = matrix_of(&g);
    assert_int_equal(tw_matrix_apply_transposed(m, TW_F64, 1, w, dy, dx), TW_OK);
    assert_int_equal(tw_matrix_gradient(m, TW_F64, 1, x, dy, dw), TW_OK);
    for (int i = 0; i < 9; i++) assert_true(dx[i] == expected_dx[i]);
    for (int i = 0; i < 4; i++) assert_true(dw[i] == expected_dw[i]);
    tw_matrix_free(m);
}

/* The rows of geometry.h, with a kernel that picks one place after the other. */
static void padding_modes_continue_1_2_3_4_as_the_header_draws(void **state) {
    (void)state;
    static const double x[] = {1, 2, 3, 4}, one[] = {1};
    static const struct {
        tw_pad_mode mode;
        double expected[8];
    } rows[] = {{TW_PAD_ZEROS, {0, 0, 1, 2, 3, 4, 0, 0}},
                {TW_PAD_REFLECT, {3, 2, 1, 2, 3, 4, 3, 2}},
                {TW_PAD_REPLICATE, {1, 1, 1, 2, 3, 4, 4, 4}},
                {TW_PAD_CIRCULAR, {3, 4, 1, 2, 3, 4, 1, 2}}};
    for (int i = 0; i < 4; i++) {
        tw_geometry g = line(4, 1);
        pad(&g, 2);
        g.pad_mode = rows[i].mode;
        expect_forward(g, one, x, rows[i].expected);
    }
}

static void stride_and_dilation_skip_places(void **state) {
    (void)state;
    static const double x[] = {1, 10, 100, 1000, 10000, 100000}, w[] = {1, 2};
    tw_geometry g = line(6, 2);
    g.stride[0] = 2;
    expect_forward(g, w, x, (double[]){21, 2100, 210000});
    g.stride[0] = 1, g.dilation[0] = 3;
    expect_forward(g, w, x, (double[]){2001, 20010, 200100});
    g.dilation[0] = 1, g.stride[0] = 3, g.pad_begin[0] = 1, g.pad_end[0] = 0;
    expect_forward(g, w, x, (double[]){2, 2100, 0});
}

/* Worked from the scatter form: each input lays its multiple of the kernel down, stride places apart. */
static void a_transposed_convolution_scatters(void **state) {
    (void)state;
    static const double x[] = {1, 2, 3}, w[] = {1, 10, 100};
    tw_geometry g = line(3, 3);
    g.transposed = true;
    g.stride[0] = 2;
    expect_forward(g, w, x, (double[]){1, 10, 102, 20, 203, 30, 300});
    g.output_padding[0] = 1;
    expect_forward(g, w, x, (double[]){1, 10, 102, 20, 203, 30, 300, 0});
    g.pad_begin[0] = 2, g.pad_end[0] = 1;
    expect_forward(g, w, x, (double[]){102, 20, 203, 30, 300});
    g.flipped = true;
    expect_forward(g, w, x, (double[]){201, 20, 302, 30, 3});
}

static void places_where_parameters_meet_stand_twice_in_order(void **state) {
    (void)state;
    tw_geometry g = line(1, 3);
    pad(&g, 1);
    g.pad_mode = TW_PAD_REPLICATE;
    for (int flipped = 0; flipped < 2; flipped++) {
        g.flipped = flipped;
        tw_matrix *m = matrix_of(&g);
        assert_int_equal(m->rows, 1);
        assert_int_equal(m->nonzeros, 3);
        for (int64_t n = 0; n < 3; n++) {
            assert_int_equal(m->column[n], 0);
            assert_int_equal(m->parameter[n], n);
        }
        tw_matrix_free(m);
    }
    expect_forward(g, (double[]){1, 20, 300}, (double[]){2}, (double[]){642});
}

/* Row C07: the window of the first and last outputs lies wholly in the padding. */
static void empty_rows_are_kept(void **state) {
    (void)state;
    tw_geometry g = line(2, 2);
    pad(&g, 3);
    tw_matrix *m = matrix_of(&g);
    static const int64_t begin[] = {0, 0, 0, 1, 3, 4, 4, 4};
    assert_int_equal(m->rows, 7);
    for (int i = 0; i <= 7; i++) assert_int_equal(m->row_begin[i], begin[i]);
    tw_matrix_free(m);
    expect_forward(g, ones, ones, (double[]){0, 0, 1, 2, 1, 0, 0});
}

/* Row C01: the products of this geometry pass 2^31 while its nonzeros, and so the matrix, are few. */
static void a_matrix_with_more_than_2_to_the_31_products_but_few_nonzeros_is_built(void **state) {
    (void)state;
    tw_geometry g = line(1, 70000);
    pad(&g, 69999);
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.y, 70000 - 1 + 70000 - 70000 + 1);
    assert_true(sizes.y * sizes.w > (int64_t)INT32_MAX);
    assert_int_equal(sizes.taps, 70000);
}

/* Rows C01 and C02: 2^32 rows and columns; what does not fit in memory is refused, and nothing wraps. */
static void a_matrix_of_2_to_the_62_places_is_refused_or_counted_never_wrapped(void **state) {
    (void)state;
    tw_geometry g = line((int64_t)1 << 32, 1);
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.taps, (int64_t)1 << 32);
    g.input[0] = (int64_t)1 << 57;
    tw_matrix *m = (tw_matrix *)&g;
    assert_int_equal(tw_matrix_create(&m, &g), TW_ERROR_MEMORY);
    assert_null(m);
    assert_non_null(strstr(tw_message(), "no memory"));
    g.input[0] = (int64_t)1 << 60;
    assert_int_equal(tw_matrix_create(&m, &g), TW_ERROR_OVERFLOW);
    assert_null(m);
}

static void images_of_a_batch_stand_one_after_the_other(void **state) {
    (void)state;
    tw_geometry g = line(2, 2);
    tw_matrix *m = matrix_of(&g);
    static const float w[] = {2, 3}, x[] = {1, 10, 100, 1000}, dy[] = {1, 2};
    float y[2], dx[4], dw[2];
    assert_int_equal(tw_matrix_apply(m, TW_F32, 2, w, x, y), TW_OK);
    assert_true(y[0] == 32 && y[1] == 3200);
    assert_int_equal(tw_matrix_apply_transposed(m, TW_F32, 2, w, dy, dx), TW_OK);
    assert_true(dx[0] == 2 && dx[1] == 3 && dx[2] == 4 && dx[3] == 6);
    assert_int_equal(tw_matrix_gradient(m, TW_F32, 2, x, dy, dw), TW_OK);
    assert_true(dw[0] == 201 && dw[1] == 2010);
    assert_int_equal(tw_matrix_gradient(m, TW_F32, 0, NULL, NULL, dw), TW_OK);
    assert_true(dw[0] == 0 && dw[1] == 0);
    tw_matrix_free(m);
}

static float row_sum(const float w[3], const float x[3]) {
    tw_geometry g = line(3, 3);
    tw_matrix *m = matrix_of(&g);
    float y;
    assert_int_equal(tw_matrix_apply(m, TW_F32, 1, w, x, &y), TW_OK);
    tw_matrix_free(m);
    return y;
}

static void sums_in_f32_are_fused_and_in_the_order_of_the_nonzeros(void **state) {
    (void)state;
    static const float one[] = {1, 1, 1}, w[] = {1, 0x1p-24f, 0x1p-24f}, turned[] = {0x1p-24f, 0x1p-24f, 1};
    assert_true(row_sum(w, one) == 1); /* 1 + 2^-24 rounds to 1, twice */
    assert_true(row_sum(turned, one) == 0x1.000002p0f);
    /* (1 + 2^-23)^2 - (1 + 2^-22) is 2^-46 when the product is not rounded by itself */
    static const float fused[] = {-1, 0x1.000002p0f, 0}, fused_x[] = {0x1.000004p0f, 0x1.000002p0f, 0};
    assert_true(row_sum(fused, fused_x) == 0x1p-46f);
}

static void products_refuse_what_they_cannot_use(void **state) {
    (void)state;
    tw_geometry g = line(2, 2);
    tw_matrix *m = matrix_of(&g);
    double v[2] = {7, 7};
    assert_int_equal(tw_matrix_apply(NULL, TW_F64, 1, v, v, v), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "matrix is NULL"));
    assert_int_equal(tw_matrix_apply(m, TW_F64, 1, NULL, v, v), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "w is NULL"));
    assert_int_equal(tw_matrix_apply_transposed(m, TW_F64, 1, v, NULL, v), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "dy is NULL"));
    assert_int_equal(tw_matrix_gradient(m, TW_F64, 0, NULL, NULL, NULL), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "dw is NULL"));
    assert_int_equal(tw_matrix_gradient(m, TW_F64, -1, v, v, v), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "batch is -1"));
    assert_int_equal(tw_matrix_apply(m, (tw_type)9, 1, v, v, v), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "type is 9"));
    assert_int_equal(tw_matrix_create(NULL, &g), TW_ERROR_ARGUMENT);
    assert_true(v[0] == 7 && v[1] == 7);
    tw_matrix_free(m);
    tw_matrix_free(NULL);
}

static void expect_name(const tw_geometry *g, int64_t parameter, const char *expected) {
    char name[64];
    tw_matrix_parameter_name(g, parameter, name, sizeof name);
    assert_string_equal(name, expected);
}

static void parameters_have_the_names_that_people_write(void **state) {
    (void)state;
    tw_geometry g = plane(5, 5, 2, 2);
    expect_name(&g, 0, "w11");
    expect_name(&g, 1, "w12");
    expect_name(&g, 3, "w22");
    expect_name(&g, 4, "?");
    expect_name(&g, -1, "?");
    g.in_channels = 3, g.out_channels = 2;
    expect_name(&g, 12 + 1, "w[2,1,1,2]");
    expect_name(&g, 23, "w[2,3,2,2]");
    g.in_channels = 1;
    expect_name(&g, 6, "w[2,2,1]");
    tw_geometry wide = plane(1, 12, 1, 10);
    expect_name(&wide, 9, "w[10]");
    wide.kernel[1] = 3;
    expect_name(&wide, 2, "w3");
    wide.kernel[1] = 1;
    expect_name(&wide, 0, "w");
    tw_geometry illegal = tw_geometry_defaults(7);
    expect_name(&illegal, 0, "?");
    char small[3];
    tw_matrix_parameter_name(&g, 6, small, sizeof small);
    assert_string_equal(small, "w[");
    tw_matrix_parameter_name(&g, 6, small, 1);
    assert_string_equal(small, "");
    tw_matrix_parameter_name(&g, 6, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_3x3_image_and_a_2x2_kernel_give_the_4x9_matrix_of_the_readme),
        cmocka_unit_test(ones_under_ones_with_same_padding_count_the_neighbours),
        cmocka_unit_test(correlation_slides_the_kernel_and_convolution_turns_it),
        cmocka_unit_test(gradients_of_the_worked_example),
        cmocka_unit_test(padding_modes_continue_1_2_3_4_as_the_header_draws),
        cmocka_unit_test(stride_and_dilation_skip_places),
        cmocka_unit_test(a_transposed_convolution_scatters),
        cmocka_unit_test(places_where_parameters_meet_stand_twice_in_order),
        cmocka_unit_test(empty_rows_are_kept),
        cmocka_unit_test(a_matrix_with_more_than_2_to_the_31_products_but_few_nonzeros_is_built),
        cmocka_unit_test(a_matrix_of_2_to_the_62_places_is_refused_or_counted_never_wrapped),
        cmocka_unit_test(images_of_a_batch_stand_one_after_the_other),
        cmocka_unit_test(sums_in_f32_are_fused_and_in_the_order_of_the_nonzeros),
        cmocka_unit_test(products_refuse_what_they_cannot_use),
        cmocka_unit_test(parameters_have_the_names_that_people_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

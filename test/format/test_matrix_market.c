/* Matrix Market files, read back by a reader of a few lines and compared with matrices worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <twill/matrix.h>

#include "scratch.h"

static scratch files;
static const char *const folder = files.folder, *const path = files.path;

static int make_folder(void **state) {
    (void)state;
    scratch_make(&files);
    scratch_path(&files, "W.mtx");
    return 0;
}

/* Fails when anything else was left behind. */
static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    const bool left = scratch_count(&files) > 0;
    scratch_remove(&files);
    return left ? -1 : 0;
}

static tw_matrix *line_matrix(int64_t input, int64_t kernel, int64_t pad, tw_pad_mode mode) {
    tw_geometry g = tw_geometry_defaults(1);
    g.in_channels = g.out_channels = 1;
    g.input[0] = input, g.kernel[0] = kernel;
    g.pad_begin[0] = g.pad_end[0] = pad;
    g.pad_mode = mode;
    tw_matrix *m;
    assert_int_equal(tw_matrix_create(&m, &g), TW_OK);
    return m;
}

static void expect_file(const char *expected) {
    char text[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, expected);
}

static void values_are_written_row_by_row_counted_from_1(void **state) {
    (void)state;
    tw_matrix *m = line_matrix(3, 2, 0, TW_PAD_ZEROS);
    assert_int_equal(tw_matrix_write(m, (double[]){0.1, -2}, path), TW_OK);
    expect_file("%%MatrixMarket matrix coordinate real general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the weights.\n"
                "2 3 4\n1 1 0.1\n1 2 -2\n2 2 0.1\n2 3 -2\n");
    tw_matrix_free(m);
}

static void without_weights_the_parameter_numbers_are_written(void **state) {
    (void)state;
    tw_matrix *m = line_matrix(3, 2, 0, TW_PAD_ZEROS);
    assert_int_equal(tw_matrix_write(m, NULL, path), TW_OK);
    expect_file("%%MatrixMarket matrix coordinate integer general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the number of the weight that stands there, counted from 1.\n"
                "2 3 4\n1 1 1\n1 2 2\n2 2 1\n2 3 2\n");
    tw_matrix_free(m);
}

/* Replicate padding of 1 2 by 1 under the kernel a b c: row 1 is (a + b, c), row 2 is (a, b + c). */
static void places_that_stand_twice_are_summed_as_values_and_kept_as_numbers(void **state) {
    (void)state;
    tw_matrix *m = line_matrix(2, 3, 1, TW_PAD_REPLICATE);
    assert_int_equal(tw_matrix_write(m, (double[]){1, 20, 300}, path), TW_OK);
    expect_file("%%MatrixMarket matrix coordinate real general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the weights.\n"
                "2 2 4\n1 1 21\n1 2 300\n2 1 1\n2 2 320\n");
    assert_int_equal(tw_matrix_write(m, NULL, path), TW_OK);
    expect_file("%%MatrixMarket matrix coordinate integer general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the number of the weight that stands there, counted from 1.\n"
                "2 2 6\n1 1 1\n1 1 2\n1 2 3\n2 1 1\n2 2 2\n2 2 3\n");
    tw_matrix_free(m);
}

static void every_double_comes_back_the_same(void **state) {
    (void)state;
    static const double values[] = {1.0 / 3, 0.1,  1e300,  -0x1.fffffffffffffp1023, 0x1p-1074, 5e-324,
                                    1e22,    -0.0, 123456, 9007199254740993.0,      M_PI};
    enum { COUNT = sizeof values / sizeof *values };
    tw_matrix *m = line_matrix(COUNT, COUNT, 0, TW_PAD_ZEROS);
    assert_int_equal(tw_matrix_write(m, values, path), TW_OK);
    FILE *file = fopen(path, "r");
    char text[256];
    for (int i = 0; i < 4; i++) assert_non_null(fgets(text, sizeof text, file));
    assert_string_equal(text, "1 11 11\n");
    for (int i = 0; i < COUNT; i++) {
        long row, column;
        char number[64];
        assert_int_equal(fscanf(file, "%ld %ld %63s", &row, &column, number), 3);
        assert_int_equal(column, i + 1);
        assert_true(strtod(number, NULL) == values[i]);
    }
    fclose(file);
    tw_matrix_free(m);
}

/* Where no locale with a comma is installed this shows nothing more than the tests above. */
static void a_locale_with_a_decimal_comma_changes_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"};
    tw_matrix *m = line_matrix(1, 1, 0, TW_PAD_ZEROS);
    for (int i = 0; i < 3 && !setlocale(LC_NUMERIC, names[i]); i++) continue;
    tw_status status = tw_matrix_write(m, (double[]){0.5}, path);
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(status, TW_OK);
    expect_file("%%MatrixMarket matrix coordinate real general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the weights.\n"
                "1 1 1\n1 1 0.5\n");
    tw_matrix_free(m);
}

static void a_value_that_is_no_number_is_refused_before_anything_is_written(void **state) {
    (void)state;
    tw_matrix *m = line_matrix(1, 1, 0, TW_PAD_ZEROS);
    assert_int_equal(tw_matrix_write(m, (double[]){42}, path), TW_OK);
    assert_int_equal(tw_matrix_write(m, (double[]){NAN}, path), TW_ERROR_NUMERIC);
    assert_non_null(strstr(tw_message(), "W[1,1] is nan"));
    assert_int_equal(tw_matrix_write(m, (double[]){-INFINITY}, path), TW_ERROR_NUMERIC);
    assert_non_null(strstr(tw_message(), "expected a finite number"));
    expect_file("%%MatrixMarket matrix coordinate real general\n"
                "% The matrix W of a convolution, y = W x, written by Twill.\n"
                "% Values: the weights.\n"
                "1 1 1\n1 1 42\n");
    tw_matrix_free(m);
}

static void expect_io_error(const tw_matrix *m, const char *target, const char *says) {
    assert_int_equal(tw_matrix_write(m, NULL, target), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), target));
    assert_non_null(strstr(tw_message(), says));
}

static void a_path_that_cannot_be_written_is_named(void **state) {
    (void)state;
    tw_matrix *m = line_matrix(50, 9, 4, TW_PAD_ZEROS);
    char missing[128];
    snprintf(missing, sizeof missing, "%s/no/such/folder/W.mtx", folder);
    expect_io_error(m, "/dev/full", "No space left on device");
    expect_io_error(m, missing, "No such file or directory");
    expect_io_error(m, folder, "Is a directory");
    assert_int_equal(tw_matrix_write(m, NULL, NULL), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "path is NULL"));
    assert_int_equal(tw_matrix_write(NULL, NULL, path), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_matrix_write(m, NULL, "/dev/null"), TW_OK);
    struct stat null;
    assert_int_equal(stat("/dev/null", &null), 0);
    assert_true(S_ISCHR(null.st_mode)); /* written directly, not replaced by a file */
    tw_matrix_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_row_by_row_counted_from_1),
        cmocka_unit_test(without_weights_the_parameter_numbers_are_written),
        cmocka_unit_test(places_that_stand_twice_are_summed_as_values_and_kept_as_numbers),
        cmocka_unit_test(every_double_comes_back_the_same),
        cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
        cmocka_unit_test(a_value_that_is_no_number_is_refused_before_anything_is_written),
        cmocka_unit_test(a_path_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

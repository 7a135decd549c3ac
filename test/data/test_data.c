/* Data sets: what they give is a function of their specification and the sample's number alone; what is wrong
 * with them is told. Rows K04, K05, K07 and K10 of the list of hostile inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

static void assert_refused(const char *specification, tw_split split, tw_status expected, const char *says) {
    tw_data *data;
    tw_status status = tw_data_open(&data, specification, split);
    if (status != expected || !strstr(tw_message(), says))
        fail_msg("%s: %s: %s; expected %s and '%s'", specification, tw_status_name(status), tw_message(),
                 tw_status_name(expected), says);
    assert_null(data);
}

static void bad_specifications_name_what_was_expected(void **state) {
    (void)state;
    assert_refused("", TW_TRAIN, TW_ERROR_ARGUMENT, "mnist:DIR");
    assert_refused("stroke", TW_TRAIN, TW_ERROR_ARGUMENT, "strokes");
    assert_refused("strokes:count=0", TW_TRAIN, TW_ERROR_ARGUMENT, "count");
    assert_refused("strokes:count=-1", TW_TRAIN, TW_ERROR_ARGUMENT, "count");
    assert_refused("strokes:count=1e3", TW_TRAIN, TW_ERROR_ARGUMENT, "'1e3'");
    assert_refused("strokes:count=99999999999999999999", TW_TRAIN, TW_ERROR_ARGUMENT, "count");
    assert_refused("strokes:count", TW_TRAIN, TW_ERROR_ARGUMENT, "count");
    assert_refused("strokes:count=1,count=2", TW_TRAIN, TW_ERROR_ARGUMENT, "twice");
    assert_refused("strokes:count=1,", TW_TRAIN, TW_ERROR_ARGUMENT, "comma");
    assert_refused("strokes:size=3", TW_TRAIN, TW_ERROR_ARGUMENT, "size");
    assert_refused("strokes", (tw_split)2, TW_ERROR_ARGUMENT, "split");
    assert_refused("mnist", TW_TRAIN, TW_ERROR_ARGUMENT, "mnist:DIR");
    assert_refused("mnist:/no/such/folder", TW_TRAIN, TW_ERROR_IO, "/no/such/folder");
}

enum { PIXELS = 28 * 28 };

static tw_data *open_strokes(const char *specification, tw_split split) {
    tw_data *data;
    assert_int_equal(tw_data_open(&data, specification, split), TW_OK);
    return data;
}

static void strokes_depend_on_seed_split_and_number_alone(void **state) {
    (void)state;
    tw_data *a = open_strokes("strokes:count=100,seed=3", TW_TRAIN);
    tw_data *b = open_strokes("strokes:count=50,seed=3", TW_TRAIN);
    tw_data *other_seed = open_strokes("strokes:seed=4", TW_TRAIN);
    tw_data *test = open_strokes("strokes:seed=3", TW_TEST);
    float first[PIXELS], again[PIXELS];
    for (int64_t i = 49; i >= 0; i--) {
        int32_t label, label_again;
        assert_int_equal(tw_data_read(a, i, first, &label), TW_OK);
        assert_int_equal(tw_data_read(b, i, again, &label_again), TW_OK);
        assert_memory_equal(first, again, sizeof first);
        assert_int_equal(label, label_again);
        assert_int_equal(tw_data_read(other_seed, i, again, NULL), TW_OK);
        assert_memory_not_equal(first, again, sizeof first);
        assert_int_equal(tw_data_read(test, i, again, NULL), TW_OK);
        assert_memory_not_equal(first, again, sizeof first);
    }
    assert_int_equal(tw_data_describe(a).count, 100);
    assert_true(tw_data_describe(a).fingerprint != tw_data_describe(b).fingerprint);
    assert_true(tw_data_describe(a).fingerprint != tw_data_describe(test).fingerprint);
    assert_int_equal(tw_data_read(a, 100, first, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_data_read(a, -1, first, NULL), TW_ERROR_ARGUMENT);
    tw_data_close(a), tw_data_close(b), tw_data_close(other_seed), tw_data_close(test);
}

static void strokes_are_digits_of_ink_on_an_empty_page(void **state) {
    (void)state;
    tw_data *data = open_strokes("strokes:count=2000", TW_TRAIN);
    int seen[10] = {0};
    for (int64_t i = 0; i < 2000; i++) {
        float x[PIXELS], sum = 0;
        int32_t label;
        assert_int_equal(tw_data_read(data, i, x, &label), TW_OK);
        seen[label]++;
        for (int p = 0; p < PIXELS; p++) {
            assert_true(x[p] >= 0 && x[p] <= 1);
            sum += x[p] > 0.5f;
        }
        assert_true(sum < PIXELS / 2.0f);
    }
    for (int k = 0; k < 10; k++) assert_int_equal(seen[k], 200);
    tw_data_close(data);
}

/* ---- MNIST in a folder of its own ---- */

typedef struct files {
    unsigned char images[16 + 3 * 4], labels[8 + 3];
} files;

static const files GOOD = {
    {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8},
    {0, 0, 8, 1, 0, 0, 0, 3, 0, 9, 5},
};

static const char *write_mnist(scratch *s, const void *images, size_t image_bytes, const void *labels,
                               size_t label_bytes) {
    static char specification[128];
    scratch_file(s, "train-images-idx3-ubyte", images, image_bytes);
    scratch_file(s, "train-labels-idx1-ubyte", labels, label_bytes);
    snprintf(specification, sizeof specification, "mnist:%s", s->folder);
    return specification;
}

static void mnist_is_read_from_its_files(void **state) {
    scratch *s = *state;
    const char *specification =
        write_mnist(s, GOOD.images, sizeof GOOD.images, GOOD.labels, sizeof GOOD.labels);
    tw_data *data;
    assert_int_equal(tw_data_open(&data, specification, TW_TRAIN), TW_OK);
    tw_data_info info = tw_data_describe(data);
    assert_int_equal(info.count, 3);
    assert_int_equal(info.classes, 10);
    assert_string_equal(info.class_names[7], "7");
    assert_int_equal(info.image.size[0], 2);
    float x[4];
    int32_t label;
    assert_int_equal(tw_data_read(data, 0, x, &label), TW_OK);
    assert_int_equal(label, 0);
    assert_true(x[0] == 0 && x[1] == 51 / 255.0f && x[3] == 1);
    assert_int_equal(tw_data_read(data, 1, NULL, &label), TW_OK);
    assert_int_equal(label, 9);
    tw_data_close(data);
    assert_refused(specification, TW_TEST, TW_ERROR_IO, "t10k-images");
}

static void mnist_that_does_not_fit_is_told(void **state) {
    scratch *s = *state;
    files bad = GOOD;
    bad.labels[8 + 1] = 10; /* K05 */
    assert_refused(write_mnist(s, bad.images, sizeof bad.images, bad.labels, sizeof bad.labels), TW_TRAIN,
                   TW_ERROR_FORMAT, "label 1 ");
    bad.labels[8 + 1] = 9, bad.labels[7] = 2; /* K04: two labels */
    assert_refused(write_mnist(s, bad.images, sizeof bad.images, bad.labels, 8 + 2), TW_TRAIN, TW_ERROR_SHAPE,
                   "3 images and 2 labels");
    assert_refused(write_mnist(s, GOOD.labels, sizeof GOOD.labels, GOOD.labels, sizeof GOOD.labels), TW_TRAIN,
                   TW_ERROR_SHAPE, "labels?"); /* K07 */
    bad.images[7] = 0, bad.labels[7] = 0;      /* K10: none at all */
    assert_refused(write_mnist(s, bad.images, 16, bad.labels, 8), TW_TRAIN, TW_ERROR_SHAPE, "0 images");
    static const unsigned char floats[] = {0, 0, 0x0d, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    assert_refused(write_mnist(s, floats, sizeof floats, GOOD.labels, sizeof GOOD.labels), TW_TRAIN,
                   TW_ERROR_UNSUPPORTED, "unsigned bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_specifications_name_what_was_expected),
        cmocka_unit_test(strokes_depend_on_seed_split_and_number_alone),
        cmocka_unit_test(strokes_are_digits_of_ink_on_an_empty_page),
        cmocka_unit_test(mnist_is_read_from_its_files),
        cmocka_unit_test(mnist_that_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

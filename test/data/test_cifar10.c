/* CIFAR-10's binary batches: read from files made here by their description, and refused where they are not
 * what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

enum { PLANE = 32 * 32, RECORD = 1 + 3 * PLANE };

/* A batch of two records: labels as given; the red, green and blue of record r are 10 r + 1, + 2, + 3, but
 * for the first pixel of the second row, which has 255, 0 and 51. */
static const char *write_batch(scratch *s, const char *name, const unsigned char labels[2], size_t bytes) {
    static unsigned char batch[2 * RECORD];
    for (int r = 0; r < 2; r++) {
        unsigned char *record = batch + r * RECORD;
        record[0] = labels[r];
        for (int k = 0; k < 3; k++) memset(record + 1 + k * PLANE, 10 * r + k + 1, PLANE);
        record[1 + 32] = 255, record[1 + PLANE + 32] = 0, record[1 + 2 * PLANE + 32] = 51;
    }
    return scratch_file(s, name, batch, bytes);
}

static const char *write_training(scratch *s) {
    static char specification[128];
    for (unsigned char i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
        write_batch(s, name, (unsigned char[]){i, (unsigned char)(i + 5)}, 2 * RECORD);
    }
    write_batch(s, "test_batch.bin", (unsigned char[]){9, 0}, 2 * RECORD);
    snprintf(specification, sizeof specification, "cifar10:%s", s->folder);
    return specification;
}

static void five_batches_train_and_one_tests(void **state) {
    const char *specification = write_training(*state);
    tw_data *train, *test;
    assert_int_equal(tw_data_open(&train, specification, TW_TRAIN), TW_OK);
    assert_int_equal(tw_data_open(&test, specification, TW_TEST), TW_OK);
    const tw_data_info info = tw_data_describe(train);
    assert_int_equal(info.count, 10);
    assert_int_equal(tw_data_describe(test).count, 2);
    assert_true(info.fingerprint != tw_data_describe(test).fingerprint);
    assert_int_equal(info.classes, 10);
    assert_string_equal(info.class_names[3], "cat");
    assert_true(info.image.spatial == 2 && info.image.channels == 3);
    assert_true(info.image.size[0] == 32 && info.image.size[1] == 32);
    for (int i = 0; i < 10; i++) {
        int32_t label;
        assert_int_equal(tw_data_read(train, i, NULL, &label), TW_OK);
        assert_int_equal(label, i / 2 + i % 2 * 5);
    }
    int32_t label;
    assert_int_equal(tw_data_read(test, 0, NULL, &label), TW_OK);
    assert_int_equal(label, 9);
    assert_int_equal(tw_data_read(train, 10, NULL, &label), TW_ERROR_ARGUMENT);
    tw_data_close(train), tw_data_close(test);
}

static void planes_become_channels_last(void **state) {
    tw_data *data;
    assert_int_equal(tw_data_open(&data, write_training(*state), TW_TRAIN), TW_OK);
    static float x[PLANE * 3];
    assert_int_equal(tw_data_read(data, 1, x, NULL), TW_OK);
    for (int i = 0; i < PLANE; i++)
        for (int k = 0; k < 3 && i != 32; k++) assert_true(x[3 * i + k] == (float)(11 + k) / 255);
    assert_true(x[96] == 1 && x[97] == 0 && x[98] == 51 / 255.0f);
    tw_data_close(data);
}

static void assert_refused(scratch *s, tw_status expected, const char *says) {
    char specification[128];
    tw_data *data;
    snprintf(specification, sizeof specification, "cifar10:%s", s->folder);
    tw_status status = tw_data_open(&data, specification, TW_TEST);
    if (status != expected || !strstr(tw_message(), says) || !strstr(tw_message(), "test_batch.bin"))
        fail_msg("%s: %s; expected %s and '%s'", tw_status_name(status), tw_message(),
                 tw_status_name(expected), says);
    assert_null(data);
}

static void a_batch_that_is_none_is_refused(void **state) {
    scratch *s = *state;
    static const unsigned char good[] = {9, 0};
    write_training(s);
    write_batch(s, "test_batch.bin", good, 2 * RECORD - 1);
    assert_refused(s, TW_ERROR_FORMAT, "6145 bytes; expected records of 3073");
    write_batch(s, "test_batch.bin", good, 0);
    assert_refused(s, TW_ERROR_FORMAT, "0 bytes");
    write_batch(s, "test_batch.bin", good, RECORD + 1);
    assert_refused(s, TW_ERROR_FORMAT, "CIFAR-100");
    write_batch(s, "test_batch.bin", (unsigned char[]){9, 200}, 2 * RECORD);
    assert_refused(s, TW_ERROR_FORMAT, "byte 3073: record 1 has label 200");
    unlink(scratch_path(s, "test_batch.bin"));
    assert_refused(s, TW_ERROR_IO, "No such file");
    mkdir(scratch_path(s, "test_batch.bin"), 0700);
    assert_refused(s, TW_ERROR_IO, "folder");
    rmdir(s->path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_batches_train_and_one_tests),
        cmocka_unit_test(planes_become_channels_last),
        cmocka_unit_test(a_batch_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

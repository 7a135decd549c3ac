/* A folder of images: classes and samples in the order of their names, two ways to part training from test,
 * and what is no such folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

static void make_folder(const scratch *s, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    if (mkdir(path, 0700) != 0) abort();
}

/* A gray image of one pixel, `value` of 100. */
static void add_image(scratch *s, const char *name, int value) {
    char text[32];
    const int length = snprintf(text, sizeof text, "P2 1 1 100 %d", value);
    scratch_file(s, name, text, (size_t)length);
}

static tw_data *open_folder(const scratch *s, const char *below, tw_split split) {
    char specification[256];
    tw_data *data;
    snprintf(specification, sizeof specification, "folder:%s/%s", s->folder, below);
    if (tw_data_open(&data, specification, split) != TW_OK) fail_msg("%s", tw_message());
    return data;
}

/* What the only pixel of a sample holds, in hundredths, and its label. */
static int read_pixel(const tw_data *data, int64_t index, int32_t *label) {
    float x;
    if (tw_data_read(data, index, &x, label) != TW_OK) fail_msg("%s", tw_message());
    return (int)(x * 100 + 0.5f);
}

static void assert_refused(const scratch *s, const char *below, tw_status expected, const char *says) {
    char specification[256];
    tw_data *data;
    snprintf(specification, sizeof specification, "folder:%s/%s", s->folder, below);
    tw_status status = tw_data_open(&data, specification, TW_TRAIN);
    if (status != expected || !strstr(tw_message(), says))
        fail_msg("%s: %s: %s; expected %s and '%s'", below, tw_status_name(status), tw_message(),
                 tw_status_name(expected), says);
    assert_null(data);
}

/* 20 images of "ape" made backwards, 10 of "Bee": upper case comes first, byte by byte. */
static void every_tenth_image_of_a_class_tests(void **state) {
    scratch *s = *state;
    make_folder(s, "ten"), make_folder(s, "ten/ape"), make_folder(s, "ten/Bee");
    for (int i = 19; i >= 0; i--) {
        char name[64];
        snprintf(name, sizeof name, "ten/ape/%02d.pgm", i);
        add_image(s, name, 50 + i);
        snprintf(name, sizeof name, "ten/Bee/%02d.PGM", i);
        if (i < 10) add_image(s, name, i);
    }
    add_image(s, "ten/ape/.hidden.pgm", 99), add_image(s, "ten/ape/notes.txt", 99);
    make_folder(s, "ten/ape/folder.pgm");
    tw_data *train = open_folder(s, "ten", TW_TRAIN), *test = open_folder(s, "ten", TW_TEST);
    const tw_data_info info = tw_data_describe(train);
    assert_int_equal(info.classes, 2);
    assert_string_equal(info.class_names[0], "Bee");
    assert_string_equal(info.class_names[1], "ape");
    assert_true(info.image.channels == 1 && info.image.size[0] == 1 && info.image.size[1] == 1);
    assert_int_equal(info.count, 9 + 18);
    assert_int_equal(tw_data_describe(test).count, 1 + 2);
    assert_true(info.fingerprint != tw_data_describe(test).fingerprint);
    int32_t label;
    for (int i = 0; i < 27; i++) {
        const int expected = i < 9 ? i : i < 18 ? 50 + i - 9 : 60 + i - 18;
        assert_int_equal(read_pixel(train, i, &label), expected);
        assert_int_equal(label, i >= 9);
    }
    assert_int_equal(read_pixel(test, 0, &label), 9);
    assert_int_equal(read_pixel(test, 2, &label), 69);
    assert_int_equal(label, 1);
    assert_int_equal(tw_data_read(test, 3, NULL, &label), TW_ERROR_ARGUMENT);
    tw_data_close(train), tw_data_close(test);
}

static void folders_of_training_and_test_are_taken_as_they_are(void **state) {
    scratch *s = *state;
    make_folder(s, "two"), make_folder(s, "two/train"), make_folder(s, "two/test");
    make_folder(s, "two/train/cat"), make_folder(s, "two/train/dog");
    make_folder(s, "two/test/cat"), make_folder(s, "two/test/dog");
    add_image(s, "two/train/cat/a.pgm", 1), add_image(s, "two/train/dog/a.pgm", 2);
    add_image(s, "two/test/cat/b.pgm", 3), add_image(s, "two/test/dog/b.pgm", 4);
    tw_data *train = open_folder(s, "two", TW_TRAIN), *test = open_folder(s, "two", TW_TEST);
    int32_t label;
    assert_int_equal(tw_data_describe(train).count, 2);
    assert_int_equal(tw_data_describe(test).count, 2);
    assert_int_equal(read_pixel(train, 1, &label), 2);
    assert_int_equal(read_pixel(test, 1, &label), 4);
    assert_int_equal(label, 1);
    tw_data_close(train), tw_data_close(test);
}

static void the_two_splits_must_have_the_same_classes(void **state) {
    scratch *s = *state;
    make_folder(s, "odd"), make_folder(s, "odd/train"), make_folder(s, "odd/test");
    make_folder(s, "odd/train/cat"), make_folder(s, "odd/train/dog"), make_folder(s, "odd/train/emu");
    make_folder(s, "odd/test/cat"), make_folder(s, "odd/test/emu");
    add_image(s, "odd/train/cat/a.pgm", 1), add_image(s, "odd/test/cat/a.pgm", 1);
    assert_refused(s, "odd", TW_ERROR_SHAPE, "dog");
    make_folder(s, "odd/test/dog"), make_folder(s, "odd/test/fox");
    assert_refused(s, "odd", TW_ERROR_SHAPE, "fox");
}

static void all_images_are_brought_to_the_size_of_the_first(void **state) {
    scratch *s = *state;
    make_folder(s, "size"), make_folder(s, "size/a");
    scratch_file(s, "size/a/1.ppm", "P3 1 1 1  1 0 0", 15);
    scratch_file(s, "size/a/2.pgm", "P2 2 1 4  0 2", 13);
    tw_data *data = open_folder(s, "size", TW_TRAIN);
    float x[3];
    assert_int_equal(tw_data_describe(data).image.channels, 3);
    assert_int_equal(tw_data_read(data, 1, x, NULL), TW_OK);
    for (int k = 0; k < 3; k++) assert_true(x[k] > 0.2499f && x[k] < 0.2501f); /* the mean of 0 and 2/4 */
    tw_data_close(data);
}

static void what_is_no_such_folder_is_told(void **state) {
    scratch *s = *state;
    make_folder(s, "none");
    assert_refused(s, "none", TW_ERROR_FORMAT, "0 folders");
    make_folder(s, "none/a");
    assert_refused(s, "none", TW_ERROR_FORMAT, "no images");
    assert_refused(s, "missing", TW_ERROR_IO, "missing");
    scratch_file(s, "file", "x", 1);
    assert_refused(s, "file", TW_ERROR_IO, "file");
    tw_data *data;
    assert_int_equal(tw_data_open(&data, "folder:", TW_TRAIN), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_data_open(&data, "folder", TW_TRAIN), TW_ERROR_ARGUMENT);
}

/* The first image is looked at when the folder is opened, any other when it is read. */
static void a_damaged_image_is_named(void **state) {
    scratch *s = *state;
    make_folder(s, "bad"), make_folder(s, "bad/a");
    add_image(s, "bad/a/1.pgm", 1);
    scratch_file(s, "bad/a/2.pgm", "P2 9 9 1 0", 10);
    tw_data *data = open_folder(s, "bad", TW_TRAIN);
    float x = 7;
    assert_int_equal(tw_data_read(data, 1, &x, NULL), TW_ERROR_TRUNCATED);
    assert_non_null(strstr(tw_message(), "bad/a/2.pgm"));
    assert_int_equal(read_pixel(data, 0, NULL), 1); /* and on it goes */
    tw_data_close(data);
    scratch_file(s, "bad/a/1.pgm", "nothing", 7);
    assert_refused(s, "bad", TW_ERROR_FORMAT, "bad/a/1.pgm");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tenth_image_of_a_class_tests),
        cmocka_unit_test(folders_of_training_and_test_are_taken_as_they_are),
        cmocka_unit_test(the_two_splits_must_have_the_same_classes),
        cmocka_unit_test(all_images_are_brought_to_the_size_of_the_first),
        cmocka_unit_test(what_is_no_such_folder_is_told),
        cmocka_unit_test(a_damaged_image_is_named),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

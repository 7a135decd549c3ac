/* Images of every format as a network's input. PGM and PPM are written here as text; PNG and JPEG were made
 * by other programs. Rows L01-L05, L09 and M01-M04 of the list of hostile inputs, where the format is built
 * in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

static tw_net_input gray(int64_t height, int64_t width) {
    return (tw_net_input){.spatial = 2, .channels = 1, .size = {height, width}};
}

static tw_status read_bytes(scratch *s, const void *bytes, size_t count, tw_net_input image, float *x) {
    tw_status status = tw_image_read(scratch_file(s, "image", bytes, count), image, x);
    if (status && !strstr(tw_message(), s->path)) fail_msg("no path in: %s", tw_message());
    return status;
}

static tw_status read_text(scratch *s, const char *text, tw_net_input image, float *x) {
    return read_bytes(s, text, strlen(text), image, x);
}

static void pgm_and_ppm_are_read(void **state) {
    scratch *s = *state;
    float x[12];
    assert_int_equal(read_text(s, "P2 # a comment\n3 1\n10\n0 5 10\n", gray(1, 3), x), TW_OK);
    assert_true(x[0] == 0 && fabsf(x[1] - 0.5f) < 1e-4f && x[2] == 1);
    assert_int_equal(read_bytes(s, "P5 2 1 255\n\x33\xff", 13, gray(1, 2), x), TW_OK);
    assert_true(x[0] == 51 / 255.0f && x[1] == 1);
    assert_int_equal(read_bytes(s, "P5 1 1 65535\n\x80\x00", 15, gray(1, 1), x), TW_OK);
    assert_true(x[0] == 32768 / 65535.0f);
    tw_net_input colour = {.spatial = 2, .channels = 3, .size = {1, 2}};
    assert_int_equal(read_text(s, "P3 2 1 1  1 0 0  0 1 1", colour, x), TW_OK);
    static const float expected[] = {1, 0, 0, 0, 1, 1};
    assert_memory_equal(x, expected, sizeof expected);
}

static void colour_becomes_gray_by_luma_and_gray_is_repeated(void **state) {
    scratch *s = *state;
    float x[3];
    assert_int_equal(read_text(s, "P3 3 1 1  1 0 0  0 1 0  0 0 1", gray(1, 3), x), TW_OK);
    assert_true(fabsf(x[0] - 0.299f) < 1e-6f && fabsf(x[1] - 0.587f) < 1e-6f && fabsf(x[2] - 0.114f) < 1e-6f);
    tw_net_input colour = {.spatial = 2, .channels = 3, .size = {1, 1}};
    assert_int_equal(read_text(s, "P2 1 1 4 1", colour, x), TW_OK);
    assert_true(fabsf(x[0] - 0.25f) < 1e-4f && x[0] == x[1] && x[1] == x[2]);
}

static void sizes_are_changed_by_area(void **state) {
    scratch *s = *state;
    float x[9];
    assert_int_equal(read_text(s, "P2 4 2 8  0 8 8 8  0 8 0 0", gray(1, 2), x), TW_OK);
    assert_true(fabsf(x[0] - 0.5f) < 1e-6f && fabsf(x[1] - 0.5f) < 1e-6f);
    /* 3 columns into 2: each takes one and a half */
    assert_int_equal(read_text(s, "P2 3 1 1  1 0 1", gray(1, 2), x), TW_OK);
    assert_true(fabsf(x[0] - 2.0f / 3) < 1e-6f && fabsf(x[1] - 2.0f / 3) < 1e-6f);
    assert_int_equal(read_text(s, "P2 1 1 1  1", gray(3, 3), x), TW_OK);
    for (int i = 0; i < 9; i++) assert_true(fabsf(x[i] - 1) < 1e-6f && x[i] <= 1);
}

static void a_file_says_its_own_shape(void **state) {
    scratch *s = *state;
    tw_net_input shape = {0};
    assert_int_equal(tw_image_shape(scratch_file(s, "image", "P2 3 2 1  0 0 0 0 0 0", 21), &shape), TW_OK);
    assert_int_equal(shape.spatial, 2);
    assert_int_equal(shape.channels, 1);
    assert_int_equal(shape.size[0], 2);
    assert_int_equal(shape.size[1], 3);
    assert_int_equal(
        tw_image_shape(scratch_file(s, "image", "P3 1 4 1  0 0 0 0 0 0 0 0 0 0 0 0", 33), &shape), TW_OK);
    assert_int_equal(shape.channels, 3);
    assert_int_equal(shape.size[0], 4);
    assert_int_equal(shape.size[1], 1);
    assert_int_equal(tw_image_shape(scratch_file(s, "image", "hello", 5), &shape), TW_ERROR_FORMAT);
    assert_non_null(strstr(tw_message(), "not an image"));
    assert_int_equal(shape.channels, 3); /* untouched */
    assert_int_equal(tw_image_shape(NULL, &shape), TW_ERROR_ARGUMENT);
}

static void malformed_text_images_have_their_status(void **state) {
    scratch *s = *state;
    static const struct {
        const char *text;
        tw_status expected;
    } cases[] = {
        {"", TW_ERROR_FORMAT},
        {"hello", TW_ERROR_FORMAT},
        {"P2", TW_ERROR_FORMAT},
        {"P2\n", TW_ERROR_TRUNCATED},
        {"P2 3", TW_ERROR_TRUNCATED},
        {"P2 a 1 1 0", TW_ERROR_FORMAT},
        {"P2 -1 1 1 0", TW_ERROR_FORMAT},
        {"P2 0 1 1 0", TW_ERROR_FORMAT},
        {"P2 1 1 0 0", TW_ERROR_FORMAT},
        {"P2 1 1 70000 0", TW_ERROR_FORMAT},
        {"P2 1 1 1 2", TW_ERROR_FORMAT},
        {"P2 2 1 1 0", TW_ERROR_TRUNCATED},
        {"P5 65535 65535 255\nabc", TW_ERROR_TRUNCATED},
        {"P5 99999 1 255\nabc", TW_ERROR_FORMAT},
        {"P6 1 1 255\nab", TW_ERROR_TRUNCATED},
        {"P5 1 1 99\nz", TW_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x = 7;
        tw_status status = read_text(s, cases[i].text, gray(1, 1), &x);
        if (status != cases[i].expected)
            fail_msg("'%s': %s: %s", cases[i].text, tw_status_name(status), tw_message());
        assert_true(x == 7);
    }
    float x;
    tw_net_input four = {.spatial = 2, .channels = 4, .size = {1, 1}};
    assert_int_equal(read_text(s, "P2 1 1 1 1", four, &x), TW_ERROR_SHAPE);
    assert_int_equal(tw_image_read("/no/such/image", gray(1, 1), &x), TW_ERROR_IO);
    assert_int_equal(tw_image_read(s->folder, gray(1, 1), &x), TW_ERROR_IO);
}

/* 3 x 1: red, white, black; and a gray 2 x 1: 0, 128. Made with Python's zlib by the PNG specification. */
static const unsigned char PNG_COLOUR[] = {
    137, 80, 78,  71,  13,  10, 26,  10,  0,   0,   0,   13,  73,  72,  68, 82, 0,  0,   0,
    3,   0,  0,   0,   1,   8,  2,   0,   0,   0,   148, 130, 131, 227, 0,  0,  0,  17,  73,
    68,  65, 84,  120, 218, 99, 248, 207, 192, 240, 255, 63,  144, 96,  0,  0,  23, 242, 3,
    253, 94, 167, 70,  133, 0,  0,   0,   0,   73,  69,  78,  68,  174, 66, 96, 130};
static const unsigned char PNG_GRAY16[] = {
    137, 80, 78, 71, 13, 10,  26,  10,  0,   0,   0, 13, 73, 72, 68, 82, 0,  0,   0,   2,  0,  0,  0,   1,
    16,  0,  0,  0,  0,  129, 217, 252, 21,  0,   0, 0,  13, 73, 68, 65, 84, 120, 218, 99, 96, 96, 104, 96,
    0,   0,  1,  5,  0,  129, 252, 73,  168, 160, 0, 0,  0,  0,  73, 69, 78, 68,  174, 66, 96, 130};
/* 1 x 1 declared, 100 kB of pixels compressed. */
static const unsigned char PNG_BOMB[] = {
    137, 80,  78,  71,  13,  10, 26, 10, 0, 0,  0,   13,  73,  72,  68,  82, 0,   0,   0,   1,
    0,   0,   0,   1,   8,   0,  0,  0,  0, 58, 126, 155, 85,  0,   0,   0,  120, 73,  68,  65,
    84,  120, 218, 237, 193, 49, 1,  0,  0, 0,  194, 160, 245, 79,  109, 13, 15,  160, 0,   0,
    0,   0,   0,   0,   0,   0,  0,  0,  0, 0,  0,   0,   0,   0,   0,   0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,  0,  0,  0, 0,  0,   0,   0,   0,   0,   0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,  0,  0,  0, 0,  0,   0,   0,   0,   0,   0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,  0,  0,  0, 0,  0,   0,   0,   0,   0,   0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,  0,  0,  0, 0,  0,   0,   0,   0,   128, 87, 3,   134, 175, 0,
    1,   26,  147, 13,  219, 0,  0,  0,  0, 73, 69,  78,  68,  174, 66,  96, 130};
/* 8 x 8, all of the gray 100, made with libjpeg's compressor. */
static const unsigned char JPEG_GRAY[] = {
    255, 216, 255, 224, 0,  16, 74, 70, 73,  70,  0,   1,   1,  0,  0,  1,  0,  1,  0,  0,   255, 219, 0,
    67,  0,   8,   6,   6,  7,  6,  5,  8,   7,   7,   7,   9,  9,  8,  10, 12, 20, 13, 12,  11,  11,  12,
    25,  18,  19,  15,  20, 29, 26, 31, 30,  29,  26,  28,  28, 32, 36, 46, 39, 32, 34, 44,  35,  28,  28,
    40,  55,  41,  44,  48, 49, 52, 52, 52,  31,  39,  57,  61, 56, 50, 60, 46, 51, 52, 50,  255, 192, 0,
    11,  8,   0,   8,   0,  8,  1,  1,  17,  0,   255, 196, 0,  20, 0,  1,  0,  0,  0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,  0,  0,  0,  5,   255, 196, 0,   20, 16, 1,  0,  0,  0,  0,  0,   0,   0,   0,
    0,   0,   0,   0,   0,  0,  0,  0,  255, 218, 0,   8,   1,  1,  0,  0,  63, 0,  13, 255, 217};

/* Whether the build reads a format; without it the message says which library is missing. */
static bool reads(scratch *s, const void *bytes, size_t count, const char *library) {
    float x[64];
    tw_status status = read_bytes(s, bytes, count, gray(1, 1), x);
    if (status == TW_OK) return true;
    assert_int_equal(status, TW_ERROR_UNSUPPORTED);
    assert_non_null(strstr(tw_message(), library));
    return false;
}

static void png_is_read(void **state) {
    scratch *s = *state;
    if (!reads(s, PNG_COLOUR, sizeof PNG_COLOUR, "libpng")) return;
    float x[9];
    tw_net_input colour = {.spatial = 2, .channels = 3, .size = {1, 3}};
    assert_int_equal(read_bytes(s, PNG_COLOUR, sizeof PNG_COLOUR, colour, x), TW_OK);
    static const float expected[] = {1, 0, 0, 1, 1, 1, 0, 0, 0};
    assert_memory_equal(x, expected, sizeof expected);
    assert_int_equal(read_bytes(s, PNG_GRAY16, sizeof PNG_GRAY16, gray(1, 2), x), TW_OK);
    assert_true(x[0] == 0 && fabsf(x[1] - 0.5f) < 0.01f);
}

static void damaged_png_is_refused(void **state) {
    scratch *s = *state;
    if (!reads(s, PNG_COLOUR, sizeof PNG_COLOUR, "libpng")) return;
    float x[9];
    for (size_t cut = 8; cut + 12 < sizeof PNG_COLOUR; cut++) /* the end chunk may be missing */
        assert_int_not_equal(read_bytes(s, PNG_COLOUR, cut, gray(1, 1), x), TW_OK);
    unsigned char bad[sizeof PNG_COLOUR];
    memcpy(bad, PNG_COLOUR, sizeof bad);
    bad[29] ^= 1; /* the checksum of IHDR */
    assert_int_equal(read_bytes(s, bad, sizeof bad, gray(1, 1), x), TW_ERROR_CHECKSUM);
    memcpy(bad, PNG_COLOUR, sizeof bad);
    bad[25] = 1; /* a colour type that is none */
    assert_int_not_equal(read_bytes(s, bad, sizeof bad, gray(1, 1), x), TW_OK);
    tw_status bomb = read_bytes(s, PNG_BOMB, sizeof PNG_BOMB, gray(1, 1), x);
    assert_true(bomb == TW_OK || bomb == TW_ERROR_FORMAT); /* it stops after the one pixel */
}

static void jpeg_is_read_and_damaged_jpeg_refused(void **state) {
    scratch *s = *state;
    if (!reads(s, JPEG_GRAY, sizeof JPEG_GRAY, "libjpeg")) return;
    float x[64];
    assert_int_equal(read_bytes(s, JPEG_GRAY, sizeof JPEG_GRAY, gray(8, 8), x), TW_OK);
    for (int i = 0; i < 64; i++) assert_true(fabsf(x[i] - 100 / 255.0f) < 0.01f);
    for (size_t cut = 3; cut + 2 < sizeof JPEG_GRAY; cut++) {
        tw_status status = read_bytes(s, JPEG_GRAY, cut, gray(8, 8), x);
        assert_true(status == TW_ERROR_TRUNCATED || status == TW_ERROR_FORMAT);
    }
    unsigned char bad[sizeof JPEG_GRAY];
    memcpy(bad, JPEG_GRAY, sizeof bad);
    size_t frame = 2;
    while (!(bad[frame] == 0xff && bad[frame + 1] == 0xc0)) frame++;
    memset(bad + frame + 5, 0xff, 4); /* M04: 65535 x 65535 */
    assert_int_equal(read_bytes(s, bad, sizeof bad, gray(8, 8), x), TW_ERROR_LIMIT);
    memcpy(bad, JPEG_GRAY, sizeof bad);
    bad[frame + 4] = 12; /* M03: 12 bits */
    assert_int_equal(read_bytes(s, bad, sizeof bad, gray(8, 8), x), TW_ERROR_UNSUPPORTED);
    memcpy(bad, JPEG_GRAY, sizeof bad);
    bad[frame + 1] = 0xc3; /* M03: lossless */
    assert_int_equal(read_bytes(s, bad, sizeof bad, gray(8, 8), x), TW_ERROR_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pgm_and_ppm_are_read),
        cmocka_unit_test(colour_becomes_gray_by_luma_and_gray_is_repeated),
        cmocka_unit_test(sizes_are_changed_by_area),
        cmocka_unit_test(a_file_says_its_own_shape),
        cmocka_unit_test(malformed_text_images_have_their_status),
        cmocka_unit_test(png_is_read),
        cmocka_unit_test(damaged_png_is_refused),
        cmocka_unit_test(jpeg_is_read_and_damaged_jpeg_refused),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

/* Geometries as text: what is written is read back, and what cannot be read is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/check.h>

#include "operator/random_geometry.h"

static void a_geometry_is_written_as_the_header_says(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = 2, g.in_channels = 3, g.out_channels = 16;
    for (int a = 0; a < 2; a++) g.input[a] = 32, g.kernel[a] = 3, g.pad_begin[a] = g.pad_end[a] = 1;
    char text[512];
    tw_geometry_write(&g, text, sizeof text);
    assert_string_equal(text, "2d nchw n2 c3 k16 g1 i32x32 f3x3 s1x1 d1x1 p1,1x1,1 zeros");
    g.transposed = g.flipped = true;
    g.stride[0] = 2, g.output_padding[0] = 1, g.pad_end[1] = 0;
    tw_geometry_write(&g, text, sizeof text);
    assert_string_equal(text,
                        "2d nchw n2 c3 k16 g1 i32x32 f3x3 s2x1 d1x1 p1,1x1,0 zeros o1x0 transposed flipped");
    char small[8];
    tw_geometry_write(&g, small, sizeof small);
    assert_string_equal(small, "2d nchw");
    tw_geometry_write(&g, NULL, 0);
}

/* Every field that counts; padding between the fields does not. */
static void expect_equal(const tw_geometry *a, const tw_geometry *b) {
    assert_int_equal(a->spatial, b->spatial);
    assert_int_equal(a->batch, b->batch);
    assert_int_equal(a->in_channels, b->in_channels);
    assert_int_equal(a->out_channels, b->out_channels);
    assert_int_equal(a->groups, b->groups);
    assert_int_equal(a->pad_mode, b->pad_mode);
    assert_int_equal(a->layout, b->layout);
    assert_int_equal(a->transposed, b->transposed);
    assert_int_equal(a->flipped, b->flipped);
    size_t bytes = (size_t)a->spatial * sizeof a->input[0];
    assert_memory_equal(a->input, b->input, bytes);
    assert_memory_equal(a->kernel, b->kernel, bytes);
    assert_memory_equal(a->stride, b->stride, bytes);
    assert_memory_equal(a->dilation, b->dilation, bytes);
    assert_memory_equal(a->pad_begin, b->pad_begin, bytes);
    assert_memory_equal(a->pad_end, b->pad_end, bytes);
    assert_memory_equal(a->output_padding, b->output_padding, bytes);
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    tw_random random = tw_random_stream(1, TW_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 5000; i++) {
        tw_geometry g = tw_geometry_random(&random, 1000000), back;
        char text[512];
        tw_geometry_write(&g, text, sizeof text);
        if (tw_geometry_read(&back, text)) fail_msg("%s: %s", text, tw_message());
        expect_equal(&g, &back);
    }
}

static void short_forms_stand_for_all_dimensions(void **state) {
    (void)state;
    tw_geometry g;
    assert_int_equal(tw_geometry_read(&g, "3d p1,2 flipped k4  f3 i9x8x7 c2 nhwc s2 circular"), TW_OK);
    assert_int_equal(g.batch, 1);
    assert_int_equal(g.groups, 1);
    for (int a = 0; a < 3; a++) {
        assert_int_equal(g.input[a], 9 - a);
        assert_int_equal(g.kernel[a], 3);
        assert_int_equal(g.stride[a], 2);
        assert_int_equal(g.dilation[a], 1);
        assert_int_equal(g.pad_begin[a], 1);
        assert_int_equal(g.pad_end[a], 2);
    }
    assert_int_equal(g.layout, TW_NHWC);
    assert_int_equal(g.pad_mode, TW_PAD_CIRCULAR);
    assert_true(g.flipped && !g.transposed);
}

static void words_that_cannot_be_read_are_named(void **state) {
    (void)state;
    static const struct {
        const char *text;
        tw_status status;
        const char *says;
    } cases[] = {
        {"", TW_ERROR_FORMAT, "\"\": expected 1d, 2d or 3d"},
        {"4d c1 k1 i3 f3", TW_ERROR_FORMAT, "\"4d\""},
        {"nchw 2d c1 k1 i3 f3", TW_ERROR_FORMAT, "\"nchw\""},
        {"2d c1 k1 i3 f3 wild", TW_ERROR_FORMAT, "\"wild\""},
        {"2d c1 k1 i3 f3 zeros reflect", TW_ERROR_FORMAT, "\"reflect\": expected each thing to be said once"},
        {"2d c1 c1 k1 i3 f3", TW_ERROR_FORMAT, "\"c1\": expected each thing to be said once"},
        {"2d c1 k1 f3", TW_ERROR_FORMAT, "no word i"},
        {"2d k1 i3 f3", TW_ERROR_FORMAT, "no word c"},
        {"2d c k1 i3 f3", TW_ERROR_FORMAT, "\"c\""},
        {"2d c1x1 k1 i3 f3", TW_ERROR_FORMAT, "\"c1x1\""},
        {"2d c-1 k1 i3 f3", TW_ERROR_FORMAT, "\"c-1\""},
        {"2d c+1 k1 i3 f3", TW_ERROR_FORMAT, "\"c+1\""},
        {"2d c0x10 k1 i3 f3", TW_ERROR_FORMAT, "\"c0x10\""},
        {"2d c1e3 k1 i3 f3", TW_ERROR_FORMAT, "\"c1e3\""},
        {"2d c1 k1 i3x f3", TW_ERROR_FORMAT, "\"i3x\""},
        {"2d c1 k1 ix3 f3", TW_ERROR_FORMAT, "\"ix3\""},
        {"2d c1 k1 i3x3x3 f3", TW_ERROR_FORMAT, "\"i3x3x3\""},
        {"3d c1 k1 i3x3 f3", TW_ERROR_FORMAT, "\"i3x3\""},
        {"2d c1 k1 i3 f3 p1,", TW_ERROR_FORMAT, "\"p1,\""},
        {"2d c1 k1 i3 f3 p1,1x", TW_ERROR_FORMAT, "\"p1,1x\""},
        {"2d c1 k1 i3 f3 p1,1,1", TW_ERROR_FORMAT, "\"p1,1,1\""},
        {"2d c1 k1 i3 f3 p", TW_ERROR_FORMAT, "\"p\""},
        {"2d c1 k1 i3 f3 p1x1x1", TW_ERROR_FORMAT, "\"p1x1x1\""},
        {"2d c9223372036854775808 k1 i3 f3", TW_ERROR_FORMAT, "\"c9223372036854775808\""},
        {"2d c9223372036854775807 k1 i3 f3", TW_ERROR_OVERFLOW, "elements of an input image"},
        {"2d c1 k1 i3 f3\tflipped", TW_ERROR_FORMAT, "\"f3\\x09flipped\""},
        {"2d c1 k1 i3 f3 \x1b[2J", TW_ERROR_FORMAT, "\"\\x1b[2J\""},
        {"2d c1 k1 i3 f3 %s%n", TW_ERROR_FORMAT, "\"%s%n\""},
        {"2d c1 k1 i3 f5", TW_ERROR_SHAPE, "kernel of dimension 0 spans 5"},
        {"2d c1 k1 i3 f3 s0", TW_ERROR_ARGUMENT, "stride[0] is 0"},
        {"2d c1 k1 i3 f3 o1", TW_ERROR_ARGUMENT, "output_padding[0] is 1"},
    };
    tw_geometry untouched, g;
    memset(&untouched, 7, sizeof untouched);
    memcpy(&g, &untouched, sizeof g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_status status = tw_geometry_read(&g, cases[i].text);
        if (status != cases[i].status || !strstr(tw_message(), cases[i].says))
            fail_msg("\"%s\": %s: %s", cases[i].text, tw_status_name(status), tw_message());
        assert_memory_equal(&g, &untouched, sizeof g);
    }
    assert_int_equal(tw_geometry_read(&g, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_geometry_read(NULL, "2d c1 k1 i3 f3"), TW_ERROR_ARGUMENT);
}

/* One byte of a legal line changed, removed or doubled: read or refused, and what is read can be written. */
static void damaged_lines_are_refused_or_legal(void **state) {
    (void)state;
    static const char line[] = "3d nhwc n2 c4 k6 g2 i5x6x7 f3x2x1 s1x2x1 d1x1x2 p1,0x0,1x2,2 reflect flipped";
    tw_random random = tw_random_stream(2, TW_RANDOM_TEST, 0, 0);
    int legal = 0;
    for (int i = 0; i < 50000; i++) {
        char text[sizeof line + 1], written[512];
        memcpy(text, line, sizeof line);
        size_t at = tw_random_below(&random, sizeof line - 1);
        switch (tw_random_below(&random, 3)) {
        case 0: text[at] = (char)(tw_random_below(&random, 255) + 1); break;
        case 1: memmove(text + at, text + at + 1, sizeof line - at - 1); break;
        default: memmove(text + at + 1, line + at, sizeof line - at);
        }
        tw_geometry g, back;
        if (tw_geometry_read(&g, text)) continue;
        legal++;
        tw_geometry_write(&g, written, sizeof written);
        assert_int_equal(tw_geometry_read(&back, written), TW_OK);
        expect_equal(&g, &back);
    }
    assert_in_range(legal, 1000, 40000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_geometry_is_written_as_the_header_says),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(short_forms_stand_for_all_dimensions),
        cmocka_unit_test(words_that_cannot_be_read_are_named),
        cmocka_unit_test(damaged_lines_are_refused_or_legal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

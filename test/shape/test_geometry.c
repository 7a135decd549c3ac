/* Geometries that are illegal, hostile or odd but legal: each is refused with the right status and a message
 * that names the field, or counted right. The numbers of the rows (A01 ...) are those of the catalogue of bad
 * inputs that the tests of all floors share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <twill/geometry.h>

#define AT(field) offsetof(tw_geometry, field)

typedef struct row {
    const char *name;
    struct {
        size_t at; /* 0 ends the list */
        int64_t value;
    } edits[8];
    tw_status status;
    const char *says; /* part of the message; NULL for legal geometries */
} row;

static const int64_t huge = INT64_MAX;

/* 2 images of 4 channels 8x9, 3x3 kernels to 6 channels in 2 groups, padding 1. */
static tw_geometry plain(void) {
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = 2, g.in_channels = 4, g.out_channels = 6, g.groups = 2;
    g.input[0] = 8, g.input[1] = 9, g.kernel[0] = g.kernel[1] = 3;
    g.pad_begin[0] = g.pad_begin[1] = g.pad_end[0] = g.pad_end[1] = 1;
    return g;
}

static const row rows[] = {
    {"A01 stride 0", {{AT(stride[0]), 0}}, TW_ERROR_ARGUMENT, "stride[0] is 0"},
    {"A01 stride 0 in one dimension", {{AT(stride[1]), 0}}, TW_ERROR_ARGUMENT, "stride[1] is 0"},
    {"A02 stride -1", {{AT(stride[1]), -1}}, TW_ERROR_ARGUMENT, "stride[1] is -1"},
    {"A02 stride INT32_MIN", {{AT(stride[0]), INT32_MIN}}, TW_ERROR_ARGUMENT, "stride[0] is -2147483648"},
    {"A02 stride INT64_MIN",
     {{AT(stride[0]), INT64_MIN}},
     TW_ERROR_ARGUMENT,
     "stride[0] is -9223372036854775808"},
    {"A03 dilation 0", {{AT(dilation[0]), 0}}, TW_ERROR_ARGUMENT, "dilation[0] is 0"},
    {"A03 dilation -1", {{AT(dilation[1]), -1}}, TW_ERROR_ARGUMENT, "dilation[1] is -1"},
    {"A04 kernel extent over 63 bits",
     {{AT(dilation[0]), huge}, {AT(kernel[0]), 3}},
     TW_ERROR_OVERFLOW,
     "(kernel - 1) * dilation + 1 of dimension 0"},
    {"A04 kernel extent of exactly 2^63",
     {{AT(dilation[1]), huge}, {AT(kernel[1]), 2}},
     TW_ERROR_OVERFLOW,
     "(kernel - 1) * dilation + 1 of dimension 1"},
    {"A04 kernel and dilation 2^31 - 1 fit 63 bits, not the image",
     {{AT(dilation[0]), INT32_MAX}, {AT(kernel[0]), INT32_MAX}},
     TW_ERROR_SHAPE,
     "kernel of dimension 0 spans 4611686011984936963"},
    {"A06 groups 0", {{AT(groups), 0}}, TW_ERROR_ARGUMENT, "groups is 0"},
    {"A06 groups negative", {{AT(groups), -2}}, TW_ERROR_ARGUMENT, "groups is -2"},
    {"A07 groups do not divide the input", {{AT(in_channels), 5}}, TW_ERROR_SHAPE, "groups is 2"},
    {"A07 groups do not divide the output", {{AT(out_channels), 7}}, TW_ERROR_SHAPE, "out_channels (7)"},
    {"A08 more groups than channels", {{AT(groups), 8}}, TW_ERROR_SHAPE, "groups is 8"},
    {"A09 kernel 0", {{AT(kernel[0]), 0}}, TW_ERROR_ARGUMENT, "kernel[0] is 0"},
    {"A09 kernel width 0", {{AT(kernel[1]), 0}}, TW_ERROR_ARGUMENT, "kernel[1] is 0"},
    {"A10 everything empty",
     {{AT(batch), 0},
      {AT(in_channels), 0},
      {AT(out_channels), 0},
      {AT(input[0]), 0},
      {AT(input[1]), 0},
      {AT(kernel[0]), 0},
      {AT(kernel[1]), 0}},
     TW_ERROR_ARGUMENT,
     "in_channels is 0"},
    {"A11 batch negative", {{AT(batch), -1}}, TW_ERROR_ARGUMENT, "batch is -1"},
    {"A13 empty image with padding", {{AT(input[0]), 0}}, TW_ERROR_ARGUMENT, "input[0] is 0"},
    {"A14 no input channels", {{AT(in_channels), 0}}, TW_ERROR_ARGUMENT, "in_channels is 0"},
    {"A14 no output channels", {{AT(out_channels), 0}}, TW_ERROR_ARGUMENT, "out_channels is 0"},
    {"A15 kernel one wider than the image, stride 2",
     {{AT(input[0]), 2}, {AT(pad_begin[0]), 0}, {AT(pad_end[0]), 0}, {AT(stride[0]), 2}},
     TW_ERROR_SHAPE,
     "kernel of dimension 0 spans 3, the padded input 2"},
    {"A16 kernel wider than the image by more than a stride",
     {{AT(kernel[1]), 30}},
     TW_ERROR_SHAPE,
     "kernel of dimension 1 spans 30, the padded input 11"},
    {"A22 negative padding", {{AT(pad_begin[0]), -1}}, TW_ERROR_ARGUMENT, "pad_begin[0] is -1"},
    {"A22 padding that removes the image", {{AT(pad_end[1]), -9}}, TW_ERROR_ARGUMENT, "pad_end[1] is -9"},
    {"A23 paddings that wrap together",
     {{AT(pad_begin[0]), huge}, {AT(pad_end[0]), huge}},
     TW_ERROR_OVERFLOW,
     "pad_begin + pad_end of dimension 0"},
    {"A23 padding that wraps with the image",
     {{AT(pad_begin[1]), huge / 2}, {AT(pad_end[1]), huge / 2}},
     TW_ERROR_OVERFLOW,
     "input + pad_begin + pad_end of dimension 1"},
    {"A24 elements of 2^64 bytes",
     {{AT(batch), 65536},
      {AT(in_channels), 65536},
      {AT(out_channels), 65536},
      {AT(input[0]), 65536},
      {AT(input[1]), 65536}},
     TW_ERROR_OVERFLOW,
     "bytes of the input"},
    {"A24 elements fit 63 bits, bytes do not",
     {{AT(batch), 1}, {AT(input[0]), (int64_t)1 << 32}, {AT(input[1]), (int64_t)1 << 27}},
     TW_ERROR_OVERFLOW,
     "bytes of the input"},
    {"A24 an image of too many bytes in an empty batch",
     {{AT(batch), 0}, {AT(input[0]), (int64_t)1 << 32}, {AT(input[1]), (int64_t)1 << 27}},
     TW_ERROR_OVERFLOW,
     "bytes of the input"},
    {"A25 kernel of 2^32 x 2^32",
     {{AT(kernel[0]), (int64_t)1 << 32},
      {AT(kernel[1]), (int64_t)1 << 32},
      {AT(input[0]), (int64_t)1 << 32},
      {AT(input[1]), (int64_t)1 << 32}},
     TW_ERROR_OVERFLOW,
     "pixels of an image"},
    {"A25 kernel of 65536 x 65536 is not 0",
     {{AT(kernel[0]), 65536}, {AT(kernel[1]), 65536}},
     TW_ERROR_SHAPE,
     "kernel of dimension 0 spans 65536"},
    {"A26 weights of 2^64 bytes",
     {{AT(groups), 1},
      {AT(in_channels), (int64_t)1 << 30},
      {AT(out_channels), (int64_t)1 << 28},
      {AT(kernel[0]), 4},
      {AT(kernel[1]), 4}},
     TW_ERROR_OVERFLOW,
     "bytes of the weights"},
    {"A28 products over 63 bits",
     {{AT(groups), 1},
      {AT(in_channels), 1 << 22},
      {AT(out_channels), 1 << 22},
      {AT(input[0]), 1 << 10},
      {AT(input[1]), 1 << 10}},
     TW_ERROR_OVERFLOW,
     "products of output and weight"},
    {"A33 rank 2", {{AT(spatial), 0}}, TW_ERROR_ARGUMENT, "spatial is 0"},
    {"A33 rank 6", {{AT(spatial), 4}}, TW_ERROR_ARGUMENT, "spatial is 4"},
    {"A35 output padding without transposition",
     {{AT(output_padding[0]), 1}},
     TW_ERROR_ARGUMENT,
     "output_padding[0] is 1"},
    {"A35 output padding negative",
     {{AT(output_padding[1]), -1}},
     TW_ERROR_ARGUMENT,
     "output_padding[1] is -1"},
    {"A05 products over 2^31 of small sizes",
     {{AT(in_channels), 64}, {AT(input[0]), 1167}, {AT(input[1]), 1167}, {AT(dilation[0]), 2}},
     TW_OK,
     NULL},
    {"A08 depthwise with a multiplier",
     {{AT(in_channels), 4}, {AT(groups), 4}, {AT(out_channels), 8}},
     TW_OK,
     NULL},
    {"A11 empty batch", {{AT(batch), 0}}, TW_OK, NULL},
    {"A17 padding as wide as the kernel", {{AT(pad_begin[0]), 3}, {AT(pad_end[1]), 8}}, TW_OK, NULL},
};

/* spatial is an int, all other fields of the table are int64_t. */
static void edit(tw_geometry *g, size_t at, int64_t value) {
    if (at == AT(spatial))
        g->spatial = (int)value;
    else
        memcpy((char *)g + at, &value, sizeof value);
}

static void expect(const char *name, const tw_geometry *g, tw_status expected, const char *says) {
    tw_status status = tw_geometry_validate(g);
    if (status != expected || (says && !strstr(tw_message(), says)))
        fail_msg("%s: status %s, message \"%s\"; expected %s, \"%s\"", name, tw_status_name(status),
                 tw_message(), tw_status_name(expected), says ? says : "");
    int64_t output[TW_MAX_SPATIAL] = {-7, -7, -7};
    tw_geometry_sizes sizes = {.x = -7};
    assert_int_equal(tw_geometry_output(g, output), expected);
    assert_int_equal(tw_geometry_count(g, &sizes), expected);
    if (expected != TW_OK) {
        assert_int_equal(output[0], -7);
        assert_int_equal(sizes.x, -7);
    }
}

static void every_row_of_the_catalogue_is_refused_or_accepted_as_it_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tw_geometry g = plain();
        for (int e = 0; e < 8 && rows[i].edits[e].at; e++)
            edit(&g, rows[i].edits[e].at, rows[i].edits[e].value);
        expect(rows[i].name, &g, rows[i].status, rows[i].says);
    }
}

static void transposed_output_padding_is_less_than_stride_or_dilation(void **state) {
    (void)state;
    tw_geometry g = plain();
    g.transposed = true;
    g.stride[0] = 2, g.dilation[0] = 3;
    g.output_padding[0] = 2;
    expect("A35 legal", &g, TW_OK, NULL);
    g.output_padding[0] = 3;
    expect("A35", &g, TW_ERROR_ARGUMENT, "output_padding[0] is 3; expected at most 2");
    g.output_padding[0] = 0, g.output_padding[1] = 1;
    expect("A35", &g, TW_ERROR_ARGUMENT, "output_padding[1] is 1; expected at most 0");
}

static void a_transposed_convolution_keeps_an_output(void **state) {
    (void)state;
    tw_geometry g = plain();
    g.transposed = true;
    g.pad_begin[1] = 5, g.pad_end[1] = 6; /* (9 - 1) * 1 + 3 = 11 */
    expect("A16 transposed", &g, TW_ERROR_SHAPE, "pad_begin + pad_end of dimension 1 is 11");
    g.pad_end[1] = 5;
    expect("A16 transposed, one left", &g, TW_OK, NULL);
    g.stride[0] = INT64_MAX;
    expect("A23 transposed", &g, TW_ERROR_OVERFLOW, "(input - 1) * stride");
}

static void unknown_values_of_an_enum_are_refused(void **state) {
    (void)state;
    static const int wrong[] = {-1, 4, 99, INT32_MIN};
    for (int i = 0; i < 4; i++) {
        tw_geometry g = plain();
        char says[64];
        memcpy(&g.pad_mode, &wrong[i], sizeof g.pad_mode);
        snprintf(says, sizeof says, "pad_mode is %d", wrong[i]);
        expect("A36", &g, TW_ERROR_ARGUMENT, says);
        g = plain();
        memcpy(&g.layout, &wrong[i], sizeof g.layout);
        snprintf(says, sizeof says, "layout is %d", wrong[i]);
        expect("A36", &g, TW_ERROR_ARGUMENT, says);
    }
}

static void a_struct_of_another_version_is_refused(void **state) {
    (void)state;
    static const size_t sizes[] = {0, sizeof(tw_geometry) - 1, sizeof(tw_geometry) + 8, SIZE_MAX};
    for (int i = 0; i < 4; i++) {
        tw_geometry g = plain();
        g.struct_size = sizes[i];
        expect("A40", &g, TW_ERROR_VERSION, "struct_size is ");
    }
}

static void null_pointers_are_refused(void **state) {
    (void)state;
    tw_geometry g = plain();
    assert_int_equal(tw_geometry_validate(NULL), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "geometry is NULL"));
    assert_int_equal(tw_geometry_output(&g, NULL), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "output is NULL"));
    assert_int_equal(tw_geometry_count(&g, NULL), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "sizes is NULL"));
}

static void padding_modes_reach_no_further_than_one_image(void **state) {
    (void)state;
    tw_geometry g = plain();
    g.pad_mode = TW_PAD_REFLECT;
    g.pad_begin[0] = 7;
    expect("reflect", &g, TW_OK, NULL);
    g.pad_begin[0] = 8;
    expect("reflect", &g, TW_ERROR_ARGUMENT, "pad_begin[0] is 8; reflect padding of 8 inputs goes to 7");
    g = plain();
    g.pad_mode = TW_PAD_CIRCULAR;
    g.pad_end[1] = 9;
    expect("circular", &g, TW_OK, NULL);
    g.pad_end[1] = 10;
    expect("circular", &g, TW_ERROR_ARGUMENT, "pad_end[1] is 10; circular padding of 9 inputs goes to 9");
    g = plain();
    g.pad_mode = TW_PAD_REPLICATE;
    g.pad_end[1] = 1000;
    expect("replicate", &g, TW_OK, NULL);
    g = plain();
    g.transposed = true;
    g.pad_mode = TW_PAD_REFLECT;
    expect("transposed", &g, TW_ERROR_UNSUPPORTED, "pad_mode is 1");
}

/* Figures of Dumoulin and Visin 2016: 2.1, 2.5, 2.7, 4.1 (transposed) and 5.1 (dilated), and their relations.
 */
static void output_sizes_are_those_of_the_guide_to_convolution_arithmetic(void **state) {
    (void)state;
    static const struct {
        int64_t input, kernel, stride, dilation, pad, output_padding, expected;
        bool transposed;
    } cases[] = {
        {4, 3, 1, 1, 0, 0, 2, false}, {5, 4, 1, 1, 2, 0, 6, false}, {5, 3, 2, 1, 0, 0, 2, false},
        {5, 3, 2, 1, 1, 0, 3, false}, {6, 3, 2, 1, 1, 0, 3, false}, {7, 3, 1, 2, 0, 0, 3, false},
        {2, 3, 1, 1, 0, 0, 4, true},  {2, 3, 2, 1, 0, 0, 5, true},  {3, 3, 2, 1, 1, 0, 5, true},
        {3, 3, 2, 1, 1, 1, 6, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_geometry g = tw_geometry_defaults(1);
        g.in_channels = g.out_channels = 1;
        g.input[0] = cases[i].input, g.kernel[0] = cases[i].kernel, g.stride[0] = cases[i].stride;
        g.dilation[0] = cases[i].dilation, g.pad_begin[0] = g.pad_end[0] = cases[i].pad;
        g.output_padding[0] = cases[i].output_padding, g.transposed = cases[i].transposed;
        int64_t output[TW_MAX_SPATIAL];
        assert_int_equal(tw_geometry_output(&g, output), TW_OK);
        assert_int_equal(output[0], cases[i].expected);
    }
}

/* Under padding 1 a row of n places and a kernel of 3 has 3 n - 2 taps inside; the two dimensions multiply.
 */
static void elements_and_taps_are_counted(void **state) {
    (void)state;
    tw_geometry g = plain();
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.x, 2 * 4 * 72);
    assert_int_equal(sizes.y, 2 * 6 * 72);
    assert_int_equal(sizes.w, 6 * 2 * 9);
    assert_int_equal(sizes.b, 6);
    assert_int_equal(sizes.taps, 6 * 2 * (3 * 8 - 2) * (3 * 9 - 2));
    g.pad_mode = TW_PAD_REPLICATE;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.taps, 6 * 2 * 9 * 72);
    g.batch = 0;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.x, 0);
    assert_int_equal(sizes.y, 0);
    assert_int_equal(sizes.w, 108);
}

/* The taps of one dimension against the count one by one. */
static void taps_are_those_that_a_loop_counts(void **state) {
    (void)state;
    for (int64_t code = 0; code < 5 * 6 * 4 * 4 * 5; code++) {
        tw_geometry g = tw_geometry_defaults(1);
        g.in_channels = g.out_channels = 1;
        g.input[0] = code % 5 + 1, g.kernel[0] = code / 5 % 6 + 1, g.stride[0] = code / 30 % 4 + 1;
        g.dilation[0] = code / 120 % 4 + 1;
        g.pad_begin[0] = code / 480 * 3, g.pad_end[0] = 30;
        int64_t output[TW_MAX_SPATIAL], taps = 0;
        tw_geometry_sizes sizes;
        assert_int_equal(tw_geometry_output(&g, output), TW_OK);
        assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
        for (int64_t o = 0; o < output[0]; o++)
            for (int64_t k = 0; k < g.kernel[0]; k++) {
                int64_t i = o * g.stride[0] + k * g.dilation[0] - g.pad_begin[0];
                taps += i >= 0 && i < g.input[0];
            }
        assert_int_equal(sizes.taps, taps);
    }
}

/* A loop over the 2^40 places of such a kernel would take an hour. */
static void the_taps_of_a_giant_kernel_are_counted_at_once(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(1);
    tw_geometry_sizes sizes;
    g.in_channels = g.out_channels = 1;
    g.input[0] = (int64_t)1 << 40, g.kernel[0] = (int64_t)1 << 40;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.taps, (int64_t)1 << 40);
    g.input[0] = 3, g.kernel[0] = g.pad_begin[0] = g.pad_end[0] = (int64_t)1 << 30;
    assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
    assert_int_equal(sizes.taps, (int64_t)3 << 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_catalogue_is_refused_or_accepted_as_it_says),
        cmocka_unit_test(transposed_output_padding_is_less_than_stride_or_dilation),
        cmocka_unit_test(a_transposed_convolution_keeps_an_output),
        cmocka_unit_test(unknown_values_of_an_enum_are_refused),
        cmocka_unit_test(a_struct_of_another_version_is_refused),
        cmocka_unit_test(null_pointers_are_refused),
        cmocka_unit_test(padding_modes_reach_no_further_than_one_image),
        cmocka_unit_test(output_sizes_are_those_of_the_guide_to_convolution_arithmetic),
        cmocka_unit_test(elements_and_taps_are_counted),
        cmocka_unit_test(taps_are_those_that_a_loop_counts),
        cmocka_unit_test(the_taps_of_a_giant_kernel_are_counted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every format of every kind of explanation: pages that were read, LaTeX that compiles, markup that closes
 * what it opens, figures that begin as their formats do, and numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <twill/explain.h>

#include "explain/golden.h"
#include "scratch.h"

enum { POOLING = 1 << 5, ONE_BY_ONE = 1 << 6 };

static const double image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weights[] = {1, 2, 3, 4},
                    upstream[] = {2, -1, 2, -1};

static tw_explain_request worked_example(tw_explain_format format) {
    tw_explain_request r = tw_explain_defaults();
    r.image = (tw_explain_values){image, 9};
    r.weights = (tw_explain_values){weights, 4};
    r.upstream = (tw_explain_values){upstream, 4};
    r.format = format;
    return r;
}

static tw_explain_request square(int64_t side, int64_t kernel, int64_t channels) {
    tw_explain_request r = tw_explain_defaults();
    r.geometry.in_channels = r.geometry.out_channels = channels;
    for (int a = 0; a < 2; a++) {
        r.geometry.input[a] = side;
        r.geometry.kernel[a] = kernel;
    }
    return r;
}

static void documents_read_as_they_were_checked(void **state) {
    (void)state;
    tw_explain_request r = worked_example(TW_EXPLAIN_LATEX);
    r.sections = 3;
    check_golden(&r, "worked.tex");
    r = worked_example(TW_EXPLAIN_MARKDOWN);
    check_golden(&r, "worked.md");
    r = square(4, 2, 1);
    r.sections = POOLING | ONE_BY_ONE;
    check_golden(&r, "pooling.txt");
    r = tw_explain_defaults();
    r.net.text = "zhang2016";
    check_golden(&r, "zhang2016.txt");
    r.highlight = "w12";
    r.net.text = NULL;
    r.sections = 1 << 4;
    check_golden(&r, "highlight.txt");
}

static void an_illegal_shape_is_explained_and_refused(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    tw_explain_request r = square(3, 5, 1);
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_SHAPE);
    assert_non_null(bytes);
    assert_non_null(strstr(bytes, "the kernel spans 5 pixels, but the padded image has only 3"));
    assert_non_null(strstr(tw_message(), "kernel"));
    tw_explain_free(bytes);
    r = square(3, 2, 4);
    r.geometry.groups = 3;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_SHAPE);
    assert_non_null(strstr(bytes, "3 groups do not divide"));
    tw_explain_free(bytes);
    r = square(3, 2, 1);
    r.geometry.stride[1] = 0;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(bytes, "width: stride s is 0; it must be at least 1."));
    tw_explain_free(bytes);
    r.geometry.spatial = 7;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    tw_explain_free(bytes);
}

static void the_nearest_legal_shapes_are_told_where_there_are_some(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    tw_explain_request r = square(3, 2, 1);
    r.geometry.transposed = true;
    r.geometry.pad_mode = TW_PAD_CIRCULAR;
    assert_int_not_equal(tw_explain(&r, &bytes, &size), TW_OK);
    assert_non_null(strstr(bytes, "padding mode             circular          zeros"));
    tw_explain_free(bytes);
    r.geometry.pad_mode = TW_PAD_ZEROS;
    r.geometry.output_padding[0] = 2;
    assert_int_not_equal(tw_explain(&r, &bytes, &size), TW_OK);
    assert_non_null(strstr(bytes, "extra e     height       2              0"));
    tw_explain_free(bytes);
    r = square((int64_t)1 << 40, 1, 1); /* nothing near is small enough */
    assert_int_not_equal(tw_explain(&r, &bytes, &size), TW_OK);
    assert_true(!bytes || !strstr(bytes, "Each of these"));
    tw_explain_free(bytes);
}

/* Elements that HTML and SVG need not or cannot close. */
static bool closes_itself(const char *tag, size_t length) {
    static const char *const names[] = {"meta", "!doctype", "html", "/html"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && memcmp(names[i], tag, length) == 0) return true;
    return false;
}

static void check_markup(const char *text) {
    enum { DEEPEST = 64 };
    const char *open[DEEPEST];
    size_t lengths[DEEPEST];
    int depth = 0;
    for (const char *at = strchr(text, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        bool closing = at[1] == '/';
        const char *name = at + 1 + closing;
        size_t length = strcspn(name, " />\n");
        if (end[-1] == '/' || closes_itself(at + 1, strcspn(at + 1, " >"))) continue;
        if (!closing) {
            assert_true(depth < DEEPEST);
            open[depth] = name;
            lengths[depth++] = length;
            continue;
        }
        assert_true(depth > 0);
        depth--;
        if (lengths[depth] != length || memcmp(open[depth], name, length))
            fail_msg("<%.*s> is closed by </%.*s>", (int)lengths[depth], open[depth], (int)length, name);
    }
    assert_int_equal(depth, 0);
}

static void markup_closes_what_it_opens(void **state) {
    (void)state;
    for (int n = 0; n < 24; n++) {
        tw_explain_request r =
            n % 2 ? square(3 + n % 5, 1 + n % 3, 1 + n % 2) : worked_example(TW_EXPLAIN_HTML);
        r.format = n % 3 ? TW_EXPLAIN_HTML : TW_EXPLAIN_SVG;
        r.language = n % 4 ? TW_ENGLISH : TW_CHINESE;
        r.sections = r.format == TW_EXPLAIN_HTML ? 0x7f : 0;
        char *bytes;
        size_t size;
        if (tw_explain(&r, &bytes, &size) != TW_OK) fail_msg("%s", tw_message());
        check_markup(bytes);
        assert_null(strstr(bytes, "<script"));
        tw_explain_free(bytes);
    }
}

static void figures_are_files_of_their_formats(void **state) {
    (void)state;
    static const char *const figures[] = {"forward", "matrix", "connections"};
    static const struct {
        tw_explain_format format;
        const char *begins;
    } formats[] = {{TW_EXPLAIN_SVG, "<svg "}, {TW_EXPLAIN_PNG, "\x89PNG"}, {TW_EXPLAIN_PDF, "%PDF"}};
    for (int i = 0; i < 9; i++) {
        tw_explain_request r = worked_example(formats[i / 3].format);
        r.figure = figures[i % 3];
        char *bytes;
        size_t size;
        tw_status status = tw_explain(&r, &bytes, &size);
        if (!tw_explain_format_of((size_t)r.format)->offered) {
            assert_int_equal(status, TW_ERROR_UNSUPPORTED);
            continue;
        }
        assert_int_equal(status, TW_OK);
        assert_memory_equal(bytes, formats[i / 3].begins, strlen(formats[i / 3].begins));
        tw_explain_free(bytes);
    }
}

static int times_in(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

/* A volume of one plane, channels last. Padded along its depth, nothing of it meets the first output, whose
 * kernel is as deep as one plane: the patch's colours are then left out. */
static void volumes_and_channels_last_have_their_figures(void **state) {
    (void)state;
    for (int pad = 0; pad < 2; pad++) {
        tw_explain_request r = tw_explain_defaults();
        r.geometry = tw_geometry_defaults(3);
        r.geometry.layout = TW_NHWC;
        for (int a = 0; a < 3; a++) r.geometry.input[a] = r.geometry.kernel[a] = a ? 2 : 1;
        r.geometry.in_channels = 2;
        r.geometry.out_channels = 1;
        r.geometry.pad_begin[0] = pad;
        r.format = TW_EXPLAIN_SVG;
        r.figure = "forward";
        char *bytes;
        size_t size;
        if (tw_explain(&r, &bytes, &size) != TW_OK) fail_msg("pad %d: %s", pad, tw_message());
        check_markup(bytes);
        for (int i = 0; i < 8; i++) { /* each pixel once; each weight in its kernel, and on the patch */
            char pixel[32], weight[32];
            snprintf(pixel, sizeof pixel, "data-x=\"%d\"", i);
            snprintf(weight, sizeof weight, "data-w=\"%d\"", i);
            assert_int_equal(times_in(bytes, pixel), 1);
            assert_int_equal(times_in(bytes, weight), pad ? 1 : 2);
        }
        tw_explain_free(bytes);
    }
}

static void a_figure_or_weight_that_is_not_there_is_named(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    tw_explain_request r = worked_example(TW_EXPLAIN_SVG);
    r.figure = "nothing";
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_UNSUPPORTED);
    assert_non_null(strstr(tw_message(), "nothing"));
    r = worked_example(TW_EXPLAIN_TEXT);
    r.highlight = "w33";
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "w11 to w22"));
    r.highlight = NULL;
    r.sections = 1u << 20;
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_ARGUMENT);
    r.sections = 0;
    r.net.text = "conv 6 5x; relu";
    assert_int_equal(tw_explain(&r, &bytes, &size), TW_ERROR_FORMAT);
    assert_null(bytes);
}

/* Where pdflatex and what the document needs are installed. */
static void latex_compiles(void **state) {
    (void)state;
    char command[256];
    scratch files;
    if (system("command -v pdflatex >/dev/null && kpsewhich tikz.sty CJKutf8.sty bsmiu.map >/dev/null 2>&1"))
        skip();
    scratch_make(&files);
    for (int language = 0; language < TW_LANGUAGES; language++) {
        tw_explain_request r = worked_example(TW_EXPLAIN_LATEX);
        r.sections = 0x7f;
        r.language = (tw_language)language;
        char *bytes;
        size_t size;
        assert_int_equal(tw_explain(&r, &bytes, &size), TW_OK);
        scratch_file(&files, "page.tex", bytes, size);
        tw_explain_free(bytes);
        snprintf(command, sizeof command,
                 "cd %s && pdflatex -interaction=nonstopmode -halt-on-error page.tex >page.out 2>&1",
                 files.folder);
        if (system(command)) fail_msg("pdflatex refuses %s", files.path);
    }
    scratch_remove(&files);
}

static void numbers_are_read_as_people_write_them(void **state) {
    (void)state;
    double *values;
    int64_t rows, columns;
    assert_int_equal(tw_explain_read("1 2 3; 4,5, 6\n7 8 -9e0;", &values, &rows, &columns), TW_OK);
    assert_int_equal(rows, 3);
    assert_int_equal(columns, 3);
    assert_true(values[0] == 1 && values[5] == 6 && values[8] == -9);
    tw_explain_free(values);
}

static void words_that_are_no_numbers_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        tw_status status;
        const char *says;
    } cases[] = {
        {"1 2; 3", TW_ERROR_SHAPE, "row 2 has 1"}, {"1 two", TW_ERROR_FORMAT, "byte 3: \"two\""},
        {"1 nan", TW_ERROR_NUMERIC, "finite"},     {"inf", TW_ERROR_NUMERIC, "finite"},
        {"1e999", TW_ERROR_NUMERIC, "finite"},     {"", TW_ERROR_FORMAT, "no number"},
        {" ;; ", TW_ERROR_FORMAT, "no number"},    {"1.2.3", TW_ERROR_FORMAT, "1.2.3"},
    };
    double *values;
    int64_t rows, columns;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tw_explain_read(cases[i].text, &values, &rows, &columns), cases[i].status);
        assert_null(values);
        if (!strstr(tw_message(), cases[i].says)) fail_msg("\"%s\": %s", cases[i].text, tw_message());
    }
}

static void ten_megabytes_of_text_are_read_or_refused_quickly(void **state) {
    (void)state;
    enum { SIZE = 10 << 20 };
    char *text = tw_alloc(SIZE + 1, 1);
    double *values;
    int64_t rows, columns;
    memset(text, 'x', SIZE);
    text[SIZE] = 0;
    assert_int_equal(tw_explain_read(text, &values, &rows, &columns), TW_ERROR_FORMAT);
    assert_true(strlen(tw_message()) < 200);
    memset(text, '1', SIZE);
    assert_int_equal(tw_explain_read(text, &values, &rows, &columns), TW_ERROR_FORMAT);
    for (int i = 0; i < SIZE; i += 2) text[i] = ' ';
    assert_int_equal(tw_explain_read(text, &values, &rows, &columns), TW_OK);
    assert_int_equal(columns, SIZE / 2);
    tw_explain_free(values);
    tw_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_read_as_they_were_checked),
        cmocka_unit_test(an_illegal_shape_is_explained_and_refused),
        cmocka_unit_test(the_nearest_legal_shapes_are_told_where_there_are_some),
        cmocka_unit_test(markup_closes_what_it_opens),
        cmocka_unit_test(figures_are_files_of_their_formats),
        cmocka_unit_test(volumes_and_channels_last_have_their_figures),
        cmocka_unit_test(a_figure_or_weight_that_is_not_there_is_named),
        cmocka_unit_test(latex_compiles),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(words_that_are_no_numbers_are_refused_with_their_place),
        cmocka_unit_test(ten_megabytes_of_text_are_read_or_refused_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

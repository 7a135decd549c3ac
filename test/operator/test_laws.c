/* The conv matrix against the laws of convolution, on random geometries with whole numbers, so that every law
 * holds with ==. Each law trades one feature of the geometry for work on the tensors that this test does
 * itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/check.h>
#include <twill/matrix.h>

#include "operator/random_geometry.h"

enum { GEOMETRIES = 300, AXES = TW_MAX_SPATIAL };

/* Sizes of three axes; those that a geometry has not are 1, at the end. */
typedef struct box {
    int64_t size[AXES];
} box;

static box box_of(const int64_t *sizes, int spatial) {
    box b = {{1, 1, 1}};
    memcpy(b.size, sizes, (size_t)spatial * sizeof *sizes);
    return b;
}

static int64_t volume(box b) {
    return b.size[0] * b.size[1] * b.size[2];
}

static box output_box(const tw_geometry *g) {
    int64_t output[AXES];
    assert_int_equal(tw_geometry_output(g, output), TW_OK);
    return box_of(output, g->spatial);
}

static double *zeros(int64_t count) {
    double *values = calloc((size_t)count + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

static double *whole_numbers(tw_random *random, int64_t count) {
    double *values = zeros(count);
    for (int64_t i = 0; i < count; i++) values[i] = (double)tw_random_below(random, 19) - 9;
    return values;
}

/* `channels` boxes; each axis of the new one reads where `source` says, zero where that is -1. */
static double *resample(const tw_geometry *g, int64_t channels, const double *from, box old, box new,
                        int64_t (*source)(const tw_geometry *g, int axis, int64_t to)) {
    double *values = zeros(channels * volume(new));
    for (int64_t i = 0; i < channels * volume(new); i++) {
        int64_t place[AXES], rest = i;
        for (int a = AXES - 1; a >= 0; a--) {
            place[a] = rest % new.size[a];
            rest /= new.size[a];
        }
        int64_t at = rest;
        for (int a = 0; a < AXES && at >= 0; a++) {
            int64_t s = a < g->spatial ? source(g, a, place[a]) : 0;
            at = s < 0 ? -1 : at * old.size[a] + s;
        }
        if (at >= 0) values[i] = from[at];
    }
    return values;
}

/* A problem that the laws start from: one image, and its W x and matrix. */
typedef struct scene {
    tw_geometry g;
    tw_matrix *matrix;
    double *x, *w, *y;
} scene;

static tw_matrix *matrix_of(const tw_geometry *g) {
    tw_matrix *m;
    if (tw_matrix_create(&m, g)) fail_msg("%s", tw_message());
    return m;
}

static double *product(const tw_geometry *g, const double *w, const double *x) {
    tw_matrix *m = matrix_of(g);
    double *y = zeros(m->rows);
    assert_int_equal(tw_matrix_apply(m, TW_F64, 1, w, x, y), TW_OK);
    tw_matrix_free(m);
    return y;
}

static scene scene_of(tw_random *random, const tw_geometry *g) {
    scene s = {.g = *g, .matrix = matrix_of(g)};
    s.x = whole_numbers(random, s.matrix->columns);
    s.w = whole_numbers(random, s.matrix->parameters);
    s.y = product(&s.g, s.w, s.x);
    return s;
}

static void scene_free(scene *s) {
    tw_matrix_free(s->matrix);
    free(s->x);
    free(s->w);
    free(s->y);
}

static void expect_same(const tw_geometry *g, const double *a, const double *b, int64_t count) {
    char text[512];
    for (int64_t i = 0; i < count; i++)
        if (a[i] != b[i]) {
            tw_geometry_write(g, text, sizeof text);
            fail_msg("%s: element %lld is %g and %g", text, (long long)i, a[i], b[i]);
        }
}

/* Calls the law on random scenes of one image in NCHW; `prepare` (or NULL) bends the geometry before. */
static void on_random_scenes(uint32_t stream, void (*prepare)(tw_geometry *), void (*law)(const scene *)) {
    tw_random random = tw_random_stream(7, TW_RANDOM_TEST, 0, stream);
    for (int i = 0; i < GEOMETRIES;) {
        tw_geometry g = tw_geometry_random(&random, 20000);
        g.batch = 1;
        g.layout = TW_NCHW;
        if (prepare) prepare(&g);
        if (tw_geometry_validate(&g)) continue;
        scene s = scene_of(&random, &g);
        law(&s);
        scene_free(&s);
        i++;
    }
}

static void make_ordinary(tw_geometry *g) {
    g->transposed = false;
    memset(g->output_padding, 0, sizeof g->output_padding);
}

/* As the rows of geometry.h continue 1 2 3 4, one step at a time. */
static int64_t inside_of_padding(const tw_geometry *g, int a, int64_t to) {
    int64_t i = to - g->pad_begin[a], n = g->input[a];
    while (i < 0 || i >= n) switch (g->pad_mode) {
        case TW_PAD_REFLECT: i = i < 0 ? -i : 2 * n - 2 - i; break;
        case TW_PAD_REPLICATE: i += i < 0 ? 1 : -1; break;
        case TW_PAD_CIRCULAR: i += i < 0 ? n : -n; break;
        default: return -1;
        }
    return i;
}

static void padding_law(const scene *s) {
    tw_geometry bare = s->g;
    for (int a = 0; a < bare.spatial; a++) {
        bare.input[a] += bare.pad_begin[a] + bare.pad_end[a];
        bare.pad_begin[a] = bare.pad_end[a] = 0;
    }
    bare.pad_mode = TW_PAD_ZEROS;
    box old = box_of(s->g.input, s->g.spatial), new = box_of(bare.input, s->g.spatial);
    double *x = resample(&s->g, s->g.in_channels, s->x, old, new, inside_of_padding),
           *y = product(&bare, s->w, x);
    expect_same(&s->g, y, s->y, s->matrix->rows);
    free(x);
    free(y);
}

static void padding_is_an_image_that_was_continued_before(void **state) {
    (void)state;
    on_random_scenes(1, make_ordinary, padding_law);
}

static int64_t undilated(const tw_geometry *g, int a, int64_t to) {
    return to % g->dilation[a] ? -1 : to / g->dilation[a];
}

static void dilation_law(const scene *s) {
    tw_geometry dense = s->g;
    for (int a = 0; a < dense.spatial; a++) {
        dense.kernel[a] = (dense.kernel[a] - 1) * dense.dilation[a] + 1;
        dense.dilation[a] = 1;
    }
    box old = box_of(s->g.kernel, s->g.spatial), new = box_of(dense.kernel, s->g.spatial);
    double *w = resample(&s->g, s->matrix->parameters / volume(old), s->w, old, new, undilated);
    if (tw_geometry_validate(&dense) == TW_OK) { /* the output padding of a transposed one may not fit */
        double *y = product(&dense, w, s->x);
        expect_same(&s->g, y, s->y, s->matrix->rows);
        free(y);
    }
    free(w);
}

static void dilation_is_a_kernel_stuffed_with_zeros(void **state) {
    (void)state;
    on_random_scenes(2, NULL, dilation_law);
}

static int64_t strided(const tw_geometry *g, int a, int64_t to) {
    return to * g->stride[a];
}

static void stride_law(const scene *s) {
    tw_geometry dense = s->g;
    for (int a = 0; a < dense.spatial; a++) dense.stride[a] = 1;
    double *all = product(&dense, s->w, s->x);
    double *some = resample(&s->g, s->g.out_channels, all, output_box(&dense), output_box(&s->g), strided);
    expect_same(&s->g, some, s->y, s->matrix->rows);
    free(all);
    free(some);
}

static void stride_takes_some_of_the_outputs_of_stride_1(void **state) {
    (void)state;
    on_random_scenes(3, make_ordinary, stride_law);
}

static int64_t reversed(const tw_geometry *g, int a, int64_t to) {
    return g->kernel[a] - 1 - to;
}

static void flip_law(const scene *s) {
    tw_geometry other = s->g;
    other.flipped = !other.flipped;
    box kernel = box_of(s->g.kernel, s->g.spatial);
    double *w = resample(&s->g, s->matrix->parameters / volume(kernel), s->w, kernel, kernel, reversed);
    double *y = product(&other, w, s->x);
    expect_same(&s->g, y, s->y, s->matrix->rows);
    free(w);
    free(y);
}

static void flipping_is_a_reversed_kernel(void **state) {
    (void)state;
    on_random_scenes(4, NULL, flip_law);
}

/* [rows][columns / groups] blocks to [rows][columns] with zeros outside the diagonal of blocks; of a
 * transposed convolution rows are the input channels. */
static void groups_law(const scene *s) {
    tw_geometry one = s->g;
    one.groups = 1;
    int64_t rows = one.transposed ? one.in_channels : one.out_channels;
    int64_t columns = one.transposed ? one.out_channels : one.in_channels;
    int64_t taps = volume(box_of(one.kernel, one.spatial)), block = columns / s->g.groups;
    double *w = zeros(rows * columns * taps);
    for (int64_t r = 0; r < rows; r++) {
        int64_t first = r / (rows / s->g.groups) * block;
        memcpy(w + (r * columns + first) * taps, s->w + r * block * taps, (size_t)(block * taps) * sizeof *w);
    }
    double *y = product(&one, w, s->x);
    expect_same(&s->g, y, s->y, s->matrix->rows);
    free(w);
    free(y);
}

static void groups_are_a_block_diagonal(void **state) {
    (void)state;
    on_random_scenes(5, NULL, groups_law);
}

static void make_transposed(tw_geometry *g) {
    g->transposed = true;
    g->pad_mode = TW_PAD_ZEROS;
    for (int a = 0; a < g->spatial; a++)
        if (g->output_padding[a] >= g->stride[a]) g->output_padding[a] = g->stride[a] - 1;
}

/* The ordinary convolution from y's sizes to x's sizes has the same weights; W of the one is W^T of the
 * other. */
static void transposed_law(const scene *s) {
    tw_geometry base = s->g;
    base.transposed = false;
    base.in_channels = s->g.out_channels, base.out_channels = s->g.in_channels;
    memset(base.output_padding, 0, sizeof base.output_padding);
    assert_int_equal(tw_geometry_output(&s->g, base.input), TW_OK);
    tw_matrix *m = matrix_of(&base);
    assert_int_equal(m->rows, s->matrix->columns);
    assert_int_equal(m->columns, s->matrix->rows);
    double *y = zeros(m->columns);
    assert_int_equal(tw_matrix_apply_transposed(m, TW_F64, 1, s->w, s->x, y), TW_OK);
    expect_same(&s->g, y, s->y, m->columns);
    free(y);
    tw_matrix_free(m);
}

static void a_transposed_convolution_is_the_adjoint_of_the_ordinary_one(void **state) {
    (void)state;
    on_random_scenes(6, make_transposed, transposed_law);
}

static double inner(const double *a, const double *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void adjoint_law(const scene *s) {
    const tw_matrix *m = s->matrix;
    tw_random random = tw_random_stream(8, TW_RANDOM_TEST, 0, 0);
    double *dy = whole_numbers(&random, m->rows), *dx = zeros(m->columns), *dw = zeros(m->parameters);
    assert_int_equal(tw_matrix_apply_transposed(m, TW_F64, 1, s->w, dy, dx), TW_OK);
    assert_int_equal(tw_matrix_gradient(m, TW_F64, 1, s->x, dy, dw), TW_OK);
    double left = inner(s->y, dy, m->rows);
    assert_true(left == inner(s->x, dx, m->columns));
    assert_true(left == inner(s->w, dw, m->parameters));
    free(dy);
    free(dx);
    free(dw);
}

static void both_gradients_are_adjoint_to_the_forward_product(void **state) {
    (void)state;
    on_random_scenes(9, NULL, adjoint_law);
}

/* [channels][pixels] to [pixels][channels] */
static double *channels_last(const double *from, int64_t channels, int64_t pixels) {
    double *to = zeros(channels * pixels);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++) to[p * channels + c] = from[c * pixels + p];
    return to;
}

static void layout_law(const scene *s) {
    tw_geometry last = s->g;
    last.layout = TW_NHWC;
    double *x = channels_last(s->x, s->g.in_channels, s->matrix->columns / s->g.in_channels);
    double *expected = channels_last(s->y, s->g.out_channels, s->matrix->rows / s->g.out_channels);
    double *y = product(&last, s->w, x);
    expect_same(&s->g, y, expected, s->matrix->rows);
    free(x);
    free(y);
    free(expected);
}

static void channels_last_is_a_permutation_of_channels_first(void **state) {
    (void)state;
    on_random_scenes(10, NULL, layout_law);
}

static void linear_law(const scene *s) {
    tw_random random = tw_random_stream(11, TW_RANDOM_TEST, 0, 0);
    double *other = whole_numbers(&random, s->matrix->columns), *both = zeros(s->matrix->columns);
    for (int64_t j = 0; j < s->matrix->columns; j++) both[j] = 3 * s->x[j] - 2 * other[j];
    double *y = product(&s->g, s->w, both), *y_other = product(&s->g, s->w, other);
    for (int64_t i = 0; i < s->matrix->rows; i++) y_other[i] = 3 * s->y[i] - 2 * y_other[i];
    expect_same(&s->g, y, y_other, s->matrix->rows);
    free(other);
    free(both);
    free(y);
    free(y_other);
}

static void the_map_is_linear(void **state) {
    (void)state;
    on_random_scenes(12, NULL, linear_law);
}

/* Round and round: stride 1, circular, as many outputs as inputs. */
static void make_round(tw_geometry *g) {
    make_ordinary(g);
    g->pad_mode = TW_PAD_CIRCULAR;
    for (int a = 0; a < g->spatial; a++) {
        int64_t padding = (g->kernel[a] - 1) * g->dilation[a];
        g->stride[a] = 1;
        g->pad_begin[a] = padding / 2;
        g->pad_end[a] = padding - padding / 2;
    }
}

static int64_t shifted(const tw_geometry *g, int a, int64_t to) {
    return (to + 1 + a) % g->input[a];
}

static void shift_law(const scene *s) {
    box b = box_of(s->g.input, s->g.spatial);
    double *x = resample(&s->g, s->g.in_channels, s->x, b, b, shifted);
    double *expected = resample(&s->g, s->g.out_channels, s->y, b, b, shifted);
    double *y = product(&s->g, s->w, x);
    expect_same(&s->g, y, expected, s->matrix->rows);
    free(x);
    free(y);
    free(expected);
}

static void a_shifted_image_gives_a_shifted_output(void **state) {
    (void)state;
    on_random_scenes(13, make_round, shift_law);
}

static void make_plain(tw_geometry *g) {
    make_ordinary(g);
    g->pad_mode = TW_PAD_ZEROS;
    g->flipped = false;
}

/* Which kernel position reads input i at output o: o * stride + k * dilation = i + pad; -1 for none. */
static int64_t kernel_position(const tw_geometry *g, int a, int64_t o, int64_t i) {
    int64_t reach = i + g->pad_begin[a] - o * g->stride[a];
    if (reach < 0 || reach % g->dilation[a]) return -1;
    return reach / g->dilation[a] < g->kernel[a] ? reach / g->dilation[a] : -1;
}

/* One at a single place of the input lays the kernel down, reversed, around that place. */
static void impulse_law(const scene *s) {
    const tw_geometry *g = &s->g;
    box in = box_of(g->input, g->spatial), out = output_box(g), kernel = box_of(g->kernel, g->spatial);
    int64_t at = s->matrix->columns / 2, channel = at / volume(in), group_in = g->in_channels / g->groups;
    double *x = zeros(s->matrix->columns), *expected = zeros(s->matrix->rows);
    x[at] = 1;
    for (int64_t i = 0; i < s->matrix->rows; i++) {
        int64_t out_channel = i / volume(out), weight = out_channel * group_in + channel % group_in;
        if (out_channel / (g->out_channels / g->groups) != channel / group_in) continue;
        int64_t o = i % volume(out), p = at % volume(in), unit_o = volume(out), unit_p = volume(in);
        for (int a = 0; a < g->spatial && weight >= 0; a++) {
            unit_o /= out.size[a];
            unit_p /= in.size[a];
            int64_t k = kernel_position(g, a, o / unit_o, p / unit_p);
            weight = k < 0 ? -1 : weight * kernel.size[a] + k;
            o %= unit_o;
            p %= unit_p;
        }
        if (weight >= 0) expected[i] = s->w[weight];
    }
    double *y = product(g, s->w, x);
    expect_same(g, y, expected, s->matrix->rows);
    free(x);
    free(y);
    free(expected);
}

static void an_impulse_lays_the_kernel_down(void **state) {
    (void)state;
    on_random_scenes(14, make_plain, impulse_law);
}

/* The pattern itself: rows in order, no entry twice, as many nonzeros as were counted. */
static void pattern_law(const scene *s) {
    const tw_matrix *m = s->matrix;
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_count(&s->g, &sizes), TW_OK);
    assert_int_equal(m->nonzeros, sizes.taps);
    assert_int_equal(m->row_begin[0], 0);
    assert_int_equal(m->row_begin[m->rows], m->nonzeros);
    for (int64_t i = 0; i < m->rows; i++) {
        assert_true(m->row_begin[i] <= m->row_begin[i + 1]);
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            assert_true(m->column[n] >= 0 && m->column[n] < m->columns);
            assert_true(m->parameter[n] >= 0 && m->parameter[n] < m->parameters);
            if (n == m->row_begin[i]) continue;
            assert_true(m->column[n - 1] < m->column[n] ||
                        (m->column[n - 1] == m->column[n] && m->parameter[n - 1] < m->parameter[n]));
        }
    }
}

static void rows_are_sorted_by_column_and_parameter(void **state) {
    (void)state;
    on_random_scenes(15, NULL, pattern_law);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padding_is_an_image_that_was_continued_before),
        cmocka_unit_test(dilation_is_a_kernel_stuffed_with_zeros),
        cmocka_unit_test(stride_takes_some_of_the_outputs_of_stride_1),
        cmocka_unit_test(flipping_is_a_reversed_kernel),
        cmocka_unit_test(groups_are_a_block_diagonal),
        cmocka_unit_test(a_transposed_convolution_is_the_adjoint_of_the_ordinary_one),
        cmocka_unit_test(both_gradients_are_adjoint_to_the_forward_product),
        cmocka_unit_test(channels_last_is_a_permutation_of_channels_first),
        cmocka_unit_test(the_map_is_linear),
        cmocka_unit_test(a_shifted_image_gives_a_shifted_output),
        cmocka_unit_test(an_impulse_lays_the_kernel_down),
        cmocka_unit_test(rows_are_sorted_by_column_and_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

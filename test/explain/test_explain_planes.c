/* The grids that show a backward pass as a convolution: the second slides over the first and must make the
 * third, for random geometries with small integers. Gradients are those of the walk of the taps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/explain.h>

#include "base/random.h"
#include "explain/planes.h"
#include "explain/pooled.h"

enum { MOST = 1024, GEOMETRIES = 300 };

typedef struct numbers {
    double x[MOST], w[MOST], dy[MOST];
} numbers;

static int64_t pick(tw_random *random, int64_t least, int64_t most) {
    return least + (int64_t)tw_random_below(random, (uint64_t)(most - least + 1));
}

static bool random_problem(tw_random *random, tw_problem *p, numbers *n) {
    tw_explain_request r = tw_explain_defaults();
    tw_geometry *g = &r.geometry;
    tw_geometry_sizes sizes;
    *g = tw_geometry_defaults((int)pick(random, 1, 2));
    g->in_channels = pick(random, 1, 2);
    g->out_channels = pick(random, 1, 2);
    for (int a = 0; a < g->spatial; a++) {
        g->input[a] = pick(random, 1, 5);
        g->kernel[a] = pick(random, 1, 3);
        g->stride[a] = pick(random, 1, 2);
        g->dilation[a] = pick(random, 1, 2);
        g->pad_begin[a] = pick(random, 0, 2);
        g->pad_end[a] = pick(random, 0, 2);
    }
    g->layout = pick(random, 0, 1) ? TW_NHWC : TW_NCHW;
    g->transposed = pick(random, 0, 1);
    g->flipped = pick(random, 0, 1);
    g->pad_mode = g->transposed ? TW_PAD_ZEROS : (tw_pad_mode)pick(random, 0, 3);
    if (tw_geometry_count(g, &sizes) != TW_OK) return false;
    for (int i = 0; i < MOST; i++) {
        n->x[i] = (double)pick(random, -4, 4);
        n->w[i] = (double)pick(random, -4, 4);
        n->dy[i] = (double)pick(random, -4, 4);
    }
    r.image = (tw_explain_values){n->x, sizes.x};
    r.weights = (tw_explain_values){n->w, sizes.w};
    r.upstream = (tw_explain_values){n->dy, sizes.y};
    assert_int_equal(tw_problem_create(p, &r), TW_OK);
    return tw_planes_fit(p);
}

static double at(const tw_grid *g, int64_t row, int64_t column) {
    assert_true(row < g->rows && column < g->columns);
    const tw_atom *a = &g->cells[row * g->columns + column];
    assert_true(a->known);
    return a->value;
}

/* result[r][c] = sum of kernel over image at (r, c) * step. */
static void check_slide(const tw_grid *image, const tw_grid *kernel, const tw_grid *result, int64_t step_rows,
                        int64_t step_columns) {
    for (int64_t r = 0; r < result->rows; r++)
        for (int64_t c = 0; c < result->columns; c++) {
            double sum = 0;
            for (int64_t i = 0; i < kernel->rows * kernel->columns; i++)
                sum += at(kernel, i / kernel->columns, i % kernel->columns) *
                       at(image, r * step_rows + i / kernel->columns, c * step_columns + i % kernel->columns);
            assert_true(sum == at(result, r, c));
        }
}

static void the_gradient_of_a_kernel_is_the_convolution_that_is_shown(void **state) {
    (void)state;
    static numbers n;
    tw_random random = tw_random_stream(1, TW_RANDOM_TEST, 0, 0);
    int checked = 0;
    for (int i = 0; i < GEOMETRIES; i++) {
        tw_problem p = {0};
        tw_document d = {.language = TW_ENGLISH};
        if (random_problem(&random, &p, &n)) {
            const tw_geometry *g = &p.geometry;
            tw_grid image = tw_plane_bordered(&d, &p, tw_plane_in(&p, g->transposed));
            tw_grid kernel = tw_plane_spread(&d, &p, tw_plane_out(&p, !g->transposed));
            tw_grid result = tw_plane_kernel(&d, &p, true, g->flipped, false);
            check_slide(&image, &kernel, &result, p.shape.dilation[1], p.shape.dilation[2]);
            checked++;
        }
        tw_arena_release(&d.arena);
        tw_problem_release(&p);
    }
    assert_true(checked > GEOMETRIES / 4);
}

static void the_gradient_of_an_image_is_the_convolution_that_is_shown(void **state) {
    (void)state;
    static numbers n;
    tw_random random = tw_random_stream(2, TW_RANDOM_TEST, 0, 0);
    int checked = 0;
    for (int i = 0; i < GEOMETRIES; i++) {
        tw_problem p = {0};
        tw_document d = {.language = TW_ENGLISH};
        bool fits = random_problem(&random, &p, &n);
        const tw_geometry *g = &p.geometry;
        bool alone = (g->transposed ? p.shape.group_in : p.shape.group_out) == 1;
        if (fits && alone && g->pad_mode == TW_PAD_ZEROS) {
            tw_grid kernel = tw_plane_kernel(&d, &p, false, g->flipped == g->transposed, true);
            tw_grid image = g->transposed ? tw_plane_bordered(&d, &p, tw_plane_in(&p, true))
                                          : tw_plane_framed(&d, &p, tw_plane_out(&p, true));
            tw_grid result =
                tw_plane_plain(&d, &p, g->transposed ? tw_plane_out(&p, true) : tw_plane_in(&p, true));
            check_slide(&image, &kernel, &result, g->transposed ? p.shape.stride[1] : 1,
                        g->transposed ? p.shape.stride[2] : 1);
            checked++;
        }
        tw_arena_release(&d.arena);
        tw_problem_release(&p);
    }
    assert_true(checked > GEOMETRIES / 16);
}

/* Worked by hand: windows of 2x2 with stride 2 over a 3x3 image with a border of 1 at the begin. */
static void pools_count_only_the_pixels_that_are_there(void **state) {
    (void)state;
    static const double image[] = {1, 2, 4, 3, 9, 5, 8, 6, 7}, upstream[] = {12, 24, 36, 48};
    static const double means[] = {1, 3, 5.5, 6.75}, largest[] = {1, 4, 8, 9};
    static const double shared[] = {12, 12, 12, 18, 12, 12, 18, 12, 12};
    static const double sent[] = {12, 0, 24, 0, 48, 0, 36, 0, 0};
    tw_explain_request r = tw_explain_defaults();
    r.geometry.stride[0] = r.geometry.stride[1] = 2;
    r.geometry.pad_begin[0] = r.geometry.pad_begin[1] = 1;
    r.geometry = tw_pooled_window(&r.geometry, false);
    r.image = (tw_explain_values){image, 9};
    r.upstream = (tw_explain_values){upstream, 4};
    for (int most = 0; most < 2; most++) {
        tw_pooled pooled;
        assert_int_equal(tw_pooled_create(&pooled, &r, most), TW_OK);
        assert_int_equal(pooled.problem.sizes.y, 4);
        assert_memory_equal(pooled.problem.y, most ? largest : means, sizeof means);
        assert_memory_equal(pooled.problem.dx, most ? sent : shared, sizeof sent);
        tw_pooled_release(&pooled);
    }
}

static void a_window_keeps_the_padding_that_a_pool_may_have(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(1);
    g.input[0] = 6;
    g.kernel[0] = 3;
    g.pad_begin[0] = 1;
    g.pad_end[0] = 7;
    tw_geometry w = tw_pooled_window(&g, false);
    assert_int_equal(w.pad_begin[0], 1);
    assert_int_equal(w.pad_end[0], 2); /* smaller than the window */
    assert_int_equal(w.stride[0], 3);
    g.stride[0] = 2;
    assert_int_equal(tw_pooled_window(&g, false).stride[0], 2);
    g.stride[0] = 1;
    assert_int_equal(tw_pooled_window(&g, true).stride[0], 1);
    g.kernel[0] = 20;
    assert_int_equal(tw_pooled_window(&g, false).kernel[0], 6 + 1 + 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_of_a_kernel_is_the_convolution_that_is_shown),
        cmocka_unit_test(the_gradient_of_an_image_is_the_convolution_that_is_shown),
        cmocka_unit_test(pools_count_only_the_pixels_that_are_there),
        cmocka_unit_test(a_window_keeps_the_padding_that_a_pool_may_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The loops for planes of every instruction set against the sums that stencil.h defines, written out, bit for
 * bit; each buffer lies flush with a page that must not be touched, before it or behind it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/stencil_cases.h"

/* The output of line n and column q, as stencil.h defines it. */
static double plain_pixel(tw_type type, const tw_plane *p, int64_t n, int64_t q) {
    double sum = 0;
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 3; j++) {
            const int64_t row = n * p->step + i;
            const unsigned char *inside =
                (const unsigned char *)p->inside + (size_t)(j * p->inside_row + q) * tw_type_size(type);
            if (p->inside && (row < p->first || row >= p->end || !*inside)) continue;
            sum = fused(type, get(type, p->weights, 3 * i + j),
                        get(type, p->in, row * p->in_row + q + p->offset[j]), sum);
        }
    return sum_of(type, p->bias ? get(type, p->bias, 0) : 0, sum);
}

/* Some lines with neighbouring taps, or every second line, whose taps lie anywhere in two parts of a row. */
static void check_plane(tw_random *r, tw_type type, const tw_loops *loops) {
    const int64_t size = (int64_t)tw_type_size(type), step = between(r, 1, 2), lines = between(r, 1, 13);
    const int64_t columns = between(r, 1, 70),
                  whole = (columns + loops->lanes - 1) / loops->lanes * loops->lanes;
    const int64_t in_row = whole + between(r, 2, 4), out_row = columns + between(r, 0, 3);
    tw_plane p = {.in_row = in_row, .lines = lines, .columns = columns, .step = step, .out_row = out_row};
    for (int64_t j = 0; j < 3; j++) p.offset[j] = step == 1 ? j : between(r, 0, 2);
    p.in = draw(r, type, SOURCE, ((lines - 1) * step + 2) * in_row + whole + 2);
    p.weights = draw(r, type, WEIGHTS, 9);
    p.bias = between(r, 0, 1) ? draw(r, type, BIAS, 1) : NULL;
    if (between(r, 0, 2) == 0) {
        unsigned char *inside = (unsigned char *)draw(r, type, TOTAL, 3 * whole);
        for (int64_t i = 0; i < 3 * whole; i++)
            memset(inside + i * size, between(r, 0, 1) ? 0xff : 0, (size_t)size);
        p.inside = inside, p.inside_row = whole;
        p.first = between(r, -1, 2), p.end = between(r, 2, lines * step + 3);
    }
    p.out = draw(r, type, RESULT, (lines - 1) * out_row + columns);
    loops->stencil.plane(&p);
    for (int64_t n = 0; n < lines; n++)
        for (int64_t q = 0; q < columns; q++)
            assert_true(get(type, p.out, n * out_row + q) == plain_pixel(type, &p, n, q));
}

/* The output of plane `c`, line n and column q, as stencil.h defines it. */
static double plain_small(tw_type type, const tw_small_planes *p, int64_t c, int64_t n, int64_t q) {
    const int64_t r = n % p->together;
    double sum = 0;
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 3; j++) {
            const int64_t number = p->lane[j][r * p->columns + q], row = (n - r) * p->step + i - p->top;
            const int64_t source = row + number / p->width;
            const bool empty = number >= p->together * p->width || source < 0 || source >= p->rows;
            const int64_t at = c * p->in_plane + source * p->width + number % p->width;
            sum =
                fused(type, get(type, p->weights, 9 * c + 3 * i + j), empty ? 0 : get(type, p->in, at), sum);
        }
    return sum_of(type, p->bias ? get(type, p->bias, c) : 0, sum);
}

/* Rows that leave a lane empty, lines that fit; the lanes that are read are any. */
static void check_small_planes(tw_random *r, tw_type type, const tw_loops *loops) {
    const int64_t lanes = loops->lanes;
    if (lanes < 2) return;
    tw_small_planes p = {.planes = between(r, 1, 3), .rows = between(r, 1, 17), .lines = between(r, 1, 17)};
    p.width = between(r, 1, lanes - 1), p.columns = between(r, 1, lanes), p.top = between(r, 0, 2);
    const int64_t fit = (lanes - 1) / p.width, room = lanes / p.columns;
    p.together = between(r, 1, fit < room ? fit : room), p.step = p.together > 1 ? 1 : between(r, 1, 2);
    p.in_plane = p.rows * p.width + between(r, 0, 2), p.out_plane = p.lines * p.columns + between(r, 0, 2);
    int32_t lane[4][TW_MOST_LANES];
    for (int64_t l = 0; l < lanes; l++) {
        const int64_t above = l - p.width;
        for (int j = 0; j < 3; j++) lane[j][l] = (int32_t)between(r, 0, lanes - 1);
        lane[3][l] = (int32_t)(above >= 0 && l < p.together * p.width ? above : lanes - 1);
    }
    for (int j = 0; j < 3; j++) p.lane[j] = lane[j];
    p.down = lane[3];
    p.in = draw(r, type, SOURCE, (p.planes - 1) * p.in_plane + p.rows * p.width);
    p.weights = draw(r, type, WEIGHTS, 9 * p.planes);
    p.bias = between(r, 0, 1) ? draw(r, type, BIAS, p.planes) : NULL;
    p.out = draw(r, type, RESULT, (p.planes - 1) * p.out_plane + p.lines * p.columns);
    loops->stencil.small_planes(&p);
    for (int64_t c = 0; c < p.planes; c++)
        for (int64_t n = 0; n < p.lines; n++)
            for (int64_t q = 0; q < p.columns; q++)
                assert_true(get(type, p.out, c * p.out_plane + n * p.columns + q) ==
                            plain_small(type, &p, c, n, q));
}

static void every_output_of_a_plane_is_the_sum_that_was_promised(void **state) {
    (void)state;
    for_every_loop(check_plane);
}

static void every_output_of_small_planes_is_the_sum_that_was_promised(void **state) {
    (void)state;
    for_every_loop(check_small_planes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_output_of_a_plane_is_the_sum_that_was_promised),
        cmocka_unit_test(every_output_of_small_planes_is_the_sum_that_was_promised),
    };
    return cmocka_run_group_tests(tests, fences_raise, NULL);
}

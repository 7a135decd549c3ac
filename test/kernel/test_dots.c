/* The dots of every instruction set against the sum that kernel.h defines, written out; and what finds
 * infinities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/kernel.h"

enum { PITCH = 80, ROWS = 6, COLUMNS = 4, PHASES = 16 };

static float plain(const tw_strip *strips, int count, int64_t a_begin, int64_t offset) {
    float phase[PHASES] = {0};
    for (int i = 0; i < count; i++)
        for (int64_t l = 0; l < strips[i].length; l++) {
            const float *a = (const float *)strips[i].a + a_begin, *b = (const float *)strips[i].b + offset;
            phase[l % PHASES] = fmaf(a[l], b[l], phase[l % PHASES]);
        }
    for (int half = PHASES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) phase[i] += phase[i + half];
    return phase[0];
}

static void check_dots(const tw_loops *loops, int rows, int columns, int64_t length, const float *a,
                       const float *b) {
    static const int64_t offset[COLUMNS] = {0, 3, 1, 7};
    float c[ROWS * COLUMNS + 1];
    tw_strip strips[2] = {{a, b, length}, {a + ROWS * PITCH, b + PITCH, length / 2 + 1}};
    tw_dots d = {.strips = strips, .count = 2, .a_begin = 1, .a_pitch = PITCH, .offset = offset, .c = c};
    d.c_row = COLUMNS, d.rows = rows, d.columns = columns;
    for (int i = 0; i <= ROWS * COLUMNS; i++) c[i] = 0.5f;
    loops->dots(&d);
    for (int m = 0; m < ROWS; m++)
        for (int j = 0; j < COLUMNS; j++) {
            bool written = m < rows && j < columns;
            assert_true(c[m * COLUMNS + j] == (written ? plain(strips, 2, 1 + m * PITCH, offset[j]) : 0.5f));
        }
    assert_true(c[ROWS * COLUMNS] == 0.5f);
}

static void every_tile_of_dots_is_the_sum_that_was_promised(void **state) {
    (void)state;
    tw_random r = tw_random_stream(3, TW_RANDOM_TEST, 0, 0);
    float a[2 * ROWS * PITCH], b[3 * PITCH];
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) a[i] = (float)tw_random_uniform(&r) - 0.5f;
    for (size_t i = 0; i < sizeof b / sizeof *b; i++) b[i] = (float)tw_random_uniform(&r) - 0.5f;
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (size_t i = 0; i < count; i++) {
        const tw_loops *loops = kernels[i]->loops[TW_F32];
        if (!tw_cpu_has(kernels[i]->needs)) continue;
        for (int rows = 1; rows <= loops->dot_rows; rows++)
            for (int columns = 1; columns <= loops->dot_columns; columns++)
                for (int64_t length = 1; length < 70; length += 1 + rows)
                    check_dots(loops, rows, columns, length, a, b);
    }
}

static void an_infinity_or_a_nan_is_found_wherever_it_stands(void **state) {
    (void)state;
    enum { MOST = 150 };
    float x[MOST] = {0};
    const float bad[] = {INFINITY, -INFINITY, NAN}, good[] = {3e38f, -3e38f, 1e-45f, -0.0f};
    size_t kernels_count;
    const tw_kernel *const *kernels = tw_kernels(&kernels_count);
    for (size_t k = 0; k < kernels_count; k++) {
        if (!tw_cpu_has(kernels[k]->needs)) continue;
        for (int count = 1; count < MOST; count += count < 40 ? 1 : 37)
            for (int at = 0; at < count; at++) {
                for (int i = 0; i < MOST; i++) x[i] = i < count ? good[i % 4] : NAN;
                assert_true(kernels[k]->loops[TW_F32]->all_finite(x, count));
                x[at] = bad[at % 3];
                assert_false(kernels[k]->loops[TW_F32]->all_finite(x, count));
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_of_dots_is_the_sum_that_was_promised),
        cmocka_unit_test(an_infinity_or_a_nan_is_found_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

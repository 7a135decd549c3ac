/* The tile of every instruction set: each height and width against a plain sum, the last columns partial, and
 * the same bits as the scalar one. And what is told of the machine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/kernel.h"

enum { ROWS = 28, COLUMNS = 64, LENGTH = 9 };

/* sum, as kernel.h defines it, for one element of a tile over two strips. */
static float plain(const float *a, const float *b, int m, int n) {
    float sum = 0;
    for (int l = 0; l < 2 * LENGTH; l++) sum = fmaf(a[l * ROWS + m], b[l * COLUMNS + n], sum);
    return sum;
}

static void check_tile(const tw_loops *loops, int vecs, int rows, int columns, const float *a,
                       const float *b) {
    float c[ROWS * COLUMNS], bias[COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) c[i] = -1;
    for (int i = 0; i < COLUMNS; i++) bias[i] = (float)i;
    tw_strip strips[2] = {{a, b, LENGTH}, {a + LENGTH * ROWS, b + LENGTH * COLUMNS, LENGTH}};
    tw_tile t = {.strips = strips, .count = 2, .a_row = 1, .a_col = ROWS, .b_row = COLUMNS, .start = bias};
    t.c = c, t.c_row = COLUMNS, t.rows = rows, t.vecs = vecs, t.columns = columns;
    loops->tile(&t);
    for (int m = 0; m < ROWS; m++)
        for (int n = 0; n < COLUMNS; n++)
            assert_true(c[m * COLUMNS + n] == (m < rows && n < columns ? bias[n] + plain(a, b, m, n) : -1));
}

/* Five tiles whose vectors are taken from b in another order and written with gaps. The second and the fourth
 * take the second order, and write behind all columns of the first; the third, fourth and fifth write some
 * rows below, where they read the rows of a from another l on. */
static void check_apart(const tw_loops *loops, int vecs, int rows, int columns, const float *a,
                        const float *b) {
    enum {
        GAP = 3,
        PITCH = 2 * (COLUMNS + 4 * GAP),
        TILES = 5,
        STEPS = (TILES + 1) / 2,
        SHORT = LENGTH - STEPS
    };
    static float c[STEPS * ROWS * PITCH];
    float bias[COLUMNS];
    for (int i = 0; i < STEPS * ROWS * PITCH; i++) c[i] = -1;
    for (int i = 0; i < COLUMNS; i++) bias[i] = (float)i;
    tw_strip strip = {a, b, SHORT};
    tw_tile t = {.strips = &strip, .count = 1, .a_row = 1, .a_col = ROWS, .b_row = COLUMNS, .start = bias};
    tw_apart apart[2] = {{.columns = {0}}};
    t.c = c, t.c_row = PITCH, t.rows = rows, t.vecs = vecs, t.apart = apart;
    t.further = TILES - 1, t.aparts = 2, t.a_tile = ROWS, t.b_tile = COLUMNS, t.c_tile = ROWS * PITCH;
    if (columns == loops->lanes) t.columns = vecs * loops->lanes; /* all are whole */
    for (int v = 0; v < vecs; v++)
        for (int i = 0; i < 2; i++) {
            apart[i].b[v] = apart[i].start[v] = (int64_t)(i ? v : vecs - 1 - v) * loops->lanes;
            apart[i].c[v] = (int64_t)v * (loops->lanes + GAP) + i * PITCH / 2;
            apart[i].columns[v] = v % 2 ? columns : loops->lanes;
        }
    loops->tile(&t);
    for (int i = 0; i < STEPS * ROWS * PITCH; i++) {
        const int step = i / PITCH / ROWS, m = i / PITCH % ROWS, side = i % PITCH / (PITCH / 2);
        const int v = i % (PITCH / 2) / (loops->lanes + GAP), lane = i % (PITCH / 2) % (loops->lanes + GAP);
        const bool wanted =
            2 * step + side < TILES && m < rows && v < vecs && lane < (v % 2 ? columns : loops->lanes);
        const int n = (side ? v : vecs - 1 - v) * loops->lanes + lane;
        float sum = 0;
        for (int l = step; l < step + SHORT && wanted; l++)
            sum = fmaf(a[l * ROWS + m], b[l * COLUMNS + n], sum);
        assert_true(c[i] == (wanted ? bias[n] + sum : -1));
    }
}

/* The same tile in two runs of rows, which stand one row apart in a and c: start is c, or the same row for
 * all. */
static void check_gap(const tw_loops *loops, int vecs, int rows, bool onto, const float *a, const float *b) {
    enum { PITCH = ROWS + 1 };
    float apart[2 * LENGTH * PITCH], c[PITCH * COLUMNS], bias[COLUMNS];
    int half = (rows + 1) / 2, columns = vecs * loops->lanes;
    for (int l = 0; l < 2 * LENGTH; l++)
        for (int m = 0; m < rows; m++) apart[l * PITCH + m + (m >= half)] = a[l * ROWS + m];
    for (int i = 0; i < PITCH * COLUMNS; i++) c[i] = (float)i;
    for (int i = 0; i < COLUMNS; i++) bias[i] = (float)-i;
    tw_strip strips[2] = {{apart, b, LENGTH}, {apart + LENGTH * PITCH, b + LENGTH * COLUMNS, LENGTH}};
    tw_tile t = {.strips = strips, .count = 2, .a_row = 1, .a_col = PITCH, .b_row = COLUMNS, .a_gap = 1};
    t.c = c, t.c_row = COLUMNS, t.c_gap = COLUMNS, t.rows = rows, t.vecs = vecs, t.columns = columns;
    t.start = onto ? c : bias, t.start_row = onto ? COLUMNS : 0;
    loops->tile(&t);
    for (int at = 0; at < PITCH; at++)
        for (int n = 0; n < COLUMNS; n++) {
            int i = at * COLUMNS + n, m = at > half ? at - 1 : at;
            bool wanted = at != half && m < rows && n < columns;
            float start = onto ? (float)i : bias[n];
            assert_true(c[i] == (wanted ? start + plain(a, b, m, n) : (float)i));
        }
}

static void every_tile_is_the_same_chain_of_multiply_adds(void **state) {
    (void)state;
    tw_random r = tw_random_stream(1, TW_RANDOM_TEST, 0, 0);
    float a[2 * LENGTH * ROWS], b[2 * LENGTH * COLUMNS];
    for (int i = 0; i < 2 * LENGTH * ROWS; i++) a[i] = (float)tw_random_uniform(&r) - 0.5f;
    for (int i = 0; i < 2 * LENGTH * COLUMNS; i++) b[i] = (float)tw_random_uniform(&r) - 0.5f;
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (size_t i = 0; i < count; i++) {
        const tw_loops *loops = kernels[i]->loops[TW_F32];
        if (!tw_cpu_has(kernels[i]->needs)) continue;
        for (int vecs = 1; vecs <= loops->most_vecs; vecs++)
            for (int rows = 1; rows <= loops->most_rows[vecs]; rows++) {
                check_gap(loops, vecs, rows, true, a, b);
                check_gap(loops, vecs, rows, false, a, b);
                for (int columns = (vecs - 1) * loops->lanes + 1; columns <= vecs * loops->lanes; columns++)
                    check_tile(loops, vecs, rows, columns, a, b);
            }
        for (int vecs = 2; vecs <= loops->most_vecs; vecs++)
            for (int rows = 1; rows <= loops->most_rows[vecs]; rows++) {
                check_apart(loops, vecs, rows, (loops->lanes + 1) / 2, a, b);
                check_apart(loops, vecs, rows, loops->lanes, a, b);
            }
    }
}

static void exactly_one_instruction_set_is_chosen_and_it_runs(void **state) {
    (void)state;
    size_t count, chosen = 0;
    const tw_machine_isa *isa = tw_machine_isas(&count);
    for (size_t i = 0; i < count; i++) {
        chosen += isa[i].chosen;
        if (isa[i].chosen) assert_true(isa[i].runs);
    }
    assert_int_equal(chosen, 1);
    assert_string_equal(isa[0].name, "scalar");
    assert_true(isa[0].runs);
}

static void the_peak_is_measured_only_for_what_exists(void **state) {
    (void)state;
    assert_true(tw_machine_peak_gflops(TW_F32, 1) > 0);
    assert_true(tw_machine_peak_gflops(TW_F32, 0) == 0);
    assert_true(tw_machine_peak_gflops(TW_F32, TW_MAX_THREADS + 1) == 0);
    assert_true(tw_machine_peak_gflops((tw_type)9, 1) == 0);
    assert_int_equal(tw_type_size(TW_F32), 4);
    assert_int_equal(tw_type_size(TW_F64), 8);
    assert_int_equal(tw_type_size((tw_type)2), 0);
}

static void an_override_that_cannot_be_used_is_told(void **state) {
    (void)state;
    setenv("TWILL_ISA", "scalar", 1);
    assert_string_equal(tw_kernel_default()->name, "scalar");
    assert_null(strstr(tw_machine_describe(), "ignored"));
    setenv("TWILL_ISA", "nonesuch", 1);
    assert_string_not_equal(tw_kernel_default()->name, "nonesuch");
    assert_non_null(strstr(tw_machine_describe(), "TWILL_ISA=nonesuch ignored"));
    unsetenv("TWILL_ISA");
    setenv("TWILL_NUM_THREADS", "-3", 1);
    assert_non_null(strstr(tw_machine_describe(), "TWILL_NUM_THREADS=-3 ignored"));
    unsetenv("TWILL_NUM_THREADS");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_is_the_same_chain_of_multiply_adds),
        cmocka_unit_test(exactly_one_instruction_set_is_chosen_and_it_runs),
        cmocka_unit_test(the_peak_is_measured_only_for_what_exists),
        cmocka_unit_test(an_override_that_cannot_be_used_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sizes: every operation against exact results computed in 128 bits, at and around the places where 64 bits
 * end. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"

static const int64_t places[] = {0,
                                 1,
                                 2,
                                 3,
                                 63,
                                 64,
                                 65,
                                 INT32_MAX,
                                 (int64_t)INT32_MAX + 1,
                                 UINT32_MAX,
                                 (int64_t)UINT32_MAX + 1,
                                 3037000499, /* the root of 2^63 */
                                 3037000500,
                                 INT64_MAX / 8,
                                 INT64_MAX / 8 + 1,
                                 INT64_MAX - 1,
                                 INT64_MAX};
enum { PLACES = sizeof places / sizeof *places };

static void sums_and_products_are_exact_or_refused(void **state) {
    (void)state;
    for (int i = 0; i < PLACES; i++)
        for (int j = 0; j < PLACES; j++) {
            __int128 a = places[i], b = places[j];
            int64_t out = -7;
            bool fits = a + b <= INT64_MAX;
            assert_int_equal(tw_add(places[i], places[j], &out), fits);
            assert_true(out == (fits ? (int64_t)(a + b) : -7));
            out = -7;
            fits = a * b <= INT64_MAX;
            assert_int_equal(tw_mul(places[i], places[j], &out), fits);
            assert_true(out == (fits ? (int64_t)(a * b) : -7));
        }
}

static void byte_counts_fit_a_pointer_difference_or_are_refused(void **state) {
    (void)state;
    size_t out = 99;
    assert_true(tw_bytes(0, 8, &out));
    assert_int_equal(out, 0);
    assert_true(tw_bytes(10, 4, &out));
    assert_int_equal(out, 40);
    out = 99;
    assert_false(tw_bytes(-1, 4, &out));
    assert_false(tw_bytes(INT64_MAX / 4 + 1, 4, &out));
    assert_false(tw_bytes(1, SIZE_MAX, &out));
    assert_false(tw_bytes(INT64_MAX, INT64_MAX, &out));
    assert_int_equal(out, 99);
    assert_int_equal(tw_bytes(PTRDIFF_MAX, 1, &out), true);
}

static void division_rounds_up_without_wrapping(void **state) {
    (void)state;
    for (int i = 0; i < PLACES; i++)
        for (int j = 1; j < PLACES; j++) {
            __int128 a = places[i], b = places[j];
            assert_true(tw_ceil_div(places[i], places[j]) == (int64_t)((a + b - 1) / b));
        }
    assert_int_equal(tw_round_up(0, 16), 0);
    assert_int_equal(tw_round_up(1, 16), 16);
    assert_int_equal(tw_round_up(16, 16), 16);
    assert_int_equal(tw_round_up(17, 16), 32);
    assert_true(tw_min(-3, 5) == -3 && tw_min(5, -3) == -3);
    assert_true(tw_max(-3, 5) == 5 && tw_max(5, -3) == 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_are_exact_or_refused),
        cmocka_unit_test(byte_counts_fit_a_pointer_difference_or_are_refused),
        cmocka_unit_test(division_rounds_up_without_wrapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

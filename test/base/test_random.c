/* The random numbers, against the vectors that the authors of Philox publish with Random123. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

static void philox_gives_the_published_vectors(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t out[4];
        tw_philox(vectors[i].key, vectors[i].counter, out);
        assert_memory_equal(out, vectors[i].expected, sizeof out);
    }
}

static void a_permutation_holds_every_number_once(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    int64_t order[COUNT];
    int seen[COUNT] = {0};
    tw_random random = tw_random_stream(1, TW_RANDOM_TEST, 0, 0);
    tw_random_permutation(&random, COUNT, order);
    for (int i = 0; i < COUNT; i++) seen[order[i]]++;
    for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
}

static void streams_that_differ_in_one_number_differ(void **state) {
    (void)state;
    tw_random streams[] = {
        tw_random_stream(1, TW_RANDOM_TEST, 0, 0), tw_random_stream(2, TW_RANDOM_TEST, 0, 0),
        tw_random_stream(1, TW_RANDOM_CHECK, 0, 0), tw_random_stream(1, TW_RANDOM_TEST, 1, 0),
        tw_random_stream(1, TW_RANDOM_TEST, 0, 1)};
    uint32_t first[5];
    for (int i = 0; i < 5; i++) first[i] = tw_random_bits(&streams[i]);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++) assert_int_not_equal(first[i], first[j]);
}

/* Box and Muller with libm, from the same two uniform numbers: twill's own log and cosine agree to rounding.
 */
static void normal_numbers_are_those_of_libm(void **state) {
    (void)state;
    double largest = 0, sum = 0, squares = 0;
    enum { COUNT = 200000 };
    tw_random normal = tw_random_stream(3, TW_RANDOM_TEST, 0, 0), uniform = normal;
    for (int i = 0; i < COUNT; i++) {
        double a = tw_random_uniform(&uniform), b = tw_random_uniform(&uniform);
        double expected = sqrt(-2 * log(1 - a)) * cos(6.283185307179586 * b);
        double z = tw_random_normal(&normal);
        largest = fmax(largest, fabs(z - expected));
        sum += z, squares += z * z;
    }
    assert_true(largest < 1e-14);
    assert_true(fabs(sum / COUNT) < 5 / sqrt(COUNT));
    assert_true(fabs(squares / COUNT - 1) < 5 * sqrt(2.0 / COUNT));
}

static void numbers_below_a_bound_are_evenly_spread(void **state) {
    (void)state;
    int seen[7] = {0};
    tw_random random = tw_random_stream(5, TW_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 70000; i++) seen[tw_random_below(&random, 7)]++;
    double chi = 0; /* 6 degrees of freedom: 22.5 is exceeded once in a thousand */
    for (int i = 0; i < 7; i++) chi += (seen[i] - 10000.0) * (seen[i] - 10000.0) / 10000;
    assert_true(chi < 22.5);
    for (int i = 0; i < 100; i++) assert_int_equal(tw_random_below(&random, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(a_permutation_holds_every_number_once),
        cmocka_unit_test(streams_that_differ_in_one_number_differ),
        cmocka_unit_test(normal_numbers_are_those_of_libm),
        cmocka_unit_test(numbers_below_a_bound_are_evenly_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

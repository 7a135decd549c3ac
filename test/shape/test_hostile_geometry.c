/* Structs filled with extreme numbers: each is refused, or counted right. The counting here is done in 128
 * bits, where nothing wraps; the library's must not wrap either (run it under -fsanitize=undefined, and with
 * clang under unsigned-integer-overflow). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/geometry.h>

#include "base/random.h"

__extension__ typedef __int128 wide;

static int64_t extreme(tw_random *random) {
    static const int64_t values[] = {
        0,         1,         1,         1,         2,         2,          3,
        3,         5,         8,         16,        100,       255,        65535,
        65536,     INT32_MAX, 1LL << 31, 1LL << 32, 1LL << 40, 3037000500, 1LL << 60,
        1LL << 62, INT64_MAX, -1,        INT32_MIN, INT64_MIN, -7,         INT64_MAX - 1};
    enum { COUNT = sizeof values / sizeof *values };
    if (tw_random_below(random, 16) == 0)
        return (int64_t)((uint64_t)tw_random_bits(random) << 32 | tw_random_bits(random));
    /* mostly the small ones, or hardly a geometry would be legal */
    return values[tw_random_below(random, tw_random_below(random, 12) ? 9 : COUNT)];
}

static tw_geometry mutated(tw_random *random) {
    tw_geometry g = tw_geometry_defaults((int)tw_random_below(random, 3) + 1);
    if (tw_random_below(random, 50) == 0) g.spatial = (int)tw_random_bits(random);
    if (tw_random_below(random, 50) == 0) g.struct_size = tw_random_bits(random);
    g.batch = extreme(random);
    g.in_channels = extreme(random);
    g.out_channels = extreme(random);
    g.groups = tw_random_below(random, 2) ? 1 : extreme(random);
    for (int a = 0; a < TW_MAX_SPATIAL; a++) {
        g.input[a] = extreme(random);
        g.kernel[a] = extreme(random);
        g.stride[a] = extreme(random);
        g.dilation[a] = extreme(random);
        g.pad_begin[a] = extreme(random);
        g.pad_end[a] = extreme(random);
        g.output_padding[a] = tw_random_below(random, 2) ? 0 : extreme(random);
    }
    int mode = tw_random_below(random, 30) ? (int)tw_random_below(random, 4) : (int)tw_random_bits(random);
    int layout = tw_random_below(random, 30) ? (int)tw_random_below(random, 2) : (int)tw_random_bits(random);
    if (tw_random_below(random, 2)) mode = 0;
    memcpy(&g.pad_mode, &mode, sizeof mode);
    memcpy(&g.layout, &layout, sizeof layout);
    g.transposed = tw_random_below(random, 3) == 0;
    g.flipped = tw_random_below(random, 2);
    return g;
}

static wide output_of(const tw_geometry *g, int a) {
    wide extent = (wide)(g->kernel[a] - 1) * g->dilation[a] + 1, pad = (wide)g->pad_begin[a] + g->pad_end[a];
    if (g->transposed) return (wide)(g->input[a] - 1) * g->stride[a] + extent - pad + g->output_padding[a];
    return (g->input[a] + pad - extent) / g->stride[a] + 1;
}

static void expect_right_sizes(const tw_geometry *g) {
    int64_t output[TW_MAX_SPATIAL];
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_output(g, output), TW_OK);
    assert_int_equal(tw_geometry_count(g, &sizes), TW_OK);
    wide x = (wide)g->batch * g->in_channels, y = (wide)g->batch * g->out_channels;
    wide w = (wide)g->in_channels / g->groups * g->out_channels;
    for (int a = 0; a < g->spatial; a++) {
        assert_true(output[a] >= 1 && output[a] == output_of(g, a));
        x *= g->input[a];
        y *= output[a];
        w *= g->kernel[a];
    }
    assert_true(sizes.x == x && sizes.y == y && sizes.w == w && sizes.b == g->out_channels);
    assert_true(sizes.taps >= 0);
}

static void two_hundred_thousand_hostile_geometries_are_refused_or_counted_right(void **state) {
    (void)state;
    tw_random random = tw_random_stream(9, TW_RANDOM_TEST, 0, 0);
    int met[TW_STOPPED + 1] = {0};
    for (int i = 0; i < 200000; i++) {
        tw_geometry g = mutated(&random);
        tw_status status = tw_geometry_validate(&g);
        assert_in_range(status, TW_OK, TW_STOPPED);
        met[status]++;
        if (status == TW_OK) {
            expect_right_sizes(&g);
            continue;
        }
        int64_t output[TW_MAX_SPATIAL];
        tw_geometry_sizes sizes;
        assert_true(tw_message()[0] != 0);
        assert_int_equal(tw_geometry_output(&g, output), status);
        assert_int_equal(tw_geometry_count(&g, &sizes), status);
    }
    assert_true(met[TW_OK] > 2000);
    assert_true(met[TW_ERROR_ARGUMENT] > 2000 && met[TW_ERROR_SHAPE] > 2000);
    assert_true(met[TW_ERROR_OVERFLOW] > 500);
    assert_true(met[TW_ERROR_VERSION] > 500 && met[TW_ERROR_UNSUPPORTED] > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_thousand_hostile_geometries_are_refused_or_counted_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

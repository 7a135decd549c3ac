/* The taps that share an output, an input or a weight, against the walk over all taps: for random geometries
 * every tap of the walk is found once through each of its three ends, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <twill/check.h>

#include "base/random.h"
#include "shape/taps.h"

enum { MOST = 1 << 14, GEOMETRIES = 400 };

typedef struct list {
    int64_t count;
    tw_tap taps[MOST];
} list;

static void add(void *context, tw_tap tap) {
    list *l = context;
    assert_true(l->count < MOST);
    l->taps[l->count++] = tap;
}

static int64_t end_of(tw_tap tap, tw_tap_end end) {
    return end == TW_TAP_OUT ? tap.out : end == TW_TAP_IN ? tap.in : tap.weight;
}

static int64_t pick(tw_random *random, int64_t least, int64_t most) {
    return least + (int64_t)tw_random_below(random, (uint64_t)(most - least + 1));
}

/* Any legal geometry of few taps. */
static tw_shape random_shape(tw_random *random) {
    for (;;) {
        tw_geometry g = tw_geometry_defaults((int)pick(random, 1, 3));
        g.groups = pick(random, 1, 2);
        g.in_channels = g.groups * pick(random, 1, 2);
        g.out_channels = g.groups * pick(random, 1, 2);
        for (int a = 0; a < g.spatial; a++) {
            g.input[a] = pick(random, 1, g.spatial == 3 ? 3 : 5);
            g.kernel[a] = pick(random, 1, 3);
            g.stride[a] = pick(random, 1, 3);
            g.dilation[a] = pick(random, 1, 2);
            g.pad_begin[a] = pick(random, 0, 2);
            g.pad_end[a] = pick(random, 0, 2);
        }
        g.layout = pick(random, 0, 1) ? TW_NHWC : TW_NCHW;
        g.transposed = pick(random, 0, 1);
        g.flipped = pick(random, 0, 1);
        g.pad_mode = g.transposed ? TW_PAD_ZEROS : (tw_pad_mode)pick(random, 0, 3);
        tw_shape shape;
        tw_geometry_sizes sizes;
        if (tw_shape_create(&shape, &g) == TW_OK && tw_geometry_count(&g, &sizes) == TW_OK &&
            sizes.taps < MOST)
            return shape;
    }
}

/* The taps of the walk at one element, each once among the chosen ones, which are as many. */
static void check_element(const tw_shape *s, const list *all, tw_tap_end end, int64_t element) {
    tw_taps_chosen chosen;
    assert_int_equal(tw_taps_choose(&chosen, s, end, element), TW_OK);
    int64_t expected = 0;
    for (int64_t i = 0; i < all->count; i++) {
        tw_tap tap = all->taps[i];
        if (end_of(tap, end) != element) continue;
        int found = 0, same = 0;
        for (int64_t k = 0; k < chosen.count; k++) {
            tw_tap other = tw_taps_at(&chosen, k);
            found += other.out == tap.out && other.in == tap.in && other.weight == tap.weight;
        }
        for (int64_t k = 0; k < all->count; k++) {
            tw_tap other = all->taps[k];
            same += other.out == tap.out && other.in == tap.in && other.weight == tap.weight;
        }
        assert_int_equal(found, same);
        expected++;
    }
    assert_int_equal(chosen.count, expected);
    tw_taps_release(&chosen);
}

static void the_taps_of_an_end_are_those_of_the_walk(void **state) {
    (void)state;
    static list all;
    tw_random random = tw_random_stream(3, TW_RANDOM_TEST, 0, 0);
    for (int n = 0; n < GEOMETRIES; n++) {
        tw_shape s = random_shape(&random);
        all.count = 0;
        tw_taps_walk(&s, add, &all);
        int64_t sizes[] = {[TW_TAP_OUT] = s.geometry.transposed ? s.in_image : s.out_image,
                           [TW_TAP_IN] = s.geometry.transposed ? s.out_image : s.in_image,
                           [TW_TAP_WEIGHT] = s.w_count};
        for (int end = TW_TAP_OUT; end <= TW_TAP_WEIGHT; end++)
            for (int k = 0; k < 2; k++)
                check_element(&s, &all, (tw_tap_end)end, pick(&random, 0, sizes[end] - 1));
    }
}

static void the_taps_of_an_output_come_in_the_order_of_the_walk(void **state) {
    (void)state;
    static list all;
    tw_random random = tw_random_stream(4, TW_RANDOM_TEST, 0, 0);
    for (int n = 0; n < GEOMETRIES; n++) {
        tw_shape s = random_shape(&random);
        tw_tap_end end = s.geometry.transposed ? TW_TAP_IN : TW_TAP_OUT;
        all.count = 0;
        tw_taps_walk(&s, add, &all);
        int64_t element = pick(&random, 0, s.out_image - 1), k = 0;
        tw_taps_chosen chosen;
        assert_int_equal(tw_taps_choose(&chosen, &s, end, element), TW_OK);
        for (int64_t i = 0; i < all.count; i++)
            if (end_of(all.taps[i], end) == element) {
                tw_tap tap = tw_taps_at(&chosen, k++);
                assert_int_equal(tap.weight, all.taps[i].weight);
                assert_int_equal(tap.in, all.taps[i].in);
            }
        assert_int_equal(k, chosen.count);
        tw_taps_release(&chosen);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_taps_of_an_end_are_those_of_the_walk),
        cmocka_unit_test(the_taps_of_an_output_come_in_the_order_of_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An activation that a call asks for gives the bits of one that follows, whatever algorithm does it while it
 * stores, or nobody: held against the definition of relu and relu6 on the plan's own plain result, with
 * numbers that are none, infinite or a negative zero among them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"
#include "emulator.h"

enum { CASES = 40, MOST_TAPS = 20000 };

/* A call and the memory of its tensors, f32 or f64. */
typedef struct trial {
    tw_type type;
    tw_geometry_sizes sizes;
    void *x, *w, *b, *y, *expected;
} trial;

static double get(const trial *t, const void *numbers, int64_t i) {
    return t->type == TW_F32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

static void put(const trial *t, void *numbers, int64_t i, double value) {
    if (t->type == TW_F32)
        ((float *)numbers)[i] = (float)value;
    else
        ((double *)numbers)[i] = value;
}

static void *room(const trial *t, int64_t count) {
    return calloc((size_t)count + 1, tw_type_size(t->type));
}

static void *drawn(const trial *t, tw_random *r, int64_t count, double scale) {
    void *numbers = room(t, count);
    for (int64_t i = 0; i < count; i++) put(t, numbers, i, (tw_random_uniform(r) * 2 - 1) * scale);
    return numbers;
}

/* Every fourth geometry reads one odd number, every third has no bias, so that results of -0 stay. */
static trial make(const tw_geometry *g, tw_random *r, int64_t number) {
    static const double odd[] = {NAN, INFINITY, -INFINITY, -0.0};
    trial t = {.type = (tw_type)(number % 2)};
    assert_int_equal(tw_geometry_count(g, &t.sizes), TW_OK);
    t.x = drawn(&t, r, t.sizes.x, 1), t.w = drawn(&t, r, t.sizes.w, 8);
    if (number % 3 > 0) t.b = drawn(&t, r, t.sizes.b, 2);
    t.y = room(&t, t.sizes.y), t.expected = room(&t, t.sizes.y);
    if (number % 4 == 0 && t.sizes.w > 0)
        put(&t, t.w, case_between(r, 0, t.sizes.w - 1), odd[number / 4 % 4]);
    return t;
}

static void drop(const trial *t) {
    free(t->x), free(t->w), free(t->b), free(t->y), free(t->expected);
}

static const char *isa_of(int64_t number) {
    size_t count;
    const tw_machine_isa *isa = tw_machine_isas(&count);
    while (!isa[(size_t)number % count].runs) ++number;
    return isa[(size_t)number % count].name;
}

static double cut(double z, tw_ramp ramp) {
    return z < 0 ? 0 : ramp == TW_RELU6 && z > 6 ? 6 : z;
}

/* What was cut off, over all cases: below and above. */
static int64_t below, above;

static void run(const tw_conv *plan, const trial *t, void *y, tw_ramp ramp) {
    const tw_conv_call call = {.pass = TW_FORWARD, .x = t->x, .w = t->w, .b = t->b, .y = y, .ramp = ramp};
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
}

/* `expected` holds z, or relu(z) before relu6. */
static void compare(const tw_conv *plan, const trial *t, tw_ramp ramp) {
    for (int64_t i = 0; i < t->sizes.y; i++) {
        const double z = get(t, t->expected, i);
        if (cut(z, ramp) == z || isnan(z)) continue;
        *(z < 0 ? &below : &above) += 1;
        put(t, t->expected, i, cut(z, ramp));
    }
    run(plan, t, t->y, ramp);
    assert_memory_equal(t->y, t->expected, (size_t)t->sizes.y * tw_type_size(t->type));
}

static void check(const tw_geometry *g, tw_random *r, int64_t number) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    const trial t = make(g, r, number);
    for (size_t a = 0; a <= count; a++) {
        tw_conv_options o = tw_conv_options_defaults();
        o.algorithm = a < count ? names[a] : NULL, o.isa = isa_of(number), o.type = t.type;
        o.threads = 1 + (int)(number % 3);
        tw_conv *plan;
        const tw_status status = tw_conv_create(&plan, g, &o);
        if (status == TW_ERROR_UNSUPPORTED) continue;
        assert_int_equal(status, TW_OK);
        run(plan, &t, t.expected, TW_NO_RAMP);
        compare(plan, &t, TW_RELU);
        compare(plan, &t, TW_RELU6);
        tw_conv_free(plan);
    }
    drop(&t);
}

static void an_activation_gives_the_bits_of_one_that_follows(void **state) {
    (void)state;
    tw_random r = tw_random_stream(17, TW_RANDOM_TEST, 0, 0);
    const int cases = is_emulated() ? CASES / 2 : CASES;
    for (int kind = 0; kind < CASE_KINDS; kind++)
        for (int i = 0; i < cases;) {
            tw_geometry g = case_draw_kind(&r, (case_kind)kind);
            tw_geometry_sizes s;
            if (tw_geometry_validate(&g) != TW_OK || tw_geometry_count(&g, &s) != TW_OK) continue;
            if (s.taps > MOST_TAPS && case_between(&r, 0, 7)) continue; /* few large ones */
            check(&g, &r, i++);
        }
    assert_true(below > 50000 && above > 50000);
}

/* Worked by hand; backward the field is not looked at, forward what is none is refused. */
static void the_forward_pass_alone_has_one(void **state) {
    (void)state;
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = 1;
    g.input[0] = g.input[1] = 2, g.kernel[0] = g.kernel[1] = 1;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, NULL), TW_OK);
    const float dy[4] = {-1, 2, -3, 8}, w[1] = {2};
    float dx[4], y[4];
    tw_conv_call call = {.pass = TW_BACKWARD_DATA, .dy = dy, .w = w, .dx = dx, .ramp = (tw_ramp)9};
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    assert_true(dx[0] == -2 && dx[1] == 4 && dx[2] == -6 && dx[3] == 16);
    call = (tw_conv_call){.pass = TW_FORWARD, .x = dy, .w = w, .y = y, .ramp = TW_RELU6};
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    assert_true(y[0] == 0 && y[1] == 4 && y[2] == 0 && y[3] == 6);
    call.ramp = (tw_ramp)3;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    assert_string_equal(tw_message(), "ramp is 3; expected none, relu or relu6");
    tw_conv_free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_activation_gives_the_bits_of_one_that_follows),
        cmocka_unit_test(the_forward_pass_alone_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

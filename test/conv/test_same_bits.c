/* What a plan computes depends on the geometry of one image, the type and the accuracy mode: the same bits on
 * any number of threads, instruction set, batch and place in the batch, with workspace lent or owned, weights
 * packed or not. And numbers that are none go through as in the definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 60 };

/* Tensors of a geometry in f32, random and not whole, and results of the three passes. */
typedef struct tensors {
    int64_t nx, ny, nw, nb;
    float *x, *w, *b, *dy, *y, *dx, *dw, *db;
} tensors;

static float *draw(tw_random *r, int64_t count) {
    float *numbers = calloc((size_t)count + 1, sizeof *numbers);
    for (int64_t i = 0; r && i < count; i++) numbers[i] = (float)(tw_random_uniform(r) * 2 - 1);
    return numbers;
}

static tensors make(const tw_geometry *g, tw_random *r) {
    tw_geometry_sizes s;
    assert_int_equal(tw_geometry_count(g, &s), TW_OK);
    return (tensors){s.x,
                     s.y,
                     s.w,
                     s.b,
                     draw(r, s.x),
                     draw(r, s.w),
                     draw(r, s.b),
                     draw(r, s.y),
                     draw(NULL, s.y),
                     draw(NULL, s.x),
                     draw(NULL, s.w),
                     draw(NULL, s.b)};
}

static void drop(tensors *t) {
    free(t->x), free(t->w), free(t->b), free(t->dy), free(t->y), free(t->dx), free(t->dw), free(t->db);
}

static tw_conv *plan_of(const tw_geometry *g, const char *isa, int threads, const char *algorithm) {
    tw_conv_options o = tw_conv_options_defaults();
    o.isa = isa, o.threads = threads, o.algorithm = algorithm;
    tw_conv *plan;
    tw_status status = tw_conv_create(&plan, g, &o);
    if (status == TW_ERROR_UNSUPPORTED) return NULL;
    assert_int_equal(status, TW_OK);
    return plan;
}

static void run(const tw_conv *plan, tensors *t) {
    assert_int_equal(tw_conv_forward(plan, t->x, t->w, t->b, t->y), TW_OK);
    assert_int_equal(tw_conv_backward_data(plan, t->dy, t->w, t->dx), TW_OK);
    assert_int_equal(tw_conv_backward_weights(plan, t->x, t->dy, t->dw, t->db), TW_OK);
}

static void assert_same(const tw_geometry *g, const tensors *a, const tensors *b, const char *what) {
    bool same = !memcmp(a->y, b->y, (size_t)a->ny * 4) && !memcmp(a->dx, b->dx, (size_t)a->nx * 4) &&
                !memcmp(a->dw, b->dw, (size_t)a->nw * 4) && !memcmp(a->db, b->db, (size_t)a->nb * 4);
    if (!same) case_print(g, what);
    assert_true(same);
}

/* The results of another plan for the same tensors. */
static void compare(const tw_geometry *g, const tensors *t, const char *isa, int threads,
                    const char *algorithm) {
    tensors other = *t;
    other.y = draw(NULL, t->ny), other.dx = draw(NULL, t->nx);
    other.dw = draw(NULL, t->nw), other.db = draw(NULL, t->nb);
    tw_conv *plan = plan_of(g, isa, threads, algorithm);
    run(plan, &other);
    assert_same(g, t, &other, isa);
    tw_conv_free(plan);
    free(other.y), free(other.dx), free(other.dw), free(other.db);
}

static void each_case(void (*check)(const tw_geometry *g, tw_random *r, const char *algorithm)) {
    static const char *const algorithms[] = {NULL, "direct"};
    for (uint64_t number = 0; number < CASES; number++)
        for (int i = 0; i < 2; i++) {
            tw_random r = tw_random_stream(5, TW_RANDOM_TEST, number, 0);
            tw_geometry g = case_draw(&r);
            if (tw_geometry_validate(&g) == TW_OK) check(&g, &r, algorithms[i]);
        }
}

static void check_machines(const tw_geometry *g, tw_random *r, const char *algorithm) {
    tw_conv *plan = plan_of(g, NULL, 1, algorithm);
    if (!plan) return;
    tensors t = make(g, r);
    run(plan, &t);
    tw_conv_free(plan);
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    for (size_t i = 0; i < isas; i++)
        if (isa[i].runs) compare(g, &t, isa[i].name, (int)i + 2, algorithm);
    compare(g, &t, NULL, 8, algorithm);
    drop(&t);
}

static void threads_and_instruction_sets_change_no_bit(void **state) {
    (void)state;
    each_case(check_machines);
}

/* Each image alone, on a plan for one image, and as part of a smaller call on the large plan. */
static void check_places(const tw_geometry *given, tw_random *r, const char *algorithm) {
    tw_geometry g = *given, one = *given;
    g.batch = 5, one.batch = 1;
    tw_conv *plan = plan_of(&g, NULL, 2, algorithm), *single = plan_of(&one, NULL, 1, algorithm);
    if (!plan) return;
    tensors t = make(&g, r);
    run(plan, &t);
    int64_t nx = t.nx / 5, ny = t.ny / 5;
    float *y = draw(NULL, t.ny), *dx = draw(NULL, t.nx);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tw_conv_forward(single, t.x + i * nx, t.w, t.b, y + i * ny), TW_OK);
        assert_int_equal(tw_conv_backward_data(single, t.dy + i * ny, t.w, dx + i * nx), TW_OK);
    }
    bool same = !memcmp(y, t.y, (size_t)t.ny * 4) && !memcmp(dx, t.dx, (size_t)t.nx * 4);
    tw_conv_call call = {.pass = TW_FORWARD, .x = t.x, .w = t.w, .b = t.b, .y = y, .batch = 3};
    memset(y, 0, (size_t)t.ny * 4);
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    same = same && !memcmp(y, t.y, (size_t)(3 * ny) * 4);
    if (!same) case_print(&g, "place in the batch");
    assert_true(same);
    free(y), free(dx);
    drop(&t);
    tw_conv_free(plan), tw_conv_free(single);
}

static void the_place_in_the_batch_changes_no_bit(void **state) {
    (void)state;
    each_case(check_places);
}

/* Images of zeros at the end of the batch add nothing to the gradient of the weights. */
static void check_zeros(const tw_geometry *given, tw_random *r, const char *algorithm) {
    tw_geometry g = *given;
    g.batch = 7;
    tw_conv *plan = plan_of(&g, NULL, 2, algorithm);
    if (!plan) return;
    tensors t = make(&g, r);
    memset(t.dy + t.ny / 7 * 4, 0, (size_t)(t.ny / 7 * 3) * 4);
    run(plan, &t);
    float *dw = draw(NULL, t.nw);
    tw_conv_call call = {.pass = TW_BACKWARD_WEIGHTS, .x = t.x, .dy = t.dy, .dw = dw, .batch = 4};
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    for (int64_t i = 0; i < t.nw; i++)
        if (dw[i] != t.dw[i]) {
            case_print(&g, "zeros at the end");
            fail();
        }
    free(dw);
    drop(&t);
    tw_conv_free(plan);
}

static void images_of_zeros_change_no_gradient(void **state) {
    (void)state;
    each_case(check_zeros);
}

/* The same kind of number: NaN where NaN is expected, infinities of the same sign. */
static bool alike(const float *got, const float *wanted, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (isnan(got[i]) != isnan(wanted[i])) return false;
        if (isinf(got[i]) != isinf(wanted[i]) || (isinf(got[i]) && got[i] != wanted[i])) return false;
    }
    return true;
}

static void check_infinite(const tw_geometry *g, tw_random *r, const char *algorithm) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e-42f, -0.0f};
    tw_conv *plan = plan_of(g, NULL, 1, algorithm ? algorithm : "direct");
    tw_conv *reference = plan_of(g, NULL, 1, "reference");
    tensors t = make(g, r), wanted = t;
    float *const places[] = {t.x, t.w, t.dy};
    const int64_t counts[] = {t.nx, t.nw, t.ny};
    wanted.y = draw(NULL, t.ny), wanted.dx = draw(NULL, t.nx);
    wanted.dw = draw(NULL, t.nw), wanted.db = draw(NULL, t.nb);
    for (int i = 0; i < 3 && plan; i++)
        for (int j = 0; j < 5 && counts[i] > 0; j++) {
            float *place = &places[i][tw_random_below(r, (uint64_t)counts[i])], before = *place;
            *place = odd[j];
            run(plan, &t), run(reference, &wanted);
            bool ok = alike(t.y, wanted.y, t.ny) && alike(t.dx, wanted.dx, t.nx) &&
                      alike(t.dw, wanted.dw, t.nw) && alike(t.db, wanted.db, t.nb);
            if (!ok) case_print(g, "not a number");
            assert_true(ok);
            *place = before;
        }
    free(wanted.y), free(wanted.dx), free(wanted.dw), free(wanted.db);
    drop(&t);
    tw_conv_free(plan), tw_conv_free(reference);
}

static void numbers_that_are_none_go_where_the_definition_puts_them(void **state) {
    (void)state;
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(6, TW_RANDOM_TEST, number, 0);
        tw_geometry g = case_draw(&r);
        if (tw_geometry_validate(&g) == TW_OK) check_infinite(&g, &r, "direct");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_instruction_sets_change_no_bit),
        cmocka_unit_test(the_place_in_the_batch_changes_no_bit),
        cmocka_unit_test(images_of_zeros_change_no_gradient),
        cmocka_unit_test(numbers_that_are_none_go_where_the_definition_puts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

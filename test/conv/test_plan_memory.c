/* wraps: aligned_alloc free */
/* Plans where memory ends: the k-th allocation of making one fails, for every k, every algorithm and every
 * kind of geometry: the status is MEMORY, no plan is left, nothing leaks. And executing allocates nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 160, MOST_TAPS = 200000, MOST_ALLOCATIONS = 1000 };

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

static int64_t calls, fails_at = -1, alive;

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (calls++ == fails_at) return NULL;
    alive++;
    return __real_aligned_alloc(alignment, size);
}

/* Blocks of calloc and malloc pass here too: only differences over a call of Twill's count. */
void __wrap_free(void *block) {
    alive -= block != NULL;
    __real_free(block);
}

static void check_making(const tw_geometry *g, const tw_conv_options *o) {
    tw_conv *plan;
    const int64_t before = alive;
    tw_status status = tw_conv_create(&plan, g, o);
    tw_conv_free(plan);
    assert_int_equal(alive, before);
    if (status == TW_ERROR_UNSUPPORTED) return;
    assert_int_equal(status, TW_OK);
    for (int64_t k = 0;; k++) {
        assert_true(k < MOST_ALLOCATIONS);
        calls = 0, fails_at = k;
        plan = (tw_conv *)&plan;
        status = tw_conv_create(&plan, g, o);
        fails_at = -1;
        if (status == TW_OK) break;
        if (status != TW_ERROR_MEMORY || plan) case_print(g, o->algorithm ? o->algorithm : "chosen");
        assert_int_equal(status, TW_ERROR_MEMORY);
        assert_null(plan);
        assert_int_equal(alive, before);
        assert_true(strlen(tw_message()) > 10);
    }
    tw_conv_free(plan);
    assert_int_equal(alive, before);
}

/* Every algorithm by name, and the plan's own choice. */
static void each_plan(void (*check)(const tw_geometry *g, const tw_conv_options *o)) {
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(13, TW_RANDOM_TEST, number, 0);
        const tw_geometry g = case_draw_kind(&r, (case_kind)(number % CASE_KINDS));
        tw_geometry_sizes sizes;
        if (tw_geometry_validate(&g) != TW_OK || tw_geometry_count(&g, &sizes) != TW_OK) continue;
        for (size_t i = 0; sizes.taps <= MOST_TAPS && i <= algorithms; i++) {
            tw_conv_options o = tw_conv_options_defaults();
            o.algorithm = i < algorithms ? names[i] : NULL, o.threads = (int)(number % 3) + 1;
            o.lends_workspace = number / 3 % 2, o.type = number / 2 % 4 == 3 ? TW_F64 : TW_F32;
            check(&g, &o);
        }
    }
}

static void a_plan_is_made_whole_or_not_at_all(void **state) {
    (void)state;
    each_plan(check_making);
}

static void check_running(const tw_geometry *g, const tw_conv_options *asked) {
    tw_conv *plan;
    tw_conv_options o = *asked;
    o.lends_workspace = false, o.type = TW_F32;
    if (tw_conv_create(&plan, g, &o) != TW_OK) return;
    tw_geometry_sizes s;
    assert_int_equal(tw_geometry_count(g, &s), TW_OK);
    float *x = calloc((size_t)s.x + 1, 4), *w = calloc((size_t)s.w + 1, 4), *b = calloc((size_t)s.b + 1, 4);
    float *y = calloc((size_t)s.y + 1, 4), *dw = calloc((size_t)s.w + 1, 4), *dx = calloc((size_t)s.x + 1, 4);
    calls = 0, fails_at = 0;
    const bool ran = tw_conv_forward(plan, x, w, b, y) == TW_OK &&
                     tw_conv_backward_data(plan, y, w, dx) == TW_OK &&
                     tw_conv_backward_weights(plan, x, y, dw, b) == TW_OK;
    fails_at = -1;
    if (!ran || calls > 0) case_print(g, o.algorithm ? o.algorithm : "chosen");
    assert_true(ran);
    assert_int_equal(calls, 0);
    free(x), free(w), free(b), free(y), free(dw), free(dx);
    tw_conv_free(plan);
}

static void executing_allocates_nothing(void **state) {
    (void)state;
    each_plan(check_running);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_made_whole_or_not_at_all),
        cmocka_unit_test(executing_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

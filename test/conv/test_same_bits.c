/* What a plan computes depends on the geometry of one image, the type and the accuracy mode: for every
 * algorithm the same bits on 1 to 8 threads, any instruction set, batch and place in the batch, with
 * workspace lent or owned, weights packed or not. Random geometries of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 96, BATCH = 5, MOST_TAPS = 2000000, MOST_WALKED = 10000 };

/* Tensors of a geometry, random and not whole, and results of the three passes. */
typedef struct tensors {
    tw_type type;
    tw_geometry_sizes count;
    void *x, *w, *b, *dy, *y, *dx, *dw, *db;
} tensors;

static void *blank(const tensors *t, int64_t count) {
    return calloc((size_t)count + 1, tw_type_size(t->type));
}

static void *draw(const tensors *t, tw_random *r, int64_t count) {
    void *numbers = blank(t, count);
    for (int64_t i = 0; i < count; i++) {
        const double number = tw_random_uniform(r) * 2 - 1;
        case_narrow(t->type, &number, (char *)numbers + (size_t)i * tw_type_size(t->type), 1);
    }
    return numbers;
}

static void make_results(tensors *t) {
    t->y = blank(t, t->count.y), t->dx = blank(t, t->count.x);
    t->dw = blank(t, t->count.w), t->db = blank(t, t->count.b);
}

static void drop_results(const tensors *t) {
    free(t->y), free(t->dx), free(t->dw), free(t->db);
}

static tensors make(const tw_geometry *g, tw_type type, tw_random *r) {
    tensors t = {.type = type};
    assert_int_equal(tw_geometry_count(g, &t.count), TW_OK);
    t.x = draw(&t, r, t.count.x), t.w = draw(&t, r, t.count.w);
    t.b = draw(&t, r, t.count.b), t.dy = draw(&t, r, t.count.y);
    make_results(&t);
    return t;
}

static void drop(const tensors *t) {
    free(t->x), free(t->w), free(t->b), free(t->dy);
    drop_results(t);
}

/* A case: a geometry, an algorithm and a type. */
typedef struct subject {
    const tw_geometry *geometry;
    const char *algorithm;
    tw_type type;
} subject;

static tw_conv *plan_of(const subject *s, const tw_geometry *g, const char *isa, int threads, bool lends) {
    tw_conv_options o = tw_conv_options_defaults();
    o.type = s->type, o.algorithm = s->algorithm;
    o.isa = isa, o.threads = threads, o.lends_workspace = lends;
    tw_conv *plan;
    tw_status status = tw_conv_create(&plan, g, &o);
    if (status == TW_ERROR_UNSUPPORTED) return NULL;
    assert_int_equal(status, TW_OK);
    return plan;
}

/* On all threads that are planned, however little there is to share. */
static tw_conv_call call_of(const tensors *t, int pass) {
    return (tw_conv_call){.pass = (tw_pass)pass,
                          .x = t->x,
                          .w = t->w,
                          .b = t->b,
                          .dy = t->dy,
                          .y = t->y,
                          .dx = t->dx,
                          .dw = t->dw,
                          .db = t->db,
                          .threads = TW_MAX_THREADS};
}

static void run(const tw_conv *plan, const tensors *t) {
    for (int pass = 0; pass < TW_PASSES; pass++) {
        const tw_conv_call call = call_of(t, pass);
        assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    }
}

static bool equal(const tensors *t, const void *a, const void *b, int64_t count) {
    return count == 0 || memcmp(a, b, (size_t)count * tw_type_size(t->type)) == 0;
}

static void assert_same(const subject *s, const tensors *a, const tensors *b, const char *what) {
    bool same = equal(a, a->y, b->y, a->count.y) && equal(a, a->dx, b->dx, a->count.x) &&
                equal(a, a->dw, b->dw, a->count.w) && equal(a, a->db, b->db, a->count.b);
    if (!same) {
        case_print(s->geometry, s->algorithm);
        fprintf(stderr, "differs: %s, type %d\n", what, (int)s->type);
    }
    assert_true(same);
}

/* Taps of an image: what is worth the time, in the sum as defined (it walks them one by one) or another. */
static bool quick(const tw_geometry *g, const char *algorithm) {
    tw_geometry_sizes sizes;
    assert_int_equal(tw_geometry_count(g, &sizes), TW_OK);
    return sizes.taps <= (strcmp(algorithm, "reference") == 0 ? MOST_WALKED : MOST_TAPS);
}

static void each_case(void (*check)(const subject *s, tw_random *r)) {
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(5, TW_RANDOM_TEST, number, 0);
        tw_geometry g = case_draw_kind(&r, (case_kind)(number % CASE_KINDS));
        if (tw_geometry_validate(&g) != TW_OK) continue;
        for (size_t i = 0; i < algorithms; i++) {
            const subject s = {&g, names[i], number / CASE_KINDS % 4 == 3 ? TW_F64 : TW_F32};
            if (quick(&g, names[i])) check(&s, &r);
        }
    }
}

/* ---- Threads and instruction sets. */

static void compare(const subject *s, const tensors *t, const char *isa, int threads) {
    char what[64];
    tensors other = *t;
    make_results(&other);
    tw_conv *plan = plan_of(s, s->geometry, isa, threads, false);
    run(plan, &other);
    snprintf(what, sizeof what, "%s, %d threads", isa ? isa : "the best", threads);
    assert_same(s, t, &other, what);
    tw_conv_free(plan);
    drop_results(&other);
}

static void check_machines(const subject *s, tw_random *r) {
    tw_conv *plan = plan_of(s, s->geometry, NULL, 1, false);
    if (!plan) return;
    tensors t = make(s->geometry, s->type, r);
    run(plan, &t);
    tw_conv_free(plan);
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    for (size_t i = 0; i < isas; i++)
        if (isa[i].runs && !isa[i].chosen) compare(s, &t, isa[i].name, (int)i + 1);
    for (int threads = 2; threads <= 8; threads++) compare(s, &t, NULL, threads);
    drop(&t);
}

static void threads_and_instruction_sets_change_no_bit(void **state) {
    (void)state;
    each_case(check_machines);
}

/* ---- Workspace and packed weights. */

/* The three passes with everything lent: filled with NaN before, and at addresses aligned to as
 * little as may be: the workspace to nothing, packed weights to their type. */
static void run_lent(const tw_conv *plan, const tensors *t, bool packs) {
    const size_t size = tw_type_size(t->type);
    for (int pass = 0; pass < TW_PASSES; pass++) {
        const size_t bytes = tw_conv_workspace(plan, (tw_pass)pass, 0);
        const size_t packed = packs ? tw_conv_packed_bytes(plan, (tw_pass)pass) : 0;
        char *workspace = malloc(bytes + 1), *weights = malloc(packed + size);
        memset(workspace, 0xff, bytes + 1), memset(weights, 0xff, packed + size);
        tw_conv_call call = call_of(t, pass);
        call.workspace = workspace + 1, call.workspace_bytes = bytes;
        if (packed > 0) {
            assert_int_equal(tw_conv_pack(plan, (tw_pass)pass, t->w, weights + size), TW_OK);
            call.packed_w = weights + size, call.w = NULL;
        }
        assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
        free(workspace), free(weights);
    }
}

static void check_lent(const subject *s, tw_random *r) {
    tw_conv *plan = plan_of(s, s->geometry, NULL, 2, false);
    if (!plan) return;
    tw_conv *lending = plan_of(s, s->geometry, NULL, 2, true);
    tensors t = make(s->geometry, s->type, r), other = t;
    run(plan, &t);
    for (int packs = 0; packs < 2; packs++) {
        make_results(&other);
        run_lent(lending, &other, packs);
        assert_same(s, &t, &other, packs ? "weights packed" : "workspace lent");
        drop_results(&other);
    }
    drop(&t);
    tw_conv_free(plan), tw_conv_free(lending);
}

/* A call on fewer threads than planned has the plan's workspace. */
static void check_workspace(const subject *s, tw_random *r) {
    (void)r;
    tw_conv *plan = plan_of(s, s->geometry, NULL, 8, true);
    for (int pass = 0; plan && pass < TW_PASSES; pass++)
        for (int threads = 2; threads <= 8; threads++) {
            const size_t fewer = tw_conv_workspace(plan, (tw_pass)pass, threads - 1);
            if (fewer > tw_conv_workspace(plan, (tw_pass)pass, threads))
                case_print(s->geometry, s->algorithm);
            assert_true(fewer <= tw_conv_workspace(plan, (tw_pass)pass, threads));
        }
    tw_conv_free(plan);
}

static void fewer_threads_need_no_more_workspace(void **state) {
    (void)state;
    each_case(check_workspace);
}

static void lent_workspace_and_packed_weights_change_no_bit(void **state) {
    (void)state;
    each_case(check_lent);
}

/* ---- The batch. */

/* `image`'s part of a tensor of BATCH images. */
static void *part(const tensors *t, void *tensor, int64_t count, int image) {
    return (char *)tensor + (size_t)(count / BATCH * image) * tw_type_size(t->type);
}

/* Each image alone, on a plan for one image, and as part of a smaller call on the large plan. */
static void check_places(const subject *s, tw_random *r) {
    tw_geometry g = *s->geometry, one = *s->geometry;
    g.batch = BATCH, one.batch = 1;
    tw_conv *plan = plan_of(s, &g, NULL, 2, false), *single = plan_of(s, &one, NULL, 1, false);
    if (!plan) return;
    tensors t = make(&g, s->type, r), other = t;
    run(plan, &t);
    make_results(&other);
    const int64_t nx = t.count.x, ny = t.count.y;
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(tw_conv_forward(single, part(&t, t.x, nx, i), t.w, t.b, part(&t, other.y, ny, i)),
                         TW_OK);
        assert_int_equal(tw_conv_backward_data(single, part(&t, t.dy, ny, i), t.w, part(&t, other.dx, nx, i)),
                         TW_OK);
    }
    bool same = equal(&t, other.y, t.y, ny) && equal(&t, other.dx, t.dx, nx);
    tw_conv_call call = call_of(&t, TW_FORWARD);
    call.batch = 3;
    memset(other.y, 0, (size_t)ny * tw_type_size(t.type));
    call.y = other.y, call.dx = part(&t, other.dx, nx, 1);
    call.dy = part(&t, t.dy, ny, 1);
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    call.pass = TW_BACKWARD_DATA; /* images 1 to 3, where they stood */
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    same = same && equal(&t, other.y, t.y, ny / BATCH * 3) && equal(&t, other.dx, t.dx, nx);
    if (!same) case_print(&g, s->algorithm);
    assert_true(same);
    drop_results(&other);
    drop(&t);
    tw_conv_free(plan), tw_conv_free(single);
}

static void the_place_in_the_batch_changes_no_bit(void **state) {
    (void)state;
    each_case(check_places);
}

/* Images of zeros at the end of the batch add nothing to the gradient of the weights. */
static void check_zeros(const subject *s, tw_random *r) {
    tw_geometry g = *s->geometry;
    g.batch = BATCH;
    tw_conv *plan = plan_of(s, &g, NULL, 2, false);
    if (!plan) return;
    tensors t = make(&g, s->type, r);
    memset(part(&t, t.dy, t.count.y, 3), 0, (size_t)(t.count.y / BATCH * 2) * tw_type_size(t.type));
    run(plan, &t);
    void *dw = blank(&t, t.count.w);
    tw_conv_call call = {.pass = TW_BACKWARD_WEIGHTS, .x = t.x, .dy = t.dy, .dw = dw, .batch = 3};
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    for (int64_t i = 0; i < t.count.w; i++)
        if (case_number(t.type, dw, i) != case_number(t.type, t.dw, i)) { /* -0 is 0 */
            case_print(&g, s->algorithm);
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

/* ---- The layout. */

/* [image][pixel][channel] to [image][channel][pixel]. */
static void to_planes(tw_type type, const void *from, int64_t images, int64_t pixels, int64_t channels,
                      void *to) {
    const size_t size = tw_type_size(type);
    for (int64_t i = 0; i < images; i++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < channels; c++)
                memcpy((char *)to + (size_t)((i * channels + c) * pixels + p) * size,
                       (const char *)from + (size_t)((i * pixels + p) * channels + c) * size, size);
}

/* Whether the forced algorithm takes this pass. */
static bool takes(const subject *s, const tw_conv *plan, tw_pass pass) {
    tw_conv_description d;
    assert_int_equal(tw_conv_describe(plan, pass, &d), TW_OK);
    return strcmp(d.algorithm, s->algorithm) == 0;
}

/* Depthwise convolution sums in one order, whether a lane is a channel or a pixel. */
static void check_layouts(const subject *s, tw_random *r) {
    tw_geometry last = *s->geometry, first = last;
    if (strcmp(s->algorithm, "depthwise") != 0 || first.batch == 0) return;
    last.layout = TW_NHWC, first.layout = TW_NCHW;
    tw_conv *by_channels = plan_of(s, &last, NULL, 1, false), *by_planes = plan_of(s, &first, NULL, 1, false);
    if (by_channels && by_planes) {
        tensors t = make(&last, s->type, r), turned = make(&first, s->type, r), expected = t;
        run(by_channels, &t);
        const int64_t in = t.count.x / last.batch / last.in_channels,
                      out = t.count.y / last.batch / last.out_channels;
        to_planes(s->type, t.x, last.batch, in, last.in_channels, turned.x);
        to_planes(s->type, t.dy, last.batch, out, last.out_channels, turned.dy);
        memcpy(turned.w, t.w, (size_t)t.count.w * tw_type_size(s->type));
        memcpy(turned.b, t.b, (size_t)last.out_channels * tw_type_size(s->type));
        run(by_planes, &turned);
        make_results(&expected);
        to_planes(s->type, t.y, last.batch, out, last.out_channels, expected.y);
        to_planes(s->type, t.dx, last.batch, in, last.in_channels, expected.dx);
        bool same = !takes(s, by_planes, TW_FORWARD) || equal(&t, expected.y, turned.y, t.count.y);
        if (takes(s, by_planes, TW_BACKWARD_DATA))
            same = same && equal(&t, expected.dx, turned.dx, t.count.x);
        if (!same) case_print(&last, s->algorithm);
        assert_true(same);
        drop_results(&expected);
        drop(&t), drop(&turned);
    }
    tw_conv_free(by_channels), tw_conv_free(by_planes);
}

static void the_layout_changes_no_bit_of_depthwise_outputs(void **state) {
    (void)state;
    each_case(check_layouts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_instruction_sets_change_no_bit),
        cmocka_unit_test(lent_workspace_and_packed_weights_change_no_bit),
        cmocka_unit_test(fewer_threads_need_no_more_workspace),
        cmocka_unit_test(the_place_in_the_batch_changes_no_bit),
        cmocka_unit_test(images_of_zeros_change_no_gradient),
        cmocka_unit_test(the_layout_changes_no_bit_of_depthwise_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tensors that are larger than caches: what is read is fetched ahead, and what is written goes past the
 * caches, in whole lines. Results are those of the same layer image by image, whose tensors are near: the
 * same bits forward and backward to the data, and the exact sum of small integers for the weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/conv.h>
#include <twill/machine.h>

#include "base/memory.h"
#include "conv/ahead.h"
#include "emulator.h"

typedef struct layer {
    tw_layout layout;
    int spatial;
    int64_t in, out, groups, side[3], kernel, stride, dilation, pad;
    tw_pad_mode pad_mode;
} layer;

static const layer layers[] = {
    /* depthwise: rows of three taps, */
    {TW_NHWC, 2, 32, 32, 32, {57, 56}, 3, 1, 1, 1, TW_PAD_ZEROS},
    /* both phases backward, */
    {TW_NHWC, 2, 64, 64, 64, {56, 57}, 3, 2, 1, 1, TW_PAD_ZEROS},
    /* rolled gradients, */
    {TW_NHWC, 2, 48, 48, 48, {28, 30}, 5, 1, 1, 2, TW_PAD_ZEROS},
    {TW_NHWC, 2, 48, 48, 48, {29, 28}, 5, 2, 1, 2, TW_PAD_ZEROS},
    /* pixels that are not whole lines, */
    {TW_NHWC, 2, 40, 40, 40, {14, 14}, 7, 1, 1, 3, TW_PAD_ZEROS},
    /* pairs of blocks, */
    {TW_NHWC, 2, 512, 512, 512, {14, 14}, 3, 1, 1, 1, TW_PAD_ZEROS},
    /* dilated, planes, three axes */
    {TW_NHWC, 2, 32, 32, 32, {40, 41}, 3, 1, 2, 2, TW_PAD_ZEROS},
    {TW_NCHW, 2, 32, 32, 32, {60, 64}, 3, 1, 1, 1, TW_PAD_ZEROS},
    {TW_NHWC, 3, 16, 16, 16, {17, 16, 15}, 3, 1, 1, 1, TW_PAD_ZEROS},
    /* few products for each number: pixels of whole lines and others, */
    {TW_NHWC, 2, 16, 96, 1, {56, 56}, 1, 1, 1, 0, TW_PAD_ZEROS},
    {TW_NHWC, 2, 24, 40, 1, {56, 56}, 1, 1, 1, 0, TW_PAD_ZEROS},
    /* rows of whole lines and others, */
    {TW_NCHW, 2, 16, 32, 1, {31, 32}, 1, 1, 1, 0, TW_PAD_ZEROS},
    {TW_NCHW, 2, 16, 32, 1, {30, 28}, 1, 1, 1, 0, TW_PAD_ZEROS},
    /* small images, */
    {TW_NHWC, 2, 16, 64, 1, {7, 7}, 1, 1, 1, 0, TW_PAD_ZEROS},
    {TW_NHWC, 2, 16, 32, 1, {2, 2}, 2, 2, 1, 0, TW_PAD_ZEROS},
    /* first layers, */
    {TW_NHWC, 2, 3, 32, 1, {112, 112}, 3, 2, 1, 1, TW_PAD_ZEROS},
    {TW_NCHW, 2, 3, 32, 1, {64, 64}, 3, 1, 1, 1, TW_PAD_ZEROS},
    {TW_NHWC, 2, 3, 16, 1, {64, 66}, 3, 1, 1, 1, TW_PAD_REFLECT},
    {TW_NCHW, 2, 3, 16, 1, {64, 64}, 3, 1, 1, 1, TW_PAD_CIRCULAR},
    /* and gradients along pixels, with small images too, */
    {TW_NHWC, 2, 1, 8, 1, {28, 28}, 5, 1, 1, 2, TW_PAD_ZEROS},
    {TW_NCHW, 2, 1, 8, 1, {14, 15}, 3, 1, 1, 1, TW_PAD_ZEROS},
    /* patches, which are woven backward, */
    {TW_NHWC, 2, 16, 32, 1, {56, 56}, 2, 2, 1, 0, TW_PAD_ZEROS},
    {TW_NHWC, 2, 8, 16, 1, {64, 64}, 2, 2, 1, 0, TW_PAD_ZEROS},
    {TW_NCHW, 2, 8, 16, 1, {64, 64}, 2, 2, 1, 0, TW_PAD_ZEROS},
    /* groups, one axis */
    {TW_NHWC, 2, 64, 64, 2, {28, 28}, 1, 1, 1, 0, TW_PAD_ZEROS},
    {TW_NHWC, 2, 144, 144, 2, {28, 28}, 1, 1, 1, 0, TW_PAD_ZEROS},
    {TW_NHWC, 2, 64, 64, 16, {28, 28}, 3, 1, 1, 1, TW_PAD_ZEROS},
    {TW_NHWC, 2, 64, 64, 8, {29, 28}, 3, 2, 1, 1, TW_PAD_ZEROS},
    {TW_NHWC, 2, 48, 48, 8, {28, 28}, 3, 1, 1, 1, TW_PAD_ZEROS},
    {TW_NCHW, 2, 48, 48, 8, {28, 28}, 3, 1, 1, 1, TW_PAD_ZEROS},
    {TW_NHWC, 2, 64, 64, 4, {28, 28}, 5, 1, 1, 2, TW_PAD_ZEROS},
    {TW_NHWC, 1, 16, 32, 1, {2000}, 3, 1, 8, 8, TW_PAD_ZEROS},
};
enum { LAYERS = sizeof layers / sizeof *layers };

typedef struct tensors {
    void *x, *w, *b, *y, *dy, *dx, *dw, *db;
    tw_geometry_sizes sizes;
    tw_type type;
    int64_t shift; /* numbers by which y and dx are not aligned */
} tensors;

static tw_geometry geometry_of(const layer *l, int64_t batch) {
    tw_geometry g = tw_geometry_defaults(l->spatial);
    g.batch = batch, g.in_channels = l->in, g.out_channels = l->out, g.groups = l->groups;
    g.layout = l->layout, g.pad_mode = l->pad_mode;
    for (int a = 0; a < l->spatial; a++) {
        g.input[a] = l->side[a], g.kernel[a] = l->kernel, g.stride[a] = l->stride;
        g.dilation[a] = l->dilation, g.pad_begin[a] = g.pad_end[a] = l->pad;
    }
    return g;
}

static void *room(const tensors *t, int64_t count) {
    void *numbers = tw_alloc(count, tw_type_size(t->type));
    assert_non_null(numbers);
    return numbers;
}

/* What no pass writes is no number: nothing may be left. */
static void *blank(const tensors *t, int64_t count) {
    return memset(room(t, count), 0xff, (size_t)count * tw_type_size(t->type));
}

/* Integers of -3 .. 3. */
static void *drawn(const tensors *t, int64_t count, uint32_t seed) {
    void *numbers = room(t, count);
    for (int64_t i = 0; i < count; i++) {
        const int value = (int)(((uint32_t)i * 2654435761u + seed) >> 16) % 7 - 3;
        if (t->type == TW_F32)
            ((float *)numbers)[i] = (float)value;
        else
            ((double *)numbers)[i] = value;
    }
    return numbers;
}

static void *shifted(const tensors *t, void *numbers, int64_t by) {
    return (char *)numbers + by * (int64_t)tw_type_size(t->type);
}

/* t with results of its own. */
static tensors with_results(tensors t, int64_t shift) {
    t.shift = shift;
    t.y = shifted(&t, blank(&t, t.sizes.y + shift), shift);
    t.dx = shifted(&t, blank(&t, t.sizes.x + shift), shift);
    t.dw = blank(&t, t.sizes.w), t.db = blank(&t, t.sizes.b);
    return t;
}

static void drop_results(const tensors *t) {
    tw_free(shifted(t, t->y, -t->shift)), tw_free(shifted(t, t->dx, -t->shift));
    tw_free(t->dw), tw_free(t->db);
}

static tensors make(const tw_geometry *g, tw_type type) {
    tensors t = {.type = type};
    assert_int_equal(tw_geometry_count(g, &t.sizes), TW_OK);
    t.x = drawn(&t, t.sizes.x, 1), t.dy = drawn(&t, t.sizes.y, 2);
    t.w = drawn(&t, t.sizes.w, 3), t.b = drawn(&t, t.sizes.b, 4);
    return with_results(t, 0);
}

static void drop(const tensors *t) {
    tw_free(t->x), tw_free(t->w), tw_free(t->b), tw_free(t->dy);
    drop_results(t);
}

static tw_conv *plan_of(const tw_geometry *g, tw_type type, const char *isa, int threads) {
    tw_conv_options o = tw_conv_options_defaults();
    o.type = type, o.isa = isa, o.threads = threads;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, g, &o), TW_OK);
    return plan;
}

/* All passes, on the plan's images from number `image` on, of so many. */
static void run(const tw_conv *plan, const tensors *t, int64_t images, int64_t image, tw_ramp ramp) {
    const size_t size = tw_type_size(t->type);
    const size_t x = (size_t)(image * (t->sizes.x / images)) * size,
                 y = (size_t)(image * (t->sizes.y / images)) * size;
    tw_conv_call call = {.pass = TW_FORWARD, .w = t->w, .b = t->b, .ramp = ramp};
    call.x = (char *)t->x + x, call.y = (char *)t->y + y;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    call = (tw_conv_call){.pass = TW_BACKWARD_DATA, .w = t->w};
    call.dy = (char *)t->dy + y, call.dx = (char *)t->dx + x;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    call = (tw_conv_call){.pass = TW_BACKWARD_WEIGHTS, .dw = t->dw, .db = t->db};
    call.x = (char *)t->x + x, call.dy = (char *)t->dy + y;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
}

static double get(const tensors *t, const void *numbers, int64_t i) {
    return t->type == TW_F32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

static void add(const tensors *t, const void *numbers, int64_t count, double *sum) {
    for (int64_t i = 0; i < count; i++) sum[i] += get(t, numbers, i);
}

/* near's y and dx, image by image; dw and db are the sums. */
static void run_near(const layer *l, const tensors *near, int64_t images, const char *isa, tw_ramp ramp,
                     double *dw, double *db) {
    const tw_geometry g = geometry_of(l, 1);
    tw_conv *plan = plan_of(&g, near->type, isa, 1);
    for (int64_t i = 0; i < images; i++) {
        run(plan, near, images, i, ramp);
        add(near, near->dw, near->sizes.w, dw);
        add(near, near->db, near->sizes.b, db);
    }
    tw_conv_free(plan);
}

static void assert_same(const tensors *t, const void *found, const void *wanted, int64_t count, int number,
                        const char *what) {
    if (memcmp(found, wanted, (size_t)count * tw_type_size(t->type)) == 0) return;
    int64_t i = 0;
    while (get(t, found, i) == get(t, wanted, i)) i++;
    fail_msg("layer %d, %s, number %lld: %g, not %g", number, what, (long long)i, get(t, found, i),
             get(t, wanted, i));
}

static void assert_sums(const tensors *t, const void *found, const double *wanted, int64_t count, int number,
                        const char *what) {
    for (int64_t i = 0; i < count; i++)
        if (get(t, found, i) != wanted[i])
            fail_msg("layer %d, %s, number %lld: %g, not %g", number, what, (long long)i, get(t, found, i),
                     wanted[i]);
}

static void check_layer(int number, tw_type type, const char *isa) {
    const layer *l = &layers[number];
    tw_geometry g = geometry_of(l, 1);
    tensors near = {.type = type};
    assert_int_equal(tw_geometry_count(&g, &near.sizes), TW_OK);
    assert_false(tw_lies_far(near.sizes.x + near.sizes.y, tw_type_size(type)));
    g.batch = TW_FAR / ((near.sizes.x + near.sizes.y) * (int64_t)tw_type_size(type)) + 1;
    near = make(&g, type);
    const tw_ramp ramp = number % 3 == 0 ? TW_RELU6 : TW_NO_RAMP;
    double *dw = tw_alloc_zero(near.sizes.w, sizeof *dw), *db = tw_alloc_zero(near.sizes.b, sizeof *db);
    run_near(l, &near, g.batch, isa, ramp, dw, db);
    for (int threads = 1; threads <= 2; threads++) {
        const tensors far = with_results(near, number % 4 == 1 && threads == 2); /* not lines then */
        tw_conv *plan = plan_of(&g, type, isa, threads);
        run(plan, &far, g.batch, 0, ramp);
        tw_conv_free(plan);
        assert_same(&far, far.y, near.y, far.sizes.y, number, "y");
        assert_same(&far, far.dx, near.dx, far.sizes.x, number, "dx");
        assert_sums(&far, far.dw, dw, far.sizes.w, number, "dw");
        assert_sums(&far, far.db, db, far.sizes.b, number, "db");
        drop_results(&far);
    }
    tw_free(dw), tw_free(db), drop(&near);
}

/* From one layer to the next that is checked. */
static int step(void) {
    return is_emulated() ? 3 : 1;
}

static void all_layers_in_f32(void **state) {
    (void)state;
    for (int i = 0; i < LAYERS; i += step()) check_layer(i, TW_F32, NULL);
}

static void all_layers_without_avx512(void **state) {
    (void)state;
    size_t count;
    const tw_machine_isa *isa = tw_machine_isas(&count);
    for (size_t k = 0; k < count; k++)
        for (int i = 0; i < LAYERS && isa[k].runs && strcmp(isa[k].name, "avx2") == 0; i++)
            check_layer(i, TW_F32, "avx2");
}

static void all_layers_in_f64(void **state) {
    (void)state;
    for (int i = 0; i < LAYERS; i += step()) check_layer(i, TW_F64, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_layers_in_f32),
        cmocka_unit_test(all_layers_without_avx512),
        cmocka_unit_test(all_layers_in_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

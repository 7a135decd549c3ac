/* Layers that are too large to sum over all taps, where Winograd's convolution goes other ways: weights that
 * no cache near holds, groups of tensors that none does, images of many chunks. Small integers, of which some
 * outputs of each are summed in f64; the weights' gradient of a dy that is zero but at some pixels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/conv.h>

#include "base/memory.h"
#include "base/random.h"

typedef struct layer {
    int64_t batch, height, width, in, out, groups;
    tw_layout layout;
} layer;

static const layer layers[] = {
    {1, 30, 31, 280, 300, 1, TW_NHWC}, /* more than one block of which a point is made for all panels */
    {1, 30, 31, 280, 300, 1, TW_NCHW},
    {2, 56, 57, 256, 256, 16, TW_NHWC}, /* the next group's part is fetched */
    {2, 96, 97, 60, 64, 1, TW_NHWC},    /* several chunks in a row for each of some slots */
    {3, 97, 90, 60, 56, 1, TW_NCHW},
};
static const char *const algorithms[] = {"winograd-4x4", "winograd-2x2"};
enum { LAYERS = sizeof layers / sizeof *layers, ALGORITHMS = 2, SAMPLES = 300, SPOTS = 40 };

typedef struct tensors {
    float *x, *w, *y; /* y is dy where it is read */
    float *out, *db;
} tensors;

static int64_t below(tw_random *r, int64_t count) {
    return (int64_t)tw_random_below(r, (uint64_t)count);
}

static float *integers(tw_random *r, int64_t count) {
    float *x = tw_alloc(count, sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = (float)below(r, 9) - 4;
    return x;
}

static int64_t place(const layer *l, int64_t channels, int64_t n, int64_t c, int64_t i, int64_t j) {
    if (l->layout == TW_NHWC) return ((n * l->height + i) * l->width + j) * channels + c;
    return ((n * channels + c) * l->height + i) * l->width + j;
}

/* A number of x or y; outside there are zeros. */
static double at(const layer *l, const float *tensor, int64_t channels, int64_t n, int64_t c, int64_t i,
                 int64_t j) {
    bool inside = i >= 0 && i < l->height && j >= 0 && j < l->width;
    return inside ? (double)tensor[place(l, channels, n, c, i, j)] : 0;
}

static double weight(const layer *l, const float *w, int64_t k, int64_t c, int64_t tap) {
    return (double)w[(k * (l->in / l->groups) + c) * 9 + tap];
}

/* What y or dx must be there. */
static double expected(const layer *l, const tensors *t, bool forward, int64_t n, int64_t channel, int64_t i,
                       int64_t j) {
    const int64_t in = l->in / l->groups, out = l->out / l->groups, group = channel / (forward ? out : in);
    double sum = 0;
    for (int64_t other = 0; other < (forward ? in : out); other++)
        for (int64_t tap = 0; tap < 9; tap++) {
            int64_t r = tap / 3 - 1, s = tap % 3 - 1;
            if (forward)
                sum += weight(l, t->w, channel, other, tap) *
                       at(l, t->x, l->in, n, group * in + other, i + r, j + s);
            else
                sum += weight(l, t->w, group * out + other, channel % in, tap) *
                       at(l, t->y, l->out, n, group * out + other, i - r, j - s);
        }
    return sum;
}

/* F(2x2) is exact on small integers, F(4x4) errs by far less than 1. */
static void compare(double found, double wanted, int algorithm, const layer *l, int pass, int threads) {
    if (fabs(found - wanted) > (algorithm == 0 ? 0.1 : 0))
        fail_msg("layer %d, %s, pass %d, %d threads: %g, not %g", (int)(l - layers), algorithms[algorithm],
                 pass, threads, found, wanted);
}

static tw_conv *plan_of(const layer *l, int algorithm, int threads) {
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = l->batch, g.in_channels = l->in, g.out_channels = l->out, g.groups = l->groups;
    g.layout = l->layout;
    for (int a = 0; a < 2; a++) g.kernel[a] = 3, g.pad_begin[a] = g.pad_end[a] = 1;
    g.input[0] = l->height, g.input[1] = l->width;
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = algorithms[algorithm], o.threads = threads;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, &o), TW_OK);
    return plan;
}

static void check_outputs(const layer *l, const tensors *t, bool forward, int algorithm, int threads) {
    tw_random r = tw_random_stream(5, TW_RANDOM_TEST, 1, 0);
    tw_conv *plan = plan_of(l, algorithm, threads);
    if (forward)
        assert_int_equal(tw_conv_forward(plan, t->x, t->w, NULL, t->out), TW_OK);
    else
        assert_int_equal(tw_conv_backward_data(plan, t->y, t->w, t->out), TW_OK);
    const int64_t channels = forward ? l->out : l->in;
    for (int s = 0; s < SAMPLES; s++) {
        int64_t n = below(&r, l->batch), c = below(&r, channels), i = below(&r, l->height),
                j = below(&r, l->width);
        compare((double)t->out[place(l, channels, n, c, i, j)], expected(l, t, forward, n, c, i, j),
                algorithm, l, !forward, threads);
    }
    tw_conv_free(plan);
}

static void every_layer(void (*check)(const layer *l, tensors *t, int algorithm, int threads)) {
    for (int i = 0; i < LAYERS; i++) {
        const layer *l = &layers[i];
        const int64_t pixels = l->batch * l->height * l->width, weights = l->out * (l->in / l->groups) * 9;
        const int64_t most = pixels * (l->in > l->out ? l->in : l->out);
        tw_random r = tw_random_stream(5, TW_RANDOM_TEST, 0, (uint32_t)i);
        tensors t = {.x = integers(&r, pixels * l->in), .w = integers(&r, weights)};
        t.y = integers(&r, pixels * l->out);
        t.out = tw_alloc(most > weights ? most : weights, sizeof *t.out);
        t.db = tw_alloc(l->out, sizeof *t.db);
        for (int a = 0; a < ALGORITHMS; a++)
            for (int threads = 1; threads <= 3; threads += 2) check(l, &t, a, threads);
        tw_free(t.x), tw_free(t.w), tw_free(t.y), tw_free(t.out), tw_free(t.db);
    }
}

static void check_passes(const layer *l, tensors *t, int algorithm, int threads) {
    check_outputs(l, t, true, algorithm, threads);
    check_outputs(l, t, false, algorithm, threads);
}

static void sampled_outputs_are_right(void **state) {
    (void)state;
    every_layer(check_passes);
}

/* Pixels at which dy is not zero. */
typedef struct spot {
    int64_t n, i, j;
} spot;

static void check_weights(const layer *l, tensors *t, int algorithm, int threads) {
    tw_random r = tw_random_stream(6, TW_RANDOM_TEST, 0, 0);
    spot spots[SPOTS];
    for (int64_t i = 0; i < l->batch * l->height * l->width * l->out; i++) t->y[i] = 0;
    for (int s = 0; s < SPOTS; s++) {
        spots[s] = (spot){below(&r, l->batch), below(&r, l->height), below(&r, l->width)};
        for (int64_t k = 0; k < l->out; k++)
            t->y[place(l, l->out, spots[s].n, k, spots[s].i, spots[s].j)] = (float)(1 + below(&r, 4));
    }
    tw_conv *plan = plan_of(l, algorithm, threads);
    assert_int_equal(tw_conv_backward_weights(plan, t->x, t->y, t->out, t->db), TW_OK);
    tw_conv_free(plan);
    const int64_t in = l->in / l->groups, out = l->out / l->groups;
    for (int64_t k = 0; k < l->out; k++) {
        double db = 0, dw[2] = {0};
        int64_t c = below(&r, in), tap[2] = {below(&r, 9), below(&r, 9)};
        for (int s = 0; s < SPOTS; s++) {
            const spot *p = &spots[s];
            bool again = false; /* drawn twice */
            for (int q = 0; q < s; q++)
                again = again || (spots[q].n == p->n && spots[q].i == p->i && spots[q].j == p->j);
            if (again) continue;
            double dy = at(l, t->y, l->out, p->n, k, p->i, p->j);
            db += dy;
            for (int i = 0; i < 2; i++)
                dw[i] += dy * at(l, t->x, l->in, p->n, k / out * in + c, p->i + tap[i] / 3 - 1,
                                 p->j + tap[i] % 3 - 1);
        }
        compare((double)t->db[k], db, 1, l, 2, threads);
        for (int i = 0; i < 2; i++)
            compare((double)t->out[(k * in + c) * 9 + tap[i]], dw[i], algorithm, l, 2, threads);
    }
}

static void gradients_of_weights_are_right(void **state) {
    (void)state;
    every_layer(check_weights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampled_outputs_are_right),
        cmocka_unit_test(gradients_of_weights_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

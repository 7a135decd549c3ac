/* The elementwise functions: within 2 units in the last place of those in higher precision, special values
 * included. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "kernel/kernel.h"

static const tw_sweeps *sweeps, *doubles; /* of the instruction set under test: float, double */

static double sigmoid_of(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/* Distance in units of the float nearest to the exact value. */
static double distance(float value, double exact) {
    float nearest = (float)exact;
    double unit = (double)nextafterf(fabsf(nearest), INFINITY) - fabs((double)nearest);
    return fabs((double)value - exact) / unit;
}

/* Every 997th float of all finite ones. */
static void check_all(tw_map map, double (*exact)(double)) {
    enum { BLOCK = 4096 };
    float x[BLOCK], y[BLOCK];
    double worst = 0;
    int count = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 997) {
        uint32_t word = (uint32_t)bits;
        memcpy(&x[count], &word, sizeof word);
        if (isfinite(x[count])) count++;
        if (count < BLOCK && bits + 997 <= UINT32_MAX) continue;
        map(count, 0, x, y);
        for (int i = 0; i < count; i++) {
            double d = distance(y[i], exact((double)x[i]));
            if (!(d <= 2)) fail_msg("f(%a) is %a, %g units away", (double)x[i], (double)y[i], d);
            worst = fmax(worst, d);
        }
        count = 0;
    }
    assert_true(worst > 0.4); /* the comparison does compare */
}

static void sigmoid_and_tanh_are_within_two_units_everywhere(void **state) {
    (void)state;
    check_all(sweeps->sigmoid, sigmoid_of);
    check_all(sweeps->tanh, tanh);
}

/* Distance in units of the double nearest to the exact value. */
static double distance_of_double(double value, long double exact) {
    double nearest = (double)exact;
    long double unit = (long double)nextafter(fabs(nearest), INFINITY) - (long double)fabs(nearest);
    return (double)(fabsl((long double)value - exact) / unit);
}

static long double long_sigmoid(long double x) {
    return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

static void check_doubles(const double *x, int count, tw_map map, long double (*exact)(long double),
                          double *worst) {
    double y[512];
    assert_true(count <= 512);
    map(count, 0, x, y);
    for (int i = 0; i < count; i++) {
        double d = distance_of_double(y[i], exact((long double)x[i]));
        if (!(d <= 2)) fail_msg("f(%a) is %a, %g units away", x[i], y[i], d);
        *worst = fmax(*worst, d);
    }
}

/* A million doubles of all finite ones, and as many where the functions bend. */
static void check_all_doubles(tw_map map, long double (*exact)(long double)) {
    double x[512], worst = 0;
    int count = 0;
    for (uint64_t i = 0; i < 2000000; i++) {
        uint64_t word = i * 0x9e3779b97f4a7c15u; /* spreads over all words */
        if (i % 2)
            x[count] = (double)(int64_t)word * 0x1p-63 * (i % 4 == 1 ? 760 : 3);
        else
            memcpy(&x[count], &word, sizeof word);
        if (isfinite(x[count]) && ++count < 512) continue;
        check_doubles(x, count, map, exact, &worst);
        count = 0;
    }
    assert_true(worst > 0.4); /* the comparison does compare */
}

static void sigmoid_and_tanh_of_doubles_are_within_two_units(void **state) {
    (void)state;
    check_all_doubles(doubles->sigmoid, long_sigmoid); /* far below zero it is the exponential */
    check_all_doubles(doubles->tanh, tanhl);
    double x[] = {INFINITY, -INFINITY, NAN, 0.0, -0.0}, y[5];
    doubles->sigmoid(5, 0, x, y);
    assert_true(y[0] == 1 && y[1] == 0 && isnan(y[2]) && y[3] == 0.5 && y[4] == 0.5);
    doubles->tanh(5, 0, x, y);
    assert_true(y[0] == 1 && y[1] == -1 && isnan(y[2]) && y[3] == 0 && y[4] == 0 && signbit(y[4]));
}

/* The first instruction set's results are those of all. */
static void every_instruction_set_gives_the_same_bits(void **state) {
    (void)state;
    static double first[4][4096];
    static bool known;
    double x[4096], y[4096];
    for (int i = 0; i < 4096; i++) x[i] = (i - 2048) * 0.0371;
    tw_map const maps[] = {doubles->sigmoid, doubles->tanh};
    for (int m = 0; m < 2; m++) {
        maps[m](4096, 0, x, y);
        if (!known) memcpy(first[m], y, sizeof y);
        assert_memory_equal(y, first[m], sizeof y);
    }
    float narrow[4096], z[4096];
    for (int i = 0; i < 4096; i++) narrow[i] = (float)x[i];
    tw_map const narrow_maps[] = {sweeps->sigmoid, sweeps->tanh};
    for (int m = 0; m < 2; m++) {
        narrow_maps[m](4096, 0, narrow, z);
        if (!known) memcpy(first[2 + m], z, sizeof z);
        assert_memory_equal(z, first[2 + m], sizeof z);
    }
    known = true;
}

/* The exponential, through softmax over two numbers of which one is the largest: exp(x) / (exp(x) + 1). */
static void softmax_is_right_for_far_apart_numbers(void **state) {
    (void)state;
    for (float x = -110; x <= 0; x += 0.37f) {
        float in[] = {x, 0}, out[2];
        sweeps->softmax(1, 2, in, out);
        assert_true(distance(out[0], sigmoid_of((double)x)) <= 2.5);
        assert_true(distance(out[1], sigmoid_of(-(double)x)) <= 2.5);
    }
}

static void special_values_go_where_they_should(void **state) {
    (void)state;
    float x[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f}, y[5];
    sweeps->sigmoid(5, 0, x, y);
    assert_true(y[0] == 1 && y[1] == 0 && isnan(y[2]) && y[3] == 0.5f && y[4] == 0.5f);
    sweeps->tanh(5, 0, x, y);
    assert_true(y[0] == 1 && y[1] == -1 && isnan(y[2]) && y[3] == 0 && y[4] == 0 && signbit(y[4]));
    sweeps->relu(5, 0, x, y);
    assert_true(isinf(y[0]) && y[1] == 0 && isnan(y[2]));
}

static void ties_of_a_maximum_go_to_the_first(void **state) {
    (void)state;
    tw_pool pool = {
        .channels = 2, .in = {1, 1, 3}, .out = {1, 1, 1}, .kernel = {1, 1, 3}, .stride = {1, 1, 1}};
    const float x[] = {1, -INFINITY, 4, -INFINITY, 4, -INFINITY}, dy[] = {2, 3};
    float y[2], dx[6];
    int32_t taps[2];
    pool.tap_bytes = 4;
    sweeps->maxpool(&pool, 0, 1, x, y, taps);
    assert_true(y[0] == 4 && isinf(y[1]) && taps[0] == 1 && taps[1] == 0);
    sweeps->maxpool_back(&pool, 0, 1, taps, dy, dx);
    assert_memory_equal(dx, ((float[]){0, 3, 2, 0, 0, 0}), sizeof dx);
}

enum {
    IMAGES = 2,
    MOST_PIXELS = IMAGES * 3 * 9 * 9,
    MOST_CHANNELS = 130,
    MOST = MOST_PIXELS * MOST_CHANNELS
};

/* What a pool is to give, with a definition for each number. */
typedef struct pooled {
    float largest[MOST + 1], largest_dx[MOST + 1];
    double mean[MOST + 1], mean_dx[MOST + 1];
} pooled;

/* The pixel of image n under tap k of a window, as a number of channel 0; -1: outside. */
static int64_t pixel_under(const tw_pool *p, int64_t n, const int64_t o[3], int64_t k) {
    const int64_t tap[3] = {k / p->kernel[2] / p->kernel[1], k / p->kernel[2] % p->kernel[1],
                            k % p->kernel[2]};
    int64_t pixel = n;
    for (int a = 0; a < 3; a++) {
        const int64_t i = o[a] * p->stride[a] - p->pad[a] + tap[a];
        if (i < 0 || i >= p->in[a]) return -1;
        pixel = pixel * p->in[a] + i;
    }
    return pixel * p->channels;
}

/* One output: the first of the largest, the mean, and where their gradients go. */
static void pool_by_definition(const tw_pool *p, int64_t n, const int64_t o[3], int64_t c, const float *x,
                               const float *dy, pooled *to) {
    const int64_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int64_t out = (((n * p->out[0] + o[0]) * p->out[1] + o[1]) * p->out[2] + o[2]) * p->channels + c;
    int64_t best = -1, there = 0;
    double sum = 0;
    for (int64_t k = 0; k < taps; k++) {
        const int64_t in = pixel_under(p, n, o, k);
        if (in < 0) continue;
        if (best < 0 || x[in + c] > x[best]) best = in + c;
        sum += (double)x[in + c], there++;
    }
    const double pixels = (double)(p->countpad ? taps : there);
    to->largest[out] = x[best], to->largest_dx[best] += dy[out], to->mean[out] = sum / pixels;
    for (int64_t k = 0; k < taps; k++) {
        const int64_t in = pixel_under(p, n, o, k);
        if (in >= 0) to->mean_dx[in + c] += (double)dy[out] / pixels;
    }
}

static void expect(const tw_pool *p, const float *x, const float *dy, pooled *to) {
    const int64_t pixels = p->out[0] * p->out[1] * p->out[2];
    memset(to, 0, sizeof *to);
    for (int64_t i = 0; i < IMAGES * pixels; i++) {
        const int64_t at = i % pixels;
        const int64_t o[3] = {at / p->out[2] / p->out[1], at / p->out[2] % p->out[1], at % p->out[2]};
        for (int64_t c = 0; c < p->channels; c++) pool_by_definition(p, i / pixels, o, c, x, dy, to);
    }
}

static bool means_differ(const float *got, const double *expected, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - expected[i]) <= 1e-6 * (1 + fabs(expected[i])))) return true;
    return false;
}

/* The later two thirds of the rows first, so that what spills over the end of a range is seen. */
static void check_pool(const tw_pool *p) {
    static _Alignas(32) float x[MOST + 1], dy[MOST + 1], y[MOST + 1], dx[MOST + 1];
    static int32_t taps[MOST + 1]; /* or bytes */
    tw_pool without = *p;
    without.tap_bytes = 0;
    static pooled expected;
    const int64_t in = p->in[0] * p->in[1] * p->in[2] * p->channels, ins = IMAGES * in;
    const int64_t outs = IMAGES * p->out[0] * p->out[1] * p->out[2] * p->channels;
    const int64_t rows = IMAGES * p->out[0] * p->out[1], lines = IMAGES * p->in[0] * p->in[1];
    assert_true(ins <= MOST && outs <= MOST);
    for (int i = 0; i <= MOST; i++) {
        x[i] = (float)(i * 7919 % 13); /* with ties */
        dy[i] = (float)(1 + i % 5);
        y[i] = dx[i] = 99;
    }
    expect(p, x, dy, &expected);
    for (int late = 1; late >= 0; late--)
        sweeps->maxpool(p, late * (rows / 3), late ? rows : rows / 3, x, y, taps);
    for (int late = 1; late >= 0; late--)
        sweeps->maxpool_back(p, late * (lines / 3), late ? lines : lines / 3, taps, dy, dx);
    assert_memory_equal(y, expected.largest, (size_t)outs * sizeof *y);
    assert_memory_equal(dx, expected.largest_dx, (size_t)ins * sizeof *dx);
    sweeps->maxpool(&without, 0, rows, x, y, NULL);
    assert_memory_equal(y, expected.largest, (size_t)outs * sizeof *y);
    for (int late = 1; late >= 0; late--) sweeps->avgpool(p, late * (rows / 3), late ? rows : rows / 3, x, y);
    for (int late = 1; late >= 0; late--)
        sweeps->avgpool_back(p, late * (lines / 3), late ? lines : lines / 3, dy, dx);
    assert_false(means_differ(y, expected.mean, outs));
    assert_false(means_differ(dx, expected.mean_dx, ins));
    assert_true(dx[ins] == 99 && y[outs] == 99);
}

static void pools_and_their_gradients_are_those_of_the_definition(void **state) {
    (void)state;
    static const int64_t channels[] = {1, 3, 6, 8, 16, 20, 130};
    for (int i = 0; i < 7 * 4 * 3 * 2 * 3 * 3; i++) {
        int64_t kernel = 1 + i / 7 % 4, stride = 1 + i / 28 % 3, pad = i / 84 % 2, size = 7 + i / 168 % 3;
        int form = i / 504; /* a square; one taller than wide; a box */
        if (pad >= kernel) continue;
        tw_pool p = {.channels = channels[i % 7], .in = {form == 2 ? 3 : 1, size, size}, .countpad = i % 2};
        p.fetches = i % 3 == 0, p.tap_bytes = i % 5 ? 1 : 4, p.streams = p.channels % 8 == 0 && i % 2;
        for (int a = 0; a < 3; a++) {
            bool one = a == 0 && form < 2;
            p.kernel[a] = one ? 1 : form == 1 && a == 1 ? kernel + 1 : a == 0 ? tw_min(kernel, 2) : kernel;
            p.stride[a] = one ? 1 : a == 0 ? tw_min(stride, 2) : stride;
            p.pad[a] = one || a == 0 ? 0 : pad;
            p.out[a] = (p.in[a] + 2 * p.pad[a] - p.kernel[a]) / p.stride[a] + 1;
        }
        check_pool(&p);
    }
}

enum { NORM_ROWS = 50, NORM_CHANNELS = 27 };

/* Batch norm's sums over rows of channels far from zero, against sums in higher precision. */
static void moments_are_sums_and_squares_around_the_mean(void **state) {
    (void)state;
    static float x[NORM_ROWS][NORM_CHANNELS];
    double sum[NORM_CHANNELS], squares[NORM_CHANNELS];
    for (int i = 0; i < NORM_ROWS * NORM_CHANNELS; i++)
        x[i / NORM_CHANNELS][i % NORM_CHANNELS] = 1000 + (float)(i * 7919 % 1013) / 1013;
    sweeps->moments(NORM_ROWS, NORM_CHANNELS, x, sum, squares);
    for (int c = 0; c < NORM_CHANNELS; c++) {
        long double total = 0, around = 0;
        for (int r = 0; r < NORM_ROWS; r++) total += (long double)x[r][c];
        for (int r = 0; r < NORM_ROWS; r++) {
            long double d = (long double)x[r][c] - total / NORM_ROWS;
            around += d * d;
        }
        assert_true(fabsl((long double)sum[c] - total) <= 1e-13L * total);
        assert_true(fabsl((long double)squares[c] - around) <= 1e-11L * around);
    }
}

/* Where a ramp holds z, or z is one of its bounds, no gradient passes. */
static bool is_held(tw_ramp ramp, float z) {
    return (ramp != TW_NO_RAMP && z <= 0) || (ramp == TW_RELU6 && z >= 6);
}

static float after(tw_ramp ramp, float z) {
    return !is_held(ramp, z) ? z : z <= 0 ? 0 : 6;
}

/* On whole numbers, where nothing rounds: some are exactly 0 or 6. */
static void batch_norm_follows_its_formulas(void **state) {
    (void)state;
    float x[NORM_ROWS][NORM_CHANNELS], dy[NORM_ROWS][NORM_CHANNELS], y[NORM_ROWS][NORM_CHANNELS],
        more[NORM_ROWS][NORM_CHANNELS], dx[NORM_ROWS][NORM_CHANNELS], per[5][NORM_CHANNELS];
    double sum[NORM_CHANNELS], products[NORM_CHANNELS];
    for (int c = 0; c < NORM_CHANNELS; c++)
        for (int i = 0; i < 5; i++) per[i][c] = (float)((c * 3 + i * 5) % 7 - 3);
    for (int i = 0; i < NORM_ROWS * NORM_CHANNELS; i++) {
        int r = i / NORM_CHANNELS, c = i % NORM_CHANNELS;
        x[r][c] = (float)(i * 31 % 17 - 8), dy[r][c] = (float)(i * 13 % 11 - 5);
        more[r][c] = (float)(i * 17 % 5 - 2);
    }
    for (tw_ramp ramp = TW_NO_RAMP; ramp <= TW_RELU6; ramp++) {
        tw_norm norm = {NORM_CHANNELS, per[0], per[1], per[2], ramp, false};
        sweeps->normalise(NORM_ROWS, &norm, x, more, y);
        sweeps->back_sums(NORM_ROWS, &norm, x, dy, sum, products);
        sweeps->normalise_back(NORM_ROWS, &norm, per[3], per[4], x, dy, dx);
        for (int c = 0; c < NORM_CHANNELS; c++) {
            float total = 0, product = 0;
            for (int r = 0; r < NORM_ROWS; r++) {
                float off = x[r][c] - per[0][c], z = off * per[1][c] + per[2][c];
                float d = is_held(ramp, z) ? 0 : dy[r][c], out = z + more[r][c];
                total += d, product += d * off;
                assert_true(y[r][c] == after(ramp, out));
                assert_true(dx[r][c] == d * per[1][c] + off * per[3][c] + per[4][c]);
            }
            assert_true(sum[c] == (double)total && products[c] == (double)product);
        }
    }
}

/* With every instruction set of this machine. */
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigmoid_and_tanh_are_within_two_units_everywhere),
        cmocka_unit_test(sigmoid_and_tanh_of_doubles_are_within_two_units),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(softmax_is_right_for_far_apart_numbers),
        cmocka_unit_test(special_values_go_where_they_should),
        cmocka_unit_test(ties_of_a_maximum_go_to_the_first),
        cmocka_unit_test(pools_and_their_gradients_are_those_of_the_definition),
        cmocka_unit_test(moments_are_sums_and_squares_around_the_mean),
        cmocka_unit_test(batch_norm_follows_its_formulas),
    };
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!tw_cpu_has(kernels[i]->needs)) continue;
        sweeps = kernels[i]->sweeps[TW_F32];
        doubles = kernels[i]->sweeps[TW_F64];
        failed += cmocka_run_group_tests_name(kernels[i]->name, tests, NULL, NULL);
    }
    return failed;
}

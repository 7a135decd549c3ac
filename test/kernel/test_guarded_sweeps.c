/* The loops of everything that is not a convolution, and Winograd's transforms, each with every buffer
 * between pages that cannot be touched: all instruction sets and types, odd sizes, flush with the page behind
 * and with the one before. What they write has the bits that the scalar ones write. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/random.h"
#include "fence.h"
#include "kernel/kernel.h"

enum { X = 0, X2, Y, DY, DX, MEAN, SCALE, SHIFT, SLOPE, BITS, ROWS = 3, CHANNELS = 67 };

/* Who is tested, and where its buffers lie. */
typedef struct subject {
    const tw_sweeps *sweeps;
    const tw_loops *loops;
    tw_type type;
    bool at_end;
} subject;

/* What the scalar loops wrote, in the order of the calls. */
static unsigned char written[1 << 23];
static size_t written_bytes;
static bool is_first; /* it is being written down */

static void keep(const void *at, size_t bytes) {
    assert_true(written_bytes + bytes <= sizeof written);
    if (is_first)
        memcpy(written + written_bytes, at, bytes);
    else
        assert_memory_equal(written + written_bytes, at, bytes);
    written_bytes += bytes;
}

static void keep_numbers(const subject *s, const void *at, int64_t count) {
    keep(at, (size_t)count * tw_type_size(s->type));
}

static void *room(const subject *s, int buffer, int64_t count) {
    return fence_place(buffer, (size_t)count * tw_type_size(s->type), s->at_end);
}

/* Exactly `count` numbers of -2 .. 2. */
static void *drawn(const subject *s, int buffer, int64_t count) {
    void *numbers = room(s, buffer, count);
    tw_random r = tw_random_stream(12, TW_RANDOM_TEST, (uint64_t)count, (uint32_t)buffer);
    for (int64_t i = 0; i < count; i++) s->sweeps->set(numbers, i, tw_random_uniform(&r) * 4 - 2);
    return numbers;
}

static void each_subject(void (*check)(const subject *s)) {
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (int type = TW_F32; type <= TW_F64; type++)
        for (size_t k = 0; k < count; k++)
            for (int at_end = 0; at_end < 2; at_end++) {
                if (!tw_cpu_has(kernels[k]->needs)) continue;
                is_first = k == 0 && at_end == 0;
                written_bytes = 0;
                check(&(subject){kernels[k]->sweeps[type], kernels[k]->loops[type], (tw_type)type, at_end});
            }
}

/* ---- Number by number. */

static void check_maps(const subject *s, int64_t n) {
    const tw_map maps[] = {s->sweeps->relu, s->sweeps->relu6, s->sweeps->leaky, s->sweeps->sigmoid,
                           s->sweeps->tanh};
    const tw_map_back backs[] = {s->sweeps->relu_back, s->sweeps->relu6_back, s->sweeps->leaky_back,
                                 s->sweeps->sigmoid_back, s->sweeps->tanh_back};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        const void *x = drawn(s, X, n), *dy = drawn(s, DY, n);
        void *y = room(s, Y, n), *dx = room(s, DX, n);
        maps[i](n, 0.125, x, y);
        backs[i](n, 0.125, x, y, dy, dx);
        keep_numbers(s, y, n), keep_numbers(s, dx, n);
    }
}

static void check_elementwise(const subject *s) {
    for (int64_t n = 1; n < 80; n += 1 + n / 20) {
        check_maps(s, n);
        void *y = room(s, Y, n);
        for (int ramp = TW_NO_RAMP; ramp <= TW_RELU6; ramp++) {
            s->sweeps->add(n, (tw_ramp)ramp, drawn(s, X, n), drawn(s, X2, n), y);
            keep_numbers(s, y, n);
        }
        uint32_t *bits = fence_place(BITS, (size_t)n * sizeof *bits, s->at_end);
        for (int64_t i = 0; i < n; i++) bits[i] = (uint32_t)i * 2654435769u;
        s->sweeps->drop(n, bits, 1u << 31, 2, drawn(s, X, n), y);
        keep_numbers(s, y, n);
        const int64_t largest = s->sweeps->largest(n, drawn(s, X, n));
        keep(&largest, sizeof largest);
    }
}

static void elementwise_loops_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_elementwise);
}

/* A step whose last weight ends up as it is given: a number, or none. */
static void check_update(const subject *s, int64_t n, double last) {
    bool (*const steps[])(const tw_update *) = {s->sweeps->sgd, s->sweeps->adam};
    for (int i = 0; i < 4; i++) {
        tw_update u = {.n = n, .gradient = drawn(s, DY, n), .from = drawn(s, X, n), .nesterov = i / 2};
        u.rate = 0.125, u.decay = 0.0625, u.momentum = 0.875, u.beta2 = 0.75, u.epsilon = 1e-8;
        u.correction1 = 1.5, u.correction2 = 1.25;
        u.to = room(s, Y, n), u.first = drawn(s, X2, n), u.second = room(s, SLOPE, n);
        for (int64_t k = 0; k < n; k++) s->sweeps->set(u.second, k, (double)k / 4);
        if (!isfinite(last)) s->sweeps->set((void *)u.from, n - 1, last);
        assert_int_equal(steps[i % 2](&u), isfinite(last));
        keep_numbers(s, u.to, n - 1), keep_numbers(s, u.first, n), keep_numbers(s, u.second, n);
    }
}

static void check_updates(const subject *s) {
    for (int64_t n = 1; n < 80; n += 1 + n / 10)
        check_update(s, n, 0), check_update(s, n, INFINITY), check_update(s, n, NAN);
}

static void steps_of_optimisers_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_updates);
}

/* ---- Row by row. */

static void check_loss(const subject *s, int64_t n, bool one_hot) {
    void (*const losses[])(tw_loss_row *) = {s->sweeps->cross_entropy, s->sweeps->squared_error};
    for (int i = 0; i < 2; i++) {
        tw_loss_row row = {.n = n, .z = drawn(s, X, n), .target = one_hot ? NULL : drawn(s, X2, n)};
        row.label = (int32_t)(n / 2), row.scale = 0.25, row.dz = room(s, DX, n);
        losses[i](&row);
        keep_numbers(s, row.dz, n), keep(&row.loss, sizeof row.loss);
        row.dz = NULL;
        losses[i](&row);
        keep(&row.loss, sizeof row.loss);
    }
}

static void check_rows(const subject *s) {
    for (int64_t n = 1; n < 80; n += 1 + n / 10) {
        void *y = room(s, Y, ROWS * n), *dx = room(s, DX, ROWS * n);
        s->sweeps->softmax(ROWS, n, drawn(s, X, ROWS * n), y);
        s->sweeps->softmax_back(ROWS, n, y, drawn(s, DY, ROWS * n), dx);
        keep_numbers(s, y, ROWS * n), keep_numbers(s, dx, ROWS * n);
        check_loss(s, n, true), check_loss(s, n, false);
    }
}

static void softmax_and_losses_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_rows);
}

/* ---- Channel by channel. */

static void check_sums(const subject *s, const tw_norm *norm) {
    const int64_t channels = norm->channels, count = ROWS * channels;
    const size_t bytes = (size_t)channels * sizeof(double);
    const void *x = drawn(s, X, count), *dy = drawn(s, DY, count);
    double *sum = fence_place(BITS, bytes, s->at_end), *other = fence_place(Y, bytes, s->at_end);
    s->sweeps->moments(ROWS, channels, x, sum, other), keep(sum, bytes), keep(other, bytes);
    s->sweeps->back_sums(ROWS, norm, x, dy, sum, other), keep(sum, bytes), keep(other, bytes);
}

static void check_norm(const subject *s, const tw_norm *norm) {
    const int64_t count = ROWS * norm->channels;
    void *y = room(s, Y, count), *dx = room(s, DX, count);
    s->sweeps->normalise(ROWS, norm, drawn(s, X, count), NULL, y), keep_numbers(s, y, count);
    s->sweeps->normalise(ROWS, norm, drawn(s, X, count), drawn(s, X2, count), y), keep_numbers(s, y, count);
    s->sweeps->normalise_back(ROWS, norm, drawn(s, SLOPE, norm->channels), drawn(s, BITS, norm->channels),
                              drawn(s, X, count), drawn(s, DY, count), dx);
    keep_numbers(s, dx, count);
}

static void check_norms(const subject *s) {
    for (int64_t channels = 1; channels <= CHANNELS; channels++) {
        const int64_t count = ROWS * channels;
        tw_norm norm = {channels,
                        drawn(s, MEAN, channels),
                        drawn(s, SCALE, channels),
                        drawn(s, SHIFT, channels),
                        (tw_ramp)(channels % 3),
                        channels % 8 == 0};
        check_sums(s, &norm);
        check_norm(s, &norm);
        void *y = room(s, Y, count), *dx = room(s, DX, count);
        y = room(s, Y, channels);
        s->sweeps->globalavg(ROWS, channels, drawn(s, X, count), y);
        s->sweeps->globalavg_back(ROWS, channels, drawn(s, DY, channels), dx);
        keep_numbers(s, y, channels), keep_numbers(s, dx, count);
    }
}

static void batch_norm_and_means_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_norms);
}

/* ---- Windows. */

enum { POOLS = 7 };

static tw_pool pool_of(int64_t channels, int number) {
    static const int64_t kernel[POOLS] = {2, 3, 3, 5, 2, 3, 3}, stride[POOLS] = {2, 2, 1, 3, 2, 3, 2};
    static const int64_t pad[POOLS] = {0, 1, 1, 2, 0, 0, 1}, height[POOLS] = {7, 7, 7, 7, 6, 9, 5};
    tw_pool p = {.channels = channels, .in = {1, 0, 9}, .out = {1, 1, 1}, .kernel = {1, 1, 1}};
    p.in[1] = height[number];
    if (number == 4) p.in[2] = 8;  /* windows up to the image's end */
    if (number == 6) p.in[2] = 34; /* with many channels lines that are fetched ahead */
    p.stride[0] = 1, p.countpad = number % 2, p.fetches = true;
    for (int a = 1; a < 3; a++) {
        p.kernel[a] = kernel[number], p.stride[a] = stride[number], p.pad[a] = pad[number];
        p.out[a] = (p.in[a] + 2 * p.pad[a] - p.kernel[a]) / p.stride[a] + 1;
    }
    return p;
}

static void check_maximum(const subject *s, tw_pool p, int bytes, int64_t images) {
    const int64_t ins = p.in[1] * p.in[2] * p.channels, outs = p.out[1] * p.out[2] * p.channels;
    const int64_t rows = images * p.out[1];
    const size_t taps_bytes = (size_t)(images * outs * bytes);
    const void *x = drawn(s, X, images * ins);
    void *y = room(s, Y, images * outs), *dx = room(s, DX, ins),
         *taps = fence_place(BITS, taps_bytes, s->at_end);
    p.tap_bytes = bytes;
    s->sweeps->maxpool(&p, 0, rows, x, y, taps);
    keep_numbers(s, y, images * outs), keep(taps, taps_bytes);
    if (bytes == 0) return;
    void *last = fence_place(SLOPE, taps_bytes / (size_t)images, s->at_end); /* of the last image alone */
    memcpy(last, (char *)taps + taps_bytes - taps_bytes / (size_t)images, taps_bytes / (size_t)images);
    s->sweeps->maxpool_back(&p, 0, p.in[1], last, drawn(s, DY, outs), dx), keep_numbers(s, dx, ins);
}

static void check_pool(const subject *s, const tw_pool *p) {
    enum { IMAGES = 2 };
    const int64_t ins = p->in[1] * p->in[2] * p->channels, outs = p->out[1] * p->out[2] * p->channels;
    const int64_t rows = IMAGES * p->out[1];
    const void *x = drawn(s, X, IMAGES * ins);
    void *y = room(s, Y, IMAGES * outs), *dx = room(s, DX, ins);
    for (int bytes = 0; bytes <= 4; bytes = bytes ? 4 * bytes : 1) check_maximum(s, *p, bytes, IMAGES);
    s->sweeps->avgpool(p, 0, rows, x, y), keep_numbers(s, y, IMAGES * outs);
    const void *dy = drawn(s, DY, outs);
    s->sweeps->avgpool_back(p, 0, p->in[1], dy, dx), keep_numbers(s, dx, ins);
}

static void check_pools(const subject *s) {
    for (int64_t channels = 1; channels <= CHANNELS; channels += 1 + channels / 4)
        for (int number = 0; number < POOLS; number++) {
            tw_pool p = pool_of(channels, number);
            check_pool(s, &p);
            p.channels = tw_round_up(channels, 8), p.streams = true;
            if (channels % 3 == 0) check_pool(s, &p);
        }
}

static void pools_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_pools);
}

/* ---- Winograd's transforms. */

/* Every pixel of a patch lies flush with a page that cannot be touched. */
static void check_patches(const subject *s, const tw_winograd *w, int side, int64_t channels) {
    const void *pixels[TW_WINOGRAD_POINTS];
    const int64_t v_point = channels + 1, points = side * side;
    const void *x = drawn(s, X, channels), *x2 = drawn(s, X2, channels);
    for (int i = 0; i < points; i++) pixels[i] = i % 3 ? x : x2;
    void *v = room(s, Y, (points - 1) * v_point + channels);
    tw_winograd_patch patch = {.pixels = pixels, .channels = channels, .v = v, .v_point = v_point};
    w->patch(&patch), keep_numbers(s, v, (points - 1) * v_point + channels);
    w->spread(&patch), keep_numbers(s, v, (points - 1) * v_point + channels);
}

static void check_filters(const subject *s, const tw_winograd *w, int side, int64_t columns) {
    const int64_t u_point = columns + 3, numbers = (side * side - 1) * u_point + columns;
    tw_winograd_filter f = {.g = drawn(s, X, 9 * columns), .columns = columns};
    f.u = room(s, Y, numbers), f.u_point = u_point;
    w->filter(&f), keep_numbers(s, f.u, numbers);
    f.u = drawn(s, Y, numbers), f.g = room(s, X, 9 * columns);
    w->gradient(&f), keep_numbers(s, f.g, 9 * columns);
}

static void check_results(const subject *s, const tw_winograd *w, int side, int64_t columns) {
    enum { WIDEST = 16 };
    const int64_t wide = tw_round_up(columns, WIDEST), read = tw_round_up(columns, s->loops->lanes);
    const void *bias = drawn(s, SHIFT, columns);
    for (int cut = 0; cut < 2; cut++) {
        tw_winograd_result r = {.m_point = wide, .columns = columns, .bias = cut ? NULL : bias};
        r.rows = side - 2 - cut, r.cols = side - 2, r.y_col = columns + 1, r.y_row = r.cols * r.y_col + 2;
        const int64_t numbers = (r.rows - 1) * r.y_row + (r.cols - 1) * r.y_col + columns;
        r.y = room(s, Y, numbers);
        const void *all = drawn(s, DY, side * side * wide); /* the same numbers for every vector length */
        const size_t bytes = (size_t)((side * side - 1) * wide + read) * tw_type_size(s->type);
        r.m = memcpy(fence_place(DX, bytes, s->at_end), all, bytes);
        w->result(&r), keep_numbers(s, r.y, numbers);
    }
}

static void check_winograd(const subject *s) {
    static const int sides[] = {4, 6};
    for (int i = 0; i < 2; i++)
        for (int64_t channels = 1; channels < 60; channels += 1 + channels / 6) {
            check_patches(s, s->loops->winograd[i], sides[i], channels);
            check_filters(s, s->loops->winograd[i], sides[i], tw_round_up(channels, 16));
            check_results(s, s->loops->winograd[i], sides[i], channels);
        }
}

static void winograds_transforms_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_winograd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise_loops_keep_within_their_buffers),
        cmocka_unit_test(steps_of_optimisers_keep_within_their_buffers),
        cmocka_unit_test(softmax_and_losses_keep_within_their_buffers),
        cmocka_unit_test(batch_norm_and_means_keep_within_their_buffers),
        cmocka_unit_test(pools_keep_within_their_buffers),
        cmocka_unit_test(winograds_transforms_keep_within_their_buffers),
    };
    return cmocka_run_group_tests(tests, fences_raise, NULL);
}

/* Winograd's convolution against the sums over taps in f64: bounds on several distributions, every padding,
 * layout, group and odd size; the same bits whatever threads, batch and instruction set; not a byte touched
 * outside. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "conv/algorithm.h"
#include "shape/taps.h"

extern const tw_algorithm tw_algorithm_winograd_4, tw_algorithm_winograd_2;
static const tw_algorithm *const algorithms[] = {&tw_algorithm_winograd_4, &tw_algorithm_winograd_2};
enum { ALGORITHMS = 2 };

/* ---- Geometries. */

typedef struct shape_case {
    int64_t batch, height, width, in, out, groups;
    int64_t pad[4]; /* top, left, bottom, right */
    tw_pad_mode mode;
    tw_layout layout;
    bool transposed, flipped;
} shape_case;

static const shape_case cases[] = {
    {1, 14, 14, 32, 32, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {2, 9, 13, 17, 35, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {2, 9, 13, 17, 35, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NCHW, false, false},
    {3, 7, 7, 8, 3, 1, {0, 0, 0, 0}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {1, 3, 3, 9, 1, 1, {0, 0, 0, 0}, TW_PAD_ZEROS, TW_NCHW, false, false},
    {1, 5, 8, 16, 20, 1, {2, 0, 1, 2}, TW_PAD_ZEROS, TW_NHWC, false, true},
    {1, 4, 6, 8, 8, 1, {2, 2, 2, 2}, TW_PAD_ZEROS, TW_NCHW, false, false},
    {2, 6, 11, 48, 80, 4, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {2, 6, 11, 24, 30, 3, {0, 1, 1, 0}, TW_PAD_ZEROS, TW_NCHW, false, true},
    {1, 8, 9, 20, 12, 1, {1, 2, 2, 1}, TW_PAD_REFLECT, TW_NHWC, false, false},
    {1, 8, 9, 20, 12, 2, {1, 2, 2, 1}, TW_PAD_REPLICATE, TW_NCHW, false, false},
    {1, 3, 5, 10, 12, 1, {3, 2, 1, 1}, TW_PAD_CIRCULAR, TW_NHWC, false, false},
    {2, 10, 7, 24, 16, 2, {1, 0, 1, 2}, TW_PAD_ZEROS, TW_NHWC, true, false},
    {1, 1, 1, 40, 40, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {1, 6, 6, 200, 70, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {1, 3, 5, 280, 300, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false}, /* all panels of a point */
    {5, 23, 22, 12, 20, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NCHW, false, false}, /* several chunks of tiles */
    {3, 30, 31, 36, 40, 2, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},
    {1, 100, 97, 8, 9, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false}, /* more chunks than slots */
    {2, 61, 70, 9, 8, 1, {1, 0, 1, 1}, TW_PAD_ZEROS, TW_NCHW, false, true},
    {33, 5, 5, 64, 80, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false},   /* chunks of one large sum */
    {20, 23, 22, 24, 30, 2, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NCHW, false, false}, /* turned in two rounds */
};
enum { CASES = sizeof cases / sizeof *cases };

static tw_geometry geometry_of(const shape_case *c) {
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = c->batch, g.in_channels = c->in, g.out_channels = c->out, g.groups = c->groups;
    g.input[0] = c->height, g.input[1] = c->width;
    g.pad_mode = c->mode, g.layout = c->layout, g.transposed = c->transposed, g.flipped = c->flipped;
    for (int a = 0; a < 2; a++) {
        g.kernel[a] = 3;
        g.pad_begin[a] = c->pad[a], g.pad_end[a] = c->pad[2 + a];
    }
    return g;
}

static tw_problem problem_of(const tw_geometry *g, tw_type type, const tw_kernel *kernel, int threads) {
    tw_problem p = {.type = type, .kernel = kernel, .loops = kernel->loops[type], .threads = threads};
    assert_int_equal(tw_shape_create(&p.shape, g), TW_OK);
    return p;
}

/* ---- Running, and what is expected. */

/* What is read first (x or dy), second (w, or dy where the weights' gradient is asked for), and what is
 * written. */
static int64_t read_count(const tw_problem *p, tw_pass pass) {
    return pass == TW_BACKWARD_DATA ? p->shape.out_count : p->shape.in_count;
}

static int64_t second_count(const tw_problem *p, tw_pass pass) {
    return pass == TW_BACKWARD_WEIGHTS ? p->shape.out_count : p->shape.w_count;
}

static int64_t written_count(const tw_problem *p, tw_pass pass) {
    return pass == TW_BACKWARD_WEIGHTS ? p->shape.w_count
           : pass == TW_FORWARD        ? p->shape.out_count
                                       : p->shape.in_count;
}

static void apply(const tw_algorithm *a, const tw_problem *p, tw_pass pass, const void *read, const void *w,
                  const void *bias, void *written) {
    void *state;
    assert_int_equal(a->prepare(p, pass, &state), TW_OK);
    int64_t bytes = a->packed_bytes(p, pass, state);
    void *packed = tw_alloc(bytes, 1);
    void *workspace = tw_alloc(a->workspace(p, pass, state, p->threads), 1);
    if (bytes > 0) a->pack(p, pass, state, w, packed, p->threads);
    tw_job job = {.problem = p, .pass = pass, .state = state, .packed = packed, .bias = bias};
    job.workspace = workspace, job.threads = p->threads;
    if (pass == TW_FORWARD) job.x = read, job.y = written;
    if (pass == TW_BACKWARD_DATA) job.dy = read, job.dx = written;
    if (pass == TW_BACKWARD_WEIGHTS) job.x = read, job.dy = w, job.dw = written;
    a->run(&job);
    a->release(state);
    tw_free(packed);
    tw_free(workspace);
}

/* One image's sums over taps, and over their absolute values. */
typedef struct exact {
    tw_pass pass;
    bool transposed; /* then the walk's `out` is x of the base, and `in` is y */
    const float *read, *second;
    double *sum, *size;
} exact;

static void visit(void *context, tw_tap tap) {
    exact *e = context;
    int64_t in = e->transposed ? tap.out : tap.in, out = e->transposed ? tap.in : tap.out;
    int64_t to = e->pass == TW_FORWARD ? out : e->pass == TW_BACKWARD_DATA ? in : tap.weight;
    double product = (double)e->read[e->pass == TW_BACKWARD_DATA ? out : in] *
                     e->second[e->pass == TW_BACKWARD_WEIGHTS ? out : tap.weight];
    e->sum[to] += product;
    e->size[to] += fabs(product);
}

static void walk(const tw_problem *p, tw_pass pass, const float *read, const float *w, double *sum,
                 double *size) {
    const tw_shape *s = &p->shape;
    bool weights = pass == TW_BACKWARD_WEIGHTS;
    for (int64_t image = 0; image < s->batch; image++) {
        int64_t to = weights ? 0 : image * written_count(p, pass) / s->batch;
        exact e = {
            pass,     s->geometry.transposed, read + image * read_count(p, pass) / s->batch, w, sum + to,
            size + to};
        if (weights) e.second += image * s->out_image;
        tw_taps_walk(s, visit, &e);
    }
}

/* ---- Numbers. */

typedef float draw(tw_random *random);

static float normal(tw_random *r) {
    return (float)tw_random_normal(r);
}

static float uniform(tw_random *r) {
    return (float)(2 * tw_random_uniform(r) - 1);
}

static float positive(tw_random *r) {
    return (float)tw_random_uniform(r);
}

static float constant(tw_random *r) {
    (void)r;
    return 1.2345678f;
}

static float rectified(tw_random *r) {
    float x = normal(r);
    return x > 0 ? x : 0;
}

static float spiky(tw_random *r) {
    return tw_random_uniform(r) < 0.02 ? 1e4f * normal(r) : normal(r);
}

static float ranging(tw_random *r) { /* over 15 decades */
    return normal(r) * (float)exp(6 * tw_random_normal(r));
}

static float whole(tw_random *r) {
    return (float)tw_random_below(r, 9) - 4;
}

static float *drawn(uint64_t seed, uint32_t stream, int64_t count, draw *one) {
    tw_random r = tw_random_stream(seed, TW_RANDOM_TEST, 0, stream);
    float *x = tw_alloc(count, sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = one(&r);
    return x;
}

/* For each algorithm that takes it, the largest of |y - exact| / (2^-24 sum |x||w|) over all outputs. */
static void worst(const tw_problem *p, tw_pass pass, draw *numbers, draw *weights, double most[ALGORITHMS]) {
    int64_t count = written_count(p, pass);
    float *x = drawn(1, 1, read_count(p, pass), numbers), *w = drawn(1, 2, second_count(p, pass), weights);
    float *y = tw_alloc(count, sizeof *y);
    double *sum = tw_alloc_zero(count, sizeof *sum), *size = tw_alloc_zero(count, sizeof *size);
    walk(p, pass, x, w, sum, size);
    for (int a = 0; a < ALGORITHMS; a++) {
        most[a] = 0;
        if (algorithms[a]->declines(p, pass)) continue;
        for (int64_t i = 0; i < count; i++) y[i] = NAN; /* what is not written stays so */
        apply(algorithms[a], p, pass, x, w, NULL, y);
        for (int64_t i = 0; i < count; i++) {
            double error = fabs(y[i] - sum[i]), unit = ldexp(size[i], -24);
            if (isnan(error)) error = INFINITY;
            if (unit > 0 || error > 0) most[a] = fmax(most[a], error / unit);
        }
    }
    tw_free(x), tw_free(w), tw_free(y), tw_free(sum), tw_free(size);
}

/* ---- Tests. */

static void errors_stay_within_the_bound_for_numbers_of_one_size(void **state) {
    (void)state;
    static const struct {
        draw *numbers, *weights;
        double most[ALGORITHMS];
    } rows[] = {
        {normal, normal, {128, 8}},      {uniform, uniform, {128, 8}}, {positive, normal, {128, 8}},
        {rectified, normal, {128, 8}},   {constant, normal, {128, 8}}, {positive, positive, {128, 64}},
        {constant, constant, {128, 64}},
    };
    for (int c = 8; c <= 512; c *= 8)
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
            for (tw_pass pass = TW_FORWARD; pass <= TW_BACKWARD_WEIGHTS; pass++) {
                shape_case s = {1, 8, 8, c, c, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false};
                if (pass != TW_BACKWARD_DATA) s.out = 8;
                if (pass == TW_BACKWARD_DATA) s.in = 8;
                tw_geometry g = geometry_of(&s);
                tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 1);
                double most[ALGORITHMS];
                worst(&p, pass, rows[row].numbers, rows[row].weights, most);
                for (int i = 0; i < ALGORITHMS; i++) {
                    double allowed = rows[row].most[i] * (i == 1 && pass == TW_BACKWARD_WEIGHTS ? 2 : 1);
                    assert_false(algorithms[i]->declines(&p, pass));
                    if (!(most[i] <= allowed))
                        fail_msg("%s, %d channels, row %zu, pass %d: %g", algorithms[i]->name, c, row,
                                 (int)pass, most[i]);
                }
            }
}

/* Where sizes differ wildly within a patch the error is that of its largest numbers: with s the sum over
 * channels of (largest |x| of the image) * (sum of |w|), which is never smaller than sum |x||w|. */
static void errors_stay_within_the_bound_of_the_largest_number_for_any_numbers(void **state) {
    (void)state;
    static const struct {
        draw *numbers, *weights;
    } rows[] = {{spiky, normal}, {spiky, spiky}, {ranging, normal}, {ranging, ranging}};
    enum { SIDE = 4, C = 16, K = 8 };
    shape_case s = {1, SIDE, SIDE, C, K, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false};
    tw_geometry g = geometry_of(&s);
    tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 1);
    for (uint64_t seed = 0; seed < 50; seed++)
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
            for (int i = 0; i < ALGORITHMS; i++) {
                float *x = drawn(seed, 1, p.shape.in_count, rows[row].numbers);
                float *w = drawn(seed, 2, p.shape.w_count, rows[row].weights), y[SIDE * SIDE * K];
                double sum[SIDE * SIDE * K] = {0}, size[SIDE * SIDE * K] = {0}, unit[K] = {0};
                walk(&p, TW_FORWARD, x, w, sum, size);
                apply(algorithms[i], &p, TW_FORWARD, x, w, NULL, y);
                for (int c = 0; c < C; c++) {
                    double most = 0;
                    for (int pixel = 0; pixel < SIDE * SIDE; pixel++)
                        most = fmax(most, fabs(x[pixel * C + c]));
                    for (int k = 0; k < K; k++)
                        for (int tap = 0; tap < 9; tap++) unit[k] += most * fabs(w[(k * C + c) * 9 + tap]);
                }
                for (int j = 0; j < SIDE * SIDE * K; j++)
                    assert_true(fabs(y[j] - sum[j]) <= ldexp(unit[j % K], -24) * (i == 0 ? 128 : 8));
                tw_free(x), tw_free(w);
            }
}

static void every_padding_layout_group_and_odd_size_is_right(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        for (tw_pass pass = TW_FORWARD; pass <= TW_BACKWARD_WEIGHTS; pass++) {
            tw_geometry g = geometry_of(&cases[c]);
            tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 2);
            double most[ALGORITHMS];
            worst(&p, pass, uniform, uniform, most);
            for (int i = 0; i < ALGORITHMS; i++) {
                if (algorithms[i]->declines(&p, pass))
                    assert_true(pass == TW_BACKWARD_WEIGHTS
                                    ? p.shape.out_pixels < 16
                                    : cases[c].mode != TW_PAD_ZEROS || cases[c].out < 8);
                if (!(most[i] <= 128))
                    fail_msg("case %d, %s, pass %d: %g", c, algorithms[i]->name, (int)pass, most[i]);
            }
        }
}

/* The points of F(2x2) are 0, 1, -1: small integers stay exact, bias and all. */
static void tiles_of_2x2_are_exact_on_small_integers(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++) {
        tw_geometry g = geometry_of(&cases[c]);
        tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 1);
        tw_pass pass = cases[c].transposed ? TW_BACKWARD_DATA : TW_FORWARD;
        int64_t count = written_count(&p, pass), channels = cases[c].out,
                pixels = count / cases[c].batch / channels;
        float *x = drawn(2, 1, read_count(&p, pass), whole), *w = drawn(2, 2, p.shape.w_count, whole);
        float *bias = drawn(2, 3, channels, whole), *y = tw_alloc(count, sizeof *y);
        double *sum = tw_alloc_zero(count, sizeof *sum), *size = tw_alloc_zero(count, sizeof *size);
        walk(&p, pass, x, w, sum, size);
        apply(&tw_algorithm_winograd_2, &p, pass, x, w, bias, y);
        for (int64_t j = 0; j < count; j++) {
            int64_t channel = cases[c].layout == TW_NHWC ? j % channels : j / pixels % channels;
            assert_true(y[j] == sum[j] + bias[channel]);
        }
        tw_free(x), tw_free(w), tw_free(bias), tw_free(y), tw_free(sum), tw_free(size);
    }
}

static void f64_is_as_exact_as_f64_can_be(void **state) {
    (void)state;
    shape_case s = {1, 10, 7, 24, 12, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false};
    tw_geometry g = geometry_of(&s);
    tw_problem p = problem_of(&g, TW_F64, tw_kernel_default(), 1);
    int64_t n = p.shape.in_count, m = p.shape.w_count, count = p.shape.out_count;
    float *xf = drawn(3, 1, n, whole), *wf = drawn(3, 2, m, whole);
    double *x = tw_alloc(n, sizeof *x), *w = tw_alloc(m, sizeof *w), *y = tw_alloc(count, sizeof *y);
    double *sum = tw_alloc_zero(count, sizeof *sum), *size = tw_alloc_zero(count, sizeof *size);
    for (int64_t i = 0; i < n; i++) x[i] = xf[i];
    for (int64_t i = 0; i < m; i++) w[i] = wf[i];
    walk(&p, TW_FORWARD, xf, wf, sum, size);
    for (int a = 0; a < ALGORITHMS; a++) {
        apply(algorithms[a], &p, TW_FORWARD, x, w, NULL, y);
        for (int64_t i = 0; i < count; i++)
            assert_true(fabs(y[i] - sum[i]) <= ldexp(size[i], -53) * (a ? 8 : 128));
    }
    tw_free(xf), tw_free(wf), tw_free(x), tw_free(w), tw_free(y), tw_free(sum), tw_free(size);
}

/* One case, algorithm and pass on every instruction set and number of threads. */
static void check_bits(int c, const tw_algorithm *a, tw_pass pass) {
    size_t kernels;
    const tw_kernel *const *kernel = tw_kernels(&kernels);
    tw_geometry g = geometry_of(&cases[c]);
    tw_problem p = problem_of(&g, TW_F32, tw_kernel_find("scalar"), 1);
    if (a->declines(&p, pass)) return;
    float *x = drawn(4, 1, read_count(&p, pass), normal), *w = drawn(4, 2, second_count(&p, pass), normal);
    size_t bytes = (size_t)written_count(&p, pass) * sizeof *x;
    float *wanted = tw_alloc((int64_t)bytes, 1), *got = tw_alloc((int64_t)bytes, 1);
    apply(a, &p, pass, x, w, NULL, wanted);
    for (size_t k = 0; k < kernels; k++)
        for (int threads = 1; threads <= 8 && tw_cpu_has(kernel[k]->needs); threads = 2 * threads + 1) {
            tw_problem other = problem_of(&g, TW_F32, kernel[k], threads);
            apply(a, &other, pass, x, w, NULL, got);
            if (memcmp(wanted, got, bytes))
                fail_msg("case %d, %s, pass %d, %s, %d threads", c, a->name, (int)pass, kernel[k]->name,
                         threads);
        }
    tw_free(x), tw_free(w), tw_free(wanted), tw_free(got);
}

static void bits_depend_on_neither_threads_nor_instruction_set(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        for (int a = 0; a < ALGORITHMS; a++)
            for (tw_pass pass = TW_FORWARD; pass <= TW_BACKWARD_WEIGHTS; pass++)
                check_bits(c, algorithms[a], pass);
}

static void bits_depend_on_neither_batch_nor_place_in_it(void **state) {
    (void)state;
    enum { BATCH = 37 };
    for (int a = 0; a < ALGORITHMS; a++)
        for (int layout = TW_NCHW; layout <= TW_NHWC; layout++) {
            shape_case s = {BATCH, 5,    6, 19, 33, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, (tw_layout)layout,
                            false, false};
            tw_geometry g = geometry_of(&s);
            tw_problem all = problem_of(&g, TW_F32, tw_kernel_default(), 2);
            g.batch = 1;
            tw_problem one = problem_of(&g, TW_F32, tw_kernel_default(), 1);
            float *x = drawn(5, 1, all.shape.in_count, normal), *w = drawn(5, 2, all.shape.w_count, normal);
            float *y = tw_alloc(all.shape.out_count, sizeof *y),
                  *alone = tw_alloc(one.shape.out_count, sizeof *y);
            apply(algorithms[a], &all, TW_FORWARD, x, w, NULL, y);
            for (int64_t image = 0; image < BATCH; image++) {
                apply(algorithms[a], &one, TW_FORWARD, x + image * one.shape.in_image, w, NULL, alone);
                assert_memory_equal(alone, y + image * one.shape.out_image,
                                    (size_t)one.shape.out_image * sizeof *y);
            }
            tw_free(x), tw_free(w), tw_free(y), tw_free(alone);
        }
}

/* `count` floats that end at a page that may not be touched, or begin after one. */
static float *fenced(int64_t count, bool at_end, void **map, size_t *bytes) {
    size_t page = 4096, need = ((size_t)count * sizeof(float) + page - 1) / page * page;
    *bytes = need + 2 * page;
    char *m = mmap(NULL, *bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(m != MAP_FAILED);
    assert_int_equal(mprotect(m + page, need, PROT_READ | PROT_WRITE), 0);
    *map = m;
    return (float *)(void *)(at_end ? m + page + need - (size_t)count * sizeof(float) : m + page);
}

static void not_a_byte_outside_the_tensors_is_touched(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        for (int a = 0; a < ALGORITHMS; a++)
            for (int at_end = 0; at_end < 2; at_end++) {
                tw_geometry g = geometry_of(&cases[c]);
                tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 1);
                void *map[4];
                size_t bytes[4];
                float *x = fenced(p.shape.in_count, at_end, &map[0], &bytes[0]);
                float *w = fenced(p.shape.w_count, at_end, &map[1], &bytes[1]);
                float *y = fenced(p.shape.out_count, at_end, &map[2], &bytes[2]);
                float *bias = fenced(p.shape.out_channels, at_end, &map[3], &bytes[3]);
                apply(algorithms[a], &p, TW_FORWARD, x, w, bias, y);
                if (!algorithms[a]->declines(&p, TW_BACKWARD_DATA))
                    apply(algorithms[a], &p, TW_BACKWARD_DATA, y, w, NULL, x);
                apply(algorithms[a], &p, TW_BACKWARD_WEIGHTS, x, y, NULL, w);
                for (int i = 0; i < 4; i++) munmap(map[i], bytes[i]);
            }
}

static void what_it_cannot_do_is_declined_in_words(void **state) {
    (void)state;
    shape_case s = {1, 9, 9, 16, 16, 1, {1, 1, 1, 1}, TW_PAD_ZEROS, TW_NHWC, false, false};
    for (int i = 0; i < 8; i++) {
        tw_geometry g = geometry_of(&s);
        if (i == 0) g.stride[1] = 2;
        if (i == 1) g.kernel[0] = 5;
        if (i == 2) g.dilation[0] = 2;
        if (i == 5) g.in_channels = 4;
        if (i == 6) g.pad_begin[0] = 3;
        if (i == 7) g.pad_end[1] = 3;
        tw_problem p = problem_of(&g, TW_F32, tw_kernel_default(), 1);
        if (i == 3) p.accuracy = TW_STRICT;
        for (int a = 0; a < ALGORITHMS; a++) {
            const char *why = algorithms[a]->declines(&p, TW_FORWARD);
            if (i == 4)
                assert_null(why);
            else
                assert_true(why && strlen(why) > 10);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_stay_within_the_bound_for_numbers_of_one_size),
        cmocka_unit_test(errors_stay_within_the_bound_of_the_largest_number_for_any_numbers),
        cmocka_unit_test(every_padding_layout_group_and_odd_size_is_right),
        cmocka_unit_test(tiles_of_2x2_are_exact_on_small_integers),
        cmocka_unit_test(f64_is_as_exact_as_f64_can_be),
        cmocka_unit_test(bits_depend_on_neither_threads_nor_instruction_set),
        cmocka_unit_test(bits_depend_on_neither_batch_nor_place_in_it),
        cmocka_unit_test(not_a_byte_outside_the_tensors_is_touched),
        cmocka_unit_test(what_it_cannot_do_is_declined_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

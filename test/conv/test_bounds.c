/* The error bound of conv.h for everything that is not Winograd (whose own test holds it to its bound), and
 * for what a plan in strict mode chooses: |result - exact| <= 16 * 2^-24 * sum |x||w| (2^-53 in f64), 32
 * where sizes differ by decades and 80 where all numbers are the same; several distributions, sums of some
 * thousand products, all three passes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

/* Units of the last place. One large number among small ones makes all that follow in its chain round at its
 * size; where all products are the same, all round the same way. */
enum { MOST = 16, MOST_SIZES = 32, MOST_EQUAL = 80 };

/* ---- Numbers. */

typedef double draw(tw_random *random);

static double normal(tw_random *r) {
    return tw_random_normal(r);
}

static double uniform(tw_random *r) {
    return 2 * tw_random_uniform(r) - 1;
}

static double positive(tw_random *r) { /* nothing cancels: errors of one sign add up */
    return tw_random_uniform(r);
}

/* Every product rounds the same way: squares of it in f32, summed one after the other, are off by 115 units
 * after 461 of them, by 160 after 700. */
static double constant(tw_random *r) {
    (void)r;
    return 1.0103;
}

static double rectified(tw_random *r) {
    return fmax(0, tw_random_normal(r));
}

static double spiky(tw_random *r) {
    const double size = tw_random_uniform(r) < 0.02 ? 1e4 : 1;
    return size * tw_random_normal(r);
}

static double ranging(tw_random *r) { /* over 15 decades */
    return tw_random_normal(r) * exp(6 * tw_random_normal(r));
}

static draw *const draws[] = {normal, uniform, positive, constant, rectified, spiky, ranging};
enum { DRAWS = sizeof draws / sizeof *draws };

/* ---- Geometries: long sums of each pass, and one for each algorithm. */

typedef struct bound_case {
    int64_t batch, in, out, groups, height, width, kernel, stride, pad;
} bound_case;

static const bound_case cases[] = {
    {1, 512, 8, 1, 5, 5, 3, 1, 1},  {1, 8, 512, 1, 5, 5, 3, 1, 1}, {3, 8, 9, 1, 40, 41, 3, 1, 1},
    {2, 3, 16, 1, 37, 33, 7, 2, 3}, {4, 1, 6, 1, 28, 28, 5, 1, 2}, {1, 24, 24, 24, 30, 30, 7, 1, 3},
    {2, 16, 32, 16, 9, 9, 3, 2, 1}, {3, 700, 9, 1, 1, 1, 1, 1, 0}, {1, 64, 48, 4, 12, 12, 1, 1, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

static tw_geometry geometry_of(const bound_case *c, int number) {
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = c->batch, g.in_channels = c->in, g.out_channels = c->out, g.groups = c->groups;
    g.input[0] = c->height, g.input[1] = c->width, g.layout = (tw_layout)(number % 2);
    for (int a = 0; a < 2; a++)
        g.kernel[a] = c->kernel, g.stride[a] = c->stride, g.pad_begin[a] = g.pad_end[a] = c->pad;
    return g;
}

/* The sums of the three passes as sum + rest, which together are right to some hundred bits, and the sums of
 * their products' sizes. */
typedef struct exact {
    const case_data *data;
    int64_t count[TW_PASSES], image;
    double *sum[TW_PASSES], *rest[TW_PASSES], *size[TW_PASSES];
} exact;

/* Adds a * b; what rounding takes away goes to the rest (Dekker 1971, Knuth's addition of two). */
static void add_product(exact *e, tw_pass pass, int64_t to, double a, double b) {
    const double product = a * b, before = e->sum[pass][to], sum = before + product, part = sum - before;
    e->rest[pass][to] += fma(a, b, -product) + ((before - (sum - part)) + (product - part));
    e->sum[pass][to] = sum;
    e->size[pass][to] += fabs(product);
}

static void visit(void *context, tw_tap t) {
    exact *e = context;
    const case_data *c = e->data;
    const int64_t in = e->image * c->shape.in_image + t.in, out = e->image * c->shape.out_image + t.out;
    add_product(e, TW_FORWARD, out, c->w[t.weight], c->x[in]);
    add_product(e, TW_BACKWARD_DATA, in, c->w[t.weight], c->dy[out]);
    add_product(e, TW_BACKWARD_WEIGHTS, t.weight, c->dy[out], c->x[in]);
}

static exact exact_of(const case_data *c) {
    exact e = {.data = c, .count = {c->sizes.y, c->sizes.x, c->sizes.w}};
    for (int pass = 0; pass < TW_PASSES; pass++) {
        e.sum[pass] = calloc((size_t)e.count[pass] + 1, sizeof *e.sum[pass]);
        e.rest[pass] = calloc((size_t)e.count[pass] + 1, sizeof *e.rest[pass]);
        e.size[pass] = calloc((size_t)e.count[pass] + 1, sizeof *e.size[pass]);
    }
    for (e.image = 0; e.image < c->shape.batch; e.image++) tw_taps_walk(&c->shape, visit, &e);
    return e;
}

static void exact_free(exact *e) {
    for (int pass = 0; pass < TW_PASSES; pass++) free(e->sum[pass]), free(e->rest[pass]), free(e->size[pass]);
}

/* Tensors of random numbers as the type rounds them. */
static case_data drawn(const tw_geometry *g, tw_type type, draw *numbers, draw *weights) {
    tw_random r = tw_random_stream(14, TW_RANDOM_TEST, 0, 0);
    case_data c = case_make(g, NULL);
    double *const read[] = {c.x, c.w, c.dy};
    const int64_t count[] = {c.sizes.x, c.sizes.w, c.sizes.y};
    for (int i = 0; i < 3; i++)
        for (int64_t j = 0; j < count[i]; j++) {
            const double value = (i == 1 ? weights : numbers)(&r);
            read[i][j] = type == TW_F32 ? (double)(float)value : value;
        }
    return c;
}

static void *narrowed(tw_type type, const double *from, int64_t count) {
    void *to = malloc((size_t)(count + 1) * tw_type_size(type));
    case_narrow(type, from, to, count);
    return to;
}

/* Runs one pass, and holds it to its bound. */
static void check_pass(const tw_conv *plan, tw_pass pass, const exact *e, tw_type type, int most) {
    const case_data *c = e->data;
    const double unit = type == TW_F32 ? 0x1p-24 : 0x1p-53;
    void *x = narrowed(type, c->x, c->sizes.x), *w = narrowed(type, c->w, c->sizes.w);
    void *dy = narrowed(type, c->dy, c->sizes.y);
    void *result = malloc((size_t)(e->count[pass] + 1) * tw_type_size(type));
    tw_conv_call call = {.pass = pass, .x = x, .w = w, .dy = dy, .y = result, .dx = result, .dw = result};
    call.threads = TW_MAX_THREADS; /* all planned */
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    for (int64_t i = 0; i < e->count[pass]; i++) {
        const double off = fabs(case_number(type, result, i) - e->sum[pass][i] - e->rest[pass][i]);
        if (off <= most * unit * e->size[pass][i]) continue;
        case_print(&c->shape.geometry, tw_pass_name(pass));
        fail_msg("type %d, element %lld is off by %g units", (int)type, (long long)i,
                 off / (unit * e->size[pass][i]));
    }
    free(x), free(w), free(dy), free(result);
}

static int most_of(draw *one) {
    return one == constant ? MOST_EQUAL : one == spiky || one == ranging ? MOST_SIZES : MOST;
}

static void check_algorithm(const exact *e, const char *algorithm, tw_type type, int most) {
    tw_conv_options o = tw_conv_options_defaults();
    tw_conv *plan;
    o.type = type, o.algorithm = algorithm, o.threads = 2, o.accuracy = TW_STRICT;
    const tw_status status = tw_conv_create(&plan, &e->data->shape.geometry, &o);
    if (status == TW_ERROR_UNSUPPORTED) return;
    assert_int_equal(status, TW_OK);
    for (int pass = 0; pass < TW_PASSES; pass++)
        if (!algorithm || !tw_conv_declines(plan, (tw_pass)pass, algorithm))
            check_pass(plan, (tw_pass)pass, e, type, most);
    tw_conv_free(plan);
}

/* The plan's own choice, and every algorithm by name. */
static void check_case(const tw_geometry *g, tw_type type, draw *numbers, draw *weights) {
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    const int most = most_of(numbers) > most_of(weights) ? most_of(numbers) : most_of(weights);
    case_data c = drawn(g, type, numbers, weights);
    exact e = exact_of(&c);
    check_algorithm(&e, NULL, type, most);
    for (size_t i = 0; i < algorithms; i++)
        if (strcmp(names[i], "reference") != 0) check_algorithm(&e, names[i], type, most);
    exact_free(&e), case_free(&c);
}

static void errors_stay_within_the_bound_for_any_numbers(void **state) {
    (void)state;
    for (int number = 0; number < CASES; number++)
        for (int numbers = 0; numbers < DRAWS; numbers++) {
            const tw_geometry g = geometry_of(&cases[number], number + numbers);
            draw *const weights = draws[(number + 2 * numbers) % DRAWS];
            check_case(&g, numbers % 4 == 3 ? TW_F64 : TW_F32, draws[numbers], weights);
        }
    for (int number = 0; number < CASES; number++) {
        const tw_geometry g = geometry_of(&cases[number], number);
        check_case(&g, TW_F32, constant, constant);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_stay_within_the_bound_for_any_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The numbers of an explanation, read back from its JSON: for random geometries output and gradients equal
 * sums over the walk of the taps, and every equation's left side is the sum of its terms. Values are small
 * integers, so all of it must be equal with ==. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/explain.h>

#include "base/random.h"
#include "explain/golden.h"
#include "shape/taps.h"

enum { MOST = 4096, GEOMETRIES = 120 };

typedef struct numbers {
    double x[MOST], w[MOST], b[MOST], dy[MOST];   /* given */
    double y[MOST], dx[MOST], dw[MOST], db[MOST]; /* expected */
} numbers;

static int64_t pick(tw_random *random, int64_t least, int64_t most) {
    return least + (int64_t)tw_random_below(random, (uint64_t)(most - least + 1));
}

static bool random_geometry(tw_random *random, tw_geometry *g, tw_geometry_sizes *sizes) {
    *g = tw_geometry_defaults((int)pick(random, 1, 3));
    g->groups = pick(random, 1, 2);
    g->in_channels = g->groups * pick(random, 1, 2);
    g->out_channels = g->groups * pick(random, 1, 2);
    for (int a = 0; a < g->spatial; a++) {
        g->input[a] = pick(random, 1, g->spatial == 3 ? 3 : 6);
        g->kernel[a] = pick(random, 1, 3);
        g->stride[a] = pick(random, 1, 3);
        g->dilation[a] = pick(random, 1, 2);
        g->pad_begin[a] = pick(random, 0, 2);
        g->pad_end[a] = pick(random, 0, 2);
    }
    g->layout = pick(random, 0, 1) ? TW_NHWC : TW_NCHW;
    g->transposed = pick(random, 0, 1);
    g->flipped = pick(random, 0, 1);
    g->pad_mode = g->transposed ? TW_PAD_ZEROS : (tw_pad_mode)pick(random, 0, 3);
    return tw_geometry_count(g, sizes) == TW_OK && sizes->x <= MOST && sizes->y <= MOST && sizes->w <= MOST;
}

static void add_tap(void *context, tw_tap t) {
    numbers *n = context;
    n->y[t.out] += n->w[t.weight] * n->x[t.in];
    n->dx[t.in] += n->w[t.weight] * n->dy[t.out];
    n->dw[t.weight] += n->dy[t.out] * n->x[t.in];
}

static int64_t channel_of(const tw_geometry *g, const tw_geometry_sizes *s, int64_t element) {
    return g->layout == TW_NCHW ? element / (s->y / g->out_channels) : element % g->out_channels;
}

static void fill(numbers *n, tw_random *random, const tw_geometry *g, const tw_geometry_sizes *s) {
    tw_shape shape;
    memset(n, 0, sizeof *n);
    for (int i = 0; i < MOST; i++) {
        n->x[i] = (double)pick(random, -4, 4);
        n->w[i] = (double)pick(random, -4, 4);
        n->b[i] = (double)pick(random, -4, 4);
        n->dy[i] = (double)pick(random, -4, 4);
    }
    assert_int_equal(tw_shape_create(&shape, g), TW_OK);
    for (int64_t i = 0; i < s->y; i++) {
        n->y[i] = n->b[channel_of(g, s, i)];
        n->db[channel_of(g, s, i)] += n->dy[i];
    }
    tw_taps_walk(&shape, add_tap, n);
}

/* The values of a tensor of the JSON. */
static void check_tensor(const char *json, const char *name, const double *expected, int64_t count) {
    char key[32];
    snprintf(key, sizeof key, "\n\"%s\":{", name);
    const char *at = strstr(json, key);
    assert_non_null(at);
    at = strstr(at, "\"values\":[");
    assert_non_null(at);
    at += strlen("\"values\":");
    for (int64_t i = 0; i < count; i++) {
        char *end;
        assert_true(*at == (i ? ',' : '['));
        double value = strtod(at + 1, &end);
        if (value != expected[i])
            fail_msg("%s[%lld] is %g; expected %g", name, (long long)i, value, expected[i]);
        at = end;
    }
    assert_true(*at == ']');
}

/* Every equation that is written whole: left = sum of products. Returns how many there were. */
static int check_equations(const char *json) {
    int checked = 0;
    for (const char *at = strstr(json, "{\"left\":"); at; at = strstr(at + 1, "{\"left\":")) {
        const char *end = strstr(at + 1, "]]}"), *next = strstr(at + 1, "{\"left\":");
        const char *terms = strstr(at, "\"terms\":[");
        assert_non_null(terms);
        if (!end || (next && end > next)) continue; /* a sum without terms */
        double left = strtod(strstr(at, "\"value\":") + 8, NULL), sum = 0;
        if (!strstr(at, "\"gap\":0,") || strstr(at, "\"gap\":0,") > terms) continue;
        for (const char *term = strstr(terms, "[{"); term && term < end; term = strstr(term + 1, "[{")) {
            const char *close = strstr(term, "}]");
            double product = 1;
            for (const char *v = strstr(term, "\"value\":"); v && v < close; v = strstr(v + 1, "\"value\":"))
                product *= strtod(v + 8, NULL);
            sum += product;
        }
        if (sum != left) fail_msg("a sum of %g stands for %g: %.200s", sum, left, at);
        checked++;
    }
    return checked;
}

static void numbers_equal_the_sums_over_the_taps(void **state) {
    (void)state;
    static numbers n;
    tw_random random = tw_random_stream(6, TW_RANDOM_TEST, 0, 0);
    int equations = 0;
    for (int k = 0; k < GEOMETRIES;) {
        tw_explain_request r = tw_explain_defaults();
        tw_geometry_sizes s;
        if (!random_geometry(&random, &r.geometry, &s)) continue;
        k++;
        fill(&n, &random, &r.geometry, &s);
        r.format = TW_EXPLAIN_JSON;
        r.image = (tw_explain_values){n.x, s.x};
        r.weights = (tw_explain_values){n.w, s.w};
        r.bias = (tw_explain_values){n.b, s.b};
        r.upstream = (tw_explain_values){n.dy, s.y};
        char *json;
        size_t size;
        if (tw_explain(&r, &json, &size) != TW_OK) fail_msg("%s", tw_message());
        check_tensor(json, "h", n.y, s.y);
        check_tensor(json, "dL/dx", n.dx, s.x);
        check_tensor(json, "dL/dw", n.dw, s.w);
        check_tensor(json, "dL/db", n.db, s.b);
        equations += check_equations(json);
        tw_explain_free(json);
    }
    assert_true(equations > 10 * GEOMETRIES);
}

static void the_worked_example_as_json_reads_as_it_was_checked(void **state) {
    (void)state;
    static const double image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weights[] = {1, 2, 3, 4},
                        upstream[] = {1, 0, 0, 1};
    tw_explain_request r = tw_explain_defaults();
    r.image = (tw_explain_values){image, 9};
    r.weights = (tw_explain_values){weights, 4};
    r.upstream = (tw_explain_values){upstream, 4};
    r.format = TW_EXPLAIN_JSON;
    r.sections = 7; /* forward, chain, input */
    check_golden(&r, "worked.json");
}

static void expect_symbol(const tw_geometry *g, char tensor, int64_t element, const char *expected) {
    char name[64];
    assert_int_equal(tw_explain_symbol(g, tensor, element, name, sizeof name), TW_OK);
    assert_string_equal(name, expected);
}

static void elements_have_the_names_of_the_explanations(void **state) {
    (void)state;
    char name[8] = "before";
    tw_geometry g = tw_explain_defaults().geometry;
    expect_symbol(&g, 'x', 5, "x23");
    expect_symbol(&g, 'w', 2, "w21");
    expect_symbol(&g, 'h', 3, "h22");
    g.in_channels = 2, g.out_channels = 3;
    expect_symbol(&g, 'x', 9, "x[2,1,1]");
    expect_symbol(&g, 'w', 23, "w[3,2,2,2]");
    expect_symbol(&g, 'b', 1, "b2");
    assert_int_equal(tw_explain_symbol(&g, 'h', 12, name, sizeof name), TW_ERROR_ARGUMENT);
    assert_string_equal(name, "");
    assert_int_equal(tw_explain_symbol(&g, 'h', -1, name, sizeof name), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_explain_symbol(&g, 'y', 0, name, sizeof name), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_explain_symbol(NULL, 'x', 0, name, sizeof name), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_explain_symbol(&g, 'x', 0, name, 0), TW_ERROR_ARGUMENT);
    g.stride[0] = 0;
    assert_int_equal(tw_explain_symbol(&g, 'x', 0, name, sizeof name), TW_ERROR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_equal_the_sums_over_the_taps),
        cmocka_unit_test(the_worked_example_as_json_reads_as_it_was_checked),
        cmocka_unit_test(elements_have_the_names_of_the_explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

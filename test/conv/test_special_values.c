/* Numbers that are none, infinite, denormal or zero go where the definition puts them: in every algorithm,
 * pass and instruction set. Winograd is the stated exception (docs/limits.md): there one such number may make
 * its whole tile NaN; but no other image, and of the weights' gradient no other channel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 96, MOST_TAPS = 8000, READ = 3, WRITTEN = 3 };

static const float odd[] = {NAN, INFINITY, -INFINITY, 0x1p-140f, -0.0f};
enum { ODD = sizeof odd / sizeof *odd };

/* The tensors of a case in f32: x, w, dy are read; y, dx, dw written. */
typedef struct tensors {
    int64_t read_count[READ], written_count[WRITTEN], biases;
    float *read[READ], *written[WRITTEN], *b, *db;
} tensors;

static float *draw(tw_random *r, int64_t count) {
    float *numbers = calloc((size_t)count + 1, sizeof *numbers);
    for (int64_t i = 0; r && i < count; i++) numbers[i] = (float)(tw_random_uniform(r) * 2 - 1);
    return numbers;
}

static void make_results(tensors *t) {
    for (int i = 0; i < WRITTEN; i++) t->written[i] = draw(NULL, t->written_count[i]);
    t->db = draw(NULL, t->biases);
}

static void drop_results(const tensors *t) {
    for (int i = 0; i < WRITTEN; i++) free(t->written[i]);
    free(t->db);
}

static tensors make(const tw_geometry *g, tw_random *r) {
    tw_geometry_sizes s;
    assert_int_equal(tw_geometry_count(g, &s), TW_OK);
    tensors t = {{s.x, s.w, s.y}, {s.y, s.x, s.w}, .biases = s.b, .b = draw(r, s.b)};
    for (int i = 0; i < READ; i++) t.read[i] = draw(r, t.read_count[i]);
    make_results(&t);
    return t;
}

static void drop(const tensors *t) {
    for (int i = 0; i < READ; i++) free(t->read[i]);
    free(t->b);
    drop_results(t);
}

static tw_conv *plan_of(const tw_geometry *g, const char *algorithm, const char *isa) {
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = algorithm, o.isa = isa, o.threads = 1;
    tw_conv *plan;
    const tw_status status = tw_conv_create(&plan, g, &o);
    if (status == TW_ERROR_UNSUPPORTED) return NULL;
    assert_int_equal(status, TW_OK);
    return plan;
}

static void run(const tw_conv *plan, const tensors *t) {
    assert_int_equal(tw_conv_forward(plan, t->read[0], t->read[1], t->b, t->written[0]), TW_OK);
    assert_int_equal(tw_conv_backward_data(plan, t->read[2], t->read[1], t->written[1]), TW_OK);
    assert_int_equal(tw_conv_backward_weights(plan, t->read[0], t->read[2], t->written[2], t->db), TW_OK);
}

/* An instruction set of this machine, another one for each number. */
static const char *isa_of(uint64_t number) {
    size_t count;
    const tw_machine_isa *isa = tw_machine_isas(&count);
    while (!isa[number % count].runs) ++number;
    return isa[number % count].name;
}

/* Smaller, where a kind's images are large: a trial runs the definition. */
static void shrink(tw_geometry *g, case_kind kind) {
    if (kind == CASE_WINOGRAD)
        for (int a = 0; a < 2; a++) g->input[a] = g->input[a] % 6 + 3;
    if (kind != CASE_PLANES) return;
    g->input[0] = g->input[0] % 6 + 8;
    if (g->input[1] > 18) g->input[1] = g->input[1] % 8 + 31; /* with stride 2, rows of 16 still */
    g->out_channels = g->out_channels / g->groups * 4, g->in_channels = g->groups = 4, g->batch = 1;
}

static void each_case(void (*check)(const tw_geometry *g, tw_random *r, const char *algorithm,
                                    const char *isa)) {
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(6, TW_RANDOM_TEST, number, 0);
        tw_geometry g = case_draw_kind(&r, (case_kind)(number % CASE_KINDS));
        const case_kind kind = (case_kind)(number % CASE_KINDS);
        shrink(&g, kind);
        tw_geometry_sizes sizes;
        if (tw_geometry_validate(&g) != TW_OK || tw_geometry_count(&g, &sizes) != TW_OK) continue;
        const bool small = sizes.taps <= MOST_TAPS || kind == CASE_WINOGRAD || kind == CASE_PLANES;
        for (size_t i = 0; small && i < algorithms; i++) check(&g, &r, names[i], isa_of(number + i));
    }
}

static bool is_winograd(const tw_conv *plan, int pass) {
    tw_conv_description d;
    assert_int_equal(tw_conv_describe(plan, (tw_pass)pass, &d), TW_OK);
    return strncmp(d.algorithm, "winograd", 8) == 0;
}

/* ---- NaN and infinity. */

/* The same kind of number: NaN where NaN is expected, infinities of the same sign. */
static bool alike(float got, float wanted) {
    return isnan(got) == isnan(wanted) && isinf(got) == isinf(wanted) && (!isinf(got) || got == wanted);
}

/* The channel of element `at` of a tensor of images. */
static int64_t channel_of(const tw_geometry *g, int64_t channels, int64_t count, int64_t at) {
    return g->layout == TW_NHWC ? at % channels : at / (count / g->batch / channels) % channels;
}

/* Whether Winograd may have spoilt element `at` of what `pass` writes because of element `from` of x (0), w
 * (1) or dy (2): never where the pass does not read it; y and dx within the image, and within the channel
 * that a weight leads to; dw within the channel. */
static bool may_spoil(const tw_geometry *g, const tensors *t, int pass, int64_t at, int input, int64_t from) {
    static const int unread[TW_PASSES] = {2, 0, 1};
    if (input == unread[pass]) return false;
    if (g->transposed) return true;
    const int64_t images = g->batch,
                  row = t->read_count[1] / g->out_channels; /* w [out][in / groups][taps] */
    const int64_t in_group = g->in_channels / g->groups, weight = pass == TW_BACKWARD_WEIGHTS ? at : from;
    const int64_t out = weight / row;
    const int64_t in = out / (g->out_channels / g->groups) * in_group + weight % row / (row / in_group);
    if (pass == TW_BACKWARD_WEIGHTS)
        return input == 0 ? in == channel_of(g, g->in_channels, t->read_count[0], from)
                          : out == channel_of(g, g->out_channels, t->read_count[2], from);
    if (input != 1) return at / (t->written_count[pass] / images) == from / (t->read_count[input] / images);
    return pass == TW_FORWARD ? out == channel_of(g, g->out_channels, t->written_count[0], at)
                              : in == channel_of(g, g->in_channels, t->written_count[1], at);
}

/* What was computed with one odd number, against the definition and against what it was without. */
typedef struct trial {
    const tw_geometry *geometry;
    tensors got, wanted, clean;
    int input;    /* x, w, dy */
    int64_t from; /* the odd number's place */
} trial;

static bool pass_is_right(const trial *t, int pass, bool winograd) {
    for (int64_t i = 0; i < t->got.written_count[pass]; i++) {
        const float is = t->got.written[pass][i], should = t->wanted.written[pass][i];
        if (!winograd) {
            if (!alike(is, should)) return false;
        } else if (may_spoil(t->geometry, &t->got, pass, i, t->input, t->from)) {
            if (!isfinite(should) && isfinite(is)) return false;
        } else if (is != t->clean.written[pass][i]) {
            return false;
        }
    }
    return true;
}

static void check_trial(const trial *t, const tw_conv *plan, const char *what) {
    for (int pass = 0; pass < TW_PASSES; pass++) {
        const bool right = pass_is_right(t, pass, is_winograd(plan, pass));
        if (!right) {
            case_print(t->geometry, what);
            fprintf(stderr, "%s, %g at %lld of input %d\n", tw_pass_name((tw_pass)pass),
                    (double)t->got.read[t->input][t->from], (long long)t->from, t->input);
        }
        assert_true(right);
    }
}

static void check_odd(const tw_geometry *g, tw_random *r, const char *algorithm, const char *isa) {
    tw_conv *plan = plan_of(g, algorithm, isa), *reference = plan_of(g, "reference", NULL);
    if (plan) {
        trial t = {.geometry = g, .got = make(g, r)};
        t.wanted = t.clean = t.got;
        make_results(&t.wanted), make_results(&t.clean);
        run(plan, &t.clean);
        for (t.input = 0; t.input < READ; t.input++) {
            if (t.got.read_count[t.input] == 0) continue;
            t.from = (int64_t)tw_random_below(r, (uint64_t)t.got.read_count[t.input]);
            float *at = &t.got.read[t.input][t.from], before = *at;
            *at = odd[tw_random_below(r, ODD)];
            run(plan, &t.got), run(reference, &t.wanted);
            check_trial(&t, plan, algorithm);
            *at = before;
        }
        drop_results(&t.wanted), drop_results(&t.clean), drop(&t.got);
    }
    tw_conv_free(plan), tw_conv_free(reference);
}

static void nan_and_infinity_go_where_the_definition_puts_them(void **state) {
    (void)state;
    each_case(check_odd);
}

/* One of the inputs nothing but such numbers, every second one or all. */
static void check_filled(const tw_geometry *g, tw_random *r, const char *algorithm, const char *isa) {
    tw_conv *plan = plan_of(g, algorithm, isa), *reference = plan_of(g, "reference", NULL);
    for (int input = 0; plan && input < READ; input++) {
        trial t = {.geometry = g, .got = make(g, r), .input = input};
        t.wanted = t.got;
        make_results(&t.wanted);
        const int64_t step = 1 + (int64_t)tw_random_below(r, 2);
        const float number = tw_random_below(r, 2) ? INFINITY : NAN;
        for (int64_t i = 0; i < t.got.read_count[input]; i += step) t.got.read[input][i] = number;
        run(plan, &t.got), run(reference, &t.wanted);
        for (int pass = 0; pass < TW_PASSES; pass++)
            if (!is_winograd(plan, pass)) assert_true(pass_is_right(&t, pass, false));
        drop_results(&t.wanted), drop(&t.got);
    }
    tw_conv_free(plan), tw_conv_free(reference);
}

static void tensors_full_of_nan_and_infinity_spoil_no_more_than_they_must(void **state) {
    (void)state;
    each_case(check_filled);
}

/* ---- Zeros and denormals. */

/* Zeros give the bias forward, and zeros back, whatever the weights. */
static void check_zeros(const tw_geometry *g, tw_random *r, const char *algorithm, const char *isa) {
    tw_conv *plan = plan_of(g, algorithm, isa);
    if (!plan) return;
    tensors t = make(g, r);
    memset(t.read[0], 0, (size_t)t.read_count[0] * 4), memset(t.read[2], 0, (size_t)t.read_count[2] * 4);
    run(plan, &t);
    for (int64_t i = 0; i < t.written_count[0]; i++)
        assert_true(t.written[0][i] == t.b[channel_of(g, g->out_channels, t.written_count[0], i)]);
    for (int pass = 1; pass < TW_PASSES; pass++)
        for (int64_t i = 0; i < t.written_count[pass]; i++) assert_true(t.written[pass][i] == 0);
    drop(&t);
    tw_conv_free(plan);
}

static void zeros_give_the_bias_and_zeros(void **state) {
    (void)state;
    each_case(check_zeros);
}

/* Sums of whole multiples of the least number there is are exact, unless somebody flushes them to zero. */
static void check_denormals(const tw_geometry *g, tw_random *r, const char *algorithm, const char *isa) {
    const double least = 0x1p-149;
    tw_conv *plan = plan_of(g, algorithm, isa);
    if (!plan) return;
    case_data c = case_make(g, r);
    tensors t = make(g, r);
    for (int64_t i = 0; i < t.read_count[0]; i++) t.read[0][i] = (float)(c.x[i] * least);
    for (int64_t i = 0; i < t.read_count[1]; i++) t.read[1][i] = (float)c.w[i];
    for (int64_t i = 0; i < t.read_count[2]; i++) t.read[2][i] = (float)(c.dy[i] * least);
    for (int64_t i = 0; i < t.biases; i++) t.b[i] = (float)(c.b[i] * least);
    run(plan, &t);
    const double *wanted[] = {c.y, c.dx};
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; !is_winograd(plan, pass) && i < t.written_count[pass]; i++)
            assert_true((double)t.written[pass][i] == wanted[pass][i] * least);
    case_free(&c), drop(&t);
    tw_conv_free(plan);
}

static void denormals_are_kept(void **state) {
    (void)state;
    each_case(check_denormals);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nan_and_infinity_go_where_the_definition_puts_them),
        cmocka_unit_test(tensors_full_of_nan_and_infinity_spoil_no_more_than_they_must),
        cmocka_unit_test(zeros_give_the_bias_and_zeros),
        cmocka_unit_test(denormals_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every algorithm equals the walk over the taps: with == on small integers, or, Winograd, within a bound.
 * Random geometries of every kind, each pass, type and instruction set of this machine. Each buffer (x, w, b,
 * dy, the results, the workspace and the packed weights) lies flush with a page that cannot be touched, once
 * behind it and once before: not one byte is read or written outside. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "conv/cases.h"
#include "fence.h"

enum { CASES = 200, MOST_TAPS = 400000, MOST_WALKED = 8000, FEW_CHANNELS = 11 };

/* ---- Buffers between pages that must not be touched. */

enum { X = 0, W, B, DY, RESULT, DB, WORKSPACE, PACKED, BUFFERS };

/* Room for `bytes`, filled with NaN, flush with the fence behind or before it. */
static void *place(int buffer, size_t bytes, bool at_end) {
    assert_true(bytes <= FENCE_ROOM);
    return fence_place(buffer, bytes, at_end);
}

static void *place_numbers(int buffer, tw_type type, const double *numbers, int64_t count, bool at_end) {
    void *at = place(buffer, (size_t)count * tw_type_size(type), at_end);
    case_narrow(type, numbers, at, count);
    return at;
}

/* ---- What is right. */

/* By how much a result may be off: not at all, but for Winograd. (Its own test holds it to its bound; here
 * any sum of so many numbers of at most 4 does.) */
static double slack(const case_data *c, const char *algorithm, tw_type type) {
    if (strncmp(algorithm, "winograd", 8) != 0) return 0;
    const tw_geometry *g = &c->shape.geometry;
    const double taps = 9.0 * (double)(g->in_channels + g->out_channels);
    const double pixels = (double)c->sizes.y / (double)g->out_channels;
    return 16 * (taps + pixels) * 1024 * (type == TW_F32 ? 0x1p-24 : 0x1p-53);
}

static bool equal(tw_type type, const void *got, const double *wanted, int64_t count, double off) {
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(case_number(type, got, i) - wanted[i]) <= off)) {
            fprintf(stderr, "element %lld is %g, expected %g\n", (long long)i, case_number(type, got, i),
                    wanted[i]);
            return false;
        }
    return true;
}

/* ---- Running. */

static bool pass_is_right(const tw_conv *plan, tw_pass pass, const case_data *c, tw_type type, bool at_end) {
    const int64_t nx = c->sizes.x, ny = c->sizes.y, nw = c->sizes.w, nb = c->sizes.b;
    const double *wanted = pass == TW_FORWARD ? c->y : pass == TW_BACKWARD_DATA ? c->dx : c->dw;
    const int64_t count = pass == TW_FORWARD ? ny : pass == TW_BACKWARD_DATA ? nx : nw;
    const size_t bytes = tw_conv_workspace(plan, pass, 0), packed = tw_conv_packed_bytes(plan, pass);
    tw_conv_description description;
    assert_int_equal(tw_conv_describe(plan, pass, &description), TW_OK);
    tw_conv_call call = {.pass = pass, .workspace_bytes = bytes, .threads = TW_MAX_THREADS}; /* all planned */
    call.x = place_numbers(X, type, c->x, nx, at_end), call.w = place_numbers(W, type, c->w, nw, at_end);
    call.b = place_numbers(B, type, c->b, nb, at_end), call.dy = place_numbers(DY, type, c->dy, ny, at_end);
    void *result = place(RESULT, (size_t)count * tw_type_size(type), at_end);
    call.y = call.dx = call.dw = result;
    call.db = place(DB, (size_t)nb * tw_type_size(type), at_end);
    call.workspace = place(WORKSPACE, bytes, at_end);
    if (packed > 0 && !at_end) { /* else the call packs them into its workspace */
        void *weights = place(PACKED, packed, c->sizes.w % 2);
        if (tw_conv_pack(plan, pass, call.w, weights) != TW_OK) return false;
        call.packed_w = weights, call.w = NULL;
    }
    if (tw_conv_execute(plan, &call) != TW_OK) {
        fprintf(stderr, "%s\n", tw_message());
        return false;
    }
    const double off = slack(c, description.algorithm, type);
    return equal(type, result, wanted, count, off) &&
           (pass != TW_BACKWARD_WEIGHTS || equal(type, call.db, c->db, nb, 0));
}

static void check_plan(const case_data *c, const tw_conv_options *options) {
    tw_conv *plan;
    const tw_status status = tw_conv_create(&plan, &c->shape.geometry, options);
    if (status == TW_ERROR_UNSUPPORTED) return;
    assert_int_equal(status, TW_OK);
    for (int pass = 0; pass < TW_PASSES; pass++)
        for (int at_end = 0; at_end < 2; at_end++) {
            if (tw_conv_declines(plan, (tw_pass)pass, options->algorithm)) continue;
            const bool right = pass_is_right(plan, (tw_pass)pass, c, options->type, at_end);
            if (!right) {
                case_print(&c->shape.geometry, options->algorithm);
                fprintf(stderr, "%s, isa %s, type %d\n", tw_pass_name((tw_pass)pass), options->isa,
                        (int)options->type);
            }
            assert_true(right);
        }
    tw_conv_free(plan);
}

static void check_algorithm(const case_data *c, const char *algorithm, int threads) {
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = algorithm, o.threads = threads, o.lends_workspace = true;
    for (size_t i = 0; i < isas; i++)
        for (int type = 0; isa[i].runs && type < 2; type++) {
            o.isa = isa[i].name, o.type = (tw_type)type;
            check_plan(c, &o);
        }
}

static void every_algorithm_equals_the_taps_and_keeps_within_its_buffers(void **state) {
    (void)state;
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(1, TW_RANDOM_TEST, number, 0);
        tw_geometry g = case_draw_kind(&r, (case_kind)(number % CASE_KINDS));
        tw_geometry_sizes sizes;
        if (tw_geometry_validate(&g) != TW_OK || tw_geometry_count(&g, &sizes) != TW_OK) continue;
        if (sizes.taps > MOST_TAPS) continue;
        case_data c = case_make(&g, &r);
        for (size_t i = 0; i < algorithms; i++)
            if (sizes.taps <= MOST_WALKED || strcmp(names[i], "reference") != 0)
                check_algorithm(&c, names[i], (int)(number % 3) + 1);
        case_free(&c);
    }
}

/* Rows of several tiles, images and bands, with channels too few for a vector. */
static tw_geometry few_channels(int number) {
    static const struct {
        int64_t batch, in, out, height, width, kernel, stride, dilation, pad;
        tw_pad_mode mode;
    } cases[FEW_CHANNELS] = {
        {7, 1, 6, 28, 28, 5, 1, 1, 2, TW_PAD_ZEROS},    {6, 6, 3, 14, 14, 5, 1, 1, 0, TW_PAD_ZEROS},
        {2, 3, 8, 37, 71, 7, 2, 1, 3, TW_PAD_ZEROS},    {1, 3, 5, 40, 113, 3, 3, 2, 2, TW_PAD_REPLICATE},
        {3, 2, 1, 33, 90, 4, 2, 1, 1, TW_PAD_REFLECT},  {1, 1, 1, 3, 9000, 3, 1, 1, 1, TW_PAD_ZEROS},
        {2, 24, 2, 9, 130, 3, 2, 1, 1, TW_PAD_ZEROS},   {9, 1, 17, 5, 50, 2, 1, 3, 4, TW_PAD_CIRCULAR},
        {2, 1, 3, 4, 2500, 3, 1, 40, 60, TW_PAD_ZEROS}, {3, 200, 2, 6, 21, 3, 1, 1, 1, TW_PAD_ZEROS},
        {5, 8, 200, 6, 9, 3, 1, 1, 1, TW_PAD_ZEROS},
    };
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = cases[number].batch, g.in_channels = cases[number].in, g.out_channels = cases[number].out;
    g.input[0] = cases[number].height, g.input[1] = cases[number].width;
    g.pad_mode = cases[number].mode;
    for (int a = 0; a < 2; a++) {
        g.kernel[a] = tw_min(cases[number].kernel, g.input[a]), g.stride[a] = cases[number].stride;
        g.dilation[a] = g.kernel[a] > 1 ? cases[number].dilation : 1;
        g.pad_begin[a] = g.pad_end[a] = cases[number].pad;
        if (g.dilation[a] * (g.kernel[a] - 1) >= g.input[a]) g.dilation[a] = 1;
        if (g.pad_mode != TW_PAD_ZEROS)
            g.pad_begin[a] = g.pad_end[a] = tw_min(cases[number].pad, g.input[a] - 1);
    }
    return g;
}

static void few_channels_equal_the_taps(void **state) {
    (void)state;
    for (int number = 0; number < FEW_CHANNELS; number++)
        for (int layout = 0; layout < 2; layout++) {
            tw_random r = tw_random_stream(1, TW_RANDOM_TEST, (uint64_t)number, 1);
            tw_geometry g = few_channels(number);
            g.layout = (tw_layout)layout;
            assert_int_equal(tw_geometry_validate(&g), TW_OK);
            case_data c = case_make(&g, &r);
            check_algorithm(&c, "direct", number % 3 + 1);
            case_free(&c);
        }
}

/* Padding that repeats the input a thousand times. */
static void replicated_padding_out_of_all_proportion_equals_the_taps(void **state) {
    (void)state;
    size_t algorithms;
    const char *const *names = tw_conv_algorithms(&algorithms);
    for (int number = 0; number < 4; number++) {
        tw_random r = tw_random_stream(1, TW_RANDOM_TEST, (uint64_t)number, 2);
        tw_geometry g = tw_geometry_defaults(2);
        g.batch = 2, g.in_channels = number < 2 ? 3 : 9, g.out_channels = number < 2 ? 5 : 18;
        g.pad_mode = TW_PAD_REPLICATE, g.layout = (tw_layout)(number % 2);
        for (int a = 0; a < 2; a++) g.input[a] = 4 + a, g.kernel[a] = 3;
        g.pad_begin[number / 2] = 2000, g.pad_end[number / 2] = 600;
        g.dilation[number / 2] = 500, g.stride[number / 2] = 400;
        assert_int_equal(tw_geometry_validate(&g), TW_OK);
        case_data c = case_make(&g, &r);
        for (size_t i = 0; i < algorithms; i++) check_algorithm(&c, names[i], number + 1);
        case_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_equals_the_taps_and_keeps_within_its_buffers),
        cmocka_unit_test(few_channels_equal_the_taps),
        cmocka_unit_test(replicated_padding_out_of_all_proportion_equals_the_taps),
    };
    return cmocka_run_group_tests(tests, fences_raise, NULL);
}

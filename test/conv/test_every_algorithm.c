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
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 200, MOST_TAPS = 400000, MOST_WALKED = 8000 };

/* ---- Buffers between pages that must not be touched. */

enum { X = 0, W, B, DY, RESULT, DB, WORKSPACE, PACKED, BUFFERS };
enum { ROOM = 1 << 24 };

typedef struct fence {
    char *first, *end; /* ROOM bytes that may be touched */
} fence;

static fence fences[BUFFERS];

static int raise_fences(void **state) {
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < BUFFERS; i++) {
        char *map = mmap(NULL, ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + page, ROOM, PROT_READ | PROT_WRITE)) return -1;
        fences[i] = (fence){map + page, map + page + ROOM};
    }
    return 0;
}

/* Room for `bytes`, filled with NaN, flush with the fence behind or before it. */
static void *place(int buffer, size_t bytes, bool at_end) {
    assert_true(bytes <= ROOM);
    char *at = at_end ? fences[buffer].end - bytes : fences[buffer].first;
    memset(at, 0xff, bytes);
    return at;
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
    tw_conv_call call = {.pass = pass, .workspace_bytes = bytes};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_equals_the_taps_and_keeps_within_its_buffers),
    };
    return cmocka_run_group_tests(tests, raise_fences, NULL);
}

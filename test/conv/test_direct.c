/* Every exact algorithm equals the walk over the taps with ==: random geometries of every kind, each pass,
 * type and instruction set of this machine, between guard pages that no byte beyond a buffer can be read or
 * written without a crash. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "conv/cases.h"

enum { CASES = 150 };

/* A buffer whose end, or begin, lies at a page that must not be touched. */
typedef struct guarded {
    char *map, *at;
    size_t length;
} guarded;

static guarded guard(size_t bytes, size_t alignment, bool at_end) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    guarded g = {.length = inner + 2 * page};
    g.map = mmap(NULL, g.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect(g.map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(g.map + page + inner, page, PROT_NONE), 0);
    g.at = at_end ? g.map + page + (inner - bytes) / alignment * alignment : g.map + page;
    return g;
}

static guarded guard_numbers(tw_type type, const double *numbers, int64_t count, bool at_end) {
    guarded g = guard((size_t)count * tw_type_size(type), tw_type_size(type), at_end);
    case_narrow(type, numbers, g.at, count);
    return g;
}

static void unguard(guarded g) {
    munmap(g.map, g.length);
}

static bool equal(tw_type type, const void *got, const double *wanted, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (case_number(type, got, i) != wanted[i]) {
            fprintf(stderr, "element %lld is %g, expected %g\n", (long long)i, case_number(type, got, i),
                    wanted[i]);
            return false;
        }
    return true;
}

/* All passes of a plan with lent, guarded workspace; odd seeds pack the weights before. */
static bool passes_are_exact(const tw_conv *plan, const case_data *c, tw_type type, bool at_end) {
    const int64_t nx = c->sizes.x, ny = c->sizes.y, nw = c->sizes.w, nb = c->sizes.b;
    guarded x = guard_numbers(type, c->x, nx, at_end), w = guard_numbers(type, c->w, nw, at_end);
    guarded b = guard_numbers(type, c->b, nb, at_end), dy = guard_numbers(type, c->dy, ny, at_end);
    bool ok = true;
    for (int pass = 0; pass < TW_PASSES && ok; pass++) {
        guarded y = guard_numbers(type, c->x, 0, at_end), db = y;
        const double *wanted = pass == TW_FORWARD ? c->y : pass == TW_BACKWARD_DATA ? c->dx : c->dw;
        int64_t count = pass == TW_FORWARD ? ny : pass == TW_BACKWARD_DATA ? nx : nw;
        unguard(y);
        y = guard((size_t)count * tw_type_size(type), tw_type_size(type), at_end);
        db = guard((size_t)nb * tw_type_size(type), tw_type_size(type), at_end);
        memset(y.at, 0xff, (size_t)count * tw_type_size(type)); /* NaN: must be overwritten */
        guarded workspace = guard(tw_conv_workspace(plan, (tw_pass)pass, 0), 1, at_end);
        guarded packed = guard(tw_conv_packed_bytes(plan, (tw_pass)pass), 1, at_end);
        tw_conv_call call = {.pass = (tw_pass)pass,
                             .x = x.at,
                             .w = w.at,
                             .b = b.at,
                             .dy = dy.at,
                             .y = y.at,
                             .dx = y.at,
                             .dw = y.at,
                             .db = db.at,
                             .workspace = workspace.at,
                             .workspace_bytes = tw_conv_workspace(plan, (tw_pass)pass, 0)};
        if (!at_end && tw_conv_packed_bytes(plan, (tw_pass)pass) > 0) {
            assert_int_equal(tw_conv_pack(plan, (tw_pass)pass, w.at, packed.at), TW_OK);
            call.packed_w = packed.at, call.w = NULL;
        }
        if (tw_conv_execute(plan, &call) != TW_OK) fprintf(stderr, "%s\n", tw_message()), ok = false;
        ok = ok && equal(type, y.at, wanted, count);
        if (pass == TW_BACKWARD_WEIGHTS) ok = ok && equal(type, db.at, c->db, nb);
        if (!ok) fprintf(stderr, "%s ", tw_pass_name((tw_pass)pass));
        unguard(y), unguard(db), unguard(workspace), unguard(packed);
    }
    unguard(x), unguard(w), unguard(b), unguard(dy);
    return ok;
}

static void check_case(const tw_geometry *g, uint64_t number, const char *algorithm, const char *isa,
                       tw_type type) {
    tw_random r = tw_random_stream(2, TW_RANDOM_TEST, number, 0);
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = algorithm, o.isa = isa, o.type = type;
    o.threads = (int)(number % 3) + 1;
    o.lends_workspace = true;
    tw_conv *plan;
    tw_status status = tw_conv_create(&plan, g, &o);
    if (status == TW_ERROR_UNSUPPORTED) return;
    assert_int_equal(status, TW_OK);
    case_data c = case_make(g, &r);
    bool ok = passes_are_exact(plan, &c, type, number % 2);
    if (!ok) {
        case_print(g, algorithm);
        fprintf(stderr, "case %llu isa %s type %d\n", (unsigned long long)number, isa, (int)type);
    }
    assert_true(ok);
    case_free(&c);
    tw_conv_free(plan);
}

static void each_case(const char *algorithm) {
    size_t isas;
    const tw_machine_isa *isa = tw_machine_isas(&isas);
    for (uint64_t number = 0; number < CASES; number++) {
        tw_random r = tw_random_stream(1, TW_RANDOM_TEST, number, 0);
        tw_geometry g = case_draw(&r);
        if (tw_geometry_validate(&g) != TW_OK) continue;
        for (size_t i = 0; i < isas; i++)
            for (int type = 0; isa[i].runs && type < 2; type++)
                check_case(&g, number, algorithm, isa[i].name, (tw_type)type);
    }
}

static void direct_equals_the_taps_everywhere(void **state) {
    (void)state;
    each_case("direct");
}

static void reference_equals_the_taps_everywhere(void **state) {
    (void)state;
    each_case("reference");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_equals_the_taps_everywhere),
        cmocka_unit_test(reference_equals_the_taps_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

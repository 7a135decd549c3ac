/* What a plan and a call refuse, and that nothing is written then. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <twill/conv.h>

enum { SIDE = 5, IN = 2, OUT = 3, X = IN * SIDE * SIDE, Y = OUT * SIDE * SIDE, W = OUT * IN * 9 };

static tw_geometry plain(void) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = IN, g.out_channels = OUT;
    for (int a = 0; a < 2; a++) g.input[a] = SIDE, g.kernel[a] = 3, g.pad_begin[a] = g.pad_end[a] = 1;
    return g;
}

static tw_conv *make(const tw_conv_options *options) {
    tw_geometry g = plain();
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, options), TW_OK);
    return plan;
}

static tw_conv *make_direct(bool lends) {
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = "direct", o.lends_workspace = lends, o.threads = 2;
    return make(&o);
}

static void refuse(tw_conv_options o, tw_status wanted, const char *word) {
    tw_geometry g = plain();
    tw_conv *plan = (tw_conv *)&g;
    assert_int_equal(tw_conv_create(&plan, &g, &o), wanted);
    assert_null(plan);
    assert_non_null(strstr(tw_message(), word));
}

static void options_out_of_range_are_refused_by_name(void **state) {
    (void)state;
    tw_conv_options o = tw_conv_options_defaults();
    o.struct_size++, refuse(o, TW_ERROR_VERSION, "struct_size");
    o = tw_conv_options_defaults(), o.type = (tw_type)99, refuse(o, TW_ERROR_ARGUMENT, "type");
    o = tw_conv_options_defaults(), o.type = (tw_type)-1, refuse(o, TW_ERROR_ARGUMENT, "type");
    o = tw_conv_options_defaults(), o.accuracy = (tw_accuracy)9, refuse(o, TW_ERROR_ARGUMENT, "accuracy");
    o = tw_conv_options_defaults(), o.threads = -1, refuse(o, TW_ERROR_ARGUMENT, "threads");
    o = tw_conv_options_defaults(), o.algorithm = "nonesuch", refuse(o, TW_ERROR_ARGUMENT, "nonesuch");
    o = tw_conv_options_defaults(), o.isa = "sse9", refuse(o, TW_ERROR_ARGUMENT, "sse9");
    size_t count;
    const tw_machine_isa *isa = tw_machine_isas(&count);
    const char *foreign = strcmp(isa[count - 1].name, "neon") == 0 ? "avx2" : "neon";
    o = tw_conv_options_defaults(), o.isa = foreign, refuse(o, TW_ERROR_UNSUPPORTED, foreign);
}

static void a_thousand_million_threads_are_clamped(void **state) {
    (void)state;
    tw_conv_options o = tw_conv_options_defaults();
    o.threads = 1000000000;
    tw_conv *plan = make(&o);
    assert_int_equal(tw_conv_workspace(plan, TW_FORWARD, 0),
                     tw_conv_workspace(plan, TW_FORWARD, TW_MAX_THREADS));
    tw_conv_free(plan);
}

static void a_forced_algorithm_says_why_it_declines(void **state) {
    (void)state;
    tw_geometry g = plain();
    g.stride[0] = g.stride[1] = 2;
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = "winograd-4x4";
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, &o), TW_ERROR_UNSUPPORTED);
    assert_null(plan);
    assert_non_null(strstr(tw_message(), "winograd-4x4"));
    assert_int_equal(tw_conv_create(&plan, &g, NULL), TW_OK);
    assert_non_null(tw_conv_declines(plan, TW_FORWARD, "winograd-4x4"));
    assert_null(tw_conv_declines(plan, TW_FORWARD, "direct"));
    assert_non_null(tw_conv_declines(plan, TW_FORWARD, "nonesuch"));
    tw_conv_free(plan);
}

static void null_is_refused_one_pointer_at_a_time(void **state) {
    (void)state;
    float x[X] = {0}, y[Y] = {0}, w[W] = {0}, dw[W] = {0}, dx[X] = {0};
    tw_conv *plan = make_direct(false);
    assert_int_equal(tw_conv_forward(NULL, x, w, NULL, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_execute(plan, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_forward(plan, NULL, w, NULL, y), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "x is NULL"));
    assert_int_equal(tw_conv_forward(plan, x, NULL, NULL, y), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_backward_data(plan, NULL, w, dx), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_backward_data(plan, y, w, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_backward_weights(plan, x, NULL, dw, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_backward_weights(plan, x, y, NULL, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_create(NULL, NULL, NULL), TW_ERROR_ARGUMENT);
    tw_conv_free(plan);
    tw_conv_free(NULL);
}

static void an_output_that_overlaps_an_input_is_refused_and_untouched(void **state) {
    (void)state;
    float all[X + Y + W + W], *x = all, *y = x + X, *w = y + Y, *dw = w + W;
    for (int i = 0; i < X + Y + W + W; i++) all[i] = (float)i;
    tw_conv *plan = make_direct(false);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, x), TW_ERROR_ALIAS);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, x + 1), TW_ERROR_ALIAS);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y + 1), TW_ERROR_ALIAS); /* its end lies in w */
    assert_int_equal(tw_conv_backward_weights(plan, x, y, x + X - 1, NULL), TW_ERROR_ALIAS);
    assert_int_equal(tw_conv_backward_weights(plan, x, y, dw, dw + 1), TW_ERROR_ALIAS);
    assert_int_equal(tw_conv_backward_data(plan, y, w, y), TW_ERROR_ALIAS);
    for (int i = 0; i < X + Y + W + W; i++) assert_true(all[i] == (float)i);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y), TW_OK); /* side by side is no overlap */
    tw_conv_free(plan);
}

static void a_workspace_one_byte_short_is_refused(void **state) {
    (void)state;
    float x[X] = {0}, y[Y], w[W] = {0};
    tw_conv *plan = make_direct(true);
    size_t wanted = tw_conv_workspace(plan, TW_FORWARD, 1);
    assert_true(wanted > 0);
    char *workspace = malloc(wanted);
    tw_conv_call call = {
        .pass = TW_FORWARD, .x = x, .w = w, .y = y, .workspace = workspace, .workspace_bytes = wanted - 1};
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "workspace_bytes"));
    call.workspace_bytes = wanted; /* enough for one thread of two */
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    call.workspace = NULL;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_forward(plan, x, w, NULL, y), TW_ERROR_ARGUMENT);
    call.workspace = y, call.workspace_bytes = sizeof y + wanted;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ALIAS);
    free(workspace);
    tw_conv_free(plan);
}

static void wrong_passes_threads_and_addresses_are_refused(void **state) {
    (void)state;
    float x[X + 1] = {0}, y[Y], w[W] = {0};
    tw_conv *plan = make_direct(false);
    tw_conv_call call = {.pass = (tw_pass)3, .x = x, .w = w, .y = y};
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    call.pass = (tw_pass)-1;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    call.pass = TW_FORWARD, call.threads = -1;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    call.threads = 1000;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    call.x = (char *)x + 1;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "aligned"));
    call.x = (char *)x + 4; /* aligned to its type, to nothing more */
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    char *packed = malloc(tw_conv_packed_bytes(plan, TW_FORWARD) + sizeof *w);
    assert_int_equal(tw_conv_pack(plan, TW_FORWARD, w, packed + 1), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "aligned"));
    assert_int_equal(tw_conv_pack(plan, TW_FORWARD, w, packed + sizeof *w), TW_OK);
    call.packed_w = packed + 1;
    assert_int_equal(tw_conv_execute(plan, &call), TW_ERROR_ARGUMENT);
    call.packed_w = packed + sizeof *w;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    free(packed);
    tw_conv_description d;
    assert_int_equal(tw_conv_describe(plan, (tw_pass)7, &d), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_describe(plan, TW_FORWARD, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_describe(plan, TW_FORWARD, &d), TW_OK);
    assert_string_equal(d.algorithm, "direct");
    assert_int_equal(d.taps, OUT * IN * (3 * SIDE - 2) * (3 * SIDE - 2));
    assert_int_equal(d.threads, 1); /* a few thousand products */
    assert_string_equal(tw_pass_name((tw_pass)9), "unknown");
    tw_conv_free(plan);
}

static void weights_without_a_packed_form_say_so(void **state) {
    (void)state;
    float w[W] = {0}, packed[W];
    tw_conv *plan = make_direct(false);
    assert_int_equal(tw_conv_packed_bytes(plan, TW_BACKWARD_WEIGHTS), 0);
    assert_int_equal(tw_conv_pack(plan, TW_BACKWARD_WEIGHTS, w, packed), TW_ERROR_UNSUPPORTED);
    assert_int_equal(tw_conv_pack(plan, TW_FORWARD, w, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_conv_pack(plan, TW_FORWARD, w, w), TW_ERROR_ALIAS);
    tw_conv_free(plan);
}

static void an_empty_batch_gives_gradients_of_zero(void **state) {
    (void)state;
    tw_geometry g = plain();
    g.batch = 0;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, NULL), TW_OK);
    float w[W] = {0}, dw[W], db[OUT];
    memset(dw, 0xff, sizeof dw), memset(db, 0xff, sizeof db);
    assert_int_equal(tw_conv_forward(plan, NULL, w, NULL, NULL), TW_OK);
    assert_int_equal(tw_conv_backward_data(plan, NULL, w, NULL), TW_OK);
    assert_int_equal(tw_conv_backward_weights(plan, NULL, NULL, dw, db), TW_OK);
    for (int i = 0; i < W; i++) assert_true(dw[i] == 0);
    for (int i = 0; i < OUT; i++) assert_true(db[i] == 0);
    tw_conv_free(plan);
}

static void inputs_may_lie_in_memory_that_cannot_be_written(void **state) {
    (void)state;
    float *read_only = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(read_only != MAP_FAILED);
    for (int i = 0; i < 1024; i++) read_only[i] = 1;
    assert_int_equal(mprotect(read_only, 4096, PROT_READ), 0);
    tw_conv *plan = make_direct(false);
    float y[Y], dx[X], dw[W];
    assert_int_equal(tw_conv_forward(plan, read_only, read_only + X, NULL, y), TW_OK);
    assert_int_equal(tw_conv_backward_data(plan, read_only, read_only + Y, dx), TW_OK);
    assert_int_equal(tw_conv_backward_weights(plan, read_only, read_only + X, dw, NULL), TW_OK);
    assert_true(y[SIDE + 1] == 18 && dw[4] == 25);
    munmap(read_only, 4096);
    tw_conv_free(plan);
}

/* Of this process. */
static int count_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void little_work_takes_more_threads_only_when_told(void **state) {
    (void)state;
    enum { IMAGES = 6 };
    static float x[IMAGES * X], w[W], y[IMAGES * Y];
    tw_geometry g = plain();
    g.batch = IMAGES;
    tw_conv_options o = tw_conv_options_defaults();
    o.algorithm = "direct", o.threads = 3;
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, &g, &o), TW_OK);
    tw_conv_call call = {.pass = TW_FORWARD, .x = x, .w = w, .y = y};
    const int before = count_threads();
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    assert_int_equal(count_threads(), before);
    call.threads = 3;
    assert_int_equal(tw_conv_execute(plan, &call), TW_OK);
    assert_true(count_threads() >= before + 2); /* a sanitizer may have one of its own */
    tw_conv_free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_work_takes_more_threads_only_when_told), /* first: helpers stay */
        cmocka_unit_test(options_out_of_range_are_refused_by_name),
        cmocka_unit_test(a_thousand_million_threads_are_clamped),
        cmocka_unit_test(a_forced_algorithm_says_why_it_declines),
        cmocka_unit_test(null_is_refused_one_pointer_at_a_time),
        cmocka_unit_test(an_output_that_overlaps_an_input_is_refused_and_untouched),
        cmocka_unit_test(a_workspace_one_byte_short_is_refused),
        cmocka_unit_test(wrong_passes_threads_and_addresses_are_refused),
        cmocka_unit_test(weights_without_a_packed_form_say_so),
        cmocka_unit_test(an_empty_batch_gives_gradients_of_zero),
        cmocka_unit_test(inputs_may_lie_in_memory_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

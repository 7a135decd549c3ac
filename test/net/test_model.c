/* Model files: what is saved comes back to the bit; what does not fit is told with what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/model.h>

#include "base/files.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "scratch.h"

enum { WEIGHTS = 2 * 1 * 2 * 2 + 2 + 3 * 2 * 4 + 3 };
static const tw_net_input IMAGE = {.spatial = 2, .channels = 1, .size = {3, 3}};
static const char TEXT[] = "conv 2 2x2; relu; dense 3";

static tw_net *make_net(float *weights) {
    tw_net *net;
    assert_int_equal(tw_net_create(&net, TEXT, IMAGE), TW_OK);
    assert_int_equal(tw_net_weights(net), WEIGHTS);
    assert_int_equal(tw_net_initialise(net, 7, TW_F32, weights), TW_OK);
    return net;
}

static void a_model_comes_back_to_the_bit(void **state) {
    scratch *s = *state;
    float weights[WEIGHTS];
    tw_net *net = make_net(weights);
    weights[0] = -0.0f, weights[1] = 1e-42f;
    static const char *const names[] = {"cat", "dog \"big\"", "\xe7\xb5\xb1"};
    const char *path = scratch_path(s, "a.safetensors");
    assert_int_equal(tw_model_save(path, net, weights, 3, names), TW_OK);
    tw_model *model;
    assert_int_equal(tw_model_load(&model, path), TW_OK);
    assert_string_equal(tw_net_text(model->net), tw_net_text(net));
    assert_int_equal(tw_net_image(model->net).size[1], 3);
    assert_memory_equal(model->weights, weights, sizeof weights);
    assert_int_equal(model->classes, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(model->class_names[i], names[i]);
    tw_model_free(model);
    assert_int_equal(tw_model_save(path, net, weights, 3, NULL), TW_OK);
    assert_int_equal(tw_model_load(&model, path), TW_OK);
    assert_string_equal(model->class_names[2], "2");
    tw_model_free(model);
    tw_net_free(net);
}

static void bad_arguments_are_named(void **state) {
    scratch *s = *state;
    float weights[WEIGHTS];
    tw_net *net = make_net(weights);
    static const char *const names[] = {"a", "b\nc"};
    const char *path = scratch_path(s, "b.safetensors");
    assert_int_equal(tw_model_save(path, net, weights, 0, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_model_save(path, net, weights, 2, names), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "class_names[1]"));
    assert_int_equal(tw_model_save(path, net, NULL, 2, NULL), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_model_save(scratch_path(s, "no/model"), net, weights, 3, NULL), TW_ERROR_IO);
    assert_int_equal(tw_model_save("/dev/full", net, weights, 3, NULL), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), "/dev/full"));
    tw_model *model;
    assert_int_equal(tw_model_load(&model, scratch_path(s, "none")), TW_ERROR_IO);
    assert_null(model);
    tw_net_free(net);
}

static const float NUMBERS[64];
static const tw_safetensors_text TEXTS[] = {
    {"twill.net", TEXT}, {"twill.input", "1x3x3"}, {"twill.classes", "a\nb\nc"}};
static const tw_safetensor TENSORS[] = {
    {.name = "1.conv.weight", .rank = 4, .shape = {2, 1, 2, 2}, .count = 8, .data = NUMBERS},
    {.name = "1.conv.bias", .rank = 1, .shape = {2}, .count = 2, .data = NUMBERS},
    {.name = "3.dense.weight", .rank = 2, .shape = {3, 8}, .count = 24, .data = NUMBERS},
    {.name = "3.dense.bias", .rank = 1, .shape = {3}, .count = 3, .data = NUMBERS}};

static void assert_refused(scratch *s, const tw_safetensors *content, tw_status expected, const char *says) {
    const char *path = scratch_path(s, "c.safetensors");
    tw_model *model;
    assert_int_equal(tw_safetensors_write(path, content), TW_OK);
    tw_status status = tw_model_load(&model, path);
    if (status != expected || (says && (!strstr(tw_message(), says) || !strstr(tw_message(), path))))
        fail_msg("%s: %s; expected %s and '%s'", tw_status_name(status), tw_message(),
                 tw_status_name(expected), says);
    if (status) assert_null(model);
    tw_model_free(model);
}

static void tensors_that_do_not_fit_are_listed(void **state) {
    scratch *s = *state;
    assert_refused(s, &(tw_safetensors){TENSORS, 4, TEXTS, 3}, TW_OK, NULL);
    assert_refused(s, &(tw_safetensors){TENSORS, 3, TEXTS, 3}, TW_ERROR_SHAPE,
                   "'3.dense.bias' expected 3, found nothing");
    tw_safetensor bad[5];
    memcpy(bad, TENSORS, sizeof TENSORS);
    bad[0].shape[2] = 4, bad[0].shape[3] = 1;
    bad[3].name = "3.dense.bios";
    assert_refused(s, &(tw_safetensors){bad, 4, TEXTS, 3}, TW_ERROR_SHAPE,
                   "'1.conv.weight' expected 2x1x2x2, found 2x1x4x1");
    assert_refused(s, &(tw_safetensors){bad, 4, TEXTS, 3}, TW_ERROR_SHAPE,
                   "'3.dense.bios' expected nothing of that name");
}

static void metadata_that_are_wrong_are_told(void **state) {
    scratch *s = *state;
    static const struct {
        int which;
        const char *value;
        tw_status expected;
        const char *says;
    } cases[] = {
        {0, "conv 2 9x9; dense 3", TW_ERROR_SHAPE, ""},
        {0, "cnov 2 2x2", TW_ERROR_FORMAT, "cnov"},
        {1, "", TW_ERROR_FORMAT, "twill.input"},
        {1, "1", TW_ERROR_FORMAT, "twill.input"},
        {1, "1x3x3x3x3", TW_ERROR_FORMAT, "twill.input"},
        {1, "1x3x", TW_ERROR_FORMAT, "twill.input"},
        {1, "1x-3x3", TW_ERROR_FORMAT, "twill.input"},
        {1, "0x3x3", TW_ERROR_FORMAT, "twill.input"},
        {1, "1x99999999999999999999x3", TW_ERROR_FORMAT, ""},
        {1, " 1x3x3", TW_ERROR_FORMAT, "twill.input"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_safetensors_text texts[3];
        memcpy(texts, TEXTS, sizeof TEXTS);
        texts[cases[i].which].value = cases[i].value;
        assert_refused(s, &(tw_safetensors){TENSORS, 4, texts, 3}, cases[i].expected, cases[i].says);
    }
    for (int without = 0; without < 3; without++) {
        tw_safetensors_text texts[2] = {TEXTS[without == 0], TEXTS[without == 2 ? 1 : 2]};
        assert_refused(s, &(tw_safetensors){TENSORS, 4, texts, 2}, TW_ERROR_FORMAT, TEXTS[without].key);
    }
}

/* A cut anywhere is refused; a flipped bit is refused or changes nothing that is used. */
static void a_damaged_model_is_refused(void **state) {
    scratch *s = *state;
    float weights[WEIGHTS];
    tw_net *net = make_net(weights);
    unsigned char *bytes;
    int64_t size;
    const char *path = scratch_path(s, "d.safetensors");
    assert_int_equal(tw_model_save(path, net, weights, 3, NULL), TW_OK);
    assert_int_equal(tw_file_read(path, 1 << 20, &bytes, &size), TW_OK);
    tw_model *model;
    for (int64_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(tw_model_load(&model, scratch_file(s, "e", bytes, (size_t)cut)), TW_OK);
        assert_null(model);
    }
    for (int64_t bit = 0; bit < 8 * size; bit += bit < 64 ? 1 : 3) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (tw_model_load(&model, scratch_file(s, "e", bytes, (size_t)size)) == TW_OK)
            assert_memory_equal(model->weights, weights, sizeof weights);
        tw_model_free(model);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    tw_free(bytes);
    tw_net_free(net);
}

static void a_model_in_memory_is_read_as_its_file_is(void **state) {
    scratch *s = *state;
    float weights[WEIGHTS];
    tw_net *net = make_net(weights);
    const char *path = scratch_path(s, "m.safetensors");
    assert_int_equal(tw_model_save(path, net, weights, 3, NULL), TW_OK);
    unsigned char *bytes;
    int64_t size;
    tw_model *model;
    assert_int_equal(tw_file_read(path, 1 << 20, &bytes, &size), TW_OK);
    assert_int_equal(tw_model_parse(&model, "a download", bytes, (size_t)size), TW_OK);
    assert_memory_equal(model->weights, weights, sizeof weights);
    tw_model_free(model);
    for (int64_t cut = 0; cut < size; cut += 7) {
        assert_int_not_equal(tw_model_parse(&model, "a download", bytes, (size_t)cut), TW_OK);
        assert_non_null(strstr(tw_message(), "a download"));
        assert_null(model);
    }
    assert_int_equal(tw_model_parse(&model, "a download", NULL, 4), TW_ERROR_ARGUMENT);
    tw_free(bytes);
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_comes_back_to_the_bit),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(tensors_that_do_not_fit_are_listed),
        cmocka_unit_test(metadata_that_are_wrong_are_told),
        cmocka_unit_test(a_damaged_model_is_refused),
        cmocka_unit_test(a_model_in_memory_is_read_as_its_file_is),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

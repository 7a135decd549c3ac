/* The text form: what is read, what is printed, and what every mistake says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/net.h>

#include "base/random.h"

static const tw_net_input gray28 = {.spatial = 2, .channels = 1, .size = {28, 28}};
static const tw_net_input colour32 = {.spatial = 2, .channels = 3, .size = {32, 32}};

static tw_net *make(const char *text, tw_net_input input) {
    tw_net *net;
    tw_status status = tw_net_create(&net, text, input);
    if (status) fail_msg("'%s': %s", text, tw_message());
    return net;
}

static void lenet_has_the_published_shapes_and_parameters(void **state) {
    (void)state;
    tw_net *net = make("lenet5", gray28);
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    assert_int_equal(count, 12);
    assert_string_equal(nodes[1].text, "conv 6 5x5 pad 2");
    static const int64_t outputs[] = {784, 4704, 4704, 1176, 1600, 1600, 400, 120, 120, 84, 84, 10};
    static const int64_t parameters[] = {0, 156, 0, 0, 2416, 0, 0, 48120, 0, 10164, 0, 850};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(nodes[i].outputs, outputs[i]);
        assert_int_equal(nodes[i].parameters, parameters[i]);
    }
    assert_int_equal(tw_net_weights(net), 61706);
    assert_int_equal(tw_net_trained(net), 61706);
    assert_int_equal(tw_net_loss(net), TW_CROSS_ENTROPY);
    tw_net_free(net);
}

static void zhang2016_is_the_network_of_the_derivation(void **state) {
    (void)state;
    tw_net *net = make("zhang2016", gray28);
    assert_int_equal(tw_net_loss(net), TW_SQUARED_ERROR);
    /* 6 5x5 kernels and biases, 6 * 12 kernels and 12 biases, 10 * 192 weights and 10 biases */
    assert_int_equal(tw_net_weights(net), 156 + 1812 + 1930);
    tw_net_free(net);
}

static void resnet20_has_the_published_number_of_parameters(void **state) {
    (void)state;
    tw_net *net = make("resnet20", colour32);
    /* 19 3x3 convolutions: 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864; 2 projections: 512 + 2048;
     * batch norm: 2 * (7 * 16 + 7 * 32 + 7 * 64) with the projections' two; dense: 650 */
    int64_t convolutions = 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864 + 512 + 2048;
    int64_t norms = 2 * (7 * 16 + 7 * 32 + 7 * 64);
    assert_int_equal(tw_net_trained(net), convolutions + norms + 650);
    assert_int_equal(tw_net_weights(net) - tw_net_trained(net), norms);
    tw_net_free(net);
}

/* Counts as torchvision's list of models gives them. */
static void networks_for_imagenet_have_the_published_sizes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t parameters, last_image; /* numbers before the first dense layer or the global mean */
    } expected[] = {
        {"resnet50", 25557032, 2048 * 7 * 7},
        {"mobilenetv2", 3504872, 1280 * 7 * 7},
        {"vgg11", 132863336, 512 * 7 * 7},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        tw_net *net = make(expected[i].name, (tw_net_input){.spatial = 2, .channels = 3, .size = {224, 224}});
        assert_int_equal(tw_net_trained(net), expected[i].parameters);
        assert_int_equal(tw_net_outputs(net), 1000);
        size_t count, images = 0;
        const tw_net_node *nodes = tw_net_nodes(net, &count);
        for (size_t n = 1; n < count; n++)
            if (nodes[n].spatial == 2) images = n;
        assert_int_equal(nodes[images].outputs, expected[i].last_image);
        tw_net_free(net);
    }
}

static void parameters_are_named_and_laid_end_to_end(void **state) {
    (void)state;
    tw_net *net = make("conv 4 3x3; batchnorm; dense 5 nobias", gray28);
    static const struct {
        const char *name;
        int64_t count;
        bool trained, decays;
    } expected[] = {{"1.conv.weight", 36, true, true},        {"1.conv.bias", 4, true, false},
                    {"2.batchnorm.weight", 4, true, false},   {"2.batchnorm.bias", 4, true, false},
                    {"3.dense.weight", 13520, true, true},    {"2.batchnorm.mean", 4, false, false},
                    {"2.batchnorm.variance", 4, false, false}};
    size_t count;
    const tw_net_parameter *p = tw_net_parameters(net, &count);
    assert_int_equal(count, 7);
    int64_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(p[i].name, expected[i].name);
        assert_int_equal(p[i].count, expected[i].count);
        assert_int_equal(p[i].offset, offset);
        assert_int_equal(p[i].trained, expected[i].trained);
        assert_int_equal(p[i].decays, expected[i].decays);
        offset += p[i].count;
    }
    tw_net_free(net);
}

static void every_named_network_is_made_for_its_input_and_prints_itself(void **state) {
    (void)state;
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    assert_true(count >= 4);
    for (size_t i = 0; i < count; i++) {
        tw_net *net = make(names[i].name, names[i].input);
        tw_net *again = make(tw_net_text(net), names[i].input);
        assert_string_equal(tw_net_text(net), tw_net_text(again));
        assert_int_equal(tw_net_weights(net), tw_net_weights(again));
        assert_int_equal(tw_net_outputs(net), tw_net_outputs(again));
        tw_net_free(net);
        tw_net_free(again);
    }
}

/* What is written in many ways is printed in one. */
static void the_text_is_printed_in_one_way(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"  conv   6 5x5\tpad 2 ;;\r\n relu # a comment\n\n dense 10;", "conv 6 5x5 pad 2; relu; dense 10"},
        {"convtranspose 3 4 stride 2 pad same", "deconv 3 4 stride 2 pad same"},
        {"conv 6 3x3 stride 2x1 groups 1 pad 1,2x0,1", "conv 6 3x3 stride 2x1 pad 1,2x0"
                                                       ",1"},
        {"conv 8 3 mode reflect pad 1 flip nobias", "conv 8 3 pad 1 mode reflect nobias flip"},
        {"leakyrelu 0.010; dense 3", "leakyrelu; dense 3"},
        {"leakyrelu .25; dense 3", "leakyrelu 0.25; dense 3"},
        {"batchnorm momentum 1e-1 eps 0.00001; dropout 0.50", "batchnorm; dropout 0.5"},
        {"a = conv 4 3 pad 1; b = relu; conv 4 1 from a; add b; loss squared; init he",
         "a = conv 4 3 pad 1; b = relu; conv 4 1 from a; add b; loss squared; init he"},
        {"c = relu; add input", "c = relu; add input"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_net *net = make(cases[i].text, gray28);
        assert_string_equal(tw_net_text(net), cases[i].printed);
        tw_net_free(net);
    }
}

/* Each mistake: its status and words that the message must hold (the place, the word, what was expected). */
static const struct {
    const char *text;
    tw_status status;
    const char *says[3];
} mistakes[] = {
    {"", TW_ERROR_FORMAT, {"at least one"}},
    {" # only a comment\n", TW_ERROR_FORMAT, {"at least one"}},
    {"\xef\xbb\xbf"
     "conv 6 5x5",
     TW_ERROR_FORMAT,
     {"operator 1", "conv"}},
    {"cnov 6 5x5", TW_ERROR_FORMAT, {"operator 1, line 1, column 1: 'cnov'", "conv, deconv"}},
    {"relu; conv 6 5x5 pda 2", TW_ERROR_FORMAT, {"operator 2, line 1, column 18: 'pda'", "pad"}},
    {"relu;\n  conv 6 5x5 pad", TW_ERROR_FORMAT, {"operator 2, line 2", "ends here", "padding"}},
    {"conv", TW_ERROR_FORMAT, {"output channels"}},
    {"conv 6", TW_ERROR_FORMAT, {"kernel size"}},
    {"conv pad 2", TW_ERROR_FORMAT, {"'pad'", "output channels"}},
    {"conv 6 5y5", TW_ERROR_FORMAT, {"'5y5'", "kernel size"}},
    {"conv 6 5x", TW_ERROR_FORMAT, {"'5x'"}},
    {"conv 6 3x3x3x3", TW_ERROR_FORMAT, {"'3x3x3x3'"}},
    {"conv 6 3x3x3", TW_ERROR_SHAPE, {"3 numbers", "conv 6 3x3x3"}},
    {"conv 6.0 3x3", TW_ERROR_FORMAT, {"'6.0'"}},
    {"conv 0x10 3", TW_ERROR_FORMAT, {"'0x10'"}},
    {"conv 1e3 3", TW_ERROR_FORMAT, {"'1e3'"}},
    {"conv -6 3", TW_ERROR_FORMAT, {"'-6'"}},
    {"conv +6 3", TW_ERROR_FORMAT, {"'+6'"}},
    {"conv 99999999999999999999 3", TW_ERROR_FORMAT, {"99999999999999999999"}},
    {"conv 0 3", TW_ERROR_ARGUMENT, {"'0'", "at least 1"}},
    {"conv 6 3 stride 0", TW_ERROR_ARGUMENT, {"'0'", "stride"}},
    {"conv 6 3 pad 1 pad 2", TW_ERROR_FORMAT, {"'pad'", "twice"}},
    {"conv 6 3 nobias nobias", TW_ERROR_FORMAT, {"twice"}},
    {"conv 6 3 mode mirror", TW_ERROR_FORMAT, {"'mirror'", "reflect"}},
    {"conv 6 3 groups 2", TW_ERROR_SHAPE, {"groups", "operator 1 ('conv 6 3 groups 2')"}},
    {"conv 6 31", TW_ERROR_SHAPE, {"spans 31"}},
    {"relu 3", TW_ERROR_FORMAT, {"'3'", "nothing more after 'relu'"}},
    {"relu; dense 10 10", TW_ERROR_FORMAT, {"column 16", "'10'"}},
    {"dropout", TW_ERROR_FORMAT, {"share"}},
    {"dropout 1", TW_ERROR_ARGUMENT, {"below 1"}},
    {"dropout nan", TW_ERROR_FORMAT, {"'nan'"}},
    {"dropout inf", TW_ERROR_FORMAT, {"'inf'"}},
    {"dropout 0,5", TW_ERROR_FORMAT, {"'0,5'"}},
    {"dropout 0x1p-1", TW_ERROR_FORMAT, {"0x1p-1"}},
    {"dropout 1e-999", TW_ERROR_FORMAT, {"1e-999"}},
    {"maxpool 2 pad 2", TW_ERROR_ARGUMENT, {"less than the kernel"}},
    {"avgpool 2 pad 2", TW_ERROR_ARGUMENT, {"less than the kernel"}},
    {"maxpool", TW_ERROR_FORMAT, {"window"}},
    {"avgpool 0", TW_ERROR_ARGUMENT, {"'0'"}},
    {"dense 10; conv 6 3", TW_ERROR_SHAPE, {"flat", "image"}},
    {"globalavgpool; maxpool 2", TW_ERROR_SHAPE, {"flat"}},
    {"a = relu; a = relu", TW_ERROR_FORMAT, {"'a'", "twice"}},
    {"relu = relu", TW_ERROR_FORMAT, {"'relu'", "another label"}},
    {"input = relu", TW_ERROR_FORMAT, {"'input'"}},
    {"3a = relu", TW_ERROR_FORMAT, {"'3a'", "label"}},
    {"= relu", TW_ERROR_FORMAT, {"'='"}},
    {"a = ", TW_ERROR_FORMAT, {"ends here"}},
    {"a = b = relu", TW_ERROR_FORMAT, {"'b'"}},
    {"a = add a", TW_ERROR_FORMAT, {"'a'", "earlier"}},
    {"add b; b = relu", TW_ERROR_FORMAT, {"'b'", "earlier"}},
    {"add", TW_ERROR_FORMAT, {"ends here", "label"}},
    {"relu from 7", TW_ERROR_FORMAT, {"'7'", "label"}},
    {"relu from -1", TW_ERROR_FORMAT, {"'-1'"}},
    {"relu from", TW_ERROR_FORMAT, {"ends here"}},
    {"relu from input input", TW_ERROR_FORMAT, {"column 17", "end"}},
    {"a = conv 3 3; relu from input", TW_ERROR_FORMAT, {"operator 1", "nobody reads"}},
    {"a = conv 3 3; conv 3 5 from input; add a", TW_ERROR_SHAPE, {"same shape", "26x26"}},
    {"relu; loss", TW_ERROR_FORMAT, {"ends here", "crossentropy"}},
    {"relu; loss hinge", TW_ERROR_FORMAT, {"'hinge'", "squared"}},
    {"relu; loss squared; loss squared", TW_ERROR_FORMAT, {"'loss'", "twice"}},
    {"relu; init lecun", TW_ERROR_FORMAT, {"'lecun'", "xavier"}},
    {"lenet5; dropout 0.5", TW_ERROR_FORMAT, {"'lenet5'"}},
    {"<html><body>", TW_ERROR_FORMAT, {"html"}},
    {"deconv 3 4 stride 2 outpad 2", TW_ERROR_ARGUMENT, {"output_padding"}},
    {"conv 6 3 dilation 9223372036854775807", TW_ERROR_FORMAT, {"dilation"}},
    {"conv 6 30 dilation 999999999999999999", TW_ERROR_OVERFLOW, {""}},
    {"dense 999999999999999999", TW_ERROR_OVERFLOW, {"63 bits"}},
    {"dense 1000000000", TW_ERROR_LIMIT, {"parameters"}},
    {"conv 1000000000 3; conv 1000000000 3", TW_ERROR_OVERFLOW, {"63 bits"}},
};

static void every_mistake_is_named_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        tw_net *net = (tw_net *)&net;
        tw_status status = tw_net_create(&net, mistakes[i].text, gray28);
        if (status != mistakes[i].status)
            fail_msg("'%s': %s, expected %s: %s", mistakes[i].text, tw_status_name(status),
                     tw_status_name(mistakes[i].status), status ? tw_message() : "");
        assert_null(net);
        for (int k = 0; k < 3 && mistakes[i].says[k]; k++)
            if (!strstr(tw_message(), mistakes[i].says[k]))
                fail_msg("'%s': \"%s\" does not say \"%s\"", mistakes[i].text, tw_message(),
                         mistakes[i].says[k]);
    }
}

static void an_impossible_input_is_refused(void **state) {
    (void)state;
    tw_net *net;
    static const struct {
        tw_net_input input;
        tw_status status;
    } cases[] = {
        {{.spatial = 0, .channels = 1}, TW_ERROR_ARGUMENT},
        {{.spatial = 4, .channels = 1, .size = {1, 1, 1}}, TW_ERROR_ARGUMENT},
        {{.spatial = 2, .channels = 0, .size = {1, 1}}, TW_ERROR_ARGUMENT},
        {{.spatial = 2, .channels = 1, .size = {1, 0}}, TW_ERROR_ARGUMENT},
        {{.spatial = 2, .channels = 1, .size = {1, -5}}, TW_ERROR_ARGUMENT},
        {{.spatial = 3, .channels = 1 << 20, .size = {1 << 20, 1 << 20, 1 << 20}}, TW_ERROR_OVERFLOW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tw_net_create(&net, "relu", cases[i].input), cases[i].status);
    assert_int_equal(tw_net_create(&net, NULL, gray28), TW_ERROR_ARGUMENT);
    assert_int_equal(tw_net_create(NULL, "relu", gray28), TW_ERROR_ARGUMENT);
}

static char *repeat(const char *text, int64_t count) {
    size_t length = strlen(text);
    char *all = malloc(length * (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) memcpy(all + (size_t)i * length, text, length);
    all[length * (size_t)count] = 0;
    return all;
}

static void limits_answer_at_once(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t count;
        tw_status status;
    } cases[] = {
        {"relu;", 10000, TW_OK},
        {"relu;", 10001, TW_ERROR_LIMIT},
        {"relu\n", 200000, TW_ERROR_LIMIT},
        {"x", 10 << 20, TW_ERROR_LIMIT},
        {"x", 1 << 20, TW_ERROR_FORMAT},
        {";", 1 << 20, TW_ERROR_FORMAT},
        {"# ", 1 << 19, TW_ERROR_FORMAT},
        {"9", 1000, TW_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = repeat(cases[i].text, cases[i].count);
        tw_net *net;
        assert_int_equal(tw_net_create(&net, text, gray28), cases[i].status);
        tw_net_free(net);
        free(text);
    }
}

static void ten_thousand_labels_are_no_quadratic_work(void **state) {
    (void)state;
    char *text = malloc(1 << 20), *at = text;
    for (int i = 0; i < 5000; i++) at += sprintf(at, "l%d = relu; add l%d;", i, i);
    tw_net *net = make(text, gray28);
    size_t count;
    tw_net_nodes(net, &count);
    assert_int_equal(count, 10001);
    tw_net_free(net);
    free(text);
}

/* ---- Random networks, through the builder and through text ---- */

static int pick(tw_random *random, int below) {
    return (int)tw_random_below(random, (uint64_t)below);
}

static void random_operator(tw_random *random, char *text, size_t size) {
    static const char *const simple[] = {"relu",          "relu6",
                                         "leakyrelu 0.2", "sigmoid",
                                         "tanh",          "batchnorm eps 1e-3",
                                         "softmax",       "dropout 0.25",
                                         "batchnorm",     "maxpool 3 stride 1 pad 1"};
    int kind = pick(random, 15), k = 1 + 2 * pick(random, 2);
    if (kind < 10)
        snprintf(text, size, "%s", simple[kind]);
    else if (kind < 13)
        snprintf(text, size, "conv %d %dx%d pad %d dilation %d mode %s%s", 4 * (1 + pick(random, 2)), k, k,
                 k / 2, 1, pick(random, 2) ? "reflect" : "zeros", pick(random, 2) ? " nobias" : "");
    else if (kind == 13)
        snprintf(text, size, "deconv 4 %d pad same", k);
    else
        snprintf(text, size, "avgpool 3x1 stride 1 pad 1x0%s", pick(random, 2) ? " countpad" : "");
}

/* A random graph of 8x8 images: operators read earlier ones; what nobody reads is added at the end. */
static tw_net *random_net(uint64_t number) {
    tw_random random = tw_random_stream(1, TW_RANDOM_TEST, number, 0);
    tw_builder *builder;
    assert_int_equal(tw_builder_create(&builder, (tw_net_input){2, 4, {8, 8}}), TW_OK);
    int operators = 1 + pick(&random, 12), last = 0;
    for (int i = 0; i < operators; i++) {
        char text[128];
        random_operator(&random, text, sizeof text);
        int from = pick(&random, 3) ? last : 0;
        int made = tw_builder_add(builder, text, from);
        if (from != last || pick(&random, 3) == 0) {
            made = tw_builder_add(builder, "conv 4 1", made);
            int other = last == 0 ? 0 : tw_builder_add(builder, "conv 4 1", last);
            made = tw_builder_add2(builder, "add", made, other);
        }
        assert_true(made > last);
        last = made;
    }
    assert_true(tw_builder_add(builder, "dense 3", last) > 0);
    tw_net *net;
    tw_status status = tw_builder_finish(builder, &net);
    if (status) fail_msg("%s", tw_message());
    return net;
}

static void a_random_network_s_text_reads_back_to_the_same_network(void **state) {
    (void)state;
    for (uint64_t number = 0; number < 500; number++) {
        tw_net *net = random_net(number), *again = make(tw_net_text(net), (tw_net_input){2, 4, {8, 8}});
        assert_string_equal(tw_net_text(net), tw_net_text(again));
        size_t count, count_again;
        const tw_net_node *a = tw_net_nodes(net, &count), *b = tw_net_nodes(again, &count_again);
        assert_int_equal(count, count_again);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(a[i].text, b[i].text);
            assert_memory_equal(a[i].inputs, b[i].inputs, sizeof a[i].inputs);
            assert_int_equal(a[i].outputs, b[i].outputs);
            if (a[i].geometry) assert_memory_equal(a[i].geometry, b[i].geometry, sizeof *a[i].geometry);
        }
        tw_net_free(net);
        tw_net_free(again);
    }
}

static void any_bytes_are_answered_without_harm(void **state) {
    (void)state;
    static const char *const pieces[] = {"conv", " ",     "6",        "3x3",   ";",       "\n",   "pad",
                                         "=",    "add",   "a",        "#",     "from",    "same", "relu",
                                         ",",    "x",     "\xff\x80", "dense", "9",       "1e",   ".",
                                         "loss", "input", "\t",       "-",     "maxpool", "2"};
    tw_random random = tw_random_stream(2, TW_RANDOM_TEST, 0, 0);
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        for (int i = pick(&random, 16); i > 0; i--)
            strcat(text, pieces[pick(&random, sizeof pieces / sizeof *pieces)]);
        tw_net *net;
        if (tw_net_create(&net, text, gray28) == TW_OK) assert_non_null(net);
        tw_net_free(net);
    }
}

static void the_builder_keeps_its_first_error(void **state) {
    (void)state;
    tw_builder *builder;
    tw_net *net;
    assert_int_equal(tw_builder_create(&builder, gray28), TW_OK);
    assert_int_equal(tw_builder_add(builder, "conv 6 5x5", 0), 1);
    assert_int_equal(tw_builder_add(builder, "cnov 6 5x5", 1), -1);
    assert_int_equal(tw_builder_add(builder, "dense 10", 1), -1);
    assert_int_equal(tw_net_create(&net, "bogus", gray28), TW_ERROR_FORMAT);
    assert_int_equal(tw_builder_finish(builder, &net), TW_ERROR_FORMAT);
    assert_non_null(strstr(tw_message(), "'cnov'"));
    assert_null(net);
    static const struct {
        const char *text;
        int input;
    } wrong[] = {{"relu", 1},       {"relu", -1},           {"add", 0}, {NULL, 0},
                 {"relu; relu", 0}, {"relu from input", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(tw_builder_create(&builder, gray28), TW_OK);
        assert_int_equal(tw_builder_add(builder, wrong[i].text, wrong[i].input), -1);
        assert_int_not_equal(tw_builder_finish(builder, &net), TW_OK);
        assert_null(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet_has_the_published_shapes_and_parameters),
        cmocka_unit_test(zhang2016_is_the_network_of_the_derivation),
        cmocka_unit_test(resnet20_has_the_published_number_of_parameters),
        cmocka_unit_test(networks_for_imagenet_have_the_published_sizes),
        cmocka_unit_test(parameters_are_named_and_laid_end_to_end),
        cmocka_unit_test(every_named_network_is_made_for_its_input_and_prints_itself),
        cmocka_unit_test(the_text_is_printed_in_one_way),
        cmocka_unit_test(every_mistake_is_named_with_its_place),
        cmocka_unit_test(an_impossible_input_is_refused),
        cmocka_unit_test(limits_answer_at_once),
        cmocka_unit_test(ten_thousand_labels_are_no_quadratic_work),
        cmocka_unit_test(a_random_network_s_text_reads_back_to_the_same_network),
        cmocka_unit_test(any_bytes_are_answered_without_harm),
        cmocka_unit_test(the_builder_keeps_its_first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

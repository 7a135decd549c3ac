/* Gradients of every operator against central differences: tw_check_net on small networks. The check itself
 * is made to fail once, by a network whose backward pass is spoiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <twill/check.h>

static bool tell(void *context, const tw_check_line *line) {
    if (line->failed)
        print_error("%s: %s (%s): error %g, bound %g\n", (const char *)context, line->subject, line->variant,
                    line->largest_error, line->bound);
    return true;
}

static void check_entries(const char *text, tw_net_input input, int64_t entries) {
    tw_net *net;
    if (tw_net_create(&net, text, input)) fail_msg("'%s': %s", text, tw_message());
    tw_check_options options = tw_check_options_defaults();
    options.count = entries;
    options.seed = 3;
    options.report = tell;
    options.context = (void *)text;
    tw_check_result result;
    if (tw_check_net(net, &options, &result)) fail_msg("'%s': %s", text, tw_message());
    size_t count;
    const tw_net_parameter *p = tw_net_parameters(net, &count);
    int64_t tensors = 1;
    for (size_t i = 0; i < count; i++) tensors += p[i].trained;
    assert_int_equal(result.checked, tensors);
    assert_int_equal(result.failed, 0);
    tw_net_free(net);
}

static void check_text(const char *text, tw_net_input input) {
    check_entries(text, input, 12);
}

static void every_operator_of_images_has_the_right_gradient(void **state) {
    (void)state;
    static const char *const texts[] = {
        "conv 3 3x3; dense 4",
        "conv 4 3x2 stride 2x1 pad 1,0x1 dilation 1x2; dense 3",
        "conv 4 3 groups 2 pad same mode reflect nobias flip; dense 3",
        "conv 2 3 pad 2 mode replicate; conv 2 3 pad 2 mode circular; dense 3",
        "conv 4 3 groups 2 stride 3 pad same; dense 3",
        "deconv 3 3x3; dense 4",
        "deconv 4 3 stride 2 outpad 1 pad 1 groups 2; dense 3",
        "deconv 2 2 stride 3 pad same nobias flip; dense 3",
        "dense 7; dense 3 nobias",
        "maxpool 2; dense 3",
        "maxpool 3x2 stride 2x1 pad 1x0,1; dense 3",
        "avgpool 2; dense 3",
        "avgpool 3 stride 2 pad 1; dense 3",
        "avgpool 3x2 stride 1 pad 2,1x0 countpad; dense 3",
        "globalavgpool; dense 3",
        "batchnorm; dense 3",
        "conv 3 3; batchnorm eps 1e-3 momentum 0.5; relu; dense 3",
        "dense 6; batchnorm; dense 3",
        "dense 20; dropout 0.5; dense 3",
        "conv 3 3; relu; dense 3",
        "conv 3 3; relu6; dense 3",
        "dense 300; relu6; dense 3; init zhang2016",
        "conv 3 3; leakyrelu 0.1; dense 3",
        "conv 3 3; sigmoid; dense 3",
        "conv 3 3; tanh; dense 3",
        "conv 3 3; softmax; dense 3",
        "dense 4; softmax",
        "dense 4; softmax; loss squared",
        "softmax; flatten; dense 3; sigmoid; loss squared",
        "a = conv 2 3 pad 1; relu; b = conv 2 3 pad 1; add a; c = tanh; add b; add c; add a; dense 3",
        "add input; dense 3",
        "a = conv 2 1; b = tanh; conv 2 1 from a; add b; add input; dense 3",
        "relu",
        "flatten; softmax",
        "softmax from input; dense 3; loss squared",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_text(texts[i], (tw_net_input){.spatial = 2, .channels = 2, .size = {6, 5}});
}

static void operators_of_one_and_three_dimensions_have_the_right_gradient(void **state) {
    (void)state;
    static const char *const lines[] = {"conv 3 5 stride 2 pad 2; maxpool 2; deconv 2 3; dense 3",
                                        "batchnorm; avgpool 3 stride 2 pad 1; globalavgpool; dense 3"};
    for (size_t i = 0; i < 2; i++)
        check_text(lines[i], (tw_net_input){.spatial = 1, .channels = 2, .size = {17}});
    check_entries("maxpool 520 stride 60; dense 3", /* more taps than a byte counts */
                  (tw_net_input){.spatial = 1, .channels = 2, .size = {600}}, 1200);
    static const char *const blocks[] = {"conv 2 3x2x2 stride 1x2x1 pad 1; maxpool 2; dense 3",
                                         "deconv 2 2 stride 1x2x1; avgpool 2x3x1 pad 1x1x0; dense 3"};
    for (size_t i = 0; i < 2; i++)
        check_text(blocks[i], (tw_net_input){.spatial = 3, .channels = 2, .size = {4, 3, 3}});
}

static void whole_networks_have_the_right_gradient(void **state) {
    (void)state;
    check_entries("zhang2016", (tw_net_input){.spatial = 2, .channels = 1, .size = {28, 28}}, 3);
    check_entries("lenet5", (tw_net_input){.spatial = 2, .channels = 1, .size = {28, 28}}, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_of_images_has_the_right_gradient),
        cmocka_unit_test(operators_of_one_and_three_dimensions_have_the_right_gradient),
        cmocka_unit_test(whole_networks_have_the_right_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* `twill info`: this build and this machine and what they offer by name; or a network: layers, shapes,
 * parameters, operations, memory. */
#include <inttypes.h>
#include <string.h>

#include <twill/conv.h>
#include <twill/machine.h>

#include "aligned_table.h"
#include "command.h"
#include "data_options.h"
#include "json_line.h"
#include "net_options.h"
#include "terminal.h"
#include "wording.h"

static const tw_option model_options[] = {
    {.name = "model", .form = "FILE", .kind = TW_OPTION_TEXT, .help = "the network of this model file"},
    {.name = NULL},
};

static void list_isas(void) {
    size_t count;
    const tw_machine_isa *isas = tw_machine_isas(&count);
    printf("\nInstruction sets\n");
    for (size_t i = 0; i < count; ++i)
        printf("  %-8s  %s\n", isas[i].name,
               isas[i].chosen ? "chosen"
               : isas[i].runs ? "runs here"
                              : "this machine lacks it");
}

static void list_algorithms(void) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    printf("\nConvolution algorithms, in the order in which a plan asks them\n ");
    for (size_t i = 0; i < count; ++i) printf(" %s", names[i]);
    putchar('\n');
}

static void machine_json(void) {
    size_t count;
    tw_json_begin();
    tw_json_text("version", tw_version());
    tw_json_text("machine", tw_machine_describe());
    tw_json_integer("threads", tw_threads());
    tw_json_open_array("isas");
    const tw_machine_isa *isas = tw_machine_isas(&count);
    for (size_t i = 0; i < count; ++i)
        if (isas[i].runs) tw_json_text(NULL, isas[i].name);
    tw_json_close_array();
    tw_json_open_array("algorithms");
    const char *const *names = tw_conv_algorithms(&count);
    for (size_t i = 0; i < count; ++i) tw_json_text(NULL, names[i]);
    tw_json_close_array();
    tw_json_end();
}

static void machine(void) {
    printf("twill %s\n", tw_version());
    tw_words_wrap(stdout, tw_machine_describe(), 0, 0, tw_terminal_look(stdout).width);
    list_isas();
    list_algorithms();
    tw_net_options_list(stdout);
    tw_data_options_list(stdout);
}

/* ---- A network.
 * ------------------------------------------------------------------------------------------------ */

/* Bytes that a runner for one image plans; 0 when none can be made. */
static double runner_bytes(const tw_net *net) {
    tw_runner_options wanted = tw_runner_options_defaults();
    tw_runner *runner;
    wanted.batch = 1;
    if (tw_runner_create(&runner, net, &wanted) != TW_OK) return 0;
    const double bytes = (double)tw_runner_bytes(runner);
    tw_runner_free(runner);
    return bytes;
}

static int64_t total_flops(const tw_net *net) {
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    int64_t flops = 0;
    for (size_t i = 0; i < count; ++i) flops += nodes[i].flops;
    return flops;
}

static const char *node_shape(const tw_net_node *node, char text[TW_IMAGE_TEXT]) {
    if (node->spatial == 0)
        snprintf(text, TW_IMAGE_TEXT, "%" PRId64, node->outputs);
    else
        snprintf(text, TW_IMAGE_TEXT, "%" PRId64 "x%.60s", node->channels,
                 tw_words_sizes(node->size, node->spatial).text);
    return text;
}

/* Nodes take their input from the one before; others are named. */
static void node_inputs(const tw_net_node *node, int number, char text[32]) {
    *text = '\0';
    if (node->inputs[1] >= 0)
        snprintf(text, 32, "%d, %d", node->inputs[0], node->inputs[1]);
    else if (number > 0 && node->inputs[0] != number - 1)
        snprintf(text, 32, "%d", node->inputs[0]);
}

static void net_table(const tw_net *net) {
    size_t count;
    char shape[TW_IMAGE_TEXT], inputs[32];
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    tw_table *table = tw_table_create(
        "rslrrr", (const char *const[]){"", "layer", "from", "output", "parameters", "flops"});
    for (size_t i = 0; i < count; ++i) {
        node_inputs(&nodes[i], (int)i, inputs);
        tw_table_cell(table, "%zu", i);
        tw_table_cell(table, "%s", i == 0 ? "input" : nodes[i].text);
        tw_table_cell(table, "%s", inputs);
        tw_table_cell(table, "%s", node_shape(&nodes[i], shape));
        tw_table_cell(table, "%s", tw_words_count(nodes[i].parameters).text);
        tw_table_cell(table, "%s", tw_words_count(nodes[i].flops).text);
    }
    tw_table_print(table, stdout, 0, tw_terminal_look(stdout).width);
    tw_table_free(table);
}

static void net_text(const tw_net *net) {
    const double weights = 4 * (double)tw_net_weights(net);
    net_table(net);
    printf("\n%s parameters trained, %s operations an image\n", tw_words_count(tw_net_trained(net)).text,
           tw_words_count(total_flops(net)).text);
    printf("%s of weights", tw_words_bytes(weights).text);
    const double bytes = runner_bytes(net);
    if (bytes > 0) printf(", %s to run one image", tw_words_bytes(bytes).text);
    putchar('\n');
}

static void net_json(const tw_net *net) {
    size_t count;
    char shape[TW_IMAGE_TEXT];
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    tw_json_begin();
    tw_json_text("net", tw_net_text(net));
    tw_json_text("input", tw_net_image_text(tw_net_image(net), shape));
    tw_json_integer("outputs", tw_net_outputs(net));
    tw_json_integer("parameters", tw_net_trained(net));
    tw_json_integer("flops", total_flops(net));
    tw_json_integer("weights_bytes", 4 * tw_net_weights(net));
    tw_json_integer("runner_bytes", (int64_t)runner_bytes(net));
    tw_json_open_array("layers");
    for (size_t i = 0; i < count; ++i) {
        tw_json_open_object(NULL);
        tw_json_text("text", i == 0 ? "input" : nodes[i].text);
        tw_json_text("output", node_shape(&nodes[i], shape));
        tw_json_integer("parameters", nodes[i].parameters);
        tw_json_integer("flops", nodes[i].flops);
        tw_json_close_object();
    }
    tw_json_close_array();
    tw_json_end();
}

static void tell_net(const tw_net *net, bool json) {
    if (json)
        net_json(net);
    else
        net_text(net);
}

static int tell_model(const tw_arguments *arguments, bool json) {
    tw_model *model;
    const int status = tw_model_from_options(&model, arguments);
    if (status != TW_EXIT_DONE) return status;
    tell_net(model->net, json);
    if (!json) {
        printf("%d classes:", model->classes);
        for (int i = 0; i < model->classes && i < 20; ++i)
            printf(" %s", tw_words_quoted(model->class_names[i]).text);
        printf(model->classes > 20 ? " ...\n" : "\n");
    }
    tw_model_free(model);
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    const bool json = tw_arguments_given(arguments, "json"), named = tw_arguments_given(arguments, "net");
    const bool from_file = tw_arguments_given(arguments, "model");
    if (named && from_file) return tw_command_misused(command, "--net and --model exclude each other");
    if (!named && tw_arguments_given(arguments, "input"))
        return tw_command_misused(command, "--input: of which --net?");
    if (from_file) return tell_model(arguments, json);
    if (named) {
        tw_net *net;
        const int made = tw_net_from_options(&net, arguments, NULL, NULL);
        if (made != TW_EXIT_DONE) return made;
        tell_net(net, json);
        tw_net_free(net);
    } else if (json) {
        machine_json();
    } else {
        machine();
    }
    return TW_EXIT_DONE;
}

const tw_command tw_command_info = {
    .name = "info",
    .summary = "this build and machine, or a network: layers, shapes, parameters, flops, memory",
    .usage = "[--net NAME|TEXT [--input CxHxW] | --model FILE] [options]",
    .about =
        "Tells about this build and this machine: instruction sets, algorithms, networks. With --net about a "
        "network: each layer's output, parameters, and floating-point operations for one image (2 for a "
        "multiplication with its addition).\n"
        "\n"
        "  twill info --net lenet5\n"
        "  twill info --net 'conv 8 3x3 pad 1; relu; maxpool 2; dense 10' --input 1x28x28",
    .options = {tw_options_net, model_options, tw_options_json},
    .epilogue = tw_net_options_list,
    .run = run,
};

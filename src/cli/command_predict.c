/* `twill predict`: the classes of images: files, or samples of a data set. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "data_options.h"
#include "json_line.h"
#include "pixel_print.h"
#include "terminal.h"
#include "wording.h"

enum { WORDS_MOST = 100000 };

static const char *const splits[] = {"train", "test", NULL};

static const tw_option options[] = {
    {.name = "model", .form = "FILE", .kind = TW_OPTION_TEXT, .help = "the model, as twill train writes it"},
    {.name = "data",
     .form = "DATA",
     .kind = TW_OPTION_TEXT,
     .help = "take the images from this data set ..."},
    {.name = "index",
     .form = "N,...",
     .kind = TW_OPTION_LIST,
     .least = 0,
     .most = INT64_MAX,
     .help = "... by number, from 0 (default: 0)"},
    {.name = "split",
     .form = "SPLIT",
     .kind = TW_OPTION_CHOICE,
     .choices = splits,
     .help = "test (default) or train"},
    {.name = "top",
     .form = "K",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 1000,
     .help = "the K likeliest classes (default: 3)"},
    {.name = "quiet", .kind = TW_OPTION_FLAG, .help = "do not draw the image"},
    {.name = NULL},
};

typedef struct tw_prediction {
    const tw_arguments *arguments;
    const tw_model *model;
    tw_runner *runner;
    float *x, *outputs; /* one image; one output */
    int *order;         /* [outputs]: classes, the likeliest first */
} tw_prediction;

/* ---- From outputs to probabilities.
 * ---------------------------------------------------------------------------- */

/* Outputs become shares of 1: by softmax where the network gives logits, by their sum where its outputs are
 * already between 0 and 1 (a softmax, or sigmoids trained with squared error). */
static void to_probabilities(const tw_net *net, float *outputs) {
    size_t nodes;
    const int64_t n = tw_net_outputs(net);
    const tw_net_node *node = tw_net_nodes(net, &nodes);
    const char *last = node[nodes - 1].kind;
    const bool shares = strcmp(last, "softmax") == 0 || strcmp(last, "sigmoid") == 0;
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; ++i) largest = fmax(largest, outputs[i]);
    for (int64_t i = 0; i < n; ++i) {
        if (!shares) outputs[i] = (float)exp(outputs[i] - largest);
        sum += outputs[i];
    }
    for (int64_t i = 0; i < n && sum > 0; ++i) outputs[i] = (float)(outputs[i] / sum);
}

/* The `top` likeliest first; equal ones by number. */
static void rank(const float *outputs, int64_t n, int64_t top, int *order) {
    for (int64_t i = 0; i < n; ++i) order[i] = (int)i;
    for (int64_t i = 0; i < top; ++i) {
        int64_t best = i;
        for (int64_t j = i + 1; j < n; ++j)
            if (outputs[order[j]] > outputs[order[best]]) best = j;
        const int chosen = order[best];
        memmove(order + i + 1, order + i, (size_t)(best - i) * sizeof *order);
        order[i] = chosen;
    }
}

static tw_words class_name(const tw_model *model, int class) {
    tw_words words;
    if (class < model->classes && model->class_names) return tw_words_quoted(model->class_names[class]);
    snprintf(words.text, sizeof words.text, "%d", class);
    return words;
}

static const char *plain_name(const tw_model *model, int class, char number[16]) {
    if (class < model->classes && model->class_names) return model->class_names[class];
    snprintf(number, 16, "%d", class);
    return number;
}

/* ---- Telling.
 * -------------------------------------------------------------------------------------------------- */

static void print_json(const tw_prediction *p, const char *name, int label, int64_t top) {
    char number[16];
    tw_json_begin();
    tw_json_text("image", name);
    tw_json_text("class", plain_name(p->model, p->order[0], number));
    tw_json_real("probability", p->outputs[p->order[0]]);
    if (label >= 0) tw_json_text("label", plain_name(p->model, label, number));
    tw_json_open_array("top");
    for (int64_t i = 0; i < top; ++i) {
        tw_json_open_object(NULL);
        tw_json_text("class", plain_name(p->model, p->order[i], number));
        tw_json_real("probability", p->outputs[p->order[i]]);
        tw_json_close_object();
    }
    tw_json_close_array();
    tw_json_end();
}

static void print_text(const tw_prediction *p, const char *name, int label, int64_t top) {
    const tw_terminal terminal = tw_terminal_look(stdout);
    if (!tw_arguments_given(p->arguments, "quiet"))
        tw_pixels_print(stdout, tw_net_image(p->model->net), p->x, terminal);
    fputs(tw_words_quoted(name).text, stdout);
    if (label >= 0)
        printf(", labelled %s: %s", class_name(p->model, label).text,
               label == p->order[0] ? "right" : "wrong");
    putchar('\n');
    for (int64_t i = 0; i < top; ++i) {
        const float share = p->outputs[p->order[i]];
        printf("  %6.2f %%  %-12s  ", 100 * (double)share, class_name(p->model, p->order[i]).text);
        for (int bar = 0; bar < (int)(share * 30 + 0.5f); ++bar) fputs(terminal.unicode ? "█" : "=", stdout);
        putchar('\n');
    }
}

/* Runs the image in p->x and tells. label -1: not known. */
static int predict(tw_prediction *p, const char *name, int label) {
    const int64_t n = tw_net_outputs(p->model->net);
    int64_t top = tw_arguments_integer(p->arguments, "top", 3);
    if (top > n) top = n;
    if (tw_runner_forward(p->runner, NULL, p->x, 1, p->outputs) != TW_OK)
        return tw_command_failed(p->arguments->command, "%s", tw_message());
    to_probabilities(p->model->net, p->outputs);
    rank(p->outputs, n, top, p->order);
    if (tw_arguments_given(p->arguments, "json"))
        print_json(p, name, label, top);
    else
        print_text(p, name, label, top);
    fflush(stdout);
    return ferror(stdout) ? TW_EXIT_FAILED : TW_EXIT_DONE;
}

/* ---- Where the images come from.
 * ------------------------------------------------------------------------------- */

static int predict_files(tw_prediction *p) {
    const tw_net_input image = tw_net_image(p->model->net);
    int status = TW_EXIT_DONE;
    for (int i = 0; i < p->arguments->word_count && status != TW_EXIT_USAGE; ++i) {
        const char *path = p->arguments->words[i];
        int one = tw_image_read(path, image, p->x) == TW_OK
                      ? predict(p, path, -1)
                      : tw_command_failed(p->arguments->command, "%s", tw_message());
        if (one != TW_EXIT_DONE) status = one; /* the others are still looked at */
        if (ferror(stdout)) break;
    }
    return status;
}

static int predict_samples(tw_prediction *p, const tw_data *data, const char *specification) {
    const tw_list first = {.count = 1};
    const tw_list *list = tw_arguments_list(p->arguments, "index");
    const tw_data_info info = tw_data_describe(data);
    int status = tw_data_fits(p->arguments->command, p->model->net, data);
    if (!list) list = &first;
    for (int i = 0; i < list->count && status == TW_EXIT_DONE; ++i) {
        char name[TW_WORDING];
        int32_t label;
        const int64_t index = list->first[i];
        if (index >= info.count)
            return tw_command_misused(p->arguments->command,
                                      "--index: %" PRId64 " is out of range: 0 to %" PRId64, index,
                                      info.count - 1);
        if (tw_data_read(data, index, p->x, &label) != TW_OK)
            return tw_command_failed(p->arguments->command, "%s", tw_message());
        snprintf(name, sizeof name, "%.100s, number %" PRId64, specification, index);
        status = predict(p, name, label);
    }
    return status;
}

static int predict_all(tw_prediction *p) {
    const char *specification = tw_arguments_text(p->arguments, "data", NULL);
    tw_data *data;
    if (!specification) return predict_files(p);
    int status = tw_data_from_text(&data, p->arguments->command, specification,
                                   (tw_split)tw_arguments_integer(p->arguments, "split", TW_TEST));
    if (status != TW_EXIT_DONE) return status;
    status = predict_samples(p, data, specification);
    tw_data_close(data);
    return status;
}

static int with_model(const tw_arguments *arguments, const tw_model *model) {
    const size_t inputs = (size_t)tw_net_inputs(model->net), outputs = (size_t)tw_net_outputs(model->net);
    tw_prediction p = {.arguments = arguments, .model = model};
    tw_runner_options wanted = tw_runner_options_defaults();
    wanted.batch = 1;
    int status;
    if (tw_runner_create(&p.runner, model->net, &wanted) != TW_OK ||
        tw_runner_freeze(p.runner, model->weights) != TW_OK) {
        tw_runner_free(p.runner);
        return tw_command_failed(arguments->command, "%s", tw_message());
    }
    p.x = calloc(inputs + 1, sizeof *p.x);
    p.outputs = calloc(outputs + 1, sizeof *p.outputs);
    p.order = calloc(outputs + 1, sizeof *p.order);
    if (p.x && p.outputs && p.order)
        status = predict_all(&p);
    else
        status = tw_command_failed(arguments->command, "no memory");
    free(p.x);
    free(p.outputs);
    free(p.order);
    tw_runner_free(p.runner);
    return status;
}

static int run(const tw_arguments *arguments) {
    const bool from_data = tw_arguments_given(arguments, "data");
    tw_model *model;
    if (from_data == (arguments->word_count > 0))
        return tw_command_misused(arguments->command,
                                  "image files, or --data with --index: one of the two is needed");
    if (!from_data && tw_arguments_given(arguments, "index"))
        return tw_command_misused(arguments->command, "--index: of which --data?");
    int status = tw_model_from_options(&model, arguments);
    if (status != TW_EXIT_DONE) return status;
    status = with_model(arguments, model);
    tw_model_free(model);
    return status;
}

const tw_command tw_command_predict = {
    .name = "predict",
    .summary = "the classes of images",
    .usage = "--model FILE IMAGE... | --data DATA --index N [options]",
    .about = "Draws each image and prints its likeliest classes. Images are files (PGM, PPM; PNG and "
             "JPEG when "
             "built with them), brought to the size that the model takes, or samples of a data set.\n"
             "\n"
             "  twill predict --model model.safetensors digit.png\n"
             "  twill predict --model model.safetensors --data strokes --index 7",
    .options = {options, tw_options_json},
    .most_words = WORDS_MOST,
    .epilogue = tw_data_options_list,
    .run = run,
};

/* `twill eval`: accuracy and confusion of a model on a data set. */
#include <string.h>

#include <twill/train.h>

#include "command.h"
#include "confusion_print.h"
#include "data_options.h"
#include "json_line.h"
#include "run_options.h"
#include "wording.h"

static const char *const splits[] = {"train", "test", NULL};

static const tw_option options[] = {
    {.name = "model", .form = "FILE", .kind = TW_OPTION_TEXT, .help = "the model, as twill train writes it"},
    {.name = "data", .form = "DATA", .kind = TW_OPTION_TEXT, .help = "the data set (default: strokes)"},
    {.name = "split",
     .form = "SPLIT",
     .kind = TW_OPTION_CHOICE,
     .choices = splits,
     .help = "test (default) or train"},
    {.name = "batch",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 65536,
     .help = "images at a time (default: a good number)"},
    {.name = NULL},
};

static void print_json(const tw_eval_result *result) {
    tw_json_begin();
    tw_json_real("test_accuracy", result->accuracy);
    tw_json_real("loss", result->loss);
    tw_json_integer("count", result->count);
    tw_json_integer("correct", result->correct);
    tw_json_integer("epochs", 1); /* as in training: once over the data */
    tw_json_real("seconds", result->seconds);
    tw_json_real("seconds_per_epoch", result->seconds);
    tw_json_real("images_per_second", result->seconds > 0 ? (double)result->count / result->seconds : 0);
    tw_confusion_json(result);
    tw_json_end();
}

static int eval(const tw_arguments *arguments, const tw_model *model, const tw_data *data) {
    tw_eval_result result;
    const int fits = tw_data_fits(arguments->command, model->net, data);
    if (fits != TW_EXIT_DONE) return fits;
    if (tw_eval(model->net, model->weights, data, tw_arguments_integer(arguments, "batch", 0),
                tw_threads_of(arguments), &result) != TW_OK)
        return tw_command_failed(arguments->command, "%s", tw_message());
    if (tw_arguments_given(arguments, "json")) {
        print_json(&result);
    } else {
        printf("accuracy %.2f %% (%s of %s), loss %.4f\n\n", 100 * result.accuracy,
               tw_words_count(result.correct).text, tw_words_count(result.count).text, result.loss);
        tw_confusion_print(&result, tw_data_describe(data).class_names);
    }
    tw_eval_free(&result);
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    tw_model *model;
    tw_data *data;
    int status = tw_model_from_options(&model, arguments);
    if (status != TW_EXIT_DONE) return status;
    status = tw_data_from_text(&data, arguments->command, tw_arguments_text(arguments, "data", "strokes"),
                               (tw_split)tw_arguments_integer(arguments, "split", TW_TEST));
    if (status == TW_EXIT_DONE) {
        status = eval(arguments, model, data);
        tw_data_close(data);
    }
    tw_model_free(model);
    return status;
}

const tw_command tw_command_eval = {
    .name = "eval",
    .summary = "accuracy and confusion of a model on a data set",
    .usage = "--model FILE [--data DATA] [options]",
    .about = "Runs a model over a data set and counts what it gets right.\n"
             "\n"
             "  twill eval --model model.safetensors --data mnist:data/mnist",
    .options = {options, tw_options_threads, tw_options_json},
    .epilogue = tw_data_options_list,
    .run = run,
};

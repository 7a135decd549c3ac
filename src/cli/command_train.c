/* `twill train`: trains a network on a data set, tells what it reached, and writes the model.
 *
 * What is not said is chosen for the network (tw_train_suggest). The model is written before anything is
 * printed, so that a closed stdout costs nothing; SIGINT and SIGTERM end the training after the step and
 * still write it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <twill/train.h>

#include "command.h"
#include "confusion_print.h"
#include "data_options.h"
#include "json_line.h"
#include "net_options.h"
#include "progress_bar.h"
#include "stop_signal.h"
#include "run_options.h"
#include "wording.h"

static const char *const optimisers[] = {"sgd", "adam", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", "one-cycle", NULL};
static const char *const losses[] = {"default", "cross-entropy", "squared-error", NULL};

static const tw_option options[] = {
    {.name = "data", .form = "DATA", .kind = TW_OPTION_TEXT, .help = "the data set (default: strokes)"},
    {.name = "output",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "the model (default: model.safetensors)"},
    {.name = "epochs",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 0,
     .most = 1000000,
     .help = "times through the data"},
    {.name = "batch",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 1000000,
     .help = "images of a step"},
    {.name = "rate",
     .form = "R",
     .kind = TW_OPTION_REAL,
     .above_low = true,
     .high = 1e6,
     .help = "learning rate"},
    {.name = "optimiser",
     .form = "NAME",
     .kind = TW_OPTION_CHOICE,
     .choices = optimisers,
     .help = "sgd or adam"},
    {.name = "momentum",
     .form = "M",
     .kind = TW_OPTION_REAL,
     .high = 1,
     .below_high = true,
     .help = "of sgd; adam's beta1"},
    {.name = "nesterov", .kind = TW_OPTION_FLAG, .help = "Nesterov's momentum"},
    {.name = "weight-decay",
     .form = "D",
     .kind = TW_OPTION_REAL,
     .high = 1e6,
     .help = "of weights, not of biases"},
    {.name = "schedule",
     .form = "NAME",
     .kind = TW_OPTION_CHOICE,
     .choices = schedules,
     .help = "of the rate: constant, step, cosine, one-cycle"},
    {.name = "warmup",
     .form = "E",
     .kind = TW_OPTION_REAL,
     .high = 1e6,
     .help = "epochs in which the rate grows"},
    {.name = "loss",
     .form = "NAME",
     .kind = TW_OPTION_CHOICE,
     .choices = losses,
     .help = "cross-entropy or squared-error (default: the network's)"},
    {.name = "samples",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = INT64_MAX,
     .help = "only so many of the training images"},
    {.name = "quiet", .kind = TW_OPTION_FLAG, .help = "no progress on stderr"},
    {.name = NULL},
};

typedef struct tw_training {
    const tw_arguments *arguments;
    const char *output;
    bool quiet;
    tw_net *net;
    tw_data *train, *test;
    float *weights;
    tw_progress_bar bar;
    double epoch_began;
    tw_train_result result;
} tw_training;

/* ---- Options.
 * -------------------------------------------------------------------------------------------------- */

static tw_train_options options_of(const tw_arguments *a, const tw_net *net) {
    tw_train_options o = tw_train_suggest(net);
    o.epochs = (int)tw_arguments_integer(a, "epochs", o.epochs);
    o.batch = tw_arguments_integer(a, "batch", o.batch);
    o.seed = tw_seed_of(a);
    o.optimiser = (tw_optimiser)tw_arguments_integer(a, "optimiser", o.optimiser);
    /* What is suggested is for SGD; Adam's steps have the rate's own size. */
    o.learning_rate = tw_arguments_real(a, "rate", o.optimiser == TW_ADAM ? 1e-3 : o.learning_rate);
    o.momentum = tw_arguments_real(a, "momentum", o.momentum);
    o.nesterov = tw_arguments_given(a, "nesterov") || o.nesterov;
    o.weight_decay = tw_arguments_real(a, "weight-decay", o.weight_decay);
    o.schedule = (tw_schedule)tw_arguments_integer(a, "schedule", o.schedule);
    o.warmup_epochs = tw_arguments_real(a, "warmup", o.warmup_epochs);
    if (o.warmup_epochs > o.epochs && !tw_arguments_given(a, "warmup")) o.warmup_epochs = 0;
    o.loss = (tw_loss)tw_arguments_integer(a, "loss", o.loss);
    o.most_samples = tw_arguments_integer(a, "samples", 0);
    o.threads = tw_threads_of(a);
    o.accuracy = tw_accuracy_of(a);
    return o;
}

/* An output that can never be written is told before the hours of training, not after. */
static int check_output(const tw_command *command, const char *path) {
    char folder[4096];
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return tw_command_failed(command, "--output: %s: is a folder", tw_words_quoted(path).text);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    if (strlen(path) >= sizeof folder || access(slash ? folder : ".", W_OK | X_OK) != 0)
        return tw_command_failed(command, "--output: %s: %s", tw_words_quoted(path).text, strerror(errno));
    return TW_EXIT_DONE;
}

/* ---- Progress.
 * ------------------------------------------------------------------------------------------------- */

static void epoch_line(tw_training *t, const tw_progress *p) {
    tw_progress_bar_clear(&t->bar);
    fprintf(stderr, "epoch %d/%d: loss %.4f, accuracy %.2f %%", p->epoch + 1, p->epochs, p->loss,
            100 * p->accuracy);
    if (p->test_accuracy >= 0) fprintf(stderr, ", test %.2f %%", 100 * p->test_accuracy);
    fprintf(stderr, ", %s images/s\n", tw_words_count((int64_t)(p->images_per_second + 0.5)).text);
}

static bool progress(void *context, const tw_progress *p) {
    tw_training *t = context;
    if (t->quiet) return tw_stop_signal() == 0;
    if (p->epoch_ends) {
        epoch_line(t, p);
    } else if (p->batches > 0 && p->epochs > 0) {
        const double done = (p->epoch + (double)p->batch / (double)p->batches) / p->epochs;
        tw_progress_bar_draw(&t->bar, done,
                             "epoch %d/%d | %s left | loss %.4f | accuracy %.2f %% | %s images/s",
                             p->epoch + 1, p->epochs, tw_words_duration(p->seconds_left).text, p->loss,
                             100 * p->accuracy, tw_words_count((int64_t)(p->images_per_second + 0.5)).text);
    }
    return tw_stop_signal() == 0;
}

/* ---- Telling.
 * -------------------------------------------------------------------------------------------------- */

static void print_json(const tw_training *t, const tw_eval_result *test) {
    const tw_train_result *r = &t->result;
    tw_json_begin();
    if (test)
        tw_json_real("test_accuracy", test->accuracy);
    else
        tw_json_text("test_accuracy", NULL);
    tw_json_real("loss", r->loss);
    tw_json_real("train_accuracy", r->accuracy);
    if (test) tw_json_real("test_loss", test->loss);
    tw_json_integer("epochs", r->epochs);
    tw_json_real("seconds", r->seconds);
    tw_json_real("seconds_per_epoch", r->epochs > 0 ? r->seconds / r->epochs : 0);
    tw_json_real("images_per_second", r->images_per_second);
    tw_json_text("net", tw_net_text(t->net));
    tw_json_text("model", t->output);
    if (test) tw_confusion_json(test);
    tw_json_end();
}

static void print_text(const tw_training *t, const tw_eval_result *test) {
    printf("test accuracy %.2f %% (%s of %s)", 100 * test->accuracy, tw_words_count(test->correct).text,
           tw_words_count(test->count).text);
    printf(" after %d %s in %s\n\n", t->result.epochs, t->result.epochs == 1 ? "epoch" : "epochs",
           tw_words_duration(t->result.seconds).text);
    tw_confusion_print(test, tw_data_describe(t->test).class_names);
    printf("\nwrote %s\n", tw_words_quoted(t->output).text);
}

static int tell(const tw_training *t) {
    tw_eval_result test;
    if (tw_eval(t->net, t->weights, t->test, 0, tw_threads_of(t->arguments), &test) != TW_OK)
        return tw_command_failed(t->arguments->command, "%s", tw_message());
    if (tw_arguments_given(t->arguments, "json"))
        print_json(t, &test);
    else
        print_text(t, &test);
    tw_eval_free(&test);
    return TW_EXIT_DONE;
}

/* ---- Training.
 * ------------------------------------------------------------------------------------------------- */

static int save(const tw_training *t) {
    const tw_data_info info = tw_data_describe(t->train);
    if (tw_model_save(t->output, t->net, t->weights, info.classes, info.class_names) == TW_OK)
        return TW_EXIT_DONE;
    return tw_command_failed(t->arguments->command, "%s", tw_message());
}

static int stopped(const tw_training *t) {
    const int number = tw_stop_signal();
    const int saved = save(t);
    if (saved != TW_EXIT_DONE) return saved;
    fprintf(stderr, "twill train: stopped by a signal in epoch %d; wrote %s\n", t->result.epochs + 1,
            tw_words_quoted(t->output).text);
    if (tw_arguments_given(t->arguments, "json")) print_json(t, NULL);
    return 128 + number;
}

static int train(tw_training *t) {
    const tw_command *command = t->arguments->command;
    tw_train_options wanted = options_of(t->arguments, t->net);
    wanted.progress = progress;
    wanted.context = t;
    t->weights = calloc((size_t)tw_net_weights(t->net) + 1, sizeof *t->weights);
    if (!t->weights) return tw_command_failed(command, "no memory for the weights");
    tw_status status = tw_net_initialise(t->net, wanted.seed, TW_F32, t->weights);
    if (status == TW_OK) {
        t->bar = tw_progress_bar_begin(stderr, t->quiet);
        status = tw_train(t->net, t->weights, t->train, t->test, &wanted, &t->result);
        tw_progress_bar_clear(&t->bar);
    }
    if (status == TW_STOPPED) return stopped(t);
    if (status == TW_ERROR_NUMERIC)
        return tw_command_failed(command, "%s; try a smaller --rate", tw_message());
    if (status == TW_ERROR_ARGUMENT) return tw_command_misused(command, "%s", tw_message());
    if (status != TW_OK) return tw_command_failed(command, "%s", tw_message());
    const int saved = save(t);
    if (saved != TW_EXIT_DONE) return saved;
    return tw_stop_signal() ? 128 + tw_stop_signal() : tell(t);
}

static int with_data(tw_training *t) {
    const tw_command *command = t->arguments->command;
    const tw_net_input image = tw_data_describe(t->train).image;
    int status = tw_net_from_options(&t->net, t->arguments, &image, "lenet5");
    if (status != TW_EXIT_DONE) return status;
    status = tw_data_fits(command, t->net, t->train);
    if (status == TW_EXIT_DONE && tw_stop_signal()) {
        fprintf(stderr, "twill train: stopped by a signal before the first step; nothing was written\n");
        status = 128 + tw_stop_signal();
    }
    if (status == TW_EXIT_DONE) status = train(t);
    free(t->weights);
    tw_net_free(t->net);
    return status;
}

static int run(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    const char *data = tw_arguments_text(arguments, "data", "strokes");
    tw_training t = {.arguments = arguments,
                     .output = tw_arguments_text(arguments, "output", "model.safetensors"),
                     .quiet = tw_arguments_given(arguments, "quiet")};
    int status = check_output(command, t.output);
    if (status != TW_EXIT_DONE) return status;
    tw_stop_watch();
    status = tw_data_from_text(&t.train, command, data, TW_TRAIN);
    if (status != TW_EXIT_DONE) return status;
    status = tw_data_from_text(&t.test, command, data, TW_TEST);
    if (status == TW_EXIT_DONE) {
        status = with_data(&t);
        tw_data_close(t.test);
    }
    tw_data_close(t.train);
    return status;
}

static void lists(FILE *out) {
    tw_net_options_list(out);
    tw_data_options_list(out);
}

const tw_command tw_command_train = {
    .name = "train",
    .summary = "train a network on a data set and write the model",
    .usage = "[--net NAME|TEXT] [--data DATA] [--epochs N] [options]",
    .about = "Trains a network (default: lenet5), prints its accuracy on the test split and which classes it "
             "confuses, "
             "and writes the model. Options that are not given are chosen for the network. The same options "
             "give the "
             "same weights, bit for bit, with any number of threads. Interrupted, it ends after the step and "
             "still "
             "writes the model.\n"
             "\n"
             "  twill train --net lenet5 --data strokes --epochs 3\n"
             "  twill train --net 'conv 8 3x3 pad 1; relu; maxpool 2; dense 10' --data mnist:data/mnist",
    .options = {tw_options_net, options, tw_options_seed, tw_options_threads, tw_options_accuracy,
                tw_options_json},
    .epilogue = lists,
    .run = run,
};

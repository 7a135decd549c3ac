/* `twill bench ops`: how fast the operators that only move numbers are, forward and backward, as a share of
 * what copying as many bytes does on this machine in the same run.
 *
 * A network of the operator and a mean over what is left of the image is run as steps of training, and the
 * runner says when it begins and ends with each. Bytes are those that must be moved: forward what comes in
 * and what goes out, with the places of a maximum; backward the gradient that comes, the gradient that goes,
 * and what the formula needs beside them. */
#include <stdlib.h>
#include <string.h>

#include <twill/net.h>

#include "command.h"
#include "json_line.h"
#include "operator_times.h"
#include "run_options.h"
#include "wording.h"

static const char *const format_names[] = {"text", "tsv", "json", NULL};

static const tw_option options[] = {
    {.name = "input",
     .form = "CxHxW",
     .kind = TW_OPTION_SIZES,
     .least = 1,
     .most = 65536,
     .help = "channels and sizes of an image (default: 64x112x112)"},
    {.name = "batch",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 65536,
     .help = "images of a call (default: 16)"},
    {.name = "only",
     .form = "NAME",
     .kind = TW_OPTION_TEXT,
     .help = "operators whose text begins so: maxpool"},
    {.name = "format",
     .form = "FORMAT",
     .kind = TW_OPTION_CHOICE,
     .choices = format_names,
     .help = "text (default), tsv or json"},
    {.name = NULL},
};

enum { TEXT = 0, TSV, JSON };

/* An operator, and what it moves beside x and y, or dy and dx, in tensors like its input or output. The
 * places of maxima are bytes. */
typedef struct tw_moved {
    const char *text;
    double writes_y;         /* forward: the places of a maximum */
    double reads_x, reads_y; /* backward: values, or these places */
} tw_moved;

static const tw_moved operators[] = {
    {"relu", 0, 0, 1},
    {"relu6", 0, 0, 1},
    {"leakyrelu", 0, 1, 0},
    {"sigmoid", 0, 0, 1},
    {"tanh", 0, 0, 1},
    {"softmax", 0, 0, 1},
    {"maxpool 2", 0.25, 0, 0.25},
    {"maxpool 3 stride 2 pad 1", 0.25, 0, 0.25},
    {"avgpool 2", 0, 0, 0},
    {"avgpool 3 stride 2 pad 1", 0, 0, 0},
    {"batchnorm", 0, 1, 0},
};
enum { OPERATORS = sizeof operators / sizeof *operators };

/* One network as a step of training. */
typedef struct tw_trial {
    tw_net *net;
    tw_runner *runner;
    tw_step step;
    void *buffers[4]; /* weights, gradient, x, dx */
    int32_t *labels;
    int64_t inputs; /* numbers of an image */
} tw_trial;

typedef struct tw_bench {
    const tw_arguments *arguments;
    tw_net_input image;
    int64_t batch;
    int threads, format;
    double seconds;
} tw_bench;

static void trial_end(tw_trial *trial) {
    tw_runner_free(trial->runner);
    tw_net_free(trial->net);
    free(trial->labels);
    for (size_t i = 0; i < sizeof trial->buffers / sizeof *trial->buffers; ++i) free(trial->buffers[i]);
}

static float *floats(tw_trial *trial, int which, int64_t count) {
    const size_t bytes = ((size_t)count + 1) * sizeof(float);
    if (posix_memalign(&trial->buffers[which], 64, bytes)) return NULL; /* as a network's values are */
    return memset(trial->buffers[which], 0, bytes);
}

static bool allocate(tw_trial *trial, int64_t batch) {
    const int64_t weights = tw_net_weights(trial->net), count = batch * trial->inputs;
    float *x = floats(trial, 2, count);
    trial->step =
        (tw_step){.weights = floats(trial, 0, weights), .x = x, .count = batch, .keeps_state = true};
    trial->step.gradient = floats(trial, 1, weights), trial->step.dx = floats(trial, 3, count);
    trial->labels = calloc((size_t)batch, sizeof *trial->labels);
    trial->step.labels = trial->labels;
    if (!trial->step.gradient || !x || !trial->step.weights || !trial->step.dx || !trial->labels)
        return false;
    uint64_t state = 1;
    for (int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(int64_t)(state >> 40) / 8388608.0f - 1.0f;
    }
    return true;
}

static tw_status prepare(tw_trial *trial, const tw_bench *bench, const char *text, tw_net_input image) {
    tw_runner_options wanted = tw_runner_options_defaults();
    wanted.batch = bench->batch, wanted.trains = true, wanted.threads = bench->threads;
    tw_status status = tw_net_create(&trial->net, text, image);
    if (status == TW_OK) status = tw_runner_create(&trial->runner, trial->net, &wanted);
    if (status != TW_OK) return status;
    trial->inputs = tw_net_inputs(trial->net);
    if (!allocate(trial, bench->batch)) return TW_ERROR_MEMORY;
    return tw_net_initialise(trial->net, 1, TW_F32, trial->step.weights);
}

static bool run_step(void *context) {
    tw_trial *trial = context;
    return tw_runner_step(trial->runner, &trial->step) == TW_OK;
}

/* ---- One operator.
 * --------------------------------------------------------------------------------------------- */

static void print_pass(const tw_bench *bench, const char *text, const char *pass, double ms, double bytes) {
    const double rate = 1e-6 * bytes / ms;
    const double copy = tw_machine_copy_gigabytes((size_t)(bytes / 2), bench->threads);
    if (bench->format == JSON) {
        tw_json_begin();
        tw_json_text("operator", text);
        tw_json_text("pass", pass);
        tw_json_integer("threads", bench->threads);
        tw_json_real("ms", ms);
        tw_json_real("gigabytes_per_second", rate);
        tw_json_real("copy_gigabytes_per_second", copy);
        tw_json_end();
    } else if (bench->format == TSV) {
        printf("%s\t%s\t%d\t%.6f\t%.3f\t%.3f\t%.4f\n", text, pass, bench->threads, ms, rate, copy,
               copy > 0 ? rate / copy : 0);
    } else {
        printf("%-26s  %-8s  %7d  %9.3f  %8.1f  %9.1f  %4.0f %%\n", text, pass, bench->threads, ms, rate,
               copy, copy > 0 ? 100 * rate / copy : 0);
    }
    fflush(stdout);
}

static int time_operator(const tw_bench *bench, const tw_moved *operator) {
    tw_trial trial = {.net = NULL};
    tw_operator_times times = {.count = 0};
    char text[128];
    snprintf(text, sizeof text, "%s; globalavgpool", operator->text);
    tw_status status = prepare(&trial, bench, text, bench->image);
    if (status == TW_OK &&
        !tw_operator_times_measure(&times, trial.runner, trial.net, bench->seconds, run_step, &trial))
        status = TW_ERROR_NUMERIC;
    if (status == TW_OK) {
        const double in = 4.0 * (double)(bench->batch * trial.inputs);
        const double out = 4.0 * (double)(bench->batch * times.nodes[1].outputs);
        print_pass(bench, operator->text, "forward", times.forward[1], in + out * (1 + operator->writes_y));
        print_pass(bench, operator->text, "backward", times.backward[1],
                   in * (1 + operator->reads_x) + out * (1 + operator->reads_y));
    }
    tw_operator_times_release(&times);
    trial_end(&trial);
    if (status == TW_ERROR_MEMORY) return tw_command_failed(bench->arguments->command, "no memory");
    if (status != TW_OK) return tw_command_refused(bench->arguments->command, status, "");
    return ferror(stdout) ? TW_EXIT_FAILED : TW_EXIT_DONE;
}

static bool matches(int number, const char *only) {
    return strncmp(operators[number].text, only, strlen(only)) == 0;
}

static int time_all(tw_bench *bench) {
    const tw_list threads = tw_timing_threads(bench->arguments);
    const char *only = tw_arguments_text(bench->arguments, "only", "");
    for (int t = 0; t < threads.count; ++t)
        for (int i = 0; i < OPERATORS; ++i) {
            bench->threads = (int)threads.first[t];
            const int status = matches(i, only) ? time_operator(bench, &operators[i]) : TW_EXIT_DONE;
            if (status != TW_EXIT_DONE) return status;
        }
    return TW_EXIT_DONE;
}

static int check_only(const tw_arguments *arguments) {
    const char *only = tw_arguments_text(arguments, "only", "");
    for (int i = 0; i < OPERATORS; ++i)
        if (matches(i, only)) return TW_EXIT_DONE;
    return tw_command_failed(arguments->command, "--only: no operator begins with %s",
                             tw_words_quoted(only).text);
}

static int run(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    const tw_list *list = tw_arguments_list(arguments, "input");
    const bool json = tw_arguments_given(arguments, "json");
    tw_bench bench = {.arguments = arguments, .image = {2, 64, {112, 112}}};
    if (list && list->count != 3)
        return tw_command_misused(command, "--input: %d sizes: expected channels, height and width",
                                  list->count);
    if (json && tw_arguments_given(arguments, "format"))
        return tw_command_misused(command, "--json and --format exclude each other");
    if (list) bench.image = (tw_net_input){2, list->first[0], {list->first[1], list->first[2]}};
    bench.batch = tw_arguments_integer(arguments, "batch", 16);
    bench.format = json ? JSON : (int)tw_arguments_integer(arguments, "format", TEXT);
    bench.seconds = tw_timing_seconds(arguments);
    const int status = check_only(arguments);
    if (status != TW_EXIT_DONE) return status;
    if (bench.format == TSV)
        printf("operator\tpass\tthreads\tms\tgigabytes_per_second\tcopy_gigabytes_per_second\tshare\n");
    if (bench.format == TEXT)
        printf("%-26s  %-8s  %7s  %9s  %8s  %9s  %6s\n", "operator", "pass", "threads", "ms", "GB/s",
               "copy GB/s", "share");
    return time_all(&bench);
}

const tw_command tw_command_bench_ops = {
    .name = "bench ops",
    .summary = "time pooling, activations and batch norm, beside the speed of copying",
    .usage = "[options]",
    .about =
        "Times the operators that only move numbers, forward and backward in training, as gigabytes a "
        "second: the bytes that must be read and written over the least time. The share is that of a copy "
        "of as many bytes on as many threads, measured in the same run.\n"
        "\n"
        "  twill bench ops --threads 1,2",
    .options = {options, tw_options_timing, tw_options_json},
    .run = run,
};

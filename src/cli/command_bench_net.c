/* `twill bench net`: how long networks take, for inference and for a step of training, and the memory they
 * need.
 *
 * peak_bytes are what the runner plans (activations, workspaces) with weights, gradients, images and outputs:
 * all that such a run needs, known exactly and not measured. Images and labels are random numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <twill/net.h>

#include "aligned_table.h"
#include "command.h"
#include "json_line.h"
#include "net_options.h"
#include "sample_times.h"
#include "terminal.h"
#include "wording.h"

static const char *const modes[] = {"inference", "train", NULL};
static const char *const accuracies[] = {"fast", "strict", NULL};

static const tw_option options[] = {
    {.name = "mode",
     .form = "MODE,...",
     .kind = TW_OPTION_CHOICES,
     .choices = modes,
     .help = "inference, train (default: both)"},
    {.name = "batch",
     .form = "N,...",
     .kind = TW_OPTION_LIST,
     .least = 1,
     .most = 65536,
     .help = "images of a call (default: 1 for inference, 64 for a step of training)"},
    {.name = "threads",
     .form = "N,...",
     .kind = TW_OPTION_LIST,
     .least = 1,
     .most = TW_MAX_THREADS,
     .help = "numbers of threads (default: those of this machine)"},
    {.name = "accuracy",
     .form = "MODE",
     .kind = TW_OPTION_CHOICE,
     .choices = accuracies,
     .help = "fast (default: Winograd allowed) or strict"},
    {.name = "seconds",
     .form = "S",
     .kind = TW_OPTION_REAL,
     .above_low = true,
     .high = 3600,
     .help = "how long each is timed (default: 1)"},
    {.name = NULL},
};

enum { INFERENCE = 0, TRAIN, MODES };

/* One network in one mode, being timed. */
typedef struct tw_trial {
    const tw_net *net;
    int mode, threads;
    int64_t batch;
    tw_runner *runner;
    tw_step step;
    void *buffers[4]; /* weights, images, gradient, outputs */
    int32_t *labels;
    tw_times times;
    double peak_bytes;
} tw_trial;

/* ---- Timing.
 * --------------------------------------------------------------------------------------------------- */

static bool run_once(void *context) {
    tw_trial *trial = context;
    if (trial->mode == TRAIN) {
        trial->step.step++;
        return tw_runner_step(trial->runner, &trial->step) == TW_OK;
    }
    return tw_runner_forward(trial->runner, trial->step.weights, trial->step.x, trial->batch,
                             trial->step.outputs) == TW_OK;
}

/* Floats into buffer `which`; counts them. */
static float *floats(tw_trial *trial, int which, double count) {
    if (count > 4e15) return NULL;
    trial->peak_bytes += 4 * count;
    trial->buffers[which] = calloc((size_t)count + 1, sizeof(float));
    return trial->buffers[which];
}

static bool allocate(tw_trial *trial) {
    const double batch = (double)trial->batch, weights = (double)tw_net_weights(trial->net);
    const int64_t inputs = tw_net_inputs(trial->net), outputs = tw_net_outputs(trial->net);
    float *x = floats(trial, 1, batch * (double)inputs);
    trial->step = (tw_step){.weights = floats(trial, 0, weights), .x = x, .count = trial->batch};
    trial->step.outputs = floats(trial, 3, batch * (double)outputs);
    if (trial->mode == TRAIN) {
        trial->step.gradient = floats(trial, 2, weights);
        trial->labels = calloc((size_t)trial->batch, sizeof *trial->labels);
        trial->step.labels = trial->labels;
        trial->step.keeps_state = true;
        if (!trial->step.gradient || !trial->labels) return false;
    }
    if (!x || !trial->step.weights || !trial->step.outputs) return false;
    uint64_t state = 1;
    for (int64_t i = 0; i < trial->batch * inputs; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(state >> 40) / 16777216.0f;
    }
    for (int64_t i = 0; trial->labels && i < trial->batch; ++i) trial->labels[i] = (int32_t)(i % outputs);
    return true;
}

static tw_status time_trial(tw_trial *trial, const tw_arguments *arguments) {
    tw_runner_options wanted = tw_runner_options_defaults();
    wanted.batch = trial->batch;
    wanted.trains = trial->mode == TRAIN;
    wanted.threads = trial->threads;
    wanted.accuracy = (tw_accuracy)tw_arguments_integer(arguments, "accuracy", TW_FAST);
    tw_status status = tw_runner_create(&trial->runner, trial->net, &wanted);
    if (status != TW_OK) return status;
    trial->peak_bytes = (double)tw_runner_bytes(trial->runner);
    if (!allocate(trial)) return TW_ERROR_MEMORY;
    status = tw_net_initialise(trial->net, 1, TW_F32, trial->step.weights);
    if (status != TW_OK) return status;
    const double seconds = tw_arguments_real(arguments, "seconds", 1);
    if (tw_times_measure(&trial->times, seconds, 3, run_once, trial)) return TW_OK;
    return TW_ERROR_NUMERIC;
}

static void trial_end(tw_trial *trial) {
    tw_runner_free(trial->runner);
    free(trial->labels);
    for (size_t i = 0; i < sizeof trial->buffers / sizeof *trial->buffers; ++i) free(trial->buffers[i]);
}

/* ---- Printing.
 * ------------------------------------------------------------------------------------------------- */

static void print_json(const tw_trial *trial, const char *name) {
    const double median = tw_times_median(&trial->times);
    tw_json_begin();
    tw_json_text("net", name);
    tw_json_text("mode", modes[trial->mode]);
    tw_json_integer("batch", trial->batch);
    tw_json_integer("threads", trial->threads);
    tw_json_real("min_ms", tw_times_least(&trial->times));
    tw_json_real("median_ms", median);
    tw_json_real("images_per_second", 1e3 * (double)trial->batch / median);
    tw_json_integer("peak_bytes", (int64_t)trial->peak_bytes);
    tw_json_end();
}

static void print_row(const tw_trial *trial, const char *name, int width) {
    const double median = tw_times_median(&trial->times);
    printf("%-*.*s  %-9s  %5lld  %7d  %10.3f  %10.3f  %10s  %9s\n", width, width, name, modes[trial->mode],
           (long long)trial->batch, trial->threads, tw_times_least(&trial->times), median,
           tw_words_count((int64_t)(1e3 * (double)trial->batch / median + 0.5)).text,
           tw_words_bytes(trial->peak_bytes).text);
}

static int time_and_print(tw_trial *trial, const tw_arguments *arguments, const char *name, int width) {
    const tw_status status = time_trial(trial, arguments);
    int exit_status = TW_EXIT_DONE;
    if (status == TW_ERROR_MEMORY)
        exit_status = tw_command_failed(arguments->command, "%.40s: no memory", name);
    else if (status != TW_OK)
        exit_status = tw_command_failed(arguments->command, "%s", tw_message());
    else if (tw_arguments_given(arguments, "json"))
        print_json(trial, name);
    else
        print_row(trial, name, width);
    fflush(stdout);
    trial_end(trial);
    return ferror(stdout) ? TW_EXIT_FAILED : exit_status;
}

/* ---- The run: modes, batches and threads of one network.
 * ------------------------------------------------------- */

static int time_net(const tw_arguments *arguments, const tw_net *net, const char *name, int width) {
    static tw_trial trial;
    const tw_list own = {.count = 1, .first = {tw_threads()}};
    const tw_list usual[MODES] = {{.count = 1, .first = {1}}, {.count = 1, .first = {64}}};
    const tw_list *threads = tw_arguments_list(arguments, "threads");
    const tw_list *batches = tw_arguments_list(arguments, "batch");
    const int64_t wanted = tw_arguments_integer(arguments, "mode", 3);
    if (!threads) threads = &own;
    for (int mode = 0; mode < MODES; ++mode) {
        if (!(wanted >> mode & 1)) continue;
        const tw_list *sizes = batches ? batches : &usual[mode];
        for (int b = 0; b < sizes->count; ++b)
            for (int t = 0; t < threads->count; ++t) {
                trial = (tw_trial){
                    .net = net, .mode = mode, .threads = (int)threads->first[t], .batch = sizes->first[b]};
                const int status = time_and_print(&trial, arguments, name, width);
                if (status != TW_EXIT_DONE) return status;
            }
    }
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    enum { WIDTH = 12 };
    tw_net *net;
    const int made = tw_net_from_options(&net, arguments, NULL, NULL);
    if (made != TW_EXIT_DONE) return made;
    if (!tw_arguments_given(arguments, "json"))
        printf("%-*s  %-9s  %5s  %7s  %10s  %10s  %10s  %9s\n", WIDTH, "net", "mode", "batch", "threads",
               "min ms", "median ms", "images/s", "memory");
    const int status = time_net(arguments, net, tw_arguments_text(arguments, "net", ""), WIDTH);
    tw_net_free(net);
    return status;
}

const tw_command tw_command_bench_net = {
    .name = "bench net",
    .summary = "time a network: inference, and a step of training",
    .usage = "--net NAME|TEXT [options]",
    .about = "Times a network on random images. Memory is all that such a run needs: activations, "
             "workspaces, weights, "
             "gradients, images.\n"
             "\n"
             "  twill bench net --net lenet5 --batch 64 --threads 1,2",
    .options = {tw_options_net, options, tw_options_json},
    .epilogue = tw_net_options_list,
    .run = run,
};

/* `twill bench net`: how long networks take, for inference and for a step of training, and the memory they
 * need.
 *
 * peak_bytes are what the runner plans (activations, workspaces) with weights, gradients, images and outputs:
 * all that such a run needs, known exactly and not measured. Images and labels are random numbers. */
#include <stdlib.h>
#include <string.h>

#include <twill/net.h>

#include "bench_peer.h"
#include "command.h"
#include "json_line.h"
#include "net_options.h"
#include "operator_times.h"
#include "sample_times.h"
#include "run_options.h"
#include "wording.h"

static const char *const modes[] = {"inference", "train", NULL};
static const char *const net_peers[] = {"torch", NULL};
static const char *const format_names[] = {"text", "tsv", "json", NULL};

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
    {.name = "peer",
     .form = "NAME",
     .kind = TW_OPTION_CHOICE,
     .choices = net_peers,
     .help = "another library, timed in turns with Twill: torch"},
    {.name = "explain",
     .kind = TW_OPTION_FLAG,
     .help = "where the time goes: each operator's, forward and backward"},
    {.name = "format",
     .form = "FORMAT",
     .kind = TW_OPTION_CHOICE,
     .choices = format_names,
     .help = "text (default), tsv or json"},
    {.name = NULL},
};

enum { TEXT = 0, TSV, JSON };
enum { ROUNDS = 3, LEAST = 3, WIDTH = 12 };
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
    tw_times times, peer_times;
    tw_peer_state peer;
    double peak_bytes;
    tw_operator_times operators; /* when they are asked for */
} tw_trial;

typedef struct tw_bench {
    const tw_arguments *arguments;
    const char *name;
    tw_net *net;
    tw_peers *peers;
    bool beside; /* a peer takes part */
    bool explains;
    int format;
} tw_bench;

/* ---- Timing.
 * --------------------------------------------------------------------------------------------------- */

static bool run_once(void *context) {
    tw_trial *trial = context;
    if (trial->mode == TRAIN) {
        trial->step.step++;
        return tw_runner_step(trial->runner, &trial->step) == TW_OK;
    }
    return tw_runner_forward(trial->runner, NULL, trial->step.x, trial->batch, trial->step.outputs) == TW_OK;
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

/* Turns, so that a slow moment of the machine falls on both. */
static tw_status race(tw_trial *trial, const tw_bench *bench) {
    const double seconds = tw_timing_seconds(bench->arguments) / ROUNDS;
    tw_peer_prepare_net(bench->peers, TW_PEER_TORCH, bench->net, modes[trial->mode], trial->threads,
                        trial->batch, &trial->peer);
    for (int round = 0; round < ROUNDS; ++round) {
        if (!tw_times_measure(&trial->times, seconds, LEAST / ROUNDS, run_once, trial))
            return TW_ERROR_NUMERIC;
        if (!trial->peer.declines[0])
            tw_peer_time(bench->peers, TW_PEER_TORCH, seconds, LEAST / ROUNDS, &trial->peer_times,
                         &trial->peer);
    }
    return TW_OK;
}

static tw_status time_trial(tw_trial *trial, const tw_bench *bench) {
    tw_runner_options wanted = tw_runner_options_defaults();
    wanted.batch = trial->batch;
    wanted.trains = trial->mode == TRAIN;
    wanted.threads = trial->threads;
    wanted.accuracy = tw_accuracy_of(bench->arguments);
    tw_status status = tw_runner_create(&trial->runner, trial->net, &wanted);
    if (status != TW_OK) return status;
    if (!allocate(trial)) return TW_ERROR_MEMORY;
    status = tw_net_initialise(trial->net, 1, TW_F32, trial->step.weights);
    if (status == TW_OK && trial->mode == INFERENCE)
        status = tw_runner_freeze(trial->runner, trial->step.weights);
    trial->peak_bytes += (double)tw_runner_bytes(trial->runner);
    if (status == TW_OK) status = race(trial, bench);
    if (status == TW_OK && bench->explains &&
        !tw_operator_times_measure(&trial->operators, trial->runner, trial->net,
                                   tw_timing_seconds(bench->arguments), run_once, trial))
        return TW_ERROR_MEMORY;
    return status;
}

static void trial_end(tw_trial *trial) {
    tw_runner_free(trial->runner);
    tw_operator_times_release(&trial->operators);
    free(trial->labels);
    for (size_t i = 0; i < sizeof trial->buffers / sizeof *trial->buffers; ++i) free(trial->buffers[i]);
}

/* ---- Printing.
 * ------------------------------------------------------------------------------------------------- */

/* How many times as long as Twill the peer takes; 0 without it. */
static double ratio_of(const tw_trial *trial) {
    return tw_times_least(&trial->peer_times) / tw_times_least(&trial->times);
}

static double images_per_second(const tw_trial *trial) {
    return 1e3 * (double)trial->batch / tw_times_median(&trial->times);
}

static void print_json(const tw_bench *bench, const tw_trial *trial) {
    tw_json_begin();
    tw_json_text("net", bench->name);
    tw_json_text("mode", modes[trial->mode]);
    tw_json_integer("batch", trial->batch);
    tw_json_integer("threads", trial->threads);
    tw_json_real("min_ms", tw_times_least(&trial->times));
    tw_json_real("median_ms", tw_times_median(&trial->times));
    tw_json_real("images_per_second", images_per_second(trial));
    tw_json_integer("peak_bytes", (int64_t)trial->peak_bytes);
    tw_json_open_object("peers");
    if (trial->peer_times.count > 0) tw_json_real("torch", tw_times_median(&trial->peer_times));
    tw_json_close_object();
    tw_json_open_object("peers_min_ms");
    if (trial->peer_times.count > 0) tw_json_real("torch", tw_times_least(&trial->peer_times));
    tw_json_close_object();
    if (bench->explains) tw_operator_times_json(&trial->operators);
    tw_json_end();
}

static void print_tsv(const tw_bench *bench, const tw_trial *trial) {
    printf("%s\t%s\t%lld\t%d\t%.6f\t%.6f\t%.3f\t%.0f", bench->name, modes[trial->mode],
           (long long)trial->batch, trial->threads, tw_times_least(&trial->times),
           tw_times_median(&trial->times), images_per_second(trial), trial->peak_bytes);
    if (trial->peer_times.count > 0)
        printf("\t%.6f\t%.6f\t%.4f", tw_times_least(&trial->peer_times), tw_times_median(&trial->peer_times),
               ratio_of(trial));
    else if (bench->beside)
        printf("\t-\t-\t-");
    putchar('\n');
}

static void print_text(const tw_bench *bench, const tw_trial *trial) {
    printf("%-*.*s  %-9s  %5lld  %7d  %10.3f  %10.3f  %10s  %9s", WIDTH, WIDTH, bench->name,
           modes[trial->mode], (long long)trial->batch, trial->threads, tw_times_least(&trial->times),
           tw_times_median(&trial->times), tw_words_count((int64_t)(images_per_second(trial) + 0.5)).text,
           tw_words_bytes(trial->peak_bytes).text);
    if (trial->peer_times.count > 0)
        printf("  %10.3f  %5.2f  %s", tw_times_least(&trial->peer_times), ratio_of(trial),
               trial->peer.layout);
    else if (bench->beside)
        printf("  %10s  %5s  %s", "-", "-", tw_words_quoted(trial->peer.declines).text);
    putchar('\n');
    if (bench->explains) tw_operator_times_print(&trial->operators, trial->mode == TRAIN);
}

static void print_heading(const tw_bench *bench) {
    if (bench->format == TSV)
        printf("net\tmode\tbatch\tthreads\tmin_ms\tmedian_ms\timages_per_second\tpeak_bytes%s\n",
               bench->beside ? "\ttorch_min_ms\ttorch_median_ms\ttimes_torch" : "");
    if (bench->format == TEXT)
        printf("%-*s  %-9s  %5s  %7s  %10s  %10s  %10s  %9s%s\n", WIDTH, "net", "mode", "batch", "threads",
               "min ms", "median ms", "images/s", "memory", bench->beside ? "    torch ms  times  form" : "");
}

static int time_and_print(const tw_bench *bench, tw_trial *trial) {
    static void (*const print[])(const tw_bench *bench, const tw_trial *trial) = {
        [TEXT] = print_text, [TSV] = print_tsv, [JSON] = print_json};
    const tw_status status = time_trial(trial, bench);
    int exit_status = TW_EXIT_DONE;
    if (status == TW_ERROR_MEMORY)
        exit_status = tw_command_failed(bench->arguments->command, "%.40s: no memory", bench->name);
    else if (status != TW_OK)
        exit_status = tw_command_failed(bench->arguments->command, "%s", tw_message());
    else
        print[bench->format](bench, trial);
    fflush(stdout);
    trial_end(trial);
    return ferror(stdout) ? TW_EXIT_FAILED : exit_status;
}

/* ---- The run: modes, batches and threads of one network.
 * ------------------------------------------------------- */

static int time_net(const tw_bench *bench) {
    static tw_trial trial;
    const tw_list usual[MODES] = {{.count = 1, .first = {1}}, {.count = 1, .first = {64}}};
    const tw_list threads = tw_timing_threads(bench->arguments);
    const tw_list *batches = tw_arguments_list(bench->arguments, "batch");
    const int64_t wanted = tw_arguments_integer(bench->arguments, "mode", 3);
    for (int mode = 0; mode < MODES; ++mode) {
        if (!(wanted >> mode & 1)) continue;
        const tw_list *sizes = batches ? batches : &usual[mode];
        for (int b = 0; b < sizes->count; ++b)
            for (int t = 0; t < threads.count; ++t) {
                trial = (tw_trial){.net = bench->net,
                                   .mode = mode,
                                   .threads = (int)threads.first[t],
                                   .batch = sizes->first[b]};
                const int status = time_and_print(bench, &trial);
                if (status != TW_EXIT_DONE) return status;
            }
    }
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    tw_bench bench = {.arguments = arguments, .beside = tw_arguments_given(arguments, "peer")};
    const bool json = tw_arguments_given(arguments, "json");
    if (json && tw_arguments_given(arguments, "format"))
        return tw_command_misused(command, "--json and --format exclude each other");
    bench.explains = tw_arguments_given(arguments, "explain");
    bench.format = json ? JSON : (int)tw_arguments_integer(arguments, "format", TEXT);
    if (bench.explains && bench.format == TSV)
        return tw_command_misused(command, "--explain has no tsv: expected --format text or json");
    bench.name = tw_arguments_text(arguments, "net", "");
    int status = tw_net_from_options(&bench.net, arguments, NULL, NULL);
    if (status != TW_EXIT_DONE) return status;
    bench.peers = tw_peers_start(command, (int64_t)bench.beside << TW_PEER_TORCH);
    if (bench.peers) print_heading(&bench);
    status = bench.peers ? time_net(&bench) : TW_EXIT_FAILED;
    tw_peers_stop(bench.peers);
    tw_net_free(bench.net);
    return status;
}

const tw_command tw_command_bench_net = {
    .name = "bench net",
    .summary = "time a network: inference, and a step of training",
    .usage = "--net NAME|TEXT [options]",
    .about = "Times a network on random images. Memory is all that such a run needs: activations, "
             "workspaces, weights, "
             "gradients, images. A step of training is forward, loss and backward.\n"
             "\n"
             "  twill bench net --net lenet5 --batch 64 --threads 1,2 --peer torch",
    .options = {tw_options_net, options, tw_options_timing, tw_options_accuracy, tw_options_json},
    .epilogue = tw_net_options_list,
    .run = run,
};

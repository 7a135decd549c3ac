/* `twill bench conv`: how long each layer of a list takes, in each pass and number of threads, what share
 * that is of the machine's fused-multiply-add peak measured in the same run, and the same in other libraries
 * beside.
 *
 * GFLOP/s are 2 x taps inside the image / least time, whatever the algorithm multiplies, so Winograd may
 * exceed the peak. Ratios compare least times of turns taken one after the other. A row is printed when it is
 * known. */
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <twill/machine.h>

#include "command.h"
#include "conv_race.h"
#include "json_line.h"
#include "layer_file.h"
#include "terminal.h"
#include "wording.h"

static const char *const passes[] = {"forward", "backward-data", "backward-weights", NULL};
static const char *const accuracies[] = {"fast", "strict", NULL};
static const char *const layouts[] = {"nchw", "nhwc", NULL};
static const char *const types[] = {"f32", "f64", NULL};

static const tw_option options[] = {
    {.name = "layers",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "the layers: tab-separated, see docs/command.md"},
    {.name = "only",
     .form = "PATTERN",
     .kind = TW_OPTION_TEXT,
     .help = "layers whose name matches: 'resnet50*'"},
    {.name = "pass",
     .form = "PASS,...",
     .kind = TW_OPTION_CHOICES,
     .choices = passes,
     .help = "forward, backward-data, backward-weights (default: all three)"},
    {.name = "threads",
     .form = "N,...",
     .kind = TW_OPTION_LIST,
     .least = 1,
     .most = TW_MAX_THREADS,
     .help = "numbers of threads (default: those of this machine)"},
    {.name = "algorithm",
     .form = "NAME",
     .kind = TW_OPTION_TEXT,
     .help = "this one instead of the plan's choice"},
    {.name = "isa",
     .form = "NAME",
     .kind = TW_OPTION_TEXT,
     .help = "this instruction set instead of the best"},
    {.name = "accuracy",
     .form = "MODE",
     .kind = TW_OPTION_CHOICE,
     .choices = accuracies,
     .help = "fast (default: Winograd allowed) or strict"},
    {.name = "layout",
     .form = "LAYOUT",
     .kind = TW_OPTION_CHOICE,
     .choices = layouts,
     .help = "nhwc (default: channels last) or nchw"},
    {.name = "type",
     .form = "TYPE",
     .kind = TW_OPTION_CHOICE,
     .choices = types,
     .help = "f32 (default) or f64"},
    {.name = "seconds",
     .form = "S",
     .kind = TW_OPTION_REAL,
     .above_low = true,
     .high = 3600,
     .help = "how long each is timed (default: 0.4)"},
    {.name = "repeat",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 1000000,
     .help = "at least so many calls of each (default: 5)"},
    {.name = "peer",
     .form = "NAME,...",
     .kind = TW_OPTION_CHOICES,
     .choices = tw_peer_names,
     .help = "other libraries, timed in turns with Twill: onednn, torch"},
    {.name = "explain",
     .kind = TW_OPTION_FLAG,
     .help = "say why each algorithm was chosen, and its workspace"},
    {.name = NULL},
};

/* Sums of logarithms, for geometric means. */
typedef struct tw_means {
    double log_gflops, log_ratio[TW_PEERS];
    int count, ratios[TW_PEERS];
} tw_means;

typedef struct tw_bench {
    const tw_arguments *arguments;
    tw_layers layers;
    tw_peers *peers;
    tw_race_rules rules;
    bool json, explain;
    int name_width, algorithm_width;
    /* The section being timed. */
    tw_pass pass;
    int threads;
    double peak;
    tw_means means;
} tw_bench;

/* ---- What is printed.
 * ------------------------------------------------------------------------------------------ */

static void print_heading(const tw_bench *bench) {
    printf("%s, %d %s, FMA peak %.1f GFLOP/s\n", tw_pass_name(bench->pass), bench->threads,
           bench->threads == 1 ? "thread" : "threads", bench->peak);
    printf("  %-*s  %-*s  %9s  %9s  %8s  %6s", bench->name_width, "layer", bench->algorithm_width,
           "algorithm", "min ms", "median ms", "GFLOP/s", "peak");
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_peers_take_part(bench->peers, p)) printf("  %6s ms  %6s", tw_peer_names[p], "times");
    putchar('\n');
}

static double gflops_of(const tw_race *race) {
    return 2e-6 * (double)race->description.taps / tw_times_least(&race->times);
}

static double share(const tw_bench *bench, double gflops) {
    return bench->peak > 0 ? 100 * gflops / bench->peak : 0;
}

/* How many times as long as Twill the peer takes. */
static double ratio_of(const tw_race *race, int peer) {
    return tw_times_least(&race->peer_times[peer]) / tw_times_least(&race->times);
}

static void print_row(const tw_bench *bench, const tw_layer *layer, const tw_race *race) {
    const double gflops = gflops_of(race);
    printf("  %-*s  %-*s  %9.3f  %9.3f  %8.1f  %4.0f %%", bench->name_width, layer->name,
           bench->algorithm_width, race->description.algorithm, tw_times_least(&race->times),
           tw_times_median(&race->times), gflops, share(bench, gflops));
    for (int p = 0; p < TW_PEERS; ++p) {
        if (!tw_peers_take_part(bench->peers, p)) continue;
        if (race->peer_times[p].count > 0)
            printf("  %9.3f  %6.2f", tw_times_least(&race->peer_times[p]), ratio_of(race, p));
        else
            printf("  %9s  %6s", "-", "-");
    }
    putchar('\n');
    if (!bench->explain) return;
    const tw_words bytes = tw_words_bytes((double)race->description.workspace_bytes);
    char line[512];
    snprintf(line, sizeof line, "%s; workspace %s", race->description.reason, bytes.text);
    tw_words_wrap(stdout, line, 0, 6, tw_terminal_look(stdout).width);
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_peers_take_part(bench->peers, p) && race->peer_declines[p][0])
            printf("      %s: %s\n", tw_peer_names[p], tw_words_quoted(race->peer_declines[p]).text);
}

static void print_json_peers(const char *name, const tw_race *race, double (*what)(const tw_times *times)) {
    tw_json_open_object(name);
    for (int p = 0; p < TW_PEERS; ++p)
        if (race->peer_times[p].count > 0) tw_json_real(tw_peer_names[p], what(&race->peer_times[p]));
    tw_json_close_object();
}

static void print_json(const tw_bench *bench, const tw_layer *layer, const tw_race *race) {
    tw_json_begin();
    tw_json_text("layer", layer->name);
    tw_json_text("pass", tw_pass_name(race->pass));
    tw_json_integer("threads", race->threads);
    tw_json_text("algorithm", race->description.algorithm);
    tw_json_text("reason", race->description.reason);
    tw_json_text("isa", race->description.isa);
    tw_json_real("min_ms", tw_times_least(&race->times));
    tw_json_real("median_ms", tw_times_median(&race->times));
    tw_json_real("gflops", gflops_of(race));
    tw_json_real("peak_gflops", bench->peak);
    tw_json_integer("workspace_bytes", (int64_t)race->description.workspace_bytes);
    print_json_peers("peers", race, tw_times_median);
    print_json_peers("peers_min_ms", race, tw_times_least);
    tw_json_end();
}

/* A layer that the forced algorithm does not run. */
static void print_declined(const tw_bench *bench, const tw_layer *layer, const char *reason) {
    if (!bench->json) {
        printf("  %-*s  %s\n", bench->name_width, layer->name, reason);
        return;
    }
    tw_json_begin();
    tw_json_text("layer", layer->name);
    tw_json_text("pass", tw_pass_name(bench->pass));
    tw_json_integer("threads", bench->threads);
    tw_json_text("algorithm", NULL);
    tw_json_text("reason", reason);
    tw_json_end();
}

static void print_means(const tw_bench *bench) {
    const tw_means *means = &bench->means;
    if (means->count == 0) return;
    const double gflops = exp(means->log_gflops / means->count);
    printf("  %-*s  %-*s  %9s  %9s  %8.1f  %4.0f %%", bench->name_width, "geometric mean",
           bench->algorithm_width, "", "", "", gflops, share(bench, gflops));
    for (int p = 0; p < TW_PEERS; ++p) {
        if (!tw_peers_take_part(bench->peers, p)) continue;
        if (means->ratios[p] > 0)
            printf("  %9s  %6.2f", "", exp(means->log_ratio[p] / means->ratios[p]));
        else
            printf("  %9s  %6s", "", "-");
    }
    printf("\n\n");
}

/* ---- Timing.
 * --------------------------------------------------------------------------------------------------- */

static void add_to_means(tw_means *means, const tw_race *race) {
    means->log_gflops += log(gflops_of(race));
    ++means->count;
    for (int p = 0; p < TW_PEERS; ++p) {
        if (race->peer_times[p].count == 0) continue;
        means->log_ratio[p] += log(ratio_of(race, p));
        ++means->ratios[p];
    }
}

static int time_layer(tw_bench *bench, const tw_layer *layer) {
    const tw_command *command = bench->arguments->command;
    tw_geometry geometry = layer->geometry;
    geometry.layout = (tw_layout)tw_arguments_integer(bench->arguments, "layout", TW_NHWC);
    tw_race race = {.geometry = &geometry, .pass = bench->pass, .threads = bench->threads};
    const tw_status status = tw_race_run(&race, &bench->rules, bench->peers);
    if (status == TW_ERROR_UNSUPPORTED && bench->rules.options.algorithm) {
        print_declined(bench, layer, tw_message());
    } else if (status == TW_ERROR_ARGUMENT || status == TW_ERROR_UNSUPPORTED) {
        return tw_command_refused(command, status, "");
    } else if (status != TW_OK) {
        return tw_command_failed(command, "%s: %s", layer->name,
                                 status == TW_ERROR_MEMORY ? "no memory" : tw_message());
    } else {
        if (bench->json)
            print_json(bench, layer, &race);
        else
            print_row(bench, layer, &race);
        add_to_means(&bench->means, &race);
        tw_race_end(&race);
    }
    fflush(stdout);
    return ferror(stdout) ? TW_EXIT_FAILED : TW_EXIT_DONE; /* nobody listens: main says so */
}

/* All layers in one pass on one number of threads. */
static int time_section(tw_bench *bench) {
    bench->means = (tw_means){0};
    bench->peak = tw_machine_peak_gflops(bench->rules.options.type, bench->threads);
    if (!bench->json) print_heading(bench);
    for (int i = 0; i < bench->layers.count; ++i) {
        const int status = time_layer(bench, &bench->layers.layers[i]);
        if (status != TW_EXIT_DONE) return status;
    }
    if (!bench->json) print_means(bench);
    return TW_EXIT_DONE;
}

static int time_all(tw_bench *bench) {
    const tw_list own = {.count = 1, .first = {tw_threads()}};
    const tw_list *threads = tw_arguments_list(bench->arguments, "threads");
    const int64_t wanted = tw_arguments_integer(bench->arguments, "pass", 7);
    if (!threads) threads = &own;
    if (!bench->json) printf("%s\n\n", tw_machine_describe());
    for (int t = 0; t < threads->count; ++t)
        for (int pass = 0; pass < TW_PASSES; ++pass) {
            if (!(wanted >> pass & 1)) continue;
            bench->threads = (int)threads->first[t];
            bench->pass = (tw_pass)pass;
            const int status = time_section(bench);
            if (status != TW_EXIT_DONE) return status;
        }
    return TW_EXIT_DONE;
}

/* Keeps the layers whose name matches. */
static void filter(tw_layers *layers, const char *pattern) {
    int kept = 0;
    for (int i = 0; i < layers->count; ++i)
        if (fnmatch(pattern, layers->layers[i].name, 0) == 0) layers->layers[kept++] = layers->layers[i];
    layers->count = kept;
}

static void measure_widths(tw_bench *bench) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    bench->name_width = (int)strlen("geometric mean");
    bench->algorithm_width = (int)strlen("algorithm");
    for (int i = 0; i < bench->layers.count; ++i) {
        const int width = tw_words_columns(bench->layers.layers[i].name);
        if (width > bench->name_width) bench->name_width = width;
    }
    for (size_t i = 0; i < count; ++i) {
        const int width = (int)strlen(names[i]);
        if (width > bench->algorithm_width) bench->algorithm_width = width;
    }
}

static tw_race_rules rules_of(const tw_arguments *arguments) {
    tw_race_rules rules = {
        .options = tw_conv_options_defaults(),
        .seconds = tw_arguments_real(arguments, "seconds", 0.4),
        .repeats = (int)tw_arguments_integer(arguments, "repeat", 5),
    };
    rules.options.type = (tw_type)tw_arguments_integer(arguments, "type", TW_F32);
    rules.options.accuracy = (tw_accuracy)tw_arguments_integer(arguments, "accuracy", TW_FAST);
    rules.options.algorithm = tw_arguments_text(arguments, "algorithm", NULL);
    rules.options.isa = tw_arguments_text(arguments, "isa", NULL);
    return rules;
}

static int unknown_name(const tw_command *command, const char *option, const char *name,
                        const char *const *list) {
    const char *nearest = tw_words_nearest(name, list);
    const tw_words shown = tw_words_quoted(name);
    if (nearest)
        return tw_command_misused(command, "--%s: %s is unknown: did you mean %s?", option, shown.text,
                                  nearest);
    return tw_command_misused(command, "--%s: %s is unknown: 'twill info' lists them", option, shown.text);
}

static bool listed(const char *name, const char *const *list) {
    while (*list && strcmp(*list, name) != 0) ++list;
    return *list != NULL;
}

/* The names that a plan would refuse for every layer, before anything is printed. */
static int check_names(const tw_command *command, const tw_conv_options *wanted) {
    enum { MOST = 63 };
    const char *list[MOST + 1] = {NULL};
    size_t count;
    const char *const *algorithms = tw_conv_algorithms(&count);
    for (size_t i = 0; i < count && i < MOST; ++i) list[i] = algorithms[i];
    if (wanted->algorithm && !listed(wanted->algorithm, list))
        return unknown_name(command, "algorithm", wanted->algorithm, list);
    memset(list, 0, sizeof list);
    const tw_machine_isa *isas = tw_machine_isas(&count);
    for (size_t i = 0; i < count && i < MOST; ++i) list[i] = isas[i].name;
    if (wanted->isa && !listed(wanted->isa, list)) return unknown_name(command, "isa", wanted->isa, list);
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    tw_bench bench = {.arguments = arguments, .rules = rules_of(arguments)};
    bench.json = tw_arguments_given(arguments, "json");
    bench.explain = tw_arguments_given(arguments, "explain");
    const char *path = tw_arguments_text(arguments, "layers", NULL);
    const char *pattern = tw_arguments_text(arguments, "only", "*");
    const int64_t peers = tw_arguments_integer(arguments, "peer", 0);
    if (!path) return tw_command_misused(command, "--layers FILE is needed");
    if (peers && bench.rules.options.type != TW_F32)
        return tw_command_misused(command, "--peer: peers are timed in f32 only");
    int status = check_names(command, &bench.rules.options);
    if (status != TW_EXIT_DONE) return status;
    status = tw_layers_read(&bench.layers, command, path);
    if (status != TW_EXIT_DONE) return status;
    filter(&bench.layers, pattern);
    measure_widths(&bench);
    bench.peers = tw_peers_start(command, peers);
    status = TW_EXIT_FAILED;
    if (bench.layers.count == 0)
        tw_command_failed(command, "--only: no layer's name matches %s", tw_words_quoted(pattern).text);
    else if (bench.peers)
        status = time_all(&bench);
    tw_peers_stop(bench.peers);
    tw_layers_free(&bench.layers);
    return status;
}

const tw_command tw_command_bench_conv = {
    .name = "bench conv",
    .summary = "time convolutions, beside the machine's peak and other libraries",
    .usage = "--layers FILE [options]",
    .about = "Times every layer of a list in every pass. GFLOP/s count 2 operations for each tap inside the "
             "image, "
             "over the least time; \"peak\" is their share of what the machine's multiply-add units can do, "
             "measured "
             "in the same run. Weights are packed before, buffers are warm.\n"
             "\n"
             "A peer's columns are its least time and how many times as long as Twill's that is.\n"
             "\n"
             "  twill bench conv --layers bench/layers.tsv --threads 1 --pass forward --explain",
    .options = {options, tw_options_json},
    .run = run,
};

/* `twill bench conv`: how long each layer of a list takes, in each pass and number of threads, what share
 * that is of the machine's fused-multiply-add peak measured in the same run, and the same in other libraries
 * beside.
 *
 * GFLOP/s are 2 x taps inside the image / least time, whatever the algorithm multiplies, so Winograd may
 * exceed the peak. Ratios to peers are medians over rounds in which all take turns. A row is printed when it
 * is known. */
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <twill/machine.h>

#include "bench_report.h"
#include "command.h"
#include "progress_bar.h"
#include "run_options.h"
#include "wording.h"

static const char *const passes[] = {"forward", "backward-data", "backward-weights", NULL};
static const char *const layouts[] = {"nchw", "nhwc", NULL};
static const char *const fillings[] = {"random", "zero", "denormal", "inf", "nan", NULL}; /* as tw_filling */
static const char *const format_names[] = {"text", "tsv", "json", "svg", NULL};           /* as formats */
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
    {.name = "algorithm",
     .form = "NAME",
     .kind = TW_OPTION_TEXT,
     .help = "this one instead of the plan's choice"},
    {.name = "isa",
     .form = "NAME",
     .kind = TW_OPTION_TEXT,
     .help = "this instruction set instead of the best"},
    {.name = "layout",
     .form = "LAYOUT",
     .kind = TW_OPTION_CHOICE,
     .choices = layouts,
     .help = "nchw or nhwc (default: the quicker of both, for each)"},
    {.name = "type",
     .form = "TYPE",
     .kind = TW_OPTION_CHOICE,
     .choices = types,
     .help = "f32 (default) or f64"},
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
    {.name = "reference",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "shares of the peak recorded elsewhere, to compare with: bench/peers.tsv"},
    {.name = "values",
     .form = "KIND",
     .kind = TW_OPTION_CHOICE,
     .choices = fillings,
     .help = "random (default), zero, denormal, inf or nan: timed against random ones"},
    {.name = "format",
     .form = "FORMAT",
     .kind = TW_OPTION_CHOICE,
     .choices = format_names,
     .help = "text (default), tsv, json or svg (a bar chart)"},
    {.name = "chart",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "also draw the bar chart into this file (SVG)"},
    {.name = "explain",
     .kind = TW_OPTION_FLAG,
     .help = "say why each algorithm was chosen and the others not, workspace, planning and packing time, "
             "the speed of copying as many bytes"},
    {.name = NULL},
};

static const tw_bench_format *const formats[] = {&tw_bench_format_text, &tw_bench_format_tsv,
                                                 &tw_bench_format_json, &tw_bench_format_svg};

typedef struct tw_bench {
    const tw_arguments *arguments;
    tw_layers layers;
    tw_peers *peers;
    tw_recorded recorded;
    tw_race_rules rules;
    tw_bench_report report;
    tw_progress_bar bar;
    int done, all; /* races */
} tw_bench;

/* ---- Timing.
 * --------------------------------------------------------------------------------------------------- */

static int time_layer(tw_bench *bench, const tw_layer *layer) {
    const tw_command *command = bench->arguments->command;
    const tw_bench_section *now = tw_report_now(&bench->report);
    tw_race race = {.geometry = &layer->geometry, .pass = now->pass, .threads = now->threads};
    tw_progress_bar_draw(&bench->bar, (double)bench->done / bench->all, "%s | %s | %d threads", layer->name,
                         tw_pass_name(now->pass), now->threads);
    ++bench->done;
    const tw_status status = tw_race_run(&race, &bench->rules, bench->peers);
    tw_progress_bar_clear(&bench->bar);
    if (status == TW_ERROR_UNSUPPORTED && bench->rules.options.algorithm) {
        tw_report_declined(&bench->report, layer, tw_message());
    } else if (status == TW_ERROR_ARGUMENT || status == TW_ERROR_UNSUPPORTED) {
        return tw_command_refused(command, status, "");
    } else if (status != TW_OK) {
        return tw_command_failed(command, "%s: %s", layer->name,
                                 status == TW_ERROR_MEMORY ? "no memory" : tw_message());
    } else {
        tw_report_row(&bench->report, layer, &race);
        tw_race_end(&race);
    }
    fflush(stdout);
    return ferror(stdout) ? TW_EXIT_FAILED : TW_EXIT_DONE; /* nobody listens: main says so */
}

/* All layers in one pass on one number of threads. */
static int time_section(tw_bench *bench, tw_pass pass, int threads, double peak) {
    tw_report_section(&bench->report, pass, threads,
                      fmax(peak, tw_machine_peak_gflops(bench->rules.options.type, threads)));
    for (int i = 0; i < bench->layers.count; ++i) {
        const int status = time_layer(bench, &bench->layers.layers[i]);
        if (status != TW_EXIT_DONE) return status;
    }
    tw_report_section_end(&bench->report);
    return TW_EXIT_DONE;
}

/* The peak is measured before all, too: a machine that is slowed down just then raises every share. */
static int time_sections(tw_bench *bench, const tw_list *threads, int64_t passes_wanted) {
    double peaks[TW_LIST_MOST];
    for (int t = 0; t < threads->count; ++t)
        peaks[t] = tw_machine_peak_gflops(bench->rules.options.type, (int)threads->first[t]);
    tw_report_begin(&bench->report);
    for (int t = 0; t < threads->count; ++t)
        for (int pass = 0; pass < TW_PASSES; ++pass) {
            if (!(passes_wanted >> pass & 1)) continue;
            const int status = time_section(bench, (tw_pass)pass, (int)threads->first[t], peaks[t]);
            if (status != TW_EXIT_DONE) return status;
        }
    tw_report_end(&bench->report);
    return TW_EXIT_DONE;
}

static int time_all(tw_bench *bench) {
    const tw_list threads = tw_timing_threads(bench->arguments);
    const int64_t wanted = tw_arguments_integer(bench->arguments, "pass", 7);
    bench->all =
        bench->layers.count * threads.count * (int)((wanted & 1) + (wanted >> 1 & 1) + (wanted >> 2 & 1));
    bench->report.bars = calloc((size_t)bench->all + 1, sizeof *bench->report.bars);
    if (!bench->report.bars) return tw_command_failed(bench->arguments->command, "no memory");
    const int status = time_sections(bench, &threads, wanted);
    free(bench->report.bars);
    return status;
}

/* Keeps the layers whose name matches. */
static void filter(tw_layers *layers, const char *pattern) {
    int kept = 0;
    for (int i = 0; i < layers->count; ++i)
        if (fnmatch(pattern, layers->layers[i].name, 0) == 0) layers->layers[kept++] = layers->layers[i];
    layers->count = kept;
}

static tw_bench_report report_of(const tw_bench *bench) {
    const tw_arguments *arguments = bench->arguments;
    const int64_t format =
        tw_arguments_given(arguments, "json") ? 2 : tw_arguments_integer(arguments, "format", 0);
    tw_bench_report report = {.format = formats[format],
                              .peers = bench->peers,
                              .recorded = bench->recorded.count > 0 ? &bench->recorded : NULL,
                              .explain = bench->rules.explains,
                              .odd = bench->rules.filling != TW_FILL_RANDOM,
                              .name_width = (int)strlen("geometric mean"),
                              .algorithm_width = (int)strlen("algorithm")};
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    for (int i = 0; i < bench->layers.count; ++i) {
        const int width = tw_words_columns(bench->layers.layers[i].name);
        if (width > report.name_width) report.name_width = width;
    }
    for (size_t i = 0; i < count; ++i) {
        const int width = (int)strlen(names[i]);
        if (width > report.algorithm_width) report.algorithm_width = width;
    }
    return report;
}

static tw_race_rules rules_of(const tw_arguments *arguments) {
    tw_race_rules rules = {
        .options = tw_conv_options_defaults(),
        .seconds = tw_timing_seconds(arguments),
        .repeats = (int)tw_arguments_integer(arguments, "repeat", 5),
        .layout = (int)tw_arguments_integer(arguments, "layout", -1),
        .filling = (tw_filling)tw_arguments_integer(arguments, "values", TW_FILL_RANDOM),
        .explains = tw_arguments_given(arguments, "explain"),
    };
    rules.options.type = (tw_type)tw_arguments_integer(arguments, "type", TW_F32);
    rules.options.accuracy = tw_accuracy_of(arguments);
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

/* The options that exclude each other or lack another. */
static int check_options(const tw_bench *bench) {
    const tw_arguments *arguments = bench->arguments;
    const tw_command *command = arguments->command;
    const bool peers = tw_arguments_given(arguments, "peer");
    if (!tw_arguments_given(arguments, "layers"))
        return tw_command_misused(command, "--layers FILE is needed");
    if (peers && bench->rules.options.type != TW_F32)
        return tw_command_misused(command, "--peer: peers are timed in f32 only");
    if (peers && bench->rules.filling != TW_FILL_RANDOM)
        return tw_command_misused(command, "--peer: peers are timed with random values only");
    if (tw_arguments_given(arguments, "json") && tw_arguments_given(arguments, "format"))
        return tw_command_misused(command, "--json and --format exclude each other");
    return check_names(command, &bench->rules.options);
}

static int read_files(tw_bench *bench) {
    const tw_command *command = bench->arguments->command;
    const char *pattern = tw_arguments_text(bench->arguments, "only", "*");
    const char *reference = tw_arguments_text(bench->arguments, "reference", NULL);
    int status = tw_layers_read(&bench->layers, command, tw_arguments_text(bench->arguments, "layers", ""));
    if (status != TW_EXIT_DONE) return status;
    filter(&bench->layers, pattern);
    if (bench->layers.count == 0)
        return tw_command_failed(command, "--only: no layer's name matches %s",
                                 tw_words_quoted(pattern).text);
    return reference ? tw_recorded_read(&bench->recorded, command, reference) : TW_EXIT_DONE;
}

/* The chart's file: opened first, so that nothing is timed in vain. */
static int open_chart(tw_bench *bench, const char *path) {
    bench->report.chart = path ? fopen(path, "w") : NULL;
    if (!path || bench->report.chart) return TW_EXIT_DONE;
    return tw_command_failed(bench->arguments->command, "--chart: %s: %s", tw_words_quoted(path).text,
                             strerror(errno));
}

static int close_chart(tw_bench *bench, const char *path, int status) {
    FILE *chart = bench->report.chart;
    if (!chart) return status;
    const bool written = fflush(chart) == 0 && !ferror(chart);
    if (fclose(chart) == 0 && written) return status;
    return tw_command_failed(bench->arguments->command, "--chart: %s: not written: %s",
                             tw_words_quoted(path).text, strerror(errno));
}

static int run(const tw_arguments *arguments) {
    static tw_bench bench;
    const char *chart = tw_arguments_text(arguments, "chart", NULL);
    bench = (tw_bench){.arguments = arguments, .rules = rules_of(arguments)};
    int status = check_options(&bench);
    if (status == TW_EXIT_DONE) status = read_files(&bench);
    if (status == TW_EXIT_DONE) {
        bench.peers = tw_peers_start(arguments->command, tw_arguments_integer(arguments, "peer", 0));
        bench.report = report_of(&bench);
        bench.bar = tw_progress_bar_begin(stderr, false);
        status = bench.peers ? open_chart(&bench, chart) : TW_EXIT_FAILED;
        if (status == TW_EXIT_DONE) status = time_all(&bench);
        status = close_chart(&bench, chart, status);
    }
    tw_peers_stop(bench.peers);
    tw_recorded_free(&bench.recorded);
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
             "in the same run; GB/s are the bytes of x, w and y over that time. Weights are packed before, "
             "buffers "
             "are warm, and the quicker of the two layouts is taken.\n"
             "\n"
             "A peer's columns are its median time and how many times as long as Twill it takes, the median "
             "over rounds in which both have turns; \"best\" is that of the quickest peer, \"recorded\" "
             "that of the best in --reference, by least times, scaled by the peak of this run. Above 1 Twill "
             "is faster. Geometric means stand at the end. A peer that is not there is left out.\n"
             "\n"
             "  twill bench conv --layers bench/layers.tsv --threads 1 --pass forward --explain\n"
             "  twill bench conv --layers bench/layers.tsv --threads 1,2 --peer onednn,torch --format svg",
    .options = {options, tw_options_timing, tw_options_accuracy, tw_options_json},
    .run = run,
};

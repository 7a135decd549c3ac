/* `twill check`: proof on this machine. `check conv` runs random geometries through every algorithm,
 * instruction set, pass and type against the conv matrix; `check "LINE"` one geometry; `check net` every
 * gradient of a network against central differences in f64. Exit 1 when anything is out. */
#include <stdlib.h>
#include <string.h>

#include <twill/check.h>

#include "command.h"
#include "json_line.h"
#include "net_options.h"
#include "progress_bar.h"
#include "run_options.h"
#include "terminal.h"
#include "aligned_table.h"
#include "wording.h"

enum { FAILURES_MOST = 20, TEXT = 256, ROWS_MOST = 1000 };

static const tw_option conv_options[] = {
    {.name = "count",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 100000000,
     .help = "random geometries (default: 200)"},
    {.name = NULL},
};

static const tw_option net_count[] = {
    {.name = "count",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = 100000000,
     .help = "entries of each tensor that are looked at, when it has more (default: the library's)"},
    {.name = NULL},
};

static const tw_option quiet_option[] = {
    {.name = "quiet", .kind = TW_OPTION_FLAG, .help = "no progress"},
    {.name = NULL},
};

/* What is kept of all lines: one row a variant, or a parameter of a network. */
typedef struct tw_variant {
    char name[TEXT];
    int64_t lines, failed;
    double largest, bound; /* of the line with the largest share of its bound */
} tw_variant;

typedef struct tw_failure {
    char subject[TEXT], variant[TEXT];
    double error, bound;
} tw_failure;

typedef struct tw_report {
    bool by_subject; /* rows are named by subject: a network's parameters */
    tw_variant *variants;
    int variant_count;
    tw_failure failures[FAILURES_MOST];
    int failure_count;
    int64_t lines, expected, subjects;
    char last_subject[TEXT];
    tw_progress_bar bar;
} tw_report;

/* ---- Collecting.
 * ----------------------------------------------------------------------------------------------- */

static tw_variant *variant_of(tw_report *report, const char *name) {
    for (int i = 0; i < report->variant_count; ++i)
        if (strncmp(report->variants[i].name, name, TEXT - 1) == 0) return &report->variants[i];
    if (report->variant_count == ROWS_MOST) return &report->variants[ROWS_MOST - 1];
    tw_variant *variant = &report->variants[report->variant_count++];
    *variant = (tw_variant){.largest = -1};
    snprintf(variant->name, sizeof variant->name, "%s", name);
    return variant;
}

/* Rows are algorithm, type and pass: instruction sets and threads give the same bits, so they share a row.
 * The library's words are "[chosen ]ALGORITHM ISA TYPE PASS threads N"; anything else is its own row. */
static void row_name(const char *variant, char name[TEXT]) {
    char algorithm[64], isa[64], type[64], pass[64];
    if (strncmp(variant, "chosen ", 7) == 0) variant += 7;
    if (sscanf(variant, "%63s %63s %63s %63s", algorithm, isa, type, pass) == 4)
        snprintf(name, TEXT, "%s %s %s", algorithm, type, pass);
    else
        snprintf(name, TEXT, "%s", variant);
}

static void keep_failure(tw_report *report, const tw_check_line *line) {
    if (report->failure_count == FAILURES_MOST) return;
    tw_failure *failure = &report->failures[report->failure_count++];
    snprintf(failure->subject, TEXT, "%s", line->subject);
    snprintf(failure->variant, TEXT, "%s", line->variant);
    failure->error = line->largest_error;
    failure->bound = line->bound;
}

static bool collect(void *context, const tw_check_line *line) {
    tw_report *report = context;
    char name[TEXT];
    if (report->by_subject)
        snprintf(name, TEXT, "%s", line->subject);
    else
        row_name(line->variant, name);
    tw_variant *variant = variant_of(report, name);
    ++variant->lines;
    ++report->lines;
    variant->failed += line->failed;
    if (!(line->largest_error <= variant->largest)) { /* NaN is larger than all */
        variant->largest = line->largest_error;
        variant->bound = line->bound;
    }
    if (line->failed) keep_failure(report, line);
    if (strncmp(report->last_subject, line->subject, TEXT - 1) != 0) {
        snprintf(report->last_subject, TEXT, "%s", line->subject);
        ++report->subjects;
    }
    if (report->expected > 0) {
        const tw_words count = tw_words_count(report->lines);
        tw_progress_bar_draw(&report->bar, (double)(report->subjects - 1) / (double)report->expected,
                             "%s checks", count.text);
    }
    return true;
}

/* ---- Telling.
 * -------------------------------------------------------------------------------------------------- */

static int by_error(const void *a, const void *b) {
    const tw_variant *x = a, *y = b;
    if (x->largest != y->largest) return x->largest < y->largest ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void print_table(tw_report *report) {
    const char *const by_variant[] = {"algorithm, type, pass", "checks", "failed", "largest error",
                                      "allowed"};
    const char *const by_parameter[] = {"gradient of", "checks", "failed", "largest error", "allowed"};
    tw_table *table = tw_table_create("srrrr", report->by_subject ? by_parameter : by_variant);
    qsort(report->variants, (size_t)report->variant_count, sizeof *report->variants, by_error);
    for (int i = 0; i < report->variant_count; ++i) {
        const tw_variant *v = &report->variants[i];
        tw_table_cell(table, "%s", v->name);
        tw_table_cell(table, "%s", tw_words_count(v->lines).text);
        tw_table_cell(table, "%s", tw_words_count(v->failed).text);
        if (v->largest == 0)
            tw_table_cell(table, "0");
        else
            tw_table_cell(table, "%.3g", v->largest);
        if (v->bound == 0)
            tw_table_cell(table, "0");
        else
            tw_table_cell(table, "%.3g", v->bound);
    }
    tw_table_print(table, stdout, 0, tw_terminal_look(stdout).width);
    tw_table_free(table);
}

static void print_failures(const tw_report *report, const tw_check_result *result) {
    if (result->failed == 0) return;
    printf("\nOut of bounds:\n");
    for (int i = 0; i < report->failure_count; ++i) {
        const tw_failure *f = &report->failures[i];
        printf("  %s: error %.3g, allowed %.3g\n", f->variant, f->error, f->bound);
        if (report->by_subject)
            printf("    %s\n", f->subject);
        else
            printf("    twill check \"%s\"\n", f->subject);
    }
    if (result->failed > report->failure_count)
        printf("  and %s more\n", tw_words_count(result->failed - report->failure_count).text);
}

static void print_isas(void) {
    size_t count;
    const tw_machine_isa *isas = tw_machine_isas(&count);
    printf("\nOn every instruction set of this machine:");
    for (size_t i = 0; i < count; ++i)
        if (isas[i].runs) printf(" %s", isas[i].name);
    putchar('\n');
}

static void print_json(const tw_check_result *result) {
    tw_json_begin();
    tw_json_integer("checked", result->checked);
    tw_json_integer("failed", result->failed);
    tw_json_real("largest_error", result->largest_error);
    tw_json_end();
}

static int tell(const tw_arguments *arguments, tw_report *report, const tw_check_result *result) {
    tw_progress_bar_clear(&report->bar);
    if (tw_arguments_given(arguments, "json")) {
        print_json(result);
    } else {
        print_table(report);
        print_failures(report, result);
        if (!report->by_subject) print_isas();
        printf("\n%s checked, %s failed\n", tw_words_count(result->checked).text,
               tw_words_count(result->failed).text);
    }
    return result->failed > 0 ? TW_EXIT_FAILED : TW_EXIT_DONE;
}

/* ---- The runs.
 * ------------------------------------------------------------------------------------------------- */

static tw_check_options options_of(const tw_arguments *arguments, tw_report *report) {
    tw_check_options options = tw_check_options_defaults();
    options.seed = tw_seed_of(arguments);
    options.threads = tw_threads_of(arguments);
    options.report = collect;
    options.context = report;
    return options;
}

static bool report_begin(tw_report *report, const tw_arguments *arguments, bool by_subject) {
    *report = (tw_report){.by_subject = by_subject, .variants = calloc(ROWS_MOST, sizeof(tw_variant))};
    report->bar = tw_progress_bar_begin(stderr, tw_arguments_given(arguments, "quiet"));
    return report->variants != NULL;
}

static int check_conv(const tw_arguments *arguments, const char *geometry, int64_t count) {
    static tw_report report;
    tw_check_result result;
    if (!report_begin(&report, arguments, false)) return tw_command_failed(arguments->command, "no memory");
    tw_check_options options = options_of(arguments, &report);
    options.count = count;
    options.geometry = geometry;
    report.expected = geometry ? 0 : count;
    const tw_status status = tw_check_conv(&options, &result);
    const int exit_status = status == TW_OK ? tell(arguments, &report, &result)
                                            : tw_command_refused(arguments->command, status, "");
    free(report.variants);
    return exit_status;
}

static int run_conv(const tw_arguments *arguments) {
    return check_conv(arguments, NULL, tw_arguments_integer(arguments, "count", 200));
}

static int run_line(const tw_arguments *arguments) {
    tw_geometry geometry;
    const tw_status status = tw_geometry_read(&geometry, arguments->words[0]);
    if (status != TW_OK) return tw_command_refused(arguments->command, status, "");
    return check_conv(arguments, arguments->words[0], 1);
}

static int run_net(const tw_arguments *arguments) {
    static tw_report report;
    tw_check_result result;
    tw_net *net;
    const int made = tw_net_from_options(&net, arguments, NULL, NULL);
    if (made != TW_EXIT_DONE) return made;
    tw_status status = TW_ERROR_MEMORY;
    if (report_begin(&report, arguments, true)) {
        tw_check_options options = options_of(arguments, &report);
        options.count = tw_arguments_integer(arguments, "count", options.count);
        status = tw_check_net(net, &options, &result);
    }
    const int exit_status = status == TW_OK ? tell(arguments, &report, &result)
                                            : tw_command_failed(arguments->command, "%s", tw_message());
    free(report.variants);
    tw_net_free(net);
    return exit_status;
}

const tw_command tw_command_check_conv = {
    .name = "check conv",
    .summary = "every algorithm and instruction set against the conv matrix",
    .usage = "[--count N] [--seed N] [options]",
    .about = "Draws random geometries and runs each with every algorithm and instruction set of this "
             "machine, forward "
             "and both gradients, in f32 and f64, on small whole numbers, where the direct sum must equal "
             "the conv "
             "matrix exactly and Winograd stay within its bound. Errors are shares of the bound. A failing "
             "geometry is "
             "printed as a line for twill check \"LINE\". Exit status 1 when any is out.",
    .options = {conv_options, tw_options_seed, tw_options_threads, quiet_option, tw_options_json},
    .run = run_conv,
};

const tw_command tw_command_check_net = {
    .name = "check net",
    .summary = "every gradient of a network against central differences",
    .usage = "--net NAME|TEXT [--input CxHxW] [options]",
    .about = "Compares the gradients of a network's weights and input, in f64, with central differences: the "
             "largest "
             "relative error of each tensor, of which 1e-6 is allowed. Exit status 1 when any is out.\n"
             "\n"
             "  twill check net --net lenet5\n"
             "  twill check net --net 'conv 4 3x3; tanh; dense 3' --input 2x9x9",
    .options = {tw_options_net, net_count, tw_options_seed, tw_options_threads, quiet_option,
                tw_options_json},
    .epilogue = tw_net_options_list,
    .run = run_net,
};

const tw_command tw_command_check = {
    .name = "check",
    .summary = "one geometry, as a line, as check conv does",
    .usage = "\"LINE\" | conv | net [options]",
    .about = "Checks one geometry in every algorithm and instruction set. LINE is as check conv prints it:\n"
             "\n"
             "  twill check \"2d nchw n2 c3 k16 g1 i32x32 f3x3 s1x1 d1x1 p1,1x1,1 zeros\"",
    .options = {tw_options_seed, tw_options_threads, quiet_option, tw_options_json},
    .least_words = 1,
    .most_words = 1,
    .run = run_line,
};

/* `twill matrix`: a convolution as the sparse matrix that it is: printed, counted, exported.
 *
 * Counts need no matrix, so they come at once for any size; it is built to be printed (up to PRINT_MOST
 * nonzeros) or exported (while it fits into the machine's memory). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <twill/matrix.h>
#include <twill/operator.h>

#include "command.h"
#include "geometry_options.h"
#include "json_line.h"
#include "matrix_print.h"
#include "strict_numbers.h"
#include "terminal.h"
#include "aligned_table.h"
#include "wording.h"

enum { PRINT_MOST = 4 << 20 };

static const tw_option options[] = {
    {.name = "symbols", .kind = TW_OPTION_FLAG, .help = "print parameters by name: w11 (default)"},
    {.name = "values",
     .form = "W,W,...",
     .kind = TW_OPTION_TEXT,
     .help = "print these numbers instead, one for each parameter, in the order of the weights"},
    {.name = "norms",
     .kind = TW_OPTION_FLAG,
     .help = "the norms of W with the --values: one, infinity, Frobenius and spectral"},
    {.name = "output",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "write W as a Matrix Market file: the --values, or else the parameters' numbers from 1"},
    {.name = NULL},
};

typedef struct tw_counts {
    int64_t rows, columns, nonzeros, parameters;
    double full; /* exact up to 2^53 */
} tw_counts;

static tw_counts count(const tw_geometry *geometry) {
    tw_geometry_sizes sizes;
    if (tw_geometry_count(geometry, &sizes) != TW_OK) return (tw_counts){0};
    return (tw_counts){.rows = sizes.y,
                       .columns = sizes.x,
                       .nonzeros = sizes.taps,
                       .parameters = sizes.w,
                       .full = (double)sizes.x * (double)sizes.y};
}

/* ---- Numbers for the parameters.
 * ------------------------------------------------------------------------------- */

static int read_values(const tw_arguments *arguments, int64_t parameters, double **values) {
    const char *text = tw_arguments_text(arguments, "values", NULL);
    *values = NULL;
    if (!text) return TW_EXIT_DONE;
    int64_t commas = 0;
    for (const char *p = text; *p; ++p) commas += *p == ',';
    if (commas + 1 != parameters)
        return tw_command_misused(arguments->command,
                                  "--values: %" PRId64 " numbers for %" PRId64 " parameters", commas + 1,
                                  parameters);
    double *numbers = malloc((size_t)parameters * sizeof *numbers);
    if (!numbers) return tw_command_failed(arguments->command, "no memory");
    for (int64_t i = 0; i < parameters; ++i) {
        const size_t length = strcspn(text, ",");
        const char *why = tw_number_real(text, length, &numbers[i]);
        if (why) {
            free(numbers);
            return tw_command_misused(arguments->command, "--values: number %" PRId64 " %s", i + 1, why);
        }
        text += length + 1;
    }
    *values = numbers;
    return TW_EXIT_DONE;
}

/* ---- Printing.
 * ------------------------------------------------------------------------------------------------- */

static void norms_json(const tw_norms *norms) {
    tw_json_open_object("norms");
    tw_json_real("one", norms->one);
    tw_json_real("infinity", norms->infinity);
    tw_json_real("frobenius", norms->frobenius);
    tw_json_real("spectral", norms->spectral);
    tw_json_boolean("converged", norms->converged);
    tw_json_close_object();
}

/* norms NULL: not asked for. */
static void report_json(const tw_counts *counts, const tw_norms *norms) {
    tw_json_begin();
    tw_json_integer("rows", counts->rows);
    tw_json_integer("columns", counts->columns);
    tw_json_integer("nonzeros", counts->nonzeros);
    tw_json_integer("parameters", counts->parameters);
    if (counts->full < 9e15)
        tw_json_integer("full_connection", (int64_t)counts->full);
    else
        tw_json_real("full_connection", counts->full);
    if (norms) norms_json(norms);
    tw_json_end();
}

static tw_words full_text(double full) {
    tw_words words;
    if (full < 9e15) return tw_words_count((int64_t)full);
    snprintf(words.text, sizeof words.text, "%.4g", full);
    return words;
}

/* In how many places a parameter stands. */
static tw_words times(const tw_counts *counts) {
    const double mean = (double)counts->nonzeros / (double)counts->parameters;
    tw_words words = tw_words_count((int64_t)(mean + 0.5));
    if (mean < 1000) snprintf(words.text, sizeof words.text, "%.4g", mean);
    return words;
}

static void counts_text(const tw_counts *counts, const tw_geometry *geometry) {
    int64_t output[TW_MAX_SPATIAL] = {0};
    tw_geometry_output(geometry, output);
    tw_table *table = tw_table_create("lrs", (const char *const[]){"", "", ""});
    tw_table_cell(table, "rows");
    tw_table_cell(table, "%s", tw_words_count(counts->rows).text);
    tw_table_cell(table, "numbers of the output, %" PRId64 "x%s", geometry->out_channels,
                  tw_words_sizes(output, geometry->spatial).text);
    tw_table_cell(table, "columns");
    tw_table_cell(table, "%s", tw_words_count(counts->columns).text);
    tw_table_cell(table, "numbers of the input, %" PRId64 "x%s", geometry->in_channels,
                  tw_words_sizes(geometry->input, geometry->spatial).text);
    tw_table_cell(table, "nonzeros");
    tw_table_cell(table, "%s", tw_words_count(counts->nonzeros).text);
    tw_table_cell(table, "%.3g %% of the places", 100.0 * (double)counts->nonzeros / counts->full);
    tw_table_cell(table, "parameters");
    tw_table_cell(table, "%s", tw_words_count(counts->parameters).text);
    tw_table_cell(table, "each stands %s times on average", times(counts).text);
    tw_table_cell(table, "full connection");
    tw_table_cell(table, "%s", full_text(counts->full).text);
    tw_table_cell(table, "parameters, were nothing local and nothing shared");
    tw_table_print(table, stdout, 0, tw_terminal_look(stdout).width);
    tw_table_free(table);
}

static void norms_text(const tw_norms *norms) {
    const struct {
        const char *name, *means;
        double value;
    } rows[] = {
        {"one norm", "largest sum of a column, without signs", norms->one},
        {"infinity norm", "largest sum of a row, without signs", norms->infinity},
        {"Frobenius norm", "root of the sum of all squares", norms->frobenius},
        {"spectral norm",
         norms->converged ? "largest singular value: the layer's Lipschitz constant"
                          : "at least: the iteration has not come to rest",
         norms->spectral},
    };
    tw_table *table = tw_table_create("lrs", (const char *const[]){"", "", ""});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        tw_table_cell(table, "%s", rows[i].name);
        tw_table_cell(table, "%.6g", rows[i].value);
        tw_table_cell(table, "%s", rows[i].means);
    }
    putchar('\n');
    tw_table_print(table, stdout, 0, tw_terminal_look(stdout).width);
    tw_table_free(table);
}

static void print_all(const tw_matrix *matrix, const tw_geometry *geometry, const double *values) {
    const tw_terminal terminal = tw_terminal_look(stdout);
    tw_matrix_print(stdout, matrix, geometry, values, terminal);
    if (!tw_matrix_fits(matrix, geometry, values, terminal)) {
        printf("\nWhere its nonzeros stand, the darker the denser:\n");
        tw_matrix_picture(stdout, matrix, terminal);
    }
}

/* ---- The run.
 * -------------------------------------------------------------------------------------------------- */

/* Whether W, two indices a nonzero and one a row, stays below the memory that the machine has. */
static bool memory_holds(const tw_counts *counts, double *bytes) {
    *bytes = 16.0 * (double)counts->nonzeros + 8.0 * (double)counts->rows;
    const double pages = (double)sysconf(_SC_PHYS_PAGES), page = (double)sysconf(_SC_PAGESIZE);
    return pages <= 0 || page <= 0 || *bytes < 0.8 * pages * page;
}

/* What is asked of W itself: it is printed or written, and its norms are found. */
typedef struct tw_wishes {
    const char *output; /* NULL: not written */
    bool prints, norms;
} tw_wishes;

static int use(const tw_command *command, const tw_matrix *matrix, const tw_geometry *geometry,
               const double *values, const tw_wishes *wishes, tw_norms *norms) {
    if (wishes->prints) print_all(matrix, geometry, values);
    if (wishes->output && tw_matrix_write(matrix, values, wishes->output) != TW_OK)
        return tw_command_failed(command, "%s", tw_message());
    if (wishes->norms && tw_matrix_norms(matrix, values, norms) != TW_OK)
        return tw_command_failed(command, "%s", tw_message());
    return TW_EXIT_DONE;
}

static int build(const tw_command *command, const tw_geometry *geometry, const tw_counts *counts,
                 const double *values, const tw_wishes *wishes, tw_norms *norms) {
    double bytes;
    tw_matrix *matrix;
    if (!wishes->output && !wishes->prints && !wishes->norms) return TW_EXIT_DONE;
    if (!memory_holds(counts, &bytes))
        return tw_command_failed(command, "W needs %s, more than this machine has",
                                 tw_words_bytes(bytes).text);
    if (tw_matrix_create(&matrix, geometry) != TW_OK) return tw_command_failed(command, "%s", tw_message());
    const int status = use(command, matrix, geometry, values, wishes, norms);
    tw_matrix_free(matrix);
    return status;
}

static int show(const tw_arguments *arguments, const tw_geometry *geometry, const double *values) {
    const char *output = tw_arguments_text(arguments, "output", NULL);
    const bool json = tw_arguments_given(arguments, "json");
    const tw_counts counts = count(geometry);
    const tw_wishes wishes = {.output = output,
                              .prints = !json && !output && counts.nonzeros <= PRINT_MOST,
                              .norms = tw_arguments_given(arguments, "norms")};
    tw_norms norms;
    const int status = build(arguments->command, geometry, &counts, values, &wishes, &norms);
    if (status != TW_EXIT_DONE) return status;
    if (output && strcmp(output, "/dev/stdout") == 0) return TW_EXIT_DONE;
    if (json) {
        report_json(&counts, wishes.norms ? &norms : NULL);
        return TW_EXIT_DONE;
    }
    if (wishes.prints) putchar('\n');
    counts_text(&counts, geometry);
    if (wishes.norms) norms_text(&norms);
    if (!wishes.prints && !output) printf("\nToo many nonzeros to print; --output FILE writes them.\n");
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    tw_geometry geometry;
    double *values;
    int status = tw_geometry_from_options(&geometry, arguments);
    if (status != TW_EXIT_DONE) return status;
    if (tw_arguments_given(arguments, "symbols") && tw_arguments_given(arguments, "values"))
        return tw_command_misused(arguments->command, "--symbols and --values exclude each other");
    if (tw_arguments_given(arguments, "norms") && !tw_arguments_given(arguments, "values"))
        return tw_command_misused(arguments->command, "--norms: of which --values?");
    status = read_values(arguments, count(&geometry).parameters, &values);
    if (status != TW_EXIT_DONE) return status;
    status = show(arguments, &geometry, values);
    free(values);
    return status;
}

const tw_command tw_command_matrix = {
    .name = "matrix",
    .summary = "the sparse matrix of a convolution: print, count, export, norms",
    .usage = "--input CxHxW --kernel KxRxS [options]",
    .about = "With image and output flattened, a convolution is y = W x: W has a row for each number of the "
             "output, a "
             "column for each number of the input, and few parameters that stand in many places. Prints W "
             "with the "
             "name of the parameter in each place, abridged when it is large, and counts.\n"
             "\n"
             "  twill matrix --input 1x3x3 --kernel 1x2x2\n"
             "  twill matrix --input 1x3x3 --kernel 1x2x2 --values 1,2,3,4 --norms\n"
             "  twill matrix --input 3x32x32 --kernel 16x3x3 --pad 1 --stride 2 --output W.mtx",
    .options = {tw_options_geometry, options, tw_options_json},
    .run = run,
};

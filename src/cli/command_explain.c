/* `twill explain`: the derivation of one convolution, or of a network, with the user's numbers. Everything is
 * the library's (twill/explain.h); here options become a request, and the bytes that come back are written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/explain.h>

#include "command.h"
#include "geometry_options.h"
#include "number_source.h"
#include "terminal.h"
#include "wording.h"

/* In the order of the library's lists; the tests hold that they are the same. */
static const char *const formats[] = {"text", "markdown", "latex", "html", "json", "svg", "png", "pdf", NULL};
static const char *const sections[] = {"forward", "chain",    "input",   "matrix", "connections",
                                       "pooling", "onebyone", "network", "all",    NULL};
static const char *const languages[] = {"en", "zh-TW", NULL};
static const char *const figures[] = {"forward", "matrix", "connections", NULL};
enum { ALL = 8, NETWORK = 7 };

static const tw_option options[] = {
    {.name = "channels",
     .form = "IN[,OUT]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "channels; --input and --kernel then hold sizes alone (default: 1,1)"},
    {.name = "image",
     .form = "NUMBERS",
     .kind = TW_OPTION_TEXT,
     .help = "x: \"1 2 3; 4 5 6; 7 8 9\", or a file"},
    {.name = "weights", .form = "NUMBERS", .kind = TW_OPTION_TEXT, .help = "w, likewise"},
    {.name = "bias", .form = "NUMBERS", .kind = TW_OPTION_TEXT, .help = "b, one for each output channel"},
    {.name = "upstream",
     .form = "NUMBERS",
     .kind = TW_OPTION_TEXT,
     .help = "dL/dh, in the shape of the output"},
    {.name = "show",
     .form = "SECTION,...",
     .kind = TW_OPTION_CHOICES,
     .choices = sections,
     .help =
         "forward, chain, input, matrix, connections (those by default), pooling, onebyone, network, all"},
    {.name = "highlight",
     .form = "WEIGHT",
     .kind = TW_OPTION_TEXT,
     .help = "draw the connections of one weight: w11"},
    {.name = "net", .form = "NET", .kind = TW_OPTION_TEXT, .help = "explain a network: its name or its text"},
    {.name = "label",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 0,
     .most = INT32_MAX,
     .help = "the class of the network's --image: gradients are shown too"},
    {.name = NULL},
};

static const tw_option shape_options[] = {
    {.name = "format",
     .form = "FORMAT",
     .kind = TW_OPTION_CHOICE,
     .choices = formats,
     .help = "text (default), markdown, latex, html, json; or a figure: svg, png, pdf"},
    {.name = "figure",
     .form = "FIGURE",
     .kind = TW_OPTION_CHOICE,
     .choices = figures,
     .help = "forward (default), matrix or connections"},
    {.name = "lang",
     .form = "LANGUAGE",
     .kind = TW_OPTION_CHOICE,
     .choices = languages,
     .help = "en or zh-TW (default: as LANG says)"},
    {.name = "width",
     .form = "COLUMNS",
     .kind = TW_OPTION_INTEGER,
     .least = 40,
     .most = 1000,
     .help = "of text (default: the terminal's, or 80)"},
    {.name = "ascii", .kind = TW_OPTION_FLAG, .help = "text without signs beyond ASCII"},
    {.name = "output",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "write there instead of to standard output"},
    {.name = NULL},
};

/* The numbers of the four tensors, read from options. */
enum { IMAGE = 0, WEIGHTS, BIAS, UPSTREAM, TENSORS };
static const char *const tensors[TENSORS] = {"image", "weights", "bias", "upstream"};

typedef struct tw_numbers {
    double *values;
    int64_t rows, columns;
} tw_numbers;

static int read_tensors(const tw_arguments *arguments, tw_numbers numbers[TENSORS]) {
    for (int i = 0; i < TENSORS; ++i) {
        const char *text = tw_arguments_text(arguments, tensors[i], NULL);
        if (!text) continue;
        tw_numbers *n = &numbers[i];
        const int status =
            tw_numbers_from(arguments->command, tensors[i], text, &n->values, &n->rows, &n->columns);
        if (status != TW_EXIT_DONE) return status;
    }
    return TW_EXIT_DONE;
}

/* Sizes that were written, with channels first unless --channels gives them (or there are only one or two
 * sizes). */
static int fill_sizes(const tw_arguments *arguments, const char *name, int64_t *channels, int64_t *sizes,
                      int *spatial) {
    const tw_list *list = tw_arguments_list(arguments, name);
    if (!list) return TW_EXIT_DONE;
    const int leading = list->count > 2 && !tw_arguments_list(arguments, "channels");
    if (list->count - leading > TW_MAX_SPATIAL)
        return tw_command_misused(arguments->command, "--%s: %d sizes: expected at most %d", name,
                                  list->count - leading, TW_MAX_SPATIAL);
    if (leading) *channels = list->first[0];
    *spatial = list->count - leading;
    memcpy(sizes, list->first + leading, (size_t)*spatial * sizeof *sizes);
    return TW_EXIT_DONE;
}

/* Sizes that the numbers themselves have: rows and columns. */
static void fill_from_numbers(const tw_numbers *n, int64_t *sizes, int *spatial) {
    if (!n->values || *spatial) return;
    *spatial = 2;
    sizes[0] = n->rows;
    sizes[1] = n->columns;
}

static int fill_geometry(const tw_arguments *arguments, tw_geometry *g, const tw_numbers numbers[TENSORS]) {
    const tw_list *channels = tw_arguments_list(arguments, "channels");
    int in = 0, kernel = 0;
    if (channels && channels->count > 2)
        return tw_command_misused(arguments->command,
                                  "--channels: %d numbers: expected input and output channels",
                                  channels->count);
    if (channels) {
        g->in_channels = channels->first[0];
        g->out_channels = channels->first[channels->count - 1];
    }
    int status = fill_sizes(arguments, "input", &g->in_channels, g->input, &in);
    if (status == TW_EXIT_DONE)
        status = fill_sizes(arguments, "kernel", &g->out_channels, g->kernel, &kernel);
    if (status != TW_EXIT_DONE) return status;
    if (!channels) fill_from_numbers(&numbers[IMAGE], g->input, &in);
    if (!channels) fill_from_numbers(&numbers[WEIGHTS], g->kernel, &kernel);
    if (in && kernel && in != kernel)
        return tw_command_misused(arguments->command,
                                  "--input has %d sizes and --kernel %d: expected as many", in, kernel);
    g->spatial = in ? in : kernel ? kernel : 2;
    for (int a = 0; a < g->spatial; ++a) {
        if (!in) g->input[a] = 3;
        if (!kernel) g->kernel[a] = 2;
    }
    return tw_geometry_settings_from_options(g, arguments);
}

static tw_language find_language(const tw_arguments *arguments) {
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    if (tw_arguments_given(arguments, "lang")) return (tw_language)tw_arguments_integer(arguments, "lang", 0);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; ++i) {
        const char *locale = getenv(variables[i]);
        if (locale && *locale) return tw_language_of(locale);
    }
    return TW_ENGLISH;
}

static void fill_look(const tw_arguments *arguments, tw_explain_request *r) {
    const tw_terminal terminal = tw_terminal_look(stdout);
    const bool to_file = tw_arguments_given(arguments, "output");
    const uint32_t shown = (uint32_t)tw_arguments_integer(arguments, "show", 0);
    r->format = (tw_explain_format)tw_arguments_integer(arguments, "format", TW_EXPLAIN_TEXT);
    r->language = find_language(arguments);
    r->width = (int)tw_arguments_integer(arguments, "width", to_file ? 80 : terminal.width);
    r->colour = terminal.colours && terminal.interactive && !to_file;
    r->ascii = tw_arguments_given(arguments, "ascii") || (!terminal.unicode && r->format == TW_EXPLAIN_TEXT);
    r->highlight = tw_arguments_text(arguments, "highlight", NULL);
    r->figure = tw_arguments_text(arguments, "figure", NULL);
    r->sections = shown;
    if (shown >> ALL & 1) r->sections = (1u << ALL) - 1u - (r->net.text ? 0 : 1u << NETWORK);
}

static int explain(const tw_arguments *arguments, const tw_explain_request *request) {
    const char *path = tw_arguments_text(arguments, "output", NULL);
    char *bytes = NULL;
    size_t size = 0;
    const tw_status status = path ? tw_explain_write(request, path) : tw_explain(request, &bytes, &size);
    if (bytes) fwrite(bytes, 1, size, stdout); /* whether it arrived, main asks */
    if (bytes) fflush(stdout);
    tw_explain_free(bytes);
    return status == TW_OK ? TW_EXIT_DONE : tw_command_refused(arguments->command, status, "");
}

/* The network of --net: its image is --image, its size --input. */
static int fill_net(const tw_arguments *arguments, tw_explain_request *r, const tw_numbers *image,
                    float **pixels) {
    r->net.text = tw_arguments_text(arguments, "net", NULL);
    r->net.label = (int)tw_arguments_integer(arguments, "label", -1);
    if (!r->net.text) return TW_EXIT_DONE;
    const tw_list *input = tw_arguments_list(arguments, "input");
    if (input && (input->count < 2 || input->count > TW_MAX_SPATIAL + 1))
        return tw_command_misused(arguments->command, "--input: expected channels and 1 to %d sizes",
                                  TW_MAX_SPATIAL);
    if (input) {
        r->net.input = (tw_net_input){.spatial = input->count - 1, .channels = input->first[0]};
        memcpy(r->net.input.size, input->first + 1, (size_t)(input->count - 1) * sizeof *input->first);
    }
    if (!image->values) return TW_EXIT_DONE;
    r->net.image_count = image->rows * image->columns;
    *pixels = malloc((size_t)r->net.image_count * sizeof **pixels);
    if (!*pixels) return tw_command_failed(arguments->command, "no memory");
    for (int64_t i = 0; i < r->net.image_count; ++i) (*pixels)[i] = (float)image->values[i];
    r->net.image = *pixels;
    return TW_EXIT_DONE;
}

static int run(const tw_arguments *arguments) {
    tw_explain_request request = tw_explain_defaults();
    tw_numbers numbers[TENSORS] = {{NULL, 0, 0}};
    float *pixels = NULL;
    int status = read_tensors(arguments, numbers);
    if (status == TW_EXIT_DONE) status = fill_net(arguments, &request, &numbers[IMAGE], &pixels);
    if (status == TW_EXIT_DONE && !request.net.text)
        status = fill_geometry(arguments, &request.geometry, numbers);
    if (status == TW_EXIT_DONE) {
        tw_explain_values *const places[TENSORS] = {&request.image, &request.weights, &request.bias,
                                                    &request.upstream};
        for (int i = 0; i < TENSORS && !request.net.text; ++i)
            *places[i] = (tw_explain_values){numbers[i].values, numbers[i].rows * numbers[i].columns};
        fill_look(arguments, &request);
        status = explain(arguments, &request);
    }
    for (int i = 0; i < TENSORS; ++i) tw_explain_free(numbers[i].values);
    free(pixels);
    return status;
}

const tw_command tw_command_explain = {
    .name = "explain",
    .summary = "the derivation of a convolution with your numbers: forward, gradients, matrix, connections",
    .usage = "[options]",
    .about = "Explains a convolution: every output as its sum, every gradient by the chain rule, and the "
             "matrix that it "
             "is. Tensors without numbers are shown as symbols. A shape that is not possible is explained "
             "too: what is "
             "wrong with it, and what is near it.\n\n"
             "--input 3x3 and --kernel 2x2 (the defaults) are sizes of one channel; 2x5x5 and 4x3x3 have "
             "channels in "
             "front. Without them the sizes are those of --image and --weights.",
    .options = {tw_options_geometry, options, shape_options},
    .run = run,
};

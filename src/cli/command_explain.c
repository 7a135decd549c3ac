/* `twill explain`: the derivation of one convolution, or of a network, with the user's numbers. Everything is
 * the library's (twill/explain.h); here options become a request, and the bytes that come back are written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/explain.h>

#include "command.h"
#include "data_options.h"
#include "explain_subject.h"
#include "geometry_options.h"
#include "terminal.h"
#include "wording.h"

/* In the order of the library's lists; the tests hold that they are the same. */
static const char *const formats[] = {"text", "markdown", "latex", "html", "json", "svg", "png", "pdf", NULL};
static const char *const sections[] = {"forward", "chain",    "input",   "matrix", "connections",
                                       "pooling", "onebyone", "network", "all",    NULL};
static const char *const languages[] = {"en", "zh-TW", NULL};
static const char *const figures[] = {"forward", "matrix", "connections", "network", NULL};
enum { ALL = 8, NETWORK = 7 };

static const tw_option options[] = {
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
    {.name = "format",
     .form = "FORMAT",
     .kind = TW_OPTION_CHOICE,
     .choices = formats,
     .help = "text (default), markdown, latex, html, json; or a figure: svg, png, pdf"},
    {.name = "figure",
     .form = "FIGURE",
     .kind = TW_OPTION_CHOICE,
     .choices = figures,
     .help = "forward (default), matrix, connections; of a network with an image: network"},
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
    r->pool_stride = tw_arguments_given(arguments, "stride");
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

static int run(const tw_arguments *arguments) {
    tw_explain_request request = tw_explain_defaults();
    tw_subject subject = {0};
    int status = tw_subject_from_options(&subject, &request, arguments);
    if (status != TW_EXIT_DONE) return status;
    fill_look(arguments, &request);
    status = explain(arguments, &request);
    tw_subject_release(&subject);
    return status;
}

const tw_command tw_command_explain = {
    .name = "explain",
    .summary = "the derivation of a convolution with your numbers: forward, gradients, matrix, connections",
    .usage = "[options]",
    .about =
        "Explains a convolution: every output as its sum, every gradient by the chain rule, and the "
        "matrix that it "
        "is. Tensors without numbers are shown as symbols. A shape that is not possible is explained "
        "too: what is "
        "wrong with it, and what is near it.\n\n"
        "--input 3x3 and --kernel 2x2 (the defaults) are sizes of one channel; 2x5x5 and 4x3x3 have "
        "channels in "
        "front. Without them the sizes are those of --image and --weights.\n\n"
        "  twill explain --image \"1 2 3; 4 5 6; 7 8 9\" --weights \"1 2; 3 4\" --upstream \"1 0; 0 2\"\n"
        "  twill explain --input 5x5 --kernel 3x3 --stride 2 --pad 1 --format html --output page.html\n"
        "  twill explain --model model.safetensors --data strokes --index 7",
    .options = {tw_options_geometry, tw_options_tensors, tw_options_explained_net, tw_options_sample,
                options},
    .epilogue = tw_data_options_list,
    .run = run,
};

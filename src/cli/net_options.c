/* A network from options. A name brings the image that it was made for; a text takes the image of --input or
 * of the data. */
#include "net_options.h"

#include <inttypes.h>
#include <string.h>

#include "terminal.h"
#include "wording.h"

const tw_option tw_options_net[] = {
    {.name = "net",
     .form = "NAME|TEXT",
     .kind = TW_OPTION_TEXT,
     .help = "a named network, or one in words: 'conv 8 3x3; relu; dense 10'"},
    {.name = "input",
     .form = "CxHxW",
     .kind = TW_OPTION_SIZES,
     .least = 1,
     .most = INT64_MAX,
     .help = "channels and sizes of an image (default: the data's, or those that a name was made for)"},
    {.name = NULL},
};

static const tw_net_name *named(const char *text) {
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    for (size_t i = 0; i < count; ++i)
        if (strcmp(names[i].name, text) == 0) return &names[i];
    return NULL;
}

static int input_from_option(tw_net_input *image, const tw_command *command, const tw_list *list) {
    if (list->count < 2 || list->count > TW_MAX_SPATIAL + 1)
        return tw_command_misused(command, "--input: %d sizes: expected channels and 1 to %d sizes",
                                  list->count, TW_MAX_SPATIAL);
    *image = (tw_net_input){.spatial = list->count - 1, .channels = list->first[0]};
    memcpy(image->size, list->first + 1, (size_t)image->spatial * sizeof(int64_t));
    return TW_EXIT_DONE;
}

/* One word that is nearly a network's name: says so. */
static bool misspelt(const tw_command *command, const char *text) {
    enum { MOST = 63 };
    const char *list[MOST + 1] = {NULL};
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    for (size_t i = 0; i < count && i < MOST; ++i) list[i] = names[i].name;
    const char *nearest = strpbrk(text, " ;") ? NULL : tw_words_nearest(text, list);
    if (nearest)
        tw_command_misused(command, "--net: unknown network %s: did you mean %s?", tw_words_quoted(text).text,
                           nearest);
    return nearest != NULL;
}

int tw_net_from_options(tw_net **net, const tw_arguments *arguments, const tw_net_input *image,
                        const char *fallback) {
    const tw_command *command = arguments->command;
    const char *text = tw_arguments_text(arguments, "net", fallback);
    const tw_list *list = tw_arguments_list(arguments, "input");
    if (!text) return tw_command_misused(command, "--net NAME|TEXT is needed");
    const tw_net_name *name = named(text);
    tw_net_input input = {0};
    if (list) {
        const int status = input_from_option(&input, command, list);
        if (status != TW_EXIT_DONE) return status;
    } else if (image) {
        input = *image;
    } else if (name) {
        input = name->input;
    } else {
        return misspelt(command, text)
                   ? TW_EXIT_USAGE
                   : tw_command_misused(command, "--input CxHxW is needed for a network in words");
    }
    const tw_status status = tw_net_create(net, text, input);
    if (status == TW_OK) return TW_EXIT_DONE;
    if (!name && misspelt(command, text)) return TW_EXIT_USAGE;
    return tw_command_refused(command, status, "--net: ");
}

void tw_net_options_list(FILE *out) {
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    char image[TW_IMAGE_TEXT];
    const int width = tw_terminal_look(out).width;
    fprintf(out, "\nNamed networks:\n");
    for (size_t i = 0; i < count; ++i) {
        char line[512];
        snprintf(line, sizeof line, "%s; made for %s", names[i].summary,
                 tw_net_image_text(names[i].input, image));
        fprintf(out, "  %-20s  ", names[i].name);
        tw_words_wrap(out, line, 24, 24, width);
    }
}

const char *tw_net_image_text(tw_net_input image, char text[TW_IMAGE_TEXT]) {
    const int length = snprintf(text, TW_IMAGE_TEXT, "%" PRId64, image.channels);
    snprintf(text + length, TW_IMAGE_TEXT - (size_t)length, "x%.60s",
             tw_words_sizes(image.size, image.spatial).text);
    return text;
}

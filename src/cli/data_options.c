/* Data sets and models named on the command line. A name that no data set has is wrong usage; a file that
 * cannot be read, or does not hold what it should, is a failure. */
#include "data_options.h"

#include <inttypes.h>
#include <string.h>

#include "net_options.h"
#include "terminal.h"
#include "wording.h"

int tw_data_from_text(tw_data **data, const tw_command *command, const char *specification, tw_split split) {
    const tw_status status = tw_data_open(data, specification, split);
    if (status == TW_OK) return TW_EXIT_DONE;
    if (status == TW_ERROR_ARGUMENT) return tw_command_misused(command, "--data: %s", tw_message());
    return tw_command_failed(command, "--data: %s", tw_message());
}

int tw_model_from_options(tw_model **model, const tw_arguments *arguments) {
    const char *path = tw_arguments_text(arguments, "model", NULL);
    if (!path) return tw_command_misused(arguments->command, "--model FILE is needed");
    if (tw_model_load(model, path) == TW_OK) return TW_EXIT_DONE;
    return tw_command_failed(arguments->command, "%s", tw_message());
}

int tw_data_fits(const tw_command *command, const tw_net *net, const tw_data *data) {
    const tw_data_info info = tw_data_describe(data);
    const tw_net_input image = tw_net_image(net);
    char takes[TW_IMAGE_TEXT], has[TW_IMAGE_TEXT];
    bool same = image.spatial == info.image.spatial && image.channels == info.image.channels;
    for (int i = 0; i < image.spatial && same; ++i) same = image.size[i] == info.image.size[i];
    if (!same)
        return tw_command_failed(command, "the network takes images of %s, the data have %s",
                                 tw_net_image_text(image, takes), tw_net_image_text(info.image, has));
    if (tw_net_outputs(net) < info.classes)
        return tw_command_failed(command, "the network has %" PRId64 " outputs, the data %d classes",
                                 tw_net_outputs(net), info.classes);
    return TW_EXIT_DONE;
}

void tw_data_options_list(FILE *out) {
    size_t count;
    const tw_data_kind *kinds = tw_data_kinds(&count);
    const int width = tw_terminal_look(out).width;
    fprintf(out, "\nData sets:\n");
    for (size_t i = 0; i < count; ++i) {
        const int length = fprintf(out, "  %-20s", kinds[i].form) + 2;
        fprintf(out, length > 24 ? "\n%24s" : "%2s", "");
        tw_words_wrap(out, kinds[i].summary, 24, 24, width);
    }
}

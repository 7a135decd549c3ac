/* A convolution's geometry from options. What is written decides the number of spatial dimensions: --input
 * has one size more than there are, --kernel as many as --input. The other lists have one entry for all
 * dimensions or one for each. Whether the values make sense is the library's to say. */
#include "geometry_options.h"

#include <stddef.h>
#include <string.h>

static const char *const pad_modes[] = {"zeros", "reflect", "replicate", "circular", NULL};
static const char *const layouts[] = {"nchw", "nhwc", NULL};

const tw_option tw_options_geometry[] = {
    {.name = "input",
     .form = "CxHxW",
     .kind = TW_OPTION_SIZES,
     .least = 0,
     .most = INT64_MAX,
     .help = "channels and sizes of the image: 3x32x32; 1x9 in one dimension, 1x4x5x5 in three"},
    {.name = "kernel",
     .form = "KxRxS",
     .kind = TW_OPTION_SIZES,
     .least = 0,
     .most = INT64_MAX,
     .help = "output channels and sizes of the kernel: 16x3x3"},
    {.name = "stride",
     .form = "N[,N...]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "one for all dimensions, or one for each (default: 1)"},
    {.name = "pad",
     .form = "N[,N...]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .pairs = true,
     .help = "likewise; begin:end where the sides differ: 0:1,0:1 (default: 0)"},
    {.name = "dilation",
     .form = "N[,N...]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "distance of the kernel's elements (default: 1)"},
    {.name = "groups",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "channels are joined within groups only (default: 1)"},
    {.name = "pad-mode",
     .form = "MODE",
     .kind = TW_OPTION_CHOICE,
     .choices = pad_modes,
     .help = "zeros (default), reflect, replicate or circular"},
    {.name = "transposed", .kind = TW_OPTION_FLAG, .help = "the adjoint of a convolution: sizes grow"},
    {.name = "output-padding",
     .form = "N[,N...]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "transposed: rows added at the output's end (default: 0)"},
    {.name = "flip",
     .kind = TW_OPTION_FLAG,
     .help = "the kernel turned over: the convolution of the mathematicians"},
    {.name = "layout",
     .form = "LAYOUT",
     .kind = TW_OPTION_CHOICE,
     .choices = layouts,
     .help = "order of the images' elements: nchw (default) or nhwc"},
    {.name = NULL},
};

/* A list option and the two arrays of the geometry that its entries fill. */
typedef struct tw_list_place {
    const char *name;
    size_t first, second; /* second: of a pair's second number; the same array where there are no pairs */
} tw_list_place;

static const tw_list_place places[] = {
    {"stride", offsetof(tw_geometry, stride), offsetof(tw_geometry, stride)},
    {"dilation", offsetof(tw_geometry, dilation), offsetof(tw_geometry, dilation)},
    {"pad", offsetof(tw_geometry, pad_begin), offsetof(tw_geometry, pad_end)},
    {"output-padding", offsetof(tw_geometry, output_padding), offsetof(tw_geometry, output_padding)},
};

static int fill_list(tw_geometry *geometry, const tw_arguments *arguments, const tw_list_place *place) {
    const tw_list *list = tw_arguments_list(arguments, place->name);
    if (!list) return TW_EXIT_DONE;
    if (list->count != 1 && list->count != geometry->spatial)
        return tw_command_misused(arguments->command, "--%s: %d entries for %d dimensions: give 1 or %d",
                                  place->name, list->count, geometry->spatial, geometry->spatial);
    for (int i = 0; i < geometry->spatial; ++i) {
        const int entry = list->count == 1 ? 0 : i;
        const size_t at = (size_t)i * sizeof(int64_t);
        memcpy((char *)geometry + place->first + at, &list->first[entry], sizeof(int64_t));
        memcpy((char *)geometry + place->second + at, &list->second[entry], sizeof(int64_t));
    }
    return TW_EXIT_DONE;
}

static int fill_sizes(tw_geometry *geometry, const tw_arguments *arguments) {
    const tw_list *input = tw_arguments_list(arguments, "input");
    const tw_list *kernel = tw_arguments_list(arguments, "kernel");
    if (!input || !kernel)
        return tw_command_misused(arguments->command, "--%s is needed: %s", input ? "kernel" : "input",
                                  input ? "16x3x3" : "3x32x32");
    if (input->count < 2 || input->count > TW_MAX_SPATIAL + 1)
        return tw_command_misused(arguments->command,
                                  "--input: %d sizes: expected channels and 1 to %d sizes", input->count,
                                  TW_MAX_SPATIAL);
    if (kernel->count != input->count)
        return tw_command_misused(arguments->command,
                                  "--kernel: %d sizes: expected %d as in --input, output channels first",
                                  kernel->count, input->count);
    *geometry = tw_geometry_defaults(input->count - 1);
    geometry->in_channels = input->first[0];
    geometry->out_channels = kernel->first[0];
    memcpy(geometry->input, input->first + 1, (size_t)geometry->spatial * sizeof(int64_t));
    memcpy(geometry->kernel, kernel->first + 1, (size_t)geometry->spatial * sizeof(int64_t));
    return TW_EXIT_DONE;
}

int tw_geometry_settings_from_options(tw_geometry *geometry, const tw_arguments *arguments) {
    int status = TW_EXIT_DONE;
    for (size_t i = 0; i < sizeof places / sizeof *places && status == TW_EXIT_DONE; ++i)
        status = fill_list(geometry, arguments, &places[i]);
    if (status != TW_EXIT_DONE) return status;
    geometry->groups = tw_arguments_integer(arguments, "groups", 1);
    geometry->pad_mode = (tw_pad_mode)tw_arguments_integer(arguments, "pad-mode", TW_PAD_ZEROS);
    geometry->layout = (tw_layout)tw_arguments_integer(arguments, "layout", TW_NCHW);
    geometry->transposed = tw_arguments_given(arguments, "transposed");
    geometry->flipped = tw_arguments_given(arguments, "flip");
    return TW_EXIT_DONE;
}

int tw_geometry_from_options(tw_geometry *geometry, const tw_arguments *arguments) {
    int status = fill_sizes(geometry, arguments);
    if (status == TW_EXIT_DONE) status = tw_geometry_settings_from_options(geometry, arguments);
    if (status != TW_EXIT_DONE) return status;
    const tw_status valid = tw_geometry_validate(geometry);
    return valid == TW_OK ? TW_EXIT_DONE : tw_command_refused(arguments->command, valid, "");
}

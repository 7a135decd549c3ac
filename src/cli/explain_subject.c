/* Sizes come from --input and --kernel, else from the numbers or the picture that is given, else they are
 * those of the worked example. */
#include "explain_subject.h"

#include <stdlib.h>
#include <string.h>

#include "data_options.h"
#include "geometry_options.h"
#include "number_source.h"

const tw_option tw_options_tensors[] = {
    {.name = "channels",
     .form = "IN[,OUT]",
     .kind = TW_OPTION_LIST,
     .least = INT64_MIN,
     .most = INT64_MAX,
     .help = "channels; --input and --kernel then hold sizes alone (default: 1,1)"},
    {.name = "image",
     .form = "NUMBERS|FILE",
     .kind = TW_OPTION_TEXT,
     .help = "x: \"1 2 3; 4 5 6; 7 8 9\", or a file of numbers, or a picture (PNG, JPEG, PGM, PPM)"},
    {.name = "weights",
     .form = "NUMBERS|FILE",
     .kind = TW_OPTION_TEXT,
     .help = "w: numbers, or a file of them"},
    {.name = "bias",
     .form = "NUMBERS|FILE",
     .kind = TW_OPTION_TEXT,
     .help = "b, one for each output channel"},
    {.name = "upstream",
     .form = "NUMBERS|FILE",
     .kind = TW_OPTION_TEXT,
     .help = "dL/dh, in the shape of the output"},
    {.name = NULL},
};

const tw_option tw_options_explained_net[] = {
    {.name = "net",
     .form = "NET",
     .kind = TW_OPTION_TEXT,
     .help = "explain a network: its name or its text, with starting weights"},
    {.name = "model",
     .form = "FILE",
     .kind = TW_OPTION_TEXT,
     .help = "explain a trained network, as twill train writes it"},
    {.name = "label",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 0,
     .most = INT32_MAX,
     .help = "the class of the network's image: gradients are shown too"},
    {.name = NULL},
};

enum { IMAGE = 0, WEIGHTS };
static const char *const tensors[TW_SUBJECT_TENSORS] = {"image", "weights", "bias", "upstream"};

/* The path of --image when that is a picture. */
static const char *picture_path(const tw_arguments *arguments) {
    const char *text = tw_arguments_text(arguments, "image", NULL);
    return text && tw_picture_recognised(text) ? text : NULL;
}

static bool names_picture(const tw_arguments *arguments) {
    return tw_arguments_given(arguments, "data") || picture_path(arguments);
}

static int read_picture(tw_subject *s, const tw_arguments *arguments, const tw_net_input *wanted) {
    const char *path = picture_path(arguments);
    return path ? tw_picture_read(&s->picture, arguments->command, path, wanted)
                : tw_picture_from_data(&s->picture, arguments, wanted);
}

static int read_tensors(tw_subject *s, const tw_arguments *arguments) {
    for (int i = 0; i < TW_SUBJECT_TENSORS; ++i) {
        const char *text = tw_arguments_text(arguments, tensors[i], NULL);
        tw_numbers *n = &s->numbers[i];
        if (!text || (i == IMAGE && names_picture(arguments))) continue;
        const int status =
            tw_numbers_from(arguments->command, tensors[i], text, &n->values, &n->rows, &n->columns);
        if (status != TW_EXIT_DONE) return status;
    }
    return TW_EXIT_DONE;
}

/* ---- A convolution ---- */

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

static int fill_channels(const tw_arguments *arguments, tw_geometry *g) {
    const tw_list *channels = tw_arguments_list(arguments, "channels");
    if (!channels) return TW_EXIT_DONE;
    if (channels->count > 2)
        return tw_command_misused(arguments->command,
                                  "--channels: %d numbers: expected input and output channels",
                                  channels->count);
    g->in_channels = channels->first[0];
    g->out_channels = channels->first[channels->count - 1];
    return TW_EXIT_DONE;
}

/* The picture in the shape that --input and --channels ask for, or in its own, which the geometry then takes.
 */
static int fill_from_picture(tw_subject *s, const tw_arguments *arguments, tw_geometry *g, int *spatial) {
    const tw_list *input = tw_arguments_list(arguments, "input");
    const bool channels = tw_arguments_given(arguments, "channels") || (input && input->count > 2);
    tw_net_input wanted = {.spatial = 2, .channels = channels ? g->in_channels : 0};
    if (*spatial && *spatial != 2)
        return tw_command_misused(arguments->command, "--input: a picture has 2 sizes, not %d", *spatial);
    if (*spatial) memcpy(wanted.size, g->input, 2 * sizeof *g->input);
    const int status = read_picture(s, arguments, &wanted);
    if (status != TW_EXIT_DONE) return status;
    g->in_channels = s->picture.shape.channels;
    memcpy(g->input, s->picture.shape.size, 2 * sizeof *g->input);
    *spatial = 2;
    return TW_EXIT_DONE;
}

static int fill_geometry(tw_subject *s, const tw_arguments *arguments, tw_geometry *g) {
    int in = 0, kernel = 0;
    int status = fill_channels(arguments, g);
    if (status == TW_EXIT_DONE) status = fill_sizes(arguments, "input", &g->in_channels, g->input, &in);
    if (status == TW_EXIT_DONE)
        status = fill_sizes(arguments, "kernel", &g->out_channels, g->kernel, &kernel);
    if (status == TW_EXIT_DONE && names_picture(arguments)) status = fill_from_picture(s, arguments, g, &in);
    if (status != TW_EXIT_DONE) return status;
    if (!tw_arguments_given(arguments, "channels")) {
        fill_from_numbers(&s->numbers[IMAGE], g->input, &in);
        fill_from_numbers(&s->numbers[WEIGHTS], g->kernel, &kernel);
    }
    if (in && kernel && in != kernel)
        return tw_command_misused(arguments->command,
                                  "--input has %d sizes and --kernel %d: expected as many (the first of "
                                  "three is the channels, unless --channels is given)",
                                  in, kernel);
    g->spatial = in ? in : kernel ? kernel : 2;
    for (int a = 0; a < g->spatial; ++a) {
        if (!in) g->input[a] = 3;
        if (!kernel) g->kernel[a] = 2;
    }
    return tw_geometry_settings_from_options(g, arguments);
}

/* The picture's numbers, channels last, in the order in which the geometry has them. */
static int fill_x(tw_subject *s, const tw_arguments *arguments, const tw_geometry *g) {
    const int64_t channels = g->in_channels, pixels = g->input[0] * g->input[1];
    s->x = malloc((size_t)(channels * pixels) * sizeof *s->x);
    if (!s->x) return tw_command_failed(arguments->command, "no memory");
    for (int64_t i = 0; i < channels * pixels; ++i) {
        const int64_t at = g->layout == TW_NHWC ? i : i % channels * pixels + i / channels;
        s->x[at] = (double)s->picture.pixels[i];
    }
    return TW_EXIT_DONE;
}

static int fill_convolution(tw_subject *s, tw_explain_request *r, const tw_arguments *arguments) {
    tw_explain_values *const places[TW_SUBJECT_TENSORS] = {&r->image, &r->weights, &r->bias, &r->upstream};
    if (tw_arguments_given(arguments, "label"))
        return tw_command_misused(arguments->command, "--label: of which --net or --model?");
    int status = fill_geometry(s, arguments, &r->geometry);
    if (status == TW_EXIT_DONE && s->picture.pixels) status = fill_x(s, arguments, &r->geometry);
    if (status != TW_EXIT_DONE) return status;
    for (int i = 0; i < TW_SUBJECT_TENSORS; ++i)
        *places[i] = (tw_explain_values){s->numbers[i].values, s->numbers[i].rows * s->numbers[i].columns};
    if (s->x)
        r->image =
            (tw_explain_values){s->x, r->geometry.in_channels * r->geometry.input[0] * r->geometry.input[1]};
    return TW_EXIT_DONE;
}

/* ---- A network ---- */

static const tw_net_name *named(const char *text) {
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    for (size_t i = 0; i < count; ++i)
        if (strcmp(names[i].name, text) == 0) return &names[i];
    return NULL;
}

/* The image that the network takes, as far as it is said: by the model, --input, or the network's name. */
static int fill_net_input(const tw_subject *s, tw_explain_net *n, const tw_arguments *arguments) {
    const tw_list *input = tw_arguments_list(arguments, "input");
    const tw_net_name *name = s->model ? NULL : named(n->text);
    if (s->model && input)
        return tw_command_misused(arguments->command, "--input: the model of --model says it itself");
    if (input && (input->count < 2 || input->count > TW_MAX_SPATIAL + 1))
        return tw_command_misused(arguments->command, "--input: expected channels and 1 to %d sizes",
                                  TW_MAX_SPATIAL);
    if (s->model) n->input = tw_net_image(s->model->net);
    if (name) n->input = name->input;
    if (!input) return TW_EXIT_DONE;
    n->input = (tw_net_input){.spatial = input->count - 1, .channels = input->first[0]};
    memcpy(n->input.size, input->first + 1, (size_t)(input->count - 1) * sizeof *input->first);
    return TW_EXIT_DONE;
}

/* The numbers of --image, channels last. */
static int fill_pixels(tw_subject *s, tw_explain_net *n, const tw_arguments *arguments) {
    const tw_numbers *image = &s->numbers[IMAGE];
    if (!image->values) return TW_EXIT_DONE;
    n->image_count = image->rows * image->columns;
    s->pixels = malloc((size_t)n->image_count * sizeof *s->pixels);
    if (!s->pixels) return tw_command_failed(arguments->command, "no memory");
    for (int64_t i = 0; i < n->image_count; ++i) s->pixels[i] = (float)image->values[i];
    n->image = s->pixels;
    return TW_EXIT_DONE;
}

/* A picture in the network's shape; the network in words that says none takes the data's. */
static int fill_net_picture(tw_subject *s, tw_explain_net *n, const tw_arguments *arguments) {
    const tw_net_input small = {.spatial = 2, .channels = 1, .size = {28, 28}};
    const bool from_data = tw_arguments_given(arguments, "data");
    if (!n->input.channels && !from_data) n->input = small;
    const int status = read_picture(s, arguments, n->input.channels ? &n->input : NULL);
    if (status != TW_EXIT_DONE) return status;
    n->input = s->picture.shape;
    n->image = s->picture.pixels;
    n->image_count = n->input.channels * n->input.size[0] * n->input.size[1];
    if (n->label < 0) n->label = s->picture.label;
    return TW_EXIT_DONE;
}

static int fill_net(tw_subject *s, tw_explain_request *r, const tw_arguments *arguments) {
    tw_explain_net *n = &r->net;
    for (int i = WEIGHTS; i < TW_SUBJECT_TENSORS; ++i)
        if (s->numbers[i].values)
            return tw_command_misused(arguments->command,
                                      "--%s belongs to a convolution; a network's weights come from --model",
                                      tensors[i]);
    if (tw_arguments_given(arguments, "model")) {
        const int status = tw_model_from_options(&s->model, arguments);
        if (status != TW_EXIT_DONE) return status;
        n->text = tw_net_text(s->model->net);
        n->weights = s->model->weights;
        n->weights_count = tw_net_weights(s->model->net);
    }
    n->label = (int)tw_arguments_integer(arguments, "label", -1);
    int status = fill_net_input(s, n, arguments);
    if (status == TW_EXIT_DONE)
        status = names_picture(arguments) ? fill_net_picture(s, n, arguments) : fill_pixels(s, n, arguments);
    if (status == TW_EXIT_DONE && tw_arguments_given(arguments, "label") && !n->image)
        return tw_command_misused(arguments->command, "--label: of which --image, or --data?");
    return status;
}

/* ---- Either ---- */

static int fill(tw_subject *s, tw_explain_request *r, const tw_arguments *arguments) {
    const bool data = tw_arguments_given(arguments, "data"), model = tw_arguments_given(arguments, "model");
    if (data && tw_arguments_given(arguments, "image"))
        return tw_command_misused(arguments->command, "--image and --data exclude each other");
    if (!data && (tw_arguments_given(arguments, "index") || tw_arguments_given(arguments, "split")))
        return tw_command_misused(arguments->command, "--index and --split: of which --data?");
    if (model && tw_arguments_given(arguments, "net"))
        return tw_command_misused(arguments->command, "--net and --model exclude each other");
    r->net.text = tw_arguments_text(arguments, "net", NULL);
    const int status = read_tensors(s, arguments);
    if (status != TW_EXIT_DONE) return status;
    return r->net.text || model ? fill_net(s, r, arguments) : fill_convolution(s, r, arguments);
}

int tw_subject_from_options(tw_subject *subject, tw_explain_request *request, const tw_arguments *arguments) {
    const int status = fill(subject, request, arguments);
    if (status != TW_EXIT_DONE) tw_subject_release(subject);
    return status;
}

void tw_subject_release(tw_subject *s) {
    for (int i = 0; i < TW_SUBJECT_TENSORS; ++i) tw_explain_free(s->numbers[i].values);
    tw_picture_release(&s->picture);
    free(s->x);
    free(s->pixels);
    tw_model_free(s->model);
    *s = (tw_subject){0};
}

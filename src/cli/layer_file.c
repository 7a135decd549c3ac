/* A list of convolution layers in a file, read line by line against one table of fields: each says what the
 * column is called and where its number goes. A file holds at most TW_LAYERS_MOST layers. */
#include "layer_file.h"

#include <stdlib.h>
#include <string.h>

#include "strict_numbers.h"
#include "tsv_file.h"

typedef struct tw_layer_field {
    const char *name;
    size_t offset; /* into tw_geometry, of an int64_t */
    size_t also;   /* a second place for the same number, or 0 */
} tw_layer_field;

static const tw_layer_field fields[] = {
    {"batch", offsetof(tw_geometry, batch), 0},
    {"in_channels", offsetof(tw_geometry, in_channels), 0},
    {"height", offsetof(tw_geometry, input[0]), 0},
    {"width", offsetof(tw_geometry, input[1]), 0},
    {"out_channels", offsetof(tw_geometry, out_channels), 0},
    {"kernel_h", offsetof(tw_geometry, kernel[0]), 0},
    {"kernel_w", offsetof(tw_geometry, kernel[1]), 0},
    {"stride_h", offsetof(tw_geometry, stride[0]), 0},
    {"stride_w", offsetof(tw_geometry, stride[1]), 0},
    {"pad_h", offsetof(tw_geometry, pad_begin[0]), offsetof(tw_geometry, pad_end[0])},
    {"pad_w", offsetof(tw_geometry, pad_begin[1]), offsetof(tw_geometry, pad_end[1])},
    {"dilation_h", offsetof(tw_geometry, dilation[0]), 0},
    {"dilation_w", offsetof(tw_geometry, dilation[1]), 0},
    {"groups", offsetof(tw_geometry, groups), 0},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static int read_layer(const tw_tsv_place *place, char *line, tw_layer *layer) {
    char *at = line;
    const char *name = tw_tsv_field(&at);
    if (*name == '\0' || strlen(name) >= TW_LAYER_NAME)
        return tw_tsv_wrong(place, "name", name, "is not a name of 1 to 63 bytes");
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->geometry = tw_geometry_defaults(2);
    for (int i = 0; i < FIELDS; ++i) {
        int64_t number = 0;
        const char *text = tw_tsv_field(&at);
        if (!text)
            return tw_command_failed(place->command, "%s: line %d: %s is missing: expected %d fields",
                                     place->path, place->line, fields[i].name, FIELDS + 1);
        const char *why = tw_number_integer(text, strlen(text), &number);
        if (why) return tw_tsv_wrong(place, fields[i].name, text, why);
        memcpy((char *)&layer->geometry + fields[i].offset, &number, sizeof number);
        if (fields[i].also) memcpy((char *)&layer->geometry + fields[i].also, &number, sizeof number);
    }
    if (at) return tw_tsv_wrong(place, "after groups", at, "is too much");
    if (layer->geometry.batch == 0) return tw_tsv_wrong(place, "batch", "0", "leaves nothing to time");
    if (tw_geometry_validate(&layer->geometry) != TW_OK)
        return tw_command_failed(place->command, "%s: line %d: %s", place->path, place->line, tw_message());
    return TW_EXIT_DONE;
}

static int add_layer(void *context, const tw_tsv_place *place, char *line) {
    tw_layers *layers = context;
    if (layers->count == TW_LAYERS_MOST)
        return tw_command_failed(place->command, "%s: line %d: more than %d layers", place->path, place->line,
                                 TW_LAYERS_MOST);
    const int status = read_layer(place, line, &layers->layers[layers->count]);
    layers->count += status == TW_EXIT_DONE;
    return status;
}

int tw_layers_read(tw_layers *layers, const tw_command *command, const char *path) {
    *layers = (tw_layers){.layers = calloc(TW_LAYERS_MOST, sizeof *layers->layers)};
    if (!layers->layers) return tw_command_failed(command, "no memory");
    int status = tw_tsv_read(command, path, add_layer, layers);
    if (status == TW_EXIT_DONE && layers->count == 0)
        status = tw_command_failed(command, "%s: holds no layer", path);
    if (status != TW_EXIT_DONE) tw_layers_free(layers);
    return status;
}

void tw_layers_free(tw_layers *layers) {
    free(layers->layers);
    *layers = (tw_layers){NULL, 0};
}

/* A list of convolution layers in a file, read line by line against one table of fields: each says what the
 * column is called and where its number goes. A line is at most LINE_BYTES long, a file TW_LAYERS_MOST
 * layers. */
#include "layer_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strict_numbers.h"
#include "wording.h"

enum { LINE_BYTES = 1024 };

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

typedef struct tw_place {
    const tw_command *command;
    const char *path;
    int line;
} tw_place;

static int wrong(const tw_place *place, const char *field, const char *text, const char *why) {
    return tw_command_failed(place->command, "%s: line %d: %s: %s %s", place->path, place->line, field,
                             tw_words_quoted(text).text, why);
}

/* Cuts the field at *at off, and moves *at behind it; NULL when the line has ended. */
static char *next_field(char **at) {
    char *field = *at;
    if (!field) return NULL;
    char *tab = strchr(field, '\t');
    if (tab) *tab = '\0';
    *at = tab ? tab + 1 : NULL;
    return field;
}

static int read_layer(const tw_place *place, char *line, tw_layer *layer) {
    char *at = line;
    const char *name = next_field(&at);
    if (*name == '\0' || strlen(name) >= TW_LAYER_NAME)
        return wrong(place, "name", name, "is not a name of 1 to 63 bytes");
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->geometry = tw_geometry_defaults(2);
    for (int i = 0; i < FIELDS; ++i) {
        int64_t number = 0;
        const char *text = next_field(&at);
        if (!text)
            return tw_command_failed(place->command, "%s: line %d: %s is missing: expected %d fields",
                                     place->path, place->line, fields[i].name, FIELDS + 1);
        const char *why = tw_number_integer(text, strlen(text), &number);
        if (why) return wrong(place, fields[i].name, text, why);
        memcpy((char *)&layer->geometry + fields[i].offset, &number, sizeof number);
        if (fields[i].also) memcpy((char *)&layer->geometry + fields[i].also, &number, sizeof number);
    }
    if (at) return wrong(place, "after groups", at, "is too much");
    if (layer->geometry.batch == 0) return wrong(place, "batch", "0", "leaves nothing to time");
    if (tw_geometry_validate(&layer->geometry) != TW_OK)
        return tw_command_failed(place->command, "%s: line %d: %s", place->path, place->line, tw_message());
    return TW_EXIT_DONE;
}

static int add_layer(const tw_place *place, char *line, tw_layers *layers) {
    if (layers->count == TW_LAYERS_MOST)
        return tw_command_failed(place->command, "%s: line %d: more than %d layers", place->path, place->line,
                                 TW_LAYERS_MOST);
    const int status = read_layer(place, line, &layers->layers[layers->count]);
    layers->count += status == TW_EXIT_DONE;
    return status;
}

/* The next line without its end into line[LINE_BYTES]. Returns its length; -1 at the end of the file, or
 * after setting *why to what is wrong with it. */
static int next_line(FILE *file, char *line, const char **why) {
    int length = 0;
    int byte = getc(file);
    if (byte == EOF) return -1;
    for (; byte != EOF && byte != '\n'; byte = getc(file)) {
        if (byte == '\0') *why = "holds a zero byte";
        if (length + 1 == LINE_BYTES) *why = "is too long";
        if (*why) return -1;
        line[length++] = (char)byte;
    }
    if (length > 0 && line[length - 1] == '\r') --length;
    line[length] = '\0';
    return length;
}

static int read_lines(tw_place *place, FILE *file, tw_layers *layers) {
    char line[LINE_BYTES];
    const char *why = NULL;
    int status = TW_EXIT_DONE, length;
    while (status == TW_EXIT_DONE && (length = next_line(file, line, &why)) >= 0) {
        ++place->line;
        if (length > 0 && line[0] != '#') status = add_layer(place, line, layers);
    }
    if (why) return tw_command_failed(place->command, "%s: line %d: %s", place->path, place->line + 1, why);
    if (ferror(file)) return tw_command_failed(place->command, "%s: %s", place->path, strerror(errno));
    if (status == TW_EXIT_DONE && layers->count == 0)
        return tw_command_failed(place->command, "%s: holds no layer", place->path);
    return status;
}

int tw_layers_read(tw_layers *layers, const tw_command *command, const char *path) {
    tw_place place = {.command = command, .path = path};
    *layers = (tw_layers){.layers = calloc(TW_LAYERS_MOST, sizeof *layers->layers)};
    if (!layers->layers) return tw_command_failed(command, "no memory");
    FILE *file = fopen(path, "r");
    int status =
        file ? read_lines(&place, file, layers) : tw_command_failed(command, "%s: %s", path, strerror(errno));
    if (file) fclose(file);
    if (status != TW_EXIT_DONE) tw_layers_free(layers);
    return status;
}

void tw_layers_free(tw_layers *layers) {
    free(layers->layers);
    *layers = (tw_layers){NULL, 0};
}

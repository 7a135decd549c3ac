/* A list of convolution layers in a file: what `twill bench conv` times. */
#ifndef TW_CLI_LAYER_FILE_H
#define TW_CLI_LAYER_FILE_H

#include <twill/geometry.h>

#include "command.h"

enum { TW_LAYER_NAME = 64, TW_LAYERS_MOST = 1000 };

typedef struct tw_layer {
    char name[TW_LAYER_NAME];
    tw_geometry geometry; /* 2 spatial dimensions, NCHW */
} tw_layer;

typedef struct tw_layers {
    tw_layer *layers; /* [count] */
    int count;
} tw_layers;

/* Reads the file. Each line: name, batch, in_channels, height, width, out_channels, kernel_h, kernel_w,
 * stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups; tabs between. Empty lines and lines that
 * begin with # are skipped. TW_EXIT_DONE, or TW_EXIT_FAILED after saying on stderr the file, line, field and
 * what was expected. */
int tw_layers_read(tw_layers *layers, const tw_command *command, const char *path);
void tw_layers_free(tw_layers *layers);

#endif

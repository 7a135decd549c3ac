/* A convolution's geometry from options as people write them: --input 3x32x32 --kernel 16x3x3 --pad 1. */
#ifndef TW_CLI_GEOMETRY_OPTIONS_H
#define TW_CLI_GEOMETRY_OPTIONS_H

#include <twill/geometry.h>

#include "command.h"

/* A table of options for commands that take a geometry. */
extern const tw_option tw_options_geometry[];

/* Fills and validates. TW_EXIT_DONE, or TW_EXIT_USAGE after saying why on stderr. */
int tw_geometry_from_options(tw_geometry *geometry, const tw_arguments *arguments);

/* Fills everything but sizes and channels, whose number of dimensions is set already; validates nothing. */
int tw_geometry_settings_from_options(tw_geometry *geometry, const tw_arguments *arguments);

#endif

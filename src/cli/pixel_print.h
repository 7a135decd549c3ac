/* A small image drawn with characters. */
#ifndef TW_CLI_PIXEL_PRINT_H
#define TW_CLI_PIXEL_PRINT_H

#include <twill/net.h>

#include "terminal.h"

/* Draws `x`, numbers 0..1 in the shape of `image`, channels last. Nothing when it is not two-dimensional or
 * is wider than the terminal. */
void tw_pixels_print(FILE *out, tw_net_input image, const float *x, tw_terminal terminal);

#endif

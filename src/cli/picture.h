/* One image that the command line names: a file that is a picture, or a sample of a data set. */
#ifndef TW_CLI_PICTURE_H
#define TW_CLI_PICTURE_H

#include <twill/data.h>

#include "command.h"

/* --data, --split and --index. */
extern const tw_option tw_options_sample[];

typedef struct tw_picture {
    tw_net_input shape;
    float *pixels; /* 0..1, channels last; NULL: none */
    int label;     /* its class; -1: not known */
} tw_picture;

/* Whether the file begins as pictures do (PNG, JPEG, PGM, PPM), and not as a text of numbers. */
bool tw_picture_recognised(const char *path);

/* Both return TW_EXIT_DONE, or another exit status after saying why on stderr, and then hold no pixels.
 * wanted: the shape that the image must have; a file is brought to it, a data set has it or is refused. NULL,
 * or a zero in it: the image's own. */
int tw_picture_read(tw_picture *picture, const tw_command *command, const char *path,
                    const tw_net_input *wanted);
int tw_picture_from_data(tw_picture *picture, const tw_arguments *arguments, const tw_net_input *wanted);

void tw_picture_release(tw_picture *picture);

#endif

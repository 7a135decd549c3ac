/* A network from --net and --input, or from the model file of --model. */
#ifndef TW_CLI_NET_OPTIONS_H
#define TW_CLI_NET_OPTIONS_H

#include <twill/net.h>

#include "command.h"

/* --net and --input. */
extern const tw_option tw_options_net[];

/* Makes the network of --net (`fallback` when it is not given; NULL: it must be) for the image of --input,
 * else for `image` (a data set's), else for the one that a named network was made for; a text needs one of
 * the first two. TW_EXIT_DONE, or another exit status after saying why on stderr. */
int tw_net_from_options(tw_net **net, const tw_arguments *arguments, const tw_net_input *image,
                        const char *fallback);

/* The named networks, for --help. */
void tw_net_options_list(FILE *out);

/* "1x28x28", into text, which is returned. */
enum { TW_IMAGE_TEXT = 96 };
const char *tw_net_image_text(tw_net_input image, char text[TW_IMAGE_TEXT]);

#endif

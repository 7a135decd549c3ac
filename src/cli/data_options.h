/* Data sets and models named on the command line, and whether they fit each other. */
#ifndef TW_CLI_DATA_OPTIONS_H
#define TW_CLI_DATA_OPTIONS_H

#include <twill/data.h>
#include <twill/model.h>

#include "command.h"

/* All return TW_EXIT_DONE, or another exit status after saying why on stderr; what was opened is then closed.
 */

int tw_data_from_text(tw_data **data, const tw_command *command, const char *specification, tw_split split);

/* The model file of --model. */
int tw_model_from_options(tw_model **model, const tw_arguments *arguments);

/* Whether the network takes the images of the data and has an output for each class. */
int tw_data_fits(const tw_command *command, const tw_net *net, const tw_data *data);

/* The kinds of data sets, for --help. */
void tw_data_options_list(FILE *out);

#endif

/* Numbers that an option holds, or the file that it names. */
#ifndef TW_CLI_NUMBER_SOURCE_H
#define TW_CLI_NUMBER_SOURCE_H

#include "command.h"

/* `text` is numbers ("1 2; 3 4") or else the path of a text file that holds them; option: its name, for
 * messages. *values: free with tw_explain_free. TW_EXIT_DONE, or another exit status after saying why on
 * stderr. */
int tw_numbers_from(const tw_command *command, const char *option, const char *text, double **values,
                    int64_t *rows, int64_t *columns);

#endif

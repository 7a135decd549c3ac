/* Tables in a file: fields separated by tabs, a row a line. */
#ifndef TW_CLI_TSV_FILE_H
#define TW_CLI_TSV_FILE_H

#include "command.h"

/* Where in a file something was found. */
typedef struct tw_tsv_place {
    const tw_command *command;
    const char *path;
    int line;
} tw_tsv_place;

/* Calls row(context, place, line) for each line of the file that is not empty and does not begin with #; it
 * may cut the line, and ends the reading by returning anything but TW_EXIT_DONE. Returns what ended it, or
 * TW_EXIT_FAILED after saying on stderr the file, the line and what is wrong with it. */
int tw_tsv_read(const tw_command *command, const char *path,
                int (*row)(void *context, const tw_tsv_place *place, char *line), void *context);

/* Cuts the field at *at off, and moves *at behind it; NULL when the line has ended. */
char *tw_tsv_field(char **at);

/* Says on stderr what is wrong with a field; returns TW_EXIT_FAILED. */
int tw_tsv_wrong(const tw_tsv_place *place, const char *field, const char *text, const char *why);

#endif

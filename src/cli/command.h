/* A subcommand: one const struct, exported by its file, listed once in main.c. The overview, --help, the
 * messages about wrong usage and the parser all read it. */
#ifndef TW_CLI_COMMAND_H
#define TW_CLI_COMMAND_H

#include <stdio.h>

#include "arguments.h"

/* What the process returns. A run ended by a signal returns 128 + its number. */
enum { TW_EXIT_DONE = 0, TW_EXIT_FAILED = 1, TW_EXIT_USAGE = 2 };

struct tw_command {
    const char *name;                           /* "train"; or two words: "bench conv" */
    const char *summary;                        /* a line of the overview */
    const char *usage;                          /* what follows the name */
    const char *about;                          /* the paragraphs of --help; lines are wrapped there */
    const tw_option *options[TW_OPTION_TABLES]; /* tables, each ended by a row without a name */
    int least_words, most_words;                /* arguments that are no options */
    void (*epilogue)(FILE *out);                /* lists that only the library knows; NULL: none */
    int (*run)(const tw_arguments *arguments);
};

extern const tw_command tw_command_train, tw_command_eval, tw_command_predict, tw_command_matrix,
    tw_command_check, tw_command_check_conv, tw_command_check_net, tw_command_bench_conv,
    tw_command_bench_net, tw_command_bench_ops, tw_command_info, tw_command_explain;

/* --help of one command, wrapped to `width`. */
void tw_command_help(const tw_command *command, FILE *out, int width);

/* Says on stderr what is wrong with the call, and its usage; returns TW_EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int tw_command_misused(const tw_command *command, const char *format,
                                                             ...);

/* Says on stderr that the command could not do its work; returns TW_EXIT_FAILED. */
__attribute__((format(printf, 2, 3))) int tw_command_failed(const tw_command *command, const char *format,
                                                            ...);

/* The exit status for a failing call of the library that was given the user's options: wrong usage when the
 * values themselves are wrong, failure otherwise; its message goes to stderr after `before` (may be ""). */
int tw_command_refused(const tw_command *command, tw_status status, const char *before);

#endif

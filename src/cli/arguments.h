/* The command line, read strictly against tables of options.
 *
 * An option is `--name value` or `--name=value`, a flag `--name`. Nothing is guessed: an unknown name, an
 * option given twice (but one of CHOICES), a missing or empty value, a number with anything after it are
 * errors, each with its own words. After `--` everything is a word. Values are looked up by name; asking for
 * a name that no table has is a programmer's error and asserts. */
#ifndef TW_CLI_ARGUMENTS_H
#define TW_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/status.h>

typedef struct tw_command tw_command;

enum { TW_OPTION_TABLES = 6, TW_OPTIONS_MOST = 40, TW_LIST_MOST = 16, TW_ARGUMENT_BYTES = 65536 };

typedef enum tw_option_kind {
    TW_OPTION_FLAG = 0,
    TW_OPTION_INTEGER, /* least .. most */
    TW_OPTION_REAL,    /* low .. high */
    TW_OPTION_SIZES,   /* 3x32x32, each least .. most */
    TW_OPTION_LIST,    /* 1,2 each least .. most; with `pairs` also 1:2,0:1 */
    TW_OPTION_TEXT,
    TW_OPTION_CHOICE, /* one of `choices` */
    TW_OPTION_CHOICES /* several of them, with commas between or the option again: a bit for each */
} tw_option_kind;

typedef struct tw_option {
    const char *name; /* without the dashes; NULL ends a table */
    const char *form; /* how the value is written in --help; NULL for a flag */
    const char *help;
    tw_option_kind kind;
    int64_t least, most;
    double low, high;
    bool above_low, below_high; /* the bound itself is not allowed */
    bool pairs;
    const char *const *choices; /* NULL-terminated */
} tw_option;

/* Numbers as listed; second[i] is first[i] unless a pair was written. */
typedef struct tw_list {
    int count;
    int64_t first[TW_LIST_MOST], second[TW_LIST_MOST];
} tw_list;

typedef struct tw_argument {
    bool given;
    const char *text; /* as written */
    int64_t integer;  /* INTEGER, the number of a CHOICE, the bits of CHOICES */
    double real;
    tw_list list;
} tw_argument;

typedef struct tw_arguments {
    const tw_command *command;
    tw_argument values[TW_OPTIONS_MOST]; /* in the order of the tables */
    char **words;                        /* not options: argv's own strings */
    int word_count;
} tw_arguments;

/* Reads argv[0 .. count-1], which follow the command's name. Returns TW_EXIT_DONE, or TW_EXIT_USAGE after
 * saying why on stderr. `words` has room for `count` pointers. */
int tw_arguments_read(tw_arguments *arguments, const tw_command *command, int count, char **argv,
                      char **words);

/* Whether --help stands among them (before any `--`): it wins over every error. */
bool tw_arguments_ask_help(int count, char **argv);

bool tw_arguments_given(const tw_arguments *arguments, const char *name);
int64_t tw_arguments_integer(const tw_arguments *arguments, const char *name, int64_t fallback);
double tw_arguments_real(const tw_arguments *arguments, const char *name, double fallback);
const char *tw_arguments_text(const tw_arguments *arguments, const char *name, const char *fallback);
const tw_list *tw_arguments_list(const tw_arguments *arguments, const char *name); /* NULL: not given */

/* Every command's own. */
extern const tw_option tw_options_json[];

#endif

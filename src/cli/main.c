/* The command `twill`: finds the subcommand in one table, reads its options, runs it, and makes sure that
 * what was printed has arrived.
 *
 * A standard stream that was closed is replaced by one that refuses: otherwise the first file opened would
 * take its number, and results would be written into a model. SIGPIPE and SIGXFSZ are ignored so that a full
 * disk or a closed pipe is an error with a message, not a sudden death. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <twill/twill.h>

#include "command.h"
#include "terminal.h"
#include "wording.h"

static const tw_command *const commands[] = {
    &tw_command_explain,    &tw_command_matrix,     &tw_command_train,     &tw_command_eval,
    &tw_command_predict,    &tw_command_check_conv, &tw_command_check_net, &tw_command_check,
    &tw_command_bench_conv, &tw_command_bench_net,  &tw_command_bench_ops, &tw_command_info,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- What is said to people.
 * ----------------------------------------------------------------------------------- */

static void overview(FILE *out) {
    const int width = tw_terminal_look(out).width;
    int widest = 0;
    for (int i = 0; i < COMMANDS; ++i) {
        const int length = (int)strlen(commands[i]->name);
        if (length > widest) widest = length;
    }
    const int name = fprintf(out, "twill %s:", tw_version());
    tw_words_wrap(out, " convolution forward, backward, and as the sparse matrix it is", name, 0, width);
    fputc('\n', out);
    fprintf(out, "Usage: twill COMMAND [options]\n\n");
    for (int i = 0; i < COMMANDS; ++i) {
        fprintf(out, "  %-*s  ", widest, commands[i]->name);
        tw_words_wrap(out, commands[i]->summary, widest + 4, widest + 4, width);
    }
    fputc('\n', out);
    tw_words_wrap(out, "'twill COMMAND --help' tells about one of them, 'twill --version' about this build.",
                  0, 0, width);
}

static void option_help(const tw_option *option, FILE *out, int width) {
    enum { INDENT = 24 };
    const int length =
        fprintf(out, "  --%s%s%s", option->name, option->form ? " " : "", option->form ? option->form : "");
    if (length + 2 > INDENT)
        fprintf(out, "\n%*s", INDENT, "");
    else
        fprintf(out, "%*s", INDENT - length, "");
    tw_words_wrap(out, option->help, INDENT, INDENT, width);
}

void tw_command_help(const tw_command *command, FILE *out, int width) {
    fprintf(out, "twill %s:", command->name);
    tw_words_wrap(out, command->summary, (int)strlen(command->name) + 7, 0, width);
    fprintf(out, "\nUsage: twill %s %s\n\n", command->name, command->usage);
    tw_words_wrap(out, command->about, 0, 0, width);
    fprintf(out, "\nOptions:\n");
    for (int t = 0; t < TW_OPTION_TABLES && command->options[t]; ++t)
        for (const tw_option *o = command->options[t]; o->name; ++o) option_help(o, out, width);
    option_help(&(tw_option){.name = "help", .help = "this text"}, out, width);
    if (command->epilogue) command->epilogue(out);
}

int tw_command_misused(const tw_command *command, const char *format, ...) {
    va_list values;
    va_start(values, format);
    fprintf(stderr, "twill %s: ", command->name);
    vfprintf(stderr, format, values);
    va_end(values);
    fprintf(stderr, "\nUsage: twill %s %s\n", command->name, command->usage);
    fprintf(stderr, "'twill %s --help' tells more.\n", command->name);
    return TW_EXIT_USAGE;
}

int tw_command_failed(const tw_command *command, const char *format, ...) {
    va_list values;
    va_start(values, format);
    fprintf(stderr, "twill %s: ", command->name);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    return TW_EXIT_FAILED;
}

int tw_command_refused(const tw_command *command, tw_status status, const char *before) {
    const bool values_are_wrong = status == TW_ERROR_ARGUMENT || status == TW_ERROR_SHAPE ||
                                  status == TW_ERROR_OVERFLOW || status == TW_ERROR_FORMAT ||
                                  status == TW_ERROR_LIMIT || status == TW_ERROR_UNSUPPORTED;
    if (values_are_wrong) return tw_command_misused(command, "%s%s", before, tw_message());
    return tw_command_failed(command, "%s%s", before, tw_message());
}

/* ---- Finding the command.
 * -------------------------------------------------------------------------------------- */

/* The command that argv[1] and perhaps argv[2] name; *words receives how many words that took. */
static const tw_command *find(int argc, char **argv, int *words) {
    const tw_command *found = NULL;
    for (int i = 0; i < COMMANDS; ++i) {
        const char *name = commands[i]->name, *blank = strchr(name, ' ');
        const size_t first = blank ? (size_t)(blank - name) : strlen(name);
        if (strlen(argv[1]) != first || memcmp(argv[1], name, first) != 0) continue;
        if (blank && argc > 2 && strcmp(argv[2], blank + 1) == 0) {
            *words = 2;
            return commands[i];
        }
        if (!blank) {
            *words = 1;
            found = commands[i];
        }
    }
    return found;
}

static bool begins_with(const tw_command *command, const char *word) {
    const size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

static bool first_of_two(const char *word) {
    for (int i = 0; i < COMMANDS; ++i)
        if (begins_with(commands[i], word)) return true;
    return false;
}

static void tell_second_words(const char *word, FILE *out) {
    fprintf(out, "Usage:\n");
    for (int i = 0; i < COMMANDS; ++i)
        if (begins_with(commands[i], word))
            fprintf(out, "  twill %s %s\n", commands[i]->name, commands[i]->usage);
}

static int unknown_command(const char *word) {
    const char *list[COMMANDS + 1];
    for (int i = 0; i < COMMANDS; ++i) list[i] = commands[i]->name;
    list[COMMANDS] = NULL;
    const char *nearest = tw_words_nearest(word, list);
    fprintf(stderr, "twill: unknown command %s", tw_words_quoted(word).text);
    if (nearest) fprintf(stderr, ": did you mean %s?", nearest);
    fprintf(stderr, "\nUsage: twill COMMAND [options]\n'twill --help' lists the commands.\n");
    return TW_EXIT_USAGE;
}

static int first_word(int argc, char **argv) {
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        overview(stdout);
        return TW_EXIT_DONE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("twill %s\n%s\n", tw_version(), tw_machine_describe());
        return TW_EXIT_DONE;
    }
    const bool asks_help = tw_arguments_ask_help(argc - 2, argv + 2);
    if (!first_of_two(word)) return unknown_command(word);
    if (!asks_help) {
        fprintf(stderr, "twill %s: ", word);
        if (argc > 2)
            fprintf(stderr, "what is %s?\n", tw_words_quoted(argv[2]).text);
        else
            fprintf(stderr, "what of it?\n");
    }
    tell_second_words(word, asks_help ? stdout : stderr);
    return asks_help ? TW_EXIT_DONE : TW_EXIT_USAGE;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        overview(stdout);
        return TW_EXIT_DONE;
    }
    int taken = 0;
    const tw_command *command = find(argc, argv, &taken);
    if (!command) return first_word(argc, argv);
    const int count = argc - 1 - taken;
    char **rest = argv + 1 + taken;
    if (tw_arguments_ask_help(count, rest)) {
        tw_command_help(command, stdout, tw_terminal_look(stdout).width);
        return TW_EXIT_DONE;
    }
    char **words = calloc((size_t)count + 1, sizeof *words);
    if (!words) return tw_command_failed(command, "no memory");
    tw_arguments arguments;
    int status = tw_arguments_read(&arguments, command, count, rest, words);
    if (status == TW_EXIT_DONE) status = command->run(&arguments);
    free(words);
    return status;
}

/* ---- The process.
 * ---------------------------------------------------------------------------------------------- */

/* Opened the wrong way round, so that each use fails and is told. */
static void replace_closed_streams(void) {
    for (int descriptor = 0; descriptor <= 2; ++descriptor)
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF) {
            const int opened = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
            if (opened != descriptor) _exit(TW_EXIT_FAILED);
        }
}

/* fflush can succeed after an earlier write has failed: the stream's own flag decides. */
static int streams_end(int status) {
    errno = 0;
    const bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (lost) {
        fprintf(stderr, "twill: standard output: %s\n", errno ? strerror(errno) : "could not be written");
        if (status == TW_EXIT_DONE) status = TW_EXIT_FAILED;
    }
    if (ferror(stderr) && status == TW_EXIT_DONE) status = TW_EXIT_FAILED;
    return status;
}

int main(int argc, char **argv) {
    replace_closed_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return streams_end(dispatch(argc, argv));
}

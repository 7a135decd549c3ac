/* The command line, read strictly against tables of options.
 *
 * One pass over argv. Each kind of value has one reader, found in a table; a reader returns NULL or says what
 * is wrong with the value, and the message adds the option and the value as written. Lists are as short as
 * TW_LIST_MOST, arguments as short as TW_ARGUMENT_BYTES, so a hostile command line costs nothing. */
#include "arguments.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "strict_numbers.h"
#include "wording.h"

const tw_option tw_options_json[] = {
    {.name = "json", .kind = TW_OPTION_FLAG, .help = "results as one JSON object a line on stdout"},
    {.name = NULL},
};

/* The option at `index` over all tables, NULL past the end. */
static const tw_option *option_at(const tw_command *command, int index) {
    for (int t = 0; t < TW_OPTION_TABLES && command->options[t]; ++t)
        for (const tw_option *o = command->options[t]; o->name; ++o)
            if (index-- == 0) return o;
    return NULL;
}

static int option_find(const tw_command *command, const char *name, size_t length) {
    const tw_option *option;
    for (int i = 0; (option = option_at(command, i)) != NULL; ++i)
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) return i;
    return -1;
}

/* ---- Readers, one a kind. `wrong` has room for a sentence.
 * ---------------------------------------------------- */

typedef struct tw_complaint {
    char text[512];
} tw_complaint;

typedef bool reader(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong);

static bool complain(tw_complaint *wrong, const char *text) {
    snprintf(wrong->text, sizeof wrong->text, "%s", text);
    return false;
}

static bool in_range(const tw_option *option, int64_t number, tw_complaint *wrong) {
    if (number >= option->least && number <= option->most) return true;
    snprintf(wrong->text, sizeof wrong->text, "is out of range: %" PRId64 " to %" PRId64, option->least,
             option->most);
    if (option->most == INT64_MAX)
        snprintf(wrong->text, sizeof wrong->text, "is out of range: at least %" PRId64, option->least);
    return false;
}

static bool read_integer(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    const char *why = tw_number_integer(text, strlen(text), &value->integer);
    if (why) return complain(wrong, why);
    return in_range(option, value->integer, wrong);
}

static bool read_real(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    const char *why = tw_number_real(text, strlen(text), &value->real);
    if (why) return complain(wrong, why);
    const double x = value->real;
    const bool low = option->above_low ? x > option->low : x >= option->low;
    const bool high = option->below_high ? x < option->high : x <= option->high;
    if (low && high) return true;
    snprintf(wrong->text, sizeof wrong->text, "is out of range: %s %g and %s %g",
             option->above_low ? "more than" : "at least", option->low,
             option->below_high ? "less than" : "at most", option->high);
    return false;
}

/* One entry of a list: a number, or a pair with a colon. */
static bool read_entry(const tw_option *option, const char *text, size_t length, tw_list *list,
                       tw_complaint *wrong) {
    const char *colon = option->pairs ? memchr(text, ':', length) : NULL;
    const size_t first = colon ? (size_t)(colon - text) : length;
    int64_t *a = &list->first[list->count], *b = &list->second[list->count];
    const char *why = tw_number_integer(text, first, a);
    if (!why && colon)
        why = tw_number_integer(colon + 1, length - first - 1, b);
    else
        *b = *a;
    if (why) {
        snprintf(wrong->text, sizeof wrong->text, "is not of the form %s: entry %d %s", option->form,
                 list->count + 1, why);
        return false;
    }
    if (!in_range(option, *a, wrong) || !in_range(option, *b, wrong)) return false;
    ++list->count;
    return true;
}

static bool read_list(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    const char separator = option->kind == TW_OPTION_SIZES ? 'x' : ',';
    value->list.count = 0;
    for (;;) {
        const char *end = strchr(text, separator);
        const size_t length = end ? (size_t)(end - text) : strlen(text);
        if (value->list.count == TW_LIST_MOST) return complain(wrong, "has too many entries");
        if (!read_entry(option, text, length, &value->list, wrong)) return false;
        if (!end) return true;
        text = end + 1;
    }
}

static bool read_text(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    (void)option, (void)text, (void)value, (void)wrong; /* kept as written */
    return true;
}

/* "is unknown: one of a, b, c (did you mean b?)". */
static bool unknown_choice(const tw_option *option, const char *word, tw_complaint *wrong) {
    size_t at = (size_t)snprintf(wrong->text, sizeof wrong->text, "is unknown: one of");
    for (int i = 0; option->choices[i] && at < sizeof wrong->text; ++i)
        at += (size_t)snprintf(wrong->text + at, sizeof wrong->text - at, "%s %s", i > 0 ? "," : "",
                               option->choices[i]);
    const char *nearest = tw_words_nearest(word, option->choices);
    if (nearest && at < sizeof wrong->text)
        snprintf(wrong->text + at, sizeof wrong->text - at, " (did you mean %s?)", nearest);
    return false;
}

static int choice_of(const tw_option *option, const char *word, size_t length) {
    for (int i = 0; option->choices[i]; ++i)
        if (strlen(option->choices[i]) == length && memcmp(option->choices[i], word, length) == 0) return i;
    return -1;
}

static bool read_choice(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    value->integer = choice_of(option, text, strlen(text));
    return value->integer >= 0 || unknown_choice(option, text, wrong);
}

static bool read_choices(const tw_option *option, const char *text, tw_argument *value, tw_complaint *wrong) {
    for (const char *word = text;;) { /* adds to what was chosen before */
        const size_t length = strcspn(word, ",");
        const int choice = choice_of(option, word, length);
        if (choice < 0) {
            char copy[64];
            snprintf(copy, sizeof copy, "%.*s", (int)(length < 63 ? length : 63), word);
            return unknown_choice(option, copy, wrong);
        }
        if (value->integer >> choice & 1) return complain(wrong, "names one thing twice");
        value->integer |= (int64_t)1 << choice;
        if (word[length] == '\0') return true;
        word += length + 1;
    }
}

static reader *const readers[] = {
    [TW_OPTION_INTEGER] = read_integer, [TW_OPTION_REAL] = read_real, [TW_OPTION_SIZES] = read_list,
    [TW_OPTION_LIST] = read_list,       [TW_OPTION_TEXT] = read_text, [TW_OPTION_CHOICE] = read_choice,
    [TW_OPTION_CHOICES] = read_choices,
};

/* ---- The pass over argv.
 * -------------------------------------------------------------------------------------- */

static int unknown_option(const tw_command *command, const char *argument, size_t length) {
    const char *names[TW_OPTIONS_MOST + 2];
    char name[TW_WORDING];
    int count = 0;
    const tw_option *option;
    while ((option = option_at(command, count)) != NULL) names[count++] = option->name;
    names[count++] = "help";
    names[count] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)(length < 100 ? length : 100), argument);
    const char *bare = name + strspn(name, "-");
    const char *nearest = tw_words_nearest(bare, names);
    const tw_words shown = tw_words_quoted(name);
    if (nearest)
        return tw_command_misused(command, "unknown option %s: did you mean --%s?", shown.text, nearest);
    return tw_command_misused(command, "unknown option %s", shown.text);
}

static int read_value(tw_arguments *arguments, int index, const char *text) {
    const tw_command *command = arguments->command;
    const tw_option *option = option_at(command, index);
    tw_argument *value = &arguments->values[index];
    tw_complaint wrong;
    value->text = text;
    if (*text == '\0') return tw_command_misused(command, "--%s: the value is empty", option->name);
    if (!readers[option->kind](option, text, value, &wrong))
        return tw_command_misused(command, "--%s: %s %s", option->name, tw_words_quoted(text).text,
                                  wrong.text);
    return TW_EXIT_DONE;
}

/* Reads the option at argv[*at], with its value, and moves *at behind it. */
static int read_option(tw_arguments *arguments, int count, char **argv, int *at) {
    const tw_command *command = arguments->command;
    const char *name = argv[*at] + 2;
    const size_t length = strcspn(name, "=");
    const bool joined = name[length] == '=';
    const int index = argv[*at][1] == '-' ? option_find(command, name, length) : -1;
    if (index < 0) return unknown_option(command, argv[*at], length + 2);
    const tw_option *option = option_at(command, index);
    if (arguments->values[index].given && option->kind != TW_OPTION_CHOICES)
        return tw_command_misused(command, "--%s: given twice", option->name);
    arguments->values[index].given = true;
    ++*at;
    if (option->kind == TW_OPTION_FLAG)
        return joined ? tw_command_misused(command, "--%s: takes no value", option->name) : TW_EXIT_DONE;
    if (joined) return read_value(arguments, index, name + length + 1);
    if (*at == count)
        return tw_command_misused(command, "--%s: needs a value: %s", option->name, option->form);
    const char *text = argv[*at];
    if (strncmp(text, "--", 2) == 0)
        return tw_command_misused(command, "--%s: needs a value: %s, found %s", option->name, option->form,
                                  tw_words_quoted(text).text);
    ++*at;
    return read_value(arguments, index, text);
}

static int count_words(const tw_arguments *arguments) {
    const tw_command *command = arguments->command;
    if (arguments->word_count < command->least_words) return tw_command_misused(command, "too few arguments");
    if (arguments->word_count > command->most_words)
        return tw_command_misused(command, "unexpected argument %s",
                                  tw_words_quoted(arguments->words[command->most_words]).text);
    return TW_EXIT_DONE;
}

int tw_arguments_read(tw_arguments *arguments, const tw_command *command, int count, char **argv,
                      char **words) {
    assert(!option_at(command, TW_OPTIONS_MOST));
    *arguments = (tw_arguments){.command = command, .words = words};
    bool options_end = false;
    for (int i = 0; i < count; ++i)
        if (strlen(argv[i]) > TW_ARGUMENT_BYTES)
            return tw_command_misused(command, "an argument has %zu bytes: at most %d: %s", strlen(argv[i]),
                                      TW_ARGUMENT_BYTES, tw_words_quoted(argv[i]).text);
    for (int i = 0; i < count;) {
        const char *argument = argv[i];
        if (!options_end && strcmp(argument, "--") == 0) {
            options_end = true;
            ++i;
            if (command->most_words == 0)
                return tw_command_misused(command, "takes no arguments, so nothing can follow \"--\"");
        } else if (!options_end && strcmp(argument, "-") == 0) {
            return tw_command_misused(command, "\"-\": standard input is not read, name a file");
        } else if (!options_end && argument[0] == '-') {
            const int status = read_option(arguments, count, argv, &i);
            if (status) return status;
        } else {
            words[arguments->word_count++] = argv[i++];
        }
    }
    return count_words(arguments);
}

bool tw_arguments_ask_help(int count, char **argv) {
    for (int i = 0; i < count && strcmp(argv[i], "--") != 0; ++i)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

/* ---- Values by name.
 * ------------------------------------------------------------------------------------------ */

static const tw_argument *value_of(const tw_arguments *arguments, const char *name) {
    const int index = option_find(arguments->command, name, strlen(name));
    assert(index >= 0);
    return &arguments->values[index];
}

bool tw_arguments_given(const tw_arguments *arguments, const char *name) {
    return value_of(arguments, name)->given;
}

int64_t tw_arguments_integer(const tw_arguments *arguments, const char *name, int64_t fallback) {
    const tw_argument *value = value_of(arguments, name);
    return value->given ? value->integer : fallback;
}

double tw_arguments_real(const tw_arguments *arguments, const char *name, double fallback) {
    const tw_argument *value = value_of(arguments, name);
    return value->given ? value->real : fallback;
}

const char *tw_arguments_text(const tw_arguments *arguments, const char *name, const char *fallback) {
    const tw_argument *value = value_of(arguments, name);
    return value->given ? value->text : fallback;
}

const tw_list *tw_arguments_list(const tw_arguments *arguments, const char *name) {
    const tw_argument *value = value_of(arguments, name);
    return value->given ? &value->list : NULL;
}

/* Tables in a file, read line by line. A line is at most LINE_BYTES long, so that no file is too much. */
#include "tsv_file.h"

#include <errno.h>
#include <string.h>

#include "wording.h"

enum { LINE_BYTES = 1024 };

int tw_tsv_wrong(const tw_tsv_place *place, const char *field, const char *text, const char *why) {
    return tw_command_failed(place->command, "%s: line %d: %s: %s %s", place->path, place->line, field,
                             tw_words_quoted(text).text, why);
}

char *tw_tsv_field(char **at) {
    char *field = *at;
    if (!field) return NULL;
    char *tab = strchr(field, '\t');
    if (tab) *tab = '\0';
    *at = tab ? tab + 1 : NULL;
    return field;
}

/* The next line without its end into line[LINE_BYTES]. Returns its length; -1 at the end of the file, or
 * after setting *why to what is wrong with it. */
static int next_line(FILE *file, char *line, const char **why) {
    int length = 0;
    int byte = getc(file);
    if (byte == EOF) return -1;
    for (; byte != EOF && byte != '\n'; byte = getc(file)) {
        if (byte == '\0') *why = "holds a zero byte";
        if (length + 1 == LINE_BYTES) *why = "is too long";
        if (*why) return -1;
        line[length++] = (char)byte;
    }
    if (length > 0 && line[length - 1] == '\r') --length;
    line[length] = '\0';
    return length;
}

int tw_tsv_read(const tw_command *command, const char *path,
                int (*row)(void *context, const tw_tsv_place *place, char *line), void *context) {
    tw_tsv_place place = {.command = command, .path = path};
    char line[LINE_BYTES];
    const char *why = NULL;
    int status = TW_EXIT_DONE, length;
    FILE *file = fopen(path, "r");
    if (!file) return tw_command_failed(command, "%s: %s", path, strerror(errno));
    while (status == TW_EXIT_DONE && (length = next_line(file, line, &why)) >= 0) {
        ++place.line;
        if (length > 0 && line[0] != '#') status = row(context, &place, line);
    }
    if (why)
        status = tw_command_failed(command, "%s: line %d: %s", path, place.line + 1, why);
    else if (ferror(file))
        status = tw_command_failed(command, "%s: %s", path, strerror(errno));
    fclose(file);
    return status;
}

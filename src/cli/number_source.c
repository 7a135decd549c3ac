/* What could be numbers is read as numbers; everything else is a path. So a file called "3" is written "./3".
 */
#include "number_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/explain.h>

enum { MOST_BYTES = 1 << 28, CHUNK = 1 << 16 };

static bool looks_like_numbers(const char *text) {
    return text[strspn(text, "0123456789+-.eE,; \t\r\n")] == 0 ||
           text[strcspn(text, ";,")] != 0; /* rows or lists: then a wrong number shall be named */
}

/* The whole file and a zero byte; NULL after saying why. */
static char *read_file(const tw_command *command, const char *path, int *status) {
    FILE *file = fopen(path, "rb");
    size_t size = 0, room = 0;
    char *bytes = NULL;
    *status = TW_EXIT_FAILED;
    if (!file) {
        *status = tw_command_misused(command, "%s is neither numbers nor a file: %s", path, strerror(errno));
        return NULL;
    }
    for (size_t got = 1; got > 0 && size < MOST_BYTES; size += got) {
        if (size + CHUNK + 1 > room) {
            room = 2 * (size + CHUNK + 1);
            char *grown = realloc(bytes, room);
            if (!grown) break;
            bytes = grown;
        }
        got = fread(bytes + size, 1, CHUNK, file);
        bytes[size + got] = 0;
    }
    const bool whole = bytes && feof(file) && !ferror(file);
    fclose(file);
    if (whole && strlen(bytes) == size) return bytes;
    *status =
        whole ? tw_command_failed(command, "%s: a zero byte; expected a text of numbers", path)
              : tw_command_failed(command, "%s: cannot be read, or longer than %d bytes", path, MOST_BYTES);
    free(bytes);
    return NULL;
}

/* Text that holds no numbers is wrong usage, whatever is wrong with it. */
static int refused(const tw_command *command, tw_status status, const char *before) {
    if (status == TW_ERROR_MEMORY) return tw_command_failed(command, "%s%s", before, tw_message());
    return tw_command_misused(command, "%s%s", before, tw_message());
}

int tw_numbers_from(const tw_command *command, const char *option, const char *text, double **values,
                    int64_t *rows, int64_t *columns) {
    char before[128];
    if (looks_like_numbers(text)) {
        snprintf(before, sizeof before, "--%s: ", option);
        const tw_status status = tw_explain_read(text, values, rows, columns);
        return status == TW_OK ? TW_EXIT_DONE : refused(command, status, before);
    }
    int failed;
    char *bytes = read_file(command, text, &failed);
    if (!bytes) return failed;
    const tw_status status = tw_explain_read(bytes, values, rows, columns);
    free(bytes);
    snprintf(before, sizeof before, "%.100s: ", text);
    return status == TW_OK ? TW_EXIT_DONE : refused(command, status, before);
}

/* What stands at the other end of a stream. NO_COLOR: https://no-color.org (2017). */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "strict_numbers.h"

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* POSIX: LC_ALL wins over LC_CTYPE, which wins over LANG. */
static bool speaks_unicode(void) {
    const char *locale = environment("LC_ALL");
    if (!locale) locale = environment("LC_CTYPE");
    if (!locale) locale = environment("LANG");
    return locale && (strstr(locale, "UTF-8") || strstr(locale, "utf8") || strstr(locale, "UTF8") ||
                      strstr(locale, "utf-8"));
}

static int width_of(int descriptor, bool terminal) {
    struct winsize size;
    int64_t columns = 0;
    if (terminal && ioctl(descriptor, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
    if (columns == 0) {
        const char *said = environment("COLUMNS");
        if (!said || tw_number_integer(said, strlen(said), &columns)) columns = 80;
    }
    return columns < 20 ? 20 : columns > 400 ? 400 : (int)columns;
}

tw_terminal tw_terminal_look(FILE *stream) {
    const int descriptor = fileno(stream);
    const bool terminal = descriptor >= 0 && isatty(descriptor);
    const char *kind = environment("TERM");
    const bool dumb = !kind || strcmp(kind, "dumb") == 0;
    return (tw_terminal){
        .interactive = terminal && !dumb,
        .colours = terminal && !dumb && !environment("NO_COLOR"),
        .unicode = speaks_unicode(),
        .width = width_of(descriptor, terminal),
    };
}

/* A line on stderr that is drawn anew. The width is asked each time; the cursor is left at the line's begin,
 * and blanks wipe what a longer line left behind, so that no terminal command beyond \r is needed. */
#include "progress_bar.h"

#include <stdarg.h>
#include <string.h>

#include "sample_times.h"
#include "terminal.h"
#include "wording.h"

enum { BAR_MOST = 24, BAR_LEAST = 6, LINE = 512 };

tw_progress_bar tw_progress_bar_begin(FILE *out, bool quiet) {
    return (tw_progress_bar){.out = out, .shown = !quiet && tw_terminal_look(out).interactive, .latest = -1};
}

/* Drops parts from the end until the text has at most `most` columns. */
static void shorten(char *text, int most) {
    while (tw_words_columns(text) > most) {
        char *last = NULL;
        for (char *at = strstr(text, " | "); at; at = strstr(at + 3, " | ")) last = at;
        if (!last) {
            *text = '\0';
            return;
        }
        *last = '\0';
    }
    for (char *at = strstr(text, " | "); at; at = strstr(at, " | ")) memcpy(at, "   ", 3);
}

static void draw_bar(FILE *out, double done, int cells, const tw_terminal *terminal) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double filled = done * cells;
    const int whole = (int)filled;
    int left = cells - whole;
    if (terminal->colours) fputs("\033[36m", out);
    for (int i = 0; i < whole; ++i) fputs(terminal->unicode ? "█" : "=", out);
    if (left > 0 && terminal->unicode) {
        const int part = (int)((filled - whole) * 8);
        fputs(eighths[part], out);
        left -= part > 0;
    } else if (left > 0) {
        fputc('>', out);
        --left;
    }
    if (terminal->colours) fputs("\033[2m", out);
    for (int i = 0; i < left; ++i) fputs(terminal->unicode ? "░" : ".", out);
    if (terminal->colours) fputs("\033[0m", out);
}

void tw_progress_bar_draw(tw_progress_bar *bar, double done, const char *format, ...) {
    char text[LINE];
    va_list values;
    if (!bar->shown) return;
    const double now = tw_times_now();
    if (bar->latest >= 0 && now - bar->latest < 0.1) return;
    bar->latest = now;
    const tw_terminal terminal = tw_terminal_look(bar->out);
    done = !(done > 0) ? 0 : done > 1 ? 1 : done;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);

    const int room = terminal.width - 1; /* the last column would wrap on some */
    const int percent = 6;               /* " 100 %" */
    shorten(text, room - BAR_LEAST - percent - 2);
    int cells = room - percent - 2 - tw_words_columns(text);
    if (cells > BAR_MOST) cells = BAR_MOST;
    draw_bar(bar->out, done, cells, &terminal);
    const int columns = cells + percent + 2 + tw_words_columns(text);
    fprintf(bar->out, " %3.0f %%  %s", 100 * done, text);
    const int stale = (bar->drawn < room ? bar->drawn : room) - columns;
    if (stale > 0) fprintf(bar->out, "%*s", stale, "");
    fputc('\r', bar->out);
    fflush(bar->out);
    bar->drawn = columns;
}

void tw_progress_bar_clear(tw_progress_bar *bar) {
    if (!bar->shown || bar->drawn == 0) return;
    const int room = tw_terminal_look(bar->out).width - 1;
    fprintf(bar->out, "%*s\r", bar->drawn < room ? bar->drawn : room, "");
    fflush(bar->out);
    bar->drawn = 0;
    bar->latest = -1;
}

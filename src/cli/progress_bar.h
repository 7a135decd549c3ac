/* A line on stderr that is drawn anew while something goes on: on a terminal only. */
#ifndef TW_CLI_PROGRESS_BAR_H
#define TW_CLI_PROGRESS_BAR_H

#include <stdbool.h>
#include <stdio.h>

typedef struct tw_progress_bar {
    FILE *out;
    bool shown;    /* out is a terminal, and nobody asked for quiet */
    int drawn;     /* columns that stand on the line */
    double latest; /* when it was drawn */
} tw_progress_bar;

tw_progress_bar tw_progress_bar_begin(FILE *out, bool quiet);

/* Draws a bar of `done` (0 to 1) and as much of the text behind it as the terminal is wide; the text's parts,
 * which " | " separates, are left out from the end. At most ten times a second. */
__attribute__((format(printf, 3, 4))) void tw_progress_bar_draw(tw_progress_bar *bar, double done,
                                                                const char *format, ...);

/* Leaves an empty line behind for what is printed next. */
void tw_progress_bar_clear(tw_progress_bar *bar);

#endif

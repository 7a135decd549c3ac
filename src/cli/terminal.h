/* What stands at the other end of a stream: a terminal or not, how wide, with colours and UTF-8 or without.
 */
#ifndef TW_CLI_TERMINAL_H
#define TW_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct tw_terminal {
    bool interactive; /* a terminal that can redraw a line */
    bool colours;     /* NO_COLOR is not set, TERM is not dumb */
    bool unicode;     /* the locale's encoding is UTF-8 */
    int width;        /* columns, at least 20; 80 when nobody says */
} tw_terminal;

/* Asked anew each time: windows are resized. */
tw_terminal tw_terminal_look(FILE *stream);

#endif

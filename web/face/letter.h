/* What the page asks for, from text: a line for each thing, "stride 2". */
#ifndef TWILL_WEB_LETTER_H
#define TWILL_WEB_LETTER_H

#include <twill/explain.h>

/* Most elements of x, of h and of w, and most taps: what a page can show, and a frame can compute. */
enum { TW_LETTER_ELEMENTS = 4096, TW_LETTER_TAPS = 1 << 17 };

typedef enum tw_letter_kind {
    TW_LETTER_CONV = 0,
    TW_LETTER_DEPTHWISE, /* each channel its own group */
    TW_LETTER_AVERAGE,   /* depthwise, every weight 1 / (size of the window) */
    TW_LETTER_MAX        /* no weights: the largest of the window */
} tw_letter_kind;

typedef struct tw_letter {
    tw_letter_kind kind;
    tw_explain_request request; /* its values are the letter's */
    double *x, *w, *dh, *average;
} tw_letter;

/* Reads a letter and checks it: FORMAT with the line that was not understood; ARGUMENT and LIMIT for sizes;
 * a geometry that is impossible passes (tw_explain explains it), unless its numbers are extreme. Release it
 * also on failure. */
tw_status tw_letter_read(tw_letter *letter, const char *text, const char **message);
void tw_letter_release(tw_letter *letter);

#endif

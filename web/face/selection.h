/* A max pool as the matrix that it is for one image: each row has a single 1, where the largest pixel of its
 * window stands. */
#ifndef TWILL_WEB_SELECTION_H
#define TWILL_WEB_SELECTION_H

#include <twill/matrix.h>

#include "letter.h"

typedef struct tw_selection {
    tw_matrix *window; /* all pixels of every window */
    tw_matrix matrix;  /* the pixel that each output takes */
    double *h, *dx;
    const char *message; /* of a failure; NULL: tw_message() */
} tw_selection;

/* The outputs are those of the network's pool, the gradient is the matrix transposed times dL/dh. NUMERIC:
 * the pool took a pixel that is not the window's largest. ARGUMENT: numbers that do
 * not fill the image or dL/dh. Release it also on failure. */
tw_status tw_selection_create(tw_selection *selection, const tw_letter *letter);
void tw_selection_release(tw_selection *selection);

#endif

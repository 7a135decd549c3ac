/* The conv matrix on paper: its entries by name or number, or a picture of where they stand. */
#ifndef TW_CLI_MATRIX_PRINT_H
#define TW_CLI_MATRIX_PRINT_H

#include <stdio.h>

#include <twill/matrix.h>

#include "terminal.h"

/* Prints W's entries, rows and columns named, the top left corner alone when all do not fit. `values` are the
 * parameters' numbers, or NULL for their names. */
void tw_matrix_print(FILE *out, const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                     tw_terminal terminal);

/* Whether tw_matrix_print shows all of it. */
bool tw_matrix_fits(const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                    tw_terminal terminal);

/* Prints where the nonzeros of W stand, the darker the denser, scaled down to the terminal. */
void tw_matrix_picture(FILE *out, const tw_matrix *matrix, tw_terminal terminal);

#endif

/* A table of texts, aligned, as wide as its cells need and no wider than the terminal. */
#ifndef TW_CLI_ALIGNED_TABLE_H
#define TW_CLI_ALIGNED_TABLE_H

#include <stdio.h>

typedef struct tw_table tw_table;

/* `aligns` has a letter for each column: 'l' left, 'r' right, 's' left and the one that is shortened with
 * "..." when the table is wider than the terminal. `headings` are as many texts; all empty: none are printed.
 * NULL when there is no memory. */
tw_table *tw_table_create(const char *aligns, const char *const *headings);
/* The next cell, row by row. A cell that does not fit into memory is left out, and so is all after it. */
__attribute__((format(printf, 2, 3))) void tw_table_cell(tw_table *table, const char *format, ...);
/* Writes the table, each line after `indent` blanks, within `width` columns (0: as wide as it needs). */
void tw_table_print(const tw_table *table, FILE *out, int indent, int width);
/* NULL allowed. */
void tw_table_free(tw_table *table);

#endif

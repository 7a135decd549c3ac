/* The names of the structure that shared weights give the matrix, and its counts. */
#ifndef TW_EXPLAIN_STRUCTURE_H
#define TW_EXPLAIN_STRUCTURE_H

#include "explain/problem.h"

enum { TW_STRUCTURES = 4 };

typedef struct tw_structure {
    const char *name; /* for programs */
    tw_word word;     /* the sentence; {0} stride, {1} output and {2} input channels, {3} groups */
} tw_structure;

/* Fills found[] and returns how many there are. */
int tw_structures_of(const tw_problem *problem, tw_structure found[TW_STRUCTURES]);

/* The matrix for readers of the JSON form. */
typedef struct tw_matrix_facts {
    int64_t rows, columns, nonzeros, parameters;
    int structure_count;
    tw_structure structures[TW_STRUCTURES];
    const tw_matrix *matrix; /* NULL: too large to be listed */
} tw_matrix_facts;

#endif

/* Passages that several sections write: sums over taps, tensors as grids. */
#ifndef TW_EXPLAIN_PASSAGES_H
#define TW_EXPLAIN_PASSAGES_H

#include "explain/document.h"
#include "explain/problem.h"

/* How much of something large is written out. */
enum {
    TW_MANY_TERMS = 28, /* a longer sum keeps its first terms and its last one */
    TW_ABRIDGED_TERMS = 6,
    TW_MANY_EQUATIONS = 16, /* of a longer list the first ones are written */
    TW_ABRIDGED_EQUATIONS = 6,
    TW_GRID_SIDE = 12,
    TW_SYMBOL_SIDE = 8, /* a larger grid of symbols shows only its corner */
    TW_SYMBOL_CORNER = 4,
    TW_MANY_PLANES = 4, /* of more planes the first two are shown */
    TW_FIRST_PLANES = 2,
    TW_MATRIX_SIDE = 40,   /* a matrix with more rows or columns is drawn as a pattern */
    TW_MATRIX_CELLS = 400, /* or, with long names, more cells */
    TW_PATTERN_SIDE = 32
};

/* The sum of one output (over w x, and the bias), one pixel's gradient (dL/dh w) or one weight's (dL/dh x).
 */
tw_equation tw_sum_of(tw_document *document, const tw_problem *problem, tw_tap_end end, int64_t element);

/* The sums of all elements of an end, or of the first ones. */
void tw_write_sums(tw_document *document, const tw_problem *problem, tw_tap_end end);

/* Which tensor of a problem. */
typedef tw_atom (*tw_element)(const tw_problem *problem, int64_t element);

/* The planes (the last two dimensions) of a tensor as grids, at most TW_MANY_PLANES, to grids[]; returns how
 * many. joiner stands before the first. */
int tw_tensor_grids(tw_document *document, const tw_problem *problem, const tw_naming *naming,
                    tw_element element, const char *joiner, tw_grid *grids);

/* The name of a plane: the tensor's letter with the indices that pick the plane. */
tw_symbol tw_plane_symbol(const tw_problem *problem, const tw_naming *naming, int64_t plane);
/* The element of a tensor that is a pixel of a plane, in either layout. */
int64_t tw_plane_element(const tw_problem *problem, const tw_naming *naming, int64_t plane, int64_t pixel);

/* The names of the first `count` elements of a tensor. */
tw_symbol *tw_names_of(tw_document *document, const tw_naming *naming, int64_t count);

/* x, w and h (and so on) side by side, as many tensors as there are namings. */
typedef struct tw_shown {
    const tw_naming *naming;
    tw_element element;
    const char *joiner;
} tw_shown;
void tw_write_tensors(tw_document *document, const tw_problem *problem, const tw_shown *shown, int count);

/* How an output's size follows from the others, in general. */
void tw_write_size_formula(tw_document *document, const tw_geometry *geometry);

/* An empty grid with room for its cells. */
tw_grid tw_grid_make(tw_document *document, int64_t rows, int64_t columns);

#endif

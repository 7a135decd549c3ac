/* The figures: each draws one side of a problem. NULL after a failure, or when there is nothing to draw. */
#ifndef TW_EXPLAIN_FIGURES_H
#define TW_EXPLAIN_FIGURES_H

#include "explain/network_flow.h"
#include "explain/problem.h"
#include "explain/scene.h"

enum { TW_FIGURE_BORDER = 3 }; /* a border of zeros up to this wide is drawn */

/* Image, kernel and output as grids; what makes the first output lies in the colours of its weights. */
tw_scene *tw_figure_forward(tw_document *document, const tw_problem *problem);
/* A matrix as it was written or as a pattern, its places in the colours of their weights. */
tw_scene *tw_figure_matrix(tw_document *document, const tw_problem *problem, const tw_grid *matrix);
/* Full connection beside local connection; highlight: the number of one weight, or -1. */
tw_scene *tw_figure_connections(tw_document *document, const tw_problem *problem, int64_t highlight);

/* Maps of the numbers that flow through a network, and of their gradients. */
tw_scene *tw_figure_network(tw_document *document, const tw_flow *flow);

/* A symbol or, when it is known and wanted, its number, as a label. */
tw_phrase tw_atom_label(tw_document *document, const tw_atom *atom, bool number);

#endif

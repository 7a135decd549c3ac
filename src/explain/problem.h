/* The numbers of an explained convolution: computed once by its plan, compared with its matrix. */
#ifndef TW_EXPLAIN_PROBLEM_H
#define TW_EXPLAIN_PROBLEM_H

#include <twill/explain.h>
#include <twill/matrix.h>

#include "explain/symbols.h"
#include "shape/taps.h"

enum { TW_PROBLEM_AXIS = 1 << 22 };

typedef struct tw_problem {
    tw_geometry geometry; /* batch 1 */
    tw_shape shape;
    int64_t output[TW_MAX_SPATIAL];
    tw_geometry_sizes sizes;
    const double *x, *w, *b, *dy;   /* as given, NULL: symbols */
    const double *y, *dx, *dw, *db; /* NULL where something they need is not given */
    double *owned[4];               /* those of them that are computed here */
    bool has_bias;                  /* the request gave one */
    tw_matrix *matrix;              /* NULL when it is too large to be worth building */
    tw_naming name_x, name_w, name_b, name_h, name_dx, name_dw, name_db, name_dh;
} tw_problem;

/* Checks the request's numbers against its geometry, computes what they allow, and compares. The errors are
 * those of tw_explain. */
tw_status tw_problem_create(tw_problem *problem, const tw_explain_request *request);
void tw_problem_release(tw_problem *problem);

/* A geometry and numbers that another has computed (x, w, b, dy, y, dx, dw of `numbers`), all borrowed. */
tw_status tw_problem_view(tw_problem *problem, const tw_geometry *geometry, const tw_problem *numbers);

/* Compares one output, pixel or weight with the sum over its taps, where all of its numbers are known:
 * NUMERIC when they differ. */
tw_status tw_problem_compare(const tw_problem *problem, tw_tap_end end, int64_t element);

/* One element of a tensor: its symbol, its number when known, its colour. */
tw_atom tw_problem_x(const tw_problem *problem, int64_t element);
tw_atom tw_problem_w(const tw_problem *problem, int64_t element);
tw_atom tw_problem_b(const tw_problem *problem, int64_t element);
tw_atom tw_problem_bias_at(const tw_problem *problem, int64_t output); /* b of its channel */
tw_atom tw_problem_h(const tw_problem *problem, int64_t element);
tw_atom tw_problem_dx(const tw_problem *problem, int64_t element);
tw_atom tw_problem_dw(const tw_problem *problem, int64_t element);
tw_atom tw_problem_db(const tw_problem *problem, int64_t element);
tw_atom tw_problem_dh(const tw_problem *problem, int64_t element);

#endif

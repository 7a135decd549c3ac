/* What a convolution can do to its input: the norms of its matrix.
 *
 *     tw_norms norms;
 *     tw_matrix_norms(matrix, w, &norms);
 *     // |W x| <= norms.spectral * |x|: the Lipschitz constant of the layer, bias or not */
#ifndef TWILL_OPERATOR_H
#define TWILL_OPERATOR_H

#include <twill/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tw_norms {
    double one;       /* largest sum of |W_ij| of a column */
    double infinity;  /* largest sum of |W_ij| of a row */
    double frobenius; /* square root of the sum of W_ij^2 */
    double spectral;  /* largest singular value: of |W x| for |x| = 1 */
    int steps;        /* of the iteration that found it */
    bool converged;   /* false: spectral is a lower bound */
} tw_norms;

/* The norms of W with the weights w [parameters]; places that stand twice count by their sum. The first three
 * are sums, exact but for rounding. The spectral norm is that of a Lanczos iteration (Golub and Kahan 1965),
 * which grows to the true one from below; it ends as converged when eight steps together have changed it by
 * less than 1e-13 of itself, or when the space is exhausted, and as not converged after 2000 steps.
 * Deterministic; memory for three vectors. NUMERIC when a weight is not finite, ARGUMENT for NULL, MEMORY. */
tw_status tw_matrix_norms(const tw_matrix *matrix, const double *w, tw_norms *norms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

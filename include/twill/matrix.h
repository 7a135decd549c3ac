/* The convolution as the sparse matrix that it is.
 *
 * With x and y flattened in the geometry's layout, one image is y = W x + b. W has a row for each output, a
 * column for each input, and few distinct values: each nonzero carries one of the weights. A tw_matrix is W's
 * pattern in CSR form (compressed sparse rows) with, for each nonzero, the number of the parameter that
 * stands there. For a 3x3 image and a 2x2 kernel: 4 rows, 9 columns, 16 nonzeros, 4 parameters; a full
 * connection has 36.
 *
 *     y_i  = sum over the nonzeros (i,j,p) of w_p x_j            tw_matrix_apply
 *     dx_j = sum over the nonzeros (i,j,p) of w_p dy_i           tw_matrix_apply_transposed
 *     dw_p = sum over the nonzeros (i,j,p) of dy_i x_j           tw_matrix_gradient
 *
 * These three are the definition that every fast path is tested against. */
#ifndef TWILL_MATRIX_H
#define TWILL_MATRIX_H

#include <twill/geometry.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A pattern, readable by all. Rows are sorted by (column, parameter). With reflect, replicate or circular
 * padding two parameters can meet at one place: then the entry stands twice, once for each, and W's value
 * there is their sum. */
typedef struct tw_matrix {
    int64_t rows;       /* elements of one image's y */
    int64_t columns;    /* elements of one image's x */
    int64_t nonzeros;   /* places where a parameter stands */
    int64_t parameters; /* weights of the convolution */
    int64_t *row_begin; /* [rows + 1]: row i is the nonzeros row_begin[i] .. row_begin[i + 1] - 1 */
    int64_t *column;    /* [nonzeros] */
    int64_t *parameter; /* [nonzeros], each in 0 .. parameters - 1 */
} tw_matrix;

/* Builds the matrix of one image (batch is ignored) of any geometry. Memory in proportion to rows, columns
 * and nonzeros; time also to the products that fall on padding. Fails as tw_geometry_validate does, with
 * OVERFLOW or MEMORY. Free with tw_matrix_free (NULL allowed). */
tw_status tw_matrix_create(tw_matrix **matrix, const tw_geometry *geometry);
void tw_matrix_free(tw_matrix *matrix);

/* The three sums, for `batch` images one after the other, in `type`; additions in the order of the nonzeros.
 * w is [parameters], x and dx [batch][columns], y and dy [batch][rows], dw [parameters] (summed over the
 * batch). Outputs are overwritten. ARGUMENT for NULL pointers, negative batch or unknown type. */
tw_status tw_matrix_apply(const tw_matrix *matrix, tw_type type, int64_t batch, const void *w, const void *x,
                          void *y);
tw_status tw_matrix_apply_transposed(const tw_matrix *matrix, tw_type type, int64_t batch, const void *w,
                                     const void *dy, void *dx);
tw_status tw_matrix_gradient(const tw_matrix *matrix, tw_type type, int64_t batch, const void *x,
                             const void *dy, void *dw);

/* The name of a parameter as people write it: indices that can vary, counted from 1. A 2x2 kernel of one
 * channel has w11 w12 w21 w22; with several channels w[2,1,1,2] is output channel 2, input channel 1, row 1,
 * column 2. Written to name[size], truncated, always terminated. */
void tw_matrix_parameter_name(const tw_geometry *geometry, int64_t parameter, char *name, size_t size);

/* Writes W as a Matrix Market file ("coordinate real general"; places that stand twice are summed). w NULL:
 * the pattern with parameter numbers, counted from 1, as "coordinate integer general". Whole or not at all:
 * written beside, synced, renamed. A path that is no ordinary file (/dev/stdout) is written directly. IO on
 * failure. (Boisvert, Pozo, Remington, "The Matrix Market Exchange Formats", NISTIR 5935, 1996.) */
tw_status tw_matrix_write(const tw_matrix *matrix, const double *w, const char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/* The reference of every check: the three products of the conv matrix in f64. The tensors hold whole numbers
 * so small that no sum is ever rounded, in f64 nor (below 2^24) in f32: then all orders of addition give the
 * same result, and whatever computes a direct sum must equal it with ==. Beside each result stands the sum of
 * the absolute values of its products, by which the error of algorithms that round is measured. */
#include "operator/conv_problem.h"

#include <math.h>

#include <twill/matrix.h>

#include "base/memory.h"
#include "shape/shape.h"

const char *tw_conv_tensor_name(tw_conv_tensor tensor) {
    static const char *const names[TW_CONV_TENSORS] = {"x", "w", "b", "dy", "y", "dx", "dw", "db"};
    return (unsigned)tensor < TW_CONV_TENSORS ? names[tensor] : "unknown";
}

static bool allocate(tw_conv_problem *p) {
    bool enough = true;
    for (int t = 0; t < TW_CONV_TENSORS; t++) {
        p->value[t] = tw_alloc_zero(p->count[t], sizeof(double));
        enough = enough && p->value[t];
        if (t < TW_CONV_GIVEN) {
            p->typed[TW_F32][t] = tw_alloc(p->count[t], sizeof(float));
            p->typed[TW_F64][t] = p->value[t];
            enough = enough && p->typed[TW_F32][t];
        } else {
            p->weight[t] = tw_alloc_zero(p->count[t], sizeof(double));
            enough = enough && p->weight[t];
        }
    }
    return enough;
}

static void draw_values(tw_conv_problem *p, tw_random *random) {
    for (int t = 0; t < TW_CONV_GIVEN; t++)
        for (int64_t i = 0; i < p->count[t]; i++) {
            p->value[t][i] = (double)tw_random_below(random, 7) - 3;
            ((float *)p->typed[TW_F32][t])[i] = (float)p->value[t][i];
        }
}

/* y += b and db = sum of dy, by the place of a channel in the layout. */
static void add_bias(const tw_conv_problem *p, double *const given[], double *const out[]) {
    int64_t channels = p->geometry.out_channels;
    int64_t pixels = p->geometry.batch ? p->count[TW_CONV_Y] / p->geometry.batch / channels : 0;
    for (int64_t n = 0; n < p->geometry.batch; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < pixels; i++) {
                int64_t at = tw_shape_index(p->geometry.layout, n, channels, c, pixels, i);
                out[TW_CONV_Y][at] += given[TW_CONV_B][c];
                out[TW_CONV_DB][c] += given[TW_CONV_DY][at];
            }
}

/* The four results from the four given tensors. */
static tw_status compute(const tw_conv_problem *p, const tw_matrix *m, double *const given[],
                         double *const out[]) {
    int64_t batch = p->geometry.batch;
    tw_status status = tw_matrix_apply(m, TW_F64, batch, given[TW_CONV_W], given[TW_CONV_X], out[TW_CONV_Y]);
    if (!status)
        status = tw_matrix_apply_transposed(m, TW_F64, batch, given[TW_CONV_W], given[TW_CONV_DY],
                                            out[TW_CONV_DX]);
    if (!status)
        status = tw_matrix_gradient(m, TW_F64, batch, given[TW_CONV_X], given[TW_CONV_DY], out[TW_CONV_DW]);
    if (!status) add_bias(p, given, out);
    return status;
}

/* The same with absolute values throughout. */
static tw_status compute_weights(const tw_conv_problem *p, const tw_matrix *m) {
    double *absolute[TW_CONV_GIVEN];
    bool enough = true;
    for (int t = 0; t < TW_CONV_GIVEN; t++) {
        absolute[t] = tw_alloc(p->count[t], sizeof(double));
        enough = enough && absolute[t];
        for (int64_t i = 0; absolute[t] && i < p->count[t]; i++) absolute[t][i] = fabs(p->value[t][i]);
    }
    tw_status status = enough ? compute(p, m, absolute, p->weight) : TW_ERROR_MEMORY;
    for (int t = 0; t < TW_CONV_GIVEN; t++) tw_free(absolute[t]);
    return status;
}

tw_status tw_conv_problem_create(tw_conv_problem *p, const tw_geometry *geometry, tw_random *random) {
    *p = (tw_conv_problem){.geometry = *geometry};
    tw_geometry_sizes sizes;
    tw_matrix *matrix;
    tw_status status = tw_geometry_count(geometry, &sizes);
    if (status || (status = tw_matrix_create(&matrix, geometry))) return status;
    p->count[TW_CONV_X] = p->count[TW_CONV_DX] = sizes.x;
    p->count[TW_CONV_W] = p->count[TW_CONV_DW] = sizes.w;
    p->count[TW_CONV_B] = p->count[TW_CONV_DB] = sizes.b;
    p->count[TW_CONV_Y] = p->count[TW_CONV_DY] = sizes.y;
    status = allocate(p) ? TW_OK : TW_ERROR_MEMORY;
    if (!status) {
        draw_values(p, random);
        status = compute(p, matrix, p->value, p->value);
    }
    if (!status) status = compute_weights(p, matrix);
    tw_matrix_free(matrix);
    return status;
}

void tw_conv_problem_free(tw_conv_problem *p) {
    for (int t = 0; t < TW_CONV_TENSORS; t++) {
        tw_free(p->typed[TW_F32][t]);
        tw_free(p->value[t]);
        tw_free(p->weight[t]);
    }
    *p = (tw_conv_problem){0};
}

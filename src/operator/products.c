/* The three sums over the nonzeros of a conv matrix: the definition of forward and both gradients, and the
 * reference of every fast path. One fused multiply-add for each nonzero, in the type asked for, rounded once
 * each, in the order in which the nonzeros stand (row by row, and images one after the other for the weight
 * gradient), starting from zero. No speed is sought: what stands here must be plainly right. */
#include <twill/matrix.h>

#include <math.h>
#include <string.h>

#include "base/fail.h"

static void apply_f32(const tw_matrix *m, const float *w, const float *x, float *y) {
    for (int64_t i = 0; i < m->rows; i++) {
        float sum = 0;
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++)
            sum = fmaf(w[m->parameter[n]], x[m->column[n]], sum);
        y[i] = sum;
    }
}

static void apply_f64(const tw_matrix *m, const double *w, const double *x, double *y) {
    for (int64_t i = 0; i < m->rows; i++) {
        double sum = 0;
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++)
            sum = fma(w[m->parameter[n]], x[m->column[n]], sum);
        y[i] = sum;
    }
}

/* dx holds zeros. */
static void add_transposed_f32(const tw_matrix *m, const float *w, const float *dy, float *dx) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            float *to = &dx[m->column[n]];
            *to = fmaf(w[m->parameter[n]], dy[i], *to);
        }
}

static void add_transposed_f64(const tw_matrix *m, const double *w, const double *dy, double *dx) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            double *to = &dx[m->column[n]];
            *to = fma(w[m->parameter[n]], dy[i], *to);
        }
}

/* dw holds the sums of the images before. */
static void add_gradient_f32(const tw_matrix *m, const float *x, const float *dy, float *dw) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            float *to = &dw[m->parameter[n]];
            *to = fmaf(dy[i], x[m->column[n]], *to);
        }
}

static void add_gradient_f64(const tw_matrix *m, const double *x, const double *dy, double *dw) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            double *to = &dw[m->parameter[n]];
            *to = fma(dy[i], x[m->column[n]], *to);
        }
}

static tw_status check(const tw_matrix *m, tw_type type, int64_t batch) {
    if (!m) return tw_fail(TW_ERROR_ARGUMENT, "matrix is NULL");
    if (type != TW_F32 && type != TW_F64)
        return tw_fail(TW_ERROR_ARGUMENT, "type is %d; expected TW_F32 or TW_F64", (int)type);
    if (batch < 0) return tw_fail(TW_ERROR_ARGUMENT, "batch is %lld; expected at least 0", (long long)batch);
    return TW_OK;
}

/* A tensor may be NULL only when it is empty. */
static tw_status check_tensor(const char *name, const void *tensor, int64_t batch) {
    if (tensor || batch == 0) return TW_OK;
    return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", name);
}

static size_t image_bytes(int64_t elements, tw_type type) {
    return (size_t)elements * (type == TW_F32 ? sizeof(float) : sizeof(double));
}

static const void *image_of(const void *tensor, int64_t image, size_t bytes) {
    return (const char *)tensor + (size_t)image * bytes;
}

tw_status tw_matrix_apply(const tw_matrix *m, tw_type type, int64_t batch, const void *w, const void *x,
                          void *y) {
    tw_status status;
    if ((status = check(m, type, batch))) return status;
    if ((status = check_tensor("w", w, batch)) || (status = check_tensor("x", x, batch)) ||
        (status = check_tensor("y", y, batch)))
        return status;
    size_t in = image_bytes(m->columns, type), out = image_bytes(m->rows, type);
    for (int64_t n = 0; n < batch; n++) {
        const void *from = image_of(x, n, in);
        void *to = (char *)y + (size_t)n * out;
        if (type == TW_F32)
            apply_f32(m, w, from, to);
        else
            apply_f64(m, w, from, to);
    }
    return TW_OK;
}

tw_status tw_matrix_apply_transposed(const tw_matrix *m, tw_type type, int64_t batch, const void *w,
                                     const void *dy, void *dx) {
    tw_status status;
    if ((status = check(m, type, batch))) return status;
    if ((status = check_tensor("w", w, batch)) || (status = check_tensor("dy", dy, batch)) ||
        (status = check_tensor("dx", dx, batch)))
        return status;
    size_t in = image_bytes(m->columns, type), out = image_bytes(m->rows, type);
    for (int64_t n = 0; n < batch; n++) {
        const void *from = image_of(dy, n, out);
        void *to = (char *)dx + (size_t)n * in;
        memset(to, 0, in); /* all bits zero is 0.0 */
        if (type == TW_F32)
            add_transposed_f32(m, w, from, to);
        else
            add_transposed_f64(m, w, from, to);
    }
    return TW_OK;
}

tw_status tw_matrix_gradient(const tw_matrix *m, tw_type type, int64_t batch, const void *x, const void *dy,
                             void *dw) {
    tw_status status;
    if ((status = check(m, type, batch))) return status;
    if ((status = check_tensor("x", x, batch)) || (status = check_tensor("dy", dy, batch)) ||
        (status = check_tensor("dw", dw, 1)))
        return status;
    size_t in = image_bytes(m->columns, type), out = image_bytes(m->rows, type);
    memset(dw, 0, image_bytes(m->parameters, type));
    for (int64_t n = 0; n < batch; n++) {
        if (type == TW_F32)
            add_gradient_f32(m, image_of(x, n, in), image_of(dy, n, out), dw);
        else
            add_gradient_f64(m, image_of(x, n, in), image_of(dy, n, out), dw);
    }
    return TW_OK;
}

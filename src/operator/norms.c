/* The norms of a conv matrix. Three are sums over its places. The spectral norm comes from the
 * bidiagonalisation of Golub and Kahan ("Calculating the singular values and pseudo-inverse of a matrix",
 * 1965): W V = U B with B upper bidiagonal, made from products with W and W^T alone; the largest singular
 * value of B grows to that of W. Rounding makes later vectors lose their right angles to earlier ones, which
 * brings copies of values that have converged but spoils none (Paige 1971): for the largest alone nothing
 * need be kept. All is computed with weights divided by the largest, so that no square overflows. */
#include <twill/operator.h>

#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

enum { MOST_STEPS = 2000, QUIET_STEPS = 8 };
static const double quiet = 1e-13; /* relative growth in QUIET_STEPS steps that counts as none */

/* B so far: diagonal a, b above it; and the two vectors. */
typedef struct lanczos {
    const tw_matrix *matrix;
    const double *w;
    double *a, *b;        /* [MOST_STEPS] */
    double *v, *u, *work; /* [columns], [rows], [the longer of both] */
} lanczos;

static double norm_of(const double *x, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

/* to = (from - factor * to) / length, and its length before; a length of 0 gives zeros. */
static double step(double *to, const double *from, double factor, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i] - factor * to[i];
    double length = norm_of(to, count);
    for (int64_t i = 0; i < count; i++) to[i] = length > 0 ? to[i] / length : 0;
    return length;
}

/* Whether B^T B - x of the first n columns has a positive eigenvalue: the signs of its Sturm sequence
 * (Givens). */
static bool exceeds(const lanczos *l, int n, double x) {
    double pivot = 1;
    for (int k = 0; k < n; k++) {
        double above = k ? l->b[k - 1] : 0, side = k ? l->a[k - 1] * above : 0;
        pivot = l->a[k] * l->a[k] + above * above - x - (k ? side * side / pivot : 0);
        if (pivot > 0) return true;
        if (pivot == 0) pivot = -1e-300;
    }
    return false;
}

/* The largest singular value of the first n columns of B, by bisection between `low`, that of fewer columns,
 * and the bound of Gershgorin. */
static double largest(const lanczos *l, int n, double low) {
    double high = 0;
    for (int k = 0; k < n; k++) {
        double left = k ? l->a[k - 1] * l->b[k - 1] : 0, above = k ? l->b[k - 1] : 0;
        double right = k + 1 < n ? l->a[k] * l->b[k] : 0;
        high = fmax(high, l->a[k] * l->a[k] + above * above + left + right);
    }
    double least = low * low;
    for (;;) {
        double middle = least + (high - least) / 2;
        if (!(middle > least && middle < high)) return sqrt(high);
        if (exceeds(l, n, middle))
            least = middle;
        else
            high = middle;
    }
}

static tw_status iterate(lanczos *l, tw_norms *norms) {
    const tw_matrix *m = l->matrix;
    double before = 0, sigma = 0;
    for (int n = 0; n < MOST_STEPS && !norms->converged; n++) {
        tw_status status = tw_matrix_apply(m, TW_F64, 1, l->w, l->v, l->work);
        if (status) return status;
        l->a[n] = step(l->u, l->work, n ? l->b[n - 1] : 0, m->rows);
        if ((status = tw_matrix_apply_transposed(m, TW_F64, 1, l->w, l->u, l->work))) return status;
        l->b[n] = step(l->v, l->work, l->a[n], m->columns);
        sigma = largest(l, n + 1, sigma);
        bool exhausted = l->b[n] <= 1e-15 * sigma || l->a[n] <= 1e-15 * sigma;
        norms->steps = n + 1;
        if (exhausted || (n + 1) % QUIET_STEPS == 0) {
            norms->converged = exhausted || sigma - before <= quiet * sigma;
            before = sigma;
        }
    }
    norms->spectral = sigma;
    return TW_OK;
}

static tw_status spectral(const tw_matrix *m, const double *w, tw_norms *norms) {
    lanczos l = {.matrix = m,
                 .w = w,
                 .a = tw_alloc(MOST_STEPS, sizeof *l.a),
                 .b = tw_alloc(MOST_STEPS, sizeof *l.b),
                 .v = tw_alloc(m->columns, sizeof *l.v),
                 .u = tw_alloc_zero(m->rows, sizeof *l.u),
                 .work = tw_alloc(tw_max(m->rows, m->columns), sizeof *l.work)};
    tw_status status = TW_ERROR_MEMORY;
    if (l.a && l.b && l.v && l.u && l.work) {
        tw_random random = tw_random_stream(0, TW_RANDOM_CHECK, 0, 2);
        for (int64_t j = 0; j < m->columns; j++) l.work[j] = tw_random_uniform(&random) - 0.5, l.v[j] = 0;
        step(l.v, l.work, 0, m->columns);
        status = iterate(&l, norms);
    }
    tw_free(l.a);
    tw_free(l.b);
    tw_free(l.v);
    tw_free(l.u);
    tw_free(l.work);
    return status;
}

/* The three norms that are sums, place by place. */
static tw_status add_places(const tw_matrix *m, const double *w, tw_norms *norms) {
    double *column = tw_alloc_zero(m->columns, sizeof *column), squares = 0;
    if (!column) return TW_ERROR_MEMORY;
    for (int64_t i = 0; i < m->rows; i++) {
        double row = 0;
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1];) {
            int64_t j = m->column[n];
            double value = 0;
            for (; n < m->row_begin[i + 1] && m->column[n] == j; n++) value += w[m->parameter[n]];
            row += fabs(value);
            column[j] += fabs(value);
            squares += value * value;
        }
        norms->infinity = fmax(norms->infinity, row);
    }
    for (int64_t j = 0; j < m->columns; j++) norms->one = fmax(norms->one, column[j]);
    norms->frobenius = sqrt(squares);
    tw_free(column);
    return TW_OK;
}

tw_status tw_matrix_norms(const tw_matrix *m, const double *w, tw_norms *norms) {
    if (!m || !w || !norms)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !m ? "matrix" : !w ? "w" : "norms");
    double scale = 0;
    for (int64_t p = 0; p < m->parameters; p++) {
        if (!isfinite(w[p]))
            return tw_fail(TW_ERROR_NUMERIC, "w[%lld] is %g; expected a finite number", (long long)p, w[p]);
        scale = fmax(scale, fabs(w[p]));
    }
    tw_norms found = {.converged = scale == 0};
    double *scaled = tw_alloc(m->parameters, sizeof *scaled);
    if (!scaled) return TW_ERROR_MEMORY;
    for (int64_t p = 0; p < m->parameters; p++) scaled[p] = scale > 0 ? w[p] / scale : 0;
    tw_status status = add_places(m, scaled, &found);
    if (!status && scale > 0) status = spectral(m, scaled, &found);
    tw_free(scaled);
    if (status) return status;
    found.one *= scale;
    found.infinity *= scale;
    found.frobenius *= scale;
    found.spectral *= scale;
    *norms = found;
    return TW_OK;
}

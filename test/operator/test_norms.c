/* Norms: known ones, and those of small matrices against the eigenvalues of W^T W by Jacobi's rotations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/operator.h>

#include "operator/random_geometry.h"

static tw_geometry ring(int64_t input, int64_t kernel) {
    tw_geometry g = tw_geometry_defaults(1);
    g.in_channels = g.out_channels = 1;
    g.input[0] = input, g.kernel[0] = kernel;
    g.pad_mode = TW_PAD_CIRCULAR;
    g.pad_begin[0] = kernel / 2, g.pad_end[0] = kernel - 1 - kernel / 2;
    return g;
}

static tw_norms norms_of(const tw_geometry *g, const double *w) {
    tw_matrix *m;
    tw_norms norms;
    assert_int_equal(tw_matrix_create(&m, g), TW_OK);
    assert_int_equal(tw_matrix_norms(m, w, &norms), TW_OK);
    tw_matrix_free(m);
    return norms;
}

static void expect_close(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.17g; expected %.17g", value, expected);
}

/* A circulant matrix has the singular values |sum of w_k exp(i k t)|, t = 2 pi j / n. */
static void norms_of_a_ring_are_those_of_its_transfer_function(void **state) {
    (void)state;
    static const double ones[] = {1, 1, 1}, difference[] = {1, -1};
    tw_geometry g = ring(100, 3);
    tw_norms n = norms_of(&g, ones);
    assert_true(n.one == 3 && n.infinity == 3 && n.converged);
    expect_close(n.frobenius, sqrt(300), 1e-14);
    expect_close(n.spectral, 3, 1e-12);
    g = ring(64, 2);
    n = norms_of(&g, difference);
    expect_close(n.spectral, 2, 1e-12);
    assert_true(n.one == 2 && n.infinity == 2);
}

/* Toeplitz tridiagonal 1 1 1 of size n: largest eigenvalue 1 + 2 cos(pi / (n + 1)). */
static void the_spectral_norm_of_a_line_is_that_of_its_tridiagonal_matrix(void **state) {
    (void)state;
    static const double ones[] = {1, 1, 1};
    tw_geometry g = ring(200, 3);
    g.pad_mode = TW_PAD_ZEROS;
    tw_norms n = norms_of(&g, ones);
    expect_close(n.spectral, 1 + 2 * cos(M_PI / 201), 1e-11);
    assert_true(n.converged);
    expect_close(n.frobenius, sqrt(598), 1e-14);
}

static void places_that_stand_twice_count_by_their_sum(void **state) {
    (void)state;
    tw_geometry g = ring(2, 3);
    g.pad_mode = TW_PAD_REPLICATE;
    tw_norms n = norms_of(&g, (double[]){1, -1, 3}); /* W = (0 3; 1 2) */
    assert_true(n.one == 5 && n.infinity == 3);
    expect_close(n.frobenius, sqrt(14), 1e-15);
    expect_close(n.spectral, sqrt(7 + sqrt(40)), 1e-14); /* W^T W = (1 2; 2 13) */
}

static void huge_tiny_and_zero_weights_have_norms(void **state) {
    (void)state;
    tw_geometry g = ring(10, 3);
    tw_norms n = norms_of(&g, (double[]){1e200, 1e200, 1e200});
    expect_close(n.spectral, 3e200, 1e-12);
    expect_close(n.frobenius, sqrt(30) * 1e200, 1e-14);
    n = norms_of(&g, (double[]){1e-200, 1e-200, 1e-200});
    expect_close(n.spectral, 3e-200, 1e-12);
    n = norms_of(&g, (double[]){0, 0, 0});
    assert_true(n.spectral == 0 && n.one == 0 && n.infinity == 0 && n.frobenius == 0 && n.converged);
}

/* The largest eigenvalue of the symmetric a[n][n], by cyclic rotations (Jacobi 1846). */
static double jacobi_largest(double *a, int64_t n) {
    for (int sweep = 0; sweep < 30; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                if (fabs(a[p * n + q]) < 1e-300) continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
                double t = (theta < 0 ? -1 : 1) / (fabs(theta) + hypot(theta, 1)), c = 1 / hypot(t, 1),
                       s = t * c;
                for (int64_t k = 0; k < n; k++) {
                    double kp = a[k * n + p], kq = a[k * n + q];
                    a[k * n + p] = c * kp - s * kq, a[k * n + q] = s * kp + c * kq;
                }
                for (int64_t k = 0; k < n; k++) {
                    double pk = a[p * n + k], qk = a[q * n + k];
                    a[p * n + k] = c * pk - s * qk, a[q * n + k] = s * pk + c * qk;
                }
            }
    double most = 0;
    for (int64_t p = 0; p < n; p++) most = fmax(most, a[p * n + p]);
    return most;
}

/* W dense, then one, infinity, frobenius and, from W^T W, spectral. */
static void expect_dense(const tw_matrix *m, const double *w) {
    int64_t rows = m->rows, n = m->columns;
    double *dense = calloc((size_t)(rows * n), sizeof *dense), *gram = calloc((size_t)(n * n), sizeof *gram);
    double one = 0, infinity = 0, squares = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = m->row_begin[i]; k < m->row_begin[i + 1]; k++)
            dense[i * n + m->column[k]] += w[m->parameter[k]];
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += fabs(dense[i * n + j]), squares += pow(dense[i * n + j], 2);
        one = fmax(one, sum);
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < rows; i++) gram[j * n + k] += dense[i * n + j] * dense[i * n + k];
    }
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) sum += fabs(dense[i * n + j]);
        infinity = fmax(infinity, sum);
    }
    tw_norms norms;
    assert_int_equal(tw_matrix_norms(m, w, &norms), TW_OK);
    expect_close(norms.one, one, 1e-13);
    expect_close(norms.infinity, infinity, 1e-13);
    expect_close(norms.frobenius, sqrt(squares), 1e-13);
    expect_close(norms.spectral, sqrt(jacobi_largest(gram, n)), 1e-9);
    assert_true(norms.converged);
    free(dense);
    free(gram);
}

static void norms_of_random_convolutions_are_those_of_their_dense_matrices(void **state) {
    (void)state;
    tw_random random = tw_random_stream(21, TW_RANDOM_TEST, 0, 0);
    for (int done = 0; done < 60;) {
        tw_geometry g = tw_geometry_random(&random, 3000);
        tw_matrix *m;
        assert_int_equal(tw_matrix_create(&m, &g), TW_OK);
        if (m->rows <= 200 && m->columns <= 60) {
            double *w = calloc((size_t)m->parameters, sizeof *w);
            for (int64_t p = 0; p < m->parameters; p++) w[p] = tw_random_normal(&random);
            expect_dense(m, w);
            free(w);
            done++;
        }
        tw_matrix_free(m);
    }
}

static void weights_that_are_no_numbers_are_named(void **state) {
    (void)state;
    tw_geometry g = ring(5, 3);
    tw_matrix *m;
    tw_norms norms = {.steps = -7};
    assert_int_equal(tw_matrix_create(&m, &g), TW_OK);
    assert_int_equal(tw_matrix_norms(m, (double[]){1, NAN, 1}, &norms), TW_ERROR_NUMERIC);
    assert_non_null(strstr(tw_message(), "w[1] is nan"));
    assert_int_equal(norms.steps, -7);
    assert_int_equal(tw_matrix_norms(m, NULL, &norms), TW_ERROR_ARGUMENT);
    assert_non_null(strstr(tw_message(), "w is NULL"));
    tw_matrix_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_of_a_ring_are_those_of_its_transfer_function),
        cmocka_unit_test(the_spectral_norm_of_a_line_is_that_of_its_tridiagonal_matrix),
        cmocka_unit_test(places_that_stand_twice_count_by_their_sum),
        cmocka_unit_test(huge_tiny_and_zero_weights_have_norms),
        cmocka_unit_test(norms_of_random_convolutions_are_those_of_their_dense_matrices),
        cmocka_unit_test(weights_that_are_no_numbers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

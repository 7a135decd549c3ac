/* The sparse matrix of a convolution: where each weight stands, and how much it can stretch its input. */
#include <math.h>
#include <stdio.h>

#include <twill/matrix.h>
#include <twill/operator.h>

static int fail(void) {
    fprintf(stderr, "%s\n", tw_message());
    return 1;
}

int main(void) {
    tw_geometry g = tw_geometry_defaults(2);
    g.in_channels = g.out_channels = 1;
    g.input[0] = g.input[1] = 3;
    g.kernel[0] = g.kernel[1] = 2;

    tw_matrix *m;
    if (tw_matrix_create(&m, &g) != TW_OK) return fail();
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++) {
            char name[32];
            tw_matrix_parameter_name(&g, m->parameter[n], name, sizeof name);
            printf("W[%lld,%lld] = %s\n", (long long)i + 1, (long long)m->column[n] + 1, name);
        }

    const double w[4] = {1, 2, 3, 4};
    tw_norms norms;
    tw_status status = tw_matrix_norms(m, w, &norms);
    bool right = m->nonzeros == 16 && m->rows * m->columns == 36; /* 36: a full connection */
    tw_matrix_free(m);
    if (status != TW_OK) return fail();
    printf("|W x| <= %.6f |x|\n", norms.spectral);

    /* worked by hand: every row of W holds 1 2 3 4; the middle pixel's column holds them too */
    right = right && norms.infinity == 10 && norms.one == 10 && fabs(norms.frobenius - sqrt(120)) < 1e-12;
    return right ? 0 : 1;
}

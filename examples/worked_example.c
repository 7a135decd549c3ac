/* The worked example: a 3x3 image and a 2x2 kernel, forward, both gradients, and as the 4x9 matrix that they
 * are. Every number comes from the plan, and is compared with what the matrix gives. */
#include <stdio.h>
#include <string.h>

#include <twill/conv.h>
#include <twill/matrix.h>

enum { SIDE = 3, KERNEL = 2, OUT = 2 };

static void print(const char *title, const double *numbers, int side) {
    printf("%s\n", title);
    for (int i = 0; i < side * side; i++) printf("%5g%s", numbers[i], (i + 1) % side ? "" : "\n");
    printf("\n");
}

/* W with its symbols: row i is output i, column j input j; a dot is a zero. */
static void print_matrix(const tw_matrix *matrix, const tw_geometry *geometry) {
    printf("h = W x, with W %lldx%lld\n", (long long)matrix->rows, (long long)matrix->columns);
    for (int64_t i = 0; i < matrix->rows; i++) {
        int64_t at = matrix->row_begin[i];
        for (int64_t j = 0; j < matrix->columns; j++) {
            char name[16] = ".";
            if (at < matrix->row_begin[i + 1] && matrix->column[at] == j)
                tw_matrix_parameter_name(geometry, matrix->parameter[at++], name, sizeof name);
            printf("%5s", name);
        }
        printf("\n");
    }
    printf("\n%lld parameters where a full connection has %lld\n", (long long)matrix->parameters,
           (long long)(matrix->rows * matrix->columns));
}

static tw_status work(const tw_conv *plan, const tw_matrix *matrix, const tw_geometry *geometry) {
    const double x[SIDE * SIDE] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[KERNEL * KERNEL] = {1, 2, 3, 4};
    const double dh[OUT * OUT] = {1, 0, 0, 2};
    double h[OUT * OUT], dx[SIDE * SIDE], dw[KERNEL * KERNEL], by_w[SIDE * SIDE];
    tw_status status = tw_conv_forward(plan, x, w, NULL, h);
    if (status == TW_OK) status = tw_conv_backward_data(plan, dh, w, dx);
    if (status == TW_OK) status = tw_conv_backward_weights(plan, x, dh, dw, NULL);
    if (status != TW_OK) return status;
    print("image x", x, SIDE);
    print("kernel w", w, KERNEL);
    print("output h", h, OUT);
    print("dL/dh, as a loss might say", dh, OUT);
    print("dL/dw = sum over h of dL/dh dh/dw", dw, KERNEL);
    print("dL/dx = W' dL/dh", dx, SIDE);
    print_matrix(matrix, geometry);

    bool same = tw_matrix_apply(matrix, TW_F64, 1, w, x, by_w) == TW_OK && !memcmp(by_w, h, sizeof h);
    same = same && tw_matrix_apply_transposed(matrix, TW_F64, 1, w, dh, by_w) == TW_OK;
    same = same && !memcmp(by_w, dx, sizeof dx);
    same = same && tw_matrix_gradient(matrix, TW_F64, 1, x, dh, by_w) == TW_OK;
    same = same && !memcmp(by_w, dw, sizeof dw);
    printf("plan and matrix %s\n", same ? "agree on every bit" : "DIFFER");
    return same ? TW_OK : TW_ERROR_NUMERIC;
}

int main(void) {
    tw_geometry geometry = tw_geometry_defaults(2);
    geometry.in_channels = geometry.out_channels = 1;
    geometry.input[0] = geometry.input[1] = SIDE;
    geometry.kernel[0] = geometry.kernel[1] = KERNEL;
    tw_conv_options options = tw_conv_options_defaults();
    options.type = TW_F64;

    tw_conv *plan = NULL;
    tw_matrix *matrix = NULL;
    tw_status status = tw_conv_create(&plan, &geometry, &options);
    if (status == TW_OK) status = tw_matrix_create(&matrix, &geometry);
    if (status == TW_OK) status = work(plan, matrix, &geometry);
    if (status != TW_OK) fprintf(stderr, "%s\n", tw_message());
    tw_matrix_free(matrix);
    tw_conv_free(plan);
    return status != TW_OK;
}

/* A convolution forward and backward: the 3x3 image and the 2x2 kernel of the lesson. */
#include <stdio.h>

#include <twill/conv.h>

static void print(const char *name, const float *numbers, int rows, int columns) {
    printf("%s\n", name);
    for (int i = 0; i < rows * columns; i++) printf("%6g%s", numbers[i], (i + 1) % columns ? "" : "\n");
}

int main(void) {
    tw_geometry geometry = tw_geometry_defaults(2);
    geometry.in_channels = geometry.out_channels = 1;
    geometry.input[0] = geometry.input[1] = 3;
    geometry.kernel[0] = geometry.kernel[1] = 2;

    tw_conv *plan;
    if (tw_conv_create(&plan, &geometry, NULL) != TW_OK) {
        fprintf(stderr, "%s\n", tw_message());
        return 1;
    }
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[4] = {1, 2, 3, 4};
    const float dy[4] = {1, 0, 0, 2}; /* dL/dy: what the loss would say */
    float y[4], dx[9], dw[4], db[1];
    tw_status status = tw_conv_forward(plan, x, w, NULL, y);
    if (status == TW_OK) status = tw_conv_backward_data(plan, dy, w, dx);
    if (status == TW_OK) status = tw_conv_backward_weights(plan, x, dy, dw, db);
    tw_conv_free(plan);
    if (status != TW_OK) {
        fprintf(stderr, "%s\n", tw_message());
        return 1;
    }
    print("y = W x", y, 2, 2);
    print("dL/dx = W^T dL/dy", dx, 3, 3);
    print("dL/dw", dw, 2, 2);
    print("dL/db", db, 1, 1);

    /* worked by hand: y11 = 1*1 + 2*2 + 3*4 + 4*5 = 37, dL/dw11 = 1*1 + 2*5 = 11, ... */
    const float expected_y[4] = {37, 47, 67, 77}, expected_dw[4] = {11, 14, 20, 23};
    const float expected_dx[9] = {1, 2, 0, 3, 6, 4, 0, 6, 8};
    for (int i = 0; i < 4; i++)
        if (y[i] != expected_y[i] || dw[i] != expected_dw[i]) return 1;
    for (int i = 0; i < 9; i++)
        if (dx[i] != expected_dx[i]) return 1;
    return db[0] != 3;
}

/* A geometry as text: whatever is accepted is written back to the same text, and validates. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <twill/check.h>
#include <twill/matrix.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char text[512], written[512], again[512];
    if (size >= sizeof text) return 0;
    memcpy(text, bytes, size);
    text[size] = 0;
    tw_geometry geometry;
    if (tw_geometry_read(&geometry, text) != TW_OK) return 0;
    tw_geometry_write(&geometry, written, sizeof written);
    if (tw_geometry_read(&geometry, written) != TW_OK) abort();
    tw_geometry_write(&geometry, again, sizeof again);
    if (strcmp(written, again) != 0) abort();

    /* the walk goes through outputs times weights, and rows and columns take memory, however few the taps */
    enum { MOST = 2500 };
    geometry.batch = 1; /* the matrix is that of one image */
    tw_geometry_sizes sizes;
    tw_matrix *matrix = NULL;
    bool small = tw_geometry_count(&geometry, &sizes) == TW_OK && sizes.x < MOST && sizes.y < MOST &&
                 sizes.w < MOST && sizes.taps < MOST;
    if (small && tw_matrix_create(&matrix, &geometry) == TW_OK && matrix->nonzeros != sizes.taps) abort();
    tw_matrix_free(matrix);
    return 0;
}

/* Numbers as people write them, "1 2 3; 4 5 6": as many as are promised come back, and all of them are
 * numbers. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <twill/explain.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char text[4096];
    if (size >= sizeof text) return 0;
    memcpy(text, bytes, size);
    text[size] = 0;
    double *values;
    int64_t rows, columns;
    if (tw_explain_read(text, &values, &rows, &columns) != TW_OK) return values ? abort(), 0 : 0;
    for (int64_t i = 0; i < rows * columns; i++)
        if (!isfinite(values[i])) abort();
    tw_explain_free(values);
    return 0;
}

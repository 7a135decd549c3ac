/* IDX files, plain and gzipped, from bytes: what is accepted holds as many numbers as its sizes say. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    unsigned char *copy = tw_alloc((int64_t)size, 1); /* the reader takes it over */
    if (!copy) return 0;
    if (size) memcpy(copy, bytes, size);
    tw_idx *idx;
    if (tw_idx_parse(&idx, "fuzz", copy, (int64_t)size) != TW_OK) return idx ? abort(), 0 : 0;
    int64_t count = 1;
    for (int i = 0; i < idx->rank; i++) count *= idx->size[i];
    if (count != idx->count) abort();
    volatile double sum = 0; /* every number is there to be read */
    for (int64_t i = 0; i < idx->count; i++) sum = sum + tw_idx_number(idx, i);
    tw_idx_free(idx);
    return 0;
}

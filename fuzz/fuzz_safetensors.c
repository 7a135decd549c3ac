/* safetensors from bytes: what is accepted can be read to its last number, and found by its name. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/safetensors.h"

static void read_all(const tw_safetensor *tensor) {
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
    if (count != tensor->count) abort();
    float *numbers = tw_alloc(count, sizeof *numbers);
    if (numbers) tw_safetensor_copy(tensor, numbers);
    tw_free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    unsigned char *copy = tw_alloc((int64_t)size, 1); /* the reader takes it over */
    if (!copy) return 0;
    if (size) memcpy(copy, bytes, size);
    tw_safetensors *content;
    if (tw_safetensors_parse(&content, "fuzz", copy, (int64_t)size) != TW_OK) return content ? abort(), 0 : 0;
    for (int64_t i = 0; i < content->tensor_count; i++) {
        read_all(&content->tensors[i]);
        if (tw_safetensors_find(content, content->tensors[i].name) != &content->tensors[i]) abort();
    }
    for (int64_t i = 0; i < content->text_count; i++)
        if (!tw_safetensors_text_of(content, content->texts[i].key)) abort();
    tw_safetensors_free(content);
    return 0;
}

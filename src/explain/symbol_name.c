/* The names of elements for callers who draw a convolution themselves. */
#include <twill/explain.h>

#include "base/fail.h"
#include "explain/symbols.h"

static tw_status name_tensor(const tw_geometry *g, char tensor, tw_naming *naming) {
    int64_t output[TW_MAX_SPATIAL];
    tw_status status = tw_geometry_output(g, output);
    if (status) return status;
    switch (tensor) {
    case 'x': *naming = tw_naming_image(g); return TW_OK;
    case 'w': *naming = tw_naming_weights(g); return TW_OK;
    case 'b': *naming = tw_naming_bias(g); return TW_OK;
    case 'h': *naming = tw_naming_output(g, output); return TW_OK;
    default: return tw_fail(TW_ERROR_ARGUMENT, "tensor is %d; expected 'x', 'w', 'b' or 'h'", tensor);
    }
}

tw_status tw_explain_symbol(const tw_geometry *g, char tensor, int64_t element, char *name, size_t size) {
    if (!g || !name || !size)
        return tw_fail(TW_ERROR_ARGUMENT, "%s",
                       !g      ? "geometry is NULL"
                       : !name ? "name is NULL"
                               : "size is 0");
    *name = 0;
    tw_naming naming;
    tw_status status = name_tensor(g, tensor, &naming);
    if (status) return status;
    int64_t count = 1;
    for (int a = 0; a < naming.rank; a++) count *= naming.shape[a]; /* validated: fits */
    if (element < 0 || element >= count)
        return tw_fail(TW_ERROR_ARGUMENT, "element is %lld; %c has %lld", (long long)element, tensor,
                       (long long)count);
    tw_symbol symbol = tw_symbol_of(&naming, element);
    tw_symbol_write(&symbol, name, size);
    return TW_OK;
}

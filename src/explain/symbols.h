/* The names of numbers: which indices a tensor's elements carry. */
#ifndef TW_EXPLAIN_SYMBOLS_H
#define TW_EXPLAIN_SYMBOLS_H

#include "explain/document.h"

/* How the elements of one tensor are numbered: an index for each dimension that can vary, in the order in
 * which the tensor lies in memory with channels first (whatever its layout is). */
typedef struct tw_naming {
    char letter;
    bool gradient, brackets, channels_last;
    int64_t channels; /* of x, y: the dimension that NHWC puts last */
    int rank;         /* all dimensions, also those of size 1 */
    int64_t shape[TW_SYMBOL_RANK];
} tw_naming;

/* The four tensors of a geometry (x, h, w, b) and their gradients. */
tw_naming tw_naming_image(const tw_geometry *geometry);
tw_naming tw_naming_output(const tw_geometry *geometry, const int64_t output[TW_MAX_SPATIAL]);
tw_naming tw_naming_weights(const tw_geometry *geometry);
tw_naming tw_naming_bias(const tw_geometry *geometry);
tw_naming tw_naming_gradient(tw_naming naming);

tw_symbol tw_symbol_of(const tw_naming *naming, int64_t element);

/* The symbol as people write it, "w[2,1,1,2]" or "dL/dh11", to text[size]; returns its length. */
int tw_symbol_write(const tw_symbol *symbol, char *text, size_t size);

#endif

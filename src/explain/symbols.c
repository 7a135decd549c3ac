/* One rule for all tensors, the one of tw_matrix_parameter_name: indices count from 1, those that cannot vary
 * are left out, and digits stand together (w12) as long as that can be read: without channels, and below 10.
 */
#include "explain/symbols.h"

#include <stdio.h>

static tw_naming finish(tw_naming n, int channel_dimensions) {
    for (int a = 0; a < n.rank; a++)
        if (n.shape[a] > 1 && (a < channel_dimensions || n.shape[a] > 9)) n.brackets = true;
    return n;
}

static tw_naming of_tensor(const tw_geometry *g, char letter, int64_t channels, const int64_t *size) {
    tw_naming n = {.letter = letter, .channels_last = g->layout == TW_NHWC, .channels = channels};
    n.shape[n.rank++] = channels;
    for (int a = 0; a < g->spatial; a++) n.shape[n.rank++] = size[a];
    return finish(n, 1);
}

tw_naming tw_naming_image(const tw_geometry *g) {
    return of_tensor(g, 'x', g->in_channels, g->input);
}

tw_naming tw_naming_output(const tw_geometry *g, const int64_t output[TW_MAX_SPATIAL]) {
    return of_tensor(g, 'h', g->out_channels, output);
}

tw_naming tw_naming_weights(const tw_geometry *g) {
    tw_naming n = {.letter = 'w', .rank = 2 + g->spatial};
    n.shape[0] = g->transposed ? g->in_channels : g->out_channels;
    n.shape[1] = (g->transposed ? g->out_channels : g->in_channels) / g->groups;
    for (int a = 0; a < g->spatial; a++) n.shape[2 + a] = g->kernel[a];
    return finish(n, 2);
}

tw_naming tw_naming_bias(const tw_geometry *g) {
    return (tw_naming){.letter = 'b', .rank = 1, .shape = {g->out_channels}, .brackets = g->out_channels > 9};
}

tw_naming tw_naming_gradient(tw_naming naming) {
    naming.gradient = true;
    return naming;
}

tw_symbol tw_symbol_of(const tw_naming *n, int64_t element) {
    tw_symbol s = {.letter = n->letter, .gradient = n->gradient, .brackets = n->brackets, .element = element};
    int64_t index[TW_SYMBOL_RANK], left = element;
    if (n->channels_last) {
        index[0] = left % n->channels;
        left /= n->channels;
    }
    for (int a = n->rank - 1; a >= (n->channels_last ? 1 : 0); a--) {
        index[a] = left % n->shape[a];
        left /= n->shape[a];
    }
    for (int a = 0; a < n->rank; a++)
        if (n->shape[a] > 1) s.index[s.rank++] = index[a] + 1;
    return s;
}

int tw_symbol_write(const tw_symbol *s, char *text, size_t size) {
    int length = snprintf(text, size, "%s%c%s", s->gradient ? "dL/d" : "", s->letter,
                          s->brackets && s->rank ? "[" : "");
    for (int a = 0; a < s->rank && length < (int)size; a++)
        length += snprintf(text + length, size - (size_t)length, "%s%lld", a && s->brackets ? "," : "",
                           (long long)s->index[a]);
    if (s->brackets && s->rank && length < (int)size)
        length += snprintf(text + length, size - (size_t)length, "]");
    return length;
}

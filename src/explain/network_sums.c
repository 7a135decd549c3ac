/* The layers with weights, one by one, each with its own numbers: the sum that makes one output, and the two
 * sums that its gradient goes into. The terms are those of the walk of the taps; what they add up to is
 * compared with what the network has. */
#include "explain/network_flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "explain/passages.h"
#include "explain/problem.h"

enum { MOST_LAYERS = 12, BRIEF = 9, KEPT = 4, SUMS = 3 };

static int64_t largest(const double *values, int64_t count) {
    int64_t at = 0;
    for (int64_t i = 1; i < count; i++)
        if (fabs(values[i]) > fabs(values[at])) at = i;
    return at;
}

/* Where a tensor of a node lies in the flat array of weights; -1: it has none. */
static int64_t offset_of(const tw_net *net, int node, const char *role) {
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(net, &count);
    char begin[16];
    int length = snprintf(begin, sizeof begin, "%d.", node);
    for (size_t i = 0; i < count; i++) {
        const char *name = parameters[i].name, *dot = strrchr(name, '.');
        if (strncmp(name, begin, (size_t)length) == 0 && strcmp(dot + 1, role) == 0)
            return parameters[i].offset;
    }
    return -1;
}

static int readers_of(const tw_flow *f, int node) {
    int readers = 0;
    for (int i = 1; i < f->count; i++)
        readers += (f->nodes[i].inputs[0] == node) + (f->nodes[i].inputs[1] == node);
    return readers;
}

/* The layer as a convolution whose numbers are all there. */
static tw_status view(tw_problem *p, const tw_flow *f, int node) {
    const tw_net_node *n = &f->nodes[node];
    int before = n->inputs[0];
    int64_t w = offset_of(f->net, node, "weight"), b = offset_of(f->net, node, "bias");
    bool slopes = f->given->label >= 0;
    tw_problem numbers = {.x = tw_flow_values(f, before),
                          .w = w < 0 ? NULL : f->weights + w,
                          .b = b < 0 ? NULL : f->weights + b,
                          .y = tw_flow_values(f, node),
                          .dy = tw_flow_gradient(f, node)};
    if (slopes && w >= 0) numbers.dw = f->gradient + w;
    if (slopes && readers_of(f, before) == 1) numbers.dx = tw_flow_gradient(f, before);
    return tw_problem_view(p, n->geometry, &numbers);
}

/* A long sum keeps its first terms and its last one. */
static tw_equation brief(tw_equation sum) {
    if (sum.count <= BRIEF) return sum;
    sum.terms[KEPT] = sum.terms[sum.count - 1];
    sum.count = KEPT + 1;
    sum.gap = KEPT;
    return sum;
}

/* The sum of the largest element of one tensor, when there is one. */
static tw_status put_sum(tw_document *d, const tw_problem *p, tw_tap_end end, const double *by, int64_t count,
                         tw_equation *sums, int *used) {
    if (!by) return TW_OK;
    int64_t element = largest(by, count);
    tw_status status = tw_problem_compare(p, end, element);
    if (!status) sums[(*used)++] = brief(tw_sum_of(d, p, end, element));
    return status;
}

static tw_status write_layer(tw_document *d, const tw_flow *f, int node) {
    const tw_net_node *n = &f->nodes[node];
    tw_problem p;
    tw_status status = view(&p, f, node);
    if (status || !p.x || !p.y || !p.w) return status;
    const double *by = p.dy ? p.dy : p.y;
    const char *text = tw_arena_text(&d->arena, n->text, strlen(n->text));
    tw_span name[] = {tw_span_number(node), tw_span_text(text ? text : "")};
    tw_span chosen[] = {tw_span_symbol(tw_problem_h(&p, largest(by, p.sizes.y)).symbol)};
    tw_document_heading(d, 3, TW_SAY_NETWORK_NUMBERED, name);
    tw_document_say(d, p.dy ? TW_SAY_NETWORK_ONE_GRADIENT : TW_SAY_NETWORK_ONE, chosen);
    tw_equation *sums = tw_arena_take(&d->arena, SUMS, sizeof *sums);
    if (!sums) return d->arena.status;
    int used = 0;
    status = put_sum(d, &p, TW_TAP_OUT, by, p.sizes.y, sums, &used);
    if (!status) status = put_sum(d, &p, TW_TAP_WEIGHT, p.dw, p.sizes.w, sums, &used);
    if (!status) status = put_sum(d, &p, TW_TAP_IN, p.dx, p.sizes.x, sums, &used);
    for (int i = 0; i < used; i++) tw_document_equations(d, sums + i, 1, 1);
    return status;
}

tw_status tw_flow_write_sums(tw_document *d, const tw_flow *f) {
    int written = 0;
    for (int i = 1; i < f->count; i++) {
        if (!f->nodes[i].geometry) continue;
        if (written++ == MOST_LAYERS) {
            tw_span args[] = {tw_span_number(MOST_LAYERS)};
            tw_document_note(d, TW_SAY_NETWORK_MORE_LAYERS, args);
            break;
        }
        tw_status status = write_layer(d, f, i);
        if (status) return status;
    }
    return d->arena.status;
}

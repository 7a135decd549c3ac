/* A whole network: what each layer makes, costs and computes, by the network itself (net.h); and, for an
 * image, the numbers that flow through it (network_flow.h). */
#include "explain/network_facts.h"
#include "explain/network_flow.h"
#include "explain/sections.h"

#include <string.h>

#include "base/fail.h"

/* What each kind of layer computes, in the notation of notation.h. */
static const struct {
    const char *kind, *forward, *backward;
} formulas[] = {
    {"conv", "h = W x + b", "dL/dx = W^T dL/dh, dL/dw_p = Σ_ij dL/dh_i x_j, dL/db = Σ_i dL/dh_i"},
    {"deconv", "h = W^T x + b", "dL/dx = W dL/dh, dL/dw_p = Σ_ij dL/dh_j x_i, dL/db = Σ_i dL/dh_i"},
    {"dense", "h = W x + b", "dL/dx = W^T dL/dh, dL/dw_ij = dL/dh_i x_j, dL/db = dL/dh"},
    {"maxpool", "h_i = max x_j", "dL/dx = S^T dL/dh, S selects the largest"},
    {"avgpool", "h_i = (Σ_j x_j) / n", "dL/dx_j = Σ_i dL/dh_i / n"},
    {"globalavgpool", "h = (Σ_j x_j) / n", "dL/dx_j = dL/dh / n"},
    {"relu", "h = max(0, x)", "dL/dx = dL/dh (x > 0)"},
    {"relu6", "h = min(max(0, x), 6)", "dL/dx = dL/dh (0 < x < 6)"},
    {"leakyrelu", "h = max(a x, x)", "dL/dx = dL/dh (x > 0 ? 1 : a)"},
    {"sigmoid", "h = 1 / (1 + exp(-x))", "dL/dx = dL/dh h (1 - h)"},
    {"tanh", "h = tanh(x)", "dL/dx = dL/dh (1 - h^2)"},
    {"softmax", "h_i = exp(x_i) / Σ_j exp(x_j)", "dL/dx_i = h_i (dL/dh_i - Σ_j h_j dL/dh_j)"},
    {"batchnorm", "h = c (x - m) / s + b",
     "dL/dx = (c / s) (dL/dh - mean(dL/dh) - z mean(z dL/dh)), z = (x - m) / s"},
    {"dropout", "h = x", "dL/dx = dL/dh"},
    {"flatten", "h = x", "dL/dx = dL/dh"},
    {"add", "h = x + z", "dL/dx = dL/dh, dL/dz = dL/dh"},
};
enum { FORMULAS = sizeof formulas / sizeof *formulas };

static tw_phrase number_phrase(tw_document *d, double number) {
    return tw_phrase_of(d, tw_span_number(number));
}

/* A copy: the document outlives the network. */
static tw_phrase text_phrase(tw_document *d, const char *text) {
    const char *copy = tw_arena_text(&d->arena, text, strlen(text));
    return copy ? tw_phrase_of(d, tw_span_text(copy)) : (tw_phrase){0};
}

static tw_phrase shape_phrase(tw_document *d, const tw_net_node *n) {
    int64_t sizes[1 + TW_MAX_SPATIAL] = {n->spatial ? n->channels : n->outputs};
    for (int a = 0; a < n->spatial; a++) sizes[1 + a] = n->size[a];
    return tw_phrase_of(d, tw_span_sizes(1 + n->spatial, sizes));
}

static void write_layers(tw_document *d, const tw_net *net) {
    static const tw_word head[] = {TW_SAY_NETWORK_LAYER, TW_SAY_NETWORK_SHAPE, TW_SAY_PARAMETERS,
                                   TW_SAY_NETWORK_FLOPS, TW_SAY_NETWORK_BYTES};
    enum { COLUMNS = sizeof head / sizeof *head };
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    tw_table *t = tw_document_table(d, (int)count + 1, COLUMNS, head);
    double sums[3] = {0};
    for (size_t i = 0; t && i <= count; i++) {
        bool last = i == count;
        const tw_net_node *n = last ? NULL : &nodes[i];
        double values[3] = {sums[0], sums[1], sums[2]};
        if (!last) {
            values[0] = (double)n->parameters;
            values[1] = (double)n->flops;
            values[2] = 4.0 * (double)n->outputs;
        }
        tw_phrase *cells = t->cells + (int64_t)i * COLUMNS;
        cells[0] = last ? tw_phrase_make(d, TW_SAY_NETWORK_TOTAL, NULL)
                        : text_phrase(d, n->text && *n->text ? n->text : n->name);
        if (!last) cells[1] = shape_phrase(d, n);
        for (int c = 0; c < 3; c++) {
            cells[2 + c] = number_phrase(d, values[c]);
            t->is_number[2 + c] = true;
            sums[c] += last ? 0 : values[c];
        }
    }
}

static void write_formulas(tw_document *d, const tw_net *net) {
    static const tw_word head[] = {TW_SAY_NETWORK_KIND, TW_SAY_NETWORK_FORWARD, TW_SAY_NETWORK_BACKWARD};
    enum { COLUMNS = sizeof head / sizeof *head };
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    tw_document_heading(d, 3, TW_SAY_NETWORK_FORMULAS, NULL);
    tw_table *t = tw_document_table(d, FORMULAS, COLUMNS, head);
    if (!t) return;
    t->rows = 0;
    for (int f = 0; f < FORMULAS; f++) {
        bool used = false;
        for (size_t i = 1; i < count; i++) used = used || strcmp(nodes[i].kind, formulas[f].kind) == 0;
        if (!used) continue;
        tw_phrase *cells = t->cells + (int64_t)t->rows++ * COLUMNS;
        cells[0] = text_phrase(d, formulas[f].kind);
        tw_span forward = tw_span_text(formulas[f].forward), backward = tw_span_text(formulas[f].backward);
        forward.kind = backward.kind = TW_SPAN_MATH;
        cells[1] = tw_phrase_of(d, forward);
        cells[2] = tw_phrase_of(d, backward);
    }
}

static tw_net_input input_of(const tw_explain_net *n) {
    if (n->input.channels) return n->input;
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].name, n->text) == 0) return names[i].input;
    return (tw_net_input){.spatial = 2, .channels = 1, .size = {28, 28}};
}

static tw_status write_flow(tw_document *d, const tw_net *net, const tw_explain_net *n) {
    tw_flow flow;
    tw_status status = tw_flow_create(&flow, net, n);
    if (status) return status;
    status = tw_flow_write(d, &flow);
    tw_flow_release(&flow);
    return status;
}

static tw_status write_network(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)p;
    const tw_explain_net *n = &request->net;
    if (!n->text)
        return tw_fail(TW_ERROR_ARGUMENT, "net.text is NULL; the section \"network\" needs a network");
    tw_net *net;
    tw_status status = tw_net_create(&net, n->text, input_of(n));
    if (status) return status;
    tw_net_input image = tw_net_image(net);
    int64_t sizes[1 + TW_MAX_SPATIAL] = {image.channels};
    for (int a = 0; a < image.spatial; a++) sizes[1 + a] = image.size[a];
    tw_span args[] = {tw_span_sizes(1 + image.spatial, sizes), tw_span_number((double)tw_net_outputs(net)),
                      tw_span_number((double)tw_net_trained(net))};
    tw_document_heading(d, 2, TW_SAY_NETWORK, NULL);
    tw_document_say(d, TW_SAY_NETWORK_TEXT, args);
    write_layers(d, net);
    write_formulas(d, net);
    tw_network_write_facts(d, net);
    if (n->image) status = write_flow(d, net, n);
    tw_net_free(net);
    return status ? status : d->arena.status;
}

const tw_section tw_section_network = {
    .face = {"network", "a whole network: shapes, costs, formulas, and the numbers that flow", false,
             "network"},
    .write = write_network,
};

/* Running a network for its explanation, and what is told of it as a whole: a figure, and tables of each
 * layer's and each tensor's numbers. */
#include "explain/network_flow.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "explain/figures.h"

enum { MOST_ROWS = 80, MOST_OUTPUTS = 20 };

static bool reserve(tw_flow *f) {
    f->weights = tw_alloc_zero(tw_max(1, tw_net_weights(f->net)), sizeof(double));
    f->gradient = tw_alloc_zero(tw_max(1, tw_net_weights(f->net)), sizeof(double));
    f->x = tw_alloc_zero(tw_net_inputs(f->net), sizeof(double));
    f->dx = tw_alloc_zero(tw_net_inputs(f->net), sizeof(double));
    f->outputs = tw_alloc_zero(tw_net_outputs(f->net), sizeof(double));
    return f->weights && f->gradient && f->x && f->dx && f->outputs;
}

static tw_status check(const tw_net *net, const tw_explain_net *n) {
    if (n->image_count != tw_net_inputs(net))
        return tw_fail(TW_ERROR_ARGUMENT, "the image has %lld numbers; the network takes %lld",
                       (long long)n->image_count, (long long)tw_net_inputs(net));
    if (n->weights && n->weights_count != tw_net_weights(net))
        return tw_fail(TW_ERROR_ARGUMENT, "%lld weights; the network has %lld", (long long)n->weights_count,
                       (long long)tw_net_weights(net));
    if (n->label < -1 || n->label >= tw_net_outputs(net))
        return tw_fail(TW_ERROR_ARGUMENT, "label is %d; expected 0 to %lld", n->label,
                       (long long)tw_net_outputs(net) - 1);
    return TW_OK;
}

/* Once forward and, with the label, backward. */
static tw_status run(tw_flow *f) {
    const tw_explain_net *n = f->given;
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = 1;
    options.threads = 1;
    options.trains = true;
    options.keeps = true;
    options.accuracy = TW_STRICT;
    tw_status status = n->weights ? TW_OK : tw_net_initialise(f->net, 1, TW_F64, f->weights);
    for (int64_t i = 0; n->weights && i < n->weights_count; i++) f->weights[i] = n->weights[i];
    for (int64_t i = 0; i < n->image_count; i++) f->x[i] = n->image[i];
    if (!status) status = tw_runner_create(&f->runner, f->net, &options);
    int32_t label = n->label < 0 ? 0 : n->label;
    tw_step step = {.weights = f->weights,
                    .x = f->x,
                    .labels = &label,
                    .count = 1,
                    .keeps_state = true,
                    .gradient = n->label < 0 ? NULL : f->gradient,
                    .dx = n->label < 0 ? NULL : f->dx,
                    .outputs = f->outputs};
    if (!status) status = tw_runner_step(f->runner, &step);
    f->loss = step.loss;
    return status;
}

tw_status tw_flow_create(tw_flow *f, const tw_net *net, const tw_explain_net *given) {
    size_t count;
    *f = (tw_flow){.net = net, .given = given, .nodes = tw_net_nodes(net, &count)};
    f->count = (int)count;
    tw_status status = check(net, given);
    if (!status) status = reserve(f) ? run(f) : TW_ERROR_MEMORY;
    if (status) tw_flow_release(f);
    return status;
}

void tw_flow_release(tw_flow *f) {
    tw_runner_free(f->runner);
    tw_free(f->weights);
    tw_free(f->gradient);
    tw_free(f->x);
    tw_free(f->dx);
    tw_free(f->outputs);
    *f = (tw_flow){.net = NULL};
}

const double *tw_flow_values(const tw_flow *f, int node) {
    return node ? tw_runner_value(f->runner, node) : f->x;
}

const double *tw_flow_gradient(const tw_flow *f, int node) {
    if (f->given->label < 0) return NULL;
    return node ? tw_runner_gradient(f->runner, node) : f->dx;
}

/* ---- Tables ---- */

static tw_phrase number_phrase(tw_document *d, double number) {
    return tw_phrase_of(d, tw_span_number(number));
}

/* A copy: the document outlives the network. */
static tw_phrase text_phrase(tw_document *d, const char *text) {
    const char *copy = tw_arena_text(&d->arena, text, strlen(text));
    return copy ? tw_phrase_of(d, tw_span_text(copy)) : (tw_phrase){0};
}

static double norm_of(const double *values, int64_t count) {
    double square = 0;
    for (int64_t i = 0; i < count; i++) square += values[i] * values[i];
    return sqrt(square);
}

/* A row: least, mean and most of a layer's values, the norm of its gradient. */
static void put_layer(tw_document *d, tw_phrase *cells, const tw_flow *f, int node) {
    const tw_net_node *n = &f->nodes[node];
    const double *values = tw_flow_values(f, node), *gradient = tw_flow_gradient(f, node);
    double least = INFINITY, most = -INFINITY, sum = 0;
    for (int64_t i = 0; values && i < n->outputs; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
        sum += values[i];
    }
    cells[0] = text_phrase(d, n->text && *n->text ? n->text : n->name);
    if (values) {
        cells[1] = number_phrase(d, least);
        cells[2] = number_phrase(d, sum / (double)n->outputs);
        cells[3] = number_phrase(d, most);
    }
    if (gradient) cells[4] = number_phrase(d, norm_of(gradient, n->outputs));
}

static void write_layers(tw_document *d, const tw_flow *f) {
    static const tw_word head[] = {TW_SAY_NETWORK_LAYER, TW_SAY_NETWORK_LEAST, TW_SAY_NETWORK_MEAN,
                                   TW_SAY_NETWORK_MOST, TW_SAY_NETWORK_NORM};
    int columns = f->given->label < 0 ? 4 : 5;
    tw_table *t = tw_document_table(d, f->count, columns, head);
    for (int i = 0; t && i < f->count; i++) {
        tw_phrase cells[5] = {{0}};
        put_layer(d, cells, f, i);
        memcpy(t->cells + (int64_t)i * columns, cells, (size_t)columns * sizeof *cells);
    }
    for (int c = 1; t && c < columns; c++) t->is_number[c] = true;
}

static void write_parameters(tw_document *d, const tw_flow *f) {
    static const tw_word head[] = {TW_SAY_NETWORK_TENSOR, TW_SAY_COUNT_OF, TW_SAY_NETWORK_NORM_W,
                                   TW_SAY_NETWORK_NORM_DW};
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(f->net, &count);
    int rows = (int)tw_min((int64_t)count, MOST_ROWS), columns = f->given->label < 0 ? 3 : 4;
    tw_table *t = rows ? tw_document_table(d, rows, columns, head) : NULL;
    for (int i = 0; t && i < rows; i++) {
        const tw_net_parameter *p = &parameters[i];
        tw_phrase *cells = t->cells + (int64_t)i * columns;
        cells[0] = text_phrase(d, p->name);
        cells[1] = number_phrase(d, (double)p->count);
        cells[2] = number_phrase(d, norm_of(f->weights + p->offset, p->count));
        if (columns == 4 && p->trained)
            cells[3] = number_phrase(d, norm_of(f->gradient + p->offset, p->count));
    }
    for (int c = 1; t && c < columns; c++) t->is_number[c] = true;
}

static void write_outputs(tw_document *d, const tw_flow *f) {
    static const tw_word head[] = {TW_SAY_NETWORK_CLASS, TW_SAY_POOL_OUTPUT};
    int64_t rows = tw_min(tw_net_outputs(f->net), MOST_OUTPUTS);
    tw_table *t = tw_document_table(d, (int)rows, 2, head);
    for (int64_t i = 0; t && i < rows; i++) {
        t->is_number[0] = t->is_number[1] = true;
        t->cells[2 * i] = number_phrase(d, (double)i);
        t->cells[2 * i + 1] = number_phrase(d, f->outputs[i]);
    }
}

tw_status tw_flow_write(tw_document *d, const tw_flow *f) {
    const tw_explain_net *n = f->given;
    tw_span label[] = {tw_span_number(n->label)}, loss[] = {tw_span_number(f->loss)};
    tw_document_heading(d, 3, TW_SAY_NETWORK_VALUES, NULL);
    tw_document_say(d, n->label < 0 ? TW_SAY_NETWORK_NO_LABEL : TW_SAY_NETWORK_VALUES_TEXT, label);
    tw_document_say(d, n->weights ? TW_SAY_NETWORK_WEIGHTS_GIVEN : TW_SAY_NETWORK_WEIGHTS, NULL);
    tw_document_figure(d, "network", tw_figure_network(d, f), tw_phrase_make(d, TW_SAY_FIGURE_NETWORK, NULL),
                       false);
    write_layers(d, f);
    write_outputs(d, f);
    if (n->label >= 0) tw_document_say(d, TW_SAY_NETWORK_LOSS, loss);
    write_parameters(d, f);
    tw_flow_write_facts(d, f);
    return tw_flow_write_sums(d, f);
}

#include "net/assemble.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

const char *const tw_scheme_words[4] = {NULL, "he", "xavier", "zhang2016"};
const char *const tw_loss_words[3] = {NULL, "crossentropy", "squared"};

static tw_status check_input(tw_net_input input, tw_extent *extent) {
    if (input.spatial < 1 || input.spatial > TW_MAX_SPATIAL)
        return tw_fail(TW_ERROR_ARGUMENT, "the input has %d dimensions; expected 1, 2 or 3", input.spatial);
    if (input.channels < 1)
        return tw_fail(TW_ERROR_ARGUMENT, "the input has %lld channels; expected at least 1",
                       (long long)input.channels);
    *extent = (tw_extent){.spatial = input.spatial, .channels = input.channels};
    for (int a = 0; a < input.spatial; a++) {
        extent->size[a] = input.size[a];
        if (input.size[a] < 1)
            return tw_fail(TW_ERROR_ARGUMENT, "the input's size[%d] is %lld; expected at least 1", a,
                           (long long)input.size[a]);
    }
    return tw_extent_count(extent);
}

static tw_status make_room(tw_net *net) {
    if (net->op_count < net->op_room) return TW_OK;
    int room = net->op_room ? 2 * net->op_room : 16;
    tw_op *ops = tw_regrow(net->ops, net->op_count, room, sizeof *ops);
    if (!ops) return TW_ERROR_MEMORY;
    net->ops = ops;
    net->op_room = room;
    return TW_OK;
}

tw_status tw_assemble_begin(tw_net **out, tw_net_input input) {
    *out = NULL;
    tw_extent extent;
    tw_status status = check_input(input, &extent);
    if (status) return status;
    tw_net *net = tw_alloc_zero(1, sizeof *net);
    if (!net) return TW_ERROR_MEMORY;
    net->input = input;
    net->loss = TW_LOSS_DEFAULT;
    if ((status = make_room(net))) {
        tw_net_free(net);
        return status;
    }
    net->ops[net->op_count++] = (tw_op){.inputs = {-1, -1}, .extent = extent, .last_reader = -1};
    *out = net;
    return TW_OK;
}

static void print_operator(tw_text *text, const tw_op *op) {
    tw_text_print(text, "%s", op->layer->name);
    tw_fields_print(text, op->layer->fields, &op->set, &op->layer->defaults);
}

/* Puts "operator 3 ('conv 6 5x5'): " before the message. */
static tw_status fail_at(const tw_op *op, int number, tw_status status) {
    tw_text text = {0};
    print_operator(&text, op);
    if (!text.failed) tw_fail_within(status, "operator %d ('%s'): ", number, text.bytes);
    tw_text_free(&text);
    return status;
}

tw_status tw_assemble_add(tw_net *net, const tw_addition *addition) {
    int number = net->op_count;
    if (number > TW_MOST_OPERATORS)
        return tw_fail(TW_ERROR_LIMIT, "more than %d operators", TW_MOST_OPERATORS);
    tw_status status = make_room(net);
    if (status) return status;
    tw_op op = {.layer = addition->layer,
                .set = addition->set,
                .inputs = {addition->inputs[0], addition->inputs[1]},
                .last_reader = -1};
    const tw_extent *second = op.inputs[1] >= 0 ? &net->ops[op.inputs[1]].extent : NULL;
    if ((status = op.layer->infer(&op, &net->ops[op.inputs[0]].extent, second)))
        return fail_at(&op, number, status);
    if (addition->label && !(op.label = tw_strndup(addition->label, addition->label_length)))
        return TW_ERROR_MEMORY;
    for (int i = 0; i < 2 && op.inputs[i] >= 0; i++) {
        net->ops[op.inputs[i]].readers++;
        net->ops[op.inputs[i]].last_reader = number;
    }
    net->ops[net->op_count++] = op;
    return TW_OK;
}

/* ---- Finishing ---- */

static tw_status check_readers(const tw_net *net) {
    if (net->op_count == 1)
        return tw_fail(TW_ERROR_FORMAT,
                       "a network without operators; expected at least one, like 'dense 10'");
    for (int i = 1; i < net->op_count - 1; i++)
        if (net->ops[i].readers == 0) {
            tw_fail(TW_ERROR_FORMAT, "nobody reads its output; expected a later operator to read it");
            return fail_at(&net->ops[i], i, TW_ERROR_FORMAT);
        }
    return TW_OK;
}

/* Offsets in the flat array: what is trained first, then the state. */
static tw_status lay_out(tw_net *net) {
    int64_t offset = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 1; i < net->op_count; i++)
            for (int t = 0; t < net->ops[i].tensor_count; t++) {
                tw_tensor *tensor = &net->ops[i].tensors[t];
                if (tensor->trained != (pass == 0)) continue;
                tensor->offset = offset;
                if (!tw_add(offset, tensor->count, &offset) || offset > (int64_t)1 << TW_MOST_WEIGHTS_LOG2)
                    return tw_fail(TW_ERROR_LIMIT, "operator %d: more than 2^%d parameters in the network", i,
                                   TW_MOST_WEIGHTS_LOG2);
                net->parameter_count++;
            }
        if (pass == 0) net->trained = offset;
    }
    net->weights = offset;
    return TW_OK;
}

static tw_status name_parameters(tw_net *net) {
    net->parameters = tw_alloc_zero((int64_t)net->parameter_count, sizeof *net->parameters);
    if (!net->parameters) return TW_ERROR_MEMORY;
    size_t at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 1; i < net->op_count; i++)
            for (int t = 0; t < net->ops[i].tensor_count; t++) {
                const tw_tensor *tensor = &net->ops[i].tensors[t];
                if (tensor->trained != (pass == 0)) continue;
                tw_text name = {0};
                tw_text_print(&name, "%d.%s.%s", i, net->ops[i].layer->name, tensor->role);
                tw_net_parameter *p = &net->parameters[at++];
                *p = (tw_net_parameter){.name = name.bytes,
                                        .offset = tensor->offset,
                                        .count = tensor->count,
                                        .rank = tensor->rank,
                                        .trained = tensor->trained,
                                        .decays = tensor->decays};
                memcpy(p->shape, tensor->shape, sizeof p->shape);
                if (name.failed) return TW_ERROR_MEMORY;
            }
    return TW_OK;
}

static tw_status show_nodes(tw_net *net) {
    net->nodes = tw_alloc_zero(net->op_count, sizeof *net->nodes);
    if (!net->nodes) return TW_ERROR_MEMORY;
    for (int i = 0; i < net->op_count; i++) {
        const tw_op *op = &net->ops[i];
        tw_net_node *node = &net->nodes[i];
        *node = (tw_net_node){.inputs = {op->inputs[0], op->inputs[1]},
                              .spatial = op->extent.spatial,
                              .channels = op->extent.channels,
                              .outputs = op->extent.count,
                              .flops = op->flops};
        memcpy(node->size, op->extent.size, sizeof node->size);
        node->kind = i == 0 ? "input" : op->layer->name;
        node->name = op->label ? op->label : node->kind;
        for (int t = 0; t < op->tensor_count; t++)
            if (op->tensors[t].trained) node->parameters += op->tensors[t].count;
        if (i && op->layer->plans) node->geometry = &op->shape.geometry;
        tw_text text = {0};
        if (i)
            print_operator(&text, op);
        else
            tw_text_print(&text, "input");
        node->text = text.bytes;
        if (text.failed) return TW_ERROR_MEMORY;
    }
    return TW_OK;
}

/* ---- The canonical text ---- */

/* The name by which another operator can refer to one. */
static void print_reference(tw_text *text, const tw_net *net, int op) {
    if (op == 0)
        tw_text_print(text, "input");
    else if (net->ops[op].label)
        tw_text_print(text, "%s", net->ops[op].label);
    else
        tw_text_print(text, "n%d", op);
}

/* Marks the operators that another than the next reads, or that are a second input. */
static void mark_referred(const tw_net *net, bool *referred) {
    for (int i = 1; i < net->op_count; i++) {
        const tw_op *op = &net->ops[i];
        if (op->inputs[0] != i - 1) referred[op->inputs[0]] = true;
        if (op->inputs[1] >= 0) referred[op->inputs[1]] = true;
    }
}

static tw_status print_net(tw_net *net) {
    bool *referred = tw_alloc_zero(net->op_count, sizeof *referred);
    if (!referred) return TW_ERROR_MEMORY;
    mark_referred(net, referred);
    tw_text text = {0};
    for (int i = 1; i < net->op_count; i++) {
        const tw_op *op = &net->ops[i];
        if (i > 1) tw_text_print(&text, "; ");
        if (referred[i] || op->label) {
            print_reference(&text, net, i);
            tw_text_print(&text, " = ");
        }
        tw_text_print(&text, "%s", op->layer->name);
        if (op->inputs[1] >= 0) {
            tw_text_print(&text, " ");
            print_reference(&text, net, op->inputs[1]);
        }
        tw_fields_print(&text, op->layer->fields, &op->set, &op->layer->defaults);
        if (op->inputs[0] != i - 1) {
            tw_text_print(&text, " from ");
            print_reference(&text, net, op->inputs[0]);
        }
    }
    if (net->loss) tw_text_print(&text, "; loss %s", tw_loss_words[net->loss]);
    if (net->scheme) tw_text_print(&text, "; init %s", tw_scheme_words[net->scheme]);
    tw_free(referred);
    net->text = text.bytes;
    return text.failed ? TW_ERROR_MEMORY : TW_OK;
}

tw_status tw_assemble_finish(tw_net *net) {
    tw_status status;
    if ((status = check_readers(net))) return status;
    if ((status = lay_out(net))) return status;
    if ((status = name_parameters(net))) return status;
    if ((status = show_nodes(net))) return status;
    return print_net(net);
}

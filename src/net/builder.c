/* The builder: operators one by one, from C. The first error sticks, with its message. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "net/assemble.h"

struct tw_builder {
    tw_net *net;
    tw_status status;
    char message[1024];
};

tw_status tw_builder_create(tw_builder **out, tw_net_input input) {
    if (!out) return tw_fail(TW_ERROR_ARGUMENT, "builder is NULL");
    *out = NULL;
    tw_builder *builder = tw_alloc_zero(1, sizeof *builder);
    if (!builder) return TW_ERROR_MEMORY;
    tw_status status = tw_assemble_begin(&builder->net, input);
    if (status) {
        tw_free(builder);
        return status;
    }
    *out = builder;
    return TW_OK;
}

static tw_status read_operator(const char *text, int number, int inputs, tw_addition *addition) {
    if (!text) return tw_fail(TW_ERROR_ARGUMENT, "operator_text is NULL");
    if (!memchr(text, 0, TW_MOST_TEXT + 1))
        return tw_fail(TW_ERROR_LIMIT, "an operator's text of more than %d bytes", TW_MOST_TEXT);
    tw_words words = tw_words_open(text);
    tw_words_operator(&words);
    words.number = number;
    tw_words_next(&words);
    addition->layer = tw_layer_find(words.word.at, words.word.length);
    if (!addition->layer)
        return tw_words_fail(&words, TW_ERROR_FORMAT, "expected an operator, like 'dense 10'");
    if (addition->layer->inputs != inputs)
        return tw_words_fail(&words, TW_ERROR_ARGUMENT, "takes %d inputs, %d were given",
                             addition->layer->inputs, inputs);
    addition->set = addition->layer->defaults;
    tw_words_next(&words);
    tw_status status = tw_fields_read(&words, addition->layer->name, addition->layer->fields, &addition->set);
    if (status) return status;
    if (words.word.length || tw_words_operator(&words)) {
        words.number = number;
        return tw_words_fail(&words, TW_ERROR_FORMAT, "expected the end of the operator");
    }
    return TW_OK;
}

static tw_status check_input(const tw_builder *builder, int input) {
    if (input >= 0 && input < builder->net->op_count) return TW_OK;
    return tw_fail(TW_ERROR_ARGUMENT, "operator %d: input %d; expected a node from 0 to %d",
                   builder->net->op_count, input, builder->net->op_count - 1);
}

static int add(tw_builder *builder, const char *text, int count, int first, int second) {
    if (!builder || builder->status) return -1;
    tw_addition addition = {.inputs = {first, second}};
    tw_status status = check_input(builder, first);
    if (!status && count == 2) status = check_input(builder, second);
    if (!status) status = read_operator(text, builder->net->op_count, count, &addition);
    if (!status) status = tw_assemble_add(builder->net, &addition);
    if (!status) return builder->net->op_count - 1;
    builder->status = status;
    snprintf(builder->message, sizeof builder->message, "%s", tw_message());
    return -1;
}

int tw_builder_add(tw_builder *builder, const char *operator_text, int input) {
    return add(builder, operator_text, 1, input, -1);
}

int tw_builder_add2(tw_builder *builder, const char *operator_text, int first, int second) {
    return add(builder, operator_text, 2, first, second);
}

tw_status tw_builder_finish(tw_builder *builder, tw_net **net) {
    if (net) *net = NULL;
    if (!builder || !net) {
        tw_builder_free(builder);
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", builder ? "net" : "builder");
    }
    tw_status status =
        builder->status ? tw_fail(builder->status, "%s", builder->message) : tw_assemble_finish(builder->net);
    if (!status) {
        *net = builder->net;
        builder->net = NULL;
    }
    tw_builder_free(builder);
    return status;
}

void tw_builder_free(tw_builder *builder) {
    if (!builder) return;
    tw_net_free(builder->net);
    tw_free(builder);
}

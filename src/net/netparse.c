/* The text form of a network, read strictly. Grammar (docs/networks.md):
 *
 *     network   = { statement (";" | newline) }
 *     statement = [label "="] operator [reference, of add] values options ["from" reference]
 *               | "loss" ("crossentropy" | "squared") | "init" ("he" | "xavier" | "zhang2016")
 *
 * An operator reads the one before it, or what "from" names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "net/assemble.h"
#include "net/labels.h"

typedef struct parser {
    tw_words words;
    tw_labels labels;
    tw_net *net;
    bool has_loss, has_scheme;
} parser;

static const char *const reserved[] = {"input", "from", "loss", "init", NULL};

static bool is_label(tw_word word) {
    if (word.length == 0 || word.length > TW_MOST_LABEL) return false;
    if (!isalpha((unsigned char)word.at[0]) && word.at[0] != '_') return false;
    for (size_t i = 1; i < word.length; i++)
        if (!isalnum((unsigned char)word.at[i]) && word.at[i] != '_') return false;
    return true;
}

static tw_status check_label(const parser *p) {
    tw_word word = p->words.word;
    if (!is_label(word))
        return tw_words_fail(&p->words, TW_ERROR_FORMAT,
                             "expected a label before '=': letters, digits and _, at most %d", TW_MOST_LABEL);
    bool taken = tw_layer_find(word.at, word.length) != NULL;
    for (const char *const *r = reserved; *r; r++) taken |= tw_word_is(word, *r);
    if (taken)
        return tw_words_fail(&p->words, TW_ERROR_FORMAT, "this word has a meaning; expected another label");
    if (tw_labels_find(&p->labels, word) >= 0)
        return tw_words_fail(&p->words, TW_ERROR_FORMAT, "the label stands twice; expected another");
    return TW_OK;
}

/* The operator that the present word refers to. */
static tw_status read_reference(parser *p, int *op) {
    tw_word word = p->words.word;
    *op = tw_word_is(word, "input") ? 0 : word.length ? tw_labels_find(&p->labels, word) : -1;
    if (*op < 0)
        return tw_words_fail(&p->words, TW_ERROR_FORMAT,
                             "expected the label of an earlier operator, or 'input'");
    tw_words_next(&p->words);
    return TW_OK;
}

static tw_status fail_unknown(const parser *p) {
    char list[256] = "";
    size_t at = 0;
    for (const tw_layer *const *row = tw_layers; *row && at < sizeof list; row++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s, ", (*row)->name);
    return tw_words_fail(&p->words, TW_ERROR_FORMAT, "expected an operator: %sloss or init", list);
}

static tw_status expect_end(const parser *p) {
    if (p->words.word.length == 0) return TW_OK;
    return tw_words_fail(&p->words, TW_ERROR_FORMAT, "expected the end of the operator (';' or a new line)");
}

static tw_status read_operator(parser *p, const tw_word *label) {
    tw_words *words = &p->words;
    const tw_layer *layer = tw_layer_find(words->word.at, words->word.length);
    if (!layer) return fail_unknown(p);
    tw_addition addition = {.layer = layer, .set = layer->defaults, .inputs = {p->net->op_count - 1, -1}};
    if (label) {
        addition.label = label->at;
        addition.label_length = label->length;
    }
    tw_words_next(words);
    tw_status status = TW_OK;
    if (layer->inputs == 2) status = read_reference(p, &addition.inputs[1]);
    if (!status) status = tw_fields_read(words, layer->name, layer->fields, &addition.set);
    if (!status && tw_word_is(words->word, "from")) {
        tw_words_next(words);
        status = read_reference(p, &addition.inputs[0]);
    }
    if (!status) status = expect_end(p);
    if (!status) status = tw_assemble_add(p->net, &addition);
    if (!status && label) status = tw_labels_add(&p->labels, *label, p->net->op_count - 1);
    return status;
}

/* One of `choices` after "loss" or "init". */
static tw_status read_choice(parser *p, bool *seen, const char *const *choices, int count, int *choice) {
    if (*seen) return tw_words_fail(&p->words, TW_ERROR_FORMAT, "said twice; expected it once");
    *seen = true;
    tw_words_next(&p->words);
    char list[96] = "";
    for (int i = 1; i < count; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i > 1 ? ", " : "", choices[i]);
        if (!tw_word_is(p->words.word, choices[i])) continue;
        *choice = i;
        tw_words_next(&p->words);
        return expect_end(p);
    }
    return tw_words_fail(&p->words, TW_ERROR_FORMAT, "expected one of %s", list);
}

static tw_status read_statement(parser *p) {
    tw_words *words = &p->words;
    int choice = 0;
    tw_status status;
    tw_words_next(words);
    if (tw_word_is(words->word, "loss")) {
        status = read_choice(p, &p->has_loss, tw_loss_words, 3, &choice);
        p->net->loss = (tw_loss)choice;
        return status;
    }
    if (tw_word_is(words->word, "init")) {
        status = read_choice(p, &p->has_scheme, tw_scheme_words, 4, &choice);
        p->net->scheme = (tw_scheme)choice;
        return status;
    }
    tw_words ahead = *words;
    tw_words_next(&ahead);
    if (!tw_word_is(ahead.word, "=")) return read_operator(p, NULL);
    if ((status = check_label(p))) return status;
    tw_word label = words->word;
    *words = ahead;
    tw_words_next(words);
    return read_operator(p, &label);
}

/* The text of a named network when `text` is nothing but its name. */
static const char *named_text(const char *text) {
    tw_words words = tw_words_open(text);
    if (!tw_words_operator(&words)) return text;
    tw_words_next(&words);
    tw_word name = words.word;
    if (tw_words_next(&words), words.word.length || tw_words_operator(&words)) return text;
    size_t count;
    const tw_net_name *names = tw_net_names(&count);
    for (size_t i = 0; i < count; i++)
        if (tw_word_is(name, names[i].name)) return names[i].text;
    return text;
}

tw_status tw_net_create(tw_net **out, const char *text, tw_net_input input) {
    if (!out) return tw_fail(TW_ERROR_ARGUMENT, "net is NULL");
    *out = NULL;
    if (!text) return tw_fail(TW_ERROR_ARGUMENT, "text is NULL");
    if (!memchr(text, 0, TW_MOST_TEXT + 1))
        return tw_fail(TW_ERROR_LIMIT, "a network's text of more than %d bytes", TW_MOST_TEXT);
    parser p = {.words = tw_words_open(named_text(text))};
    tw_status status = tw_assemble_begin(&p.net, input);
    while (!status && tw_words_operator(&p.words)) status = read_statement(&p);
    if (!status) status = tw_assemble_finish(p.net);
    tw_labels_free(&p.labels);
    if (status)
        tw_net_free(p.net);
    else
        *out = p.net;
    return status;
}

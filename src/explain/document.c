/* Building the document: blocks in a list, messages cut into spans. */
#include "explain/document.h"

#include <string.h>

tw_span tw_span_number(double number) {
    return (tw_span){.kind = TW_SPAN_NUMBER, .number = number};
}

tw_span tw_span_sizes(int count, const int64_t *sizes) {
    tw_span span = {.kind = TW_SPAN_SIZES, .sizes = count};
    for (int i = 0; i < count; i++) span.size[i] = sizes[i];
    return span;
}

tw_span tw_span_symbol(tw_symbol symbol) {
    return (tw_span){.kind = TW_SPAN_SYMBOL, .symbol = symbol};
}

tw_span tw_span_text(const char *text) {
    return (tw_span){.kind = TW_SPAN_TEXT, .text = text, .length = strlen(text)};
}

/* The next span of a message at *at: a place {n}, notation between backticks, or plain words. */
static tw_span next_span(const char **at, const tw_span *args) {
    const char *s = *at;
    if (s[0] == '{' && s[1] >= '0' && s[1] <= '9' && s[2] == '}') {
        *at = s + 3;
        return args[s[1] - '0'];
    }
    bool math = *s == '`';
    if (math) s++;
    size_t length = strcspn(s, math ? "`" : "`{");
    *at = s + length + (math && s[length] == '`');
    return (tw_span){.kind = math ? TW_SPAN_MATH : TW_SPAN_TEXT, .text = s, .length = length};
}

tw_phrase tw_phrase_make(tw_document *d, tw_word word, const tw_span *args) {
    tw_span spans[TW_PHRASE_SPANS];
    int count = 0;
    for (const char *at = tw_words(d->language, word); *at && count < TW_PHRASE_SPANS;)
        spans[count++] = next_span(&at, args);
    tw_phrase phrase = {.spans = tw_arena_take(&d->arena, count, sizeof *spans)};
    if (!phrase.spans) return (tw_phrase){0};
    phrase.count = count;
    memcpy(phrase.spans, spans, (size_t)count * sizeof *spans);
    return phrase;
}

tw_phrase tw_phrase_of(tw_document *d, tw_span span) {
    tw_phrase phrase = {.spans = tw_arena_take(&d->arena, 1, sizeof span)};
    if (!phrase.spans) return phrase;
    phrase.spans[0] = span;
    phrase.count = 1;
    return phrase;
}

/* A block that goes nowhere after a failure, so that callers need not ask. */
static tw_block *append(tw_document *d, tw_block_kind kind) {
    tw_block *block = tw_arena_take(&d->arena, 1, sizeof *block);
    if (!block) return NULL;
    block->kind = kind;
    block->section = d->section ? d->section : "";
    if (d->last)
        d->last->next = block;
    else
        d->first = block;
    d->last = block;
    return block;
}

static tw_block *append_phrase(tw_document *d, tw_block_kind kind, tw_word word, const tw_span *args) {
    tw_phrase phrase = tw_phrase_make(d, word, args);
    tw_block *block = append(d, kind);
    if (block) block->phrase = phrase;
    return block;
}

void tw_document_heading(tw_document *d, int level, tw_word word, const tw_span *args) {
    tw_block *block = append_phrase(d, TW_BLOCK_HEADING, word, args);
    if (block) block->level = level;
}

void tw_document_say(tw_document *d, tw_word word, const tw_span *args) {
    append_phrase(d, TW_BLOCK_PARAGRAPH, word, args);
}

void tw_document_note(tw_document *d, tw_word word, const tw_span *args) {
    append_phrase(d, TW_BLOCK_NOTE, word, args);
}

void tw_document_display(tw_document *d, const char *notation) {
    tw_block *block = append(d, TW_BLOCK_DISPLAY);
    if (block) block->display = notation;
}

void tw_document_equations(tw_document *d, tw_equation *equations, int count, int64_t total) {
    tw_block *block = append(d, TW_BLOCK_EQUATIONS);
    if (!block) return;
    block->equations = equations;
    block->count = count;
    block->total = total;
}

void tw_document_grids(tw_document *d, tw_grid *grids, int count) {
    tw_block *block = append(d, TW_BLOCK_GRIDS);
    if (!block) return;
    block->grids = grids;
    block->count = count;
}

tw_table *tw_document_table(tw_document *d, int rows, int columns, const tw_word *head) {
    tw_table table = {.rows = rows,
                      .columns = columns,
                      .head = tw_arena_take(&d->arena, columns, sizeof *table.head),
                      .cells = tw_arena_take(&d->arena, (int64_t)rows * columns, sizeof *table.cells),
                      .is_number = tw_arena_take(&d->arena, columns, sizeof *table.is_number)};
    for (int c = 0; c < columns && !d->arena.status; c++) table.head[c] = tw_phrase_make(d, head[c], NULL);
    tw_block *block = append(d, TW_BLOCK_TABLE);
    if (!block) return NULL;
    block->table = table;
    return &block->table;
}

void tw_document_figure(tw_document *d, const char *name, struct tw_scene *scene, tw_phrase caption,
                        bool drawn) {
    if (!scene) return;
    if (drawn && d->last && d->last->kind == TW_BLOCK_GRIDS) d->last->drawn = true;
    tw_block *block = append(d, TW_BLOCK_FIGURE);
    if (!block) return;
    block->scene = scene;
    block->figure = name;
    block->phrase = caption;
}

void tw_document_fact(tw_document *d, tw_facts fact) {
    tw_facts *copy = tw_arena_take(&d->arena, 1, sizeof *copy);
    if (!copy) return;
    *copy = fact;
    if (d->last_fact)
        d->last_fact->next = copy;
    else
        d->facts = copy;
    d->last_fact = copy;
}

/* Markdown as GitHub reads it. Formulas and grids stand in code blocks, set as in a terminal, because that is
 * what every reader shows alike; tables are Markdown's own. Figures are left out: a file of text has none. */
#include "explain/renderers.h"
#include "explain/text.h"

#include <string.h>

/* Letters that Markdown would take for its own. */
static void put_escaped(tw_ink *ink, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (strchr("\\`*_<>|[]#", text[i])) tw_ink_text(ink, "\\");
        tw_ink_bytes(ink, text + i, 1);
    }
}

static void put_phrase(const tw_text *t, const tw_phrase *phrase) {
    for (int i = 0; i < phrase->count; i++) {
        const tw_span *span = &phrase->spans[i];
        tw_phrase one = {1, phrase->spans + i};
        bool code = span->kind == TW_SPAN_MATH || span->kind == TW_SPAN_SYMBOL;
        if (span->kind == TW_SPAN_TEXT)
            put_escaped(t->ink, span->text, span->length);
        else {
            if (code) tw_ink_text(t->ink, "`");
            tw_text_phrase(t, t->ink, &one);
            if (code) tw_ink_text(t->ink, "`");
        }
    }
}

static void put_table(const tw_text *t, const tw_table *table) {
    for (int r = -1; r < table->rows; r++) {
        tw_ink_text(t->ink, "|");
        for (int c = 0; c < table->columns; c++) {
            tw_ink_text(t->ink, " ");
            put_phrase(t, r < 0 ? &table->head[c] : &table->cells[r * table->columns + c]);
            tw_ink_text(t->ink, " |");
        }
        tw_ink_text(t->ink, "\n");
        for (int c = 0; r < 0 && c < table->columns; c++)
            tw_ink_text(t->ink, c == 0                ? table->is_number[c] ? "| --: |" : "| --- |"
                                : table->is_number[c] ? " --: |"
                                                      : " --- |");
        if (r < 0) tw_ink_text(t->ink, "\n");
    }
}

static void put_block(const tw_text *t, const tw_block *b) {
    static const char *const marks[] = {"", "# ", "## ", "### "};
    bool fenced = b->kind == TW_BLOCK_DISPLAY || b->kind == TW_BLOCK_EQUATIONS || b->kind == TW_BLOCK_GRIDS;
    if (fenced) tw_ink_text(t->ink, "```text\n");
    switch (b->kind) {
    case TW_BLOCK_HEADING:
        tw_ink_text(t->ink, marks[b->level]);
        put_phrase(t, &b->phrase);
        break;
    case TW_BLOCK_NOTE:
        tw_ink_text(t->ink, "> ");
        put_phrase(t, &b->phrase);
        break;
    case TW_BLOCK_PARAGRAPH: put_phrase(t, &b->phrase); break;
    case TW_BLOCK_DISPLAY: tw_text_put(t, t->ink, b->display, strlen(b->display)); break;
    case TW_BLOCK_EQUATIONS: tw_text_equations_all(t, b); break;
    case TW_BLOCK_GRIDS: tw_text_grids(t, b); break;
    case TW_BLOCK_TABLE: put_table(t, &b->table); return;
    case TW_BLOCK_FIGURE: return;
    }
    if (b->kind != TW_BLOCK_EQUATIONS && b->kind != TW_BLOCK_GRIDS) tw_ink_text(t->ink, "\n");
    if (fenced) tw_ink_text(t->ink, "```\n");
}

static tw_status render(const tw_document *d, const tw_look *look, tw_ink *ink) {
    tw_text text = {ink, look->width, false, look->ascii, d->language};
    for (const tw_block *b = d->first; b; b = b->next) {
        if (b->kind == TW_BLOCK_FIGURE) continue;
        if (b != d->first) tw_ink_text(ink, "\n");
        put_block(&text, b);
    }
    return ink->status;
}

const tw_renderer tw_renderer_markdown = {
    .face = {"markdown", "for a README or a wiki", false, true},
    .document = render,
};

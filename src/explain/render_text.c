/* The document in a terminal. Figures are left out: the grids and tables beside them say the same in letters.
 */
#include "explain/renderers.h"
#include "explain/text.h"

#include <stdio.h>
#include <string.h>

static void put_heading(const tw_text *t, const tw_block *b) {
    static const char *const rules[] = {"", "=", "-", ""}, *const fine[] = {"", "═", "─", ""};
    tw_ink words = {0};
    tw_text_phrase(t, &words, &b->phrase);
    int width = words.bytes ? tw_ink_width(words.bytes, words.size) : 0;
    if (t->colour) tw_ink_text(t->ink, "\x1b[1m");
    if (words.bytes) tw_text_wrap(t, words.bytes, words.size, 0, 0);
    if (t->colour) tw_ink_text(t->ink, "\x1b[0m");
    tw_ink_repeat(t->ink, (t->ascii ? rules : fine)[b->level], width < t->width ? width : t->width);
    if (b->level < 3) tw_ink_text(t->ink, "\n");
    tw_ink_release(&words);
}

static void put_paragraph(const tw_text *t, const tw_block *b) {
    tw_ink words = {0};
    if (b->kind == TW_BLOCK_NOTE) tw_ink_text(&words, "! ");
    tw_text_phrase(t, &words, &b->phrase);
    if (words.bytes) tw_text_wrap(t, words.bytes, words.size, b->kind == TW_BLOCK_NOTE ? 2 : 0, 0);
    tw_ink_release(&words);
}

static void put_display(const tw_text *t, const tw_block *b) {
    tw_ink words = {0};
    tw_ink_text(&words, "    ");
    tw_text_put(t, &words, b->display, strlen(b->display));
    if (words.bytes) tw_text_wrap(t, words.bytes, words.size, 6, 0);
    tw_ink_release(&words);
}

static void put_block(const tw_text *t, const tw_block *b) {
    switch (b->kind) {
    case TW_BLOCK_HEADING: put_heading(t, b); break;
    case TW_BLOCK_PARAGRAPH:
    case TW_BLOCK_NOTE: put_paragraph(t, b); break;
    case TW_BLOCK_DISPLAY: put_display(t, b); break;
    case TW_BLOCK_EQUATIONS: tw_text_equations_all(t, b); break;
    case TW_BLOCK_GRIDS: tw_text_grids(t, b); break;
    case TW_BLOCK_TABLE: tw_text_table(t, &b->table); break;
    case TW_BLOCK_FIGURE: break;
    }
}

static tw_status render(const tw_document *d, const tw_look *look, tw_ink *ink) {
    tw_text text = {ink, look->width, look->colour, look->ascii, d->language};
    for (const tw_block *b = d->first; b; b = b->next) {
        if (b->kind == TW_BLOCK_FIGURE) continue;
        if (b != d->first) tw_ink_text(ink, "\n");
        if (b->kind == TW_BLOCK_HEADING && b->level == 2) tw_ink_text(ink, "\n");
        put_block(&text, b);
    }
    return ink->status;
}

const tw_renderer tw_renderer_text = {
    .face = {"text", "for the terminal", false, true},
    .document = render,
};

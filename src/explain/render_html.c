/* One page that needs nothing else: its style within, figures as inline SVG, no script. Formulas are boxes of
 * two lines, the symbol above and its number below, that wrap like words. Elements carry data-x, data-w,
 * data-h and data-g (dL/dh), so that a page with a script can link them. */
#include "explain/html.h"
#include "explain/ink.h"
#include "explain/markup.h"
#include "explain/notation.h"
#include "explain/palette.h"
#include "explain/renderers.h"
#include "explain/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_index(tw_ink *ink, const char *tag, const char *text, size_t size) {
    tw_ink_print(ink, "<%s>", tag);
    tw_markup_text(ink, text, size);
    tw_ink_print(ink, "</%s>", tag);
}

static void put_symbol(tw_ink *ink, const tw_symbol *s) {
    if (s->gradient) tw_ink_text(ink, "<i>∂L</i>/<i>∂</i>");
    tw_ink_print(ink, "<i>%c</i>", s->letter);
    if (!s->rank) return;
    tw_ink_text(ink, "<sub>");
    for (int a = 0; a < s->rank; a++)
        tw_ink_print(ink, "%s%lld", a && s->brackets ? "," : "", (long long)s->index[a]);
    tw_ink_text(ink, "</sub>");
}

static void put_math(tw_ink *ink, const char *at, const char *end) {
    tw_ink_text(ink, "<span class=\"m\">");
    for (tw_token t; tw_notation_next(&at, end, &t);) {
        bool letter = t.kind == TW_TOKEN_LETTER || t.kind == TW_TOKEN_PARTIAL;
        if (t.kind == TW_TOKEN_PARTIAL) tw_ink_print(ink, "<i>∂%c</i>/<i>∂</i>", t.over);
        if (letter) tw_ink_text(ink, "<i>");
        if (t.kind == TW_TOKEN_OTHER && *t.text == '-')
            tw_ink_text(ink, "−");
        else
            tw_markup_text(ink, t.text, t.length);
        if (letter) tw_ink_text(ink, "</i>");
        if (t.index) put_index(ink, "sub", t.index, t.index_length);
        if (t.power) put_index(ink, "sup", t.power, t.power_length);
    }
    tw_ink_text(ink, "</span>");
}

/* Digits with a true minus, and a power of ten as such. */
static void put_digits(tw_ink *ink, char *words) {
    char *power = strchr(words, 'e');
    if (power) *power = 0;
    if (words[0] == '-') tw_ink_text(ink, "−");
    tw_ink_text(ink, words + (words[0] == '-'));
    if (!power) return;
    long exponent = strtol(power + 1, NULL, 10);
    tw_ink_print(ink, exponent < 0 ? "×10<sup>−%ld</sup>" : "×10<sup>%ld</sup>", labs(exponent));
}

static void put_phrase(tw_ink *ink, const tw_phrase *phrase) {
    char words[32];
    for (int i = 0; i < phrase->count; i++) {
        const tw_span *s = &phrase->spans[i];
        switch (s->kind) {
        case TW_SPAN_TEXT: tw_markup_text(ink, s->text, s->length); break;
        case TW_SPAN_MATH: put_math(ink, s->text, s->text + s->length); break;
        case TW_SPAN_NUMBER:
            tw_number_write(s->number, words);
            put_digits(ink, words);
            break;
        case TW_SPAN_SIZES:
            for (int k = 0; k < s->sizes; k++) tw_ink_print(ink, k ? "×%lld" : "%lld", (long long)s->size[k]);
            break;
        case TW_SPAN_SYMBOL:
            tw_ink_text(ink, "<span class=\"m\">");
            put_symbol(ink, &s->symbol);
            tw_ink_text(ink, "</span>");
            break;
        }
    }
}

/* The classes and links of an atom, within its opening tag. */
static void put_marks(tw_ink *ink, const tw_atom *a, const char *class, const char *colour) {
    tw_ink_print(ink, " class=\"%s", class);
    if (a->colour >= 0) tw_ink_print(ink, " %s%d", colour, tw_palette_index(a->colour));
    tw_ink_text(ink, "\"");
    if (a->symbol.letter && a->symbol.element >= 0)
        tw_ink_print(ink, " data-%s%c=\"%lld\"", a->symbol.gradient ? "d" : "", a->symbol.letter,
                     (long long)a->symbol.element);
}

static void put_number(tw_ink *ink, const tw_atom *a, bool factor) {
    char words[32];
    tw_number_write(a->value, words);
    bool parentheses = factor && words[0] == '-';
    tw_ink_text(ink, parentheses ? "(" : "");
    put_digits(ink, words);
    tw_ink_text(ink, parentheses ? ")" : "");
}

/* x is divided by `over`: on both lines. */
static void put_share(tw_ink *ink, int64_t over, bool numbers) {
    tw_ink_print(ink, "<span class=\"a\">/%lld", (long long)over);
    if (numbers) tw_ink_print(ink, "<b>/%lld</b>", (long long)over);
    tw_ink_text(ink, "</span>");
}

static void put_atom(tw_ink *ink, const tw_atom *a, bool numbers, bool factor) {
    if (a->over) {
        put_share(ink, a->over, numbers);
        return;
    }
    tw_ink_text(ink, "<span");
    put_marks(ink, a, "a", "s");
    tw_ink_text(ink, ">");
    put_symbol(ink, &a->symbol);
    if (numbers) {
        tw_ink_text(ink, "<b>");
        if (a->known)
            put_number(ink, a, factor);
        else
            put_symbol(ink, &a->symbol);
        tw_ink_text(ink, "</b>");
    }
    tw_ink_text(ink, "</span>");
}

static void put_sign(tw_ink *ink, const char *sign, bool numbers) {
    tw_ink_print(ink, "<span class=\"o\">%s", sign);
    if (numbers) tw_ink_print(ink, "<b>%s</b>", sign);
    tw_ink_text(ink, "</span>");
}

/* Between two factors; a share brings its own sign. */
static void put_dot(tw_ink *ink, const tw_term *t, bool numbers) {
    if (t->factor[1].over) return;
    tw_ink_text(ink, numbers ? "<span class=\"d\">&#8203;<b>·</b></span>" : " ");
}

static bool has_numbers(const tw_equation *e) {
    bool any = e->left.known;
    for (int k = 0; k < e->count; k++)
        for (int a = 0; a < e->terms[k].factors; a++) any = any || e->terms[k].factor[a].known;
    return any;
}

static void put_message(const tw_document *d, tw_ink *ink, tw_word word, double number) {
    tw_span arg = tw_span_number(number);
    tw_document scratch = {.language = d->language};
    tw_phrase phrase = tw_phrase_make(&scratch, word, &arg);
    put_phrase(ink, &phrase);
    tw_arena_release(&scratch.arena);
}

static void put_equation(const tw_document *d, tw_ink *ink, const tw_equation *e) {
    bool numbers = has_numbers(e);
    tw_ink_text(ink, "<div class=\"e\"><span class=\"g\">");
    put_atom(ink, &e->left, numbers, false);
    put_sign(ink, "=", numbers);
    tw_ink_text(ink, "</span><span class=\"r\">");
    if (e->count == 0) put_sign(ink, "0", numbers);
    for (int k = 0; k < e->count; k++) {
        const tw_term *t = &e->terms[k];
        tw_ink_text(ink, "<span class=\"g\">");
        if (k) put_sign(ink, "+", numbers);
        if (k && k == e->gap) {
            put_sign(ink, "…", numbers);
            put_sign(ink, "+", numbers);
        }
        put_atom(ink, &t->factor[0], numbers, true);
        if (t->factors == 2) {
            put_dot(ink, t, numbers);
            put_atom(ink, &t->factor[1], numbers, true);
        }
        tw_ink_text(ink, "</span> ");
    }
    if (e->gap) {
        tw_ink_text(ink, "<span class=\"c\">(");
        put_message(d, ink, TW_SAY_TERMS, (double)e->total);
        tw_ink_text(ink, ")</span>");
    }
    tw_ink_text(ink, "</span></div>\n");
}

static void put_equations(const tw_document *d, tw_ink *ink, const tw_block *b) {
    tw_ink_text(ink, "<div class=\"es\">\n");
    for (int i = 0; i < b->count; i++) put_equation(d, ink, &b->equations[i]);
    if (b->total > b->count) {
        tw_ink_text(ink, "<p class=\"c\">… ");
        put_message(d, ink, TW_SAY_AND_MORE, (double)b->total);
        tw_ink_text(ink, "</p>\n");
    }
    tw_ink_text(ink, "</div>\n");
}

static void put_cell(tw_ink *ink, const tw_grid *g, const tw_atom *a) {
    tw_ink_text(ink, "<td");
    put_marks(ink, a, "k", "t");
    tw_ink_text(ink, ">");
    if (a->over)
        tw_ink_print(ink, "1/%lld", (long long)a->over);
    else if (a->known)
        put_number(ink, a, false);
    else if (a->symbol.letter)
        put_symbol(ink, &a->symbol);
    else
        tw_ink_text(ink, g->matrix ? "<span class=\"z\">·</span>" : "");
    tw_ink_text(ink, "</td>");
}

static void put_grid(tw_ink *ink, const tw_grid *g) {
    bool more_columns = g->total_columns > g->columns, more_rows = g->total_rows > g->rows;
    if (g->joiner)
        tw_ink_print(ink, "<div class=\"p\"><span class=\"j\">%s</span>",
                     strcmp(g->joiner, "*") ? g->joiner : "∗");
    tw_ink_text(ink, "<table class=\"n\"><caption>");
    put_phrase(ink, &g->title);
    if (more_rows || more_columns)
        tw_ink_print(ink, " (%lld×%lld)", (long long)g->total_rows, (long long)g->total_columns);
    tw_ink_text(ink, "</caption>\n");
    for (int64_t c = -1; g->column_names && c < g->columns; c++) {
        tw_ink_text(ink, c < 0 ? "<tr><th></th>" : "<th scope=\"col\">");
        if (c >= 0) put_symbol(ink, &g->column_names[c]);
        if (c >= 0) tw_ink_text(ink, c + 1 == g->columns ? "</th></tr>\n" : "</th>");
    }
    for (int64_t r = 0; r < g->rows; r++) {
        tw_ink_text(ink, "<tr>");
        if (g->row_names) {
            tw_ink_text(ink, "<th scope=\"row\">");
            put_symbol(ink, &g->row_names[r]);
            tw_ink_text(ink, "</th>");
        }
        for (int64_t c = 0; c < g->columns; c++) put_cell(ink, g, &g->cells[r * g->columns + c]);
        tw_ink_text(ink, more_columns ? "<td>…</td></tr>\n" : "</tr>\n");
    }
    if (more_rows) tw_ink_print(ink, "<tr><td colspan=\"%lld\">⋮</td></tr>\n", (long long)g->columns);
    tw_ink_text(ink, g->joiner ? "</table></div>\n" : "</table>\n");
}

static void put_table(tw_ink *ink, const tw_table *t) {
    tw_ink_text(ink, "<div class=\"w\"><table class=\"l\">\n");
    for (int r = -1; r < t->rows; r++) {
        tw_ink_text(ink, "<tr>");
        for (int c = 0; c < t->columns; c++) {
            const char *tag = r < 0 ? "th" : "td";
            tw_ink_print(ink, "<%s%s>", tag, t->is_number[c] ? " class=\"q\"" : "");
            put_phrase(ink, r < 0 ? &t->head[c] : &t->cells[r * t->columns + c]);
            tw_ink_print(ink, "</%s>", tag);
        }
        tw_ink_text(ink, "</tr>\n");
    }
    tw_ink_text(ink, "</table></div>\n");
}

static void put_grids(tw_ink *ink, const tw_block *b) {
    if (b->drawn) return;
    tw_ink_text(ink, "<div class=\"gs\">\n");
    for (int i = 0; i < b->count; i++) put_grid(ink, &b->grids[i]);
    tw_ink_text(ink, "</div>\n");
}

static void put_words(tw_ink *ink, const tw_block *b) {
    char tag[8] = "p";
    if (b->kind == TW_BLOCK_HEADING) snprintf(tag, sizeof tag, "h%d", b->level);
    tw_ink_print(ink, "<%s%s>", tag, b->kind == TW_BLOCK_NOTE ? " class=\"note\"" : "");
    put_phrase(ink, &b->phrase);
    tw_ink_print(ink, "</%s>\n", tag);
}

static void put_block(const tw_document *d, tw_ink *ink, const tw_block *b) {
    switch (b->kind) {
    case TW_BLOCK_HEADING:
    case TW_BLOCK_PARAGRAPH:
    case TW_BLOCK_NOTE: put_words(ink, b); break;
    case TW_BLOCK_DISPLAY:
        tw_ink_text(ink, "<p class=\"f\">");
        put_math(ink, b->display, b->display + strlen(b->display));
        tw_ink_text(ink, "</p>\n");
        break;
    case TW_BLOCK_EQUATIONS: put_equations(d, ink, b); break;
    case TW_BLOCK_GRIDS: put_grids(ink, b); break;
    case TW_BLOCK_TABLE: put_table(ink, &b->table); break;
    case TW_BLOCK_FIGURE:
        tw_ink_print(ink, "<figure data-figure=\"%s\">\n", b->figure);
        tw_svg_scene(b->scene, ink, false, NULL);
        tw_ink_text(ink, "<figcaption>");
        put_phrase(ink, &b->phrase);
        tw_ink_text(ink, "</figcaption></figure>\n");
        break;
    }
}

static tw_status render(const tw_document *d, const tw_look *look, tw_ink *ink) {
    if (!look->fragment) {
        tw_ink_print(ink, "<!doctype html>\n<html lang=\"%s\">\n<meta charset=\"utf-8\">\n",
                     tw_language_name(d->language));
        tw_ink_text(ink, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
        tw_markup_text(ink, tw_words(d->language, d->title), SIZE_MAX);
        tw_ink_text(ink, "</title>\n<style>\n");
        tw_html_style(ink);
        tw_ink_text(ink, "</style>\n<main>\n");
    }
    for (const tw_block *b = d->first; b; b = b->next) {
        bool opens = b->kind == TW_BLOCK_HEADING && b->level == 2;
        if (opens) tw_ink_print(ink, "<section id=\"%s\">\n", b->section);
        put_block(d, ink, b);
        bool closes = *b->section && (!b->next || (b->next->kind == TW_BLOCK_HEADING && b->next->level == 2));
        if (closes) tw_ink_text(ink, "</section>\n");
    }
    if (!look->fragment) tw_ink_text(ink, "</main>\n</html>\n");
    return ink->status;
}

const tw_renderer tw_renderer_html = {
    .face = {"html", "one page that needs no network and no script", false, true},
    .document = render,
};

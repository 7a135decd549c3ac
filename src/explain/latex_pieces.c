/* Every letter that LaTeX or a font of eight bits would not take as it is has a row in one of two tables. */
#include "explain/latex.h"

#include <stdlib.h>
#include <string.h>

#include "explain/notation.h"
#include "explain/palette.h"

typedef struct sign {
    const char *text, *latex;
} sign;

static const sign in_words[] = {
    {"\\", "\\textbackslash{}"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"$", "\\$"},
    {"&", "\\&"},
    {"#", "\\#"},
    {"^", "\\^{}"},
    {"_", "\\_"},
    {"~", "\\~{}"},
    {"%", "\\%"},
    {"×", "\\ensuremath{\\times}"},
    {"…", "\\dots{}"},
    {"→", "\\ensuremath{\\to}"},
    {"∗", "\\ensuremath{\\ast}"},
    {"\u00a0", "~"},
    {"∂", "\\ensuremath{\\partial}"},
    {"<", "\\ensuremath{<}"},
    {">", "\\ensuremath{>}"},
    {"√", "\\ensuremath{\\surd}"},
};

static const sign in_math[] = {
    {"∗", "\\ast "},   {"*", "\\ast "},  {"Σ", "\\sum "},  {"×", "\\times "}, {"·", "\\cdot "},
    {"σ", "\\sigma "}, {"⊙", "\\odot "}, {"≥", "\\ge "},   {"≤", "\\le "},    {"→", "\\to "},
    {"√", "\\surd "},  {"−", "-"},       {"…", "\\dots "}, {" ", "\\,"},      {"{", "\\{"},
    {"}", "\\}"},      {"_", "\\_"},     {"%", "\\%"},     {"#", "\\#"},      {"&", "\\&"},
};

/* Writes the sign at `text` if the table has it; its bytes, 0 if it has not. */
static size_t put_sign(tw_ink *ink, const sign *table, size_t count, const char *text, size_t size) {
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(table[i].text);
        if (length > size || memcmp(text, table[i].text, length)) continue;
        tw_ink_text(ink, table[i].latex);
        return length;
    }
    return 0;
}

void tw_latex_words(tw_ink *ink, const char *text, size_t size) {
    for (size_t i = 0; i < size;) {
        size_t used = put_sign(ink, in_words, sizeof in_words / sizeof *in_words, text + i, size - i);
        if (!used) tw_ink_bytes(ink, text + i, used = 1);
        i += used;
    }
}

static void put_attachments(tw_ink *ink, const tw_token *t) {
    if (t->index) tw_ink_print(ink, "_{%.*s}", (int)t->index_length, t->index);
    if (t->power) tw_ink_print(ink, "^{%.*s}", (int)t->power_length, t->power);
}

void tw_latex_math(tw_ink *ink, const char *at, const char *end, bool display) {
    for (tw_token t; tw_notation_next(&at, end, &t);) {
        switch (t.kind) {
        case TW_TOKEN_PARTIAL:
            tw_ink_print(ink, display ? "\\frac{\\partial %c}{\\partial %.*s" : "\\partial %c/\\partial %.*s",
                         t.over, (int)t.length, t.text);
            put_attachments(ink, &t);
            tw_ink_text(ink, display ? "}" : "");
            continue;
        case TW_TOKEN_WORD: tw_ink_print(ink, "\\mathrm{%.*s}", (int)t.length, t.text); break;
        case TW_TOKEN_LETTER: tw_ink_bytes(ink, t.text, t.length); break;
        case TW_TOKEN_OTHER:
            if (!put_sign(ink, in_math, sizeof in_math / sizeof *in_math, t.text, t.length))
                tw_ink_bytes(ink, t.text, t.length);
            break;
        }
        put_attachments(ink, &t);
    }
}

void tw_latex_symbol(tw_ink *ink, const tw_symbol *s) {
    tw_ink_print(ink, s->gradient ? "\\tfrac{\\partial L}{\\partial %c" : "%c", s->letter);
    for (int a = 0; a < s->rank; a++)
        tw_ink_print(ink, "%s%lld", a == 0 ? "_{" : s->brackets ? "," : "", (long long)s->index[a]);
    tw_ink_text(ink, s->rank ? "}" : "");
    tw_ink_text(ink, s->gradient ? "}" : "");
}

void tw_latex_number(tw_ink *ink, double number) {
    char words[32];
    tw_number_write(number, words);
    char *power = strchr(words, 'e');
    if (power) *power = 0;
    tw_ink_text(ink, words);
    if (power) tw_ink_print(ink, "{\\times}10^{%ld}", strtol(power + 1, NULL, 10));
}

void tw_latex_phrase(tw_ink *ink, const tw_phrase *phrase) {
    for (int i = 0; i < phrase->count; i++) {
        const tw_span *s = &phrase->spans[i];
        switch (s->kind) {
        case TW_SPAN_TEXT: tw_latex_words(ink, s->text, s->length); break;
        case TW_SPAN_MATH:
            tw_ink_text(ink, "$");
            tw_latex_math(ink, s->text, s->text + s->length, false);
            tw_ink_text(ink, "$");
            break;
        case TW_SPAN_NUMBER:
            tw_ink_text(ink, "$");
            tw_latex_number(ink, s->number);
            tw_ink_text(ink, "$");
            break;
        case TW_SPAN_SIZES:
            tw_ink_text(ink, "$");
            for (int k = 0; k < s->sizes; k++)
                tw_ink_print(ink, k ? "\\times %lld" : "%lld", (long long)s->size[k]);
            tw_ink_text(ink, "$");
            break;
        case TW_SPAN_SYMBOL:
            tw_ink_text(ink, "$");
            tw_latex_symbol(ink, &s->symbol);
            tw_ink_text(ink, "$");
            break;
        }
    }
}

/* ---- Figures. TikZ units are set to those of the scene, with y downwards. */

static void put_colour(tw_ink *ink, const char *key, tw_tone tone, int64_t colour) {
    static const char *const names[] = {
        [TW_TONE_INK] = "ink",   [TW_TONE_SOFT] = "soft", [TW_TONE_RULE] = "rule",
        [TW_TONE_CELL] = "cell", [TW_TONE_TINT] = "t",    [TW_TONE_STRONG] = "s"};
    if (tone == TW_TONE_NONE) return;
    tw_ink_print(ink, "%s=%s", key, names[tone]);
    if (tone == TW_TONE_TINT || tone == TW_TONE_STRONG) tw_ink_print(ink, "%d", tw_palette_index(colour));
    tw_ink_text(ink, ",");
}

static void put_label(tw_ink *ink, const tw_drawn *s) {
    const char *anchor = s->anchor < 0 ? "west" : s->anchor > 0 ? "east" : "center";
    tw_ink_print(ink, "\\node[anchor=%s,inner sep=0,", anchor);
    put_colour(ink, "text", s->fill, s->colour);
    tw_ink_print(ink, "font=\\fontsize{%.3g}{%.3g}\\selectfont] at (%g,%g) {", 0.75 * s->size, 0.9 * s->size,
                 s->x, s->y);
    tw_latex_phrase(ink, &s->label);
    tw_ink_text(ink, "};\n");
}

static void put_shape(tw_ink *ink, const tw_drawn *s) {
    if (s->kind == TW_SHAPE_LABEL) {
        put_label(ink, s);
        return;
    }
    tw_ink_text(ink, "\\path[");
    put_colour(ink, "fill", s->fill, s->colour);
    put_colour(ink, "draw", s->stroke, s->colour);
    if (s->dashed) tw_ink_text(ink, "dashed,");
    if (s->opacity != 1) tw_ink_print(ink, "opacity=%.3g,", s->opacity);
    tw_ink_print(ink, "line width=%.3gpt] (%g,%g) ", 0.75 * s->line, s->x, s->y);
    if (s->kind == TW_SHAPE_RECT) tw_ink_print(ink, "rectangle +(%g,%g);\n", s->width, s->height);
    if (s->kind == TW_SHAPE_LINE) tw_ink_print(ink, "-- +(%g,%g);\n", s->width, s->height);
    if (s->kind == TW_SHAPE_CIRCLE) tw_ink_print(ink, "circle [radius=%g];\n", s->width);
}

void tw_latex_scene(tw_ink *ink, const tw_scene *scene) {
    tw_ink_text(ink, "\\fit{\\begin{tikzpicture}[x=0.75pt,y=-0.75pt]\n");
    for (const tw_drawn *s = scene->first; s; s = s->next) put_shape(ink, s);
    tw_ink_text(ink, "\\end{tikzpicture}}");
}

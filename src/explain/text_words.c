/* Words into lines: what fits, where Chinese may break, and what stands for a sign when only ASCII may be
 * used. */
#include "explain/text.h"

#include <stdio.h>
#include <string.h>

#include "explain/notation.h"
#include "explain/palette.h"
#include "explain/symbols.h"

void tw_text_put(const tw_text *t, tw_ink *ink, const char *bytes, size_t size) {
    static const struct {
        const char *sign, *ascii;
    } table[] = {{"×", "x"},       {"·", "*"},    {"∗", "*"},  {"…", "..."}, {"Σ", "sum"},
                 {"σ", "sigmoid"}, {"−", "-"},    {"→", "->"}, {"≥", ">="},  {"≤", "<="},
                 {"⊙", ".*"},      {"√", "sqrt"}, {"–", "-"}};
    for (size_t i = 0; t->ascii && i < size;) {
        size_t used = 0;
        for (size_t k = 0; k < sizeof table / sizeof *table && !used; k++)
            if (size - i >= strlen(table[k].sign) &&
                !memcmp(bytes + i, table[k].sign, strlen(table[k].sign))) {
                tw_ink_text(ink, table[k].ascii);
                used = strlen(table[k].sign);
            }
        if (!used) tw_ink_bytes(ink, bytes + i, used = 1);
        i += used;
    }
    if (!t->ascii) tw_ink_bytes(ink, bytes, size);
}

static void put_sizes(const tw_text *t, tw_ink *ink, const tw_span *span) {
    for (int i = 0; i < span->sizes; i++)
        tw_ink_print(ink, "%s%lld", i == 0 ? "" : t->ascii ? "x" : "×", (long long)span->size[i]);
}

void tw_text_phrase(const tw_text *t, tw_ink *ink, const tw_phrase *phrase) {
    char words[96];
    for (int i = 0; i < phrase->count; i++) {
        const tw_span *span = &phrase->spans[i];
        switch (span->kind) {
        case TW_SPAN_TEXT:
        case TW_SPAN_MATH: tw_text_put(t, ink, span->text, span->length); break;
        case TW_SPAN_SIZES: put_sizes(t, ink, span); break;
        case TW_SPAN_NUMBER:
            tw_number_write(span->number, words);
            tw_ink_text(ink, words);
            break;
        case TW_SPAN_SYMBOL:
            tw_symbol_write(&span->symbol, words, sizeof words);
            tw_ink_text(ink, words);
            break;
        }
    }
}

/* Signs that must not start a line. */
static bool clings(const char *s, size_t size) {
    static const char *const signs[] = {"，", "。", "：", "；", "、", "）", "」",
                                        "？", "！", ",",  ".",  ")",  ":"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (size >= strlen(signs[i]) && memcmp(s, signs[i], strlen(signs[i])) == 0) return true;
    return false;
}

/* Bytes of the next piece that must stay together: a word with its blanks before it, or one wide character
 * with the signs that cling to it. */
static size_t next_piece(const char *s, size_t size, int *width) {
    size_t i = 0;
    *width = 0;
    while (i < size) {
        int columns;
        size_t length = tw_ink_character(s + i, size - i, &columns);
        bool blank = s[i] == ' ';
        bool after_text = i > 0 && (s[i - 1] != ' ');
        if (i > 0 && after_text && (blank || (columns == 2 && !clings(s + i, size - i)))) break;
        i += length;
        *width += columns;
        if (columns == 2 && !(i < size && clings(s + i, size - i))) break;
    }
    return i;
}

void tw_text_wrap(const tw_text *t, const char *words, size_t size, int indent, int at) {
    int column = at;
    bool fresh = true;
    for (size_t i = 0; i < size;) {
        int width;
        size_t length = next_piece(words + i, size - i, &width);
        const char *piece = words + i;
        i += length;
        if (!fresh && column + width > t->width) {
            tw_ink_text(t->ink, "\n");
            tw_ink_repeat(t->ink, " ", indent);
            column = indent;
            while (length && *piece == ' ') piece++, length--, width--;
        }
        tw_ink_bytes(t->ink, piece, length);
        column += width;
        fresh = false;
    }
    tw_ink_text(t->ink, "\n");
}

void tw_text_field(const tw_text *t, tw_ink *ink, const char *words, int width, int align, int64_t colour) {
    int space = width - tw_ink_width(words, strlen(words));
    int before = align < 0 ? 0 : align > 0 ? space : space / 2;
    bool painted = t->colour && colour >= 0 && *words;
    tw_ink_repeat(ink, " ", before);
    if (painted) tw_ink_print(ink, "\x1b[1;38;5;%dm", tw_palette_terminal(colour));
    tw_ink_text(ink, words);
    if (painted) tw_ink_text(ink, "\x1b[0m");
    tw_ink_repeat(ink, " ", space - before);
}

void tw_text_atom(const tw_atom *atom, bool number, char words[96]) {
    words[0] = 0;
    if (atom->over)
        snprintf(words, 96, "1/%lld", (long long)atom->over);
    else if (number && atom->known)
        tw_number_write(atom->value, words);
    else if (atom->symbol.letter)
        tw_symbol_write(&atom->symbol, words, 96);
    else if (atom->known)
        tw_number_write(atom->value, words);
}

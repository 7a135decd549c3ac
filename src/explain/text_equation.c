/* Sums as two lines, the symbols and, where they are known, the numbers below them:
 *
 *     h11 = w11 x11 + w12 x12
 *      37 =   1·1   +   2·2
 *
 * Fields are as wide as the widest atom of the whole block, so that all sums of a block align. A sum that is
 * wider than the page goes on below its first term; a term that is wider still is broken between its factors.
 */
#include "explain/text.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"

typedef struct fields {
    int left, factor[2], start; /* start: the column of the first term */
    bool numbers;               /* whether any number is known */
} fields;

/* The two lines that are being filled. */
typedef struct pair {
    const tw_text *text;
    tw_ink symbols, numbers;
    int column;
    bool with_numbers;
} pair;

static int width_of(const char *words) {
    return tw_ink_width(words, strlen(words));
}

/* A factor's number; one below zero in parentheses. */
static void number_words(const tw_atom *atom, char words[100]) {
    char plain[96];
    tw_text_atom(atom, true, plain);
    snprintf(words, 100, plain[0] == '-' ? "(%s)" : "%s", plain);
}

static int atom_width(const tw_atom *atom) {
    char symbol[96], number[100];
    tw_text_atom(atom, false, symbol);
    number_words(atom, number);
    return (int)tw_max(width_of(symbol), width_of(number)) - (atom->over ? 1 : 0);
}

static fields measure(const tw_text *t, const tw_block *b) {
    fields f = {0};
    for (int i = 0; i < b->count; i++) {
        const tw_equation *e = &b->equations[i];
        f.left = (int)tw_max(f.left, atom_width(&e->left));
        f.numbers = f.numbers || e->left.known;
        for (int k = 0; k < e->count; k++)
            for (int a = 0; a < e->terms[k].factors; a++) {
                f.factor[a] = (int)tw_max(f.factor[a], atom_width(&e->terms[k].factor[a]));
                f.numbers = f.numbers || e->terms[k].factor[a].known;
            }
    }
    f.start = f.left + 3;
    if (f.start + f.factor[0] + 1 + f.factor[1] > t->width)
        f.start = 4; /* the sum goes below its left side */
    return f;
}

static void flush(pair *p) {
    const tw_ink *lines[] = {&p->symbols, &p->numbers};
    for (int i = 0; i < (p->with_numbers ? 2 : 1); i++) {
        size_t size = lines[i]->size;
        while (size && lines[i]->bytes[size - 1] == ' ') size--;
        tw_ink_bytes(p->text->ink, lines[i]->bytes, size);
        tw_ink_text(p->text->ink, "\n");
    }
    p->symbols.size = p->numbers.size = 0;
    p->column = 0;
}

/* Both lines get something of the same width. */
static void both(pair *p, const char *symbols, const char *numbers, int width, int align, int64_t colour) {
    tw_text_field(p->text, &p->symbols, symbols, width, align, colour);
    tw_text_field(p->text, &p->numbers, numbers, width, align, -1);
    p->column += width;
}

static void blanks(pair *p, int count) {
    both(p, "", "", count, -1, -1);
}

/* Goes to the next line when `width` more columns do not fit. */
static void make_room(pair *p, const fields *f, int width) {
    if (p->column + width <= p->text->width || p->column <= f->start) return;
    flush(p);
    blanks(p, f->start - 2);
}

static void put_atom(pair *p, const tw_atom *atom, int width, int align) {
    char symbol[96], number[100];
    tw_text_atom(atom, false, symbol);
    number_words(atom, number);
    const int one = atom->over ? 1 : 0; /* "/4", for what stands before it is divided */
    both(p, symbol + one, number + one, width, align, atom->colour);
}

/* A plus sign before something of `width` columns; on a new line it stands left of the first term. */
static void put_plus(pair *p, const fields *f, int width) {
    make_room(p, f, width + 3);
    bool starts = p->column == f->start - 2;
    both(p, starts ? "+ " : " + ", starts ? "+ " : " + ", starts ? 2 : 3, -1, -1);
}

static void put_gap(pair *p, const fields *f) {
    const char *dots = p->text->ascii ? "..." : "…";
    put_plus(p, f, width_of(dots));
    both(p, dots, dots, width_of(dots), -1, -1);
}

static void put_term(pair *p, const fields *f, const tw_term *term, bool first) {
    int whole = term->factors == 1 ? f->factor[0] : f->factor[0] + 1 + f->factor[1];
    if (!first) put_plus(p, f, whole);
    put_atom(p, &term->factor[0], f->factor[0], 1);
    if (term->factors == 1) return;
    make_room(p, f, f->factor[1] + 1);
    bool known = term->factor[0].known || term->factor[1].known, share = term->factor[1].over > 0;
    both(p, share ? "" : " ", share ? "" : !known ? " " : p->text->ascii ? "*" : "·", share ? 0 : 1, -1, -1);
    put_atom(p, &term->factor[1], f->factor[1], -1);
}

static void put_count(pair *p, const fields *f, const tw_equation *e) {
    tw_ink words = {0};
    char count[32];
    snprintf(count, sizeof count, "%lld", (long long)e->total);
    const char *message = tw_words(p->text->language, TW_SAY_TERMS), *place = strstr(message, "{0}");
    tw_ink_text(&words, "  (");
    tw_ink_bytes(&words, message, (size_t)(place - message));
    tw_ink_text(&words, count);
    tw_ink_text(&words, place + 3);
    tw_ink_text(&words, ")");
    if (!words.status) {
        int width = width_of(words.bytes);
        make_room(p, f, width);
        both(p, words.bytes, "", width, -1, -1);
    }
    tw_ink_release(&words);
}

static void put_equation(pair *p, const fields *f, const tw_equation *e) {
    char left[96], number[96];
    tw_text_atom(&e->left, false, left);
    tw_text_atom(&e->left, true, number);
    bool below = f->start != f->left + 3;
    both(p, left, number, below ? atom_width(&e->left) : f->left, 1, e->left.colour);
    both(p, " = ", " = ", 3, -1, -1);
    if (below) {
        flush(p);
        blanks(p, f->start);
    }
    if (e->count == 0) both(p, "0", "0", 1, -1, -1);
    for (int k = 0; k < e->count; k++) {
        if (k > 0 && k == e->gap) put_gap(p, f);
        put_term(p, f, &e->terms[k], k == 0);
    }
    if (e->gap) put_count(p, f, e);
    flush(p);
}

static void put_equations(const tw_text *t, const tw_block *b) {
    fields f = measure(t, b);
    pair p = {.text = t, .with_numbers = f.numbers};
    for (int i = 0; i < b->count; i++) {
        put_equation(&p, &f, &b->equations[i]);
        if (f.numbers && i + 1 < b->count) tw_ink_text(t->ink, "\n");
    }
    if (p.symbols.status) t->ink->status = p.symbols.status;
    tw_ink_release(&p.symbols);
    tw_ink_release(&p.numbers);
}

void tw_text_equations_all(const tw_text *t, const tw_block *b) {
    put_equations(t, b);
    if (b->total <= b->count) return;
    tw_span arg = tw_span_number((double)b->total);
    tw_document scratch = {.language = t->language};
    tw_phrase more = tw_phrase_make(&scratch, TW_SAY_AND_MORE, &arg);
    tw_ink words = {0};
    tw_text_put(t, &words, "… ", strlen("… "));
    tw_text_phrase(t, &words, &more);
    if (words.bytes) tw_text_wrap(t, words.bytes, words.size, 2, 0);
    tw_ink_release(&words);
    tw_arena_release(&scratch.arena);
}

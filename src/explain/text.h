/* Setting a document's pieces as plain text of a given width: for the terminal, and for Markdown's code
 * blocks. */
#ifndef TW_EXPLAIN_TEXT_H
#define TW_EXPLAIN_TEXT_H

#include "explain/document.h"
#include "explain/ink.h"

typedef struct tw_text {
    tw_ink *ink;
    int width;
    bool colour, ascii;
    tw_language language;
} tw_text;

/* A phrase on one line, without colour. */
void tw_text_phrase(const tw_text *text, tw_ink *ink, const tw_phrase *phrase);
/* Bytes from the document, with ASCII in place of signs when only that may be used. */
void tw_text_put(const tw_text *text, tw_ink *ink, const char *bytes, size_t size);
/* Words broken into lines of at most the width, each after `indent` blanks; the first line starts at `at`. */
void tw_text_wrap(const tw_text *text, const char *words, size_t size, int indent, int at);
/* The sums of a block, and below them, when some were left out, how many there are. */
void tw_text_equations_all(const tw_text *text, const tw_block *block);
void tw_text_grids(const tw_text *text, const tw_block *block);
void tw_text_table(const tw_text *text, const tw_table *table);

/* `words` in a field of `width` columns: align < 0 flush left, 0 centred, > 0 flush right; in the colour of a
 * parameter when colour >= 0. */
void tw_text_field(const tw_text *text, tw_ink *ink, const char *words, int width, int align, int64_t colour);
/* What an atom shows: its number if wanted and known, else its symbol; "" for a zero. */
void tw_text_atom(const tw_atom *atom, bool number, char words[96]);

#endif

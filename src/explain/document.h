/* The document: what an explanation says, before anyone decides how it looks.
 *
 *     request -> problem (numbers) -> sections -> document -> renderer -> bytes
 *
 * A document is a list of blocks that hold symbols, numbers and words. Sections build it and format nothing;
 * renderers (renderers.h) show it and compute nothing. All its memory is one arena. After a failure building
 * goes on without effect; the arena's status tells at the end. */
#ifndef TW_EXPLAIN_DOCUMENT_H
#define TW_EXPLAIN_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/explain.h>

#include "explain/arena.h"
#include "explain/words.h"

enum { TW_SYMBOL_RANK = 5, TW_PHRASE_SPANS = 24 };

/* One number of a tensor by its name: w12, x[2,1,3], dL/dh11. Indices count from 1. */
typedef struct tw_symbol {
    char letter;   /* x, w, b, h; 0: nothing stands here */
    bool gradient; /* the derivative of the loss by it */
    bool brackets; /* indices need separating: w[2,1,1,2] */
    int rank;
    int64_t index[TW_SYMBOL_RANK];
    int64_t element; /* its number in the tensor, from 0 */
} tw_symbol;

/* A symbol, and its number when that is known; or, without a symbol, the share 1 / over. */
typedef struct tw_atom {
    tw_symbol symbol;
    double value;
    bool known;
    int64_t over;   /* > 0: the share, and nothing else */
    int64_t colour; /* the parameter that it belongs to; -1: none */
} tw_atom;

/* A run of a phrase. */
typedef enum tw_span_kind {
    TW_SPAN_TEXT = 0,
    TW_SPAN_MATH, /* the notation of notation.h */
    TW_SPAN_NUMBER,
    TW_SPAN_SIZES, /* 3x3 */
    TW_SPAN_SYMBOL
} tw_span_kind;

typedef struct tw_span {
    tw_span_kind kind;
    const char *text; /* TEXT, MATH: `length` bytes */
    size_t length;
    double number;
    int sizes;
    int64_t size[TW_SYMBOL_RANK];
    tw_symbol symbol;
} tw_span;

typedef struct tw_phrase {
    int count;
    tw_span *spans;
} tw_phrase;

/* left = sum of terms, each a product of one or two atoms; a share stands second: x11/4. */
typedef struct tw_term {
    int factors;
    tw_atom factor[2];
} tw_term;

typedef struct tw_equation {
    tw_atom left;
    int64_t total; /* terms of the whole sum */
    int count;     /* terms that are here: all, or the first ones and, after a gap, the last */
    int gap;       /* terms are missing before this one; 0: none are */
    tw_term *terms;
} tw_equation;

/* Numbers in rows and columns: an image, a kernel, a matrix, the pattern of one. */
typedef struct tw_grid {
    tw_phrase title;
    const char *joiner;    /* what stands between the grid before and this one: "*", "="; NULL: nothing */
    int64_t rows, columns; /* that are here */
    int64_t total_rows, total_columns;   /* of the whole */
    tw_atom *cells;                      /* [rows][columns]; an atom without symbol and number is a zero */
    tw_symbol *row_names, *column_names; /* NULL: none */
    bool matrix;                         /* zeros are dots */
    bool pattern;                        /* cells are densities, 0 to 1 */
} tw_grid;

typedef struct tw_table {
    int rows, columns;
    tw_phrase *head;  /* [columns] */
    tw_phrase *cells; /* [rows][columns] */
    bool *is_number;  /* [columns]: set flush right */
} tw_table;

typedef enum tw_block_kind {
    TW_BLOCK_HEADING = 0,
    TW_BLOCK_PARAGRAPH,
    TW_BLOCK_NOTE,    /* what needs attention */
    TW_BLOCK_DISPLAY, /* a formula in general, in the notation of notation.h */
    TW_BLOCK_EQUATIONS,
    TW_BLOCK_GRIDS, /* side by side where they fit */
    TW_BLOCK_TABLE,
    TW_BLOCK_FIGURE
} tw_block_kind;

typedef struct tw_block {
    struct tw_block *next;
    tw_block_kind kind;
    const char *section; /* a name of tw_explain_section, "" before the first */
    int level;           /* HEADING: 1 the document's, 2 a section's, 3 */
    tw_phrase phrase;    /* HEADING, PARAGRAPH, NOTE; FIGURE: its caption */
    const char *display;
    int64_t total; /* EQUATIONS: of the whole list */
    int count;     /* equations or grids here */
    tw_equation *equations;
    tw_grid *grids;
    tw_table table;
    struct tw_scene *scene;
    const char *figure; /* FIGURE: its name */
    bool drawn;         /* GRIDS: the figure that follows shows the same */
} tw_block;

/* A tensor whose numbers are known, for readers of the JSON form. */
typedef struct tw_facts {
    struct tw_facts *next;
    const char *name;
    int rank;
    int64_t shape[TW_SYMBOL_RANK];
    int64_t count;
    const double *values;
} tw_facts;

typedef struct tw_document {
    tw_arena arena;
    tw_language language;
    tw_word title;
    tw_block *first, *last;
    const char *section;
    const tw_geometry *geometry; /* of the convolution explained; NULL: none */
    tw_facts *facts, *last_fact;
    struct tw_network_facts *network;     /* NULL: no network is explained */
    const struct tw_matrix_facts *matrix; /* NULL: no convolution is */
} tw_document;

/* Spans for the places {0}, {1} ... of a message. */
tw_span tw_span_number(double number);
tw_span tw_span_sizes(int count, const int64_t *sizes);
tw_span tw_span_symbol(tw_symbol symbol);
tw_span tw_span_text(const char *text); /* borrowed until the document's end */

/* The message in the document's language, its places {n} filled with args[n] and `...` as notation. */
tw_phrase tw_phrase_make(tw_document *document, tw_word word, const tw_span *args);
tw_phrase tw_phrase_of(tw_document *document, tw_span span);

/* Blocks, appended. */
void tw_document_heading(tw_document *document, int level, tw_word word, const tw_span *args);
void tw_document_say(tw_document *document, tw_word word, const tw_span *args);
void tw_document_note(tw_document *document, tw_word word, const tw_span *args);
void tw_document_display(tw_document *document, const char *notation);
void tw_document_equations(tw_document *document, tw_equation *equations, int count, int64_t total);
void tw_document_grids(tw_document *document, tw_grid *grids, int count);
/* A table of empty cells under its head; NULL after a failure. */
tw_table *tw_document_table(tw_document *document, int rows, int columns, const tw_word *head);
/* A figure; drawn: it shows what the grids just before it say in letters. */
void tw_document_figure(tw_document *document, const char *name, struct tw_scene *scene, tw_phrase caption,
                        bool drawn);
void tw_document_fact(tw_document *document, tw_facts fact);

#endif

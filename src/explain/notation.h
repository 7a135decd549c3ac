/* The notation of formulas within sentences: plain text that each renderer can set.
 *
 *     x, w11, W^T, h_i       a letter with an index or an exponent
 *     dL/dw, dh/dw11         derivatives
 *     stride, floor, Σ_h     words stay upright
 *     = + - ∗ ( ) /          signs stay as they are */
#ifndef TW_EXPLAIN_NOTATION_H
#define TW_EXPLAIN_NOTATION_H

#include <stdbool.h>
#include <stddef.h>

typedef enum tw_token_kind {
    TW_TOKEN_LETTER = 0, /* one letter: italic */
    TW_TOKEN_WORD,       /* several: upright */
    TW_TOKEN_PARTIAL,    /* d`over` / d`text` */
    TW_TOKEN_OTHER       /* digits, signs, blanks */
} tw_token_kind;

typedef struct tw_token {
    tw_token_kind kind;
    const char *text; /* the letter, word or sign; of a derivative the letter below */
    size_t length;
    char over;                 /* of a derivative the letter above */
    const char *index, *power; /* NULL: none */
    size_t index_length, power_length;
} tw_token;

/* The next token of the text between *at and end; false at the end. */
bool tw_notation_next(const char **at, const char *end, tw_token *token);

/* A number as people read it: whole ones in full, others with five digits. At most 31 bytes. */
void tw_number_write(double number, char text[32]);

#endif

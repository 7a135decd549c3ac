/* Words of a network's text, with their place for messages.
 *
 * Words are split at blanks; ';' and newlines end an operator; '=' stands alone; '#' starts a comment to the
 * end of its line. Every number is read by hand, so no locale changes what a text means. */
#ifndef TW_NET_TOKENS_H
#define TW_NET_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

typedef struct tw_word {
    const char *at;
    size_t length; /* 0: the operator ends here */
    int line, column;
} tw_word;

typedef struct tw_words {
    const char *at, *line_start;
    int line;
    int number;   /* of the operator being read, from 1 */
    tw_word word; /* the present word */
} tw_words;

tw_words tw_words_open(const char *text);
/* The next word of this operator into words->word; its length is 0 at the operator's end. */
void tw_words_next(tw_words *words);
/* Passes over the end of an operator and empty ones; false at the end of the text. */
bool tw_words_operator(tw_words *words);

bool tw_word_is(tw_word word, const char *text);

/* FORMAT (or `status`): "operator 2, line 1, column 9: 'pda': expected ..." for the present word. */
__attribute__((format(printf, 3, 4))) tw_status tw_words_fail(const tw_words *words, tw_status status,
                                                              const char *format, ...);

/* A whole number: digits only, at most 18. Advances *at; false: no number there. */
bool tw_digits(const char **at, const char *end, int64_t *value);
/* A decimal number: digits, a point, an exponent; at most 15 significant digits and exponents to 22, so that
 * the value is the nearest double (Clinger, "How to read floating point numbers accurately", PLDI 1990). The
 * whole word must be the number. */
bool tw_decimal(tw_word word, double *value);
/* The shortest such text of a number that tw_decimal read. */
void tw_decimal_write(double value, char text[32]);

#endif

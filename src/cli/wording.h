/* Numbers, names and texts as people read them. */
#ifndef TW_CLI_WORDING_H
#define TW_CLI_WORDING_H

#include <stdint.h>
#include <stdio.h>

/* Room for any of the texts below. */
enum { TW_WORDING = 160 };
typedef struct tw_words {
    char text[TW_WORDING];
} tw_words;

/* Text from outside in quotes, shortened with "..." when long and with control bytes and broken
 * UTF-8 escaped: safe to print. */
tw_words tw_words_quoted(const char *text);
/* 1234567 as "1,234,567". */
tw_words tw_words_count(int64_t count);
/* 1536 as "1.5 KiB". */
tw_words tw_words_bytes(double bytes);
/* 75.2 seconds as "1:15"; hours before when there are any. */
tw_words tw_words_duration(double seconds);
/* {3, 32, 32} as "3x32x32". */
tw_words tw_words_sizes(const int64_t *sizes, int count);

/* The name of a NULL-terminated list that is most like `word` (edit distance at most a third of it and one),
 * or NULL. (Levenshtein 1966; Wagner and Fischer 1974.) */
const char *tw_words_nearest(const char *word, const char *const *names);

/* Prints `text` with lines broken at blanks so that they stay within `width` columns, each line after the
 * first indented by `indent` blanks; the first starts at column `column`. A newline in the text breaks too.
 * Ends with a newline. */
void tw_words_wrap(FILE *out, const char *text, int column, int indent, int width);

/* Bytes of the well-formed UTF-8 sequence at p, 0 when it is none. */
int tw_words_sequence(const unsigned char *p);

/* Columns that a UTF-8 text takes on a terminal, one a code point. */
int tw_words_columns(const char *text);

#endif

/* A small strict reader of JSON (RFC 8259) for the headers of files: checked whole first, then read by a
 * caller who knows what must come. Text is borrowed; numbers are whole numbers only. */
#ifndef TW_FORMAT_JSON_H
#define TW_FORMAT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/status.h>

enum { TW_JSON_DEPTH = 8 };

typedef struct tw_json {
    const char *file; /* for messages */
    int64_t origin;   /* offset of text[0] in the file, for messages */
    const unsigned char *text;
    int64_t size, at;
} tw_json;

/* The whole text is one JSON value, in strict UTF-8, nested at most TW_JSON_DEPTH deep; no string holds a NUL
 * or half a surrogate pair. FORMAT or LIMIT, with the byte offset. `at` stays. */
tw_status tw_json_check(const tw_json *json);

/* The calls below read a text that tw_json_check has passed. */

/* Takes the punctuation mark `mark` if it comes next (white space before it is skipped). */
bool tw_json_takes(tw_json *json, char mark);
/* `mark` must come next: FORMAT otherwise, saying what `where` expected. */
tw_status tw_json_expect(tw_json *json, char mark, const char *where);
/* The next value must be a string: decoded into a new block (tw_free). */
tw_status tw_json_string(tw_json *json, const char *where, char **text);
/* The next value must be a whole number 0 .. INT64_MAX, written in digits alone: FORMAT; OVERFLOW. */
tw_status tw_json_count(tw_json *json, const char *where, int64_t *value);

#endif

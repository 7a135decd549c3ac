/* Tokens by looking at most three letters ahead; no tree is needed, since the renderers set tokens one by
 * one. */
#include "explain/notation.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "explain/ink.h"

static size_t run(const char *s, const char *end, int (*belongs)(int)) {
    size_t length = 0;
    while (s + length < end && belongs((unsigned char)s[length])) length++;
    return length;
}

/* Digits that follow a letter at once, or what follows "_" and "^". */
static const char *attachments(const char *s, const char *end, tw_token *t) {
    size_t digits = run(s, end, isdigit);
    if (digits) {
        t->index = s;
        t->index_length = digits;
        return s + digits;
    }
    while (s + 1 < end && (*s == '_' || *s == '^')) {
        size_t length = run(s + 1, end, isalnum);
        if (!length) break;
        *(*s == '_' ? &t->index : &t->power) = s + 1;
        *(*s == '_' ? &t->index_length : &t->power_length) = length;
        s += 1 + length;
    }
    return s;
}

bool tw_notation_next(const char **at, const char *end, tw_token *t) {
    const char *s = *at;
    *t = (tw_token){.kind = TW_TOKEN_OTHER, .text = s};
    if (s >= end) return false;
    bool partial = end - s >= 5 && s[0] == 'd' && isalpha((unsigned char)s[1]) && s[2] == '/' &&
                   s[3] == 'd' && isalpha((unsigned char)s[4]);
    if (partial) {
        *t = (tw_token){.kind = TW_TOKEN_PARTIAL, .over = s[1], .text = s + 4, .length = 1};
        *at = attachments(s + 5, end, t);
        return true;
    }
    size_t letters = run(s, end, isalpha);
    if (letters) {
        t->kind = letters == 1 ? TW_TOKEN_LETTER : TW_TOKEN_WORD;
        t->length = letters;
        *at = attachments(s + letters, end, t);
        return true;
    }
    int width;
    t->length = tw_ink_character(s, (size_t)(end - s), &width);
    *at = t->length > 1 ? attachments(s + t->length, end, t) : s + 1;
    return true;
}

void tw_number_write(double number, char text[32]) {
    if (number == 0) number = 0; /* no -0 */
    bool whole = fabs(number) < 1e15 && number == trunc(number);
    snprintf(text, 32, whole ? "%.0f" : "%.5g", number);
}

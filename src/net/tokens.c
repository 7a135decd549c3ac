#include "net/tokens.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

tw_words tw_words_open(const char *text) {
    return (tw_words){.at = text, .line_start = text, .line = 1};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c) {
    return c == 0 || is_blank(c) || c == '\n' || c == ';' || c == '#' || c == '=';
}

static void skip_blanks(tw_words *words) {
    while (is_blank(*words->at)) words->at++;
    if (*words->at == '#')
        while (*words->at && *words->at != '\n') words->at++;
}

void tw_words_next(tw_words *words) {
    skip_blanks(words);
    const char *start = words->at;
    while (!ends_word(*words->at)) words->at++;
    if (words->at == start && *start == '=') words->at++;
    words->word = (tw_word){.at = start,
                            .length = (size_t)(words->at - start),
                            .line = words->line,
                            .column = (int)(start - words->line_start) + 1};
}

bool tw_words_operator(tw_words *words) {
    for (;;) {
        skip_blanks(words);
        if (*words->at == '\n') {
            words->line++;
            words->line_start = words->at + 1;
        } else if (*words->at != ';') {
            break;
        }
        words->at++;
    }
    if (*words->at == 0) return false;
    words->number++;
    return true;
}

bool tw_word_is(tw_word word, const char *text) {
    return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

tw_status tw_words_fail(const tw_words *words, tw_status status, const char *format, ...) {
    enum { SHOWN = 40 };
    tw_word word = words->word;
    char reason[512];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    int length = word.length > SHOWN ? SHOWN : (int)word.length;
    if (length == 0)
        return tw_fail(status, "operator %d, line %d, column %d: it ends here; %s", words->number, word.line,
                       word.column, reason);
    return tw_fail(status, "operator %d, line %d, column %d: '%.*s%s': %s", words->number, word.line,
                   word.column, length, word.at, word.length > SHOWN ? "..." : "", reason);
}

bool tw_digits(const char **at, const char *end, int64_t *value) {
    const char *start = *at;
    int64_t sum = 0;
    while (*at < end && isdigit((unsigned char)**at) && *at - start < 18) sum = sum * 10 + (*(*at)++ - '0');
    *value = sum;
    return *at > start && !(*at < end && isdigit((unsigned char)**at)); /* 18 digits: below 2^63 */
}

/* The exponent after a mantissa: nothing, or e[+-]digits. */
static bool read_exponent(const char **at, const char *end, int64_t *exponent) {
    *exponent = 0;
    if (*at == end || (**at != 'e' && **at != 'E')) return true;
    (*at)++;
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+')) (*at)++;
    if (!tw_digits(at, end, exponent) || *exponent > 1000) return false;
    if (negative) *exponent = -*exponent;
    return true;
}

bool tw_decimal(tw_word word, double *value) {
    const char *at = word.at, *end = word.at + word.length;
    int64_t mantissa = 0, exponent = 0, scale = 0;
    int significant = 0, seen = 0;
    for (bool point = false; at < end; at++) {
        if (*at == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)*at)) break;
        seen++;
        if (point) scale--;
        if (significant || *at != '0') significant++;
        if (significant > 15) return false;
        mantissa = mantissa * 10 + (*at - '0');
    }
    if (seen == 0 || seen > 40 || !read_exponent(&at, end, &exponent) || at != end) return false;
    exponent += scale;
    if (mantissa == 0) exponent = 0;
    if (exponent < -22 || exponent > 22) return false;
    double power = 1; /* exact: 10^22 < 5^22 2^22, and 5^22 < 2^53 */
    for (int64_t i = exponent < 0 ? -exponent : exponent; i > 0; i--) power *= 10;
    *value = exponent < 0 ? (double)mantissa / power : (double)mantissa * power;
    return true;
}

void tw_decimal_write(double value, char text[32]) {
    char raw[32];
    snprintf(raw, sizeof raw, "%.15g", value);
    int at = 0;
    for (const char *c = raw; *c; c++) {
        if (isdigit((unsigned char)*c) || *c == 'e' || *c == '-' || *c == '+')
            text[at++] = *c;
        else if (at == 0 || text[at - 1] != '.')
            text[at++] = '.'; /* whatever point the locale writes */
    }
    text[at] = 0;
}

/* The check is one iterative pass: a stack of TW_JSON_DEPTH closing marks stands for recursion, so that no
 * input can exhaust the machine's stack. What the check has passed, the readers need not distrust again: they
 * only look whether it is the kind of value that their caller expects. */
#include "format/json.h"

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

static tw_status malformed(const tw_json *json, int64_t at, const char *expected) {
    if (at >= json->size)
        return tw_fail(TW_ERROR_FORMAT, "%s: byte %lld: the JSON ends; expected %s", json->file,
                       (long long)(json->origin + at), expected);
    return tw_fail(TW_ERROR_FORMAT, "%s: byte %lld: '%c' in the JSON; expected %s", json->file,
                   (long long)(json->origin + at), json->text[at], expected);
}

static int64_t skip_space(const tw_json *json, int64_t at) {
    while (at < json->size && memchr(" \t\n\r", json->text[at], 4)) at++;
    return at;
}

/* ---- The check ---- */

/* Four hexadecimal digits at `at`, or -1. */
static int hexadecimal(const tw_json *json, int64_t at) {
    int value = 0;
    for (int64_t i = at; i < at + 4; i++) {
        if (i >= json->size) return -1;
        int c = json->text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The code point of the \u escape whose digits start at `at`; *length receives its bytes after the "\u". -1:
 * malformed, a NUL or half a surrogate pair. */
static int escaped_code(const tw_json *json, int64_t at, int *length) {
    int code = hexadecimal(json, at);
    *length = 4;
    if (code <= 0) return -1;
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code > 0xdbff || at + 6 > json->size || memcmp(json->text + at + 4, "\\u", 2) != 0) return -1;
    int low = hexadecimal(json, at + 6);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    *length = 10;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* Bytes of the UTF-8 sequence at `at` (RFC 3629: shortest form, no surrogates, at most U+10FFFF), 0 if none.
 */
static int utf8_length(const tw_json *json, int64_t at) {
    const unsigned char *s = json->text + at;
    int length = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;
    if (s[0] >= 0xf5 || (s[0] >= 0x80 && s[0] < 0xc2) || at + length > json->size) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return overlong || beyond ? 0 : length;
}

/* *at stands on the opening quote and is moved behind the closing one. */
static tw_status check_string(const tw_json *json, int64_t *at) {
    int64_t i = *at + 1;
    while (i < json->size && json->text[i] != '"') {
        int length;
        if (json->text[i] < 0x20) return malformed(json, i, "no control character within a string");
        if (json->text[i] != '\\') {
            length = utf8_length(json, i);
            if (length == 0) return malformed(json, i, "UTF-8");
            i += length;
        } else if (i + 1 < json->size && json->text[i + 1] == 'u') {
            if (escaped_code(json, i + 2, &length) < 0)
                return malformed(json, i, "\\u and the four digits of a character (no NUL, no half pair)");
            i += 2 + length;
        } else {
            if (i + 1 >= json->size || !memchr("\"\\/bfnrt", json->text[i + 1], 8))
                return malformed(json, i, "an escape of JSON");
            i += 2;
        }
    }
    if (i >= json->size) return malformed(json, i, "a closing quote");
    *at = i + 1;
    return TW_OK;
}

static int64_t skip_digits(const tw_json *json, int64_t at) {
    while (at < json->size && json->text[at] >= '0' && json->text[at] <= '9') at++;
    return at;
}

static tw_status check_number(const tw_json *json, int64_t *at) {
    int64_t first = *at + (json->text[*at] == '-'), end = skip_digits(json, first);
    if (end == first) return malformed(json, end, "a value");
    if (json->text[first] == '0' && end > first + 1) return malformed(json, first, "no leading zero");
    if (end < json->size && json->text[end] == '.') {
        first = end + 1;
        end = skip_digits(json, first);
        if (end == first) return malformed(json, end, "a digit");
    }
    if (end < json->size && (json->text[end] | 0x20) == 'e') {
        first = end + 1;
        if (first < json->size && (json->text[first] == '+' || json->text[first] == '-')) first++;
        end = skip_digits(json, first);
        if (end == first) return malformed(json, end, "a digit");
    }
    *at = end;
    return TW_OK;
}

/* A string, number or word. */
static tw_status check_scalar(const tw_json *json, int64_t *at) {
    static const char *const words[] = {"true", "false", "null"};
    if (*at >= json->size) return malformed(json, *at, "a value");
    if (json->text[*at] == '"') return check_string(json, at);
    for (int i = 0; i < 3; i++) {
        int64_t length = (int64_t)strlen(words[i]);
        if (*at + length <= json->size && memcmp(json->text + *at, words[i], (size_t)length) == 0) {
            *at += length;
            return TW_OK;
        }
    }
    return check_number(json, at);
}

/* "key": within an object; nothing within an array. */
static tw_status check_key(const tw_json *json, int64_t *at, char closes) {
    if (closes != '}') return TW_OK;
    *at = skip_space(json, *at);
    if (*at >= json->size || json->text[*at] != '"') return malformed(json, *at, "a key in quotes");
    tw_status status = check_string(json, at);
    if (status) return status;
    *at = skip_space(json, *at);
    if (*at >= json->size || json->text[*at] != ':') return malformed(json, *at, "':'");
    ++*at;
    return TW_OK;
}

/* After a value: closes what ends here, takes the comma and key of what goes on. *ends: the text is over. */
static tw_status check_after_value(const tw_json *json, int64_t *at, char *closes, int *depth, bool *ends) {
    for (;;) {
        *at = skip_space(json, *at);
        *ends = *depth == 0;
        if (*ends) return *at == json->size ? TW_OK : malformed(json, *at, "nothing after the value");
        char close = closes[*depth - 1];
        if (*at < json->size && json->text[*at] == ',') {
            ++*at;
            return check_key(json, at, close);
        }
        if (*at >= json->size || json->text[*at] != (unsigned char)close)
            return malformed(json, *at, close == '}' ? "',' or '}'" : "',' or ']'");
        ++*at;
        --*depth;
    }
}

tw_status tw_json_check(const tw_json *json) {
    char closes[TW_JSON_DEPTH];
    int depth = 0;
    int64_t at = json->at;
    for (bool ends = false; !ends;) {
        at = skip_space(json, at);
        bool opens = at < json->size && (json->text[at] == '{' || json->text[at] == '[');
        tw_status status;
        if (opens && depth == TW_JSON_DEPTH)
            return tw_fail(TW_ERROR_LIMIT, "%s: byte %lld: JSON nested deeper than %d", json->file,
                           (long long)(json->origin + at), TW_JSON_DEPTH);
        if (opens) {
            closes[depth++] = json->text[at++] == '{' ? '}' : ']';
            at = skip_space(json, at);
            if (at >= json->size || json->text[at] != (unsigned char)closes[depth - 1]) {
                if ((status = check_key(json, &at, closes[depth - 1]))) return status;
                continue;
            }
        } else if ((status = check_scalar(json, &at))) {
            return status;
        }
        if ((status = check_after_value(json, &at, closes, &depth, &ends))) return status;
    }
    return TW_OK;
}

/* ---- Reading what was checked ---- */

bool tw_json_takes(tw_json *json, char mark) {
    int64_t at = skip_space(json, json->at);
    if (at >= json->size || json->text[at] != (unsigned char)mark) return false;
    json->at = at + 1;
    return true;
}

static tw_status unexpected(const tw_json *json, const char *where, const char *expected) {
    int64_t at = skip_space(json, json->at);
    return tw_fail(TW_ERROR_FORMAT, "%s: byte %lld: %s: expected %s, found '%c'", json->file,
                   (long long)(json->origin + at), where, expected, at < json->size ? json->text[at] : ' ');
}

tw_status tw_json_expect(tw_json *json, char mark, const char *where) {
    const char text[] = {'\'', mark, '\'', 0};
    return tw_json_takes(json, mark) ? TW_OK : unexpected(json, where, text);
}

static char *put_utf8(char *out, int code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3; /* continuation bytes */
    static const int lead[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(lead[more] | code >> (6 * more));
    while (more-- > 0) *out++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    return out;
}

tw_status tw_json_string(tw_json *json, const char *where, char **text) {
    *text = NULL;
    if (!tw_json_takes(json, '"')) return unexpected(json, where, "a string");
    int64_t end = json->at;
    while (json->text[end] != '"') end += json->text[end] == '\\' ? 2 : 1;
    char *out = *text = tw_alloc(end - json->at + 1, 1); /* no escape is shorter than what it stands for */
    if (!out) return TW_ERROR_MEMORY;
    while (json->at < end) {
        unsigned char c = json->text[json->at++];
        if (c != '\\') {
            *out++ = (char)c;
            continue;
        }
        c = json->text[json->at++];
        static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
        const char *letter = strchr(letters, c);
        if (c == 'u') {
            int length;
            out = put_utf8(out, escaped_code(json, json->at, &length));
            json->at += length;
        } else {
            *out++ = letter ? meanings[letter - letters] : (char)c;
        }
    }
    *out = 0;
    json->at = end + 1;
    return TW_OK;
}

tw_status tw_json_count(tw_json *json, const char *where, int64_t *value) {
    int64_t first = skip_space(json, json->at), end = skip_digits(json, first), sum = 0;
    bool goes_on = end < json->size && memchr(".eE", json->text[end], 3);
    if (end == first || goes_on) return unexpected(json, where, "a whole number, not negative");
    for (int64_t i = first; i < end; i++)
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, json->text[i] - '0', &sum))
            return tw_fail(TW_ERROR_OVERFLOW, "%s: byte %lld: %s: %.*s does not fit 63 bits", json->file,
                           (long long)(json->origin + first), where,
                           (int)(end - first < 40 ? end - first : 40), (const char *)json->text + first);
    *value = sum;
    json->at = end;
    return TW_OK;
}

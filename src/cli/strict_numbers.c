/* Numbers from text, strictly.
 *
 * strtoll and strtod accept more than people mean (leading blanks, 0x10, "nan", what stands behind), so the
 * characters are checked first. The command never calls setlocale, so the point of strtod stays a point. */
#include "strict_numbers.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t digits(const char *text, size_t length, size_t at) {
    while (at < length && isdigit((unsigned char)text[at])) ++at;
    return at;
}

const char *tw_number_integer(const char *text, size_t length, int64_t *number) {
    const size_t sign = length > 0 && text[0] == '-';
    if (length == 0) return "is empty, expected a whole number";
    if (sign == length || digits(text, length, sign) != length) return "is not a whole number";

    int64_t magnitude = 0; /* kept negative: the range reaches one further there */
    for (size_t i = sign; i < length; ++i)
        if (__builtin_mul_overflow(magnitude, 10, &magnitude) ||
            __builtin_sub_overflow(magnitude, text[i] - '0', &magnitude))
            return "is too large a number";
    if (sign && magnitude == 0) return "is not a whole number";
    if (!sign && magnitude == INT64_MIN) return "is too large a number";
    *number = sign ? magnitude : -magnitude;
    return NULL;
}

/* digits [. digits] [e [sign] digits], at least one digit before the e. */
static bool reads_as_real(const char *text, size_t length) {
    const size_t start = length > 0 && text[0] == '-';
    size_t at = digits(text, length, start);
    size_t seen = at - start;
    if (at < length && text[at] == '.') {
        const size_t point = at + 1;
        at = digits(text, length, point);
        seen += at - point;
    }
    if (seen == 0) return false;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        const size_t exponent = at + 1 + (at + 1 < length && (text[at + 1] == '-' || text[at + 1] == '+'));
        at = digits(text, length, exponent);
        if (at == exponent) return false;
    }
    return at == length;
}

const char *tw_number_real(const char *text, size_t length, double *number) {
    char copy[64];
    if (length == 0) return "is empty, expected a number";
    if (!reads_as_real(text, length)) return "is not a decimal number such as 0.05";
    if (length >= sizeof copy) return "has too many digits";
    memcpy(copy, text, length);
    copy[length] = '\0';
    const double value = strtod(copy, NULL);
    if (!isfinite(value)) return "is too large a number";
    *number = value;
    return NULL;
}

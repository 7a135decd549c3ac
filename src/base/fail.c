/* The message of the last failure, one buffer per thread. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE = 1024 };
static _Thread_local char message[MESSAGE];

const char *tw_message(void) {
    return message;
}

const char *tw_status_name(tw_status status) {
    static const char *const names[] = {
        [TW_OK] = "ok",
        [TW_ERROR_ARGUMENT] = "argument",
        [TW_ERROR_SHAPE] = "shape",
        [TW_ERROR_OVERFLOW] = "overflow",
        [TW_ERROR_LIMIT] = "limit",
        [TW_ERROR_TRUNCATED] = "truncated",
        [TW_ERROR_FORMAT] = "format",
        [TW_ERROR_UNSUPPORTED] = "unsupported",
        [TW_ERROR_PATH] = "path",
        [TW_ERROR_MEMORY] = "memory",
        [TW_ERROR_IO] = "io",
        [TW_ERROR_CHECKSUM] = "checksum",
        [TW_ERROR_VERSION] = "version",
        [TW_ERROR_NUMERIC] = "numeric",
        [TW_ERROR_ALIAS] = "alias",
        [TW_ERROR_PEER] = "peer",
        [TW_STOPPED] = "stopped",
    };
    int i = (int)status;
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : "unknown";
}

/* Bytes of the UTF-8 sequence that starts at s, 0 if it is malformed or a control character (RFC 3629). */
static int utf8_length(const unsigned char *s) {
    if (s[0] >= 0x20 && s[0] < 0x7f) return 1;
    int length = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
                 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                               : 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate_or_beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    bool c1_control = s[0] == 0xc2 && s[1] < 0xa0;
    return overlong || surrogate_or_beyond || c1_control ? 0 : length;
}

static void set_message(const char *raw) {
    size_t at = 0;
    const unsigned char *s = (const unsigned char *)raw;
    while (*s && at + 5 < MESSAGE) {
        int length = utf8_length(s);
        if (length == 0) {
            at += (size_t)snprintf(message + at, MESSAGE - at, "\\x%02x", *s++);
        } else {
            memcpy(message + at, s, (size_t)length);
            at += (size_t)length;
            s += length;
        }
    }
    message[at] = 0;
}

tw_status tw_fail(tw_status status, const char *format, ...) {
    char raw[MESSAGE];
    va_list list;
    va_start(list, format);
    if (vsnprintf(raw, sizeof raw, format, list) < 0) raw[0] = 0;
    va_end(list);
    set_message(raw);
    return status;
}

tw_status tw_fail_within(tw_status status, const char *format, ...) {
    char raw[2 * MESSAGE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(raw, MESSAGE, format, list);
    va_end(list);
    size_t at = length < 0 ? 0 : length < MESSAGE ? (size_t)length : MESSAGE - 1;
    snprintf(raw + at, sizeof raw - at, "%s", message);
    set_message(raw);
    return status;
}

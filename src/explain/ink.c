/* A growing buffer, and how wide its text will stand. Doubling keeps writing linear in the bytes. Widths
 * follow the ranges of Unicode's East Asian Width "W" and "F" that Chinese text uses (Unicode Annex 11). */
#include "explain/ink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

static bool has_room(tw_ink *ink, size_t more) {
    if (ink->status) return false;
    if (ink->size + more < ink->room) return true;
    size_t room = 2 * (ink->size + more) + 256;
    char *bytes = tw_regrow(ink->bytes, (int64_t)ink->size, (int64_t)room, 1);
    if (!bytes) {
        ink->status = TW_ERROR_MEMORY;
        return false;
    }
    ink->bytes = bytes;
    ink->room = room;
    return true;
}

void tw_ink_bytes(tw_ink *ink, const void *bytes, size_t size) {
    if (!has_room(ink, size + 1)) return;
    if (size) memcpy(ink->bytes + ink->size, bytes, size);
    ink->size += size;
    ink->bytes[ink->size] = 0;
}

void tw_ink_text(tw_ink *ink, const char *text) {
    tw_ink_bytes(ink, text, strlen(text));
}

void tw_ink_repeat(tw_ink *ink, const char *text, int64_t count) {
    for (int64_t i = 0; i < count; i++) tw_ink_text(ink, text);
}

void tw_ink_print(tw_ink *ink, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length >= (int)sizeof text) { /* rare: long texts are written with tw_ink_text */
        if (!has_room(ink, (size_t)length + 1)) return;
        va_start(list, format);
        vsnprintf(ink->bytes + ink->size, (size_t)length + 1, format, list);
        va_end(list);
        ink->size += (size_t)length;
    } else if (length > 0) {
        tw_ink_bytes(ink, text, (size_t)length);
    }
}

void tw_ink_release(tw_ink *ink) {
    tw_free(ink->bytes);
    *ink = (tw_ink){0};
}

size_t tw_ink_character(const char *text, size_t size, int *width) {
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0xc2 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 1;
    if (length > size) length = 1;
    uint32_t code = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) code = code << 6 | (s[i] & 0x3fu);
    bool mark = code >= 0x300 && code < 0x370; /* accents that stand on the character before */
    bool wide = (code >= 0x1100 && code < 0x1160) || (code >= 0x2e80 && code < 0xa4d0) ||
                (code >= 0xac00 && code < 0xd7a4) || (code >= 0xf900 && code < 0xfb00) ||
                (code >= 0xfe30 && code < 0xfe70) || (code >= 0xff00 && code < 0xff61) ||
                (code >= 0xffe0 && code < 0xffe7) || (code >= 0x20000 && code < 0x40000);
    *width = mark ? 0 : wide ? 2 : 1;
    return length;
}

int tw_ink_width(const char *text, size_t size) {
    int sum = 0;
    for (size_t i = 0; i < size;) {
        int width;
        i += tw_ink_character(text + i, size - i, &width);
        sum += width;
    }
    return sum;
}

/* Two blocks: the letter's room, which the page fills, and the reply, which grows. */
#include "mailbox.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *room;
static size_t room_bytes;

static struct reply {
    char *text;
    size_t size, capacity;
    bool failed;
} reply;

static const char refusal[] = "{\"status\":\"memory\",\"message\":\"no memory for the answer\"}";

static bool is_size(double size, double most) {
    return size >= 0 && size <= most && size == floor(size);
}

/* Room for a letter of `bytes` bytes; 0 when that is no size, is over the limit, or there is no memory. What
 * was in the old room is gone. */
TW_WEB_EXPORT char *tw_web_room(double bytes) {
    free(room);
    room = NULL;
    room_bytes = 0;
    if (!is_size(bytes, TW_LETTER_MOST)) return NULL;
    room = malloc((size_t)bytes + 1);
    if (room) room_bytes = (size_t)bytes;
    return room;
}

TW_WEB_EXPORT const char *tw_web_reply(void) {
    return reply.failed ? refusal : reply.text;
}

TW_WEB_EXPORT double tw_web_reply_size(void) {
    return reply.failed ? (double)(sizeof refusal - 1) : (double)reply.size;
}

tw_status tw_letter_take(double size, char **letter) {
    *letter = NULL;
    if (!room || !is_size(size, (double)room_bytes)) {
        tw_reply_failure(TW_ERROR_ARGUMENT, "the letter does not fit the room that was given for it");
        return TW_ERROR_ARGUMENT;
    }
    room[(size_t)size] = 0;
    *letter = room;
    return TW_OK;
}

void tw_reply_begin(void) {
    reply.size = 0;
    reply.failed = false;
}

static bool reserve(size_t more) {
    if (reply.failed || reply.capacity - reply.size >= more) return !reply.failed;
    size_t capacity = 2 * reply.capacity + more + 4096;
    char *grown = realloc(reply.text, capacity);
    if (!grown) {
        reply.failed = true;
        return false;
    }
    reply.text = grown;
    reply.capacity = capacity;
    return true;
}

void tw_reply_bytes(const char *bytes, size_t size) {
    if (!reserve(size)) return;
    memcpy(reply.text + reply.size, bytes, size);
    reply.size += size;
}

void tw_reply_print(const char *format, ...) {
    char piece[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (length > 0) tw_reply_bytes(piece, (size_t)length < sizeof piece ? (size_t)length : sizeof piece - 1);
}

void tw_reply_string(const char *text) {
    tw_reply_bytes("\"", 1);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            tw_reply_print("\\%c", c);
        else if (c < 0x20)
            tw_reply_print("\\u%04x", c);
        else
            tw_reply_bytes(text, 1);
    }
    tw_reply_bytes("\"", 1);
}

void tw_reply_numbers(const double *values, int64_t count) {
    tw_reply_bytes("[", 1);
    for (int64_t i = 0; i < count; i++) {
        if (i) tw_reply_bytes(",", 1);
        if (isfinite(values[i]))
            tw_reply_print("%.17g", values[i] == 0 ? 0 : values[i]);
        else
            tw_reply_bytes("null", 4);
    }
    tw_reply_bytes("]", 1);
}

void tw_reply_failure(tw_status status, const char *message) {
    tw_reply_begin();
    tw_reply_print("{\"status\":\"%s\",\"message\":", tw_status_name(status));
    tw_reply_string(message ? message : tw_message());
    tw_reply_bytes("}", 1);
}

/* How the page and the library exchange bytes: the page asks for room, writes a letter into it, and calls;
 * the reply stands here until the next call.
 *
 * The page never hands over an address. Sizes come as doubles, so that NaN, fractions, -1 and 2^32 arrive as
 * what they are and are refused here, before they could wrap. */
#ifndef TWILL_WEB_MAILBOX_H
#define TWILL_WEB_MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

#define TW_WEB_EXPORT __attribute__((used, visibility("default")))

enum { TW_LETTER_MOST = 1 << 22 };

/* The letter of `size` bytes that the page has written, with a zero byte after it. ARGUMENT: no such size, or
 * more than the room that was given; then the reply says so. */
tw_status tw_letter_take(double size, char **letter);

/* The reply, built piece by piece; a failed allocation makes the whole a short refusal. */
void tw_reply_begin(void);
void tw_reply_bytes(const char *bytes, size_t size);
__attribute__((format(printf, 1, 2))) void tw_reply_print(const char *format, ...);
/* A JSON string, quotes included. */
void tw_reply_string(const char *text);
/* Numbers with 17 digits, so that the page reads the same f64; NaN and infinity become null. */
void tw_reply_numbers(const double *values, int64_t count);
/* Replaces the reply by {"status": ..., "message": ...}: the message of the last failure when NULL. */
void tw_reply_failure(tw_status status, const char *message);

#endif

/* Bytes as they are written: a buffer that grows, for every renderer. The first failure sticks; ask at the
 * end. */
#ifndef TW_EXPLAIN_INK_H
#define TW_EXPLAIN_INK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

typedef struct tw_ink {
    char *bytes;
    size_t size, room;
    tw_status status;
} tw_ink;

void tw_ink_bytes(tw_ink *ink, const void *bytes, size_t size);
void tw_ink_text(tw_ink *ink, const char *text);
void tw_ink_repeat(tw_ink *ink, const char *text, int64_t count);
__attribute__((format(printf, 2, 3))) void tw_ink_print(tw_ink *ink, const char *format, ...);
void tw_ink_release(tw_ink *ink);

/* Columns of a terminal that UTF-8 text takes: two for Chinese and full-width characters. */
int tw_ink_width(const char *text, size_t size);
/* Bytes of the character at `text` (1 for a byte that starts none), its columns into *width. */
size_t tw_ink_character(const char *text, size_t size, int *width);

#endif

/* One JSON object on one line of stdout, field by field (RFC 8259). */
#ifndef TW_CLI_JSON_LINE_H
#define TW_CLI_JSON_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* tw_json_begin, then fields, then tw_json_end, which ends the line and flushes it. Nested objects and arrays
 * are opened under a name (NULL inside an array). Text that is not UTF-8 has its broken bytes replaced by
 * U+FFFD; a number that is not finite becomes null. */
void tw_json_begin(void);
void tw_json_text(const char *name, const char *text); /* NULL: null */
void tw_json_integer(const char *name, int64_t number);
void tw_json_real(const char *name, double number);
void tw_json_boolean(const char *name, bool fact);
void tw_json_open_object(const char *name);
void tw_json_open_array(const char *name);
void tw_json_close_object(void);
void tw_json_close_array(void);
void tw_json_end(void);

#endif

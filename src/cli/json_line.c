/* One JSON object on one line of stdout. The only state is whether a comma is due; stdout itself remembers an
 * error of writing until the end. */
#include "json_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wording.h"

static bool comma_due;

static void put_text(const char *text) {
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int length = tw_words_sequence(p);
        if (length == 0) {
            fputs("\\ufffd", stdout);
            ++p;
            continue;
        }
        if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p < 0x20 || *p == 0x7F)
            printf("\\u%04x", *p);
        else
            fwrite(p, 1, (size_t)length, stdout);
        p += length;
    }
    putchar('"');
}

static void put_name(const char *name) {
    if (comma_due) putchar(',');
    comma_due = true;
    if (!name) return;
    put_text(name);
    putchar(':');
}

void tw_json_begin(void) {
    comma_due = false;
    putchar('{');
}

void tw_json_text(const char *name, const char *text) {
    put_name(name);
    if (text)
        put_text(text);
    else
        fputs("null", stdout);
}

void tw_json_integer(const char *name, int64_t number) {
    put_name(name);
    printf("%" PRId64, number);
}

void tw_json_real(const char *name, double number) {
    char text[40];
    put_name(name);
    if (!isfinite(number)) {
        fputs("null", stdout);
        return;
    }
    snprintf(text, sizeof text, "%.15g", number); /* the short form when it reads back to the same number */
    if (strtod(text, NULL) != number) snprintf(text, sizeof text, "%.17g", number);
    fputs(text, stdout);
}

void tw_json_boolean(const char *name, bool fact) {
    put_name(name);
    fputs(fact ? "true" : "false", stdout);
}

void tw_json_open_object(const char *name) {
    put_name(name);
    putchar('{');
    comma_due = false;
}

void tw_json_open_array(const char *name) {
    put_name(name);
    putchar('[');
    comma_due = false;
}

void tw_json_close_object(void) {
    putchar('}');
    comma_due = true;
}

void tw_json_close_array(void) {
    putchar(']');
    comma_due = true;
}

void tw_json_end(void) {
    fputs("}\n", stdout);
    fflush(stdout);
}

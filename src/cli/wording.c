/* Numbers, names and texts as people read them: small fixed buffers by value, nothing allocated. */
#include "wording.h"

#include <stdbool.h>
#include <string.h>

enum { QUOTED_MOST = 60, NAME_MOST = 48 };

int tw_words_sequence(const unsigned char *p) {
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second */
        int length;
    } rows[] = {
        {0x00, 0x7F, 0x00, 0xFF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        if (p[0] < rows[i].first || p[0] > rows[i].last) continue;
        if (rows[i].length == 1) return 1;
        if (p[1] < rows[i].low || p[1] > rows[i].high) return 0;
        for (int k = 2; k < rows[i].length; ++k)
            if ((p[k] & 0xC0) != 0x80) return 0;
        return rows[i].length;
    }
    return 0;
}

tw_words tw_words_quoted(const char *text) {
    tw_words words;
    char *out = words.text;
    const unsigned char *p = (const unsigned char *)text;
    *out++ = '"';
    for (int shown = 0; *p != '\0'; ++shown) {
        if (shown == QUOTED_MOST || out - words.text > TW_WORDING - 12) {
            memcpy(out, "...", 3);
            out += 3;
            break;
        }
        const bool control = *p < 0x20 || *p == 0x7F || (*p == 0xC2 && p[1] < 0xA0);
        const int length = control ? 0 : tw_words_sequence(p);
        if (length == 0) {
            out += snprintf(out, 5, "\\x%02X", *p);
            ++p;
        } else {
            memcpy(out, p, (size_t)length);
            out += length;
            p += length;
        }
    }
    *out++ = '"';
    *out = '\0';
    return words;
}

tw_words tw_words_count(int64_t count) {
    tw_words words;
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    char *out = words.text;
    for (int i = 0; i < length; ++i) {
        *out++ = digits[i];
        const int left = length - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-') *out++ = ',';
    }
    *out = '\0';
    return words;
}

tw_words tw_words_bytes(double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    tw_words words;
    size_t unit = 0;
    while (bytes >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        ++unit;
    }
    snprintf(words.text, sizeof words.text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return words;
}

tw_words tw_words_duration(double seconds) {
    tw_words words;
    if (!(seconds >= 0)) seconds = 0;
    if (seconds > 359999) seconds = 359999; /* 99:59:59 */
    const int whole = (int)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(words.text, sizeof words.text, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(words.text, sizeof words.text, "%d:%02d", whole / 60, whole % 60);
    return words;
}

tw_words tw_words_sizes(const int64_t *sizes, int count) {
    tw_words words = {""};
    size_t at = 0;
    for (int i = 0; i < count && at < sizeof words.text; ++i)
        at += (size_t)snprintf(words.text + at, sizeof words.text - at, i > 0 ? "x%lld" : "%lld",
                               (long long)sizes[i]);
    return words;
}

static int least(int a, int b, int c) {
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static int distance(const char *a, const char *b) {
    int row[NAME_MOST + 1];
    const int columns = (int)strlen(b);
    for (int j = 0; j <= columns; ++j) row[j] = j;
    for (int i = 1; a[i - 1] != '\0'; ++i) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= columns; ++j) {
            const int changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[columns];
}

const char *tw_words_nearest(const char *word, const char *const *names) {
    const char *nearest = NULL;
    const size_t length = strlen(word);
    if (length == 0 || length > NAME_MOST) return NULL;
    int best = length < 3 ? 2 : (int)(length / 3) + 2; /* the first distance that is too far */
    for (; *names; ++names) {
        if (strlen(*names) > NAME_MOST) continue;
        const int d = distance(word, *names);
        if (d < best) {
            best = d;
            nearest = *names;
        }
    }
    return nearest;
}

int tw_words_columns(const char *text) {
    int columns = 0;
    for (; *text; ++text) columns += ((unsigned char)*text & 0xC0) != 0x80;
    return columns;
}

static void blanks(FILE *out, int count) {
    if (count > 0) fprintf(out, "%*s", count, "");
}

void tw_words_wrap(FILE *out, const char *text, int column, int indent, int width) {
    bool fresh = column <= indent; /* nothing of the text on this line yet */
    while (*text) {
        if (*text == '\n') {
            fputc('\n', out);
            ++text;
            /* Indented lines of the text stand as they are: examples, tables. */
            column = 0;
            fresh = true;
            if (*text == ' ') {
                const size_t line = strcspn(text, "\n");
                blanks(out, indent);
                fwrite(text, 1, line, out);
                text += line;
            }
            continue;
        }
        if (*text == ' ') {
            ++text;
            continue;
        }
        const int length = (int)strcspn(text, " \n");
        if (!fresh && column + 1 + length > width) {
            fputc('\n', out);
            column = 0;
            fresh = true;
        }
        if (fresh && column < indent) {
            blanks(out, indent - column);
            column = indent;
        }
        if (!fresh) {
            fputc(' ', out);
            ++column;
        }
        fwrite(text, 1, (size_t)length, out);
        column += length;
        text += length;
        fresh = false;
    }
    fputc('\n', out);
}

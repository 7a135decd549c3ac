/* A table of texts. Cells are kept until all are known, since the widest decides a column's width. */
#include "aligned_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wording.h"

enum { COLUMNS_MOST = 16, GAP = 2, SHORTEST = 8 };

struct tw_table {
    char aligns[COLUMNS_MOST + 1];
    int columns;
    char **cells; /* [count], the headings first */
    size_t count, room;
    bool failed;
};

static void put(tw_table *table, const char *text) {
    if (table->count == table->room) {
        const size_t room = table->room * 2 + 64;
        char **cells = realloc(table->cells, room * sizeof *cells);
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->room = room;
    }
    char *copy = strdup(text);
    if (copy)
        table->cells[table->count++] = copy;
    else
        table->failed = true;
}

tw_table *tw_table_create(const char *aligns, const char *const *headings) {
    tw_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    snprintf(table->aligns, sizeof table->aligns, "%s", aligns);
    table->columns = (int)strlen(table->aligns);
    for (int i = 0; i < table->columns; ++i) put(table, headings[i]);
    if (!table->failed) return table;
    tw_table_free(table);
    return NULL;
}

void tw_table_cell(tw_table *table, const char *format, ...) {
    char text[512];
    va_list values;
    if (!table || table->failed) return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    put(table, text);
}

/* Widths of the columns; the 's' column gives way when all together exceed `most`. */
static void measure(const tw_table *table, int most, int widths[COLUMNS_MOST]) {
    int total = (table->columns - 1) * GAP;
    memset(widths, 0, COLUMNS_MOST * sizeof *widths);
    for (size_t i = 0; i < table->count; ++i) {
        const int width = tw_words_columns(table->cells[i]);
        int *widest = &widths[i % (size_t)table->columns];
        if (width > *widest) *widest = width;
    }
    for (int c = 0; c < table->columns; ++c) total += widths[c];
    const char *gives = strchr(table->aligns, 's');
    if (most <= 0 || total <= most || !gives) return;
    int *width = &widths[gives - table->aligns];
    const int rest = total - *width;
    *width = most - rest > SHORTEST ? most - rest : *width < SHORTEST ? *width : SHORTEST;
}

/* Bytes of the first `columns` columns of a text. */
static int bytes_of(const char *text, int columns) {
    int at = 0;
    while (text[at]) {
        if (((unsigned char)text[at] & 0xC0) != 0x80 && columns-- == 0) break;
        ++at;
    }
    return at;
}

static void print_cell(FILE *out, const char *text, int width, char align, bool last) {
    const int columns = tw_words_columns(text);
    const int blank = width > columns ? width - columns : 0;
    if (align == 'r')
        fprintf(out, "%*s%s", blank, "", text);
    else if (columns > width)
        fprintf(out, "%.*s...", bytes_of(text, width - 3), text);
    else if (last)
        fputs(text, out);
    else
        fprintf(out, "%s%*s", text, blank, "");
}

static bool has_headings(const tw_table *table) {
    for (int i = 0; i < table->columns; ++i)
        if (table->cells[i][0] != '\0') return true;
    return false;
}

void tw_table_print(const tw_table *table, FILE *out, int indent, int width) {
    int widths[COLUMNS_MOST];
    if (!table) return;
    measure(table, width - indent, widths);
    for (size_t i = has_headings(table) ? 0 : (size_t)table->columns; i < table->count; ++i) {
        const int column = (int)(i % (size_t)table->columns);
        const bool last = column + 1 == table->columns;
        fprintf(out, "%*s", column == 0 ? indent : GAP, "");
        print_cell(out, table->cells[i], widths[column], table->aligns[column], last);
        if (last || i + 1 == table->count) fputc('\n', out);
    }
}

void tw_table_free(tw_table *table) {
    if (!table) return;
    for (size_t i = 0; i < table->count; ++i) free(table->cells[i]);
    free(table->cells);
    free(table);
}

/* Tables: columns as wide as their widest cell, the last one broken into lines where the width ends; when
 * even that does not fit, each row as a list of its cells under their heads. */
#include "explain/text.h"

#include <string.h>

#include "base/checked.h"

enum { MOST_COLUMNS = 16, LEAST_LAST = 32, LIST_INDENT = 2 };

static tw_ink words_of(const tw_text *t, const tw_phrase *phrase) {
    tw_ink ink = {0};
    tw_text_phrase(t, &ink, phrase);
    tw_ink_text(&ink, "");
    if (ink.status) t->ink->status = ink.status;
    return ink;
}

static int phrase_width(const tw_text *t, const tw_phrase *phrase) {
    tw_ink words = words_of(t, phrase);
    int width = words.bytes ? tw_ink_width(words.bytes, words.size) : 0;
    tw_ink_release(&words);
    return width;
}

static void put_row(const tw_text *t, const tw_table *table, const tw_phrase *cells, const int *widths) {
    int column = 0;
    for (int c = 0; c < table->columns; c++) {
        tw_ink words = words_of(t, &cells[c]);
        bool last = c + 1 == table->columns;
        if (words.bytes && last && !table->is_number[c])
            tw_text_wrap(t, words.bytes, words.size, column, column);
        else if (words.bytes) {
            tw_text_field(t, t->ink, words.bytes, widths[c], table->is_number[c] ? 1 : last ? 0 : -1, -1);
            tw_ink_text(t->ink, last ? "\n" : "  ");
        }
        column += widths[c] + 2;
        tw_ink_release(&words);
    }
}

static void put_list(const tw_text *t, const tw_table *table, const tw_phrase *cells) {
    for (int c = 0; c < table->columns; c++) {
        tw_ink head = words_of(t, &table->head[c]), words = words_of(t, &cells[c]);
        tw_ink_text(&head, ": ");
        tw_ink_bytes(&head, words.bytes ? words.bytes : "", words.size);
        if (head.bytes && words.size) tw_text_wrap(t, head.bytes, head.size, LIST_INDENT, 0);
        tw_ink_release(&head);
        tw_ink_release(&words);
    }
}

void tw_text_table(const tw_text *t, const tw_table *table) {
    int widths[MOST_COLUMNS] = {0}, sum = 0;
    for (int c = 0; c < table->columns; c++) {
        widths[c] = phrase_width(t, &table->head[c]);
        for (int r = 0; r < table->rows; r++)
            widths[c] = (int)tw_max(widths[c], phrase_width(t, &table->cells[r * table->columns + c]));
        sum += widths[c] + (c > 0 ? 2 : 0);
    }
    int last = table->columns - 1, rest = sum - widths[last];
    if (sum > t->width && (table->is_number[last] || rest + LEAST_LAST > t->width)) {
        for (int r = 0; r < table->rows; r++) {
            if (r) tw_ink_text(t->ink, "\n");
            put_list(t, table, table->cells + (int64_t)r * table->columns);
        }
        return;
    }
    put_row(t, table, table->head, widths);
    tw_ink_repeat(t->ink, t->ascii ? "-" : "─", tw_min(sum, t->width));
    tw_ink_text(t->ink, "\n");
    for (int r = 0; r < table->rows; r++)
        put_row(t, table, table->cells + (int64_t)r * table->columns, widths);
}

/* What an evaluation found. The diagonal is what was right; zeros are dots, so that the eye finds the rest.
 */
#include "confusion_print.h"

#include <stdlib.h>
#include <string.h>

#include "json_line.h"
#include "terminal.h"
#include "wording.h"

enum { NAME_MOST = 16, PAIRS = 10 };

static int64_t at(const tw_eval_result *result, int row, int column) {
    return result->confusion[(int64_t)row * result->classes + column];
}

static int64_t row_sum(const tw_eval_result *result, int row) {
    int64_t sum = 0;
    for (int c = 0; c < result->classes; ++c) sum += at(result, row, c);
    return sum;
}

/* Room for the longest name, cut at NAME_MOST, and for the largest number. */
static int name_width(const tw_eval_result *result, const char *const *names) {
    int width = 4;
    for (int c = 0; c < result->classes; ++c) {
        const int columns = tw_words_columns(names[c]);
        if (columns > width) width = columns;
    }
    return width < NAME_MOST ? width : NAME_MOST;
}

static int number_width(const tw_eval_result *result) {
    int width = 1;
    for (int r = 0; r < result->classes; ++r)
        for (int c = 0; c < result->classes; ++c) {
            const int length = snprintf(NULL, 0, "%lld", (long long)at(result, r, c));
            if (length > width) width = length;
        }
    return width;
}

/* A name in `width` columns, from the right or left, cut when it is longer. */
static void print_name(const char *name, int width, bool right) {
    char cut[4 * NAME_MOST + 1];
    size_t bytes = 0;
    for (int columns = 0; name[bytes] && bytes + 4 < sizeof cut; ++bytes) {
        if (((unsigned char)name[bytes] & 0xC0) != 0x80 && columns++ == width) break;
        cut[bytes] = (unsigned char)name[bytes] < 0x20 ? '?' : name[bytes];
    }
    cut[bytes] = '\0';
    const int blank = width - tw_words_columns(cut);
    if (right)
        printf("%*s%s", blank > 0 ? blank : 0, "", cut);
    else
        printf("%s%*s", cut, blank > 0 ? blank : 0, "");
}

static void print_cell(int64_t count, int width, bool right_class, bool colours) {
    const char *colour = count == 0 ? "\033[2m" : right_class ? "\033[32m" : "\033[31m";
    if (colours) fputs(colour, stdout);
    if (count == 0)
        printf("  %*s", width, ".");
    else
        printf("  %*lld", width, (long long)count);
    if (colours) fputs("\033[0m", stdout);
}

static void print_matrix(const tw_eval_result *result, const char *const *names, int names_wide, int cell,
                         bool colours) {
    printf("%-*s  predicted\n", names_wide, "");
    print_name("true", names_wide, false);
    for (int c = 0; c < result->classes; ++c) {
        fputs("  ", stdout);
        print_name(names[c], cell, true);
    }
    printf("    right\n");
    for (int r = 0; r < result->classes; ++r) {
        const int64_t sum = row_sum(result, r);
        print_name(names[r], names_wide, false);
        for (int c = 0; c < result->classes; ++c) print_cell(at(result, r, c), cell, r == c, colours);
        if (sum > 0)
            printf("  %5.1f %%\n", 100.0 * (double)at(result, r, r) / (double)sum);
        else
            printf("        -\n");
    }
}

/* The pairs that are confused most, one after the other: the next is the largest that comes after `last` in
 * the order by count, then by place. */
static void print_pairs(const tw_eval_result *result, const char *const *names) {
    const int64_t places = (int64_t)result->classes * result->classes;
    int64_t last_count = INT64_MAX, last_place = -1;
    printf("Confused most (true, predicted):\n");
    for (int shown = 0; shown < PAIRS; ++shown) {
        int64_t best = 0, place = -1;
        for (int64_t p = 0; p < places; ++p) {
            const int64_t count = result->confusion[p];
            const bool after = count < last_count || (count == last_count && p > last_place);
            if (p / result->classes != p % result->classes && after && count > best) {
                best = count;
                place = p;
            }
        }
        if (place < 0) return;
        printf("  %6s  %s, %s\n", tw_words_count(best).text,
               tw_words_quoted(names[place / result->classes]).text,
               tw_words_quoted(names[place % result->classes]).text);
        last_count = best;
        last_place = place;
    }
}

void tw_confusion_print(const tw_eval_result *result, const char *const *class_names) {
    const tw_terminal terminal = tw_terminal_look(stdout);
    const int names_wide = name_width(result, class_names);
    int cell = number_width(result);
    if (result->classes <= 0) return;
    for (int c = 0; c < result->classes; ++c)
        if (tw_words_columns(class_names[c]) > cell && cell < 5)
            cell = tw_words_columns(class_names[c]) < 5 ? tw_words_columns(class_names[c]) : 5;
    if (names_wide + result->classes * (cell + 2) + 9 <= terminal.width)
        print_matrix(result, class_names, names_wide, cell, terminal.colours);
    else
        print_pairs(result, class_names);
}

void tw_confusion_json(const tw_eval_result *result) {
    tw_json_open_array("confusion");
    for (int r = 0; r < result->classes; ++r) {
        tw_json_open_array(NULL);
        for (int c = 0; c < result->classes; ++c) tw_json_integer(NULL, at(result, r, c));
        tw_json_close_array();
    }
    tw_json_close_array();
}

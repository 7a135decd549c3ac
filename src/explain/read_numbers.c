/* Numbers as people write them. Strict: what is no number is an error with its place, nothing is skipped. */
#include <twill/explain.h>

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

enum { MOST_NUMBERS = 1 << 24 };

typedef struct reader {
    const char *text, *at;
    double *values;
    int64_t count, room, rows, columns, in_row;
} reader;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == ',' || c == '\r';
}

static tw_status end_row(reader *r) {
    if (r->in_row == 0) return TW_OK; /* an empty row is none */
    if (r->rows == 0) r->columns = r->in_row;
    if (r->in_row != r->columns)
        return tw_fail(TW_ERROR_SHAPE, "row %lld has %lld numbers; the rows before it have %lld",
                       (long long)r->rows + 1, (long long)r->in_row, (long long)r->columns);
    r->rows++;
    r->in_row = 0;
    return TW_OK;
}

static tw_status append(reader *r, double value) {
    if (r->count == MOST_NUMBERS) return tw_fail(TW_ERROR_LIMIT, "more than %d numbers", (int)MOST_NUMBERS);
    if (r->count == r->room) {
        int64_t room = tw_max(64, 2 * r->room);
        double *grown = tw_regrow(r->values, r->count, room, sizeof *grown);
        if (!grown) return TW_ERROR_MEMORY;
        r->values = grown;
        r->room = room;
    }
    r->values[r->count++] = value;
    r->in_row++;
    return TW_OK;
}

static tw_status read_number(reader *r) {
    char word[64];
    size_t length = strcspn(r->at, " \t,\r;\n");
    char *end = word;
    double value = 0;
    if (length < sizeof word && !isspace((unsigned char)*r->at)) {
        memcpy(word, r->at, length);
        word[length] = 0;
        errno = 0;
        value = strtod(word, &end);
    }
    int shown = (int)tw_min((int64_t)length, 40);
    if (end == word || *end)
        return tw_fail(TW_ERROR_FORMAT, "byte %lld: \"%.*s\" is no number", (long long)(r->at - r->text) + 1,
                       shown, r->at);
    if (!isfinite(value))
        return tw_fail(TW_ERROR_NUMERIC, "byte %lld: \"%.*s\"; expected a finite number",
                       (long long)(r->at - r->text) + 1, shown, r->at);
    r->at += length;
    return append(r, value);
}

static tw_status read_all(reader *r) {
    while (*r->at) {
        tw_status status = TW_OK;
        if (is_blank(*r->at))
            r->at++;
        else if (*r->at == ';' || *r->at == '\n') {
            status = end_row(r);
            r->at++;
        } else
            status = read_number(r);
        if (status) return status;
    }
    tw_status status = end_row(r);
    if (!status && r->count == 0)
        status = tw_fail(TW_ERROR_FORMAT, "no number; expected such as \"1 2; 3 4\"");
    return status;
}

tw_status tw_explain_read(const char *text, double **values, int64_t *rows, int64_t *columns) {
    if (!values || !rows || !columns) return tw_fail(TW_ERROR_ARGUMENT, "values, rows or columns is NULL");
    *values = NULL;
    if (!text) return tw_fail(TW_ERROR_ARGUMENT, "text is NULL");
    reader r = {.text = text, .at = text};
    tw_status status = read_all(&r);
    if (status) {
        tw_free(r.values);
        return status;
    }
    *values = r.values;
    *rows = r.rows;
    *columns = r.columns;
    return TW_OK;
}

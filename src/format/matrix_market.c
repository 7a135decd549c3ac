/* A conv matrix as a Matrix Market file: the text form that every tool for sparse matrices reads (Boisvert,
 * Pozo, Remington, "The Matrix Market Exchange Formats", NISTIR 5935, 1996). One line a place, counted from
 * 1, row by row. With weights, places that stand twice are summed, since readers disagree on what twice
 * means; without, each keeps its own line, since two parameter numbers have no sum. Numbers are written with
 * as few digits as give the same double back, with a point in every locale. */
#include <twill/matrix.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"

/* The end of the run of equal columns that begins at `n` in row `i`. */
static int64_t run_end(const tw_matrix *m, int64_t i, int64_t n) {
    int64_t end = n + 1;
    while (end < m->row_begin[i + 1] && m->column[end] == m->column[n]) end++;
    return end;
}

static double place_value(const tw_matrix *m, const double *w, int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t n = begin; n < end; n++) sum += w[m->parameter[n]];
    return sum;
}

/* Counts the places; refuses a value that the format has no word for. */
static tw_status count_places(const tw_matrix *m, const double *w, int64_t *places) {
    *places = 0;
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i], end; n < m->row_begin[i + 1]; n = end) {
            end = run_end(m, i, n);
            double value = place_value(m, w, n, end);
            if (!isfinite(value))
                return tw_fail(
                    TW_ERROR_NUMERIC,
                    "W[%lld,%lld] is %g (parameter %lld, counted from 1); expected a finite number",
                    (long long)i + 1, (long long)m->column[n] + 1, value, (long long)m->parameter[n] + 1);
            ++*places;
        }
    return TW_OK;
}

enum { NUMBER = 64 };

/* 15 digits are always kept by a double, 17 always tell it apart. */
static void write_number(char text[NUMBER], double value) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, NUMBER, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    const char *point = localeconv()->decimal_point;
    char *found = strcmp(point, ".") != 0 ? strstr(text, point) : NULL;
    if (!found) return;
    *found = '.';
    memmove(found + 1, found + strlen(point), strlen(found + strlen(point)) + 1);
}

static void write_values(tw_writer *writer, const tw_matrix *m, const double *w) {
    char number[NUMBER];
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i], end; n < m->row_begin[i + 1]; n = end) {
            end = run_end(m, i, n);
            write_number(number, place_value(m, w, n, end));
            tw_writer_print(writer, "%lld %lld %s\n", (long long)i + 1, (long long)m->column[n] + 1, number);
        }
}

static void write_parameters(tw_writer *writer, const tw_matrix *m) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t n = m->row_begin[i]; n < m->row_begin[i + 1]; n++)
            tw_writer_print(writer, "%lld %lld %lld\n", (long long)i + 1, (long long)m->column[n] + 1,
                            (long long)m->parameter[n] + 1);
}

tw_status tw_matrix_write(const tw_matrix *matrix, const double *w, const char *path) {
    if (!matrix) return tw_fail(TW_ERROR_ARGUMENT, "matrix is NULL");
    if (!path) return tw_fail(TW_ERROR_ARGUMENT, "path is NULL; expected where to write the matrix");
    int64_t places = matrix->nonzeros;
    tw_status status = w ? count_places(matrix, w, &places) : TW_OK;
    tw_writer *writer;
    if (status || (status = tw_writer_create(&writer, path))) return status;
    tw_writer_print(writer, "%%%%MatrixMarket matrix coordinate %s general\n", w ? "real" : "integer");
    tw_writer_print(writer, "%% The matrix W of a convolution, y = W x, written by Twill.\n");
    tw_writer_print(writer, w ? "%% Values: the weights.\n"
                              : "%% Values: the number of the weight that stands there, counted from 1.\n");
    tw_writer_print(writer, "%lld %lld %lld\n", (long long)matrix->rows, (long long)matrix->columns,
                    (long long)places);
    if (w)
        write_values(writer, matrix, w);
    else
        write_parameters(writer, matrix);
    return tw_writer_commit(writer);
}

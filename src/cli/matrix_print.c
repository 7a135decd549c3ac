/* The conv matrix on paper. Inputs are called x, outputs y, with the indices that can vary, counted from 1,
 * as the parameters are: x12 is row 1, column 2 of a single channel; x[2,1,2] has a channel before. A dot is
 * a zero. Only what is shown is formatted, so the cost does not grow with the matrix. */
#include "matrix_print.h"

#include <stdlib.h>
#include <string.h>

enum { CELL = 48, ROWS_MOST = 40, FILE_WIDTH = 400, PAGE_WIDTH = 100 };

typedef struct tw_cell {
    char text[CELL];
} tw_cell;

typedef struct tw_sheet {
    const tw_matrix *matrix;
    const tw_geometry *geometry;
    int64_t output[TW_MAX_SPATIAL];
    const double *values;
    int64_t rows, columns;      /* shown */
    int name_width, cell_width; /* of the first column; of the others */
} tw_sheet;

/* ---- Names.
 * ---------------------------------------------------------------------------------------------------- */

/* The name of element `index` of an image of `channels` and `size`, in the geometry's layout: by the rule of
 * tw_matrix_parameter_name. */
static tw_cell element_name(char letter, const tw_geometry *geometry, int64_t channels, const int64_t *size,
                            int64_t index) {
    const int count = geometry->spatial + 1;
    int64_t sizes[TW_MAX_SPATIAL + 1] = {channels}, at[TW_MAX_SPATIAL + 1], pixels = 1;
    bool bare = channels == 1;
    for (int i = 1; i < count; ++i) {
        sizes[i] = size[i - 1];
        pixels *= sizes[i];
        bare = bare && sizes[i] <= 9;
    }
    at[0] = geometry->layout == TW_NCHW ? index / pixels : index % channels;
    int64_t pixel = geometry->layout == TW_NCHW ? index % pixels : index / channels;
    for (int i = count - 1; i >= 1; --i) {
        at[i] = pixel % sizes[i];
        pixel /= sizes[i];
    }
    tw_cell cell = {{letter}};
    const char *before = bare ? "" : "[";
    int length = 1;
    for (int i = 0; i < count && length < CELL - 24; ++i) {
        if (sizes[i] == 1) continue;
        length += snprintf(cell.text + length, CELL - (size_t)length, "%s%lld", before, (long long)at[i] + 1);
        before = bare ? "" : ",";
    }
    if (*before == ',') snprintf(cell.text + length, CELL - (size_t)length, "]");
    return cell;
}

static tw_cell row_name(const tw_sheet *sheet, int64_t row) {
    return element_name('y', sheet->geometry, sheet->geometry->out_channels, sheet->output, row);
}

static tw_cell column_name(const tw_sheet *sheet, int64_t column) {
    return element_name('x', sheet->geometry, sheet->geometry->in_channels, sheet->geometry->input, column);
}

/* What stands at the nonzeros *at .. of one row that share a column; moves *at behind them. */
static tw_cell entry(const tw_sheet *sheet, int64_t *at, int64_t end) {
    const tw_matrix *m = sheet->matrix;
    const int64_t column = m->column[*at];
    tw_cell cell = {""};
    double sum = 0;
    size_t length = 0;
    for (; *at < end && m->column[*at] == column; ++*at) {
        char name[CELL];
        if (sheet->values) {
            sum += sheet->values[m->parameter[*at]];
            continue;
        }
        tw_matrix_parameter_name(sheet->geometry, m->parameter[*at], name, sizeof name);
        if (length + 1 < CELL)
            length += (size_t)snprintf(cell.text + length, CELL - length, "%s%s", length ? "+" : "", name);
    }
    if (sheet->values) snprintf(cell.text, CELL, "%.6g", sum);
    return cell;
}

/* ---- Laying out.
 * ----------------------------------------------------------------------------------------------- */

static int wider(int width, const char *text) {
    const int length = (int)strlen(text);
    return length > width ? length : width;
}

static int entries_width(const tw_sheet *sheet, int64_t rows, int64_t columns) {
    const tw_matrix *m = sheet->matrix;
    int width = 1;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t at = m->row_begin[row]; at < m->row_begin[row + 1] && m->column[at] < columns;)
            width = wider(width, entry(sheet, &at, m->row_begin[row + 1]).text);
    return width;
}

static tw_sheet lay_out_within(const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                               int width) {
    tw_sheet sheet = {.matrix = matrix, .geometry = geometry, .values = values};
    if (tw_geometry_output(geometry, sheet.output) != TW_OK) return sheet;
    sheet.rows = matrix->rows <= ROWS_MOST ? matrix->rows : ROWS_MOST / 2;
    sheet.columns = matrix->columns < width / 2 ? matrix->columns : width / 2;
    for (int64_t i = 0; i < sheet.rows; ++i)
        sheet.name_width = wider(sheet.name_width, row_name(&sheet, i).text);
    for (;;) { /* fewer columns can be narrower ones: once or twice around */
        sheet.cell_width = entries_width(&sheet, sheet.rows, sheet.columns);
        for (int64_t i = 0; i < sheet.columns; ++i)
            sheet.cell_width = wider(sheet.cell_width, column_name(&sheet, i).text);
        int64_t fits = (width - sheet.name_width - 5) / (sheet.cell_width + 1); /* " ..." at the end */
        if (fits < 1) fits = 1;
        if (fits >= sheet.columns) return sheet;
        sheet.columns = fits;
    }
}

static bool whole(const tw_sheet *sheet) {
    return sheet->rows == sheet->matrix->rows && sheet->columns == sheet->matrix->columns;
}

/* A file takes wide lines when all of W is in them. */
static tw_sheet lay_out(const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                        tw_terminal terminal) {
    if (terminal.interactive) return lay_out_within(matrix, geometry, values, terminal.width);
    const tw_sheet sheet = lay_out_within(matrix, geometry, values, FILE_WIDTH);
    return whole(&sheet) ? sheet : lay_out_within(matrix, geometry, values, PAGE_WIDTH);
}

bool tw_matrix_fits(const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                    tw_terminal terminal) {
    const tw_sheet sheet = lay_out(matrix, geometry, values, terminal);
    return whole(&sheet);
}

/* ---- Printing.
 * ------------------------------------------------------------------------------------------------- */

/* Each parameter has its colour, so that the eye finds it again; zeros are faint. */
static void print_entry(FILE *out, const char *text, int width, int64_t parameter, bool colours) {
    if (!colours)
        fprintf(out, " %*s", width, text);
    else if (parameter < 0)
        fprintf(out, " \033[2m%*s\033[0m", width, text);
    else
        fprintf(out, " \033[%dm%*s\033[0m", 31 + (int)(parameter % 6), width, text);
}

static void print_row(FILE *out, const tw_sheet *sheet, int64_t row, bool colours) {
    const tw_matrix *m = sheet->matrix;
    int64_t at = m->row_begin[row];
    const int64_t end = m->row_begin[row + 1];
    fprintf(out, "%-*s", sheet->name_width, row_name(sheet, row).text);
    for (int64_t column = 0; column < sheet->columns; ++column) {
        if (at < end && m->column[at] == column) {
            const int64_t parameter = m->parameter[at];
            print_entry(out, entry(sheet, &at, end).text, sheet->cell_width, parameter, colours);
        } else {
            print_entry(out, ".", sheet->cell_width, -1, colours);
        }
    }
    fputs(sheet->columns < m->columns ? " ...\n" : "\n", out);
}

void tw_matrix_print(FILE *out, const tw_matrix *matrix, const tw_geometry *geometry, const double *values,
                     tw_terminal terminal) {
    const tw_sheet sheet = lay_out(matrix, geometry, values, terminal);
    fprintf(out, "%*s", sheet.name_width, "");
    for (int64_t i = 0; i < sheet.columns; ++i)
        fprintf(out, " %*s", sheet.cell_width, column_name(&sheet, i).text);
    fputs(sheet.columns < matrix->columns ? " ...\n" : "\n", out);
    for (int64_t row = 0; row < sheet.rows; ++row) print_row(out, &sheet, row, terminal.colours);
    if (sheet.rows < matrix->rows) fprintf(out, "...\n");
}

void tw_matrix_picture(FILE *out, const tw_matrix *matrix, tw_terminal terminal) {
    enum { WIDE = 72, HIGH = 24 };
    static const char *const shades[2][5] = {{" ", ".", "+", "*", "#"}, {" ", "░", "▒", "▓", "█"}};
    static int64_t counts[HIGH][WIDE];
    const int most_wide = terminal.width - 4 < WIDE ? terminal.width - 4 : WIDE;
    const int wide = matrix->columns < most_wide ? (int)matrix->columns : most_wide;
    const int high = matrix->rows < HIGH ? (int)matrix->rows : HIGH;
    int64_t densest = 1;
    memset(counts, 0, sizeof counts);
    for (int64_t row = 0; row < matrix->rows; ++row)
        for (int64_t at = matrix->row_begin[row]; at < matrix->row_begin[row + 1]; ++at) {
            const int y = (int)((double)row * high / (double)matrix->rows);
            const int x = (int)((double)matrix->column[at] * wide / (double)matrix->columns);
            if (++counts[y][x] > densest) densest = counts[y][x];
        }
    for (int y = 0; y < high; ++y) {
        fputs("  ", out);
        for (int x = 0; x < wide; ++x) {
            const int64_t shade = (counts[y][x] * 4 + densest - 1) / densest;
            fputs(shades[terminal.unicode][shade], out);
        }
        fputc('\n', out);
    }
}

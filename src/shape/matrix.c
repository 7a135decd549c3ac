/* The conv matrix in CSR form, with the number of the parameter that stands in each place.
 *
 * Two walks over the taps: the first counts the nonzeros of each row and column, the second drops each tap
 * into its column; reading the columns in order then fills the rows sorted by column (a counting sort;
 * transposing twice sorts a sparse matrix: Gustavson, "Two fast algorithms for sparse matrices", 1978). Taps
 * that meet in one place (padding modes that repeat the input) come in the order of the walk, which is that
 * of the parameters, or its reverse when the kernel is flipped. Time and 32 bytes of memory for each nonzero.
 */
#include <twill/matrix.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "shape/shape.h"
#include "shape/taps.h"

/* What the walks fill: the matrix, and the same sorted by columns. next_row[i] and next_column[j] are where
 * the next nonzero of row i or column j goes. */
typedef struct sorter {
    tw_matrix *matrix;
    int64_t *next_row, *next_column;
    int64_t *row, *parameter; /* [nonzeros], by column */
} sorter;

static void count_tap(void *context, tw_tap tap) {
    sorter *s = context;
    s->next_row[tap.out + 1]++;
    s->next_column[tap.in + 1]++;
}

static void place_tap(void *context, tw_tap tap) {
    sorter *s = context;
    int64_t at = s->next_column[tap.in]++;
    s->row[at] = tap.out;
    s->parameter[at] = tap.weight;
}

/* Counts, shifted by one place, become beginnings. */
static void add_up(int64_t *counts, int64_t size) {
    for (int64_t i = 0; i < size; i++) counts[i + 1] += counts[i];
}

/* From columns to rows. After place_tap next_column[j] is where column j ends. */
static void fill_rows(sorter *s) {
    tw_matrix *m = s->matrix;
    for (int64_t j = 0, at = 0; j < m->columns; j++)
        for (; at < s->next_column[j]; at++) {
            int64_t to = s->next_row[s->row[at]]++;
            m->column[to] = j;
            m->parameter[to] = s->parameter[at];
        }
}

/* Runs of one column fall instead of rising when the kernel is flipped. */
static void turn_runs(tw_matrix *m) {
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t begin = m->row_begin[i], end; begin < m->row_begin[i + 1]; begin = end) {
            for (end = begin + 1; end < m->row_begin[i + 1] && m->column[end] == m->column[begin];) end++;
            for (int64_t a = begin, b = end - 1; a < b; a++, b--) {
                int64_t parameter = m->parameter[a];
                m->parameter[a] = m->parameter[b];
                m->parameter[b] = parameter;
            }
        }
}

static void sort_taps(const tw_shape *shape, sorter *s) {
    tw_matrix *m = s->matrix;
    tw_taps_walk(shape, count_tap, s);
    add_up(s->next_row, m->rows);
    add_up(s->next_column, m->columns);
    for (int64_t i = 0; i <= m->rows; i++) m->row_begin[i] = s->next_row[i];
    tw_taps_walk(shape, place_tap, s);
    fill_rows(s);
    if (shape->geometry.flipped) turn_runs(m);
}

static tw_status build(const tw_shape *shape, tw_matrix *m) {
    m->row_begin = tw_alloc(m->rows + 1, sizeof *m->row_begin);
    m->column = tw_alloc(m->nonzeros, sizeof *m->column);
    m->parameter = tw_alloc(m->nonzeros, sizeof *m->parameter);
    sorter s = {.matrix = m,
                .next_row = tw_alloc_zero(m->rows + 1, sizeof *s.next_row),
                .next_column = tw_alloc_zero(m->columns + 1, sizeof *s.next_column),
                .row = tw_alloc(m->nonzeros, sizeof *s.row),
                .parameter = tw_alloc(m->nonzeros, sizeof *s.parameter)};
    bool enough =
        m->row_begin && m->column && m->parameter && s.next_row && s.next_column && s.row && s.parameter;
    if (enough) sort_taps(shape, &s);
    tw_free(s.next_row);
    tw_free(s.next_column);
    tw_free(s.row);
    tw_free(s.parameter);
    return enough ? TW_OK : TW_ERROR_MEMORY;
}

tw_status tw_matrix_create(tw_matrix **matrix, const tw_geometry *geometry) {
    if (!matrix) return tw_fail(TW_ERROR_ARGUMENT, "matrix is NULL; expected where to put the new matrix");
    *matrix = NULL;
    tw_shape shape;
    tw_geometry_sizes sizes;
    tw_status status = tw_shape_create(&shape, geometry);
    if (!status) status = tw_geometry_count(geometry, &sizes);
    if (status) return status;
    tw_matrix *m = tw_alloc_zero(1, sizeof *m);
    if (!m) return TW_ERROR_MEMORY;
    m->rows = geometry->transposed ? shape.in_image : shape.out_image;
    m->columns = geometry->transposed ? shape.out_image : shape.in_image;
    m->nonzeros = sizes.taps;
    m->parameters = sizes.w;
    if ((status = build(&shape, m))) {
        tw_matrix_free(m);
        return status;
    }
    *matrix = m;
    return TW_OK;
}

void tw_matrix_free(tw_matrix *matrix) {
    if (!matrix) return;
    tw_free(matrix->row_begin);
    tw_free(matrix->column);
    tw_free(matrix->parameter);
    tw_free(matrix);
}

enum { INDICES = 2 + TW_AXES }; /* of a parameter: two channels and the kernel */

/* Appends like snprintf, never beyond size. */
__attribute__((format(printf, 4, 5))) static void append(char *text, size_t size, size_t *used,
                                                         const char *format, ...) {
    if (*used + 1 >= size) return;
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text + *used, size - *used, format, list);
    va_end(list);
    if (length > 0) *used += (size_t)length;
}

void tw_matrix_parameter_name(const tw_geometry *geometry, int64_t parameter, char *name, size_t size) {
    if (!name || size == 0) return;
    tw_shape s;
    bool known = tw_shape_create(&s, geometry) == TW_OK && parameter >= 0 && parameter < s.w_count;
    size_t used = 0;
    append(name, size, &used, known ? "w" : "?");
    if (size == 1) name[0] = 0;
    if (!known) return;
    int64_t sizes[INDICES] = {s.out_channels, s.group_in, s.kernel[0], s.kernel[1], s.kernel[2]};
    int64_t index[INDICES];
    for (int i = INDICES - 1; i >= 0; i--) {
        index[i] = parameter % sizes[i] + 1;
        parameter /= sizes[i];
    }
    bool bare = sizes[0] == 1 && sizes[1] == 1; /* digits without brackets: a kernel alone, up to 9x9x9 */
    for (int i = 0; i < INDICES; i++) bare = bare && sizes[i] <= 9;
    bool first = true;
    for (int i = 0; i < INDICES; i++) {
        if (sizes[i] == 1) continue;
        append(name, size, &used, "%s%lld", bare ? "" : first ? "[" : ",", (long long)index[i]);
        first = false;
    }
    if (!bare && !first) append(name, size, &used, "]");
}

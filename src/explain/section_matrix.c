/* The matrix: h = W vec(x), written out or, when it is large, as the pattern of where its weights stand. The
 * pattern samples a row for each of its own rows and counts that row's places by their columns: its cost does
 * not grow with the matrix. */
#include "explain/figures.h"
#include "explain/passages.h"
#include "explain/sections.h"
#include "explain/structure.h"

#include "base/checked.h"

/* W, or its transpose; with numbers or with symbols alone. Where two weights meet at one place (padding that
 * repeats the image) the first one is shown and a note says so. */
static tw_grid whole_matrix(tw_document *d, const tw_problem *p, bool transposed, bool numbers, bool *meets) {
    const tw_matrix *m = p->matrix;
    tw_grid grid = tw_grid_make(d, transposed ? m->columns : m->rows, transposed ? m->rows : m->columns);
    for (int64_t i = 0; i < m->rows && grid.cells; i++)
        for (int64_t e = m->row_begin[i]; e < m->row_begin[i + 1]; e++) {
            int64_t row = transposed ? m->column[e] : i, column = transposed ? i : m->column[e];
            tw_atom *cell = &grid.cells[row * grid.columns + column], w = tw_problem_w(p, m->parameter[e]);
            if (cell->symbol.letter) {
                *meets = true;
                cell->value += w.value;
                continue;
            }
            *cell = w;
            cell->known = numbers && w.known;
        }
    grid.matrix = true;
    grid.row_names = tw_names_of(d, transposed ? &p->name_x : &p->name_h, grid.rows);
    grid.column_names = tw_names_of(d, transposed ? &p->name_h : &p->name_x, grid.columns);
    return grid;
}

/* Shares of the places taken, of the rows and columns in each cell of the pattern. */
static tw_grid pattern(tw_document *d, const tw_problem *p) {
    int64_t rows = tw_min(p->sizes.y, TW_PATTERN_SIDE), columns = tw_min(p->sizes.x, 2 * TW_PATTERN_SIDE);
    tw_grid grid = tw_grid_make(d, rows, columns);
    grid.total_rows = p->sizes.y;
    grid.total_columns = p->sizes.x;
    grid.matrix = grid.pattern = true;
    for (int64_t r = 0; r < grid.rows; r++) {
        tw_taps_chosen chosen;
        int64_t row = (int64_t)(((double)r + 0.5) / (double)rows * (double)p->sizes.y);
        if (tw_taps_choose(&chosen, &p->shape, TW_TAP_OUT, row)) break;
        int64_t step = tw_max(1, chosen.count >> 16);
        for (int64_t i = 0; i < chosen.count; i += step) {
            int64_t in = tw_taps_at(&chosen, i).in;
            int64_t c = (int64_t)((double)in / (double)p->sizes.x * (double)columns);
            grid.cells[r * columns + c].value += (double)step * (double)columns / (double)p->sizes.x;
        }
        tw_taps_release(&chosen);
        for (int64_t c = 0; c < columns; c++) grid.cells[r * columns + c].known = true;
    }
    return grid;
}

static void write_counts(tw_document *d, const tw_problem *p) {
    static const tw_word head[] = {TW_SAY_ROWS, TW_SAY_COLUMNS, TW_SAY_NONZEROS, TW_SAY_PARAMETERS,
                                   TW_SAY_FULL_CONNECTION};
    enum { COLUMNS = sizeof head / sizeof *head };
    double values[COLUMNS] = {(double)p->sizes.y, (double)p->sizes.x, (double)p->sizes.taps,
                              (double)p->sizes.w, (double)p->sizes.y * (double)p->sizes.x};
    tw_table *t = tw_document_table(d, 1, COLUMNS, head);
    for (int c = 0; t && c < COLUMNS; c++) {
        t->is_number[c] = true;
        t->cells[c] = tw_phrase_of(d, tw_span_number(values[c]));
    }
    tw_span args[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) args[c] = tw_span_number(values[c]);
    bool full = p->sizes.taps == p->sizes.y * p->sizes.x;
    tw_document_say(d, full ? TW_SAY_MATRIX_COUNTS_FULL : TW_SAY_MATRIX_COUNTS, args);
}

/* The names of the structure that the weights' diagonals give W. */
static void write_structure(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    tw_span args[] = {tw_span_sizes(g->spatial, g->stride), tw_span_number((double)g->out_channels),
                      tw_span_number((double)g->in_channels), tw_span_number((double)g->groups)};
    tw_structure found[TW_STRUCTURES];
    int count = tw_structures_of(p, found);
    for (int i = 0; i < count; i++) tw_document_say(d, found[i].word, args);
}

static tw_grid *write_grid(tw_document *d, tw_grid grid, tw_word title) {
    tw_grid *copy = tw_arena_take(&d->arena, 1, sizeof *copy);
    if (!copy) return NULL;
    *copy = grid;
    copy->title = tw_phrase_make(d, title, NULL);
    tw_document_grids(d, copy, 1);
    return copy;
}

static void write_drawn(tw_document *d, const tw_problem *p, tw_grid grid, tw_word title, tw_word caption) {
    const tw_grid *written = write_grid(d, grid, title);
    if (!written) return;
    tw_scene *scene = tw_figure_matrix(d, p, written);
    tw_document_figure(d, "matrix", scene, tw_phrase_make(d, caption, NULL), true);
}

/* A tensor as one column. */
static tw_grid column_of(tw_document *d, const tw_problem *p, const tw_shown *shown, int64_t count) {
    tw_grid grid = tw_grid_make(d, count, 1);
    tw_symbol whole = {.letter = shown->naming->letter, .gradient = shown->naming->gradient, .element = -1};
    grid.title = tw_phrase_of(d, tw_span_symbol(whole));
    for (int64_t i = 0; i < grid.rows; i++) grid.cells[i] = shown->element(p, i);
    return grid;
}

/* rows = matrix times columns, plus the bias, written out as a product of a matrix with a column. */
static void write_product(tw_document *d, const tw_problem *p, bool transposed, bool *meets) {
    const tw_shown sides[2] = {{&p->name_h, tw_problem_h, NULL}, {&p->name_x, tw_problem_x, NULL}};
    const tw_shown slopes[2] = {{&p->name_dh, tw_problem_dh, NULL}, {&p->name_dx, tw_problem_dx, NULL}};
    const tw_shown *made = transposed ? &slopes[1] : &sides[0], *read = transposed ? &slopes[0] : &sides[1];
    tw_grid *grids = tw_arena_take(&d->arena, 4, sizeof *grids);
    bool bias = p->has_bias && !transposed;
    if (!grids) return;
    grids[1] = whole_matrix(d, p, transposed, p->w != NULL, meets);
    grids[1].row_names = grids[1].column_names = NULL;
    grids[1].title = tw_phrase_make(d, transposed ? TW_SAY_W_TRANSPOSED : TW_SAY_W_SYMBOLS, NULL);
    grids[1].joiner = "=";
    grids[0] = column_of(d, p, made, grids[1].rows);
    grids[2] = column_of(d, p, read, grids[1].columns);
    if (bias) {
        grids[3] = column_of(d, p, &(tw_shown){&p->name_b, tw_problem_bias_at, NULL}, grids[1].rows);
        grids[3].joiner = "+";
    }
    tw_document_grids(d, grids, bias ? 4 : 3);
}

/* The places of one weight: (h11, x11) (h12, x12) ... */
static tw_phrase places_of(tw_document *d, const tw_problem *p, int64_t weight) {
    enum { MOST = 9, SPANS = 5 };
    tw_equation sum = tw_sum_of(d, p, TW_TAP_WEIGHT, weight);
    int count = (int)tw_min(sum.count, MOST), at = 0;
    tw_span *spans = tw_arena_take(&d->arena, SPANS * count + 1, sizeof *spans);
    for (int i = 0; spans && i < count; i++) {
        tw_symbol h = sum.terms[i].factor[0].symbol;
        h.gradient = false;
        spans[at++] = tw_span_text(!i ? "(" : i == sum.gap ? " … (" : " (");
        spans[at++] = tw_span_symbol(h);
        spans[at++] = tw_span_text(",");
        spans[at++] = tw_span_symbol(sum.terms[i].factor[1].symbol);
        spans[at++] = tw_span_text(")");
    }
    if (spans && count < sum.count) spans[at++] = tw_span_text(" …");
    return (tw_phrase){spans ? at : 0, spans};
}

static void write_places(tw_document *d, const tw_problem *p) {
    static const tw_word head[] = {TW_SAY_WEIGHT, TW_SAY_COUNT, TW_SAY_PLACES};
    enum { COLUMNS = sizeof head / sizeof *head };
    int rows = (int)tw_min(p->sizes.w, TW_MANY_EQUATIONS);
    tw_document_say(d, TW_SAY_MATRIX_GRADIENT, NULL);
    tw_document_display(d, "dL/dw_p = Σ_ij dL/dh_i x_j");
    tw_table *t = tw_document_table(d, rows, COLUMNS, head);
    for (int r = 0; t && r < rows; r++) {
        tw_phrase *cells = t->cells + (int64_t)r * COLUMNS;
        cells[0] = tw_phrase_of(d, tw_span_symbol(tw_problem_w(p, r).symbol));
        cells[1] = tw_phrase_of(d, tw_span_number((double)tw_sum_of(d, p, TW_TAP_WEIGHT, r).total));
        cells[2] = places_of(d, p, r);
    }
    if (t) t->is_number[1] = true;
}

static tw_status write_matrix(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)request;
    bool small =
        p->matrix && p->sizes.y <= TW_MATRIX_SIDE && p->sizes.x <= TW_MATRIX_SIDE &&
        p->sizes.y * p->sizes.x <= (p->name_x.brackets ? TW_MATRIX_CELLS : TW_MATRIX_SIDE * TW_MATRIX_SIDE);
    tw_document_heading(d, 2, TW_SAY_MATRIX, NULL);
    tw_document_say(d, TW_SAY_MATRIX_TEXT, NULL);
    tw_document_display(d, p->has_bias ? "h = W vec(x) + b" : "h = W vec(x)");
    bool meets = false;
    if (small) {
        write_drawn(d, p, whole_matrix(d, p, false, false, &meets), TW_SAY_W_SYMBOLS, TW_SAY_FIGURE_MATRIX);
        if (meets) tw_document_note(d, TW_SAY_MATRIX_MEETS, NULL);
        tw_document_say(d, TW_SAY_MATRIX_PRODUCT, NULL);
        write_product(d, p, false, &meets);
    } else {
        write_drawn(d, p, pattern(d, p), TW_SAY_W_PATTERN, TW_SAY_FIGURE_PATTERN);
        tw_document_say(d, TW_SAY_PATTERN_TEXT, NULL);
    }
    write_counts(d, p);
    write_structure(d, p);
    tw_document_say(d, TW_SAY_MATRIX_TRANSPOSED, NULL);
    tw_document_display(d, "dL/dx = W^T dL/dh");
    if (small) write_grid(d, whole_matrix(d, p, true, false, &meets), TW_SAY_W_TRANSPOSED);
    if (small && (p->w || p->dy)) write_product(d, p, true, &meets);
    write_places(d, p);
    return d->arena.status;
}

const tw_section tw_section_matrix = {
    .face = {"matrix", "the convolution as a sparse matrix of shared weights", true, "matrix"},
    .needs_problem = true,
    .write = write_matrix,
};

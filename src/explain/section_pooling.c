/* Pooling the same way. An average pool is a matrix whose rows share out equally; a max pool is, for one
 * image, a matrix that selects: each row has a single 1, where the largest pixel stands. Both are compared
 * with the network's own pools (pooled.h). */
#include "explain/passages.h"
#include "explain/pooled.h"
#include "explain/sections.h"

#include "base/checked.h"

enum { MOST_PIXELS = 1 << 20 };

/* The pixels shown: the request's first channel, else an example in which the largest are spread. */
static void fill_image(double *image, int64_t count, const tw_explain_request *request) {
    const tw_geometry *g = &request->geometry;
    int64_t step = g->layout == TW_NHWC ? g->in_channels : 1;
    for (int64_t i = 0; i < count; i++)
        image[i] = request->image.values ? request->image.values[i * step] : (double)((5 * i + 3) % 11);
}

static bool is_small(const tw_problem *p) {
    return p->sizes.y <= TW_MATRIX_SIDE && p->sizes.x <= TW_MATRIX_SIDE;
}

/* An empty matrix of the pool, with the names of its rows and columns; NULL: too large to be written. */
static tw_grid *pool_matrix(tw_document *d, const tw_problem *p, tw_word title) {
    tw_grid *grid = is_small(p) ? tw_arena_take(&d->arena, 1, sizeof *grid) : NULL;
    if (!grid) return NULL;
    *grid = tw_grid_make(d, p->sizes.y, p->sizes.x);
    grid->title = tw_phrase_make(d, title, NULL);
    grid->matrix = true;
    grid->row_names = tw_names_of(d, &p->name_h, grid->rows);
    grid->column_names = tw_names_of(d, &p->name_x, grid->columns);
    return grid->cells ? grid : NULL;
}

/* ---- Average ---- */

/* 1 / pixels; all of it for a window of one pixel. */
static tw_atom share_of(int64_t pixels, int64_t colour) {
    if (pixels == 1) return (tw_atom){.value = 1, .known = true, .colour = colour};
    return (tw_atom){.over = pixels, .colour = colour};
}

/* left = the sum of shares: of the pixels of a window, or of the gradients of the windows over a pixel. */
static tw_equation shares_of(tw_document *d, const tw_pooled *pooled, tw_tap_end end, int64_t element) {
    const tw_problem *p = &pooled->problem;
    tw_equation sum = tw_sum_of(d, p, end, element);
    for (int i = 0; i < sum.count; i++) {
        tw_term *t = &sum.terms[i];
        int64_t output = end == TW_TAP_OUT ? element : t->factor[0].symbol.element;
        if (end == TW_TAP_OUT) t->factor[0] = t->factor[1];
        t->factor[1] = share_of(tw_pooled_pixels(pooled, output), -1);
        if (!t->factor[1].over) t->factors = 1;
    }
    return sum;
}

static void write_shares(tw_document *d, const tw_pooled *pooled, tw_tap_end end) {
    int64_t total = end == TW_TAP_OUT ? pooled->problem.sizes.y : pooled->problem.sizes.x;
    int64_t count = total <= TW_MANY_EQUATIONS ? total : TW_ABRIDGED_EQUATIONS;
    tw_equation *equations = tw_arena_take(&d->arena, count, sizeof *equations);
    for (int64_t i = 0; equations && i < count; i++) equations[i] = shares_of(d, pooled, end, i);
    tw_document_equations(d, equations, equations ? (int)count : 0, total);
}

static void write_average_matrix(tw_document *d, const tw_pooled *pooled) {
    const tw_problem *p = &pooled->problem;
    tw_grid *grid = p->matrix ? pool_matrix(d, p, TW_SAY_POOL_AVERAGE_MATRIX) : NULL;
    if (!grid) return;
    for (int64_t i = 0; i < grid->rows; i++) {
        int64_t first = p->matrix->row_begin[i], end = p->matrix->row_begin[i + 1];
        for (int64_t e = first; e < end; e++)
            grid->cells[i * grid->columns + p->matrix->column[e]] = share_of(end - first, i);
    }
    tw_document_grids(d, grid, 1);
}

/* Where a gradient is given: how it spreads. */
static void write_gradient(tw_document *d, const tw_problem *p) {
    tw_shown shown[] = {{&p->name_dh, tw_problem_dh, NULL}, {&p->name_dx, tw_problem_dx, "→"}};
    if (p->dx) tw_write_tensors(d, p, shown, 2);
}

static void write_average(tw_document *d, const tw_pooled *pooled) {
    const tw_problem *p = &pooled->problem;
    tw_span args[] = {tw_span_number((double)p->sizes.w)};
    tw_document_heading(d, 3, TW_SAY_POOL_AVERAGE, NULL);
    tw_document_say(d, TW_SAY_POOL_AVERAGE_TEXT, args);
    if (p->sizes.taps < p->sizes.w * p->sizes.y) tw_document_say(d, TW_SAY_POOL_AVERAGE_PADDED, NULL);
    tw_shown shown[] = {{&p->name_x, tw_problem_x, NULL}, {&p->name_h, tw_problem_h, "→"}};
    tw_write_tensors(d, p, shown, 2);
    write_shares(d, pooled, TW_TAP_OUT);
    write_average_matrix(d, pooled);
    tw_document_say(d, TW_SAY_POOL_AVERAGE_BACK, NULL);
    write_shares(d, pooled, TW_TAP_IN);
    write_gradient(d, p);
}

/* ---- Max ---- */

/* A row an output: what it took, from where, and what goes back there. */
static void write_taken(tw_document *d, const tw_pooled *pooled) {
    static const tw_word head[] = {TW_SAY_POOL_OUTPUT, TW_SAY_POOL_LARGEST, TW_SAY_POOL_FROM,
                                   TW_SAY_POOL_GRADIENT, TW_SAY_DH};
    const tw_problem *p = &pooled->problem;
    int columns = p->dy ? 5 : 4;
    int64_t rows = tw_min(p->sizes.y, TW_MATRIX_SIDE);
    tw_table *t = tw_document_table(d, (int)rows, columns, head);
    for (int64_t row = 0; t && row < rows; row++) {
        int64_t pixel = pooled->taken[row];
        tw_phrase *cells = t->cells + row * columns;
        cells[0] = tw_phrase_of(d, tw_span_symbol(tw_problem_h(p, row).symbol));
        cells[1] = tw_phrase_of(d, tw_span_number(p->y[row]));
        cells[2] = tw_phrase_of(d, tw_span_symbol(tw_problem_x(p, pixel).symbol));
        cells[3] = tw_phrase_of(d, tw_span_symbol(tw_problem_dx(p, pixel).symbol));
        if (p->dy) cells[4] = tw_phrase_of(d, tw_span_number(p->dy[row]));
    }
    if (t) t->is_number[1] = true;
    if (t && p->dy) t->is_number[4] = true;
}

static void write_selection(tw_document *d, const tw_pooled *pooled) {
    tw_grid *grid = pool_matrix(d, &pooled->problem, TW_SAY_POOL_SELECTION);
    if (!grid) return;
    for (int64_t row = 0; row < grid->rows; row++)
        grid->cells[row * grid->columns + pooled->taken[row]] =
            (tw_atom){.value = 1, .known = true, .colour = row};
    tw_document_grids(d, grid, 1);
}

static void write_max(tw_document *d, const tw_pooled *pooled, bool given) {
    const tw_problem *p = &pooled->problem;
    tw_document_heading(d, 3, TW_SAY_POOL_MAX, NULL);
    tw_document_say(d, TW_SAY_POOL_MAX_TEXT, NULL);
    if (!given) tw_document_say(d, TW_SAY_POOL_EXAMPLE, NULL);
    tw_shown shown[] = {{&p->name_x, tw_problem_x, NULL}, {&p->name_h, tw_problem_h, "→"}};
    tw_write_tensors(d, p, shown, 2);
    write_taken(d, pooled);
    tw_document_display(d, "h = S vec(x)");
    write_selection(d, pooled);
    tw_document_say(d, TW_SAY_POOL_MAX_BACK, NULL);
    tw_document_display(d, "dL/dx = S^T dL/dh");
    write_gradient(d, p);
}

/* ---- Both ---- */

static tw_status write_both(tw_document *d, const tw_explain_request *request, tw_explain_request *window,
                            tw_explain_values image) {
    bool given = request->image.values != NULL;
    tw_pooled average, most;
    if (given) window->image = image;
    tw_status status = tw_pooled_create(&average, window, false);
    if (status) return status;
    write_average(d, &average);
    tw_pooled_release(&average);
    window->image = image;
    if ((status = tw_pooled_create(&most, window, true))) return status;
    write_max(d, &most, given);
    tw_pooled_release(&most);
    return d->arena.status;
}

static void write_window(tw_document *d, const tw_geometry *g) {
    tw_span args[] = {tw_span_sizes(g->spatial, g->kernel), tw_span_sizes(g->spatial, g->stride),
                      tw_span_sizes(g->spatial, g->pad_begin), tw_span_sizes(g->spatial, g->pad_end)};
    bool pads = false;
    for (int a = 0; a < g->spatial; a++) pads = pads || g->pad_begin[a] || g->pad_end[a];
    tw_document_heading(d, 2, TW_SAY_POOL, NULL);
    tw_document_say(d, pads ? TW_SAY_POOL_TEXT_PADDED : TW_SAY_POOL_TEXT, args);
}

static tw_status write_pooling(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    tw_explain_request window = *request;
    window.geometry = tw_pooled_window(&p->geometry, request->pool_stride);
    window.image = window.weights = window.bias = window.upstream = (tw_explain_values){NULL, 0};
    tw_geometry_sizes sizes;
    tw_status status = tw_geometry_count(&window.geometry, &sizes);
    if (status) return status;
    write_window(d, &window.geometry);
    if (sizes.x > MOST_PIXELS) {
        tw_document_say(d, TW_SAY_POOL_LARGE, NULL);
        return d->arena.status;
    }
    /* dL/dh of the convolution serves where it has the pool's shape */
    if (p->geometry.out_channels == 1 && request->upstream.count == sizes.y)
        window.upstream = request->upstream;
    double *image = tw_arena_take(&d->arena, sizes.x, sizeof *image);
    if (!image) return d->arena.status;
    fill_image(image, sizes.x, request);
    return write_both(d, request, &window, (tw_explain_values){image, sizes.x});
}

const tw_section tw_section_pooling = {
    .face = {"pooling", "average and max pools of the same image: matrices and gradients", false, NULL},
    .needs_problem = true,
    .own_sizes = true,
    .write = write_pooling,
};

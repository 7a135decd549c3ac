/* Pooling the same way. An average pool is a convolution whose weights are all 1 / (size of the window), so
 * plan and matrix explain it too. A max pool is, for one image, a matrix that selects: each row has a single
 * 1, where the largest pixel stands. Its values are compared with those of the network's own pool. */
#include "explain/passages.h"
#include "explain/sections.h"

#include <stdio.h>

#include <twill/net.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

enum { MOST = 64 };

/* One channel of the request under a window of the kernel's size; a stride of 1 becomes the window's. */
static tw_geometry window_of(const tw_geometry *g) {
    tw_geometry w = tw_geometry_defaults(g->spatial);
    bool strided = false;
    for (int a = 0; a < g->spatial; a++) strided = strided || g->stride[a] > 1;
    w.in_channels = w.out_channels = 1;
    for (int a = 0; a < g->spatial; a++) {
        w.input[a] = g->input[a];
        w.kernel[a] = tw_min(g->kernel[a], g->input[a]);
        w.stride[a] = strided ? g->stride[a] : w.kernel[a];
    }
    return w;
}

/* The pixels shown: the request's first channel, else an example in which the largest are spread. */
static void fill_image(double *image, int64_t count, const tw_explain_request *request) {
    const tw_geometry *g = &request->geometry;
    int64_t step = g->layout == TW_NHWC ? g->in_channels : 1;
    for (int64_t i = 0; i < count; i++)
        image[i] = request->image.values ? request->image.values[i * step] : (double)((5 * i + 3) % 11);
}

static void write_average(tw_document *d, const tw_problem *p) {
    int64_t window = p->sizes.w;
    tw_span args[] = {tw_span_number((double)window)};
    tw_document_heading(d, 3, TW_SAY_POOL_AVERAGE, NULL);
    tw_document_say(d, TW_SAY_POOL_AVERAGE_TEXT, args);
    tw_shown shown[] = {{&p->name_x, tw_problem_x, NULL}, {&p->name_h, tw_problem_h, "="}};
    tw_write_tensors(d, p, shown, 2);
    tw_grid *grid = tw_arena_take(&d->arena, 1, sizeof *grid);
    if (!grid || !p->matrix || p->sizes.y > TW_MATRIX_SIDE || p->sizes.x > TW_MATRIX_SIDE) return;
    *grid = tw_grid_make(d, p->sizes.y, p->sizes.x);
    grid->title = tw_phrase_make(d, TW_SAY_POOL_AVERAGE_MATRIX, NULL);
    grid->matrix = true;
    for (int64_t i = 0; i < grid->rows; i++)
        for (int64_t e = p->matrix->row_begin[i]; e < p->matrix->row_begin[i + 1]; e++)
            grid->cells[i * grid->columns + p->matrix->column[e]] =
                (tw_atom){.value = 1.0 / (double)window, .known = true, .colour = 0};
    tw_document_grids(d, grid, 1);
}

/* The pixel that output `row` takes: the first of the largest. */
static tw_status find_largest(const tw_problem *p, int64_t row, int64_t *pixel) {
    tw_taps_chosen chosen;
    tw_status status = tw_taps_choose(&chosen, &p->shape, TW_TAP_OUT, row);
    if (status) return status;
    *pixel = tw_taps_at(&chosen, 0).in;
    for (int64_t i = 1; i < chosen.count; i++) {
        int64_t in = tw_taps_at(&chosen, i).in;
        if (p->x[in] > p->x[*pixel]) *pixel = in;
    }
    tw_taps_release(&chosen);
    return TW_OK;
}

/* The pool of the network on the same image. */
static tw_status run_pool(const tw_problem *p, double *values) {
    const tw_geometry *g = &p->geometry;
    char text[256] = "maxpool ";
    int used = 8;
    for (int a = 0; a < g->spatial; a++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", a ? "x" : "",
                         (long long)g->kernel[a]);
    used += snprintf(text + used, sizeof text - (size_t)used, " stride ");
    for (int a = 0; a < g->spatial; a++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", a ? "x" : "",
                         (long long)g->stride[a]);
    tw_net_input input = {.spatial = g->spatial, .channels = 1};
    for (int a = 0; a < g->spatial; a++) input.size[a] = g->input[a];
    tw_net *net;
    tw_runner *runner = NULL;
    tw_status status = tw_net_create(&net, text, input);
    if (status) return status;
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = 1;
    options.threads = 1;
    status = tw_runner_create(&runner, net, &options);
    if (!status) status = tw_runner_forward(runner, p->x, p->x, 1, values);
    tw_runner_free(runner);
    tw_net_free(net);
    return status;
}

/* The matrix that selects, the table of what was taken, and the check against the network's pool. */
static tw_status write_selection(tw_document *d, const tw_problem *p) {
    static const tw_word head[] = {TW_SAY_POOL_OUTPUT, TW_SAY_POOL_LARGEST, TW_SAY_POOL_FROM,
                                   TW_SAY_POOL_GRADIENT};
    enum { COLUMNS = sizeof head / sizeof *head };
    double *pooled = tw_alloc_zero(p->sizes.y, sizeof *pooled);
    tw_status status = pooled ? run_pool(p, pooled) : TW_ERROR_MEMORY;
    tw_table *t = status ? NULL : tw_document_table(d, (int)p->sizes.y, COLUMNS, head);
    tw_grid *grid = t ? tw_arena_take(&d->arena, 1, sizeof *grid) : NULL;
    if (grid) {
        *grid = tw_grid_make(d, p->sizes.y, p->sizes.x);
        grid->title = tw_phrase_make(d, TW_SAY_POOL_SELECTION, NULL);
        grid->matrix = true;
    }
    for (int64_t row = 0; grid && !status && row < grid->rows; row++) {
        int64_t pixel;
        if ((status = find_largest(p, row, &pixel))) break;
        if (p->x[pixel] != pooled[row])
            status = tw_fail(TW_ERROR_NUMERIC,
                             "max pool: output %lld is %g in the network, %g here: please report this",
                             (long long)row, pooled[row], p->x[pixel]);
        grid->cells[row * grid->columns + pixel] = (tw_atom){.value = 1, .known = true, .colour = row};
        tw_phrase *cells = t->cells + row * COLUMNS;
        cells[0] = tw_phrase_of(d, tw_span_symbol(tw_problem_h(p, row).symbol));
        cells[1] = tw_phrase_of(d, tw_span_number(p->x[pixel]));
        cells[2] = tw_phrase_of(d, tw_span_symbol(tw_problem_x(p, pixel).symbol));
        cells[3] = tw_phrase_of(d, tw_span_symbol(tw_problem_dx(p, pixel).symbol));
    }
    if (t) t->is_number[1] = true;
    if (grid && grid->cells) tw_document_grids(d, grid, 1);
    tw_free(pooled);
    return status;
}

static tw_status write_max(tw_document *d, const tw_problem *p, bool given) {
    tw_document_heading(d, 3, TW_SAY_POOL_MAX, NULL);
    tw_document_say(d, TW_SAY_POOL_MAX_TEXT, NULL);
    if (!given) tw_document_say(d, TW_SAY_POOL_EXAMPLE, NULL);
    tw_shown shown[] = {{&p->name_x, tw_problem_x, NULL}};
    tw_write_tensors(d, p, shown, 1);
    tw_status status = p->sizes.y <= MOST && p->sizes.x <= MOST ? write_selection(d, p) : TW_OK;
    tw_document_say(d, TW_SAY_POOL_MAX_BACK, NULL);
    tw_document_display(d, "dL/dx = S^T dL/dh");
    return status;
}

static tw_status write_both(tw_document *d, const tw_explain_request *request, tw_explain_request *pool,
                            const double *image, const double *weights) {
    tw_geometry_sizes sizes;
    tw_status status = tw_geometry_count(&pool->geometry, &sizes);
    if (status) return status;
    bool given = request->image.values != NULL;
    pool->weights = (tw_explain_values){weights, sizes.w};
    pool->image = (tw_explain_values){given ? image : NULL, given ? sizes.x : 0};
    tw_problem average;
    if ((status = tw_problem_create(&average, pool))) return status;
    write_average(d, &average);
    tw_document_say(d, TW_SAY_POOL_AVERAGE_BACK, NULL);
    tw_write_sums(d, &average, TW_TAP_IN);
    tw_problem_release(&average);
    pool->image = (tw_explain_values){image, sizes.x};
    pool->weights = (tw_explain_values){NULL, 0};
    tw_problem most;
    if ((status = tw_problem_create(&most, pool))) return status;
    status = write_max(d, &most, given);
    tw_problem_release(&most);
    return status ? status : d->arena.status;
}

static tw_status write_pooling(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    tw_explain_request pool = *request;
    pool.geometry = window_of(&p->geometry);
    pool.bias = pool.upstream = (tw_explain_values){NULL, 0};
    tw_geometry_sizes sizes;
    tw_status status = tw_geometry_count(&pool.geometry, &sizes);
    if (status) return status;
    tw_span args[] = {tw_span_sizes(pool.geometry.spatial, pool.geometry.kernel),
                      tw_span_sizes(pool.geometry.spatial, pool.geometry.stride)};
    tw_document_heading(d, 2, TW_SAY_POOL, NULL);
    tw_document_say(d, TW_SAY_POOL_TEXT, args);
    if (sizes.x > 1 << 20) {
        tw_document_say(d, TW_SAY_POOL_LARGE, NULL);
        return d->arena.status;
    }
    /* as long as the document: its grids are filled from them */
    double *image = tw_arena_take(&d->arena, sizes.x, sizeof *image);
    double *weights = tw_arena_take(&d->arena, sizes.w, sizeof *weights);
    if (!image || !weights) return d->arena.status;
    fill_image(image, sizes.x, request);
    for (int64_t i = 0; i < sizes.w; i++) weights[i] = 1.0 / (double)sizes.w;
    return write_both(d, request, &pool, image, weights);
}

const tw_section tw_section_pooling = {
    .face = {"pooling", "average and max pools of the same image: matrices and gradients", false, NULL},
    .needs_problem = true,
    .write = write_pooling,
};

/* The 1x1 convolution: at every pixel the same small matrix over the channels, so all of it is one matrix
 * product. */
#include "explain/passages.h"
#include "explain/sections.h"

#include "base/checked.h"

enum { IN = 3, OUT = 2, SIDE = 2, MOST = 12 };

/* The request's convolution if it is 1x1, else one of the request's channels (or a few) as symbols. */
static tw_explain_request example(const tw_explain_request *request, bool *own) {
    tw_explain_request r = *request;
    tw_geometry *g = &r.geometry;
    *own = !g->transposed && g->groups == 1 && g->layout == TW_NCHW;
    for (int a = 0; a < g->spatial; a++)
        *own = *own && g->kernel[a] == 1 && g->stride[a] == 1 && !g->pad_begin[a] && !g->pad_end[a];
    if (*own) return r;
    r.image = r.weights = r.bias = r.upstream = (tw_explain_values){NULL, 0};
    int64_t in = g->in_channels > 1 ? g->in_channels : IN, out = g->in_channels > 1 ? g->out_channels : OUT;
    *g = tw_geometry_defaults(2);
    g->in_channels = in;
    g->out_channels = out;
    for (int a = 0; a < 2; a++) {
        g->input[a] = SIDE;
        g->kernel[a] = 1;
    }
    return r;
}

/* A matrix of channels by pixels, or of the weights. */
static tw_grid channel_grid(tw_document *d, const tw_problem *p, tw_element element, int64_t rows,
                            int64_t columns, tw_word title, const char *joiner) {
    tw_grid grid = tw_grid_make(d, tw_min(rows, MOST), tw_min(columns, MOST));
    grid.total_rows = rows;
    grid.total_columns = columns;
    grid.title = tw_phrase_make(d, title, NULL);
    grid.joiner = joiner;
    for (int64_t i = 0; i < grid.rows * grid.columns; i++)
        grid.cells[i] = element(p, i / grid.columns * columns + i % grid.columns);
    return grid;
}

static void write_product(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    int64_t pixels = p->shape.in_pixels;
    tw_grid *grids = tw_arena_take(&d->arena, 3, sizeof *grids);
    if (!grids) return;
    grids[0] = channel_grid(d, p, tw_problem_w, g->out_channels, g->in_channels, TW_SAY_W_SYMBOLS, NULL);
    grids[1] = channel_grid(d, p, tw_problem_x, g->in_channels, pixels, TW_SAY_ONE_X, " ");
    grids[2] = channel_grid(d, p, tw_problem_h, g->out_channels, pixels, TW_SAY_ONE_H, "=");
    tw_document_grids(d, grids, 3);
}

static tw_status write_onebyone(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)p;
    bool own;
    tw_explain_request r = example(request, &own);
    tw_problem one;
    tw_status status = tw_problem_create(&one, &r);
    if (status) return status;
    const tw_geometry *g = &one.geometry;
    tw_span args[] = {tw_span_number((double)g->out_channels), tw_span_number((double)g->in_channels),
                      tw_span_number((double)one.sizes.w)};
    tw_document_heading(d, 2, TW_SAY_ONE, NULL);
    tw_document_say(d, TW_SAY_ONE_TEXT, args);
    tw_document_display(d, "H = W X");
    write_product(d, &one);
    tw_write_sums(d, &one, TW_TAP_OUT);
    tw_document_say(d, TW_SAY_ONE_BACK, NULL);
    tw_document_display(d, "dL/dX = W^T dL/dH");
    tw_document_display(d, "dL/dW = dL/dH X^T");
    tw_write_sums(d, &one, TW_TAP_WEIGHT);
    tw_problem_release(&one);
    return d->arena.status;
}

const tw_section tw_section_onebyone = {
    .face = {"onebyone", "a 1x1 convolution as a matrix product over the channels", false, NULL},
    .write = write_onebyone,
};

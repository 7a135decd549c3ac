/* The windows' pixels are the taps of the depthwise convolution of the same sizes. */
#include "selection.h"

#include <stdio.h>
#include <stdlib.h>

#include <twill/net.h>

/* The pool of the network: channels are images of their own there. */
static tw_status run_pool(const tw_geometry *g, const double *x, double *h) {
    char text[96];
    snprintf(text, sizeof text, "maxpool %lldx%lld stride %lldx%lld", (long long)g->kernel[0],
             (long long)g->kernel[1], (long long)g->stride[0], (long long)g->stride[1]);
    tw_net *net;
    tw_runner *runner = NULL;
    tw_net_input input = {.spatial = 2, .channels = 1, .size = {g->input[0], g->input[1]}};
    tw_status status = tw_net_create(&net, text, input);
    if (status) return status;
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = g->in_channels;
    options.threads = 1;
    status = tw_runner_create(&runner, net, &options);
    if (!status) status = tw_runner_forward(runner, x, x, g->in_channels, h);
    tw_runner_free(runner);
    tw_net_free(net);
    return status;
}

/* The first of the largest pixels of a window; -1 when none has the value that the pool found. */
static int64_t find_taken(const tw_matrix *window, int64_t row, const double *x, double value) {
    int64_t taken = -1;
    for (int64_t e = window->row_begin[row]; e < window->row_begin[row + 1]; e++) {
        int64_t pixel = window->column[e];
        if (x[pixel] > value) return -1;
        if (taken < 0 && x[pixel] == value) taken = pixel;
    }
    return taken;
}

static tw_status refuse(tw_selection *s, tw_status status, const char *message) {
    s->message = message;
    return status;
}

static tw_status reserve(tw_selection *s) {
    size_t rows = (size_t)s->window->rows, columns = (size_t)s->window->columns;
    s->matrix.rows = s->matrix.nonzeros = s->window->rows;
    s->matrix.columns = s->window->columns;
    s->matrix.parameters = 1;
    s->matrix.row_begin = calloc(rows + 1, sizeof *s->matrix.row_begin);
    s->matrix.column = calloc(rows + 1, sizeof *s->matrix.column);
    s->matrix.parameter = calloc(rows + 1, sizeof *s->matrix.parameter);
    s->h = calloc(rows + 1, sizeof *s->h);
    s->dx = calloc(columns + 1, sizeof *s->dx);
    bool all = s->matrix.row_begin && s->matrix.column && s->matrix.parameter && s->h && s->dx;
    return all ? TW_OK : refuse(s, TW_ERROR_MEMORY, "no memory for the pool");
}

tw_status tw_selection_create(tw_selection *s, const tw_letter *letter) {
    static const double one = 1;
    *s = (tw_selection){.window = NULL};
    const tw_explain_request *r = &letter->request;
    tw_status status = tw_matrix_create(&s->window, &r->geometry);
    if (!status) status = reserve(s);
    if (!status && (r->image.count != s->window->columns || r->upstream.count != s->window->rows))
        status = refuse(s, TW_ERROR_ARGUMENT, "x and dL/dh need a number for each pixel and output");
    if (!status) status = run_pool(&r->geometry, letter->x, s->h);
    for (int64_t row = 0; !status && row < s->matrix.rows; row++) {
        int64_t taken = find_taken(s->window, row, letter->x, s->h[row]);
        if (taken < 0) status = refuse(s, TW_ERROR_NUMERIC, "max pool and window differ: please report this");
        s->matrix.column[row] = taken;
        s->matrix.row_begin[row + 1] = row + 1;
    }
    if (!status) status = tw_matrix_apply_transposed(&s->matrix, TW_F64, 1, &one, letter->dh, s->dx);
    return status;
}

void tw_selection_release(tw_selection *s) {
    tw_matrix_free(s->window);
    free(s->matrix.row_begin);
    free(s->matrix.column);
    free(s->matrix.parameter);
    free(s->h);
    free(s->dx);
    *s = (tw_selection){.window = NULL};
}

/* The gradient of the image: pixel by pixel, as a full convolution with the turned kernel, and as W^T dL/dh.
 */
#include "explain/passages.h"
#include "explain/sections.h"

#include "base/checked.h"

static bool is_plain(const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    return g->in_channels == 1 && g->out_channels == 1 && g->spatial == 2 && !g->transposed &&
           g->pad_mode == TW_PAD_ZEROS;
}

/* dL/dh as the full convolution reads it: with zeros around it, and stride - 1 between its elements. Place u
 * of an axis holds the output o with o * stride = u + pad - (extent - 1). */
static tw_grid framed_gradient(tw_document *d, const tw_problem *p, const int64_t extent[TW_AXES]) {
    const tw_shape *s = &p->shape;
    tw_grid grid = tw_grid_make(d, s->in[1] + extent[1] - 1, s->in[2] + extent[2] - 1);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t u[TW_AXES] = {0, i / grid.columns, i % grid.columns}, o[TW_AXES] = {0};
        bool holds = true;
        for (int a = TW_HEIGHT; a <= TW_WIDTH; a++) {
            int64_t from = u[a] + s->pad[a] - (extent[a] - 1);
            o[a] = from / s->stride[a];
            holds = holds && from >= 0 && from % s->stride[a] == 0 && o[a] < s->out[a];
        }
        grid.cells[i] =
            holds ? tw_problem_dh(p, o[1] * s->out[2] + o[2]) : (tw_atom){.known = true, .colour = -1};
    }
    return grid;
}

/* The kernel as the backward pass lays it: turned by 180 degrees (a flipped one: as it is), with its
 * dilation. */
static tw_grid turned_kernel(tw_document *d, const tw_problem *p, const int64_t extent[TW_AXES]) {
    const tw_shape *s = &p->shape;
    tw_grid grid = tw_grid_make(d, extent[1], extent[2]);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t y = i / grid.columns, x = i % grid.columns;
        bool between = y % s->dilation[1] || x % s->dilation[2];
        int64_t k = y / s->dilation[1] * s->kernel[2] + x / s->dilation[2];
        grid.cells[i] = between ? (tw_atom){.known = true, .colour = -1}
                                : tw_problem_w(p, p->geometry.flipped ? k : s->kernel_taps - 1 - k);
    }
    return grid;
}

static void write_convolution(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    const tw_shape *s = &p->shape;
    int64_t extent[TW_AXES];
    bool strided = false, fits = true;
    for (int a = 0; a < TW_AXES; a++) {
        extent[a] = (s->kernel[a] - 1) * s->dilation[a] + 1;
        strided = strided || s->stride[a] > 1;
        fits = fits && s->in[a] + extent[a] - 1 <= TW_GRID_SIDE;
    }
    if (g->transposed) {
        tw_document_say(d, TW_SAY_INPUT_CONV_TRANSPOSED, NULL);
        return;
    }
    tw_document_say(d, g->flipped ? TW_SAY_INPUT_CONV_FLIPPED : TW_SAY_INPUT_CONV, NULL);
    tw_span args[] = {tw_span_sizes(g->spatial, g->stride)};
    if (strided) tw_document_say(d, TW_SAY_INPUT_STRIDE, args);
    if (g->pad_mode != TW_PAD_ZEROS) tw_document_say(d, TW_SAY_INPUT_PAD_MODE, NULL);
    tw_grid *grids = is_plain(p) && fits ? tw_arena_take(&d->arena, 3, sizeof *grids) : NULL;
    if (!grids) return;
    grids[0] = framed_gradient(d, p, extent);
    grids[0].title = tw_phrase_make(d, TW_SAY_DH_FRAMED, NULL);
    grids[1] = turned_kernel(d, p, extent);
    grids[1].title = tw_phrase_make(d, g->flipped ? TW_SAY_W_AS_IS : TW_SAY_W_TURNED, NULL);
    grids[1].joiner = "*";
    tw_tensor_grids(d, p, &p->name_dx, tw_problem_dx, "=", grids + 2);
    tw_document_grids(d, grids, 3);
}

/* dL/db of a channel: the sum of all its dL/dh. */
static void write_bias(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    int64_t pixels = p->sizes.y / g->out_channels;
    int64_t lines = tw_min(g->out_channels, TW_ABRIDGED_EQUATIONS);
    int64_t shown = pixels <= TW_MANY_TERMS ? pixels : TW_ABRIDGED_TERMS + 1;
    tw_document_say(d, TW_SAY_BIAS, NULL);
    tw_equation *equations = tw_arena_take(&d->arena, lines, sizeof *equations);
    for (int64_t c = 0; equations && c < lines; c++) {
        equations[c] = (tw_equation){.left = tw_problem_db(p, c), .total = pixels};
        equations[c].gap = shown < pixels ? (int)shown - 1 : 0;
        equations[c].terms = tw_arena_take(&d->arena, shown, sizeof *equations[c].terms);
        for (int64_t i = 0; equations[c].terms && i < shown; i++) {
            int64_t pixel = i == shown - 1 ? pixels - 1 : i;
            int64_t e = tw_shape_index(g->layout, 0, g->out_channels, c, pixels, pixel);
            equations[c].terms[equations[c].count++] = (tw_term){1, {tw_problem_dh(p, e)}};
        }
    }
    tw_document_equations(d, equations, equations ? (int)lines : 0, g->out_channels);
}

static tw_status write_input(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)request;
    tw_document_heading(d, 2, TW_SAY_INPUT_GRADIENT, NULL);
    tw_document_say(d, TW_SAY_INPUT_TEXT, NULL);
    tw_document_display(d, "dL/dx = Σ_h dL/dh dh/dx");
    tw_write_sums(d, p, TW_TAP_IN);
    write_convolution(d, p);
    tw_document_say(d, TW_SAY_INPUT_MATRIX, NULL);
    tw_document_display(d, "dL/dx = W^T dL/dh");
    write_bias(d, p);
    return d->arena.status;
}

const tw_section tw_section_input = {
    .face = {"input", "the gradient of each pixel and of the bias", true, NULL},
    .needs_problem = true,
    .write = write_input,
};

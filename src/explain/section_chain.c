/* The chain rule: the gradient of the weights, sum by sum, and as the convolution that it is. */
#include "explain/passages.h"
#include "explain/sections.h"

#include "base/checked.h"

/* One channel, two dimensions, zeros: what a grid can show at a glance. */
static bool is_plain(const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    return g->in_channels == 1 && g->out_channels == 1 && g->spatial == 2 && !g->transposed && !g->flipped;
}

/* dL/dh with stride - 1 zeros between its elements. */
static tw_grid spread_gradient(tw_document *d, const tw_problem *p) {
    const tw_shape *s = &p->shape;
    tw_grid grid = tw_grid_make(d, (s->out[1] - 1) * s->stride[1] + 1, (s->out[2] - 1) * s->stride[2] + 1);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t y = i / grid.columns, x = i % grid.columns;
        grid.cells[i] = y % s->stride[1] || x % s->stride[2]
                            ? (tw_atom){.known = true, .colour = -1}
                            : tw_problem_dh(p, y / s->stride[1] * s->out[2] + x / s->stride[2]);
    }
    return grid;
}

static void write_convolution(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    const tw_shape *s = &p->shape;
    bool strided = false, dilated = false;
    for (int a = 0; a < TW_AXES; a++) {
        strided = strided || s->stride[a] > 1;
        dilated = dilated || s->dilation[a] > 1;
    }
    tw_document_say(d, g->transposed ? TW_SAY_CHAIN_CONV_TRANSPOSED : TW_SAY_CHAIN_CONV, NULL);
    tw_document_display(d, g->transposed ? "dL/dw = dL/dh ∗ x" : "dL/dw = x ∗ dL/dh");
    tw_span args[] = {tw_span_sizes(g->spatial, g->stride), tw_span_sizes(g->spatial, g->dilation)};
    if (strided) tw_document_say(d, TW_SAY_CHAIN_STRIDE, args);
    if (dilated) tw_document_say(d, TW_SAY_CHAIN_DILATION, args);
    bool fits =
        (s->out[1] - 1) * s->stride[1] < TW_GRID_SIDE && (s->out[2] - 1) * s->stride[2] < TW_GRID_SIDE;
    if (!is_plain(p) || s->in[1] > TW_GRID_SIDE || s->in[2] > TW_GRID_SIDE || !fits) return;
    tw_grid *grids = tw_arena_take(&d->arena, 3, sizeof *grids);
    if (!grids) return;
    tw_tensor_grids(d, p, &p->name_x, tw_problem_x, NULL, grids);
    grids[1] = spread_gradient(d, p);
    grids[1].title = tw_phrase_make(d, strided ? TW_SAY_DH_SPREAD : TW_SAY_DH, NULL);
    grids[1].joiner = "*";
    tw_tensor_grids(d, p, &p->name_dw, tw_problem_dw, "=", grids + 2);
    tw_document_grids(d, grids, 3);
}

static tw_status write_chain(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)request;
    tw_document_heading(d, 2, TW_SAY_CHAIN, NULL);
    tw_document_say(d, TW_SAY_CHAIN_TEXT, NULL);
    tw_document_display(d, "dL/dw = Σ_h dL/dh dh/dw");
    tw_span args[] = {tw_span_number((double)p->sizes.w), tw_span_number((double)p->sizes.taps)};
    tw_document_say(d, TW_SAY_CHAIN_PIXEL, args);
    tw_write_sums(d, p, TW_TAP_WEIGHT);
    write_convolution(d, p);
    return d->arena.status;
}

const tw_section tw_section_chain = {
    .face = {"chain", "the gradient of each weight by the chain rule, and as a convolution", true, NULL},
    .needs_problem = true,
    .write = write_chain,
};

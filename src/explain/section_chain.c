/* The chain rule: the gradient of the weights, sum by sum, and as the convolution that it is. */
#include "explain/planes.h"
#include "explain/sections.h"

/* The first kernel's gradient: the base's image under what stands at its outputs. A flipped kernel's gradient
 * comes out turned. */
static void write_planes(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    tw_grid *grids = tw_planes_fit(p) ? tw_arena_take(&d->arena, 3, sizeof *grids) : NULL;
    if (!grids) return;
    grids[0] = tw_plane_bordered(d, p, tw_plane_in(p, g->transposed));
    grids[1] = tw_plane_spread(d, p, tw_plane_out(p, !g->transposed));
    grids[1].joiner = "*";
    grids[2] = tw_plane_kernel(d, p, true, g->flipped, false);
    grids[2].joiner = "=";
    tw_document_grids(d, grids, 3);
}

static void write_convolution(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    tw_document_say(d, g->transposed ? TW_SAY_CHAIN_CONV_TRANSPOSED : TW_SAY_CHAIN_CONV, NULL);
    tw_document_display(d, g->transposed ? "dL/dw = dL/dh ∗ x" : "dL/dw = x ∗ dL/dh");
    tw_span args[] = {tw_span_sizes(g->spatial, g->stride), tw_span_sizes(g->spatial, g->dilation)};
    if (tw_planes_strided(p)) tw_document_say(d, TW_SAY_CHAIN_STRIDE, args);
    if (tw_planes_dilated(p)) tw_document_say(d, TW_SAY_CHAIN_DILATION, args);
    if (g->flipped) tw_document_say(d, TW_SAY_CHAIN_FLIPPED, NULL);
    int64_t pairs = p->sizes.w / p->shape.kernel_taps;
    tw_span count[] = {tw_span_number((double)pairs)};
    if (pairs > 1) tw_document_say(d, TW_SAY_CHAIN_CHANNELS, count);
    write_planes(d, p);
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

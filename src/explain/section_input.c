/* The gradient of the image: pixel by pixel, as a full convolution with the turned kernel, and as W^T dL/dh.
 */
#include "explain/planes.h"
#include "explain/sections.h"

#include "base/checked.h"

/* Of the first pair of channels: dL/dh in zeros under the turned kernel; or, transposed, under the kernel as
 * the forward pass of an ordinary convolution lays it. They make dL/dx where only one channel of dL/dh goes
 * into it. */
static void write_planes(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    bool alone = (g->transposed ? p->shape.group_in : p->shape.group_out) == 1;
    bool reads = g->pad_mode == TW_PAD_ZEROS && tw_planes_fit(p);
    tw_grid *grids = reads ? tw_arena_take(&d->arena, 3, sizeof *grids) : NULL;
    if (!grids) return;
    grids[0] = g->transposed ? tw_plane_bordered(d, p, tw_plane_in(p, true))
                             : tw_plane_framed(d, p, tw_plane_out(p, true));
    grids[1] = tw_plane_kernel(d, p, false, g->flipped == g->transposed, true);
    grids[1].joiner = "*";
    grids[2] = tw_plane_plain(d, p, g->transposed ? tw_plane_out(p, true) : tw_plane_in(p, true));
    grids[2].joiner = "=";
    tw_document_grids(d, grids, alone ? 3 : 2);
}

static void write_convolution(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    int64_t channels = g->out_channels / g->groups;
    tw_span stride[] = {tw_span_sizes(g->spatial, g->stride)}, many[] = {tw_span_number((double)channels)};
    tw_document_say(d,
                    g->transposed ? TW_SAY_INPUT_CONV_TRANSPOSED
                    : g->flipped  ? TW_SAY_INPUT_CONV_FLIPPED
                                  : TW_SAY_INPUT_CONV,
                    NULL);
    if (tw_planes_strided(p) && !g->transposed) tw_document_say(d, TW_SAY_INPUT_STRIDE, stride);
    if (g->pad_mode != TW_PAD_ZEROS) tw_document_say(d, TW_SAY_INPUT_PAD_MODE, NULL);
    if (channels > 1) tw_document_say(d, TW_SAY_INPUT_CHANNELS, many);
    write_planes(d, p);
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

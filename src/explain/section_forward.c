/* Forward: every output is a sum over the patch of the image that it sees. */
#include "explain/figures.h"
#include "explain/planes.h"
#include "explain/sections.h"

#include "base/checked.h"

/* What each dimension's size comes from: a row a dimension. */
static void write_sizes(tw_document *d, const tw_problem *p) {
    static const tw_word head[] = {TW_SAY_DIMENSION, TW_SAY_INPUT,          TW_SAY_PAD_BEGIN,
                                   TW_SAY_PAD_END,   TW_SAY_KERNEL,         TW_SAY_DILATION,
                                   TW_SAY_STRIDE,    TW_SAY_OUTPUT_PADDING, TW_SAY_OUTPUT};
    static const tw_word names[TW_AXES] = {TW_SAY_DEPTH, TW_SAY_HEIGHT, TW_SAY_WIDTH};
    enum { COLUMNS = sizeof head / sizeof *head };
    const tw_geometry *g = &p->geometry;
    tw_word used[COLUMNS];
    int columns = 0;
    for (int c = 0; c < COLUMNS; c++) /* only a transposed convolution has an output padding */
        if (head[c] != TW_SAY_OUTPUT_PADDING || g->transposed) used[columns++] = head[c];
    tw_write_size_formula(d, g);
    tw_table *t = tw_document_table(d, g->spatial, columns, used);
    for (int a = 0; t && a < g->spatial; a++) {
        int64_t all[COLUMNS] = {0,
                                g->input[a],
                                g->pad_begin[a],
                                g->pad_end[a],
                                g->kernel[a],
                                g->dilation[a],
                                g->stride[a],
                                g->transposed ? g->output_padding[a] : p->output[a],
                                p->output[a]};
        tw_phrase *cells = t->cells + (int64_t)a * columns;
        cells[0] = tw_phrase_make(d, names[TW_AXES - g->spatial + a], NULL);
        for (int c = 1; c < columns; c++) {
            t->is_number[c] = true;
            cells[c] = tw_phrase_of(d, tw_span_number((double)all[c]));
        }
    }
}

/* Rows of the padded image that no patch reaches. */
static void write_leftover(tw_document *d, const tw_problem *p) {
    static const tw_word names[TW_AXES] = {TW_SAY_DEPTH, TW_SAY_HEIGHT, TW_SAY_WIDTH};
    const tw_geometry *g = &p->geometry;
    for (int a = 0; a < g->spatial && !g->transposed; a++) {
        int64_t extent = (g->kernel[a] - 1) * g->dilation[a] + 1;
        int64_t left = (g->input[a] + g->pad_begin[a] + g->pad_end[a] - extent) % g->stride[a];
        if (left == 0) continue;
        tw_span args[] = {tw_span_text(tw_words(d->language, names[TW_AXES - g->spatial + a])),
                          tw_span_number((double)left)};
        tw_document_note(d, TW_SAY_LEFTOVER, args);
    }
}

/* The border, in words and around the first channel. A figure shows a narrow border of zeros too. */
static void write_padded(tw_document *d, const tw_problem *p, bool drawn) {
    const tw_geometry *g = &p->geometry;
    if (!tw_planes_padded(p) || g->transposed) return;
    static const tw_word modes[] = {[TW_PAD_ZEROS] = TW_SAY_PAD_ZEROS,
                                    [TW_PAD_REFLECT] = TW_SAY_PAD_REFLECT,
                                    [TW_PAD_REPLICATE] = TW_SAY_PAD_REPLICATE,
                                    [TW_PAD_CIRCULAR] = TW_SAY_PAD_CIRCULAR};
    tw_document_say(d, modes[g->pad_mode], NULL);
    tw_grid *grid = tw_planes_fit(p) ? tw_arena_take(&d->arena, 1, sizeof *grid) : NULL;
    if (!grid) return;
    *grid = tw_plane_bordered(d, p, tw_plane_in(p, false));
    tw_document_grids(d, grid, 1);
    bool narrow = g->pad_begin[0] <= TW_FIGURE_BORDER && g->pad_begin[g->spatial - 1] <= TW_FIGURE_BORDER;
    if (d->last) d->last->drawn = drawn && narrow && g->pad_mode == TW_PAD_ZEROS;
}

static void write_channels(tw_document *d, const tw_geometry *g) {
    tw_span args[] = {tw_span_number((double)g->in_channels), tw_span_number((double)g->out_channels),
                      tw_span_number((double)g->groups),
                      tw_span_number((double)(g->in_channels / g->groups))};
    if (g->groups > 1)
        tw_document_say(d, TW_SAY_GROUPS, args);
    else if (g->in_channels > 1)
        tw_document_say(d, TW_SAY_CHANNELS, args);
    else if (g->out_channels > 1)
        tw_document_say(d, TW_SAY_KERNELS, args);
}

static tw_status write_forward(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    (void)request;
    const tw_geometry *g = &p->geometry;
    tw_document_heading(d, 2, TW_SAY_FORWARD, NULL);
    tw_document_say(d, g->transposed ? TW_SAY_FORWARD_TRANSPOSED : TW_SAY_FORWARD_TEXT, NULL);
    if (g->flipped) tw_document_say(d, TW_SAY_FLIPPED, NULL);
    write_channels(d, g);
    tw_shown shown[4] = {{&p->name_x, tw_problem_x, NULL}, {&p->name_w, tw_problem_w, "*"}};
    int count = 2;
    if (p->has_bias) shown[count++] = (tw_shown){&p->name_b, tw_problem_b, "+"};
    shown[count++] = (tw_shown){&p->name_h, tw_problem_h, "="};
    tw_write_tensors(d, p, shown, count);
    /* with several channels the figure shows those of the first output alone */
    bool whole = g->in_channels == 1 && g->out_channels == 1;
    tw_scene *scene = tw_figure_forward(d, p);
    tw_document_figure(d, "forward", scene, tw_phrase_make(d, TW_SAY_FIGURE_FORWARD, NULL), whole);
    write_padded(d, p, scene && whole);
    tw_write_sums(d, p, TW_TAP_OUT);
    write_sizes(d, p);
    write_leftover(d, p);
    return d->arena.status;
}

const tw_section tw_section_forward = {
    .face = {"forward", "every output as its sum, and where its size comes from", true, "forward"},
    .needs_problem = true,
    .write = write_forward,
};

/* The forward figure: x, w, a bias and h side by side, a plane of each channel (and depth) below the other.
 * The patch that makes the first output is outlined and its pixels lie in the colours of the weights that
 * they are multiplied with. */
#include "explain/figures.h"

#include <string.h>

#include "base/checked.h"
#include "explain/ink.h"
#include "explain/passages.h"

enum { SIDE = 10, CELL = 38, GAP = 34, TITLE = 30, TITLE_WIDTH = 70 };

typedef struct plane {
    const tw_problem *problem;
    const tw_naming *naming;
    tw_element element;
    int64_t rows, columns;             /* of the tensor's plane */
    int64_t top, left;                 /* border before it */
    int64_t whole_rows, whole_columns; /* with the border */
} plane;

tw_phrase tw_atom_label(tw_document *d, const tw_atom *atom, bool number) {
    return tw_phrase_of(d,
                        number && atom->known ? tw_span_number(atom->value) : tw_span_symbol(atom->symbol));
}

static void put_dots(tw_scene *s, double x, double y) {
    for (int i = -1; i <= 1; i++) tw_scene_circle(s, x + 6 * i, y, 1.4)->fill = TW_TONE_SOFT;
}

/* A cell of a grid, its label as large as fits. */
static tw_drawn *put_cell(tw_scene *s, double x, double y, const tw_atom *atom) {
    tw_drawn *cell = tw_scene_rect(s, x, y, CELL, CELL);
    cell->fill = TW_TONE_CELL;
    cell->stroke = TW_TONE_RULE;
    tw_phrase words = tw_atom_label(s->document, atom, true);
    tw_run runs[TW_LABEL_RUNS];
    double width = 0; /* in units of the letters' size */
    for (int i = 0, count = tw_label_runs(&words, runs); i < count; i++)
        width += tw_ink_width(runs[i].text, strlen(runs[i].text)) * (runs[i].below ? 0.4 : 0.55);
    double size = 15 * width <= CELL - 4 ? 15 : (CELL - 4) / width;
    tw_scene_label(s, x + CELL / 2.0, y + CELL / 2.0, size, words);
    return cell;
}

static void put_title(tw_scene *s, const plane *p, double x, double y, tw_symbol name) {
    tw_span *spans = tw_arena_take(&s->document->arena, 3, sizeof *spans);
    if (!spans) return;
    spans[0] = tw_span_symbol(name);
    spans[1] = tw_span_text("  ");
    spans[2] = tw_span_sizes(2, (int64_t[]){p->rows, p->columns});
    tw_scene_label(s, x, y + 12, 16, (tw_phrase){3, spans})->anchor = -1;
}

/* Which plane of the first output's kernel lies on a plane of the image when that output is made; -1: none.
 */
static int64_t kernel_plane(const tw_problem *p, int64_t number) {
    const tw_shape *s = &p->shape;
    int64_t channel = number / s->in[0], depth = number % s->in[0] + s->pad[0];
    if (depth % s->dilation[0] || depth / s->dilation[0] >= s->kernel[0]) return -1;
    return channel * s->kernel[0] + depth / s->dilation[0];
}

/* The colours of the first output's patch on the (padded) image: those of the weights of a kernel's plane. */
static void put_patch(tw_scene *s, const plane *p, double x, double y, int64_t kernel) {
    const tw_shape *shape = &p->problem->shape;
    int64_t first = kernel * shape->kernel[1] * shape->kernel[2], channel = first / shape->kernel_taps;
    for (int64_t k = 0; k < shape->kernel[1] * shape->kernel[2]; k++) {
        int64_t row = k / shape->kernel[2] * shape->dilation[1],
                column = k % shape->kernel[2] * shape->dilation[2];
        if (row >= tw_min(p->whole_rows, SIDE) || column >= tw_min(p->whole_columns, SIDE)) continue;
        int64_t turned = (2 * channel + 1) * shape->kernel_taps - 1 - (first + k);
        tw_drawn *tint = tw_scene_rect(s, x + (double)column * CELL, y + (double)row * CELL, CELL, CELL);
        tint->fill = TW_TONE_TINT;
        tint->stroke = TW_TONE_RULE;
        tint->colour = p->problem->geometry.flipped ? turned : first + k;
        tint->of_w = tint->colour;
    }
}

/* A line around the first patch. */
static void put_frame(tw_scene *s, const plane *p, double x, double y) {
    const tw_shape *shape = &p->problem->shape;
    int64_t extent[2] = {(shape->kernel[1] - 1) * shape->dilation[1] + 1,
                         (shape->kernel[2] - 1) * shape->dilation[2] + 1};
    tw_drawn *frame = tw_scene_rect(s, x, y, (double)tw_min(extent[1], tw_min(p->whole_columns, SIDE)) * CELL,
                                    (double)tw_min(extent[0], tw_min(p->whole_rows, SIDE)) * CELL);
    frame->stroke = TW_TONE_INK;
    frame->line = 2;
}

static void put_label_again(tw_scene *s, double x, double y, const tw_atom *atom) {
    tw_drawn *cell = put_cell(s, x, y, atom);
    cell->fill = TW_TONE_NONE;
    cell->of_x = atom->symbol.letter == 'x' ? atom->symbol.element : -1;
    cell->of_h = atom->symbol.letter == 'h' ? atom->symbol.element : -1;
    cell->of_w = atom->symbol.letter == 'w' ? atom->symbol.element : -1;
}

/* One plane; kernel >= 0: with the patch of that plane's weights. */
static void put_plane(tw_scene *s, const plane *p, double x, double y, int64_t number, int64_t kernel) {
    int64_t rows = tw_min(p->whole_rows, SIDE), columns = tw_min(p->whole_columns, SIDE);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && kernel >= 0) put_patch(s, p, x, y, kernel);
        for (int64_t i = 0; i < rows * columns; i++) {
            int64_t r = i / columns, c = i % columns;
            double at_x = x + (double)c * CELL, at_y = y + (double)r * CELL;
            int64_t row = r - p->top, column = c - p->left;
            bool inside = row >= 0 && row < p->rows && column >= 0 && column < p->columns;
            int64_t pixel = inside ? row * p->columns + column : 0;
            tw_atom atom = p->element(p->problem, tw_plane_element(p->problem, p->naming, number, pixel));
            if (pass == 0) {
                tw_drawn *cell = tw_scene_rect(s, at_x, at_y, CELL, CELL);
                cell->fill = inside ? TW_TONE_CELL : TW_TONE_NONE;
                cell->stroke = TW_TONE_RULE;
                cell->dashed = !inside;
                if (inside && atom.colour >= 0) {
                    cell->fill = TW_TONE_TINT;
                    cell->colour = atom.colour;
                }
            } else if (inside) {
                put_label_again(s, at_x, at_y, &atom);
            } else {
                tw_phrase zero = tw_phrase_of(s->document, tw_span_number(0));
                tw_scene_label(s, at_x + CELL / 2.0, at_y + CELL / 2.0, 13, zero)->fill = TW_TONE_SOFT;
            }
        }
    }
    if (kernel >= 0) put_frame(s, p, x, y);
    if (p->whole_rows > rows) put_dots(s, x + (double)columns * CELL / 2, y + (double)rows * CELL + 12);
    if (p->whole_columns > columns) put_dots(s, x + (double)columns * CELL + 14, y + (double)rows * CELL / 2);
}

/* As many as the grids beside the figure show (passages.h). */
static int64_t shown_planes(int64_t planes) {
    return planes <= TW_MANY_PLANES ? planes : TW_FIRST_PLANES;
}

static double height_of(const plane *p, int64_t planes) {
    return (double)shown_planes(planes) * ((double)tw_min(p->whole_rows, SIDE) * CELL + TITLE + 10) +
           (planes > shown_planes(planes) ? 20 : 0);
}

/* The planes of one tensor in a column at x; returns where the next one may start. */
static double put_tensor(tw_scene *s, const plane *p, double x, double tallest, int64_t planes, bool patch) {
    double y = 8 + (tallest - height_of(p, planes)) / 2;
    double title = TITLE_WIDTH;
    for (int64_t i = 0; i < shown_planes(planes); i++) {
        tw_symbol name = tw_plane_symbol(p->problem, p->naming, i);
        if (name.rank > 1) title = TITLE_WIDTH + 14 * name.rank;
        put_title(s, p, x, y, name);
        put_plane(s, p, x, y + TITLE, i, patch ? kernel_plane(p->problem, i) : -1);
        y += (double)tw_min(p->whole_rows, SIDE) * CELL + TITLE + 10;
    }
    if (planes > shown_planes(planes))
        put_dots(s, x + (double)tw_min(p->whole_columns, SIDE) * CELL / 2, y + 4);
    double wide = (double)tw_min(p->whole_columns, SIDE) * CELL + (p->whole_columns > SIDE ? 24 : 0);
    return x + (wide > title ? wide : title) + GAP;
}

static void put_sign(tw_scene *s, double x, double middle, const char *sign) {
    tw_scene_label(s, x - GAP / 2.0, middle, 20, tw_phrase_of(s->document, tw_span_text(sign)))->fill =
        TW_TONE_SOFT;
}

tw_scene *tw_figure_forward(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    const tw_shape *s = &p->shape;
    tw_scene *scene = tw_scene_create(d);
    if (!scene) return NULL;
    const int64_t *in = g->transposed ? s->out : s->in, *out = g->transposed ? s->in : s->out;
    int64_t outputs = g->out_channels / g->groups, channels = g->transposed ? 1 : s->group_in;
    plane x = {p, &p->name_x, tw_problem_x, in[1], in[2], 0, 0, in[1], in[2]};
    plane w = {p, &p->name_w, tw_problem_w, s->kernel[1], s->kernel[2], 0, 0, s->kernel[1], s->kernel[2]};
    plane b = {p, &p->name_b, tw_problem_b, 1, outputs, 0, 0, 1, outputs};
    plane h = {p, &p->name_h, tw_problem_h, out[1], out[2], 0, 0, out[1], out[2]};
    bool border = !g->transposed && g->pad_mode == TW_PAD_ZEROS;
    for (int a = 0; a < g->spatial; a++) border = border && g->pad_begin[a] <= TW_FIGURE_BORDER;
    if (border) {
        x.top = s->pad[1];
        x.left = s->pad[2];
        x.whole_rows += s->pad[1] + (g->spatial > 1 ? g->pad_end[g->spatial - 2] : 0);
        x.whole_columns += s->pad[2] + g->pad_end[g->spatial - 1];
    }
    int64_t of_x = channels * in[0], of_w = channels * s->kernel[0], of_h = outputs * out[0];
    double tallest = height_of(&x, of_x); /* b is never the tallest */
    if (height_of(&w, of_w) > tallest) tallest = height_of(&w, of_w);
    if (height_of(&h, of_h) > tallest) tallest = height_of(&h, of_h);
    double middle = 8 + tallest / 2 + TITLE / 2.0 - 5;
    bool patch = !g->transposed && (border || (s->pad[0] == 0 && s->pad[1] == 0 && s->pad[2] == 0));
    double at = put_tensor(scene, &x, 8, tallest, of_x, patch);
    put_sign(scene, at, middle, "∗");
    at = put_tensor(scene, &w, at, tallest, of_w, false);
    if (p->has_bias) {
        put_sign(scene, at, middle, "+");
        at = put_tensor(scene, &b, at, tallest, 1, false);
    }
    put_sign(scene, at, middle, "=");
    put_tensor(scene, &h, at, tallest, of_h, false);
    if (patch) {
        double y = 8 + (tallest - height_of(&h, of_h)) / 2 + TITLE;
        tw_drawn *frame = tw_scene_rect(scene, at, y, CELL, CELL);
        frame->stroke = TW_TONE_INK;
        frame->line = 2;
    }
    return scene;
}

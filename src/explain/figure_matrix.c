/* The matrix figure: every place that holds a weight in that weight's colour, so that the diagonals of the
 * block Toeplitz structure can be seen; lines part the blocks, one for each row of the image and of the
 * output. A large matrix is drawn as the share of its places that are taken. */
#include "explain/figures.h"

#include "base/checked.h"

enum { LABELLED = 20, HIGH = 26, DOT = 10, SMALL = 12, TOP = 26, LEFT = 44 };

/* Width of a cell that holds a name such as w11 or w[2,1,1,2]. */
static double cell_width(const tw_problem *p) {
    return p->name_w.brackets ? 62 : 34;
}

static void put_names(tw_scene *s, const tw_grid *m, double left, double top, double wide, double high,
                      double size) {
    for (int64_t c = 0; c < m->columns; c++)
        tw_scene_label(s, left + ((double)c + 0.5) * wide, top - 12, size,
                       tw_phrase_of(s->document, tw_span_symbol(m->column_names[c])))
            ->fill = TW_TONE_SOFT;
    for (int64_t r = 0; r < m->rows; r++) {
        tw_drawn *name = tw_scene_label(s, left - 8, top + ((double)r + 0.5) * high, size,
                                        tw_phrase_of(s->document, tw_span_symbol(m->row_names[r])));
        name->fill = TW_TONE_SOFT;
        name->anchor = 1;
    }
}

/* Lines after each row of the output and of the image. */
static void put_blocks(tw_scene *s, const tw_grid *m, const tw_problem *p, double left, double top,
                       double wide, double high) {
    const tw_geometry *g = &p->geometry;
    int64_t columns = g->input[g->spatial - 1], rows = p->output[g->spatial - 1];
    double right = left + (double)m->columns * wide, bottom = top + (double)m->rows * high;
    for (int64_t c = 0; c <= m->columns && g->layout == TW_NCHW; c += columns) {
        double x = left + (double)c * wide;
        tw_drawn *line = tw_scene_line(s, x, top, x, bottom);
        line->stroke = TW_TONE_SOFT;
        line->line = 1.5;
    }
    for (int64_t r = 0; r <= m->rows && g->layout == TW_NCHW; r += rows) {
        double y = top + (double)r * high;
        tw_drawn *line = tw_scene_line(s, left, y, right, y);
        line->stroke = TW_TONE_SOFT;
        line->line = 1.5;
    }
}

static tw_scene *draw_places(tw_document *d, const tw_problem *p, const tw_grid *m) {
    tw_scene *s = tw_scene_create(d);
    if (!s) return NULL;
    bool labelled = m->columns <= LABELLED && m->rows <= LABELLED;
    double wide = labelled ? cell_width(p) : SMALL, high = labelled ? HIGH : SMALL;
    double left = labelled ? (p->name_h.brackets ? 1.6 : 1) * LEFT : 8, top = labelled ? TOP : 8;
    for (int64_t i = 0; i < m->rows * m->columns; i++) {
        const tw_atom *atom = &m->cells[i];
        double x = left + (double)(i % m->columns) * wide, y = top + (double)(i / m->columns) * high;
        tw_drawn *cell = tw_scene_rect(s, x, y, wide, high);
        bool taken = atom->symbol.letter != 0;
        cell->fill = taken ? TW_TONE_TINT : TW_TONE_NONE;
        cell->stroke = TW_TONE_RULE;
        cell->line = labelled ? 1 : 0.5;
        cell->colour = atom->colour;
        cell->of_x = i % m->columns;
        cell->of_h = i / m->columns;
        if (taken) cell->of_w = atom->symbol.element;
        if (taken && labelled)
            tw_scene_label(s, x + wide / 2, y + high / 2, 13, tw_atom_label(d, atom, true));
    }
    put_blocks(s, m, p, left, top, wide, high);
    if (labelled) put_names(s, m, left, top, wide, high, p->name_x.brackets ? 11 : 12);
    return s;
}

static tw_scene *draw_pattern(tw_document *d, const tw_grid *m) {
    tw_scene *s = tw_scene_create(d);
    if (!s) return NULL;
    double most = 0;
    for (int64_t i = 0; i < m->rows * m->columns; i++)
        if (m->cells[i].value > most) most = m->cells[i].value;
    for (int64_t i = 0; i < m->rows * m->columns; i++) {
        if (m->cells[i].value <= 0) continue;
        tw_drawn *cell = tw_scene_rect(s, 8 + (double)(i % m->columns) * DOT,
                                       8 + (double)(i / m->columns) * DOT, DOT, DOT);
        cell->fill = TW_TONE_STRONG;
        cell->opacity = 0.15 + 0.85 * m->cells[i].value / most;
    }
    tw_scene_rect(s, 8, 8, (double)m->columns * DOT, (double)m->rows * DOT)->stroke = TW_TONE_SOFT;
    return s;
}

tw_scene *tw_figure_matrix(tw_document *d, const tw_problem *p, const tw_grid *m) {
    return m->pattern ? draw_pattern(d, m) : draw_places(d, p, m);
}

/* The connections figure: the same pixels and outputs joined twice, each with each (every edge a parameter of
 * its own) and as the convolution does (edges of one colour are one weight). */
#include "explain/figures.h"

#include "base/checked.h"

enum { NODES = 18, STEP = 34, RADIUS = 7, SPAN = 210, NAME = 46, BETWEEN = 90, HEAD = 60 };

typedef struct layout {
    int64_t x_count, h_count; /* nodes drawn */
    double left, right;       /* of the two columns of nodes */
    double top, height;
} layout;

static double node_y(const layout *l, int64_t i, int64_t count) {
    double span = (double)(count - 1) * STEP;
    return l->top + (l->height - span) / 2 + (double)i * STEP;
}

static void put_edge(tw_scene *s, const layout *l, int64_t x, int64_t h, tw_drawn style) {
    tw_drawn *line = tw_scene_line(s, l->left, node_y(l, x, l->x_count), l->right, node_y(l, h, l->h_count));
    line->stroke = style.stroke;
    line->colour = style.colour;
    line->line = style.line;
    line->opacity = style.opacity;
    line->of_x = x;
    line->of_h = h;
    line->of_w = style.of_w;
}

static void put_nodes(tw_scene *s, const layout *l, const tw_problem *p) {
    for (int side = 0; side < 2; side++) {
        int64_t count = side ? l->h_count : l->x_count, all = side ? p->sizes.y : p->sizes.x;
        double x = side ? l->right : l->left;
        for (int64_t i = 0; i < count; i++) {
            double y = node_y(l, i, count);
            tw_atom atom = side ? tw_problem_h(p, i) : tw_problem_x(p, i);
            tw_drawn *node = tw_scene_circle(s, x, y, RADIUS);
            node->fill = TW_TONE_CELL;
            node->stroke = TW_TONE_INK;
            node->line = 1.3;
            *(side ? &node->of_h : &node->of_x) = i;
            tw_drawn *name = tw_scene_label(s, x + (side ? 1 : -1) * (RADIUS + 6), y, 14,
                                            tw_phrase_of(s->document, tw_span_symbol(atom.symbol)));
            name->anchor = side ? -1 : 1;
            *(side ? &name->of_h : &name->of_x) = i;
        }
        for (int i = 0; count < all && i < 3; i++)
            tw_scene_circle(s, x, node_y(l, count - 1, count) + 18 + 6 * i, 1.4)->fill = TW_TONE_SOFT;
    }
}

static void put_head(tw_scene *s, const layout *l, tw_word title, tw_word below, double number, bool small) {
    tw_span args[] = {tw_span_number(number)};
    double middle = (l->left + l->right) / 2;
    tw_scene_label(s, middle, 16, small ? 14 : 16, tw_phrase_make(s->document, title, NULL));
    tw_scene_label(s, middle, 38, 13, tw_phrase_make(s->document, below, args))->fill = TW_TONE_SOFT;
}

static void put_full(tw_scene *s, const layout *l, const tw_problem *p) {
    tw_drawn style = {.stroke = TW_TONE_SOFT, .line = 0.8, .opacity = 0.8, .of_w = -1};
    for (int64_t h = 0; h < l->h_count; h++)
        for (int64_t x = 0; x < l->x_count; x++) put_edge(s, l, x, h, style);
    put_nodes(s, l, p);
    put_head(s, l, TW_SAY_FIGURE_FULL, TW_SAY_FIGURE_PARAMETERS, (double)p->sizes.x * (double)p->sizes.y,
             false);
}

static void put_local(tw_scene *s, const layout *l, const tw_problem *p, int64_t highlight) {
    for (int pass = 0; pass < 2; pass++) /* what is highlighted lies on top */
        for (int64_t h = 0; h < l->h_count; h++) {
            tw_taps_chosen chosen;
            if (tw_taps_choose(&chosen, &p->shape, TW_TAP_OUT, h)) return;
            for (int64_t i = 0; i < tw_min(chosen.count, 4096); i++) {
                tw_tap tap = tw_taps_at(&chosen, i);
                bool strong = highlight < 0 || tap.weight == highlight;
                if (tap.in >= l->x_count || strong != (pass == 1)) continue;
                tw_drawn style = {.stroke = strong ? TW_TONE_STRONG : TW_TONE_RULE,
                                  .colour = tap.weight,
                                  .line = highlight < 0 ? 1.8
                                          : strong      ? 2.6
                                                        : 0.8,
                                  .opacity = 1,
                                  .of_w = tap.weight};
                put_edge(s, l, tap.in, tap.out, style);
            }
            tw_taps_release(&chosen);
        }
    put_nodes(s, l, p);
    put_head(s, l, TW_SAY_FIGURE_LOCAL, TW_SAY_FIGURE_PARAMETERS, (double)p->sizes.w, false);
}

/* Which colour is which weight. */
static void put_legend(tw_scene *s, const layout *l, const tw_problem *p, int64_t highlight) {
    enum { MOST = 9, EACH = 54 };
    int64_t shown = tw_min(p->sizes.w, MOST), each = p->name_w.brackets ? EACH + 40 : EACH;
    int64_t columns = tw_min(shown, p->name_w.brackets ? 3 : 5);
    double y = l->top + l->height + 34;
    double x = (l->left + l->right) / 2 - (double)(columns * each) / 2 + 8;
    for (int64_t i = 0; i < shown; i++) {
        double at_x = x + (double)(i % columns * each), at_y = y + (double)(i / columns) * 22;
        tw_drawn *line = tw_scene_line(s, at_x, at_y, at_x + 18, at_y);
        line->stroke = highlight < 0 || highlight == i ? TW_TONE_STRONG : TW_TONE_RULE;
        line->colour = i;
        line->line = 2.6;
        line->of_w = i;
        tw_drawn *name = tw_scene_label(s, at_x + 23, at_y, 13,
                                        tw_phrase_of(s->document, tw_span_symbol(tw_problem_w(p, i).symbol)));
        name->anchor = -1;
        name->of_w = i;
    }
}

tw_scene *tw_figure_connections(tw_document *d, const tw_problem *p, int64_t highlight) {
    tw_scene *s = tw_scene_create(d);
    if (!s) return NULL;
    double name = p->name_x.brackets || p->name_h.brackets ? NAME + 30 : NAME;
    layout l = {tw_min(p->sizes.x, NODES), tw_min(p->sizes.y, NODES), name, name + SPAN, HEAD + 14, 0};
    bool more = l.x_count < p->sizes.x || l.h_count < p->sizes.y;
    l.height = (double)(tw_max(tw_max(l.x_count, l.h_count), 3) - 1) * STEP;
    put_full(s, &l, p);
    double shift = SPAN + 2 * name + BETWEEN - 40;
    l.left += shift;
    l.right += shift;
    put_local(s, &l, p, highlight);
    if (more) l.height += 30;
    put_legend(s, &l, p, highlight);
    s->width = l.right + name;
    return s;
}

/* The network figure: a column a layer, in it the first channels as maps, above the values and below the
 * gradients of the loss by them. A map is drawn as runs of equal shade, so that empty paper costs nothing; a
 * large one is thinned to a pixel of each block, a long row of numbers without a shape stands as a column of
 * cells. */
#include "explain/figures.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

enum {
    COLUMNS = 11,
    MAPS = 2,
    SIDE = 72,
    GAP = 14,
    HEAD = 44,
    TITLE = 26,
    MOST_SIDE = 32,
    FLAT = 12,
    SHADES = 8
};

/* One channel's numbers, as a network lays them: channels last. */
typedef struct map {
    const double *values;
    int64_t channels, channel, rows, columns;
    double largest;
} map;

static double value_at(const map *m, int64_t row, int64_t column) {
    return m->values[(row * m->columns + column) * m->channels + m->channel];
}

static int64_t step_of(int64_t side) {
    return tw_ceil_div(side, MOST_SIDE);
}

/* -SHADES to SHADES: how far from zero, of the largest. */
static int shade_of(const map *m, int64_t row, int64_t column) {
    double value = value_at(m, row, column);
    if (!(m->largest > 0)) return 0;
    int shade = (int)(fabs(value) / m->largest * SHADES + 0.5);
    return value < 0 ? -shade : shade;
}

static void put_run(tw_scene *s, double x, double y, double width, double height, int shade) {
    if (shade == 0) return;
    tw_drawn *run = tw_scene_rect(s, x, y, width, height);
    run->fill = TW_TONE_STRONG;
    run->colour = shade > 0 ? 0 : 1;
    run->opacity = fabs((double)shade) / SHADES;
}

static void put_map(tw_scene *s, const map *m, double x, double y, double width, double height) {
    int64_t down = step_of(m->rows), right = step_of(m->columns);
    double cell_high = height / (double)tw_ceil_div(m->rows, down);
    double cell_wide = width / (double)tw_ceil_div(m->columns, right);
    for (int64_t r = 0; r < m->rows; r += down)
        for (int64_t c = 0; c < m->columns;) {
            int shade = shade_of(m, r, c);
            int64_t end = c;
            while (end < m->columns && shade_of(m, r, end) == shade) end += right;
            put_run(s, x + (double)(c / right) * cell_wide, y + (double)(r / down) * cell_high,
                    (double)((end - c) / right) * cell_wide, cell_high, shade);
            c = end;
        }
    tw_scene_rect(s, x, y, width, height)->stroke = TW_TONE_RULE;
}

static double largest_of(const double *values, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    return largest;
}

/* The maps of one layer, one below the other. */
static void put_layer(tw_scene *s, const tw_net_node *n, const double *values, double x, double y) {
    if (!values) return;
    bool flat = n->spatial == 0;
    map m = {.values = values,
             .channels = flat ? 1 : n->channels,
             .rows = flat ? n->outputs : 1,
             .columns = 1,
             .largest = largest_of(values, n->outputs)};
    if (n->spatial >= 1) m.columns = n->size[n->spatial - 1];
    if (n->spatial >= 2) m.rows = n->size[n->spatial - 2];
    if (flat) {
        double tall = 2.0 * SIDE + GAP, each = tall / (double)tw_ceil_div(m.rows, step_of(m.rows));
        put_map(s, &m, x + (SIDE - FLAT) / 2.0, y, FLAT, each > FLAT ? FLAT * tall / each : tall);
        return;
    }
    double most = (double)tw_max(m.rows, m.columns);
    for (; m.channel < tw_min(n->channels, MAPS); m.channel++)
        put_map(s, &m, x, y + (double)m.channel * (SIDE + GAP), SIDE * (double)m.columns / most,
                SIDE * (double)m.rows / most);
}

/* The numbers of the layers that are shown: all, or some evenly. */
static int chosen_of(const tw_flow *f, int chosen[COLUMNS]) {
    int count = (int)tw_min(f->count, COLUMNS);
    for (int i = 0; i < count; i++) chosen[i] = count < 2 ? 0 : i * (f->count - 1) / (count - 1);
    return count;
}

static void put_name(tw_scene *s, const tw_net_node *n, double x, double y) {
    const char *copy = tw_arena_text(&s->document->arena, n->name, strlen(n->name));
    int64_t sizes[1 + TW_MAX_SPATIAL] = {n->spatial ? n->channels : n->outputs};
    for (int a = 0; a < n->spatial; a++) sizes[1 + a] = n->size[a];
    if (!copy) return;
    tw_scene_label(s, x + SIDE / 2.0, y, 12, tw_phrase_of(s->document, tw_span_text(copy)));
    tw_scene_label(s, x + SIDE / 2.0, y + 14, 10,
                   tw_phrase_of(s->document, tw_span_sizes(1 + n->spatial, sizes)))
        ->fill = TW_TONE_SOFT;
}

static void put_title(tw_scene *s, tw_word word, double y) {
    tw_scene_label(s, 8, y, 13, tw_phrase_make(s->document, word, NULL))->anchor = -1;
}

tw_scene *tw_figure_network(tw_document *d, const tw_flow *f) {
    tw_scene *s = tw_scene_create(d);
    if (!s) return NULL;
    int chosen[COLUMNS], count = chosen_of(f, chosen);
    double band = MAPS * (SIDE + GAP) + TITLE, top = HEAD + TITLE, left = 8;
    bool slopes = f->given->label >= 0;
    put_title(s, TW_SAY_FIGURE_VALUES, top - 12);
    if (slopes) put_title(s, TW_SAY_FIGURE_GRADIENTS, top + band - 12);
    for (int i = 0; i < count; i++) {
        const tw_net_node *n = &f->nodes[chosen[i]];
        double x = left + (double)i * (SIDE + GAP);
        put_name(s, n, x, 14);
        put_layer(s, n, tw_flow_values(f, chosen[i]), x, top);
        if (slopes) put_layer(s, n, tw_flow_gradient(f, chosen[i]), x, top + band);
    }
    s->width = left + (double)count * (SIDE + GAP);
    return s;
}

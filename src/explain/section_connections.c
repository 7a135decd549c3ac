/* Connections: the convolution as a network of nodes and edges, beside the full connection of a multilayer
 * perceptron; and why the gradient of a shared weight is a sum. */
#include "explain/figures.h"
#include "explain/passages.h"
#include "explain/sections.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"

enum { MOST_NAMED = 1 << 20 };

/* The weight that a request names; -1 when it names none. */
static tw_status find_highlight(const tw_problem *p, const char *name, int64_t *weight) {
    *weight = -1;
    if (!name) return TW_OK;
    if (p->sizes.w > MOST_NAMED)
        return tw_fail(TW_ERROR_LIMIT, "highlight: there are %lld weights; expected at most %d",
                       (long long)p->sizes.w, (int)MOST_NAMED);
    for (int64_t w = 0; w < p->sizes.w; w++) {
        char words[96];
        tw_symbol symbol = tw_symbol_of(&p->name_w, w);
        tw_symbol_write(&symbol, words, sizeof words);
        if (strcmp(words, name) == 0) {
            *weight = w;
            return TW_OK;
        }
    }
    char first[96], last[96];
    tw_symbol a = tw_symbol_of(&p->name_w, 0), b = tw_symbol_of(&p->name_w, p->sizes.w - 1);
    tw_symbol_write(&a, first, sizeof first);
    tw_symbol_write(&b, last, sizeof last);
    return tw_fail(TW_ERROR_ARGUMENT, "highlight is \"%.40s\"; expected the name of a weight, %s to %s", name,
                   first, last);
}

/* A row for each weight: the edges that carry it. */
static void write_edges(tw_document *d, const tw_problem *p, int64_t highlight) {
    static const tw_word head[] = {TW_SAY_WEIGHT, TW_SAY_EDGES, TW_SAY_PATHS};
    enum { COLUMNS = sizeof head / sizeof *head, MOST = 9, SPANS = 4 };
    int64_t first = highlight < 0 ? 0 : highlight;
    int rows = highlight < 0 ? (int)tw_min(p->sizes.w, TW_MANY_EQUATIONS) : 1;
    tw_table *t = tw_document_table(d, rows, COLUMNS, head);
    for (int r = 0; t && r < rows; r++) {
        tw_equation sum = tw_sum_of(d, p, TW_TAP_WEIGHT, first + r);
        int count = (int)tw_min(sum.count, MOST), at = 0;
        tw_span *spans = tw_arena_take(&d->arena, SPANS * count + 1, sizeof *spans);
        for (int i = 0; spans && i < count; i++) {
            tw_symbol h = sum.terms[i].factor[0].symbol;
            h.gradient = false;
            if (i) spans[at++] = tw_span_text(i == sum.gap ? "  …  " : "  ");
            spans[at++] = tw_span_symbol(sum.terms[i].factor[1].symbol);
            spans[at++] = tw_span_text("→");
            spans[at++] = tw_span_symbol(h);
        }
        if (spans && count < sum.count) spans[at++] = tw_span_text("  …");
        tw_phrase *cells = t->cells + (int64_t)r * COLUMNS;
        cells[0] = tw_phrase_of(d, tw_span_symbol(tw_problem_w(p, first + r).symbol));
        cells[1] = tw_phrase_of(d, tw_span_number((double)sum.total));
        cells[2] = (tw_phrase){spans ? at : 0, spans};
    }
    if (t) t->is_number[1] = true;
}

/* The weight whose sum is written out: the one that is asked for, else the first of those that have most
 * edges (at a border weights have fewer, and one product shows no sum). Large kernels: the first. */
static int64_t shown_weight(tw_document *d, const tw_problem *p, int64_t highlight) {
    if (highlight >= 0) return highlight;
    int64_t shown = 0, most = 0;
    for (int64_t i = 0; i < tw_min(p->sizes.w, TW_MANY_EQUATIONS); i++) {
        int64_t edges = tw_sum_of(d, p, TW_TAP_WEIGHT, i).total;
        if (edges > most) {
            most = edges;
            shown = i;
        }
    }
    return shown;
}

static tw_status write_connections(tw_document *d, const tw_problem *p, const tw_explain_request *request) {
    int64_t highlight;
    tw_status status = find_highlight(p, request->highlight, &highlight);
    if (status) return status;
    double full = (double)p->sizes.x * (double)p->sizes.y;
    tw_span args[] = {tw_span_number((double)p->sizes.x), tw_span_number((double)p->sizes.y),
                      tw_span_number(full), tw_span_number((double)p->sizes.taps),
                      tw_span_number((double)p->sizes.w)};
    tw_document_heading(d, 2, TW_SAY_CONNECTIONS, NULL);
    tw_document_say(d, TW_SAY_CONNECTIONS_TEXT, args);
    tw_span named[] = {tw_span_symbol(tw_symbol_of(&p->name_w, highlight < 0 ? 0 : highlight))};
    tw_phrase caption =
        tw_phrase_make(d, highlight < 0 ? TW_SAY_FIGURE_CONNECTIONS : TW_SAY_FIGURE_HIGHLIGHT, named);
    tw_scene *scene = tw_figure_connections(d, p, highlight);
    tw_document_figure(d, "connections", scene, caption, false);
    write_edges(d, p, highlight);
    tw_document_say(d, TW_SAY_CONNECTIONS_MLP, NULL);
    tw_document_display(d, "dL/dw_ij = dL/dh_i x_j");
    tw_equation *one = tw_arena_take(&d->arena, 1, sizeof *one);
    if (!one) return d->arena.status;
    *one = tw_sum_of(d, p, TW_TAP_WEIGHT, shown_weight(d, p, highlight));
    tw_span shared[] = {tw_span_symbol(one->left.symbol), tw_span_number((double)one->total)};
    shared[0].symbol.gradient = false;
    tw_document_say(d, TW_SAY_CONNECTIONS_SHARED, shared);
    tw_document_equations(d, one, 1, 1);
    return d->arena.status;
}

const tw_section tw_section_connections = {
    .face = {"connections", "full and local connection as networks of nodes and edges", true, "connections"},
    .needs_problem = true,
    .write = write_connections,
};

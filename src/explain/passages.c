/* Sums and grids. A sum is had from the taps that share its element, by number, so that a sum of a million
 * terms costs as much as the few that are written. */
#include "explain/passages.h"

#include "base/checked.h"

static int64_t shown_terms(int64_t total) {
    return total <= TW_MANY_TERMS ? total : TW_ABRIDGED_TERMS + 1;
}

static tw_term term_of(const tw_problem *p, tw_tap_end end, tw_tap tap) {
    switch (end) {
    case TW_TAP_OUT: return (tw_term){2, {tw_problem_w(p, tap.weight), tw_problem_x(p, tap.in)}};
    case TW_TAP_IN: return (tw_term){2, {tw_problem_dh(p, tap.out), tw_problem_w(p, tap.weight)}};
    default: return (tw_term){2, {tw_problem_dh(p, tap.out), tw_problem_x(p, tap.in)}};
    }
}

tw_equation tw_sum_of(tw_document *d, const tw_problem *p, tw_tap_end end, int64_t element) {
    static const tw_element lefts[] = {
        [TW_TAP_OUT] = tw_problem_h, [TW_TAP_IN] = tw_problem_dx, [TW_TAP_WEIGHT] = tw_problem_dw};
    tw_equation equation = {.left = lefts[end](p, element)};
    tw_taps_chosen chosen;
    tw_status status = tw_taps_choose(&chosen, &p->shape, end, element);
    if (status) {
        d->arena.status = status;
        return equation;
    }
    bool bias = end == TW_TAP_OUT && p->has_bias;
    int64_t shown = shown_terms(chosen.count);
    equation.total = chosen.count + bias;
    equation.gap = shown < chosen.count ? (int)shown - 1 : 0;
    equation.terms = tw_arena_take(&d->arena, shown + bias, sizeof *equation.terms);
    for (int64_t i = 0; equation.terms && i < shown; i++) {
        int64_t number = i == shown - 1 ? chosen.count - 1 : i;
        equation.terms[equation.count++] = term_of(p, end, tw_taps_at(&chosen, number));
    }
    if (equation.terms && bias) {
        tw_term last = {1, {tw_problem_bias_at(p, element)}};
        equation.terms[equation.count++] = last;
    }
    tw_taps_release(&chosen);
    return equation;
}

void tw_write_sums(tw_document *d, const tw_problem *p, tw_tap_end end) {
    int64_t totals[] = {[TW_TAP_OUT] = p->sizes.y, [TW_TAP_IN] = p->sizes.x, [TW_TAP_WEIGHT] = p->sizes.w};
    int64_t total = totals[end], count = total <= TW_MANY_EQUATIONS ? total : TW_ABRIDGED_EQUATIONS;
    tw_equation *equations = tw_arena_take(&d->arena, count, sizeof *equations);
    for (int64_t i = 0; equations && i < count; i++) equations[i] = tw_sum_of(d, p, end, i);
    tw_document_equations(d, equations, equations ? (int)count : 0, total);
}

void tw_write_size_formula(tw_document *d, const tw_geometry *g) {
    tw_document_say(d, TW_SAY_SIZE, NULL);
    tw_document_display(d, g->transposed ? "o = (i - 1) s + (k - 1) d + 1 - p - q + e"
                                         : "o = floor((i + p + q - (k - 1) d - 1) / s) + 1");
}

tw_grid tw_grid_make(tw_document *d, int64_t rows, int64_t columns) {
    tw_grid grid = {.rows = rows, .columns = columns, .total_rows = rows, .total_columns = columns};
    grid.cells = tw_arena_take(&d->arena, rows * columns, sizeof *grid.cells);
    for (int64_t i = 0; grid.cells && i < rows * columns; i++) grid.cells[i].colour = -1;
    if (!grid.cells) grid.rows = grid.columns = 0;
    return grid;
}

static int leading_of(const tw_problem *p, const tw_naming *n) {
    return n->rank - (p->geometry.spatial == 1 || n->rank == 1 ? 1 : 2);
}

tw_symbol tw_plane_symbol(const tw_problem *p, const tw_naming *n, int64_t plane) {
    tw_symbol s = {.letter = n->letter, .gradient = n->gradient, .brackets = true, .element = -1};
    int64_t index[TW_SYMBOL_RANK];
    int leading = leading_of(p, n);
    for (int a = leading - 1; a >= 0; a--) {
        index[a] = plane % n->shape[a];
        plane /= n->shape[a];
    }
    for (int a = 0; a < leading; a++)
        if (n->shape[a] > 1) s.index[s.rank++] = index[a] + 1;
    return s;
}

int64_t tw_plane_element(const tw_problem *p, const tw_naming *n, int64_t plane, int64_t pixel) {
    int leading = leading_of(p, n);
    int64_t pixels = 1, depths = p->geometry.spatial == 3 ? n->shape[leading - 1] : 1;
    for (int a = leading; a < n->rank; a++) pixels *= n->shape[a];
    if (!n->channels_last) return plane * pixels + pixel;
    return (plane % depths * pixels + pixel) * n->channels + plane / depths;
}

tw_symbol *tw_names_of(tw_document *d, const tw_naming *naming, int64_t count) {
    tw_symbol *names = tw_arena_take(&d->arena, count, sizeof *names);
    for (int64_t i = 0; names && i < count; i++) names[i] = tw_symbol_of(naming, i);
    return names;
}

static int64_t shown_side(int64_t side, bool known) {
    return known ? tw_min(side, TW_GRID_SIDE) : side <= TW_SYMBOL_SIDE ? side : TW_SYMBOL_CORNER;
}

static int64_t planes_of(const tw_problem *p, const tw_naming *n) {
    int64_t planes = 1;
    for (int a = 0; a < leading_of(p, n); a++) planes *= n->shape[a];
    return planes;
}

int tw_tensor_grids(tw_document *d, const tw_problem *p, const tw_naming *n, tw_element element,
                    const char *joiner, tw_grid *grids) {
    int leading = leading_of(p, n), inner = n->rank - leading;
    int64_t planes = planes_of(p, n);
    int64_t rows = inner == 2 ? n->shape[n->rank - 2] : 1, columns = n->shape[n->rank - 1];
    int count = planes <= TW_MANY_PLANES ? (int)planes : TW_FIRST_PLANES;
    bool known = element(p, 0).known;
    for (int i = 0; i < count; i++) {
        tw_grid grid = tw_grid_make(d, shown_side(rows, known), shown_side(columns, known));
        grid.total_rows = rows;
        grid.total_columns = columns;
        grid.title = tw_phrase_of(d, tw_span_symbol(tw_plane_symbol(p, n, i)));
        grid.joiner = i == 0 ? joiner : NULL;
        for (int64_t r = 0; r < grid.rows; r++)
            for (int64_t c = 0; c < grid.columns; c++)
                grid.cells[r * grid.columns + c] = element(p, tw_plane_element(p, n, i, r * columns + c));
        grids[i] = grid;
    }
    return count;
}

void tw_write_tensors(tw_document *d, const tw_problem *p, const tw_shown *shown, int count) {
    tw_grid *grids = tw_arena_take(&d->arena, (int64_t)count * TW_MANY_PLANES, sizeof *grids);
    int used = 0;
    for (int i = 0; grids && i < count; i++)
        used += tw_tensor_grids(d, p, shown[i].naming, shown[i].element, shown[i].joiner, grids + used);
    tw_document_grids(d, grids, used);
    for (int i = 0; i < count; i++) {
        int64_t planes = planes_of(p, shown[i].naming);
        if (planes <= TW_MANY_PLANES) continue;
        tw_symbol whole = {.letter = shown[i].naming->letter, .gradient = shown[i].naming->gradient};
        tw_span args[] = {tw_span_symbol(whole), tw_span_number(TW_FIRST_PLANES),
                          tw_span_number((double)planes)};
        tw_document_say(d, TW_SAY_PLANES, args);
    }
}

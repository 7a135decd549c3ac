/* Grids side by side, as many as fit the width; one that is too wide alone is cut into runs of columns:
 *
 *     x              w           h
 *     | 1  2  3 |    | 1  2 |    | 37  47 |
 *     | 4  5  6 |  * | 3  4 |  = | 67  77 |
 *     | 7  8  9 |
 *
 * A pattern is one sign a cell, darker for denser. */
#include "explain/text.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "explain/symbols.h"

enum { MOST_IN_BAND = 32 };

/* A grid, or a run of its columns, as it will stand. */
typedef struct panel {
    const tw_grid *grid;
    int64_t first, end;     /* columns */
    int names, cell, width; /* columns of a row's name, of a cell, of the whole with its title */
    int gap;                /* between cells: narrow where that makes the whole fit */
    char title[256];
    bool more_rows, more_columns; /* some are not shown */
} panel;

static int width_of(const char *words) {
    return tw_ink_width(words, strlen(words));
}

static void name_of(const tw_symbol *names, int64_t i, char words[96]) {
    words[0] = 0;
    if (names) tw_symbol_write(&names[i], words, 96);
}

static void set_title(const tw_text *t, panel *p, bool cut) {
    const tw_grid *g = p->grid;
    tw_ink ink = {0};
    tw_text_phrase(t, &ink, &g->title);
    const char *times = t->ascii ? "x" : "×", *dash = t->ascii ? "-" : "–";
    if (p->more_rows || p->more_columns)
        tw_ink_print(&ink, " (%lld%s%lld)", (long long)g->total_rows, times, (long long)g->total_columns);
    if (cut) tw_ink_print(&ink, " [%lld%s%lld]", (long long)p->first + 1, dash, (long long)p->end);
    snprintf(p->title, sizeof p->title, "%s", ink.bytes ? ink.bytes : "");
    if (ink.status) t->ink->status = ink.status;
    tw_ink_release(&ink);
}

/* Columns between the brackets. */
static int inside(const panel *p) {
    return (int)(p->end - p->first) * (p->cell + p->gap) - p->gap + (p->more_columns ? 3 : 0);
}

static panel make_panel(const tw_text *t, const tw_grid *g) {
    panel p = {.grid = g, .end = g->columns, .more_rows = g->total_rows > g->rows, .gap = 2};
    p.more_columns = g->total_columns > g->columns;
    char words[96];
    for (int64_t r = 0; g->row_names && r < g->rows; r++) {
        name_of(g->row_names, r, words);
        p.names = (int)tw_max(p.names, width_of(words) + 1);
    }
    for (int64_t c = 0; g->column_names && c < g->columns; c++) {
        name_of(g->column_names, c, words);
        p.cell = (int)tw_max(p.cell, width_of(words));
    }
    for (int64_t i = 0; i < g->rows * g->columns; i++) {
        tw_text_atom(&g->cells[i], true, words);
        p.cell = (int)tw_max(p.cell, tw_max(1, width_of(words)));
    }
    set_title(t, &p, false);
    if (p.names + inside(&p) + 4 + (g->joiner ? 2 : 0) > t->width) p.gap = 1;
    p.width = (int)tw_max(p.names + inside(&p) + 4, width_of(p.title));
    return p;
}

static int height(const panel *p) {
    return 1 + (p->grid->column_names != NULL) + (int)p->grid->rows + p->more_rows;
}

static void put_cell(const tw_text *t, tw_ink *line, const panel *p, int64_t r, int64_t c) {
    const tw_atom *atom = &p->grid->cells[r * p->grid->columns + c];
    char words[96];
    tw_text_atom(atom, true, words);
    bool zero = !words[0];
    tw_text_field(t, line, zero ? (t->ascii ? "." : "·") : words, p->cell, 1, zero ? -1 : atom->colour);
}

static void put_column_names(const tw_text *t, tw_ink *line, const panel *p) {
    char words[96];
    tw_ink_repeat(line, " ", p->names + 2);
    for (int64_t c = p->first; c < p->end; c++) {
        name_of(p->grid->column_names, c, words);
        tw_text_field(t, line, words, p->cell, 1, -1);
        if (c + 1 < p->end) tw_ink_repeat(line, " ", p->gap);
    }
}

static void put_row(const tw_text *t, tw_ink *line, const panel *p, int64_t r) {
    const char *dots = t->ascii ? "..." : "…";
    char name[96];
    name_of(p->grid->row_names, r < p->grid->rows ? r : 0, name);
    tw_text_field(t, line, r < p->grid->rows ? name : "", p->names, -1, -1);
    tw_ink_text(line, "| ");
    for (int64_t c = p->first; c < p->end; c++) {
        if (r < p->grid->rows)
            put_cell(t, line, p, r, c);
        else
            tw_text_field(t, line, p->cell < 3 && t->ascii ? "." : dots, p->cell, 1, -1);
        if (c + 1 < p->end) tw_ink_repeat(line, " ", p->gap);
    }
    if (p->more_columns) tw_text_field(t, line, t->ascii ? ".." : dots, 3, 1, -1);
    tw_ink_text(line, " |");
}

/* Line `i` of a panel, padded to its width so that the next one can stand beside it. */
static void put_line(const tw_text *t, tw_ink *out, const panel *p, int i, bool pads) {
    tw_ink line = {0};
    int names = p->grid->column_names != NULL;
    int written = 0;
    if (i == 0) {
        tw_ink_text(&line, p->title);
        written = width_of(p->title);
    } else if (i == 1 && names) {
        put_column_names(t, &line, p);
        written = p->names + 2 + inside(p) - (p->more_columns ? 3 : 0);
    } else if (i < height(p)) {
        put_row(t, &line, p, i - 1 - names);
        written = p->names + 4 + inside(p);
    }
    tw_ink_bytes(out, line.bytes ? line.bytes : "", line.size);
    if (pads) tw_ink_repeat(out, " ", p->width - written);
    if (line.status) out->status = line.status;
    tw_ink_release(&line);
}

/* One column wide, whatever may be written. */
static const char *sign_of(const tw_text *t, const char *joiner) {
    return t->ascii && (unsigned char)*joiner >= 0x80 ? ">" : joiner;
}

static void put_band(const tw_text *t, const panel *panels, int count) {
    int lines = 0;
    for (int k = 0; k < count; k++) lines = (int)tw_max(lines, height(&panels[k]));
    for (int i = 0; i < lines; i++) {
        tw_ink line = {0};
        for (int k = 0; k < count; k++) {
            const char *joiner = panels[k].grid->joiner;
            bool here = joiner && !panels[k].first && i == 1 + (height(&panels[k]) - 1) / 2;
            if (k > 0) tw_ink_text(&line, "  ");
            if (k > 0 || joiner) tw_ink_print(&line, "%s ", here ? sign_of(t, joiner) : " ");
            put_line(t, &line, &panels[k], i, k + 1 < count);
        }
        while (line.size && line.bytes[line.size - 1] == ' ') line.size--;
        tw_ink_bytes(t->ink, line.bytes ? line.bytes : "", line.size);
        tw_ink_text(t->ink, "\n");
        if (line.status) t->ink->status = line.status;
        tw_ink_release(&line);
    }
}

/* A grid wider than the page: runs of columns one below the other; the sign before it stands once. */
static void put_cut(const tw_text *t, panel whole) {
    whole.gap = 2;
    int sign = whole.grid->joiner ? 2 : 0;
    int room = t->width - sign - whole.names - 4 - (whole.more_columns ? 3 : 0) + whole.gap;
    int64_t step = tw_max(1, room / (whole.cell + whole.gap));
    for (int64_t c = 0; c < whole.grid->columns; c += step) {
        panel part = whole;
        part.first = c;
        part.end = tw_min(c + step, whole.grid->columns);
        part.more_columns = whole.more_columns && part.end == whole.grid->columns;
        set_title(t, &part, step < whole.grid->columns);
        part.width = whole.names + inside(&part) + 4;
        if (c > 0) tw_ink_text(t->ink, "\n");
        put_band(t, &part, 1);
    }
}

static void put_pattern(const tw_text *t, const tw_grid *g) {
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    static const char *const plain[] = {" ", ".", ":", "o", "#"};
    int64_t merged = tw_max(1, tw_ceil_div(g->columns, t->width - 2));
    panel p = {.grid = g, .more_rows = true};
    double most = 0;
    for (int64_t i = 0; i < g->rows * g->columns; i++)
        most = g->cells[i].value > most ? g->cells[i].value : most;
    set_title(t, &p, false);
    tw_ink_print(t->ink, "%s\n", p.title);
    for (int64_t r = 0; r < g->rows; r++) {
        tw_ink_text(t->ink, "|");
        for (int64_t c = 0; c < g->columns; c += merged) {
            double value = 0;
            for (int64_t k = c; k < tw_min(c + merged, g->columns); k++)
                if (g->cells[r * g->columns + k].value > value) value = g->cells[r * g->columns + k].value;
            int shade = value <= 0 ? 0 : 1 + (int)(3.999 * (value / most));
            tw_ink_text(t->ink, (t->ascii ? plain : shades)[shade > 4 ? 4 : shade]);
        }
        tw_ink_text(t->ink, "|\n");
    }
}

void tw_text_grids(const tw_text *t, const tw_block *b) {
    panel *band = tw_alloc(MOST_IN_BAND, sizeof *band);
    if (!band) {
        t->ink->status = TW_ERROR_MEMORY;
        return;
    }
    int used = 0, column = 0;
    for (int i = 0; i < b->count; i++) {
        const tw_grid *g = &b->grids[i];
        panel p = g->pattern ? (panel){.grid = g, .width = t->width} : make_panel(t, g);
        bool fits = used < MOST_IN_BAND && column + 4 + p.width <= t->width;
        if (used && !fits) {
            put_band(t, band, used);
            tw_ink_text(t->ink, "\n");
            used = column = 0;
        }
        int room = t->width - (g->joiner ? 2 : 0);
        if (g->pattern)
            put_pattern(t, g);
        else if (used == 0 && p.width > room) {
            put_cut(t, p);
            if (i + 1 < b->count) tw_ink_text(t->ink, "\n");
        } else {
            column += p.width + (used ? 4 : g->joiner ? 2 : 0);
            band[used++] = p;
        }
    }
    if (used) put_band(t, band, used);
    tw_free(band);
}

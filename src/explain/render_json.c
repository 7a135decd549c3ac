/* The document as one JSON object (RFC 8259); its schema is docs/explain.md. Numbers carry 17 digits, so that
 * they are read back as the same f64. */
#include "explain/ink.h"
#include "explain/markup.h"
#include "explain/network_facts.h"
#include "explain/renderers.h"
#include "explain/scene.h"
#include "explain/structure.h"
#include "explain/symbols.h"
#include "explain/text.h"

#include <stdio.h>
#include <string.h>

enum { SCHEMA = 1 };

static void put_string(tw_ink *ink, const char *text, size_t size) {
    tw_ink_text(ink, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            tw_ink_print(ink, "\\%c", c);
        else if (c == '\n')
            tw_ink_text(ink, "\\n");
        else if (c < 0x20)
            tw_ink_print(ink, "\\u%04x", c);
        else
            tw_ink_bytes(ink, text + i, 1);
    }
    tw_ink_text(ink, "\"");
}

static void put_phrase(tw_ink *ink, const tw_phrase *phrase) {
    tw_ink words = {0};
    tw_text text = {.ink = &words, .width = 1000};
    tw_text_phrase(&text, &words, phrase);
    put_string(ink, words.bytes ? words.bytes : "", words.size);
    if (words.status) ink->status = words.status;
    tw_ink_release(&words);
}

static void put_number(tw_ink *ink, double number) {
    tw_ink_print(ink, "%.17g", number == 0 ? 0 : number);
}

static void put_key(tw_ink *ink, const char *key) {
    tw_ink_print(ink, ",\"%s\":", key);
}

static void put_symbol(tw_ink *ink, const tw_symbol *symbol) {
    char words[96];
    tw_symbol_write(symbol, words, sizeof words);
    put_string(ink, words, strlen(words));
}

/* {"symbol": "w11", "element": 0, "value": 1}; null for a place where nothing stands. */
static void put_atom(tw_ink *ink, const tw_atom *atom) {
    if (atom->over) {
        tw_ink_print(ink, "{\"value\":%.17g,\"over\":%lld}", 1 / (double)atom->over, (long long)atom->over);
        return;
    }
    if (!atom->symbol.letter && !atom->known) {
        tw_ink_text(ink, "null");
        return;
    }
    tw_ink_text(ink, "{");
    if (atom->symbol.letter) {
        tw_ink_text(ink, "\"symbol\":");
        put_symbol(ink, &atom->symbol);
        tw_ink_print(ink, ",\"element\":%lld", (long long)atom->symbol.element);
    }
    if (atom->known) {
        tw_ink_text(ink, atom->symbol.letter ? ",\"value\":" : "\"value\":");
        put_number(ink, atom->value);
    }
    if (atom->colour >= 0) tw_ink_print(ink, ",\"parameter\":%lld", (long long)atom->colour);
    tw_ink_text(ink, "}");
}

static void put_comma(tw_ink *ink, int64_t i) {
    if (i) tw_ink_text(ink, ",");
}

static void put_equations(tw_ink *ink, const tw_block *b) {
    tw_ink_print(ink, ",\"total\":%lld,\"equations\":[", (long long)b->total);
    for (int i = 0; i < b->count; i++) {
        const tw_equation *e = &b->equations[i];
        put_comma(ink, i);
        tw_ink_text(ink, "{\"left\":");
        put_atom(ink, &e->left);
        tw_ink_print(ink, ",\"terms_total\":%lld,\"gap\":%d,\"terms\":[", (long long)e->total, e->gap);
        for (int k = 0; k < e->count; k++) {
            put_comma(ink, k);
            tw_ink_text(ink, "[");
            for (int a = 0; a < e->terms[k].factors; a++) {
                put_comma(ink, a);
                put_atom(ink, &e->terms[k].factor[a]);
            }
            tw_ink_text(ink, "]");
        }
        tw_ink_text(ink, "]}");
    }
    tw_ink_text(ink, "]");
}

static void put_names(tw_ink *ink, const char *key, const tw_symbol *names, int64_t count) {
    if (!names) return;
    put_key(ink, key);
    for (int64_t i = 0; i < count; i++) {
        tw_ink_text(ink, i ? "," : "[");
        put_symbol(ink, &names[i]);
    }
    tw_ink_text(ink, count ? "]" : "[]");
}

static void put_grids(tw_ink *ink, const tw_block *b) {
    tw_ink_text(ink, ",\"grids\":[");
    for (int i = 0; i < b->count; i++) {
        const tw_grid *g = &b->grids[i];
        put_comma(ink, i);
        tw_ink_text(ink, "{\"title\":");
        put_phrase(ink, &g->title);
        tw_ink_print(
            ink,
            ",\"joiner\":\"%s\",\"rows\":%lld,\"columns\":%lld,\"total_rows\":%lld,\"total_columns\":%lld",
            g->joiner ? g->joiner : "", (long long)g->rows, (long long)g->columns, (long long)g->total_rows,
            (long long)g->total_columns);
        tw_ink_print(ink, ",\"matrix\":%s,\"pattern\":%s", g->matrix ? "true" : "false",
                     g->pattern ? "true" : "false");
        put_names(ink, "row_names", g->row_names, g->rows);
        put_names(ink, "column_names", g->column_names, g->columns);
        tw_ink_text(ink, ",\"cells\":[");
        for (int64_t k = 0; k < g->rows * g->columns; k++) {
            put_comma(ink, k);
            put_atom(ink, &g->cells[k]);
        }
        tw_ink_text(ink, "]}");
    }
    tw_ink_text(ink, "]");
}

static void put_table(tw_ink *ink, const tw_table *t) {
    for (int r = -1; r < t->rows; r++) {
        tw_ink_text(ink, r < 0 ? ",\"head\":[" : r == 0 ? ",\"rows\":[[" : ",[");
        for (int c = 0; c < t->columns; c++) {
            put_comma(ink, c);
            put_phrase(ink, r < 0 ? &t->head[c] : &t->cells[r * t->columns + c]);
        }
        tw_ink_text(ink, "]");
    }
    tw_ink_text(ink, t->rows ? "]" : ",\"rows\":[]");
}

static void put_figure(tw_ink *ink, const tw_block *b) {
    tw_ink svg = {0};
    tw_svg_scene(b->scene, &svg, false, NULL);
    tw_ink_print(ink, ",\"figure\":\"%s\",\"caption\":", b->figure);
    put_phrase(ink, &b->phrase);
    put_key(ink, "svg");
    put_string(ink, svg.bytes ? svg.bytes : "", svg.size);
    if (svg.status) ink->status = svg.status;
    tw_ink_release(&svg);
}

static void put_block(tw_ink *ink, const tw_block *b) {
    static const char *const kinds[] = {
        [TW_BLOCK_HEADING] = "heading", [TW_BLOCK_PARAGRAPH] = "paragraph", [TW_BLOCK_NOTE] = "note",
        [TW_BLOCK_DISPLAY] = "display", [TW_BLOCK_EQUATIONS] = "equations", [TW_BLOCK_GRIDS] = "grids",
        [TW_BLOCK_TABLE] = "table",     [TW_BLOCK_FIGURE] = "figure",
    };
    tw_ink_print(ink, "{\"section\":\"%s\",\"type\":\"%s\"", b->section, kinds[b->kind]);
    switch (b->kind) {
    case TW_BLOCK_HEADING: tw_ink_print(ink, ",\"level\":%d", b->level); /* fall through */
    case TW_BLOCK_PARAGRAPH:
    case TW_BLOCK_NOTE:
        put_key(ink, "text");
        put_phrase(ink, &b->phrase);
        break;
    case TW_BLOCK_DISPLAY:
        put_key(ink, "text");
        put_string(ink, b->display, strlen(b->display));
        break;
    case TW_BLOCK_EQUATIONS: put_equations(ink, b); break;
    case TW_BLOCK_GRIDS: put_grids(ink, b); break;
    case TW_BLOCK_TABLE: put_table(ink, &b->table); break;
    case TW_BLOCK_FIGURE: put_figure(ink, b); break;
    }
    tw_ink_text(ink, "}");
}

static void put_axes(tw_ink *ink, const char *key, const int64_t *values, int count) {
    put_key(ink, key);
    for (int a = 0; a < count; a++) tw_ink_print(ink, a ? ",%lld" : "[%lld", (long long)values[a]);
    tw_ink_text(ink, "]");
}

static void put_geometry(tw_ink *ink, const tw_geometry *g) {
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
    tw_ink_print(ink,
                 ",\n\"geometry\":{\"spatial\":%d,\"in_channels\":%lld,\"out_channels\":%lld,\"groups\":%lld",
                 g->spatial, (long long)g->in_channels, (long long)g->out_channels, (long long)g->groups);
    put_axes(ink, "input", g->input, g->spatial);
    put_axes(ink, "kernel", g->kernel, g->spatial);
    put_axes(ink, "stride", g->stride, g->spatial);
    put_axes(ink, "dilation", g->dilation, g->spatial);
    put_axes(ink, "pad_begin", g->pad_begin, g->spatial);
    put_axes(ink, "pad_end", g->pad_end, g->spatial);
    put_axes(ink, "output_padding", g->output_padding, g->spatial);
    tw_ink_print(ink, ",\"pad_mode\":\"%s\",\"layout\":\"%s\",\"transposed\":%s,\"flipped\":%s}",
                 (unsigned)g->pad_mode < 4 ? modes[g->pad_mode] : "unknown",
                 g->layout == TW_NHWC ? "nhwc" : "nchw", g->transposed ? "true" : "false",
                 g->flipped ? "true" : "false");
}

/* Values, or null when they are not known. */
static void put_values(tw_ink *ink, const char *key, const double *values, int64_t count) {
    put_key(ink, key);
    for (int64_t i = 0; values && i < count; i++) {
        tw_ink_text(ink, i ? "," : "[");
        put_number(ink, values[i]);
    }
    tw_ink_text(ink, values ? "]" : "null");
}

static void put_facts(tw_ink *ink, const tw_facts *facts) {
    tw_ink_text(ink, ",\n\"tensors\":{");
    for (const tw_facts *f = facts; f; f = f->next) {
        tw_ink_print(ink, "%s\n\"%s\":{\"count\":%lld", f == facts ? "" : ",", f->name, (long long)f->count);
        put_axes(ink, "shape", f->shape, f->rank);
        put_values(ink, "values", f->values, f->count);
        tw_ink_text(ink, "}");
    }
    tw_ink_text(ink, "}");
}

/* [row, column, parameter] of each nonzero. */
static void put_entries(tw_ink *ink, const tw_matrix *m) {
    put_key(ink, "entries");
    tw_ink_text(ink, m ? "[" : "null");
    for (int64_t i = 0; m && i < m->rows; i++)
        for (int64_t e = m->row_begin[i]; e < m->row_begin[i + 1]; e++)
            tw_ink_print(ink, "%s[%lld,%lld,%lld]", e ? "," : "", (long long)i, (long long)m->column[e],
                         (long long)m->parameter[e]);
    if (m) tw_ink_text(ink, "]");
}

static void put_matrix(tw_ink *ink, const tw_matrix_facts *m) {
    tw_ink_print(ink, ",\n\"matrix\":{\"rows\":%lld,\"columns\":%lld,\"nonzeros\":%lld,\"parameters\":%lld",
                 (long long)m->rows, (long long)m->columns, (long long)m->nonzeros, (long long)m->parameters);
    put_key(ink, "full_connection");
    put_number(ink, (double)m->rows * (double)m->columns);
    put_key(ink, "structure");
    for (int i = 0; i < m->structure_count; i++)
        tw_ink_print(ink, "%s\"%s\"", i ? "," : "[", m->structures[i].name);
    tw_ink_text(ink, "]");
    put_entries(ink, m->matrix);
    tw_ink_text(ink, "}");
}

static void put_named(tw_ink *ink, const char *key, const char *text) {
    put_key(ink, key);
    put_string(ink, text, strlen(text));
}

static void put_layer(tw_ink *ink, const tw_layer_facts *l) {
    tw_ink_text(ink, "{\"name\":");
    put_string(ink, l->name, strlen(l->name));
    put_named(ink, "kind", l->kind);
    put_named(ink, "text", l->text);
    tw_ink_text(ink, ",\"inputs\":[");
    for (int i = 0; i < 2 && l->inputs[i] >= 0; i++) tw_ink_print(ink, i ? ",%d" : "%d", l->inputs[i]);
    tw_ink_text(ink, "]");
    put_axes(ink, "shape", l->shape, l->rank);
    tw_ink_print(ink, ",\"parameters\":%lld,\"flops\":%lld,\"bytes\":%lld", (long long)l->parameters,
                 (long long)l->flops, 4 * (long long)l->outputs);
    put_values(ink, "values", l->values, l->outputs);
    put_values(ink, "gradient", l->gradient, l->outputs);
    tw_ink_text(ink, "}");
}

static void put_network(tw_ink *ink, const tw_network_facts *n) {
    tw_ink_text(ink, ",\n\"network\":{\"text\":");
    put_string(ink, n->text, strlen(n->text));
    if (n->label >= 0) {
        tw_ink_print(ink, ",\"label\":%d", n->label);
        put_key(ink, "loss");
        put_number(ink, n->loss);
    }
    tw_ink_text(ink, ",\"layers\":[");
    for (int i = 0; i < n->layer_count; i++) {
        tw_ink_text(ink, i ? ",\n" : "\n");
        put_layer(ink, &n->layers[i]);
    }
    tw_ink_text(ink, "],\"weights\":[");
    for (int i = 0; i < n->weight_count; i++) {
        const tw_weight_facts *w = &n->weights[i];
        tw_ink_text(ink, i ? ",\n{\"name\":" : "\n{\"name\":");
        put_string(ink, w->name, strlen(w->name));
        put_axes(ink, "shape", w->shape, w->rank);
        put_values(ink, "values", w->values, w->count);
        put_values(ink, "gradient", w->gradient, w->count);
        tw_ink_text(ink, "}");
    }
    tw_ink_text(ink, "]}");
}

static tw_status render(const tw_document *d, const tw_look *look, tw_ink *ink) {
    (void)look;
    tw_ink_print(ink, "{\"schema\":%d,\"language\":\"%s\"", SCHEMA, tw_language_name(d->language));
    if (d->geometry) put_geometry(ink, d->geometry);
    if (d->facts) put_facts(ink, d->facts);
    if (d->matrix) put_matrix(ink, d->matrix);
    if (d->network) put_network(ink, d->network);
    tw_ink_text(ink, ",\n\"blocks\":[");
    for (const tw_block *b = d->first; b; b = b->next) {
        tw_ink_text(ink, b == d->first ? "\n" : ",\n");
        put_block(ink, b);
    }
    tw_ink_text(ink, "\n]}\n");
    return ink->status;
}

const tw_renderer tw_renderer_json = {
    .face = {"json", "everything, for programs", false, true},
    .document = render,
};

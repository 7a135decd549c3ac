/* A document that pdflatex compiles as it is. It needs amsmath, xcolor, graphicx and TikZ (Debian:
 * texlive-latex-base texlive-latex-recommended texlive-pictures), and CJKutf8 with the font bsmi for Chinese
 * (texlive-lang-cjk latex-cjk-chinese-arphic-bsmi00lp). Sums are broken where a line would be full; whatever
 * is wider than the page is scaled to it. */
#include "explain/latex.h"

#include <stdio.h>
#include <string.h>

#include "explain/notation.h"
#include "explain/palette.h"
#include "explain/renderers.h"

enum { LINE = 74 }; /* letters of a line of formulas, roughly */

static void put_preamble(tw_ink *ink, tw_language language) {
    tw_ink_text(ink, "\\documentclass[11pt,a4paper]{article}\n\\usepackage[T1]{fontenc}\n"
                     "\\usepackage[utf8]{inputenc}\n\\usepackage[margin=24mm]{geometry}\n"
                     "\\usepackage{amsmath,array,graphicx,xcolor,tikz}\n"
                     "\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n");
    if (language == TW_CHINESE) tw_ink_text(ink, "\\usepackage{CJKutf8}\n");
    for (int i = 0; i < TW_PALETTE; i++) {
        const tw_paint *p = tw_palette(i);
        tw_ink_print(ink, "\\definecolor{s%d}{HTML}{%06X}\\definecolor{t%d}{HTML}{%06X}\n", i, p->strong, i,
                     p->tint);
    }
    tw_ink_text(
        ink,
        "\\definecolor{ink}{HTML}{1C1C1C}\\definecolor{soft}{HTML}{666666}\n"
        "\\definecolor{rule}{HTML}{B9B9B4}\\definecolor{cell}{HTML}{F4F4F2}\n"
        "\\newcommand{\\fit}[1]{\\sbox0{#1}\\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}"
        "\\else\\usebox0\\fi}\n"
        "\\renewcommand{\\arraystretch}{1.3}\\setlength{\\parindent}{0pt}\\setlength{\\parskip}{6pt}\n"
        "\\setcounter{secnumdepth}{0}\\allowdisplaybreaks\n\\begin{document}\n");
    if (language == TW_CHINESE) tw_ink_text(ink, "\\begin{CJK*}{UTF8}{bsmi}\n");
}

static void put_atom(tw_ink *ink, const tw_atom *a, bool number, bool factor) {
    if (a->over) {
        tw_ink_print(ink, factor ? "/%lld" : "1/%lld", (long long)a->over);
        return;
    }
    if (!number || !a->known) {
        if (a->colour >= 0) tw_ink_print(ink, "\\textcolor{s%d}{", tw_palette_index(a->colour));
        tw_latex_symbol(ink, &a->symbol);
        if (a->colour >= 0) tw_ink_text(ink, "}");
        return;
    }
    bool parentheses = factor && a->value < 0;
    tw_ink_text(ink, parentheses ? "(" : "");
    tw_latex_number(ink, a->value);
    tw_ink_text(ink, parentheses ? ")" : "");
}

/* Letters that an atom takes, roughly. */
static int room_of(const tw_atom *a, bool number) {
    char words[112];
    if (number && a->known) {
        tw_number_write(a->value, words);
        return (int)strlen(words) + 2;
    }
    return (a->symbol.gradient ? 7 : 2) + a->symbol.rank * (a->symbol.brackets ? 2 : 1);
}

static void put_terms(tw_ink *ink, const tw_equation *e, bool numbers) {
    int column = 10;
    if (e->count == 0) tw_ink_text(ink, "0");
    for (int k = 0; k < e->count; k++) {
        const tw_term *t = &e->terms[k];
        int room =
            room_of(&t->factor[0], numbers) + (t->factors == 2 ? room_of(&t->factor[1], numbers) : 0) + 3;
        if (k && column + room > LINE) {
            tw_ink_text(ink, "\\\\\n&\\quad ");
            column = 12;
        }
        column += room;
        if (k) tw_ink_text(ink, k == e->gap ? " + \\cdots + " : " + ");
        put_atom(ink, &t->factor[0], numbers, true);
        if (t->factors == 1) continue;
        bool known = numbers && (t->factor[0].known || t->factor[1].known);
        if (!t->factor[1].over) tw_ink_text(ink, known ? " \\cdot " : "\\,");
        put_atom(ink, &t->factor[1], numbers, true);
    }
}

static bool has_numbers(const tw_equation *e) {
    bool any = false;
    for (int k = 0; k < e->count; k++)
        for (int a = 0; a < e->terms[k].factors; a++) any = any || e->terms[k].factor[a].known;
    return any;
}

static void put_message(const tw_document *d, tw_ink *ink, tw_word word, double number) {
    tw_span arg = tw_span_number(number);
    tw_document scratch = {.language = d->language};
    tw_phrase phrase = tw_phrase_make(&scratch, word, &arg);
    tw_latex_phrase(ink, &phrase);
    tw_arena_release(&scratch.arena);
}

static void put_equations(const tw_document *d, tw_ink *ink, const tw_block *b) {
    if (b->count == 0) return;
    tw_ink_text(ink, "\\begin{align*}\n");
    for (int i = 0; i < b->count; i++) {
        const tw_equation *e = &b->equations[i];
        if (i) tw_ink_text(ink, "\\\\\n");
        put_atom(ink, &e->left, false, false);
        tw_ink_text(ink, " &= ");
        put_terms(ink, e, false);
        if (e->gap) {
            tw_ink_text(ink, "\\quad\\text{(");
            put_message(d, ink, TW_SAY_TERMS, (double)e->total);
            tw_ink_text(ink, ")}");
        }
        if (has_numbers(e)) {
            tw_ink_text(ink, "\\\\\n&= ");
            put_terms(ink, e, true);
        }
        if (e->left.known) {
            tw_ink_text(ink, " = ");
            put_atom(ink, &e->left, true, false);
        }
    }
    tw_ink_text(ink, "\n\\end{align*}\n");
    if (b->total <= b->count) return;
    tw_ink_text(ink, "\\dots{} ");
    put_message(d, ink, TW_SAY_AND_MORE, (double)b->total);
    tw_ink_text(ink, "\n\n");
}

static void put_row(tw_ink *ink, const tw_grid *g, int64_t r) {
    if (g->row_names) {
        tw_ink_text(ink, "\\textcolor{soft}{");
        tw_latex_symbol(ink, &g->row_names[r]);
        tw_ink_text(ink, "} & ");
    }
    for (int64_t c = 0; c < g->columns; c++) {
        const tw_atom *a = &g->cells[r * g->columns + c];
        if (c) tw_ink_text(ink, " & ");
        if (a->known || a->symbol.letter || a->over)
            put_atom(ink, a, true, false);
        else
            tw_ink_text(ink, "\\cdot");
    }
    tw_ink_text(ink, g->total_columns > g->columns ? " & \\cdots \\\\\n" : " \\\\\n");
}

static void put_grid(tw_ink *ink, const tw_grid *g) {
    bool more = g->total_columns > g->columns;
    if (g->joiner) {
        tw_ink_text(ink, "$\\;");
        tw_latex_math(ink, g->joiner, g->joiner + strlen(g->joiner), false);
        tw_ink_text(ink, "\\;$ ");
    }
    tw_ink_text(ink, "\\begin{tabular}{@{}l@{}}");
    tw_latex_phrase(ink, &g->title);
    tw_ink_print(ink, "\\\\[3pt]$\\left(\\begin{array}{%s*{%lld}{c}}\n", g->row_names ? "r|" : "",
                 (long long)(g->columns + more));
    if (g->column_names) {
        for (int64_t c = 0; c < g->columns; c++) {
            tw_ink_text(ink, c || g->row_names ? " & \\textcolor{soft}{" : "\\textcolor{soft}{");
            tw_latex_symbol(ink, &g->column_names[c]);
            tw_ink_text(ink, "}");
        }
        tw_ink_text(ink, "\\\\\\hline\n");
    }
    for (int64_t r = 0; r < g->rows; r++) put_row(ink, g, r);
    for (int64_t c = 0; g->total_rows > g->rows && c < g->columns; c++)
        tw_ink_text(ink, c ? " & \\vdots" : "\\vdots");
    tw_ink_text(ink, "\\end{array}\\right)$\\end{tabular}\n");
}

static void put_grids(tw_ink *ink, const tw_block *b) {
    if (b->drawn || b->count == 0) return;
    tw_ink_text(ink, "\\begin{center}\\fit{%\n");
    for (int i = 0; i < b->count; i++) {
        if (i && i % 4 == 0) tw_ink_text(ink, "}\n\n\\fit{%\n");
        put_grid(ink, &b->grids[i]);
    }
    tw_ink_text(ink, "}\\end{center}\n");
}

static void put_table(tw_ink *ink, const tw_table *t) {
    tw_ink_text(ink, "\\begin{center}\\fit{\\begin{tabular}{");
    for (int c = 0; c < t->columns; c++) {
        bool wide = !t->is_number[c] && c + 1 == t->columns && c > 0;
        tw_ink_text(ink, t->is_number[c] ? "r"
                         : wide          ? ">{\\raggedright\\arraybackslash}p{0.62\\linewidth}"
                                         : "l");
    }
    tw_ink_text(ink, "}\\hline\n");
    for (int r = -1; r < t->rows; r++) {
        for (int c = 0; c < t->columns; c++) {
            if (c) tw_ink_text(ink, " & ");
            tw_latex_phrase(ink, r < 0 ? &t->head[c] : &t->cells[r * t->columns + c]);
        }
        tw_ink_text(ink, r < 0 ? "\\\\\\hline\n" : "\\\\\n");
    }
    tw_ink_text(ink, "\\hline\\end{tabular}}\\end{center}\n");
}

static void put_block(const tw_document *d, tw_ink *ink, const tw_block *b) {
    static const char *const levels[] = {"", "\\section*{", "\\subsection*{", "\\subsubsection*{"};
    switch (b->kind) {
    case TW_BLOCK_HEADING:
        tw_ink_text(ink, levels[b->level]);
        tw_latex_phrase(ink, &b->phrase);
        tw_ink_text(ink, "}\n");
        break;
    case TW_BLOCK_NOTE: tw_ink_text(ink, "\\textbf{!} "); /* fall through */
    case TW_BLOCK_PARAGRAPH:
        tw_latex_phrase(ink, &b->phrase);
        tw_ink_text(ink, "\n\n");
        break;
    case TW_BLOCK_DISPLAY:
        tw_ink_text(ink, "\\[ ");
        tw_latex_math(ink, b->display, b->display + strlen(b->display), true);
        tw_ink_text(ink, " \\]\n");
        break;
    case TW_BLOCK_EQUATIONS: put_equations(d, ink, b); break;
    case TW_BLOCK_GRIDS: put_grids(ink, b); break;
    case TW_BLOCK_TABLE: put_table(ink, &b->table); break;
    case TW_BLOCK_FIGURE:
        tw_ink_text(ink, "\\begin{center}\n");
        tw_latex_scene(ink, b->scene);
        tw_ink_text(ink, "\n\n\\small\\textcolor{soft}{");
        tw_latex_phrase(ink, &b->phrase);
        tw_ink_text(ink, "}\\end{center}\n");
        break;
    }
}

static tw_status render(const tw_document *d, const tw_look *look, tw_ink *ink) {
    (void)look;
    put_preamble(ink, d->language);
    for (const tw_block *b = d->first; b; b = b->next) put_block(d, ink, b);
    if (d->language == TW_CHINESE) tw_ink_text(ink, "\\clearpage\\end{CJK*}\n");
    tw_ink_text(ink, "\\end{document}\n");
    return ink->status;
}

const tw_renderer tw_renderer_latex = {
    .face = {"latex", "a document for pdflatex", false, true},
    .document = render,
};

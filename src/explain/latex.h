/* Pieces of LaTeX: words, formulas, figures. */
#ifndef TW_EXPLAIN_LATEX_H
#define TW_EXPLAIN_LATEX_H

#include "explain/ink.h"
#include "explain/scene.h"

void tw_latex_words(tw_ink *ink, const char *text, size_t size);
/* In math mode; display: fractions stand upright. */
void tw_latex_math(tw_ink *ink, const char *at, const char *end, bool display);
void tw_latex_symbol(tw_ink *ink, const tw_symbol *symbol);
/* In text mode. */
/* A number, in math: 5.7785e-06 as 5.7785 times a power of ten. */
void tw_latex_number(tw_ink *ink, double number);
void tw_latex_phrase(tw_ink *ink, const tw_phrase *phrase);
/* A figure through TikZ, scaled to the line where it is wider. */
void tw_latex_scene(tw_ink *ink, const tw_scene *scene);

#endif

/* What HTML and SVG share: escaped text, and figures within a page. */
#ifndef TW_EXPLAIN_MARKUP_H
#define TW_EXPLAIN_MARKUP_H

#include "explain/ink.h"
#include "explain/scene.h"

/* Text with & < > " escaped, up to its end or `most` bytes. */
void tw_markup_text(tw_ink *ink, const char *text, size_t most);
/* The style sheet of figures, without its element. */
void tw_svg_style(tw_ink *ink);
/* A figure; alone: a file of its own, with its style. title NULL: none. */
void tw_svg_scene(const tw_scene *scene, tw_ink *ink, bool alone, const char *title);

#endif

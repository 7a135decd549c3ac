/* The renderers: one table. Each turns a document, or one of its figures, into bytes, and computes nothing.
 */
#ifndef TW_EXPLAIN_RENDERERS_H
#define TW_EXPLAIN_RENDERERS_H

#include "explain/document.h"
#include "explain/ink.h"

typedef struct tw_look {
    int width;
    bool colour, ascii, fragment;
} tw_look;

typedef struct tw_renderer {
    tw_explain_format_name face;
    /* One of the two. */
    tw_status (*document)(const tw_document *document, const tw_look *look, tw_ink *ink);
    tw_status (*figure)(const struct tw_scene *scene, tw_ink *ink);
} tw_renderer;

extern const tw_renderer tw_renderer_text, tw_renderer_markdown, tw_renderer_latex, tw_renderer_html,
    tw_renderer_json, tw_renderer_svg, tw_renderer_png, tw_renderer_pdf;

/* In the order of tw_explain_format. */
const tw_renderer *const *tw_renderers(size_t *count);

#endif

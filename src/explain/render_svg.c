/* A scene as SVG 1.1. Colours are classes, so that one figure serves light and dark paper: the style sheet
 * asks which the reader has. Shapes carry data-x, data-w and data-h, the elements that they belong to, for
 * pages that link them. */
#include "explain/markup.h"
#include "explain/palette.h"
#include "explain/renderers.h"
#include "explain/scene.h"

#include <stdio.h>

typedef struct tone_name {
    const char *name;
    bool numbered;
} tone_name;

/* The class that a tone has as an area (f...) or as a line (l...). */
static const tone_name tones[] = {
    [TW_TONE_INK] = {"ink", false},   [TW_TONE_SOFT] = {"soft", false}, [TW_TONE_RULE] = {"rule", false},
    [TW_TONE_CELL] = {"cell", false}, [TW_TONE_TINT] = {"t", true},     [TW_TONE_STRONG] = {"s", true},
};

static void put_class(tw_ink *ink, char use, tw_tone tone, int64_t colour, bool second) {
    if (tone == TW_TONE_NONE) return;
    tw_ink_print(ink, second ? " %c-%s" : "%c-%s", use, tones[tone].name);
    if (tones[tone].numbered) tw_ink_print(ink, "%d", tw_palette_index(colour));
}

static void put_links(tw_ink *ink, const tw_drawn *s) {
    if (s->of_x >= 0) tw_ink_print(ink, " data-x=\"%lld\"", (long long)s->of_x);
    if (s->of_w >= 0) tw_ink_print(ink, " data-w=\"%lld\"", (long long)s->of_w);
    if (s->of_h >= 0) tw_ink_print(ink, " data-h=\"%lld\"", (long long)s->of_h);
}

static void put_style(tw_ink *ink, const tw_drawn *s) {
    tw_ink_text(ink, " class=\"");
    put_class(ink, 'f', s->fill, s->colour, false);
    put_class(ink, 'l', s->stroke, s->colour, s->fill != TW_TONE_NONE);
    tw_ink_text(ink, "\"");
    if (s->stroke && s->line != 1) tw_ink_print(ink, " stroke-width=\"%g\"", s->line);
    if (s->opacity != 1) tw_ink_print(ink, " opacity=\"%.3g\"", s->opacity);
    if (s->dashed) tw_ink_text(ink, " stroke-dasharray=\"3 3\"");
    put_links(ink, s);
}

static void put_label(tw_ink *ink, const tw_drawn *s) {
    tw_run runs[TW_LABEL_RUNS];
    int count = tw_label_runs(&s->label, runs);
    const char *anchor = s->anchor < 0 ? "start" : s->anchor > 0 ? "end" : "middle";
    /* the middle of the digits, not of the line, stands at y */
    tw_ink_print(ink, "<text x=\"%g\" y=\"%g\" font-size=\"%g\" text-anchor=\"%s\"", s->x,
                 s->y + 0.35 * s->size, s->size, anchor);
    put_style(ink, s);
    tw_ink_text(ink, ">");
    bool below = false;
    for (int i = 0; i < count; i++) {
        double shift = runs[i].below == below ? 0 : runs[i].below ? 0.22 : -0.22;
        below = runs[i].below;
        bool plain = !runs[i].italic && !below && shift == 0;
        if (!plain) {
            tw_ink_text(ink, "<tspan");
            if (runs[i].italic) tw_ink_text(ink, " class=\"v\"");
            if (below) tw_ink_print(ink, " class=\"i\" font-size=\"%g\"", 0.72 * s->size);
            if (shift != 0) tw_ink_print(ink, " dy=\"%g\"", shift * s->size);
            tw_ink_text(ink, ">");
        }
        tw_markup_text(ink, runs[i].text, sizeof runs[i].text);
        if (!plain) tw_ink_text(ink, "</tspan>");
    }
    tw_ink_text(ink, "</text>\n");
}

static void put_shape(tw_ink *ink, const tw_drawn *s) {
    switch (s->kind) {
    case TW_SHAPE_RECT:
        tw_ink_print(ink, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"", s->x, s->y, s->width,
                     s->height);
        break;
    case TW_SHAPE_LINE:
        tw_ink_print(ink, "<line x1=\"%g\" y1=\"%g\" x2=\"%g\" y2=\"%g\"", s->x, s->y, s->x + s->width,
                     s->y + s->height);
        break;
    case TW_SHAPE_CIRCLE:
        tw_ink_print(ink, "<circle cx=\"%g\" cy=\"%g\" r=\"%g\"", s->x, s->y, s->width);
        break;
    case TW_SHAPE_LABEL: put_label(ink, s); return;
    }
    put_style(ink, s);
    tw_ink_text(ink, "/>\n");
}

static void put_paints(tw_ink *ink, bool dark) {
    for (int i = 0; i < TW_PALETTE; i++) {
        const tw_paint *p = tw_palette(i);
        unsigned tint = dark ? p->tint_dark : p->tint, strong = dark ? p->strong_dark : p->strong;
        tw_ink_print(ink, ".f-t%d{fill:#%06x}.f-s%d{fill:#%06x}.l-s%d{stroke:#%06x}\n", i, tint, i, strong, i,
                     strong);
    }
}

void tw_svg_style(tw_ink *ink) {
    tw_ink_text(ink, "svg text{font-family:\"Helvetica Neue\",Arial,\"Liberation Sans\",\"Noto Sans CJK TC\","
                     "\"PingFang TC\",\"Microsoft JhengHei\",sans-serif}\n"
                     ".v,.i{font-family:\"STIX Two Text\",\"Times New Roman\",\"Liberation Serif\",serif}\n"
                     ".v{font-style:italic}\n"
                     "svg rect,svg circle,svg line{fill:none}\n"
                     "svg .f-ink{fill:#1c1c1c}svg .f-soft{fill:#666}svg .f-cell{fill:#f4f4f2}\n"
                     ".l-ink{stroke:#1c1c1c}.l-soft{stroke:#8a8a8a}.l-rule{stroke:#b9b9b4}\n");
    put_paints(ink, false);
    tw_ink_text(ink, "@media screen and (prefers-color-scheme:dark){\n"
                     "svg .f-ink{fill:#ececec}svg .f-soft{fill:#a8a8a8}svg .f-cell{fill:#26282c}\n"
                     ".l-ink{stroke:#ececec}.l-soft{stroke:#8a8a8a}.l-rule{stroke:#55585e}\n");
    put_paints(ink, true);
    tw_ink_text(ink, "}\n");
}

void tw_svg_scene(const tw_scene *scene, tw_ink *ink, bool alone, const char *title) {
    tw_ink_print(ink, "<svg%s viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\">\n",
                 alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", scene->width, scene->height,
                 scene->width, scene->height);
    if (title) {
        tw_ink_text(ink, "<title>");
        tw_markup_text(ink, title, SIZE_MAX);
        tw_ink_text(ink, "</title>\n");
    }
    if (alone) {
        tw_ink_text(ink, "<style>\n");
        tw_svg_style(ink);
        tw_ink_text(ink, "</style>\n");
    }
    for (const tw_drawn *s = scene->first; s; s = s->next) put_shape(ink, s);
    tw_ink_text(ink, "</svg>\n");
}

static tw_status render(const tw_scene *scene, tw_ink *ink) {
    tw_svg_scene(scene, ink, true, NULL);
    return ink->status;
}

const tw_renderer tw_renderer_svg = {
    .face = {"svg", "one figure, for screens in light and dark", true, true},
    .figure = render,
};

/* A scene as PNG (twice its size, on white paper) and as PDF, through cairo. A build without cairo says so.
 */
#include "explain/palette.h"
#include "explain/renderers.h"
#include "explain/scene.h"

#include "base/fail.h"

#ifdef TW_HAS_CAIRO
#include <string.h>

#include <cairo-pdf.h>
#include <cairo.h>

static const double SCALE = 2; /* of PNG */

static void set_colour(cairo_t *c, tw_tone tone, int64_t colour, double opacity) {
    static const uint32_t tones[] = {[TW_TONE_INK] = 0x1c1c1c,
                                     [TW_TONE_SOFT] = 0x666666,
                                     [TW_TONE_RULE] = 0xb9b9b4,
                                     [TW_TONE_CELL] = 0xf4f4f2};
    uint32_t rgb = tone == TW_TONE_TINT     ? tw_palette(colour)->tint
                   : tone == TW_TONE_STRONG ? tw_palette(colour)->strong
                                            : tones[tone];
    cairo_set_source_rgba(c, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, opacity);
}

static bool is_chinese(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0xe3 && (unsigned char)*text < 0xf0) return true;
    return false;
}

static void set_font(cairo_t *c, const tw_run *run, double size) {
    bool serif = run->italic || run->below;
    const char *family = is_chinese(run->text) ? "Noto Sans CJK TC" : serif ? "serif" : "sans-serif";
    cairo_select_font_face(c, family, run->italic ? CAIRO_FONT_SLANT_ITALIC : CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, run->below ? 0.72 * size : size);
}

static void put_label(cairo_t *c, const tw_drawn *s) {
    tw_run runs[TW_LABEL_RUNS];
    int count = tw_label_runs(&s->label, runs);
    double width = 0;
    for (int i = 0; i < count; i++) {
        cairo_text_extents_t extents;
        set_font(c, &runs[i], s->size);
        cairo_text_extents(c, runs[i].text, &extents);
        width += extents.x_advance;
    }
    double x = s->x - (s->anchor < 0 ? 0 : s->anchor > 0 ? width : width / 2);
    set_colour(c, s->fill, s->colour, s->opacity);
    for (int i = 0; i < count; i++) {
        cairo_text_extents_t extents;
        set_font(c, &runs[i], s->size);
        cairo_text_extents(c, runs[i].text, &extents);
        cairo_move_to(c, x, s->y + 0.35 * s->size + (runs[i].below ? 0.22 * s->size : 0));
        cairo_show_text(c, runs[i].text);
        x += extents.x_advance;
    }
}

static void put_shape(cairo_t *c, const tw_drawn *s) {
    static const double dashes[] = {3, 3};
    if (s->kind == TW_SHAPE_LABEL) {
        put_label(c, s);
        return;
    }
    cairo_new_path(c);
    if (s->kind == TW_SHAPE_RECT) cairo_rectangle(c, s->x, s->y, s->width, s->height);
    if (s->kind == TW_SHAPE_CIRCLE) cairo_arc(c, s->x, s->y, s->width, 0, 6.283185307179586);
    if (s->kind == TW_SHAPE_LINE) {
        cairo_move_to(c, s->x, s->y);
        cairo_line_to(c, s->x + s->width, s->y + s->height);
    }
    if (s->fill) {
        set_colour(c, s->fill, s->colour, s->opacity);
        cairo_fill_preserve(c);
    }
    if (s->stroke) {
        set_colour(c, s->stroke, s->colour, s->opacity);
        cairo_set_line_width(c, s->line);
        cairo_set_dash(c, dashes, s->dashed ? 2 : 0, 0);
        cairo_stroke(c);
    }
}

static void put_scene(cairo_t *c, const tw_scene *scene) {
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    for (const tw_drawn *s = scene->first; s; s = s->next) put_shape(c, s);
}

static cairo_status_t write_bytes(void *ink, const unsigned char *bytes, unsigned size) {
    tw_ink_bytes(ink, bytes, size);
    return ((tw_ink *)ink)->status ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static tw_status finish(cairo_t *c, cairo_surface_t *surface, bool png, tw_ink *ink) {
    cairo_status_t status = cairo_status(c);
    cairo_destroy(c);
    if (!status && png) status = cairo_surface_write_to_png_stream(surface, write_bytes, ink);
    cairo_surface_finish(surface);
    if (!status) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (ink->status) return ink->status;
    return status ? tw_fail(TW_ERROR_MEMORY, "cairo: %s", cairo_status_to_string(status)) : TW_OK;
}

static tw_status render_png(const tw_scene *scene, tw_ink *ink) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(SCALE * scene->width),
                                                          (int)(SCALE * scene->height));
    cairo_t *c = cairo_create(surface);
    cairo_scale(c, SCALE, SCALE);
    put_scene(c, scene);
    return finish(c, surface, true, ink);
}

static tw_status render_pdf(const tw_scene *scene, tw_ink *ink) {
    const double points = 0.75; /* of a unit */
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(write_bytes, ink, points * scene->width, points * scene->height);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                   "2000-01-01T00:00:00"); /* same bytes */
    cairo_t *c = cairo_create(surface);
    cairo_scale(c, points, points);
    put_scene(c, scene);
    return finish(c, surface, false, ink);
}

enum { OFFERED = 1 };
#else
static tw_status render_png(const tw_scene *scene, tw_ink *ink) {
    (void)scene;
    (void)ink;
    return tw_fail(TW_ERROR_UNSUPPORTED, "this build has no cairo, which PNG and PDF need: take svg");
}

static tw_status render_pdf(const tw_scene *scene, tw_ink *ink) {
    return render_png(scene, ink);
}

enum { OFFERED = 0 };
#endif

const tw_renderer tw_renderer_png = {
    .face = {"png", "one figure as an image", true, OFFERED},
    .figure = render_png,
};

const tw_renderer tw_renderer_pdf = {
    .face = {"pdf", "one figure for print", true, OFFERED},
    .figure = render_pdf,
};

/* The one door: request in, bytes out. */
#include <twill/explain.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "explain/renderers.h"
#include "explain/scene.h"
#include "explain/sections.h"
#include "explain/structure.h"

enum { LEAST_WIDTH = 40, MOST_WIDTH = 1000, LISTED = 1 << 16 };

static const tw_section *const sections[] = {
    &tw_section_forward,     &tw_section_chain,   &tw_section_input,    &tw_section_matrix,
    &tw_section_connections, &tw_section_pooling, &tw_section_onebyone, &tw_section_network,
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static const tw_renderer *const renderers[] = {
    [TW_EXPLAIN_TEXT] = &tw_renderer_text,   [TW_EXPLAIN_MARKDOWN] = &tw_renderer_markdown,
    [TW_EXPLAIN_LATEX] = &tw_renderer_latex, [TW_EXPLAIN_HTML] = &tw_renderer_html,
    [TW_EXPLAIN_JSON] = &tw_renderer_json,   [TW_EXPLAIN_SVG] = &tw_renderer_svg,
    [TW_EXPLAIN_PNG] = &tw_renderer_png,     [TW_EXPLAIN_PDF] = &tw_renderer_pdf,
};
enum { RENDERERS = sizeof renderers / sizeof *renderers };

const tw_section *const *tw_sections(size_t *count) {
    *count = SECTIONS;
    return sections;
}

const tw_renderer *const *tw_renderers(size_t *count) {
    *count = RENDERERS;
    return renderers;
}

const tw_explain_section_name *tw_explain_section(size_t index) {
    return index < SECTIONS ? &sections[index]->face : NULL;
}

const tw_explain_format_name *tw_explain_format_of(size_t index) {
    return index < RENDERERS ? &renderers[index]->face : NULL;
}

tw_explain_request tw_explain_defaults(void) {
    tw_explain_request r = {.struct_size = sizeof r, .geometry = tw_geometry_defaults(2), .width = 80};
    r.geometry.in_channels = r.geometry.out_channels = 1;
    r.geometry.input[0] = r.geometry.input[1] = 3;
    r.geometry.kernel[0] = r.geometry.kernel[1] = 2;
    r.net.label = -1;
    return r;
}

static tw_status check(const tw_explain_request *r) {
    if (!r) return tw_fail(TW_ERROR_ARGUMENT, "request is NULL");
    if (r->struct_size != sizeof *r)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; this library knows a tw_explain_request of %zu bytes",
                       r->struct_size, sizeof *r);
    if ((unsigned)r->language >= TW_LANGUAGES)
        return tw_fail(TW_ERROR_ARGUMENT, "language is %d; expected 0 to %d", (int)r->language,
                       TW_LANGUAGES - 1);
    if ((unsigned)r->format >= RENDERERS)
        return tw_fail(TW_ERROR_ARGUMENT, "format is %d; expected 0 to %d", (int)r->format, RENDERERS - 1);
    if (r->sections >> SECTIONS)
        return tw_fail(TW_ERROR_ARGUMENT, "sections is 0x%x; there are %d sections", (unsigned)r->sections,
                       SECTIONS);
    return TW_OK;
}

static uint32_t wanted_sections(const tw_explain_request *r) {
    uint32_t wanted = r->sections;
    for (int i = 0; i < SECTIONS && !r->sections; i++)
        if (r->net.text ? sections[i] == &tw_section_network : sections[i]->face.by_default)
            wanted |= 1u << i;
    return wanted;
}

static void write_facts(tw_document *d, const tw_problem *p) {
    const struct {
        const char *name;
        const tw_naming *naming;
        const double *values;
    } tensors[] = {{"x", &p->name_x, p->x},       {"w", &p->name_w, p->w},
                   {"b", &p->name_b, p->b},       {"h", &p->name_h, p->y},
                   {"dL/dh", &p->name_dh, p->dy}, {"dL/dw", &p->name_dw, p->dw},
                   {"dL/dx", &p->name_dx, p->dx}, {"dL/db", &p->name_db, p->db}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        const tw_naming *n = tensors[i].naming;
        tw_facts fact = {.name = tensors[i].name, .rank = n->rank, .count = 1, .values = tensors[i].values};
        for (int a = 0; a < n->rank; a++) fact.count *= fact.shape[a] = n->shape[a];
        tw_document_fact(d, fact);
    }
}

static void write_matrix_facts(tw_document *d, const tw_problem *p) {
    tw_matrix_facts *facts = tw_arena_take(&d->arena, 1, sizeof *facts);
    if (!facts) return;
    *facts = (tw_matrix_facts){.rows = p->sizes.y,
                               .columns = p->sizes.x,
                               .nonzeros = p->sizes.taps,
                               .parameters = p->sizes.w,
                               .matrix = p->sizes.taps <= LISTED ? p->matrix : NULL};
    facts->structure_count = tw_structures_of(p, facts->structures);
    d->matrix = facts;
}

static bool is_remarkable(const tw_geometry *g) {
    bool plain = g->groups == 1;
    for (int a = 0; a < g->spatial; a++)
        plain = plain && g->stride[a] == 1 && g->dilation[a] == 1 && !g->pad_begin[a] && !g->pad_end[a];
    return !plain;
}

static void write_opening(tw_document *d, const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    bool channels = g->in_channels > 1 || g->out_channels > 1;
    tw_span args[] = {tw_span_sizes(p->name_x.rank - !channels, p->name_x.shape + !channels),
                      tw_span_sizes(p->name_w.rank - 2 * !channels, p->name_w.shape + 2 * !channels),
                      tw_span_sizes(p->name_h.rank - !channels, p->name_h.shape + !channels)};
    tw_document_say(d, TW_SAY_SIZES, args);
    tw_span settings[] = {tw_span_sizes(g->spatial, g->stride), tw_span_sizes(g->spatial, g->pad_begin),
                          tw_span_sizes(g->spatial, g->pad_end), tw_span_sizes(g->spatial, g->dilation),
                          tw_span_number((double)g->groups)};
    if (is_remarkable(g)) tw_document_say(d, TW_SAY_SETTINGS, settings);
    if (g->transposed) tw_document_say(d, TW_SAY_TRANSPOSED, NULL);
    bool any = p->x || p->w || p->b || p->dy;
    tw_document_say(d, !any ? TW_SAY_SYMBOLS_ONLY : TW_SAY_GIVEN, NULL);
    if (p->y || p->dx || p->dw) tw_document_say(d, TW_SAY_AGREE, NULL);
}

static tw_status build(tw_document *d, const tw_problem *p, const tw_explain_request *r, uint32_t wanted) {
    for (int i = 0; i < SECTIONS; i++) {
        if (!(wanted >> i & 1u)) continue;
        d->section = sections[i]->face.name;
        tw_status status = sections[i]->write(d, p, r);
        if (status) return status;
    }
    return d->arena.status;
}

/* The figure that was asked for, the first one when none was. */
static tw_status find_figure(const tw_document *d, const char *name, const tw_scene **scene) {
    for (const tw_block *b = d->first; b; b = b->next)
        if (b->kind == TW_BLOCK_FIGURE && (!name || strcmp(b->figure, name) == 0)) {
            *scene = b->scene;
            return TW_OK;
        }
    if (!name) return tw_fail(TW_ERROR_UNSUPPORTED, "there is no figure of this convolution");
    return tw_fail(TW_ERROR_UNSUPPORTED, "there is no figure \"%.40s\" of this convolution", name);
}

static tw_status render(const tw_document *d, const tw_explain_request *r, char **bytes, size_t *size) {
    int width = r->width < LEAST_WIDTH ? LEAST_WIDTH : r->width > MOST_WIDTH ? MOST_WIDTH : r->width;
    tw_look look = {width, r->colour, r->ascii, r->fragment};
    tw_ink ink = {0};
    tw_ink_text(&ink, "");
    const tw_renderer *renderer = renderers[r->format];
    const tw_scene *scene = NULL;
    tw_status status = renderer->figure ? find_figure(d, r->figure, &scene) : TW_OK;
    if (!status) status = scene ? renderer->figure(scene, &ink) : renderer->document(d, &look, &ink);
    if (!status) status = ink.status;
    if (status) {
        tw_ink_release(&ink);
        return status;
    }
    *bytes = ink.bytes;
    *size = ink.size;
    return TW_OK;
}

static bool needs_problem(uint32_t wanted) {
    for (int i = 0; i < SECTIONS; i++)
        if ((wanted >> i & 1u) && sections[i]->needs_problem) return true;
    return false;
}

static bool needs_opening(uint32_t wanted) {
    for (int i = 0; i < SECTIONS; i++)
        if ((wanted >> i & 1u) && sections[i]->needs_problem && !sections[i]->own_sizes) return true;
    return false;
}

/* A legal request: its sections, with the convolution's numbers where one of them needs those. */
static tw_status explain_legal(tw_document *d, const tw_explain_request *r, char **bytes, size_t *size) {
    uint32_t wanted = wanted_sections(r);
    tw_problem problem = {0};
    bool needed = needs_problem(wanted);
    tw_status status = needed ? tw_problem_create(&problem, r) : TW_OK;
    if (status) return status;
    d->title = !needed && r->net.text ? TW_SAY_TITLE_NETWORK : TW_SAY_TITLE;
    tw_document_heading(d, 1, d->title, NULL);
    if (needed) {
        d->geometry = &problem.geometry;
        if (needs_opening(wanted)) write_opening(d, &problem);
        write_facts(d, &problem);
        write_matrix_facts(d, &problem);
    }
    status = build(d, &problem, r, wanted);
    if (!status) status = render(d, r, bytes, size);
    tw_problem_release(&problem);
    return status;
}

/* The document of an illegal geometry; the status stays that of its validation, and the message too. */
static tw_status explain_illegal(tw_document *d, const tw_explain_request *r, tw_status why, char **bytes,
                                 size_t *size) {
    char *message = tw_arena_text(&d->arena, tw_message(), strlen(tw_message()));
    if (!message) return TW_ERROR_MEMORY;
    d->title = TW_SAY_ILLEGAL;
    d->geometry = r->geometry.spatial >= 1 && r->geometry.spatial <= TW_MAX_SPATIAL ? &r->geometry : NULL;
    tw_explain_illegal(d, &r->geometry, message);
    tw_status status = d->arena.status;
    if (!status && !renderers[r->format]->figure) status = render(d, r, bytes, size);
    return status ? status : tw_fail(why, "%s", message);
}

tw_status tw_explain(const tw_explain_request *r, char **bytes, size_t *size) {
    if (!bytes || !size) return tw_fail(TW_ERROR_ARGUMENT, "bytes or size is NULL");
    *bytes = NULL;
    *size = 0;
    tw_status status = check(r);
    if (status) return status;
    tw_document document = {.language = r->language};
    tw_status legal = needs_problem(wanted_sections(r)) ? tw_geometry_validate(&r->geometry) : TW_OK;
    status =
        legal ? explain_illegal(&document, r, legal, bytes, size) : explain_legal(&document, r, bytes, size);
    tw_arena_release(&document.arena);
    return status;
}

tw_status tw_explain_write(const tw_explain_request *request, const char *path) {
    if (!path) return tw_fail(TW_ERROR_ARGUMENT, "path is NULL");
    char *bytes, why[1024];
    size_t size;
    tw_status status = tw_explain(request, &bytes, &size);
    if (!bytes) return status;
    snprintf(why, sizeof why, "%s", tw_message());
    tw_writer *writer;
    tw_status written = tw_writer_create(&writer, path);
    if (!written) {
        tw_writer_write(writer, bytes, size);
        written = tw_writer_commit(writer);
    }
    tw_explain_free(bytes);
    if (written) return written;
    return status ? tw_fail(status, "%s", why) : TW_OK;
}

void tw_explain_free(void *block) {
    tw_free(block);
}

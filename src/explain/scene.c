/* Building scenes, and cutting labels into runs of one style: a letter stands italic, its indices below. */
#include "explain/scene.h"

#include <stdio.h>
#include <string.h>

#include "explain/notation.h"

static const double MARGIN = 8;

tw_scene *tw_scene_create(tw_document *d) {
    tw_scene *scene = tw_arena_take(&d->arena, 1, sizeof *scene);
    if (scene) scene->document = d;
    return scene;
}

static tw_drawn *add(tw_scene *s, tw_shape_kind kind, double x, double y) {
    tw_drawn *shape = tw_arena_take(&s->document->arena, 1, sizeof *shape);
    if (!shape) return &s->spare;
    *shape =
        (tw_drawn){.kind = kind, .x = x, .y = y, .line = 1, .opacity = 1, .of_x = -1, .of_w = -1, .of_h = -1};
    if (s->last)
        s->last->next = shape;
    else
        s->first = shape;
    s->last = shape;
    return shape;
}

static void grow(tw_scene *s, double x, double y) {
    if (x + MARGIN > s->width) s->width = x + MARGIN;
    if (y + MARGIN > s->height) s->height = y + MARGIN;
}

tw_drawn *tw_scene_rect(tw_scene *s, double x, double y, double width, double height) {
    tw_drawn *shape = add(s, TW_SHAPE_RECT, x, y);
    shape->width = width;
    shape->height = height;
    grow(s, x + width, y + height);
    return shape;
}

tw_drawn *tw_scene_line(tw_scene *s, double x, double y, double x2, double y2) {
    tw_drawn *shape = add(s, TW_SHAPE_LINE, x, y);
    shape->width = x2 - x;
    shape->height = y2 - y;
    shape->stroke = TW_TONE_RULE;
    grow(s, x > x2 ? x : x2, y > y2 ? y : y2);
    return shape;
}

tw_drawn *tw_scene_circle(tw_scene *s, double x, double y, double radius) {
    tw_drawn *shape = add(s, TW_SHAPE_CIRCLE, x, y);
    shape->width = radius;
    grow(s, x + radius, y + radius);
    return shape;
}

tw_drawn *tw_scene_label(tw_scene *s, double x, double y, double size, tw_phrase label) {
    tw_drawn *shape = add(s, TW_SHAPE_LABEL, x, y);
    shape->size = size;
    shape->label = label;
    shape->fill = TW_TONE_INK;
    grow(s, x, y + size / 2);
    return shape;
}

/* Adds a run unless the label is full. */
static void put(tw_run *runs, int *count, const char *text, size_t length, bool italic, bool below) {
    if (*count == TW_LABEL_RUNS || length == 0) return;
    tw_run *run = &runs[(*count)++];
    snprintf(run->text, sizeof run->text, "%.*s", (int)length, text);
    run->italic = italic;
    run->below = below;
}

static void put_text(tw_run *runs, int *count, const char *text, bool italic, bool below) {
    put(runs, count, text, strlen(text), italic, below);
}

static void put_symbol(tw_run *runs, int *count, const tw_symbol *s) {
    char index[112];
    int used = 0;
    index[0] = 0;
    for (int a = 0; a < s->rank; a++)
        used += snprintf(index + used, sizeof index - (size_t)used, "%s%lld", a && s->brackets ? "," : "",
                         (long long)s->index[a]);
    if (s->gradient) put_text(runs, count, "∂L/∂", true, false);
    put(runs, count, &s->letter, 1, true, false);
    put_text(runs, count, index, false, true);
}

static void put_math(tw_run *runs, int *count, const tw_span *span) {
    const char *at = span->text, *end = span->text + span->length;
    for (tw_token t; tw_notation_next(&at, end, &t);) {
        if (t.kind == TW_TOKEN_PARTIAL) {
            char over[16];
            snprintf(over, sizeof over, "∂%c/∂", t.over);
            put_text(runs, count, over, true, false);
        }
        put(runs, count, t.text, t.length, t.kind == TW_TOKEN_LETTER || t.kind == TW_TOKEN_PARTIAL, false);
        if (t.index) put(runs, count, t.index, t.index_length, false, true);
        if (t.power) put(runs, count, t.power, t.power_length, false, false);
    }
}

int tw_label_runs(const tw_phrase *label, tw_run runs[TW_LABEL_RUNS]) {
    int count = 0;
    char words[112];
    for (int i = 0; i < label->count; i++) {
        const tw_span *span = &label->spans[i];
        int used = 0;
        switch (span->kind) {
        case TW_SPAN_TEXT: put(runs, &count, span->text, span->length, false, false); break;
        case TW_SPAN_MATH: put_math(runs, &count, span); break;
        case TW_SPAN_SYMBOL: put_symbol(runs, &count, &span->symbol); break;
        case TW_SPAN_NUMBER:
            tw_number_write(span->number, words);
            put_text(runs, &count, words, false, false);
            break;
        case TW_SPAN_SIZES:
            for (int k = 0; k < span->sizes; k++)
                used += snprintf(words + used, sizeof words - (size_t)used, "%s%lld", k ? "×" : "",
                                 (long long)span->size[k]);
            put_text(runs, &count, words, false, false);
            break;
        }
    }
    return count;
}

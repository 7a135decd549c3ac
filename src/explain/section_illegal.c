/* Why a shape is not possible, and which legal ones are near: every number is moved up and down by itself, in
 * one dimension and then in all of them, until the rules of geometry.h are kept. */
#include "explain/passages.h"
#include "explain/sections.h"

#include <string.h>

#include "base/checked.h"

enum { FARTHEST = 4096, FIELDS = 9, MOST_CHANGES = FIELDS * (TW_MAX_SPATIAL + 1) };

typedef struct field {
    tw_word name;
    size_t offset;
    bool scalar; /* one number, not one for each dimension */
    int64_t least;
} field;

static const field fields[FIELDS] = {
    {TW_SAY_INPUT, offsetof(tw_geometry, input), false, 1},
    {TW_SAY_KERNEL, offsetof(tw_geometry, kernel), false, 1},
    {TW_SAY_STRIDE, offsetof(tw_geometry, stride), false, 1},
    {TW_SAY_DILATION, offsetof(tw_geometry, dilation), false, 1},
    {TW_SAY_FIELD_PADDING, offsetof(tw_geometry, pad_begin), false, 0},
    {TW_SAY_OUTPUT_PADDING, offsetof(tw_geometry, output_padding), false, 0},
    {TW_SAY_FIELD_GROUPS, offsetof(tw_geometry, groups), true, 1},
    {TW_SAY_FIELD_IN, offsetof(tw_geometry, in_channels), true, 1},
    {TW_SAY_FIELD_OUT, offsetof(tw_geometry, out_channels), true, 1},
};

static int64_t *value_of(tw_geometry *g, const field *f, int axis) {
    return (int64_t *)((char *)g + f->offset) + axis;
}

/* Sets one number, or (axis < 0) that of every dimension; padding at both ends. */
static void set(tw_geometry *g, const field *f, int axis, int64_t value) {
    int first = axis < 0 ? 0 : axis, end = axis < 0 ? g->spatial : axis + 1;
    for (int a = first; a < end; a++) {
        *value_of(g, f, a) = value;
        if (f->name == TW_SAY_FIELD_PADDING) g->pad_end[a] = value;
    }
}

/* The nearest value that makes the geometry legal. */
static bool nearest(const tw_geometry *g, const field *f, int axis, int64_t *found) {
    tw_geometry copy = *g;
    int64_t now = *value_of(&copy, f, axis < 0 ? 0 : axis);
    int64_t from = tw_max(now, f->least);
    for (int64_t step = 0; step <= FARTHEST; step++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            int64_t value;
            copy = *g;
            if (!tw_add(from, sign * step, &value) || value < f->least || value == now) continue;
            set(&copy, f, axis, value);
            if (tw_geometry_validate(&copy) == TW_OK) {
                *found = value;
                return true;
            }
        }
    return false;
}

static tw_word axis_word(const tw_geometry *g, int axis) {
    static const tw_word names[TW_MAX_SPATIAL] = {TW_SAY_DEPTH, TW_SAY_HEIGHT, TW_SAY_WIDTH};
    return axis < 0 ? TW_SAY_EVERY_DIMENSION : names[TW_MAX_SPATIAL - g->spatial + axis];
}

static tw_span word_span(const tw_document *d, tw_word word) {
    return tw_span_text(tw_words(d->language, word));
}

/* A sentence for what can be said of one dimension; true when something was said. */
static bool say_axis(tw_document *d, const tw_geometry *g, int a) {
    tw_geometry copy = *g;
    for (int i = 0; i < FIELDS; i++) {
        int64_t value = fields[i].scalar ? fields[i].least : *value_of(&copy, &fields[i], a);
        if (value >= fields[i].least) continue;
        tw_span args[] = {word_span(d, fields[i].name), word_span(d, axis_word(g, a)),
                          tw_span_number((double)value), tw_span_number((double)fields[i].least)};
        tw_document_note(d, TW_SAY_ILLEGAL_RANGE, args);
        return true;
    }
    double extent = ((double)g->kernel[a] - 1) * (double)g->dilation[a] + 1;
    double padded = (double)g->input[a] + (double)g->pad_begin[a] + (double)g->pad_end[a];
    if (g->transposed || extent <= padded) return false;
    tw_span args[] = {word_span(d, axis_word(g, a)), tw_span_number(extent), tw_span_number(padded)};
    tw_document_note(d, TW_SAY_ILLEGAL_EXTENT, args);
    return true;
}

static bool say_groups(tw_document *d, const tw_geometry *g) {
    if (g->groups >= 1 && g->in_channels % g->groups == 0 && g->out_channels % g->groups == 0) return false;
    tw_span args[] = {tw_span_number((double)g->groups), tw_span_number((double)g->in_channels),
                      tw_span_number((double)g->out_channels)};
    tw_document_note(d, TW_SAY_ILLEGAL_GROUPS, args);
    return true;
}

/* One number that can be changed alone. */
typedef struct change {
    const field *field;
    int axis; /* < 0: of every dimension */
    int64_t now, nearest;
} change;

/* Changes of one dimension; where none is enough, of all dimensions at once. */
static int find_changes(const tw_geometry *g, change changes[MOST_CHANGES]) {
    tw_geometry copy = *g;
    int count = 0;
    for (int all = 0; all < 2 && count == 0; all++)
        for (int i = 0; i < FIELDS; i++)
            for (int a = all ? -1 : 0; a < (all ? 0 : fields[i].scalar ? 1 : g->spatial); a++) {
                change c = {&fields[i], a, *value_of(&copy, &fields[i], a < 0 ? 0 : a), 0};
                if ((all && fields[i].scalar) || !nearest(g, &fields[i], a, &c.nearest)) continue;
                changes[count++] = c;
            }
    return count;
}

static const char *mode_name(tw_pad_mode mode) {
    static const char *const names[] = {"zeros", "reflect", "replicate", "circular"};
    return (unsigned)mode < 4 ? names[mode] : "?";
}

/* Whether the padding with zeros would do. */
static bool zeros_help(const tw_geometry *g) {
    tw_geometry copy = *g;
    copy.pad_mode = TW_PAD_ZEROS;
    return g->pad_mode != TW_PAD_ZEROS && tw_geometry_validate(&copy) == TW_OK;
}

static void write_nearest(tw_document *d, const tw_geometry *g) {
    static const tw_word head[] = {TW_SAY_CHANGE, TW_SAY_DIMENSION, TW_SAY_NOW, TW_SAY_NEAREST};
    enum { COLUMNS = sizeof head / sizeof *head };
    change changes[MOST_CHANGES];
    int count = find_changes(g, changes);
    bool zeros = zeros_help(g);
    if (count + zeros == 0) return;
    tw_document_say(d, TW_SAY_ILLEGAL_NEAREST, NULL);
    tw_table *t = tw_document_table(d, count + zeros, COLUMNS, head);
    for (int i = 0; t && i < count; i++) {
        tw_phrase *row = t->cells + (int64_t)i * COLUMNS;
        row[0] = tw_phrase_make(d, changes[i].field->name, NULL);
        if (!changes[i].field->scalar) row[1] = tw_phrase_make(d, axis_word(g, changes[i].axis), NULL);
        row[2] = tw_phrase_of(d, tw_span_number((double)changes[i].now));
        row[3] = tw_phrase_of(d, tw_span_number((double)changes[i].nearest));
    }
    if (!t) return;
    t->is_number[2] = t->is_number[3] = true;
    if (!zeros) return;
    tw_phrase *last = t->cells + (int64_t)count * COLUMNS;
    last[0] = tw_phrase_make(d, TW_SAY_FIELD_PAD_MODE, NULL);
    last[2] = tw_phrase_of(d, tw_span_text(mode_name(g->pad_mode)));
    last[3] = tw_phrase_of(d, tw_span_text(mode_name(TW_PAD_ZEROS)));
}

void tw_explain_illegal(tw_document *d, const tw_geometry *g, const char *message) {
    tw_document_heading(d, 1, TW_SAY_ILLEGAL, NULL);
    bool said = false;
    bool known = g->spatial >= 1 && g->spatial <= TW_MAX_SPATIAL;
    for (int a = 0; known && a < g->spatial; a++) said = say_axis(d, g, a) || said;
    said = say_groups(d, g) || said;
    tw_span args[] = {tw_span_text(tw_arena_text(&d->arena, message, strlen(message)))};
    if (!said && args[0].text) tw_document_note(d, TW_SAY_ILLEGAL_MESSAGE, args);
    if (!known) return;
    tw_write_size_formula(d, g);
    write_nearest(d, g);
}

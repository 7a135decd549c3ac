/* A geometry as one line of text, for reports, tests and `twill check "..."`. One table says which letter
 * stands for which field; writer and reader go by it. The reader takes digits only, and says which word it
 * refuses. */
#include <twill/check.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"

/* Numbers: one (batch, channels, groups) or one for each dimension. */
typedef struct field {
    char letter;
    bool list, needed;
    size_t offset;
} field;

static const field fields[] = {
    {'n', false, false, offsetof(tw_geometry, batch)},
    {'c', false, true, offsetof(tw_geometry, in_channels)},
    {'k', false, true, offsetof(tw_geometry, out_channels)},
    {'g', false, false, offsetof(tw_geometry, groups)},
    {'i', true, true, offsetof(tw_geometry, input)},
    {'f', true, true, offsetof(tw_geometry, kernel)},
    {'s', true, false, offsetof(tw_geometry, stride)},
    {'d', true, false, offsetof(tw_geometry, dilation)},
    {'o', true, false, offsetof(tw_geometry, output_padding)},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *const layouts[] = {[TW_NCHW] = "nchw", [TW_NHWC] = "nhwc"};
static const char *const modes[] = {[TW_PAD_ZEROS] = "zeros",
                                    [TW_PAD_REFLECT] = "reflect",
                                    [TW_PAD_REPLICATE] = "replicate",
                                    [TW_PAD_CIRCULAR] = "circular"};

static int64_t *numbers_of(tw_geometry *g, const field *f) {
    return (int64_t *)((char *)g + f->offset);
}

/* What is written so far; append stops at the end. */
typedef struct line {
    char *text;
    size_t size, used;
} line;

__attribute__((format(printf, 2, 3))) static void append(line *out, const char *format, ...) {
    if (out->used + 1 >= out->size) return;
    va_list list;
    va_start(list, format);
    int length = vsnprintf(out->text + out->used, out->size - out->used, format, list);
    va_end(list);
    if (length > 0) out->used += (size_t)length;
}

static void append_field(line *out, const tw_geometry *g, const field *f, int axes) {
    const int64_t *numbers = (const int64_t *)((const char *)g + f->offset);
    int64_t most = 0;
    for (int a = 0; a < axes; a++) most = tw_max(most, numbers[a]);
    if (f->letter == 'o' && most == 0) return;
    append(out, " %c%lld", f->letter, (long long)numbers[0]);
    for (int a = 1; f->list && a < axes; a++) append(out, "x%lld", (long long)numbers[a]);
}

void tw_geometry_write(const tw_geometry *g, char *text, size_t size) {
    if (!g || !text || size == 0) return;
    text[0] = 0;
    line out = {text, size, 0};
    int axes = g->spatial < 1 ? 1 : g->spatial > TW_MAX_SPATIAL ? TW_MAX_SPATIAL : g->spatial;
    append(&out, "%dd %s", g->spatial, (unsigned)g->layout <= TW_NHWC ? layouts[g->layout] : "?");
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].letter != 'o') append_field(&out, g, &fields[i], axes);
    for (int a = 0; a < axes; a++)
        append(&out, "%s%lld,%lld", a ? "x" : " p", (long long)g->pad_begin[a], (long long)g->pad_end[a]);
    append(&out, " %s", (unsigned)g->pad_mode <= TW_PAD_CIRCULAR ? modes[g->pad_mode] : "?");
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].letter == 'o') append_field(&out, g, &fields[i], axes);
    if (g->transposed) append(&out, " transposed");
    if (g->flipped) append(&out, " flipped");
}

/* One word of the text that is read. */
typedef struct word {
    const char *text;
    size_t length;
} word;

static word next_word(const char **at) {
    *at += strspn(*at, " ");
    word w = {*at, strcspn(*at, " ")};
    *at += w.length;
    return w;
}

static bool is(word w, const char *text) {
    return w.length == strlen(text) && memcmp(w.text, text, w.length) == 0;
}

static tw_status refuse(word w, const char *expected) {
    return tw_fail(TW_ERROR_FORMAT, "geometry: \"%.*s\": expected %s", (int)tw_min((int64_t)w.length, 80),
                   w.text, expected);
}

/* Digits at *at, up to 2^63 - 1. */
static bool read_number(const char **at, const char *end, int64_t *number) {
    if (*at == end || **at < '0' || **at > '9') return false;
    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        if (!tw_mul(*number, 10, number) || !tw_add(*number, **at - '0', number)) return false;
    return true;
}

/* "3" for all dimensions, or one number for each, with "x" between. */
static tw_status read_numbers(word w, bool list, int axes, int64_t *numbers) {
    const char *at = w.text + 1, *end = w.text + w.length;
    int count = 0;
    do {
        if (count == (list ? axes : 1) || !read_number(&at, end, &numbers[count]))
            return refuse(w, list ? "a letter and a number, or one for each dimension: s2 or s2x1"
                                  : "a letter and a number, as in c16");
        count++;
    } while (at < end && *at++ == 'x');
    if (at != end || end[-1] == 'x' || (list && count != 1 && count != axes))
        return refuse(w, list ? "one number, or one for each dimension with x between: s2 or s2x1"
                              : "a letter and a number, as in c16");
    for (int a = count; list && a < axes; a++) numbers[a] = numbers[0];
    return TW_OK;
}

/* "1", "1,2", or one of these for each dimension. */
static tw_status read_padding(word w, int axes, tw_geometry *g) {
    const char *expected = "padding as p1, p1,2 or one begin,end for each dimension: p1,2x0,1";
    const char *at = w.text + 1, *end = w.text + w.length;
    int count = 0;
    do {
        if (count == axes || !read_number(&at, end, &g->pad_begin[count])) return refuse(w, expected);
        g->pad_end[count] = g->pad_begin[count];
        if (at < end && *at == ',' && (at++, !read_number(&at, end, &g->pad_end[count])))
            return refuse(w, expected);
        count++;
    } while (at < end && *at++ == 'x');
    if (at != end || end[-1] == 'x' || (count != 1 && count != axes)) return refuse(w, expected);
    for (int a = count; a < axes; a++) {
        g->pad_begin[a] = g->pad_begin[0];
        g->pad_end[a] = g->pad_end[0];
    }
    return TW_OK;
}

/* The kinds of words, so that each is said once: the fields come first. */
enum { SAID_LAYOUT = FIELDS, SAID_PADDING, SAID_MODE, SAID_TRANSPOSED, SAID_FLIPPED };

/* A word that stands for itself; the kind that it is of, or -1. */
static int read_name(word w, tw_geometry *g) {
    for (int i = TW_NCHW; i <= TW_NHWC; i++)
        if (is(w, layouts[i])) return g->layout = (tw_layout)i, SAID_LAYOUT;
    for (int i = TW_PAD_ZEROS; i <= TW_PAD_CIRCULAR; i++)
        if (is(w, modes[i])) return g->pad_mode = (tw_pad_mode)i, SAID_MODE;
    if (is(w, "transposed")) return g->transposed = true, SAID_TRANSPOSED;
    if (is(w, "flipped")) return g->flipped = true, SAID_FLIPPED;
    return -1;
}

static tw_status read_word(word w, tw_geometry *g, unsigned *said) {
    tw_status status = TW_OK;
    int kind = read_name(w, g);
    for (int i = 0; i < FIELDS && kind < 0; i++)
        if (w.text[0] == fields[i].letter) {
            kind = i;
            status = read_numbers(w, fields[i].list, g->spatial, numbers_of(g, &fields[i]));
        }
    if (kind < 0 && w.text[0] == 'p') {
        kind = SAID_PADDING;
        status = read_padding(w, g->spatial, g);
    }
    if (status) return status;
    if (kind < 0)
        return refuse(
            w, "nchw, nhwc, zeros, reflect, replicate, circular, transposed, flipped, or a number after "
               "one of n c k g i f s d p o");
    if (*said & 1u << kind) return refuse(w, "each thing to be said once");
    *said |= 1u << kind;
    return TW_OK;
}

tw_status tw_geometry_read(tw_geometry *geometry, const char *text) {
    if (!geometry) return tw_fail(TW_ERROR_ARGUMENT, "geometry is NULL");
    if (!text)
        return tw_fail(TW_ERROR_ARGUMENT, "text is NULL; expected a geometry such as \"2d c3 k16 i32 f3\"");
    word first = next_word(&text);
    int spatial = is(first, "1d") ? 1 : is(first, "2d") ? 2 : is(first, "3d") ? 3 : 0;
    if (!spatial) return refuse(first, "1d, 2d or 3d as the first word");
    tw_geometry g = tw_geometry_defaults(spatial);
    unsigned said = 0;
    tw_status status;
    for (word w = next_word(&text); w.length > 0; w = next_word(&text))
        if ((status = read_word(w, &g, &said))) return status;
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].needed && !(said & 1u << i))
            return tw_fail(TW_ERROR_FORMAT, "geometry: no word %c; expected c, k, i and f to be said",
                           fields[i].letter);
    if ((status = tw_geometry_validate(&g))) return status;
    *geometry = g;
    return TW_OK;
}

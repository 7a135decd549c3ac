/* A letter is lines of a key, a blank and a value. Keys that are absent keep the defaults of tw_explain: a
 * 3x3 image and a 2x2 kernel. Nothing is taken on trust: the page checks too, but a page can be called by
 * anybody. */
#include "letter.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/matrix.h>

enum { SIZE_MOST = 1 << 20, MESSAGE = 256 };

static char message_text[MESSAGE];

static tw_status refuse(tw_status status, const char **message, const char *format, const char *key,
                        const char *value) {
    snprintf(message_text, sizeof message_text, format, key, value);
    *message = message_text;
    return status;
}

/* "3x4" or "3,4" or "3": up to `most` whole numbers of a size that a page may ask for. Returns how many, 0
 * for anything else. */
static int read_sizes(const char *value, int most, int64_t *sizes) {
    int count = 0;
    for (const char *at = value; count < most;) {
        char *end;
        if (*at != '-' && (*at < '0' || *at > '9')) return 0;
        errno = 0;
        long long size = strtoll(at, &end, 10);
        if (end == at || errno || size < -SIZE_MOST || size > SIZE_MOST) return 0;
        sizes[count++] = size;
        if (!*end) return count;
        if (*end != 'x' && *end != ',') return 0;
        at = end + 1;
    }
    return 0;
}

/* Both dimensions of the image. */
static bool read_pair(const char *value, int64_t *first, int64_t *second) {
    int64_t sizes[2];
    int count = read_sizes(value, 2, sizes);
    if (!count) return false;
    *first = sizes[0];
    *second = sizes[count - 1];
    return true;
}

/* The place of a word in a list that ends with NULL; -1: none. */
static int find_word(const char *const *words, const char *word) {
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

static bool read_choice(const char *value, const char *const *words, int *choice) {
    int found = find_word(words, value);
    if (found >= 0) *choice = found;
    return found >= 0;
}

static bool read_sections(const char *value, uint32_t *sections) {
    *sections = 0;
    while (*value) {
        size_t length = strcspn(value, ","), i = 0;
        const tw_explain_section_name *section;
        while ((section = tw_explain_section(i)) &&
               (strlen(section->name) != length || strncmp(section->name, value, length) != 0))
            i++;
        if (!section) return false;
        *sections |= 1u << i;
        value += length + (value[length] == ',');
    }
    return true;
}

static bool read_format(const char *value, tw_explain_format *format) {
    const tw_explain_format_name *name;
    for (size_t i = 0; (name = tw_explain_format_of(i)); i++)
        if (strcmp(name->name, value) == 0) {
            *format = (tw_explain_format)i;
            return name->offered;
        }
    return false;
}

static bool read_geometry(tw_letter *letter, const char *key, const char *value) {
    static const char *const keys[] = {"input", "kernel", "stride", "pad", "dilation", "channels", NULL};
    tw_geometry *g = &letter->request.geometry;
    int64_t *const places[][2] = {
        {&g->input[0], &g->input[1]},       {&g->kernel[0], &g->kernel[1]},
        {&g->stride[0], &g->stride[1]},     {&g->pad_begin[0], &g->pad_begin[1]},
        {&g->dilation[0], &g->dilation[1]}, {&g->in_channels, &g->out_channels},
    };
    int at = find_word(keys, key);
    return read_pair(value, places[at][0], places[at][1]);
}

static bool read_look(tw_letter *letter, const char *key, const char *value) {
    static const char *const figures[] = {"forward", "matrix", "connections", NULL};
    tw_explain_request *r = &letter->request;
    int figure;
    if (strcmp(key, "lang") == 0) r->language = tw_language_of(value);
    if (strcmp(key, "format") == 0) return read_format(value, &r->format);
    if (strcmp(key, "show") == 0) return read_sections(value, &r->sections);
    if (strcmp(key, "figure") == 0) {
        if (!read_choice(value, figures, &figure)) return false;
        r->figure = figures[figure];
    }
    return true;
}

static bool read_enum(tw_letter *letter, const char *key, const char *value) {
    static const char *const kinds[] = {"conv", "depthwise", "avgpool", "maxpool", NULL};
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular", NULL};
    int choice;
    if (!read_choice(value, strcmp(key, "kind") == 0 ? kinds : modes, &choice)) return false;
    if (strcmp(key, "kind") == 0)
        letter->kind = (tw_letter_kind)choice;
    else
        letter->request.geometry.pad_mode = (tw_pad_mode)choice;
    return true;
}

static bool read_values(tw_letter *letter, const char *key, const char *value) {
    tw_explain_request *r = &letter->request;
    int64_t rows, columns;
    double **block = *key == 'x' ? &letter->x : *key == 'w' ? &letter->w : &letter->dh;
    tw_explain_values *place = *key == 'x' ? &r->image : *key == 'w' ? &r->weights : &r->upstream;
    tw_explain_free(*block);
    *block = NULL;
    if (tw_explain_read(value, block, &rows, &columns) != TW_OK) return false;
    *place = (tw_explain_values){*block, rows * columns};
    return true;
}

/* Every key and who reads it. */
static const struct {
    const char *key;
    bool (*read)(tw_letter *letter, const char *key, const char *value);
} readers[] = {
    {"kind", read_enum},         {"mode", read_enum},         {"input", read_geometry},
    {"kernel", read_geometry},   {"stride", read_geometry},   {"pad", read_geometry},
    {"dilation", read_geometry}, {"channels", read_geometry}, {"x", read_values},
    {"w", read_values},          {"dh", read_values},         {"lang", read_look},
    {"format", read_look},       {"show", read_look},         {"figure", read_look},
};
enum { READERS = sizeof readers / sizeof *readers };

static tw_status read_line(tw_letter *letter, char *line, const char **message) {
    char *value = strchr(line, ' ');
    if (!value) return refuse(TW_ERROR_FORMAT, message, "\"%.40s\": expected a key and a value%s", line, "");
    *value++ = 0;
    for (int i = 0; i < READERS; i++) {
        if (strcmp(readers[i].key, line) != 0) continue;
        if (readers[i].read(letter, line, value)) return TW_OK;
        if (readers[i].read == read_values)
            return refuse(TW_ERROR_FORMAT, message, "%.40s: %.180s", line, tw_message());
        return refuse(TW_ERROR_FORMAT, message, "%.40s: \"%.80s\" is not understood", line, value);
    }
    return refuse(TW_ERROR_FORMAT, message, "\"%.40s\" is no key of a letter%s", line, "");
}

/* Pools and depthwise convolutions keep channels apart; of a pool only image, window and stride are the
 * page's to say. */
static void settle_kind(tw_letter *letter) {
    tw_geometry *g = &letter->request.geometry;
    for (int a = 0; a < 2; a++) g->pad_end[a] = g->pad_begin[a];
    if (letter->kind == TW_LETTER_CONV) return;
    g->out_channels = g->groups = g->in_channels;
    if (letter->kind == TW_LETTER_DEPTHWISE) return;
    letter->request.weights = (tw_explain_values){NULL, 0};
    letter->request.pool_stride = true;
    g->pad_mode = TW_PAD_ZEROS;
    for (int a = 0; a < 2; a++) g->pad_begin[a] = g->pad_end[a] = 0, g->dilation[a] = 1;
}

static tw_status check_sizes(const tw_letter *letter, const char **message) {
    tw_geometry_sizes sizes;
    const tw_geometry *g = &letter->request.geometry;
    if (tw_geometry_validate(g) != TW_OK || tw_geometry_count(g, &sizes) != TW_OK) return TW_OK;
    bool fits = sizes.x <= TW_LETTER_ELEMENTS && sizes.y <= TW_LETTER_ELEMENTS &&
                sizes.w <= TW_LETTER_ELEMENTS && sizes.taps <= TW_LETTER_TAPS;
    return fits ? TW_OK
                : refuse(TW_ERROR_LIMIT, message, "too large to be shown: at most 4096 numbers of a kind%s%s",
                         "", "");
}

/* An average pool is the convolution whose weights are all alike. */
static tw_status fill_average(tw_letter *letter) {
    tw_geometry_sizes sizes;
    const tw_geometry *g = &letter->request.geometry;
    if (letter->kind != TW_LETTER_AVERAGE || tw_geometry_count(g, &sizes) != TW_OK) return TW_OK;
    double *average = letter->average = calloc((size_t)sizes.w + 1, sizeof *average);
    if (!average) return TW_ERROR_MEMORY;
    for (int64_t i = 0; i < sizes.w; i++) average[i] = 1.0 / (double)(g->kernel[0] * g->kernel[1]);
    letter->request.weights = (tw_explain_values){average, sizes.w};
    return TW_OK;
}

tw_status tw_letter_read(tw_letter *letter, const char *text, const char **message) {
    *letter = (tw_letter){.request = tw_explain_defaults()};
    *message = NULL;
    char *copy = malloc(strlen(text) + 1);
    if (!copy) return refuse(TW_ERROR_MEMORY, message, "no memory for the letter%s%s", "", "");
    strcpy(copy, text);
    tw_status status = TW_OK;
    for (char *line = strtok(copy, "\n"); line && !status; line = strtok(NULL, "\n"))
        status = read_line(letter, line, message);
    free(copy);
    if (!status) settle_kind(letter);
    if (!status) status = check_sizes(letter, message);
    return status ? status : fill_average(letter);
}

void tw_letter_release(tw_letter *letter) {
    tw_explain_free(letter->x);
    tw_explain_free(letter->w);
    tw_explain_free(letter->dh);
    free(letter->average);
    *letter = (tw_letter){.kind = TW_LETTER_CONV};
}

/* Rows of the source, copied so that one channel is one lane and no border is left: each is copied once while
 * the window of a band moves over it, stays in the first cache, and lies without gaps whatever the tensor's
 * layout. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "conv/depthwise.h"

enum {
    IN_PLACE_TAPS = 50,  /* more taps read what is staged often enough to pay for it */
    RUN_BYTES = 32 << 10 /* of rows that are staged together */
};

int64_t tw_stage_slots(int64_t window) {
    int64_t slots = 1;
    while (slots < window) slots *= 2;
    return slots;
}

void tw_stage_rows(tw_stage_cache *c, int64_t window) {
    const int64_t row = c->width * c->loops->lanes * (int64_t)c->size;
    c->rows = tw_stage_slots(window);
    if (c->layout != TW_NCHW || c->mode != TW_PAD_ZEROS || c->repeat != 1) return;
    while (c->rows < c->extent[TW_HEIGHT] && 2 * c->rows * row <= RUN_BYTES) c->rows *= 2;
    c->runs = c->rows - window + 1;
}

int64_t tw_stage_bytes(const tw_stage_cache *c) {
    int64_t rows, bytes, tags;
    if (!tw_mul(c->depths, c->rows, &rows) || !tw_mul(rows, c->width, &bytes) ||
        !tw_mul(bytes, c->loops->lanes * (int64_t)c->size, &bytes) || !tw_mul(rows, 16, &tags) ||
        !tw_add(bytes, tags, &bytes) || !tw_add(bytes, TW_ALIGNMENT, &bytes))
        return INT64_MAX;
    return bytes;
}

bool tw_stage_needless(const tw_stage_cache *c, const tw_shape *s) {
    /* whole vectors from a row's last pixel reach into the next row at most */
    bool wide = tw_min(s->in[TW_WIDTH], s->out[TW_WIDTH]) * c->channels >= c->loops->lanes;
    return c->layout == TW_NHWC && c->mode == TW_PAD_ZEROS && c->repeat == 1 &&
           s->kernel_taps <= IN_PLACE_TAPS && wide;
}

int64_t tw_stage_last_row_bytes(const tw_stage_cache *c) {
    if (!c->in_place || c->channels % c->loops->lanes == 0) return 0;
    int64_t row = c->extent[TW_WIDTH] * c->channels + c->loops->lanes;
    return tw_round_up(row * (int64_t)c->size, TW_ALIGNMENT);
}

const void *tw_stage_last_row(const tw_stage_cache *c, const void *tensor, int64_t images, void *memory) {
    if (tw_stage_last_row_bytes(c) == 0) return NULL;
    size_t row = (size_t)(c->extent[TW_WIDTH] * c->channels) * c->size;
    size_t all = (size_t)(images * c->pixels * c->channels) * c->size;
    memcpy(memory, (const char *)tensor + all - row, row);
    memset((char *)memory + row, 0, (size_t)c->loops->lanes * c->size);
    return memory;
}

void tw_stage_columns(tw_stage_cache *c, int64_t first, int64_t last) {
    bool zeros = c->mode == TW_PAD_ZEROS; /* only what the image has */
    c->from = zeros ? 0 : first;
    c->width = zeros ? c->extent[TW_WIDTH] : last - first + 1;
}

void tw_stage_open(tw_stage_cache *c, void *memory, int64_t first, int used) {
    int64_t slots = c->depths * c->rows;
    c->first = first, c->used = used;
    c->tags = memory;
    c->lines = (char *)memory + tw_round_up(2 * slots * (int64_t)sizeof *c->tags, TW_ALIGNMENT);
    if (used < c->loops->lanes) memset(c->lines, 0, (size_t)(slots * c->width * c->loops->lanes) * c->size);
    tw_stage_reset(c);
}

void tw_stage_reset(tw_stage_cache *c) {
    for (int64_t i = 0; i < 2 * c->depths * c->rows; i++) c->tags[i] = INT64_MIN;
}

void tw_stage_copy(const tw_stage_cache *c, const void *row, int64_t source, int64_t at, int64_t count,
                   void *line) {
    bool last = c->layout == TW_NHWC;
    const char *in = (const char *)row + (size_t)(source * (last ? c->channels : 1)) * c->size;
    char *out = (char *)line + (size_t)(at * c->loops->lanes) * c->size;
    if (!last && c->repeat == 1) {
        c->loops->turn(&(tw_block){
            .from = in + (size_t)(c->first * c->pixels) * c->size,
            .from_pitch = c->pixels,
            .to = out,
            .to_pitch = c->loops->lanes,
            .rows = c->used,
            .columns = count,
        });
        return;
    }
    c->loops->stencil.stage(&(tw_stage){
        .in = in,
        .step = last ? c->channels : 1,
        .stride = last ? 1 : c->pixels,
        .first = c->first,
        .repeat = c->repeat,
        .pixels = count,
        .used = c->used,
        .out = out,
    });
}

static void fill(const tw_stage_cache *c, const void *row, char *line) {
    int64_t begin = tw_max(c->from, 0), end = tw_min(c->from + c->width, c->extent[TW_WIDTH]);
    if (begin < end) tw_stage_copy(c, row, begin, begin - c->from, end - begin, line);
    for (int64_t i = 0; i < c->width; i++) {
        int64_t x = c->from + i;
        if (x >= 0 && x < c->extent[TW_WIDTH]) continue;
        tw_stage_copy(c, row, tw_shape_source(c->mode, x, c->extent[TW_WIDTH]), i, 1, line);
    }
}

/* Rows from y on that are staged in one go: where a row is staged as it lies, its pixels and the next row's
 * are neighbours on both sides. They lie in neighbouring slots, and rows that are still read keep theirs. */
static int64_t run_of_rows(const tw_stage_cache *c, int64_t y, int64_t slot) {
    if (!c->runs || y < 0) return 1;
    return tw_max(1, tw_min(tw_min(c->rows - slot, c->extent[TW_HEIGHT] - y), c->runs));
}

const void *tw_stage_row(tw_stage_cache *c, const void *image, int64_t z, int64_t y) {
    const int64_t depth = (z & (c->depths - 1)) * c->rows, slot = y & (c->rows - 1); /* powers of two */
    char *line = c->lines + (size_t)((depth + slot) * c->width * c->loops->lanes) * c->size;
    int64_t *tag = c->tags + 2 * (depth + slot);
    if (tag[0] == z && tag[1] == y) return line;
    int64_t source_z = tw_shape_source(c->mode, z, c->extent[TW_DEPTH]);
    int64_t source_y = tw_shape_source(c->mode, y, c->extent[TW_HEIGHT]);
    int64_t row = (source_z * c->extent[TW_HEIGHT] + source_y) * c->extent[TW_WIDTH];
    const char *from =
        (const char *)image + (size_t)(row * (c->layout == TW_NHWC ? c->channels : 1)) * c->size;
    const int64_t count = run_of_rows(c, y, slot);
    for (int64_t i = 0; i < count; i++) tag[2 * i] = z, tag[2 * i + 1] = y + i;
    if (count > 1)
        tw_stage_copy(c, from, 0, 0, count * c->width, line);
    else
        fill(c, from, line);
    return line;
}

/* Rows of the source, copied so that one channel is one lane and no border is left: each is copied once while
 * the window of a band moves over it, stays in the first cache, and lies without gaps whatever the tensor's
 * layout. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "conv/depthwise.h"

int64_t tw_stage_slots(int64_t window) {
    int64_t slots = 1;
    while (slots < window) slots *= 2;
    return slots;
}

int64_t tw_stage_bytes(const tw_stage_cache *c) {
    int64_t rows, bytes, tags;
    if (!tw_mul(c->depths, c->rows, &rows) || !tw_mul(rows, c->width, &bytes) ||
        !tw_mul(bytes, c->loops->lanes * (int64_t)c->size, &bytes) || !tw_mul(rows, 16, &tags) ||
        !tw_add(bytes, tags, &bytes) || !tw_add(bytes, TW_ALIGNMENT, &bytes))
        return INT64_MAX;
    return bytes;
}

/* The columns of a line that the image has: begin .. end - 1, counted in the source. */
static void present(const tw_stage_cache *c, int64_t *begin, int64_t *end) {
    *begin = tw_max(c->from, 0);
    *end = tw_max(*begin, tw_min(c->from + c->width, c->extent[TW_WIDTH]));
}

void tw_stage_reset(tw_stage_cache *c) {
    int64_t rows = c->depths * c->rows, begin, end;
    present(c, &begin, &end);
    size_t column = (size_t)c->loops->lanes * c->size;
    size_t left = (size_t)tw_min(begin - c->from, c->width) * column,
           right = (size_t)tw_max(end - c->from, 0) * column;
    size_t all = (size_t)c->width * column;
    for (int64_t i = 0; i < rows; i++) {
        memset(c->lines + (size_t)i * all, 0, left);
        if (right < all) memset(c->lines + (size_t)i * all + right, 0, all - right);
        c->tags[2 * i] = c->tags[2 * i + 1] = INT64_MIN;
    }
}

/* Columns from .. from + count - 1 of the line get the source's columns at `source` and on. */
static void copy(const tw_stage_cache *c, const void *row, int64_t source, int64_t at, int64_t count,
                 char *line) {
    int64_t step = c->layout == TW_NHWC ? c->channels : 1, stride = c->layout == TW_NHWC ? 1 : c->pixels;
    c->loops->stencil.stage(&(tw_stage){
        .in = (const char *)row + (size_t)(source * step) * c->size,
        .step = step,
        .stride = stride,
        .first = c->first,
        .repeat = c->repeat,
        .pixels = count,
        .used = c->used,
        .out = line + (size_t)(at * c->loops->lanes) * c->size,
    });
}

static void fill(const tw_stage_cache *c, const void *row, char *line) {
    int64_t begin, end;
    present(c, &begin, &end);
    if (begin < end) copy(c, row, begin, begin - c->from, end - begin, line);
    if (c->mode == TW_PAD_ZEROS) return; /* the sides were zeroed once and are never written */
    for (int64_t i = 0; i < c->width; i++) {
        int64_t x = c->from + i;
        if (x >= 0 && x < c->extent[TW_WIDTH]) continue;
        copy(c, row, tw_shape_source(c->mode, x, c->extent[TW_WIDTH]), i, 1, line);
    }
}

const void *tw_stage_row(tw_stage_cache *c, const void *image, int64_t z, int64_t y) {
    int64_t slot = (z & (c->depths - 1)) * c->rows + (y & (c->rows - 1)); /* both powers of two */
    char *line = c->lines + (size_t)(slot * c->width * c->loops->lanes) * c->size;
    int64_t *tag = c->tags + 2 * slot;
    if (tag[0] == z && tag[1] == y) return line;
    tag[0] = z, tag[1] = y;
    int64_t source_z = tw_shape_source(c->mode, z, c->extent[TW_DEPTH]);
    int64_t source_y = tw_shape_source(c->mode, y, c->extent[TW_HEIGHT]);
    int64_t row = (source_z * c->extent[TW_HEIGHT] + source_y) * c->extent[TW_WIDTH];
    fill(c, (const char *)image + (size_t)(row * (c->layout == TW_NHWC ? c->channels : 1)) * c->size, line);
    return line;
}

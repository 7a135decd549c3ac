/* Staging for dots: x in windows, one for each column of the kernel, already shifted by that column. A
 * window's rows are as long as those of dy, so the rows of an image lie behind each other on both sides, and
 * a tap is an offset for all of them. Padding is written where it lies: zeros once, where every chunk is made
 * of whole images. */
#include <string.h>

#include "base/checked.h"
#include "conv/dots.h"

typedef tw_dots_chunk chunk;

/* One plane of x while it is staged: rows low .. high - 1 of the window lie inside. */
typedef struct plane {
    const char *from; /* channel 0, the source row of window row `low`, column 0 */
    int64_t channel_step, row_step, low, high;
} plane;

enum { ZEROS = 64 };

/* rows x columns zeros. */
static void clear(const chunk *k, char *to, int64_t pitch, int64_t rows, int64_t columns) {
    static const double zeros[ZEROS];
    int64_t size = (int64_t)k->p->size;
    for (; columns > 0; columns -= ZEROS, to += ZEROS * size)
        k->p->job->problem->loops->copy(&(tw_block){zeros, 0, to, pitch, rows, tw_min(columns, ZEROS)});
}

/* The columns from .. from + count - 1 of window rows that the image lacks, as the mode says; `shift` leads
 * to the source. */
static void stage_side(const chunk *k, const plane *s, const char *from, char *to, int64_t begin,
                       int64_t count, int64_t shift) {
    const tw_dots_plan *p = k->p;
    const tw_shape *shape = p->shape;
    int64_t size = (int64_t)p->size;
    if (shape->geometry.pad_mode == TW_PAD_ZEROS) {
        if (!k->clean) clear(k, to + begin * size, p->piece, s->high - s->low, count);
        return;
    }
    for (int64_t i = begin; i < begin + count; i++) {
        int64_t x = tw_shape_source(shape->geometry.pad_mode, i + shift, shape->in[TW_WIDTH]);
        for (int64_t r = 0; r < s->high - s->low; r++)
            memcpy(to + (r * p->piece + i) * size, from + (r * s->row_step + x) * size, p->size);
    }
}

/* One channel for one column of the kernel: window rows of `piece` numbers. */
static void stage_column(const chunk *k, const plane *s, int64_t c, int64_t column, char *to) {
    const tw_dots_plan *p = k->p;
    const tw_shape *shape = p->shape;
    int64_t size = (int64_t)p->size, count = k->x1 - k->x0;
    int64_t rows = tw_dots_reach(shape, TW_HEIGHT, k->y1 - k->y0);
    int64_t shift = k->x0 + column * shape->dilation[TW_WIDTH] - shape->pad[TW_WIDTH];
    int64_t begin = tw_max(0, tw_min(count, -shift)),
            end = tw_max(begin, tw_min(count, shape->in[TW_WIDTH] - shift));
    const char *from = s->from + c * s->channel_step * size;
    if (!k->clean) {
        clear(k, to, p->piece, s->low, count);
        clear(k, to + s->high * p->piece * size, p->piece, rows - s->high, count);
    }
    to += s->low * p->piece * size;
    if (end > begin)
        p->job->problem->loops->copy(&(tw_block){from + (begin + shift) * size, s->row_step,
                                                 to + begin * size, p->piece, s->high - s->low, end - begin});
    stage_side(k, s, from, to, 0, begin, shift);
    stage_side(k, s, from, to, end, count - end, shift);
}

/* The source row of a window row, -1 outside. */
static int64_t source_row(const chunk *k, int64_t r) {
    const tw_shape *s = k->p->shape;
    int64_t y = k->y0 * s->stride[TW_HEIGHT] + r - s->pad[TW_HEIGHT];
    return tw_shape_source(s->geometry.pad_mode, y, s->in[TW_HEIGHT]);
}

/* Window rows of a plane, channels first, in the order of the window: with zeros around, they are neighbours
 * in the source, else each is looked for. */
static void gather(const chunk *k, const char *x, plane *s) {
    const tw_dots_plan *p = k->p;
    const tw_shape *shape = p->shape;
    const tw_loops *loops = p->job->problem->loops;
    int64_t size = (int64_t)p->size, width = shape->in[TW_WIDTH], step = p->last ? shape->in_channels : 1;
    bool zeros = shape->geometry.pad_mode == TW_PAD_ZEROS;
    s->channel_step = p->window_rows * width, s->row_step = width;
    for (int64_t r = s->low, rows; r < s->high; r += rows) {
        rows = zeros ? s->high - s->low : 1;
        const char *from = x + source_row(k, r) * width * step * size;
        char *to = k->gathered + (r - s->low) * width * size;
        if (p->last)
            loops->turn(&(tw_block){from, step, to, s->channel_step, rows * width, shape->in_channels});
        else
            loops->copy(&(tw_block){from, shape->in_pixels, to, s->channel_step, shape->in_channels, width});
    }
    s->from = k->gathered;
}

/* One plane of taps of an image: all channels, all columns of the kernel. */
static void stage_plane(const chunk *k, const char *x, int64_t z, char *to) {
    const tw_dots_plan *p = k->p;
    const tw_shape *s = p->shape;
    int64_t size = (int64_t)p->size, rows = tw_dots_reach(s, TW_HEIGHT, k->y1 - k->y0);
    plane at = {.low = 0, .high = z < 0 ? 0 : rows};
    while (at.low < at.high && source_row(k, at.low) < 0) at.low++;
    while (at.high > at.low && source_row(k, at.high - 1) < 0) at.high--;
    x += z < 0 ? 0 : z * s->in[TW_HEIGHT] * s->in[TW_WIDTH] * (p->last ? s->in_channels : 1) * size;
    if (at.high == at.low) {
        at.low = at.high = 0;
        at.from = x;
    } else if (p->gathered) {
        gather(k, x, &at);
    } else {
        at.channel_step = s->in_pixels, at.row_step = s->in[TW_WIDTH];
        at.from = x + source_row(k, at.low) * s->in[TW_WIDTH] * size;
    }
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t column = 0; column < s->kernel[TW_WIDTH]; column++)
            stage_column(k, &at, c, column, to + (c * p->window_plane + column * p->window_x) * size);
}

static void stage_image(const chunk *k, int64_t image, char *to) {
    const tw_dots_plan *p = k->p;
    const tw_shape *s = p->shape;
    const char *x = (const char *)p->job->x + image * s->in_image * (int64_t)p->size;
    for (int64_t t = 0; t < s->kernel[TW_DEPTH]; t++) {
        int64_t z = k->z * s->stride[TW_DEPTH] + t * s->dilation[TW_DEPTH] - s->pad[TW_DEPTH];
        z = tw_shape_source(s->geometry.pad_mode, z, s->in[TW_DEPTH]);
        stage_plane(k, x, z, to + t * p->window_rows * p->piece * (int64_t)p->size);
    }
}

/* dy is read in place with channels first, else turned to [channel][pixel of the chunk]. */
void tw_dots_stage(tw_dots_chunk *k) {
    const tw_dots_plan *p = k->p;
    const tw_shape *s = p->shape;
    int64_t size = (int64_t)p->size, length = k->x1 - k->x0, rows = k->y1 - k->y0, pixel = 0;
    bool turned = p->dy_bytes > 0;
    if (p->joined) length *= rows, rows = 1;
    k->dy_pitch = turned ? p->dy_pitch : s->out_pixels;
    k->count = 0;
    for (int64_t i = k->image0; i < k->image1; i++) {
        char *window = k->x + (i - k->image0) * p->window_image * size;
        stage_image(k, i, window);
        for (int64_t y = 0; y < rows; y++, pixel += length) {
            const char *dy = tw_dots_dy(k, i, k->y0 + y);
            char *to = k->dy + pixel * size;
            if (turned)
                p->job->problem->loops->turn(
                    &(tw_block){dy, s->out_channels, to, k->dy_pitch, length, s->out_channels});
            const char *x = window + y * s->stride[TW_HEIGHT] * p->piece * size;
            k->strips[k->count++] = (tw_strip){turned ? to : dy, x, length};
        }
    }
}

/* One row of a window: bits set where column `column` of the kernel meets x inside. */
static void mark_row(const chunk *k, int64_t column, bool row_inside, char *to) {
    const tw_shape *s = k->p->shape;
    int64_t size = (int64_t)k->p->size, count = k->x1 - k->x0;
    int64_t shift = k->x0 + column * s->dilation[TW_WIDTH] - s->pad[TW_WIDTH];
    int64_t begin = tw_max(0, tw_min(count, -shift)),
            end = tw_max(begin, tw_min(count, s->in[TW_WIDTH] - shift));
    memset(to, 0, (size_t)(count * size));
    if (row_inside) memset(to + begin * size, 0xff, (size_t)((end - begin) * size));
}

void tw_dots_mark_inside(const tw_dots_chunk *k) {
    const tw_dots_plan *p = k->p;
    const tw_shape *s = p->shape;
    int64_t rows = tw_dots_reach(s, TW_HEIGHT, k->y1 - k->y0);
    for (int64_t t = 0; t < s->kernel[TW_DEPTH]; t++) {
        int64_t z = k->z * s->stride[TW_DEPTH] + t * s->dilation[TW_DEPTH] - s->pad[TW_DEPTH];
        bool there = z >= 0 && z < s->in[TW_DEPTH];
        for (int64_t column = 0; column < s->kernel[TW_WIDTH]; column++)
            for (int64_t r = 0; r < rows; r++) {
                int64_t row = column * p->window_x + (t * p->window_rows + r) * p->piece;
                mark_row(k, column, there && source_row(k, r) >= 0, k->inside + row * (int64_t)p->size);
            }
    }
    memset(k->inside + p->window_plane * (int64_t)p->size, 0xff, (size_t)p->ones * p->size);
}

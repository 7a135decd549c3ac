/* Staging for the weight gradient: the pixels of a chunk, brought into the order in which tiles read them,
 * and the sum of dy, which is the gradient of the bias. */
#include <string.h>

#include "base/checked.h"
#include "conv/gradient.h"
#include "conv/rows.h"

static void split(int64_t *number, int64_t count, int64_t *index) {
    *index = *number % count;
    *number /= count;
}

void tw_gradient_find_chunk(tw_gradient_work *k, int64_t chunk) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    int64_t piece, rows;
    k->chunk = chunk;
    split(&chunk, g->pixel_chunks, &piece);
    split(&chunk, g->row_chunks, &rows);
    split(&chunk, g->axis[TW_DEPTH].to, &k->z);
    k->image0 = chunk * g->chunk_images, k->image1 = tw_min(k->image0 + g->chunk_images, g->images);
    k->y0 = rows * g->chunk_rows, k->y1 = tw_min(k->y0 + g->chunk_rows, y->to);
    k->x0 = piece * g->chunk_pixels, k->x1 = tw_min(k->x0 + g->chunk_pixels, x->to);
    bool all = g->mode != TW_PAD_ZEROS && y->outside;
    k->y_low = all ? 0 : tw_max(0, k->y0 * y->in_step + y->least);
    k->x_low = k->x0 * x->in_step + x->least;
    if (!g->padded) k->x_low = tw_max(0, k->x_low);
}

/* Whether any tap of the chunk reads source row r: with a stride larger than the kernel many are never read.
 */
static bool is_read(const tw_gradient_work *k, int64_t r) {
    const tw_axis *y = &k->g->axis[TW_HEIGHT];
    if (k->g->mode != TW_PAD_ZEROS || y->in_step <= y->most) return true;
    for (int64_t t = 0; t < y->most; t++)
        if ((r - y->shift[t]) % y->in_step == 0) return true;
    return false;
}

/* [image][plane of taps][row][x][x_pitch] from channel `first` of the group on. */
static void stage_x(const tw_gradient_work *k, int64_t first) {
    const tw_gradient *g = k->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    bool all = g->mode != TW_PAD_ZEROS && y->outside;
    int64_t end = all ? y->from : tw_min(y->from, (k->y1 - 1) * y->in_step + y->last + 1);
    int64_t high = (k->x1 - 1) * x->in_step + x->last + 1, planes = g->kernel[TW_DEPTH];
    if (!g->padded) high = tw_min(high, x->from);
    tw_row row = {.loops = k->job->problem->loops,
                  .layout = g->layout,
                  .size = g->size,
                  .image_channels = g->in_channels,
                  .image_pixels = g->in_pixels,
                  .first = k->group * g->group_in + first,
                  .channels = k->x_pitch,
                  .width = x->from};
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t t = 0; t < planes; t++) {
            int64_t plane = tw_gradient_source(g, TW_DEPTH, k->z, t);
            for (int64_t r = k->y_low; plane >= 0 && r < end; r++) {
                int64_t slot = ((i - k->image0) * planes + t) * g->x_rows + r - k->y_low;
                if (!is_read(k, r)) continue;
                row.begin = (plane * y->from + r) * x->from;
                tw_row_load(&row, (const char *)k->job->x + i * g->in_image * (int64_t)g->size, g->mode,
                            k->x_low, high - k->x_low,
                            k->x + slot * g->x_width * row.channels * (int64_t)g->size);
            }
        }
}

/* Runs over the rows of the chunk's dy: where one lies, and how many pixels come before it. */
typedef struct dy_row {
    const char *from; /* its first pixel, channel 0 of the group */
    int64_t pixel;    /* its first pixel's number in the chunk */
} dy_row;

static dy_row find_row(const tw_gradient_work *k, int64_t image, int64_t y) {
    const tw_gradient *g = k->g;
    const tw_axis *ax = &g->axis[TW_WIDTH];
    int64_t pixel = (k->z * g->axis[TW_HEIGHT].to + y) * ax->to + k->x0, first = k->group * g->group_out;
    int64_t at = image * g->out_image +
                 (g->layout == TW_NHWC ? pixel * g->out_channels + first : first * g->out_pixels + pixel);
    return (dy_row){(const char *)k->job->dy + at * (int64_t)g->size,
                    ((image - k->image0) * (k->y1 - k->y0) + y - k->y0) * (k->x1 - k->x0)};
}

void tw_gradient_look_ahead(const tw_gradient_work *now, int64_t chunk, tw_ahead *ahead) {
    const tw_gradient *g = now->g;
    const tw_axis *x = &g->axis[TW_WIDTH], *y = &g->axis[TW_HEIGHT];
    int64_t size = (int64_t)g->size;
    bool images = g->row_chunks == 1 && g->pixel_chunks == 1, last = g->layout == TW_NHWC;
    tw_gradient_work k = *now;
    ahead[0] = ahead[1] = (tw_ahead){0};
    if (chunk >= g->chunks || k.group1 - k.group0 < g->groups || g->axis[TW_DEPTH].to > 1 ||
        !(images || last))
        return;
    tw_gradient_find_chunk(&k, chunk);
    int64_t end = tw_min(y->from, (k.y1 - 1) * y->in_step + y->last + 1);
    int64_t begin = k.y_low * x->from, pixels = (end - k.y_low) * x->from;
    if (g->pixel_chunks > 1) /* the rows above have been read */
        begin = (end - 1) * x->from + tw_max(0, k.x_low), pixels = (k.x1 - k.x0) * x->in_step;
    int64_t in = pixels * g->in_channels, out = tw_gradient_pixels(&k) * g->out_channels;
    if (images) begin = 0, in = (k.image1 - k.image0) * g->in_image;
    const char *at = (const char *)k.job->x + (k.image0 * g->in_image + begin * g->in_channels) * size;
    const char *dy = find_row(&k, k.image0, k.y0).from;
    if (g->parts == 1 || g->across_in) ahead[0] = (tw_ahead){at, at + in * size};
    if (g->block_shares == 1 && (g->parts == 1 || !g->across_in)) ahead[1] = (tw_ahead){dy, dy + out * size};
}

/* dy of the block: [image][y][x][row], columns beyond the block's are zeros. */
static void spread_dy(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    int64_t size = (int64_t)g->size, pitch = k->row;
    int64_t pixel_step = g->layout == TW_NHWC ? g->out_channels : 1,
            channel_step = g->layout == TW_NHWC ? 1 : g->out_pixels;
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t y = k->y0; y < k->y1; y++) {
            dy_row row = find_row(k, i, y);
            tw_row_spread(k->job->problem->loops, row.from + k->block * g->block * channel_step * size,
                          pixel_step, channel_step, k->x1 - k->x0, k->columns, pitch, g->size,
                          k->dy + row.pixel * pitch * size);
        }
}

/* One row of one panel, `rows` channels from `first` on: [x][pitch]. */
static void pack_row(const tw_gradient_work *k, dy_row row, int64_t first, int64_t rows, int64_t pitch,
                     char *to) {
    const tw_gradient *g = k->g;
    const tw_loops *loops = k->job->problem->loops;
    int64_t size = (int64_t)g->size, count = k->x1 - k->x0;
    if (g->layout == TW_NCHW)
        loops->turn(
            &(tw_block){row.from + first * g->out_pixels * size, g->out_pixels, to, pitch, rows, count});
    else
        loops->copy(&(tw_block){row.from + first * size, g->out_channels, to, pitch, count, rows});
}

/* dy in panels: [panel][image][y][x][pitch]. */
static void pack_dy(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    int64_t size = (int64_t)g->size, count = k->down1 - k->down0;
    const tw_cut panels = tw_cut_by(count, g->most_rows);
    const int64_t pitch = tw_cut_length(&panels, 0);
    for (int64_t p = 0; p < panels.parts; p++) {
        const int64_t first = tw_cut_begin(&panels, p), rows = tw_cut_length(&panels, p);
        for (int64_t i = k->image0; i < k->image1; i++)
            for (int64_t y = k->y0; y < k->y1; y++) {
                dy_row row = find_row(k, i, y);
                pack_row(k, row, k->down0 + first, rows, pitch,
                         k->dy + (p * tw_gradient_pixels(k) + row.pixel) * pitch * size);
            }
    }
}

/* The output channels whose dy a share sums: as many of the group's as it has of the rows of the tile. */
static int64_t summed(const tw_gradient *g, int64_t down) {
    return g->group_out * down / g->down;
}

static char *sums_of(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    return k->db + (k->group * g->group_out + summed(g, k->down0)) * (int64_t)g->size;
}

void tw_gradient_sum_dy(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    bool last = g->layout == TW_NHWC;
    int64_t size = (int64_t)g->size, first = summed(g, k->down0);
    tw_sums sums = {.pixels = (k->y1 - k->y0) * (k->x1 - k->x0),
                    .pixel_step = last ? g->out_channels : 1,
                    .channels = summed(g, k->down1) - first,
                    .channel_step = last ? 1 : g->out_pixels};
    if (!k->db || sums.channels == 0) return;
    sums.total = sums_of(k);
    if (k->chunk == tw_gradient_first(g, k->slot)) memset(sums.total, 0, (size_t)(sums.channels * size));
    if (g->by_images) sums.pixels = k->image1 - k->image0;
    for (int64_t i = k->image0; i < (g->by_images ? k->image0 + 1 : k->image1); i++) {
        sums.in = find_row(k, i, k->y0).from + first * sums.channel_step * size;
        k->job->problem->loops->sums(&sums);
    }
}

/* A NaN or an infinity stays in the sum. */
static bool has_finite_sums(const tw_gradient_work *k) {
    int64_t count = summed(k->g, k->down1) - summed(k->g, k->down0);
    return k->db && k->job->problem->loops->all_finite(sums_of(k), count);
}

/* The group's dy of the chunk, as long runs as there are. */
static bool is_finite(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    bool (*finite)(const void *, int64_t) = k->job->problem->loops->all_finite;
    int64_t count = k->x1 - k->x0;
    for (int64_t i = k->image0; i < k->image1; i++)
        for (int64_t y = k->y0; y < k->y1; y++) {
            dy_row row = find_row(k, i, y);
            bool last = g->layout == TW_NHWC;
            int64_t runs = last ? count : g->group_out, step = last ? g->out_channels : g->out_pixels;
            int64_t run = last ? g->group_out : count;
            if (run == step) run *= runs, runs = 1;
            for (int64_t r = 0; r < runs; r++)
                if (!finite(row.from + r * step * (int64_t)g->size, run)) return false;
        }
    return true;
}

/* For taps across, bits set where a staged row of x holds pixels that lie inside; else for all of a block. */
static void mark_lanes(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    int64_t pixel = g->group_in * (int64_t)g->size, width = g->across_in ? g->x_width : 0;
    int64_t begin = tw_max(0, tw_min(width, -k->x_low)),
            end = tw_max(begin, tw_min(width, g->axis[TW_WIDTH].from - k->x_low));
    memset(k->lanes, g->across_in ? 0 : 0xff, (size_t)(width * pixel + g->block * (int64_t)g->size));
    memset(k->lanes + begin * pixel, 0xff, (size_t)((end - begin) * pixel));
}

void tw_gradient_stage_down(tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    /* an infinity would make NaN of the padding's zeros; where none are staged there is nothing to leave out
     */
    bool zeros = g->joined && g->axis[TW_WIDTH].outside && g->mode == TW_PAD_ZEROS;
    k->infinite = zeros && !k->job->dy_finite && !has_finite_sums(k) && !is_finite(k);
    if (k->infinite) mark_lanes(k);
    k->x_pitch = g->joined ? g->group_in : k->down1 - k->down0;
    if (g->across_in && !g->dy_in_place) pack_dy(k);
    if (!g->across_in && !g->x_in_place) stage_x(k, g->joined ? 0 : k->down0);
}

/* Numbers from one pixel of dy to the next: of the tensor, of a panel, of a block. */
static int64_t dy_pitch(const tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    int64_t down = k->down1 - k->down0;
    return g->dy_in_place ? g->out_channels
           : g->across_in ? tw_ceil_div(down, tw_ceil_div(down, g->most_rows))
                          : k->row;
}

void tw_gradient_stage_across(tw_gradient_work *k) {
    const tw_gradient *g = k->g;
    k->columns = tw_gradient_columns(g, k->block);
    k->row = tw_gradient_row(g, k->block);
    k->dy_pitch = dy_pitch(k);
    if (g->across_in) k->x_pitch = g->joined ? g->group_in : k->columns;
    if (g->across_in && !g->x_in_place) stage_x(k, g->joined ? 0 : k->block * g->block);
    if (!g->across_in && !g->dy_in_place) spread_dy(k);
}

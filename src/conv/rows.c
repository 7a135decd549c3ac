/* Copies and transpositions of rows; bytes move, nothing is computed. With channels last a row is copied,
 * with channels first it is turned by the kernel. */
#include "conv/rows.h"

#include <string.h>

#include "base/checked.h"

/* Pixels from .. from + count - 1, all inside. */
static void load_inside(const tw_row *r, const char *image, int64_t from, int64_t count, char *to) {
    int64_t size = (int64_t)r->size, pixel = r->begin + from;
    if (count <= 0) return;
    if (r->layout == TW_NCHW) {
        r->loops->turn(&(tw_block){.from = image + (r->first * r->image_pixels + pixel) * size,
                                   .from_pitch = r->image_pixels,
                                   .to = to,
                                   .to_pitch = r->channels,
                                   .rows = r->channels,
                                   .columns = count});
    } else if (r->channels == r->image_channels) {
        memcpy(to, image + pixel * r->channels * size, (size_t)(count * r->channels * size));
    } else {
        r->loops->copy(&(tw_block){.from = image + (pixel * r->image_channels + r->first) * size,
                                   .from_pitch = r->image_channels,
                                   .to = to,
                                   .to_pitch = r->channels,
                                   .rows = count,
                                   .columns = r->channels});
    }
}

void tw_row_load(const tw_row *r, const void *image, tw_pad_mode mode, int64_t from, int64_t count,
                 void *to) {
    int64_t bytes = r->channels * (int64_t)r->size;
    int64_t begin = tw_max(0, tw_min(count, -from)), end = tw_max(begin, tw_min(count, r->width - from));
    char *out = to;
    load_inside(r, image, from + begin, end - begin, out + begin * bytes);
    for (int64_t x = 0; x < count; x++) {
        if (x == begin) x = end;
        if (x >= count) break;
        int64_t source = tw_shape_source(mode, from + x, r->width);
        if (source < 0)
            memset(out + x * bytes, 0, (size_t)bytes);
        else
            load_inside(r, image, source, 1, out + x * bytes);
    }
}

void tw_row_store(const tw_row *r, void *image, int64_t from, int64_t count, const void *values,
                  int64_t pitch) {
    int64_t size = (int64_t)r->size, pixel = r->begin + from;
    char *out = image;
    const char *in = values;
    if (r->layout == TW_NCHW) {
        r->loops->turn(&(tw_block){.from = in,
                                   .from_pitch = pitch,
                                   .to = out + (r->first * r->image_pixels + pixel) * size,
                                   .to_pitch = r->image_pixels,
                                   .rows = count,
                                   .columns = r->channels});
        return;
    }
    r->loops->copy(&(tw_block){.from = in,
                               .from_pitch = pitch,
                               .to = out + (pixel * r->image_channels + r->first) * size,
                               .to_pitch = r->image_channels,
                               .rows = count,
                               .columns = r->channels});
}

void tw_row_spread(const tw_loops *loops, const void *from, int64_t pixel_step, int64_t channel_step,
                   int64_t count, int64_t channels, int64_t pitch, size_t size, void *to) {
    int64_t bytes = (int64_t)size, left = (pitch - channels) * bytes;
    char *out = to;
    if (channel_step == 1)
        loops->copy(&(tw_block){from, pixel_step, out, pitch, count, channels});
    else
        loops->turn(&(tw_block){from, channel_step, out, pitch, channels, count});
    for (int64_t x = 0; x < count && left > 0; x++)
        memset(out + (x * pitch + channels) * bytes, 0, (size_t)left);
}

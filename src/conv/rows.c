/* Copies and transpositions of rows; bytes move, nothing is computed. With channels last a row is copied,
 * with channels first eight channels are woven at a time, so that reads run along eight rows and writes are
 * contiguous. */
#include "conv/rows.h"

#include <string.h>

#include "base/checked.h"

enum { WEAVE = 8 };

/* to[x * to_pitch + c] = from[c * from_pitch + x] for numbers of 4 bytes. */
static void weave_4(const char *from, int64_t from_pitch, char *to, int64_t to_pitch, int64_t count,
                    int64_t channels) {
    for (int64_t c = 0; c < channels; c += WEAVE) {
        int64_t some = tw_min(WEAVE, channels - c);
        for (int64_t x = 0; x < count; x++) {
            const char *f = from + (c * from_pitch + x) * 4;
            char *t = to + (x * to_pitch + c) * 4;
            if (some == WEAVE)
                for (int i = 0; i < WEAVE; i++) memcpy(t + i * 4, f + i * from_pitch * 4, 4);
            else
                for (int64_t i = 0; i < some; i++) memcpy(t + i * 4, f + i * from_pitch * 4, 4);
        }
    }
}

static void weave_8(const char *from, int64_t from_pitch, char *to, int64_t to_pitch, int64_t count,
                    int64_t channels) {
    for (int64_t c = 0; c < channels; c += WEAVE) {
        int64_t some = tw_min(WEAVE, channels - c);
        for (int64_t x = 0; x < count; x++) {
            const char *f = from + (c * from_pitch + x) * 8;
            char *t = to + (x * to_pitch + c) * 8;
            if (some == WEAVE)
                for (int i = 0; i < WEAVE; i++) memcpy(t + i * 8, f + i * from_pitch * 8, 8);
            else
                for (int64_t i = 0; i < some; i++) memcpy(t + i * 8, f + i * from_pitch * 8, 8);
        }
    }
}

static void weave(size_t size, const char *from, int64_t from_pitch, char *to, int64_t to_pitch,
                  int64_t count, int64_t channels) {
    (size == 4 ? weave_4 : weave_8)(from, from_pitch, to, to_pitch, count, channels);
}

/* Pixels from .. from + count - 1, all inside. */
static void load_inside(const tw_row *r, const char *image, int64_t from, int64_t count, char *to) {
    int64_t size = (int64_t)r->size, pixel = r->begin + from;
    if (count <= 0) return;
    if (r->layout == TW_NCHW) {
        weave(r->size, image + (r->first * r->image_pixels + pixel) * size, r->image_pixels, to, r->channels,
              count, r->channels);
    } else if (r->channels == r->image_channels) {
        memcpy(to, image + pixel * r->channels * size, (size_t)(count * r->channels * size));
    } else {
        for (int64_t x = 0; x < count; x++)
            memcpy(to + x * r->channels * size, image + ((pixel + x) * r->image_channels + r->first) * size,
                   (size_t)(r->channels * size));
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
        for (int64_t x = 0; x < count; x += WEAVE) {
            int64_t some =
                tw_min(WEAVE, count - x); /* the same weaving, with pixels and channels exchanged */
            weave(r->size, in + x * pitch * size, pitch,
                  out + (r->first * r->image_pixels + pixel + x) * size, r->image_pixels, r->channels, some);
        }
        return;
    }
    for (int64_t x = 0; x < count; x++)
        memcpy(out + ((pixel + x) * r->image_channels + r->first) * size, in + x * pitch * size,
               (size_t)(r->channels * size));
}

void tw_row_spread(const void *from, int64_t pixel_step, int64_t channel_step, int64_t count,
                   int64_t channels, int64_t pitch, size_t size, void *to) {
    int64_t bytes = (int64_t)size, left = (pitch - channels) * bytes;
    const char *in = from;
    char *out = to;
    if (channel_step != 1) weave(size, in, channel_step, out, pitch, count, channels);
    for (int64_t x = 0; x < count; x++, out += pitch * bytes) {
        if (channel_step == 1) memcpy(out, in + x * pixel_step * bytes, (size_t)(channels * bytes));
        if (left > 0) memset(out + channels * bytes, 0, (size_t)left);
    }
}

/* Few output channels, fanned out: a pixel of the source gives each tap of a row its own sum, as if taps were
 * channels, and the sums that belong to a destination lie slantwise in a row of them. Here they are added.
 *
 * Lanes along the channels leave a row of the buffer as [pixel][to_pitch] with number tap * channels +
 * channel of each pixel: a destination adds `channels` numbers of `fanned` pixels. Lanes across pixels leave
 * it as [tap * channels + channel][to_pitch]: a row of destinations adds as many rows. Both add the same
 * numbers in the same order, zeros for taps outside the source among them. */
#include "conv/sweep_band.h"

#include <string.h>

#include "base/checked.h"

void tw_fan_clear(const tw_band *b) {
    const tw_sweep *s = b->s;
    memset(b->buffer, 0, (size_t)(s->buffer_row * s->buffer_rows * b->images) * s->size);
}

/* Pixels of a destination row. */
static int64_t width_of(const tw_sweep *s) {
    return s->fan_width - (s->fanned - 1) * s->hop;
}

/* Some rows of an image's sums, and where they go: numbers from one row to the next. */
typedef struct sums {
    const char *from;
    char *to;
    int64_t rows, to_row, to_pitch;
} sums;

/* Sums along channels, added up into to[row][pixel][channels]. */
static void add_pixels(const tw_band *b, const sums *k) {
    const tw_sweep *s = b->s;
    const int64_t channels = s->produce / s->fanned;
    b->run->loops->overlap(&(tw_overlap){.from = k->from,
                                         .from_row = s->buffer_row,
                                         .from_pixel = s->to_pitch,
                                         .from_term = s->hop * s->to_pitch + channels,
                                         .to = k->to,
                                         .to_row = k->to_row,
                                         .rows = k->rows,
                                         .pixels = width_of(s),
                                         .channels = channels,
                                         .terms = s->fanned,
                                         .start = b->run->bias});
}

/* Sums across pixels, added up into to[row][channel * to_pitch + pixel]. */
static void add_rows(const tw_band *b, const sums *k) {
    const tw_sweep *s = b->s;
    const int64_t size = (int64_t)s->size, channels = s->produce / s->fanned;
    const char *bias = b->run->bias;
    for (int64_t c = 0; c < channels; c++)
        b->run->loops->aslant(&(tw_aslant){.from = k->from + c * s->to_pitch * size,
                                           .from_row = s->buffer_row,
                                           .from_pitch = channels * s->to_pitch,
                                           .to = k->to + c * k->to_pitch * size,
                                           .to_row = k->to_row,
                                           .rows = k->rows,
                                           .columns = width_of(s),
                                           .terms = s->fanned,
                                           .hop = s->hop,
                                           .start = bias ? bias + c * size : NULL});
}

/* Rows of sums, added up into the destination's rows that begin at pixel `to` of an image: in place where
 * they lie as they are added, else turned. */
static void store_rows(const tw_band *b, const char *from, char *to, int64_t rows) {
    const tw_sweep *s = b->s;
    const int64_t size = (int64_t)s->size, width = width_of(s), channels = s->to_channels;
    const int64_t pitch = tw_round_up(width, s->lanes);
    const bool last = s->to_layout == TW_NHWC, turns = channels > 1 && last == s->across;
    sums k = {from, turns ? b->fan : to, rows, turns ? pitch * channels : width * (last ? channels : 1),
              turns ? pitch : s->to_pixels};
    if (s->across)
        add_rows(b, &k);
    else
        add_pixels(b, &k);
    for (int64_t r = 0; turns && r < rows; r++) {
        const char *row = b->fan + r * k.to_row * size;
        if (last)
            b->run->loops->turn(
                &(tw_block){row, pitch, to + r * width * channels * size, channels, channels, width});
        else
            b->run->loops->turn(
                &(tw_block){row, channels, to + r * width * size, s->to_pixels, width, channels});
    }
}

void tw_fan_store(const tw_band *b, int64_t y0, int64_t y1) {
    const tw_sweep *s = b->s;
    const int64_t size = (int64_t)s->size, image = s->buffer_rows * s->buffer_row;
    const int64_t pixel = (b->z * s->axis[TW_HEIGHT].to + y0) * width_of(s);
    char *to = b->to + pixel * (s->to_layout == TW_NHWC ? s->to_channels : 1) * size;
    for (int64_t i = 0; i < b->images; i++)
        store_rows(b, b->buffer + i * image * size, to + i * s->to_image * size, y1 - y0);
}

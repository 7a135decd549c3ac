/* An image file as the numbers of a network's input: decoded by the format that recognises its first bytes,
 * brought to the number of channels, and resized by area: each output pixel is the mean of the rectangle of
 * the input that it covers, borders counted by their share. Width and height are scaled each for itself. */
#include <twill/data.h>

#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "format/pixels.h"

enum { SIDE_MOST = 65535, PIXELS_MOST = 1 << 25 };
static const int64_t FILE_MOST = INT64_C(1) << 30;

tw_status tw_pixels_allocate(const char *file, int64_t width, int64_t height, int channels,
                             tw_pixels *pixels) {
    if (width < 1 || height < 1)
        return tw_fail(TW_ERROR_FORMAT, "%s: %lld x %lld pixels; expected at least one", file,
                       (long long)width, (long long)height);
    if (width > SIDE_MOST || height > SIDE_MOST || width * height > PIXELS_MOST)
        return tw_fail(TW_ERROR_LIMIT, "%s: %lld x %lld pixels; at most %d a side and %d in all", file,
                       (long long)width, (long long)height, SIDE_MOST, PIXELS_MOST);
    uint16_t *samples = tw_alloc(width * height * channels, sizeof *samples);
    if (!samples) return TW_ERROR_MEMORY;
    *pixels = (tw_pixels){width, height, channels, samples};
    return TW_OK;
}

/* ---- Resizing ---- */

/* Pixel i of `out` covers from .. to of `in`. */
typedef struct cover {
    double from, to;
} cover;

static cover cover_of(int64_t i, int64_t in, int64_t out) {
    double scale = (double)in / (double)out;
    return (cover){(double)i * scale, (double)(i + 1) * scale};
}

/* The share of pixel `at` in a cover. */
static double share(cover c, int64_t at) {
    double from = fmax(c.from, (double)at), to = fmin(c.to, (double)(at + 1));
    return to > from ? (to - from) / (c.to - c.from) : 0;
}

/* One sample as a number 0..1 of channel k of `channels`; gray is the luma of BT.601. */
static double number_at(const tw_pixels *p, int64_t pixel, int64_t k, int64_t channels) {
    const uint16_t *s = p->samples + pixel * p->channels;
    if (p->channels == 1) return s[0] / 65535.0;
    if (channels == 3) return s[k] / 65535.0;
    return (0.299 * s[0] + 0.587 * s[1] + 0.114 * s[2]) / 65535.0;
}

/* Row `row` of the output before its columns are joined: line[width][channels]. */
static void mean_rows(const tw_pixels *p, cover rows, int64_t channels, double *line) {
    for (int64_t i = 0; i < p->width * channels; i++) line[i] = 0;
    int64_t last = tw_min((int64_t)ceil(rows.to), p->height);
    for (int64_t y = (int64_t)rows.from; y < last; y++) {
        double part = share(rows, y);
        for (int64_t x = 0; x < p->width; x++)
            for (int64_t k = 0; k < channels; k++)
                line[x * channels + k] += part * number_at(p, y * p->width + x, k, channels);
    }
}

static void mean_columns(const double *line, int64_t width, tw_net_input image, float *row) {
    for (int64_t i = 0; i < image.size[1]; i++) {
        cover c = cover_of(i, width, image.size[1]);
        int64_t last = tw_min((int64_t)ceil(c.to), width);
        for (int64_t k = 0; k < image.channels; k++) {
            double sum = 0;
            for (int64_t x = (int64_t)c.from; x < last; x++)
                sum += share(c, x) * line[x * image.channels + k];
            row[i * image.channels + k] = (float)fmin(sum, 1);
        }
    }
}

static tw_status resize(const tw_pixels *p, tw_net_input image, float *x) {
    double *line = tw_alloc(p->width * image.channels, sizeof *line);
    if (!line) return TW_ERROR_MEMORY;
    for (int64_t row = 0; row < image.size[0]; row++) {
        mean_rows(p, cover_of(row, p->height, image.size[0]), image.channels, line);
        mean_columns(line, p->width, image, x + row * image.size[1] * image.channels);
    }
    tw_free(line);
    return TW_OK;
}

/* ---- Reading ---- */

static tw_status decode(const char *path, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    static const tw_pixel_format *const formats[] = {&tw_pixels_netpbm, &tw_pixels_png, &tw_pixels_jpeg};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->recognises(bytes, size)) return formats[i]->decode(path, bytes, size, pixels);
    return tw_fail(TW_ERROR_FORMAT, "%s: byte 0: not an image; expected PNG, JPEG, PGM or PPM", path);
}

tw_status tw_pixels_read(const char *path, tw_pixels *pixels) {
    unsigned char *bytes;
    int64_t size;
    tw_status status = tw_file_read(path, FILE_MOST, &bytes, &size);
    if (status) return status;
    status = decode(path, bytes, size, pixels);
    tw_free(bytes);
    return status;
}

tw_status tw_image_read(const char *path, tw_net_input image, float *x) {
    if (!path || !x) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", path ? "x" : "path");
    if (image.spatial != 2 || (image.channels != 1 && image.channels != 3) || image.size[0] < 1 ||
        image.size[1] < 1)
        return tw_fail(TW_ERROR_SHAPE,
                       "%s: an image has 2 dimensions and 1 or 3 channels; the network takes %d and %lld",
                       path, image.spatial, (long long)image.channels);
    tw_pixels pixels;
    tw_status status = tw_pixels_read(path, &pixels);
    if (status) return status;
    status = resize(&pixels, image, x);
    tw_free(pixels.samples);
    return status;
}

tw_status tw_image_shape(const char *path, tw_net_input *image) {
    if (!path || !image) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", path ? "image" : "path");
    tw_pixels pixels;
    tw_status status = tw_pixels_read(path, &pixels);
    if (status) return status;
    *image = (tw_net_input){.spatial = 2, .channels = pixels.channels, .size = {pixels.height, pixels.width}};
    tw_free(pixels.samples);
    return TW_OK;
}

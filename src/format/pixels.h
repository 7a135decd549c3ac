/* A decoded image, and the formats that make one. */
#ifndef TW_FORMAT_PIXELS_H
#define TW_FORMAT_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

#include <twill/status.h>

typedef struct tw_pixels {
    int64_t width, height;
    int channels;      /* 1 gray, 3 red, green, blue */
    uint16_t *samples; /* [height][width][channels], 0..65535: bytes are multiplied by 257 */
} tw_pixels;

/* One format: whether bytes start as its files do, and how they are decoded. `decode` fails without samples;
 * `file` is for messages. */
typedef struct tw_pixel_format {
    const char *name;
    bool (*recognises)(const unsigned char *bytes, int64_t size);
    tw_status (*decode)(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels);
} tw_pixel_format;

extern const tw_pixel_format tw_pixels_netpbm, tw_pixels_png, tw_pixels_jpeg;

/* Reads a file of any of the formats; free pixels->samples. FORMAT, TRUNCATED, LIMIT, UNSUPPORTED, CHECKSUM,
 * IO, MEMORY; the message names the file. */
tw_status tw_pixels_read(const char *path, tw_pixels *pixels);

/* Refuses what is too large, before it is allocated, and allocates the samples. FORMAT (no pixel), LIMIT. */
tw_status tw_pixels_allocate(const char *file, int64_t width, int64_t height, int channels,
                             tw_pixels *pixels);

#endif

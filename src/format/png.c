/* PNG through libpng's simplified reader, which keeps its long jumps to itself, stops at the declared size of
 * the image however much the compressed data hold, and bounds every other chunk. Transparent pixels are laid
 * on black. 16-bit images are read with 8 bits. */
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/pixels.h"

static bool recognises(const unsigned char *bytes, int64_t size) {
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

#ifdef TW_HAS_PNG
#include <png.h>

static tw_status refused(const char *file, const png_image *image) {
    const char *reason = image->message;
    tw_status status = strstr(reason, "beyond end") || strstr(reason, "truncated") ? TW_ERROR_TRUNCATED
                       : strstr(reason, "CRC")                                     ? TW_ERROR_CHECKSUM
                       : strstr(reason, "memory")                                  ? TW_ERROR_MEMORY
                                                                                   : TW_ERROR_FORMAT;
    return tw_fail(status, "%s: bad PNG: %s", file, reason);
}

static tw_status read_bytes(const char *file, png_image *image, tw_pixels *pixels) {
    int channels = image->format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
    tw_status status = tw_pixels_allocate(file, image->width, image->height, channels, pixels);
    if (status) return status;
    int64_t count = pixels->width * pixels->height * channels;
    unsigned char *bytes = tw_alloc(count, 1);
    const png_color black = {0, 0, 0};
    status = bytes ? TW_OK : TW_ERROR_MEMORY;
    if (!status) {
        image->format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
        image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB; /* the numbers as they are */
        if (!png_image_finish_read(image, &black, bytes, 0, NULL)) status = refused(file, image);
    }
    for (int64_t i = 0; !status && i < count; i++) pixels->samples[i] = (uint16_t)(bytes[i] * 257);
    tw_free(bytes);
    if (status) tw_free(pixels->samples);
    return status;
}

static tw_status decode(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, bytes, (size_t)size)) return refused(file, &image);
    tw_status status = read_bytes(file, &image, pixels);
    png_image_free(&image);
    return status;
}

#else

static tw_status decode(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    (void)bytes, (void)size, (void)pixels;
    return tw_fail(TW_ERROR_UNSUPPORTED, "%s: a PNG file, and this build has no libpng", file);
}

#endif

const tw_pixel_format tw_pixels_png = {.name = "PNG", .recognises = recognises, .decode = decode};

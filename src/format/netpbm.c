/* PGM and PPM, as text (P2, P3) or bytes (P5, P6): netpbm's man pages pgm(5) and ppm(5). One image a file;
 * samples of 1 byte, or 2, the higher first, when the largest value exceeds 255. */
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/pixels.h"

/* Where the reader stands. */
typedef struct cursor {
    const char *file;
    const unsigned char *bytes;
    int64_t size, at;
} cursor;

static bool is_space(unsigned char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next whole number, at most 65535, behind white space and comments. */
static tw_status read_number(cursor *c, const char *what, int64_t *number) {
    while (c->at < c->size && (is_space(c->bytes[c->at]) || c->bytes[c->at] == '#')) {
        bool comment = c->bytes[c->at++] == '#';
        while (comment && c->at < c->size && c->bytes[c->at] != '\n') c->at++;
    }
    int64_t first = c->at, value = 0;
    while (c->at < c->size && c->bytes[c->at] >= '0' && c->bytes[c->at] <= '9' && value <= 65535)
        value = value * 10 + (c->bytes[c->at++] - '0');
    if (first == c->size)
        return tw_fail(TW_ERROR_TRUNCATED, "%s: the file ends; expected the %s", c->file, what);
    if (c->at == first || value > 65535)
        return tw_fail(TW_ERROR_FORMAT, "%s: byte %lld: expected the %s, 0..65535", c->file, (long long)first,
                       what);
    *number = value;
    return TW_OK;
}

static tw_status too_large(const cursor *c, int64_t value, int64_t most) {
    return tw_fail(TW_ERROR_FORMAT, "%s: byte %lld: sample %lld; the largest is %lld", c->file,
                   (long long)c->at, (long long)value, (long long)most);
}

static tw_status read_text(cursor *c, int64_t most, int64_t count, uint16_t *samples) {
    for (int64_t i = 0; i < count; i++) {
        int64_t value;
        tw_status status = read_number(c, "next sample", &value);
        if (status) return status;
        if (value > most) return too_large(c, value, most);
        samples[i] = (uint16_t)((value * 65535 + most / 2) / most);
    }
    return TW_OK;
}

static tw_status read_binary(cursor *c, int64_t most, int64_t count, uint16_t *samples) {
    int64_t width = most > 255 ? 2 : 1;
    for (int64_t i = 0; i < count; i++, c->at += width) {
        const unsigned char *b = c->bytes + c->at;
        int64_t value = width == 2 ? b[0] << 8 | b[1] : b[0];
        if (value > most) return too_large(c, value, most);
        samples[i] = (uint16_t)((value * 65535 + most / 2) / most);
    }
    return TW_OK;
}

static bool recognises(const unsigned char *bytes, int64_t size) {
    return size >= 3 && bytes[0] == 'P' && memchr("2356", bytes[1], 4) &&
           (is_space(bytes[2]) || bytes[2] == '#');
}

/* The samples must be there before room is made for them. */
static tw_status check_length(const cursor *c, bool text, int64_t most, int64_t count) {
    int64_t least = text ? 2 * count - 1 : most > 255 ? 2 * count : count, left = c->size - c->at;
    if (least <= left) return TW_OK;
    return tw_fail(TW_ERROR_TRUNCATED, "%s: %lld bytes of samples; expected at least %lld", c->file,
                   (long long)left, (long long)least);
}

static tw_status decode(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    cursor c = {file, bytes, size, 2};
    int64_t width, height, most;
    bool text = bytes[1] == '2' || bytes[1] == '3';
    int channels = bytes[1] == '3' || bytes[1] == '6' ? 3 : 1;
    tw_status status = read_number(&c, "width", &width);
    if (!status) status = read_number(&c, "height", &height);
    if (!status) status = read_number(&c, "largest value", &most);
    if (status) return status;
    if (most == 0) return tw_fail(TW_ERROR_FORMAT, "%s: the largest value is 0; expected 1..65535", file);
    c.at += c.at < size;                       /* one white space character */
    int64_t count = width * height * channels; /* below 2^34 */
    if ((status = check_length(&c, text, most, count))) return status;
    if ((status = tw_pixels_allocate(file, width, height, channels, pixels))) return status;
    status = (text ? read_text : read_binary)(&c, most, count, pixels->samples);
    if (status) tw_free(pixels->samples);
    return status;
}

const tw_pixel_format tw_pixels_netpbm = {.name = "PGM or PPM", .recognises = recognises, .decode = decode};

/* PNG files that are rare or wrong, put together here from chunks by the PNG specification (second edition,
 * 2003): checksums and stored (uncompressed) deflate blocks are written anew, so that each file is wrong in
 * one thing only. Rows L02 to L12 of the catalogue of hostile inputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

enum { ROOM = 1 << 20 };

typedef struct png {
    unsigned char bytes[ROOM];
    size_t size;
} png;

static png file;

static void put(const void *bytes, size_t count) {
    assert_true(file.size + count <= ROOM);
    memcpy(file.bytes + file.size, bytes, count);
    file.size += count;
}

static void put32(uint32_t number) {
    put((unsigned char[]){(unsigned char)(number >> 24), (unsigned char)(number >> 16),
                          (unsigned char)(number >> 8), (unsigned char)number},
        4);
}

/* Annex D of the specification, bit by bit. */
static uint32_t crc_of(const unsigned char *bytes, size_t count) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    return ~crc;
}

static void put_chunk(const char *type, const void *bytes, size_t count) {
    put32((uint32_t)count);
    const size_t from = file.size;
    put(type, 4);
    if (count) put(bytes, count);
    put32(crc_of(file.bytes + from, count + 4));
}

static void begin(void) {
    file.size = 0;
    put("\x89PNG\r\n\x1a\n", 8);
}

static void put_header(uint32_t width, uint32_t height, int depth, int colour, int interlace) {
    unsigned char h[13] = {(unsigned char)(width >> 24),
                           (unsigned char)(width >> 16),
                           (unsigned char)(width >> 8),
                           (unsigned char)width,
                           (unsigned char)(height >> 24),
                           (unsigned char)(height >> 16),
                           (unsigned char)(height >> 8),
                           (unsigned char)height,
                           (unsigned char)depth,
                           (unsigned char)colour,
                           0,
                           0,
                           (unsigned char)interlace};
    put_chunk("IHDR", h, sizeof h);
}

/* RFC 1950 and 1951: two bytes, one stored block, Adler-32. */
static size_t store(const unsigned char *raw, size_t count, unsigned char *stream) {
    uint32_t a = 1, b = 0;
    stream[0] = 0x78, stream[1] = 0x01, stream[2] = 1;
    stream[3] = (unsigned char)count, stream[4] = (unsigned char)(count >> 8);
    stream[5] = (unsigned char)~count, stream[6] = (unsigned char)(~count >> 8);
    memcpy(stream + 7, raw, count);
    for (size_t i = 0; i < count; i++) a = (a + raw[i]) % 65521, b = (b + a) % 65521;
    const unsigned char sums[] = {(unsigned char)(b >> 8), (unsigned char)b, (unsigned char)(a >> 8),
                                  (unsigned char)a};
    memcpy(stream + 7 + count, sums, 4);
    return count + 11;
}

static void put_pixels(const void *raw, size_t count) {
    unsigned char stream[1024];
    assert_true(count < 1000);
    put_chunk("IDAT", stream, store(raw, count, stream));
}

static void put_end(void) {
    put_chunk("IEND", NULL, 0);
}

/* The whole file: header, pixels (each row behind its filter byte), end. */
static void make(uint32_t width, uint32_t height, int depth, int colour, const void *raw, size_t count) {
    begin();
    put_header(width, height, depth, colour, 0);
    put_pixels(raw, count);
    put_end();
}

static tw_status read_file(scratch *s, int channels, int64_t height, int64_t width, float *x) {
    const tw_net_input image = {.spatial = 2, .channels = channels, .size = {height, width}};
    return tw_image_read(scratch_file(s, "image.png", file.bytes, file.size), image, x);
}

static void expect(scratch *s, int channels, int64_t height, int64_t width, const float *expected) {
    float x[64];
    if (read_file(s, channels, height, width, x) != TW_OK) fail_msg("%s", tw_message());
    for (int i = 0; i < channels * height * width; i++)
        if (fabsf(x[i] - expected[i]) > 1e-6f) fail_msg("number %d is %g, not %g", i, x[i], expected[i]);
}

static void refuse(scratch *s, tw_status wanted, int line) {
    float x = 7;
    const tw_status status = read_file(s, 1, 1, 1, &x);
    if (status != wanted || !strstr(tw_message(), "image.png"))
        fail_msg("line %d: %s: %s; expected %s", line, tw_status_name(status), status ? tw_message() : "",
                 tw_status_name(wanted));
    assert_true(x == 7);
}

static void legal_and_rare_files_are_exact_to_the_pixel(void **state) {
    scratch *s = *state;
    make(1, 1, 1, 0, "\0\x80", 2); /* L10: one bit */
    expect(s, 1, 1, 1, (float[]){1});
    make(3, 1, 1, 0, "\0\xa0", 2); /* 101 and five bits of nothing */
    expect(s, 1, 1, 3, (float[]){1, 0, 1});
    make(2, 1, 4, 0, "\0\x3f", 2);
    expect(s, 1, 1, 2, (float[]){51 / 255.0f, 1});
    make(1, 2, 8, 0, "\0\x33\2\x66", 4); /* filter 2 adds the row above */
    expect(s, 1, 2, 1, (float[]){51 / 255.0f, 153 / 255.0f});
    make(1, 1, 16, 2, "\0\xff\xff\x33\x33\0\0", 7); /* L04 */
    expect(s, 3, 1, 1, (float[]){1, 51 / 255.0f, 0});
}

/* The seven passes of Adam7 over 3 x 3: 1 pixel, none, none, 1 (column 2 of row 0), 2 (row 2), 2 (column 1 of
 * rows 0 and 2), 3 (row 1). */
static void interlaced_rows_come_to_their_places(void **state) {
    scratch *s = *state;
    begin();
    put_header(3, 3, 8, 0, 1);
    static const unsigned char raw[] = {0, 51, 0, 102, 0, 153, 204, 0, 0, 0, 255, 0, 1, 2, 3};
    put_pixels(raw, sizeof raw);
    put_end();
    expect(s, 1, 3, 3,
           (float[]){51 / 255.0f, 0, 102 / 255.0f, 1 / 255.0f, 2 / 255.0f, 3 / 255.0f, 153 / 255.0f, 1,
                     204 / 255.0f});
    begin();
    put_header(1, 1, 1, 0, 1);
    put_pixels("\0\x80", 2);
    put_end();
    expect(s, 1, 1, 1, (float[]){1});
}

static void palettes_are_looked_up(void **state) {
    scratch *s = *state;
    begin();
    put_header(2, 1, 8, 3, 0);
    put_chunk("gAMA", "\0\0\xb1\x8f", 4); /* 0.45455: sRGB's own */
    put_chunk("PLTE", "\xff\0\0\0\xff\0", 6);
    put_chunk("tRNS", "\xff\0", 2); /* the second colour is transparent: it lies on black */
    put_pixels("\0\0\1", 3);
    put_end();
    expect(s, 3, 1, 2, (float[]){1, 0, 0, 0, 0, 0});
    make(1, 1, 8, 3, "\0\0", 2); /* L05: no palette */
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    begin();
    put_header(1, 1, 1, 3, 0);
    put_chunk("PLTE", "\1\2\3\4\5\6\7\10\11", 9); /* three colours for one bit */
    put_pixels("\0\x80", 2);
    put_end();
    float x;
    tw_status status = read_file(s, 1, 1, 1, &x);
    assert_true(status == TW_OK || status == TW_ERROR_FORMAT);
    begin();
    put_header(1, 1, 8, 3, 0);
    put_chunk("PLTE", "\1\2\3", 3);
    put_pixels("\0\7", 2); /* index 7 of 1 */
    put_end();
    status = read_file(s, 1, 1, 1, &x);
    assert_true(status == TW_ERROR_FORMAT || (status == TW_OK && x >= 0 && x <= 1));
}

static void headers_that_lie_are_refused(void **state) {
    scratch *s = *state;
    static const struct {
        uint32_t width, height;
        int depth, colour, interlace;
        tw_status expected;
    } cases[] = {
        {0, 1, 8, 0, 0, TW_ERROR_FORMAT},          {1, 0, 8, 0, 0, TW_ERROR_FORMAT},
        {0x80000000, 1, 8, 0, 0, TW_ERROR_FORMAT}, {1, 0x80000000, 8, 0, 0, TW_ERROR_FORMAT},
        {65536, 1, 8, 0, 0, TW_ERROR_LIMIT},       {65535, 65535, 8, 0, 0, TW_ERROR_LIMIT},
        {1, 1, 3, 0, 0, TW_ERROR_FORMAT},          {1, 1, 4, 2, 0, TW_ERROR_FORMAT},
        {1, 1, 16, 3, 0, TW_ERROR_FORMAT},         {1, 1, 8, 5, 0, TW_ERROR_FORMAT},
        {1, 1, 8, 0, 2, TW_ERROR_FORMAT},          {0x7fffffff, 0x7fffffff, 8, 0, 0, TW_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        put_header(cases[i].width, cases[i].height, cases[i].depth, cases[i].colour, cases[i].interlace);
        put_pixels("\0\x33", 2);
        put_end();
        refuse(s, cases[i].expected, (int)i);
    }
}

static void chunks_out_of_place_are_refused(void **state) {
    scratch *s = *state;
    begin();
    put_pixels("\0\x33", 2); /* L07: before the header */
    put_header(1, 1, 8, 0, 0);
    put_end();
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    begin();
    put_header(1, 1, 8, 0, 0);
    put_header(1, 1, 8, 0, 0);
    put_pixels("\0\x33", 2);
    put_end();
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    begin();
    put_header(1, 1, 8, 0, 0);
    put_end();
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    begin();
    put_header(1, 1, 8, 0, 0);
    put32(0xffffffff);
    put("IDAT\0", 5);
    refuse(s, TW_ERROR_FORMAT, __LINE__);
}

static void compressed_data_that_are_wrong_are_refused(void **state) {
    scratch *s = *state;
    unsigned char stream[32];
    make(1, 1, 8, 0, "\5\x33", 2); /* L03: there is no filter 5 */
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    make(2, 1, 8, 0, "\0\x33", 2); /* L09: a pixel is missing */
    refuse(s, TW_ERROR_FORMAT, __LINE__);
    size_t length = store((const unsigned char *)"\0\x33", 2, stream);
    stream[1] = 0x20 | (31 - 0x7820 % 31); /* a dictionary that nobody has */
    begin();
    put_header(1, 1, 8, 0, 0);
    put_chunk("IDAT", stream, length);
    put_end();
    refuse(s, TW_ERROR_FORMAT, __LINE__);
}

/* Nothing but the pixels is unpacked, and no part of a file costs time without end. */
static void what_else_a_file_holds_is_stepped_over(void **state) {
    scratch *s = *state;
    begin();
    put_header(1, 1, 8, 0, 0);
    static unsigned char text[200000] = "comment"; /* L11, L12: zeros in the place of a zlib stream */
    put_chunk("zTXt", text, sizeof text);
    put_chunk("acTL", "\0\0\0\1\0\0\0\0", 8);
    unsigned char stream[32];
    const size_t length = store((const unsigned char *)"\0\x33", 2, stream);
    for (int i = 0; i < 20000; i++) put_chunk("IDAT", NULL, 0); /* L07 */
    for (size_t i = 0; i < length; i++) put_chunk("IDAT", stream + i, 1);
    put_end();
    expect(s, 1, 1, 1, (float[]){51 / 255.0f});
}

static void a_checksum_decides_over_needed_chunks_only(void **state) {
    scratch *s = *state;
    begin();
    put_header(1, 1, 8, 0, 0);
    put_chunk("tEXt", "a\0b", 3);
    file.bytes[file.size - 1] ^= 1; /* L08: of a chunk that nobody needs */
    put_pixels("\0\x33", 2);
    put_end();
    expect(s, 1, 1, 1, (float[]){51 / 255.0f});
    make(1, 1, 8, 0, "\0\x33", 2);
    file.bytes[file.size - 13] ^= 1; /* of the pixels */
    refuse(s, TW_ERROR_CHECKSUM, __LINE__);
}

/* A build without libpng says so. */
static bool png_is_read(scratch *s) {
    float x;
    make(1, 1, 8, 0, "\0\x33", 2);
    const tw_status status = read_file(s, 1, 1, 1, &x);
    if (status == TW_ERROR_UNSUPPORTED) assert_non_null(strstr(tw_message(), "libpng"));
    return status != TW_ERROR_UNSUPPORTED;
}

int main(void) {
    void *state;
    scratch_begin_group(&state);
    const bool reads = png_is_read(state);
    scratch_end_group(&state);
    if (!reads) return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_and_rare_files_are_exact_to_the_pixel),
        cmocka_unit_test(interlaced_rows_come_to_their_places),
        cmocka_unit_test(palettes_are_looked_up),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(chunks_out_of_place_are_refused),
        cmocka_unit_test(compressed_data_that_are_wrong_are_refused),
        cmocka_unit_test(what_else_a_file_holds_is_stepped_over),
        cmocka_unit_test(a_checksum_decides_over_needed_chunks_only),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

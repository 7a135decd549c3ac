/* JPEG files that are rare or wrong, put together here segment by segment (ITU-T T.81, annex B): one gray
 * block of 8 x 8 whose only coefficient is 0, which is the gray 128. Rows M02 to M11 of the catalogue of
 * hostile inputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <twill/data.h>

#include "scratch.h"

enum { ROOM = 1 << 16, SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, DQT = 0xdb };
enum { DRI = 0xdd, APP1 = 0xe1 };

typedef struct jpeg {
    unsigned char bytes[ROOM];
    size_t size;
} jpeg;

static jpeg file;

static void put(const void *bytes, size_t count) {
    assert_true(file.size + count <= ROOM);
    memcpy(file.bytes + file.size, bytes, count);
    file.size += count;
}

static void put_marker(int marker) {
    put((unsigned char[]){0xff, (unsigned char)marker}, 2);
}

static void put_segment(int marker, const void *bytes, size_t count) {
    put_marker(marker);
    put((unsigned char[]){(unsigned char)((count + 2) >> 8), (unsigned char)(count + 2)}, 2);
    put(bytes, count);
}

static void put_quantisers(unsigned char value) {
    unsigned char table[65] = {0};
    memset(table + 1, value, 64);
    put_segment(DQT, table, sizeof table);
}

/* A Huffman table with one code, of one bit, for the symbol 0: "no difference" or "end of block". */
static void put_code(int kind) {
    unsigned char table[18] = {(unsigned char)(kind << 4), 1};
    put_segment(DHT, table, sizeof table);
}

/* `components` with these sampling factors. */
static void put_frame(int marker, int precision, int height, int components, int sampling) {
    unsigned char frame[6 + 3 * 4] = {
        (unsigned char)precision, (unsigned char)(height >> 8), (unsigned char)height, 0, 8,
        (unsigned char)components};
    for (int i = 0; i < components; i++) {
        frame[6 + 3 * i] = (unsigned char)(i + 1);
        frame[7 + 3 * i] = (unsigned char)sampling;
    }
    put_segment(marker, frame, (size_t)(6 + 3 * components));
}

static void put_scan(int from, int to, int high, int low) {
    const unsigned char scan[] = {
        1, 1, 0, (unsigned char)from, (unsigned char)to, (unsigned char)(high << 4 | low)};
    put_segment(SOS, scan, sizeof scan);
    put("\x3f", 1); /* two codes, and ones to the end of the byte */
}

static void begin(void) {
    file.size = 0;
    put_marker(SOI);
}

static void make(int marker, int precision, int height, int components, int sampling) {
    begin();
    put_quantisers(1);
    put_frame(marker, precision, height, components, sampling);
    put_code(0), put_code(1);
    put_scan(0, 63, 0, 0);
    put_marker(EOI);
}

static tw_status read_file(scratch *s, float x[64]) {
    const tw_net_input image = {.spatial = 2, .channels = 1, .size = {8, 8}};
    return tw_image_read(scratch_file(s, "image.jpg", file.bytes, file.size), image, x);
}

static void expect_gray(scratch *s) {
    float x[64];
    if (read_file(s, x) != TW_OK) fail_msg("%s", tw_message());
    for (int i = 0; i < 64; i++) assert_true(fabsf(x[i] - 128 / 255.0f) < 1e-6f);
}

static void refuse(scratch *s, tw_status wanted, const char *what) {
    float x[64] = {7};
    const tw_status status = read_file(s, x);
    if (status != wanted || !strstr(tw_message(), "image.jpg"))
        fail_msg("%s: %s: %s; expected %s", what, tw_status_name(status), status ? tw_message() : "",
                 tw_status_name(wanted));
    assert_true(x[0] == 7);
}

static void the_block_is_gray(void **state) {
    make(SOF0, 8, 8, 1, 0x11);
    expect_gray(*state);
}

static void frames_that_are_not_offered_or_impossible_are_refused(void **state) {
    scratch *s = *state;
    make(SOF0, 8, 8, 2, 0x11), refuse(s, TW_ERROR_UNSUPPORTED, "M02 two components");
    make(SOF0, 8, 8, 4, 0x11), refuse(s, TW_ERROR_UNSUPPORTED, "M02 CMYK");
    make(SOF0, 12, 8, 1, 0x11), refuse(s, TW_ERROR_UNSUPPORTED, "M03 12 bits");
    make(0xc3, 8, 8, 1, 0x11), refuse(s, TW_ERROR_UNSUPPORTED, "M03 lossless");
    make(0xc5, 8, 8, 1, 0x11), refuse(s, TW_ERROR_UNSUPPORTED, "M03 hierarchical");
    make(SOF0, 8, 0, 1, 0x11), refuse(s, TW_ERROR_FORMAT, "M04 a height that is told later");
    make(SOF0, 8, 8, 1, 0x01), refuse(s, TW_ERROR_FORMAT, "M05 sampling 0");
    make(SOF0, 8, 8, 1, 0x51), refuse(s, TW_ERROR_FORMAT, "M05 sampling 5");
}

static void tables_that_are_none_are_refused(void **state) {
    scratch *s = *state;
    begin();
    put_frame(SOF0, 8, 8, 1, 0x11);
    put_code(0), put_code(1), put_scan(0, 63, 0, 0), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M07 no quantisers");
    begin();
    put_quantisers(0); /* makes every coefficient 0: so they are */
    put_frame(SOF0, 8, 8, 1, 0x11);
    put_code(0), put_code(1), put_scan(0, 63, 0, 0), put_marker(EOI);
    expect_gray(s);
    unsigned char crowded[17 + 300] = {0, 0, 0, 0, 0, 0, 0, 0, 100, 200};
    begin();
    put_quantisers(1), put_frame(SOF0, 8, 8, 1, 0x11);
    put_segment(DHT, crowded, sizeof crowded);
    refuse(s, TW_ERROR_FORMAT, "M06 300 codes");
    const unsigned char two[17 + 3] = {0, 3}; /* three codes of one bit */
    begin();
    put_quantisers(1), put_frame(SOF0, 8, 8, 1, 0x11);
    put_segment(DHT, two, sizeof two), put_code(1), put_scan(0, 63, 0, 0), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M06 more codes than there are");
    const unsigned char large[18] = {0, 1, [17] = 16}; /* a difference of 16 bits */
    begin();
    put_quantisers(1), put_frame(SOF0, 8, 8, 1, 0x11);
    put_segment(DHT, large, sizeof large), put_code(1), put_scan(0, 63, 0, 0), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M06 a category of 16");
}

static void begin_progressive(void) {
    begin();
    put_quantisers(1), put_frame(SOF2, 8, 8, 1, 0x11);
    put_code(0), put_code(1);
}

/* Each coefficient by itself, first its upper bits and then one bit a scan: all legal. */
static void a_progressive_image_of_hundreds_of_scans_is_refused(void **state) {
    scratch *s = *state;
    for (int coefficients = 8; coefficients <= 63; coefficients += 55) {
        begin_progressive();
        put_scan(0, 0, 0, 0);
        for (int k = 1; k <= coefficients; k++)
            for (int low = 13; low >= 0; low--) put_scan(k, k, low == 13 ? 0 : low + 1, low);
        put_marker(EOI);
        if (coefficients == 8)
            expect_gray(s); /* 113 scans */
        else
            refuse(s, TW_ERROR_LIMIT, "M08 883 scans");
    }
}

static void scans_out_of_order_are_refused(void **state) {
    scratch *s = *state;
    begin_progressive(), put_scan(5, 3, 0, 0), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M09 from 5 to 3");
    begin_progressive(), put_scan(0, 0, 0, 14), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M09 14 bits less");
    begin_progressive(), put_scan(0, 0, 1, 0), put_marker(EOI);
    refuse(s, TW_ERROR_FORMAT, "M09 refined before there was anything");
}

static void lost_restart_markers_are_refused(void **state) {
    scratch *s = *state;
    begin();
    put_quantisers(1), put_frame(SOF0, 8, 16, 1, 0x11); /* two blocks */
    put_code(0), put_code(1);
    put_segment(DRI, "\0\1", 2); /* M10: a marker after each */
    put_scan(0, 63, 0, 0);
    put("\xff\xd0\x3f", 3), put_marker(EOI);
    const size_t end = file.size;
    float x[64];
    assert_int_equal(read_file(s, x), TW_OK);
    file.bytes[end - 4] = 0xd5; /* another than was expected */
    refuse(s, TW_ERROR_FORMAT, "M10 a wrong marker");
    file.bytes[end - 5] = 0x11; /* none */
    refuse(s, TW_ERROR_FORMAT, "M10 garbage");
}

static void segments_of_no_length_are_refused_and_exif_is_stepped_over(void **state) {
    scratch *s = *state;
    begin();
    put_segment(APP1, "Exif\0\0MM\0\x2a\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 32); /* turned */
    put_quantisers(1), put_frame(SOF0, 8, 8, 1, 0x11);
    put_code(0), put_code(1), put_scan(0, 63, 0, 0), put_marker(EOI);
    expect_gray(s);
    for (unsigned char length = 0; length < 2; length++) {
        begin();
        put_marker(APP1);
        put((unsigned char[]){0, length}, 2);
        put_quantisers(1), put_frame(SOF0, 8, 8, 1, 0x11), put_marker(EOI);
        refuse(s, TW_ERROR_FORMAT, "M11 a segment shorter than its length");
    }
}

/* A build without libjpeg says so. */
static bool jpeg_is_read(scratch *s) {
    float x[64];
    make(SOF0, 8, 8, 1, 0x11);
    return read_file(s, x) != TW_ERROR_UNSUPPORTED || !strstr(tw_message(), "no libjpeg");
}

int main(void) {
    void *state;
    scratch_begin_group(&state);
    const bool reads = jpeg_is_read(state);
    scratch_end_group(&state);
    if (!reads) return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_is_gray),
        cmocka_unit_test(frames_that_are_not_offered_or_impossible_are_refused),
        cmocka_unit_test(tables_that_are_none_are_refused),
        cmocka_unit_test(a_progressive_image_of_hundreds_of_scans_is_refused),
        cmocka_unit_test(scans_out_of_order_are_refused),
        cmocka_unit_test(lost_restart_markers_are_refused),
        cmocka_unit_test(segments_of_no_length_are_refused_and_exif_is_stepped_over),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

/* The IDX reader, gzipped or not. Files are made byte by byte; rows K01-K03 and K06 of the list of hostile
 * inputs each have their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "format/gzip.h"
#include "format/idx.h"

static tw_status parse(tw_idx **idx, const void *bytes, int64_t size) {
    unsigned char *copy = tw_alloc(size, 1);
    if (size) memcpy(copy, bytes, (size_t)size);
    return tw_idx_parse(idx, "t.idx", copy, size);
}

/* Two images of 1x2 pixels. */
static const unsigned char SMALL[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8, 9, 255};

/* gzip -n of SMALL, made with Python's gzip module. */
static const unsigned char PACKED[] = {31,  139, 8,   0,  0,   0,   0,   0,  2,  3,  99,  96,
                                       224, 96,  102, 96, 96,  96,  2,   98, 70, 16, 205, 206,
                                       193, 249, 31,  0,  168, 161, 253, 41, 20, 0,  0,   0};

static void bytes_and_sizes_are_read(void **state) {
    (void)state;
    tw_idx *idx;
    assert_int_equal(parse(&idx, SMALL, sizeof SMALL), TW_OK);
    assert_int_equal(idx->rank, 3);
    assert_int_equal(idx->size[0], 2);
    assert_int_equal(idx->size[2], 2);
    assert_int_equal(idx->count, 4);
    assert_memory_equal(idx->data, SMALL + 16, 4);
    assert_true(tw_idx_number(idx, 3) == 255);
    tw_idx_free(idx);
}

static void every_type_is_read_big_endian(void **state) {
    (void)state;
    static const struct {
        unsigned char type, bytes[8];
        int width;
        double expected;
    } cases[] = {
        {0x08, {200}, 1, 200},
        {0x09, {200}, 1, -56},
        {0x0b, {0xff, 0xfe}, 2, -2},
        {0x0c, {0x80, 0, 0, 1}, 4, -2147483647.0},
        {0x0d, {0x3f, 0xc0, 0, 0}, 4, 1.5},
        {0x0e, {0xc0, 0x04, 0, 0, 0, 0, 0, 0}, 8, -2.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[16] = {0, 0, cases[i].type, 1, 0, 0, 0, 1};
        memcpy(bytes + 8, cases[i].bytes, (size_t)cases[i].width);
        tw_idx *idx;
        assert_int_equal(parse(&idx, bytes, 8 + cases[i].width), TW_OK);
        assert_true(tw_idx_number(idx, 0) == cases[i].expected);
        tw_idx_free(idx);
    }
}

static void every_malformed_header_has_its_status(void **state) {
    (void)state;
    static const struct {
        const char *row;
        unsigned char bytes[20];
        int size;
        tw_status expected;
        const char *says;
    } cases[] = {
        {"K01 little-endian magic", {3, 8, 0, 0, 2, 0, 0, 0}, 8, TW_ERROR_FORMAT, "little-endian"},
        {"K01 unknown type", {0, 0, 7, 1, 0, 0, 0, 1, 5}, 9, TW_ERROR_FORMAT, "type 07"},
        {"K01 no dimensions", {0, 0, 8, 0, 1}, 5, TW_ERROR_FORMAT, "dimensions"},
        {"K01 255 dimensions", {0, 0, 8, 255, 0, 0, 0, 1}, 8, TW_ERROR_LIMIT, "255"},
        {"K02 more promised than held", {0, 0, 8, 1, 0, 0, 0, 9, 1, 2}, 10, TW_ERROR_TRUNCATED, "17"},
        {"K02 a byte too many", {0, 0, 8, 1, 0, 0, 0, 1, 1, 2}, 10, TW_ERROR_FORMAT, "9 bytes"},
        {"K03 product overflows",
         {0, 0, 0x0e, 3, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 28},
         16,
         TW_ERROR_OVERFLOW,
         "63 bits"},
        {"K03 far beyond the file",
         {0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28},
         16,
         TW_ERROR_TRUNCATED,
         "promises"},
        {"no bytes", {0}, 0, TW_ERROR_TRUNCATED, "0 bytes"},
        {"sizes cut", {0, 0, 8, 3, 0, 0, 0, 1, 0}, 9, TW_ERROR_TRUNCATED, "header"},
        {"text", "hello, this is text", 19, TW_ERROR_FORMAT, "byte 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_idx *idx;
        tw_status status = parse(&idx, cases[i].bytes, cases[i].size);
        if (status != cases[i].expected || !strstr(tw_message(), cases[i].says))
            fail_msg("%s: %s: %s", cases[i].row, tw_status_name(status), tw_message());
        assert_null(idx);
    }
}

static void a_file_cut_anywhere_is_truncated(void **state) {
    (void)state;
    for (int64_t cut = 0; cut < (int64_t)sizeof SMALL; cut++) {
        tw_idx *idx;
        assert_int_equal(parse(&idx, SMALL, cut), TW_ERROR_TRUNCATED);
    }
}

/* Whether this build can unpack; without zlib the message says what to do. */
static bool unpacks(void) {
    tw_idx *idx;
    tw_status status = parse(&idx, PACKED, sizeof PACKED);
    tw_idx_free(idx);
    if (status == TW_OK) return true;
    assert_int_equal(status, TW_ERROR_UNSUPPORTED);
    assert_non_null(strstr(tw_message(), "zlib"));
    return false;
}

static void a_gzipped_file_is_the_same(void **state) {
    (void)state;
    if (!unpacks()) return;
    tw_idx *idx;
    assert_int_equal(parse(&idx, PACKED, sizeof PACKED), TW_OK);
    assert_int_equal(idx->count, 4);
    assert_memory_equal(idx->data, SMALL + 16, 4);
    tw_idx_free(idx);
}

static void a_gzipped_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    if (!unpacks()) return;
    for (int64_t cut = 0; cut < (int64_t)sizeof PACKED; cut++) {
        tw_idx *idx;
        tw_status status = parse(&idx, PACKED, cut);
        assert_true(status == TW_ERROR_TRUNCATED);
    }
}

static void a_bad_checksum_of_gzip_is_found(void **state) {
    (void)state;
    if (!unpacks()) return;
    unsigned char bytes[sizeof PACKED];
    memcpy(bytes, PACKED, sizeof PACKED);
    bytes[sizeof bytes - 7] ^= 1; /* of the CRC-32 */
    tw_idx *idx;
    assert_int_equal(parse(&idx, bytes, sizeof bytes), TW_ERROR_CHECKSUM);
    unsigned char longer[sizeof PACKED + 1] = {0};
    memcpy(longer, PACKED, sizeof PACKED);
    assert_int_not_equal(parse(&idx, longer, sizeof longer), TW_OK);
}

/* A member that unpacks to more than its IDX header promises is not unpacked further. */
static void what_follows_in_a_gzipped_file_is_not_unpacked(void **state) {
    (void)state;
    if (!unpacks()) return;
    unsigned char twice[2 * sizeof PACKED];
    memcpy(twice, PACKED, sizeof PACKED);
    memcpy(twice + sizeof PACKED, PACKED, sizeof PACKED);
    tw_idx *idx;
    assert_int_equal(parse(&idx, twice, sizeof twice), TW_ERROR_FORMAT);
    unsigned char *bytes;
    int64_t size;
    bool ends;
    assert_int_equal(tw_gzip_inflate("t", twice, sizeof twice, 1 << 20, &bytes, &size, &ends), TW_OK);
    assert_int_equal(size, 2 * sizeof SMALL);
    assert_true(ends);
    assert_memory_equal(bytes + sizeof SMALL, SMALL, sizeof SMALL);
    tw_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_sizes_are_read),
        cmocka_unit_test(every_type_is_read_big_endian),
        cmocka_unit_test(every_malformed_header_has_its_status),
        cmocka_unit_test(a_file_cut_anywhere_is_truncated),
        cmocka_unit_test(a_gzipped_file_is_the_same),
        cmocka_unit_test(a_gzipped_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_bad_checksum_of_gzip_is_found),
        cmocka_unit_test(what_follows_in_a_gzipped_file_is_not_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

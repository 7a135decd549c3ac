/* The safetensors reader and writer. Files are made byte by byte here, from the specification; rows G01-G18
 * of the list of hostile inputs each have their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "format/safetensors.h"
#include "scratch.h"

/* Length, header and `data_size` bytes 0, 1, 2, ... in a block that the parser takes over. */
static unsigned char *file_of(const char *header, size_t header_size, size_t data_size, int64_t *size) {
    unsigned char *bytes = tw_alloc((int64_t)(8 + header_size + data_size), 1);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)header_size >> (8 * i));
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++) bytes[8 + header_size + i] = (unsigned char)i;
    *size = (int64_t)(8 + header_size + data_size);
    return bytes;
}

static tw_status status_of(const char *header, size_t header_size, size_t data_size) {
    int64_t size;
    unsigned char *bytes = file_of(header, header_size, data_size, &size);
    tw_safetensors *content;
    tw_status status = tw_safetensors_parse(&content, "t.safetensors", bytes, size);
    if (status) {
        assert_null(content);
        assert_non_null(strstr(tw_message(), "t.safetensors"));
    }
    tw_safetensors_free(content);
    return status;
}

#define ONE            "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
#define TENSOR(fields) "{\"a\":{" fields "}}"

static const struct {
    const char *row, *header;
    size_t data;
    tw_status expected;
} malformed[] = {
    {"G03 one brace", "{", 0, TW_ERROR_FORMAT},
    {"G03 a list", "[1]", 0, TW_ERROR_FORMAT},
    {"G03 leading spaces", "  {}", 0, TW_ERROR_FORMAT},
    {"G03 byte order mark", "\xef\xbb\xbf{}", 0, TW_ERROR_FORMAT},
    {"G04 trailing spaces", "{}      ", 0, TW_OK},
    {"G04 no tensors", "{}", 0, TW_OK},
    {"G05 invalid UTF-8", "{\"\xff\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 overlong UTF-8", "{\"\xc0\x80\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 surrogate in UTF-8", "{\"\xed\xa0\x80\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 lone surrogate", "{\"\\ud800\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 second half first", "{\"\\udc00\\ud800\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 NUL", "{\"a\\u0000b\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G05 a pair is well", "{\"\\ud83d\\ude00\":" ONE "}", 4, TW_OK},
    {"G07 tensor twice", "{\"a\":" ONE ",\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", 4,
     TW_ERROR_FORMAT},
    {"G07 the same, escaped",
     "{\"a\":" ONE ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],"
     "\"data_offsets\":[4,4]}}",
     4, TW_ERROR_FORMAT},
    {"G08 key twice", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_FORMAT},
    {"G08 unknown key", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"strides\":[1],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_FORMAT},
    {"G08 no dtype", TENSOR("\"shape\":[1],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G08 no shape", TENSOR("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G08 no offsets", TENSOR("\"dtype\":\"F32\",\"shape\":[1]"), 4, TW_ERROR_FORMAT},
    {"G08 nothing", "{\"a\":{}}", 0, TW_ERROR_FORMAT},
    {"G09 overlap", "{\"a\":" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", 6,
     TW_ERROR_FORMAT},
    {"G09 the same place", "{\"a\":" ONE ",\"b\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"G09 a hole", "{\"a\":" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12,
     TW_ERROR_FORMAT},
    {"G09 not from 0", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]"), 8, TW_ERROR_FORMAT},
    {"G09 reversed", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]"), 4, TW_ERROR_FORMAT},
    {"G09 one offset", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]"), 4, TW_ERROR_FORMAT},
    {"G09 three offsets", TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]"), 4,
     TW_ERROR_LIMIT},
    {"G10 empty tensor beside",
     "{\"a\":" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 4, TW_OK},
    {"G11 too few bytes", TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_SHAPE},
    {"G11 product overflows",
     TENSOR("\"dtype\":\"F32\",\"shape\":[1099511627776,1099511627776],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_OVERFLOW},
    {"G11 bytes overflow", TENSOR("\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]"),
     0, TW_ERROR_OVERFLOW},
    {"G11 -1", TENSOR("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G11 1.5", TENSOR("\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G11 1e3", TENSOR("\"dtype\":\"F32\",\"shape\":[1e3],\"data_offsets\":[0,4000]"), 4000, TW_ERROR_FORMAT},
    {"G11 \"3\"", TENSOR("\"dtype\":\"F32\",\"shape\":[\"3\"],\"data_offsets\":[0,12]"), 12, TW_ERROR_FORMAT},
    {"G11 true", TENSOR("\"dtype\":\"F32\",\"shape\":[true],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G11 2^64", TENSOR("\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_OVERFLOW},
    {"G11 leading zero", TENSOR("\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]"), 4,
     TW_ERROR_FORMAT},
    {"G11 nine dimensions", TENSOR("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]"),
     4, TW_ERROR_LIMIT},
    {"rank 0 is one number", TENSOR("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]"), 4, TW_OK},
    {"G12 a byte behind", "{\"a\":" ONE "}", 5, TW_ERROR_FORMAT},
    {"G12 bytes and no tensors", "{}", 1, TW_ERROR_FORMAT},
    {"G13 a byte short", "{\"a\":" ONE "}", 3, TW_ERROR_TRUNCATED},
    {"G14 F99", TENSOR("\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G14 f32", TENSOR("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, TW_ERROR_FORMAT},
    {"G14 BF16", TENSOR("\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]"), 4, TW_ERROR_UNSUPPORTED},
    {"G14 F4", TENSOR("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, TW_ERROR_UNSUPPORTED},
    {"G16 a number as text", "{\"__metadata__\":{\"a\":1}}", 0, TW_ERROR_FORMAT},
    {"G16 a list of texts", "{\"__metadata__\":[\"a\"]}", 0, TW_ERROR_FORMAT},
    {"G16 twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, TW_ERROR_FORMAT},
    {"G16 the same key twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, TW_ERROR_FORMAT},
    {"G17 unaligned data", "{\"a\":" ONE "} ", 4, TW_OK},
    {"G18 a path as name", "{\"../../x\":" ONE "}", 4, TW_OK},
    {"a comma too many", "{\"a\":" ONE ",}", 4, TW_ERROR_FORMAT},
    {"no colon", "{\"a\"" ONE "}", 4, TW_ERROR_FORMAT},
    {"two values", "{} {}", 0, TW_ERROR_FORMAT},
    {"a control character", "{\"a\nb\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"an unknown escape", "{\"\\x\":" ONE "}", 4, TW_ERROR_FORMAT},
    {"a comment", "{/**/}", 0, TW_ERROR_FORMAT},
    {"a wrong checksum", "{\"__metadata__\":{\"twill.checksum\":\"0\"}}", 0, TW_ERROR_CHECKSUM},
};

static void every_malformed_header_has_its_status(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        tw_status status = status_of(malformed[i].header, strlen(malformed[i].header), malformed[i].data);
        if (status != malformed[i].expected)
            fail_msg("%s: %s expected, %s found: %s", malformed[i].row, tw_status_name(malformed[i].expected),
                     tw_status_name(status), tw_message());
    }
}

/* G01, G02: what the first eight bytes alone decide. */
static void a_length_beyond_the_file_is_refused(void **state) {
    (void)state;
    static const struct {
        uint64_t length;
        tw_status expected;
    } cases[] = {{UINT64_MAX, TW_ERROR_LIMIT},
                 {100000001, TW_ERROR_LIMIT},
                 {(16 << 20) + 1, TW_ERROR_LIMIT},
                 {10, TW_ERROR_TRUNCATED},
                 {3, TW_ERROR_TRUNCATED},
                 {0, TW_ERROR_FORMAT},
                 {2, TW_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t size;
        unsigned char *bytes = file_of("{}", 2, 0, &size);
        for (int k = 0; k < 8; k++) bytes[k] = (unsigned char)(cases[i].length >> (8 * k));
        tw_safetensors *content;
        assert_int_equal(tw_safetensors_parse(&content, "t", bytes, size), cases[i].expected);
        tw_safetensors_free(content);
    }
    for (int64_t size = 0; size < 8; size++) {
        tw_safetensors *content;
        assert_int_equal(tw_safetensors_parse(&content, "t", tw_alloc_zero(8, 1), size), TW_ERROR_TRUNCATED);
    }
}

/* G06: as deep as the header may be long. */
static void nesting_is_limited_without_recursion(void **state) {
    (void)state;
    enum { DEEP = 1000000 };
    static const char *const pieces[] = {"[", "{\"a\":"};
    for (int p = 0; p < 2; p++) {
        size_t length = strlen(pieces[p]);
        char *header = tw_alloc(10 + DEEP * 5, 1);
        size_t at = (size_t)sprintf(header, "{\"a\":");
        for (int i = 0; i < DEEP; i++, at += length) memcpy(header + at, pieces[p], length);
        assert_int_equal(status_of(header, at, 0), TW_ERROR_LIMIT);
        tw_free(header);
    }
}

/* G15: as many empty tensors as 16 MiB of header hold, and names in reverse order. */
static void many_empty_tensors_take_no_time(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    char *header = tw_alloc(COUNT * 80, 1);
    size_t at = (size_t)sprintf(header, "{");
    for (int i = 0; i < COUNT; i++)
        at +=
            (size_t)sprintf(header + at, "%s\"%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                            i ? "," : "", COUNT - i);
    header[at++] = '}';
    assert_int_equal(status_of(header, at, 0), TW_OK);
    tw_free(header);
}

static const float NUMBERS[6] = {1, -2.5f, 3e-40f, 0.1f, -0.0f, 7};
static const double DOUBLE = 0.1;

static tw_safetensors small_content(void) {
    static const tw_safetensor tensors[] = {
        {.name = "w", .type = TW_F32, .rank = 2, .shape = {2, 3}, .count = 6, .data = NUMBERS},
        {.name = "d \"\xe7\xb5\xb1\"", .type = TW_F64, .rank = 0, .count = 1, .data = &DOUBLE},
        {.name = "none", .type = TW_F32, .rank = 1, .shape = {0}, .count = 0, .data = NUMBERS}};
    static const tw_safetensors_text texts[] = {{"name", "a \"quoted\"\nline\\"}, {"empty", ""}};
    return (tw_safetensors){tensors, 3, texts, 2};
}

static void what_is_written_is_read_back(void **state) {
    scratch *s = *state;
    tw_safetensors content = small_content(), *back;
    const char *path = scratch_path(s, "a.safetensors");
    assert_int_equal(tw_safetensors_write(path, &content), TW_OK);
    assert_int_equal(tw_safetensors_read(&back, path), TW_OK);
    assert_int_equal(back->tensor_count, 3);
    const tw_safetensor *w = tw_safetensors_find(back, "w");
    assert_non_null(w);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], 2);
    assert_int_equal(w->shape[1], 3);
    float numbers[6];
    tw_safetensor_copy(w, numbers);
    assert_memory_equal(numbers, NUMBERS, sizeof NUMBERS);
    tw_safetensor_copy(tw_safetensors_find(back, "d \"\xe7\xb5\xb1\""), numbers);
    assert_true(numbers[0] == 0.1f);
    assert_null(tw_safetensors_find(back, "x"));
    assert_string_equal(tw_safetensors_text_of(back, "name"), "a \"quoted\"\nline\\");
    assert_string_equal(tw_safetensors_text_of(back, "empty"), "");
    assert_null(tw_safetensors_text_of(back, "nam"));
    tw_safetensors_free(back);
}

static void numbers_lie_little_endian_after_an_aligned_header(void **state) {
    scratch *s = *state;
    static const float one = 1;
    const tw_safetensor tensor = {
        .name = "a", .type = TW_F32, .rank = 1, .shape = {1}, .count = 1, .data = &one};
    const char *path = scratch_path(s, "b.safetensors");
    assert_int_equal(tw_safetensors_write(path, &(tw_safetensors){&tensor, 1, NULL, 0}), TW_OK);
    FILE *file = fopen(path, "rb");
    unsigned char bytes[512];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    size_t header = bytes[0] + 256u * bytes[1];
    assert_int_equal(header % 8, 0);
    assert_int_equal(size, 8 + header + 4);
    assert_memory_equal(bytes + 8 + header, "\x00\x00\x80\x3f", 4);
    bytes[8 + header] = 0;
    assert_non_null(
        strstr((char *)bytes + 8, "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"));
}

/* The written file in a new block. */
static unsigned char *written(scratch *s, int64_t *size) {
    tw_safetensors content = small_content();
    const char *path = scratch_path(s, "c.safetensors");
    assert_int_equal(tw_safetensors_write(path, &content), TW_OK);
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = tw_alloc(4096, 1);
    *size = (int64_t)fread(bytes, 1, 4096, file);
    fclose(file);
    return bytes;
}

static unsigned char *copy_of(const unsigned char *bytes, int64_t size) {
    unsigned char *copy = tw_alloc(size, 1); /* exactly: a sanitizer sees a byte too far */
    memcpy(copy, bytes, (size_t)size);
    return copy;
}

static void a_file_cut_at_any_byte_is_refused(void **state) {
    int64_t size;
    unsigned char *bytes = written(*state, &size);
    for (int64_t cut = 0; cut < size; cut++) {
        tw_safetensors *content;
        assert_int_not_equal(tw_safetensors_parse(&content, "t", copy_of(bytes, cut), cut), TW_OK);
        assert_null(content);
    }
    tw_free(bytes);
}

/* Every single bit of numbers is guarded by the checksum, every bit of the header by it or by the format, but
 * for the name of the checksum itself and the white space at the end. */
static void a_flipped_bit_is_found_or_harmless(void **state) {
    int64_t size, accepted = 0;
    unsigned char *bytes = written(*state, &size);
    int64_t data_at = 8 + bytes[0] + 256 * bytes[1];
    for (int64_t bit = 0; bit < 8 * size; bit++) {
        unsigned char *copy = copy_of(bytes, size);
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        tw_safetensors *content;
        tw_status status = tw_safetensors_parse(&content, "t", copy, size);
        if (bit >= 8 * data_at) assert_int_equal(status, TW_ERROR_CHECKSUM);
        if (status == TW_OK && tw_safetensors_text_of(content, TW_SAFETENSORS_CHECKSUM)) {
            tw_safetensors expected = small_content();
            assert_int_equal(content->tensor_count, expected.tensor_count);
            assert_string_equal(tw_safetensors_text_of(content, "name"), "a \"quoted\"\nline\\");
        }
        accepted += status == TW_OK;
        tw_safetensors_free(content);
    }
    assert_true(accepted < 8 * (int64_t)sizeof TW_SAFETENSORS_CHECKSUM + 16);
    tw_free(bytes);
}

static void a_missing_file_and_a_folder_are_told(void **state) {
    scratch *s = *state;
    tw_safetensors *content, some = small_content();
    assert_int_equal(tw_safetensors_read(&content, scratch_path(s, "none")), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), s->path));
    assert_int_equal(tw_safetensors_read(&content, s->folder), TW_ERROR_IO);
    assert_int_equal(tw_safetensors_write(scratch_path(s, "no/where"), &some), TW_ERROR_IO);
    assert_int_equal(tw_safetensors_write("/dev/full", &some), TW_ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_malformed_header_has_its_status),
        cmocka_unit_test(a_length_beyond_the_file_is_refused),
        cmocka_unit_test(nesting_is_limited_without_recursion),
        cmocka_unit_test(many_empty_tensors_take_no_time),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(numbers_lie_little_endian_after_an_aligned_header),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_flipped_bit_is_found_or_harmless),
        cmocka_unit_test(a_missing_file_and_a_folder_are_told),
    };
    return cmocka_run_group_tests(tests, scratch_begin_group, scratch_end_group);
}

/* wraps: aligned_alloc
 * Memory: alignment, contents, and what is said when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/status.h>

#include "base/memory.h"

static int until_failure = -1; /* allocations that still succeed; negative: all of them */

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (until_failure == 0) return NULL;
    if (until_failure > 0) until_failure--;
    return __real_aligned_alloc(alignment, size);
}

static int reset(void **state) {
    (void)state;
    until_failure = -1;
    return 0;
}

static void blocks_are_aligned_to_a_cache_line(void **state) {
    (void)state;
    static const int64_t counts[] = {0, 1, 15, 16, 17, 4095, 1 << 20};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        unsigned char *block = tw_alloc(counts[i], 4);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % TW_ALIGNMENT, 0);
        memset(block, 0xab, (size_t)counts[i] * 4);
        tw_free(block);
    }
    tw_free(NULL);
}

static void zeroed_blocks_are_zero(void **state) {
    (void)state;
    for (int round = 0; round < 4; round++) { /* also when the block was used before */
        unsigned char *block = tw_alloc_zero(1000, 3);
        for (int i = 0; i < 3000; i++) assert_int_equal(block[i], 0);
        memset(block, 1, 3000);
        tw_free(block);
    }
}

static void a_large_block_lies_untouched(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, (1 << 22) - 1, 1 << 22, (1 << 22) + 1, 100 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = tw_alloc_untouched(sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % TW_ALIGNMENT, 0);
        if (sizes[i]) block[0] = block[sizes[i] / 2] = block[sizes[i] - 1] = 1;
        tw_free_untouched(block, sizes[i]);
    }
    tw_free_untouched(NULL, 0), tw_free_untouched(NULL, 100 << 20);
    assert_null(tw_alloc_untouched((size_t)PTRDIFF_MAX / 2));
    assert_non_null(strstr(tw_message(), "no memory for"));
    assert_null(tw_alloc_untouched(SIZE_MAX));
    until_failure = 0;
    assert_null(tw_alloc_untouched(100));
}

static void regrowing_keeps_what_fits(void **state) {
    (void)state;
    int32_t *block = tw_alloc(3, sizeof *block);
    for (int i = 0; i < 3; i++) block[i] = i + 1;
    block = tw_regrow(block, 3, 100, sizeof *block);
    for (int i = 0; i < 3; i++) assert_int_equal(block[i], i + 1);
    block = tw_regrow(block, 100, 2, sizeof *block);
    assert_int_equal(block[1], 2);
    tw_free(block);
    block = tw_regrow(NULL, 0, 2, sizeof *block);
    assert_non_null(block);
    tw_free(block);
}

static void a_failed_regrowth_leaves_the_old_block(void **state) {
    (void)state;
    int32_t *block = tw_alloc(1, sizeof *block);
    block[0] = 42;
    until_failure = 0;
    assert_null(tw_regrow(block, 1, 1000, sizeof *block));
    assert_int_equal(block[0], 42);
    tw_free(block);
}

static void impossible_sizes_are_refused_in_words(void **state) {
    (void)state;
    assert_null(tw_alloc(-1, 4));
    assert_null(tw_alloc(INT64_MAX, 8));
    assert_string_equal(tw_message(), "9223372036854775807 elements of 8 bytes exceed the address space");
    assert_null(tw_alloc(PTRDIFF_MAX, 1));
    assert_null(tw_alloc_zero(INT64_MAX / 2, 4));
    until_failure = 0;
    assert_null(tw_alloc(10, 10));
    assert_string_equal(tw_message(), "no memory for 100 bytes");
    assert_null(tw_alloc_zero(10, 10));
    assert_null(tw_strdup("text"));
}

static void texts_are_copied_and_terminated(void **state) {
    (void)state;
    char *copy = tw_strndup("kernel", 4);
    assert_string_equal(copy, "kern");
    tw_free(copy);
    copy = tw_strdup("");
    assert_string_equal(copy, "");
    tw_free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(blocks_are_aligned_to_a_cache_line, reset),
        cmocka_unit_test_setup(zeroed_blocks_are_zero, reset),
        cmocka_unit_test_setup(a_large_block_lies_untouched, reset),
        cmocka_unit_test_setup(regrowing_keeps_what_fits, reset),
        cmocka_unit_test_setup(a_failed_regrowth_leaves_the_old_block, reset),
        cmocka_unit_test_setup(impossible_sizes_are_refused_in_words, reset),
        cmocka_unit_test_setup(texts_are_copied_and_terminated, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

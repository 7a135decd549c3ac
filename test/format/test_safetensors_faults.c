/* wraps: aligned_alloc write fsync
 *
 * The k-th allocation, write or sync fails, for every k: the call says so, nothing leaks, and the file that
 * was there before is untouched. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/safetensors.h"
#include "scratch.h"

static int64_t until_failure = -1; /* calls that still succeed; -1: all */

static int fails(void) {
    return until_failure >= 0 && until_failure-- == 0;
}

void *__real_aligned_alloc(size_t alignment, size_t size);
ssize_t __real_write(int file, const void *bytes, size_t count);
int __real_fsync(int file);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
ssize_t __wrap_write(int file, const void *bytes, size_t count);
int __wrap_fsync(int file);

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

ssize_t __wrap_write(int file, const void *bytes, size_t count) {
    if (fails()) return errno = ENOSPC, -1;
    return __real_write(file, bytes, count);
}

int __wrap_fsync(int file) {
    if (fails()) return errno = EIO, -1;
    return __real_fsync(file);
}

enum { COUNT = 50000 }; /* more than a writer's buffer */
static float old_numbers[COUNT], new_numbers[COUNT];

static tw_status save(const char *path, const float *numbers) {
    const tw_safetensor tensor = {
        .name = "a", .type = TW_F32, .rank = 1, .shape = {COUNT}, .count = COUNT, .data = numbers};
    const tw_safetensors_text text = {"key", "value"};
    return tw_safetensors_write(path, &(tw_safetensors){&tensor, 1, &text, 1});
}

static float first_number(const char *path) {
    static float numbers[COUNT];
    tw_safetensors *content;
    assert_int_equal(tw_safetensors_read(&content, path), TW_OK);
    tw_safetensor_copy(tw_safetensors_find(content, "a"), numbers);
    tw_safetensors_free(content);
    return numbers[0];
}

static void a_failing_save_leaves_the_old_file(void **state) {
    (void)state;
    scratch s;
    scratch_make(&s);
    const char *path = scratch_path(&s, "model");
    old_numbers[0] = 1, new_numbers[0] = 2;
    assert_int_equal(save(path, old_numbers), TW_OK);
    int k = 0;
    for (;; k++) {
        until_failure = k;
        tw_status status = save(path, new_numbers);
        int all_went_well = until_failure >= 0;
        until_failure = -1;
        if (all_went_well) break;
        if (status == TW_OK) break; /* the sync of the folder, after the rename, may fail */
        assert_true(status == TW_ERROR_MEMORY || status == TW_ERROR_IO);
        assert_true(first_number(path) == 1);
        assert_int_equal(scratch_count(&s), 1); /* nothing half-written beside */
    }
    assert_true(k >= 6);
    assert_true(first_number(path) == 2);
    scratch_remove(&s);
}

static void a_failing_load_says_so(void **state) {
    (void)state;
    scratch s;
    scratch_make(&s);
    const char *path = scratch_path(&s, "model");
    assert_int_equal(save(path, old_numbers), TW_OK);
    int k = 0;
    for (;; k++) {
        tw_safetensors *content;
        until_failure = k;
        tw_status status = tw_safetensors_read(&content, path);
        int all_went_well = until_failure >= 0;
        until_failure = -1;
        tw_safetensors_free(content);
        if (all_went_well) break;
        assert_int_equal(status, TW_ERROR_MEMORY);
        assert_null(content);
    }
    assert_true(k >= 6);
    scratch_remove(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_save_leaves_the_old_file),
        cmocka_unit_test(a_failing_load_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

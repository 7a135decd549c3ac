/* wraps: write fsync rename aligned_alloc
 * Files are written whole or not at all: with every write, sync, rename and allocation made to fail in turn,
 * and on /dev/full; a failure leaves the old file and no temporary one behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/files.h"
#include "base/memory.h"
#include "scratch.h"

/* Calls that still succeed; negative: all. */
static int writes_left, syncs_left, renames_left, blocks_left;
static bool writes_little; /* one byte a call, and EINTR before each */

static bool fails(int *left) {
    if (*left == 0) return true;
    if (*left > 0) --*left;
    return false;
}

ssize_t __real_write(int file, const void *bytes, size_t count);
ssize_t __wrap_write(int file, const void *bytes, size_t count);
ssize_t __wrap_write(int file, const void *bytes, size_t count) {
    static bool interrupted;
    if (file <= 2) return __real_write(file, bytes, count); /* cmocka's */
    if (fails(&writes_left)) return errno = ENOSPC, -1;
    if (writes_little && (interrupted = !interrupted)) return errno = EINTR, -1;
    return __real_write(file, bytes, writes_little && count > 1 ? 1 : count);
}

int __real_fsync(int file);
int __wrap_fsync(int file);
int __wrap_fsync(int file) {
    return fails(&syncs_left) ? (errno = EIO, -1) : __real_fsync(file);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
    return fails(&renames_left) ? (errno = EXDEV, -1) : __real_rename(from, to);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails(&blocks_left) ? (errno = ENOMEM, NULL) : __real_aligned_alloc(alignment, size);
}

static scratch files;
static const char *const folder = files.folder, *const path = files.path;

static int begin(void **state) {
    (void)state;
    writes_left = syncs_left = renames_left = blocks_left = -1;
    writes_little = false;
    scratch_make(&files);
    scratch_path(&files, "file");
    return 0;
}

static int end(void **state) {
    (void)state;
    chmod(folder, 0700);
    scratch_remove(&files);
    return 0;
}

static tw_status write_file(const char *to, const char *text, int repeats) {
    tw_writer *writer;
    tw_status status = tw_writer_create(&writer, to);
    if (status != TW_OK) {
        assert_null(writer);
        return status;
    }
    for (int i = 0; i < repeats; i++) tw_writer_write(writer, text, strlen(text));
    return tw_writer_commit(writer);
}

static void expect_file(const char *from, const char *text, int repeats) {
    unsigned char *bytes;
    int64_t size;
    assert_int_equal(tw_file_read(from, 1 << 28, &bytes, &size), TW_OK);
    assert_int_equal(size, (int64_t)strlen(text) * repeats);
    for (int i = 0; i < repeats; i++)
        assert_memory_equal(bytes + strlen(text) * (size_t)i, text, strlen(text));
    assert_int_equal(bytes[size], 0);
    tw_free(bytes);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    static const int repeats[] = {0, 1, 2, 10000, 100000}; /* within and beyond the buffer of 64 KiB */
    for (size_t i = 0; i < sizeof repeats / sizeof *repeats; i++) {
        assert_int_equal(write_file(path, "0123456789", repeats[i]), TW_OK);
        expect_file(path, "0123456789", repeats[i]);
        assert_int_equal(scratch_count(&files), 1);
    }
}

static void long_blocks_and_print_keep_their_order(void **state) {
    (void)state;
    static char large[200000];
    memset(large, 'x', sizeof large);
    tw_writer *writer;
    assert_int_equal(tw_writer_create(&writer, path), TW_OK);
    tw_writer_print(writer, "%d %s\n", 7, "taps");
    tw_writer_write(writer, large, sizeof large);
    tw_writer_print(writer, "end");
    assert_int_equal(tw_writer_commit(writer), TW_OK);
    unsigned char *bytes;
    int64_t size;
    assert_int_equal(tw_file_read(path, 1 << 20, &bytes, &size), TW_OK);
    assert_int_equal(size, 7 + 200000 + 3);
    assert_memory_equal(bytes, "7 taps\nxxx", 10);
    assert_memory_equal(bytes + 200004, "xxxend", 6);
    tw_free(bytes);
}

static void short_and_interrupted_writes_are_continued(void **state) {
    (void)state;
    writes_little = true;
    assert_int_equal(write_file(path, "little by little ", 100), TW_OK);
    expect_file(path, "little by little ", 100);
}

/* Each call of each kind fails in turn: the k-th for every k until none is left to fail. */
static void whatever_fails_the_old_file_stays_and_nothing_else(void **state) {
    (void)state;
    int *const kinds[] = {&writes_left, &syncs_left, &renames_left, &blocks_left};
    assert_int_equal(write_file(path, "old", 1), TW_OK);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        int failures = 0;
        for (int k = 0;; k++) {
            *kinds[kind] = k;
            tw_status status = write_file(path, "new new new ", 20000);
            *kinds[kind] = -1;
            if (status == TW_OK) break;
            failures++;
            assert_true(status == TW_ERROR_IO || status == TW_ERROR_MEMORY);
            assert_true(strlen(tw_message()) > 0);
            expect_file(path, "old", 1);
            assert_int_equal(scratch_count(&files), 1);
        }
        /* a sync of the folder and the copy of its name may fail: the file is whole all the same */
        assert_true(failures >= 1);
        expect_file(path, "new new new ", 20000);
        assert_int_equal(write_file(path, "old", 1), TW_OK);
    }
}

static void a_full_disk_is_told_by_name_and_reason(void **state) {
    (void)state;
    writes_left = 0;
    assert_int_equal(write_file(path, "text", 1), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), path));
    assert_non_null(strstr(tw_message(), "No space left on device"));
    writes_left = -1;
    assert_int_equal(write_file("/dev/full", "text", 1), TW_ERROR_IO);
    assert_string_equal(tw_message(), "/dev/full: cannot be written: No space left on device");
    assert_int_equal(write_file("/dev/full", "text", 100000), TW_ERROR_IO);
    assert_int_equal(write_file("/dev/null", "text", 100000), TW_OK);
}

static void a_file_size_limit_is_an_error_like_any_other(void **state) {
    (void)state;
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, old.rlim_max});
    tw_status status = write_file(path, "0123456789", 20000);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, TW_ERROR_IO);
    assert_int_equal(scratch_count(&files), 0);
}

static void a_cancelled_file_leaves_nothing(void **state) {
    (void)state;
    tw_writer *writer;
    assert_int_equal(tw_writer_create(&writer, path), TW_OK);
    tw_writer_print(writer, "half");
    tw_writer_cancel(writer);
    assert_int_equal(scratch_count(&files), 0);
    tw_writer_cancel(NULL);
}

static void folders_and_missing_folders_are_refused(void **state) {
    (void)state;
    assert_int_equal(write_file(folder, "text", 1), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), "Is a directory"));
    assert_int_equal(write_file("no such folder/file", "text", 1), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), "No such file or directory"));
    assert_int_equal(write_file("", "text", 1), TW_ERROR_IO);
    unsigned char *bytes;
    int64_t size;
    assert_int_equal(tw_file_read(folder, 100, &bytes, &size), TW_ERROR_IO);
    assert_null(bytes);
    assert_int_equal(tw_file_read("no such file", 100, &bytes, &size), TW_ERROR_IO);
    assert_string_equal(tw_message(), "no such file: cannot be opened: No such file or directory");
}

static void a_folder_that_may_not_be_written_is_refused(void **state) {
    (void)state;
    if (geteuid() == 0) skip(); /* root may write everywhere */
    chmod(folder, 0500);
    assert_int_equal(write_file(path, "text", 1), TW_ERROR_IO);
    assert_non_null(strstr(tw_message(), "Permission denied"));
    chmod(folder, 0700);
    assert_int_equal(write_file(path, "old", 1), TW_OK);
    chmod(path, 0400);
    assert_int_equal(write_file(path, "new", 1), TW_ERROR_IO);
    expect_file(path, "old", 1);
}

static void a_replaced_file_keeps_its_mode_and_a_link_stays_a_link(void **state) {
    (void)state;
    char link[96];
    struct stat status;
    assert_int_equal(write_file(path, "old", 1), TW_OK);
    chmod(path, 0640);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(write_file(link, "new", 1), TW_OK);
    expect_file(path, "new", 1);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(scratch_count(&files), 2);
}

/* The command's "--output /dev/stdout > file", and ">> file": the stream goes on where it stands. */
static void standard_output_is_continued_not_replaced(void **state) {
    (void)state;
    int kept = dup(STDOUT_FILENO), file = open(path, O_RDWR | O_CREAT, 0600);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    bool said = __real_write(STDOUT_FILENO, "before ", 7) == 7;
    tw_status status = write_file("/dev/stdout", "within", 1);
    said = said && __real_write(STDOUT_FILENO, " after", 6) == 6;
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(file);
    struct stat kind;
    assert_int_equal(status, TW_OK);
    assert_true(said);
    expect_file(path, "before within after", 1);
    assert_int_equal(lstat("/dev/stdout", &kind), 0);
    assert_int_equal(scratch_count(&files), 1);
}

static void reading_stops_at_the_limit(void **state) {
    (void)state;
    unsigned char *bytes;
    int64_t size;
    assert_int_equal(write_file(path, "0123456789", 10), TW_OK);
    assert_int_equal(tw_file_read(path, 100, &bytes, &size), TW_OK);
    tw_free(bytes);
    assert_int_equal(tw_file_read(path, 99, &bytes, &size), TW_ERROR_LIMIT);
    assert_null(bytes);
    assert_int_equal(size, 0);
    assert_int_equal(tw_file_read("/dev/zero", 1 << 20, &bytes, &size), TW_ERROR_LIMIT);
    assert_null(bytes);
    assert_int_equal(tw_file_read("/dev/null", 0, &bytes, &size), TW_OK);
    assert_int_equal(size, 0);
    tw_free(bytes);
    for (int k = 0; k < 2; k++) { /* no memory at the start, or when growing */
        blocks_left = k;
        assert_int_equal(tw_file_read("/dev/zero", 1 << 20, &bytes, &size), TW_ERROR_MEMORY);
        assert_null(bytes);
    }
}

static void a_pipe_is_read_to_its_end(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(__real_write(ends[1], "through a pipe", 14), 14);
    close(ends[1]);
    char name[32];
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    expect_file(name, "through a pipe", 1);
    close(ends[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, begin, end),
        cmocka_unit_test_setup_teardown(long_blocks_and_print_keep_their_order, begin, end),
        cmocka_unit_test_setup_teardown(short_and_interrupted_writes_are_continued, begin, end),
        cmocka_unit_test_setup_teardown(whatever_fails_the_old_file_stays_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_by_name_and_reason, begin, end),
        cmocka_unit_test_setup_teardown(a_file_size_limit_is_an_error_like_any_other, begin, end),
        cmocka_unit_test_setup_teardown(a_cancelled_file_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(folders_and_missing_folders_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_may_not_be_written_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_replaced_file_keeps_its_mode_and_a_link_stays_a_link, begin, end),
        cmocka_unit_test_setup_teardown(standard_output_is_continued_not_replaced, begin, end),
        cmocka_unit_test_setup_teardown(reading_stops_at_the_limit, begin, end),
        cmocka_unit_test_setup_teardown(a_pipe_is_read_to_its_end, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Pages that were read and found right, kept in golden/. TWILL_GOLDEN=write writes them anew: read the
 * difference before it is committed. */
#ifndef TW_TEST_EXPLAIN_GOLDEN_H
#define TW_TEST_EXPLAIN_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/explain.h>

#include "base/files.h"
#include "base/memory.h"

static void golden_path(const char *name, char path[512]) {
    snprintf(path, 512, "%s/explain/golden/%s", TWILL_TESTS, name);
}

static void check_golden(const tw_explain_request *request, const char *name) {
    char path[512], *bytes;
    size_t size;
    golden_path(name, path);
    if (tw_explain(request, &bytes, &size) != TW_OK) fail_msg("%s: %s", name, tw_message());
    const char *mode = getenv("TWILL_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        tw_writer *writer;
        assert_int_equal(tw_writer_create(&writer, path), TW_OK);
        tw_writer_write(writer, bytes, size);
        assert_int_equal(tw_writer_commit(writer), TW_OK);
    }
    unsigned char *expected;
    int64_t expected_size;
    assert_int_equal(tw_file_read(path, 1 << 24, &expected, &expected_size), TW_OK);
    size_t same = 0, least = size < (size_t)expected_size ? size : (size_t)expected_size;
    while (same < least && bytes[same] == (char)expected[same]) same++;
    if (same < size || same < (size_t)expected_size)
        fail_msg("%s differs at byte %zu: \"%.60s\" where \"%.60s\" was expected", name, same, bytes + same,
                 (char *)expected + same);
    tw_free(expected);
    tw_explain_free(bytes);
}

#endif

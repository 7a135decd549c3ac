/* Messages of failures: what they say, and that nothing hostile comes through them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fail.h"

static void a_failure_returns_its_status_and_keeps_its_words(void **state) {
    (void)state;
    assert_int_equal(tw_fail(TW_ERROR_SHAPE, "groups %d; expected %s", 3, "a divisor of 8"), TW_ERROR_SHAPE);
    assert_string_equal(tw_message(), "groups 3; expected a divisor of 8");
    assert_int_equal(tw_fail_within(TW_ERROR_FORMAT, "%s: ", "net.txt"), TW_ERROR_FORMAT);
    assert_string_equal(tw_message(), "net.txt: groups 3; expected a divisor of 8");
    tw_fail(TW_ERROR_IO, "%s, again", tw_message()); /* from itself */
    assert_string_equal(tw_message(), "net.txt: groups 3; expected a divisor of 8, again");
}

static void bytes_that_could_command_a_terminal_are_escaped(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\x1b[31mred", "\\x1b[31mred"},
        {"two\nlines\ttab\r", "two\\x0alines\\x09tab\\x0d"},
        {"delete\x7f", "delete\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"},          /* CSI as a C1 control */
        {"\xff\xfe", "\\xff\\xfe"}, /* no UTF-8 */
        {"\xc0\x80", "\\xc0\\x80"}, /* overlong */
        {"\xe0\x80\x80", "\\xe0\\x80\\x80"},
        {"\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                   /* a surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},          /* beyond U+10FFFF */
        {"cut \xe5\x8d", "cut \\xe5\\x8d"},                    /* ends within a character */
        {"\xe5\x8d\xb7\xe7\xa9\x8d \xf0\x9f\xa7\xb5 \xc3\xa9", /* good ones stay */
         "\xe5\x8d\xb7\xe7\xa9\x8d \xf0\x9f\xa7\xb5 \xc3\xa9"},
        {"100%s%n", "100%s%n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_fail(TW_ERROR_FORMAT, "%s", cases[i].from);
        assert_string_equal(tw_message(), cases[i].to);
        tw_fail_within(TW_ERROR_FORMAT, "%s", "");
        assert_string_equal(tw_message(), cases[i].to);
    }
}

static void a_message_never_exceeds_its_limit(void **state) {
    (void)state;
    static char text[5000];
    static const char *const fillings[] = {"a", "\x1b", "\xe5\x8d\xb7", "\xf0\x9f\xa7\xb5"};
    for (size_t f = 0; f < sizeof fillings / sizeof *fillings; f++) {
        size_t length = strlen(fillings[f]);
        for (size_t at = 0; at + length < sizeof text; at += length)
            memcpy(text + at, fillings[f], length + 1);
        tw_fail(TW_ERROR_FORMAT, "%s", text);
        assert_in_range(strlen(tw_message()), 1000, 1023);
        tw_fail_within(TW_ERROR_FORMAT, "%s", text);
        assert_in_range(strlen(tw_message()), 1000, 1023);
        tw_fail_within(TW_ERROR_FORMAT, "front: ");
        assert_memory_equal(tw_message(), "front: ", 7);
    }
}

static void *fail_elsewhere(void *context) {
    (void)context;
    assert_string_equal(tw_message(), "");
    tw_fail(TW_ERROR_IO, "elsewhere");
    return NULL;
}

static void each_thread_has_its_own_message(void **state) {
    (void)state;
    tw_fail(TW_ERROR_ARGUMENT, "here");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(tw_message(), "here");
}

static void every_status_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i <= TW_STOPPED; i++) {
        assert_string_not_equal(tw_status_name((tw_status)i), "unknown");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tw_status_name((tw_status)i), tw_status_name((tw_status)j));
    }
    assert_string_equal(tw_status_name((tw_status)(TW_STOPPED + 1)), "unknown");
    assert_string_equal(tw_status_name((tw_status)-1), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_returns_its_status_and_keeps_its_words),
        cmocka_unit_test(bytes_that_could_command_a_terminal_are_escaped),
        cmocka_unit_test(a_message_never_exceeds_its_limit),
        cmocka_unit_test(each_thread_has_its_own_message),
        cmocka_unit_test(every_status_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The message table: every sentence in every language, with the same places and notation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "explain/words.h"

/* Which of {0} to {9} a message has, as bits. */
static unsigned places(const char *text) {
    unsigned found = 0;
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{'))
        if (at[1] >= '0' && at[1] <= '9' && at[2] == '}') found |= 1u << (at[1] - '0');
    return found;
}

static void every_message_stands_in_both_languages(void **state) {
    (void)state;
    for (int word = 0; word < TW_WORDS; word++)
        for (int language = 0; language < TW_LANGUAGES; language++) {
            const char *text = tw_words((tw_language)language, (tw_word)word);
            if (!text || !*text) fail_msg("message %d is empty in language %d", word, language);
        }
}

static void both_languages_fill_the_same_places(void **state) {
    (void)state;
    for (int word = 0; word < TW_WORDS; word++) {
        const char *english = tw_words(TW_ENGLISH, (tw_word)word),
                   *chinese = tw_words(TW_CHINESE, (tw_word)word);
        if (places(english) != places(chinese))
            fail_msg("\"%s\" and \"%s\" have other places", english, chinese);
    }
}

static void braces_are_places_and_backticks_come_in_pairs(void **state) {
    (void)state;
    for (int word = 0; word < TW_WORDS; word++)
        for (int language = 0; language < TW_LANGUAGES; language++) {
            const char *text = tw_words((tw_language)language, (tw_word)word);
            int ticks = 0;
            for (const char *c = text; *c; c++) {
                ticks += *c == '`';
                if (*c == '{' && !(c[1] >= '0' && c[1] <= '9' && c[2] == '}'))
                    fail_msg("a brace in \"%s\"", text);
            }
            if (ticks % 2) fail_msg("an open backtick in \"%s\"", text);
        }
}

static void chinese_sentences_use_chinese_signs(void **state) {
    (void)state;
    for (int word = 0; word < TW_WORDS; word++) {
        const char *text = tw_words(TW_CHINESE, (tw_word)word);
        bool math = false;
        for (const char *c = text; *c; c++) {
            math = math != (*c == '`');
            bool after_chinese = c > text && (unsigned char)c[-1] >= 0x80;
            if (!math && after_chinese && strchr(",:;?!", *c))
                fail_msg("a western \"%c\" in \"%s\"", *c, text);
        }
    }
}

static void a_locale_chooses_the_language(void **state) {
    (void)state;
    assert_int_equal(tw_language_of("zh_TW.UTF-8"), TW_CHINESE);
    assert_int_equal(tw_language_of("zh-TW"), TW_CHINESE);
    assert_int_equal(tw_language_of("en_GB.UTF-8"), TW_ENGLISH);
    assert_int_equal(tw_language_of("C"), TW_ENGLISH);
    assert_int_equal(tw_language_of(NULL), TW_ENGLISH);
    assert_string_equal(tw_language_name(TW_CHINESE), "zh-TW");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_stands_in_both_languages),
        cmocka_unit_test(both_languages_fill_the_same_places),
        cmocka_unit_test(braces_are_places_and_backticks_come_in_pairs),
        cmocka_unit_test(chinese_sentences_use_chinese_signs),
        cmocka_unit_test(a_locale_chooses_the_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The little of cmocka that the tests of sizes use, for machines where there is no cmocka: tests are called
 * one after the other, and the first assertion that fails ends the program. */
#ifndef TWILL_WASM32_CMOCKA_H
#define TWILL_WASM32_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static inline void cmocka_expect(int holds, const char *what, const char *file, int line) {
    if (holds) return;
    printf("%s:%d: %s does not hold\n", file, line, what);
    exit(1);
}

#define cmocka_unit_test(function)                                                                           \
    { #function, function }
#define assert_true(c)            cmocka_expect((c) != 0, #c, __FILE__, __LINE__)
#define assert_false(c)           cmocka_expect((c) == 0, "not " #c, __FILE__, __LINE__)
#define assert_null(p)            cmocka_expect((p) == NULL, #p " == NULL", __FILE__, __LINE__)
#define assert_non_null(p)        cmocka_expect((p) != NULL, #p " != NULL", __FILE__, __LINE__)
#define assert_int_equal(a, b)    cmocka_expect((int64_t)(a) == (int64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define assert_in_range(v, a, b)  cmocka_expect((v) >= (a) && (v) <= (b), #v " in range", __FILE__, __LINE__)
#define assert_string_equal(a, b) cmocka_expect(strcmp(a, b) == 0, #a " is " #b, __FILE__, __LINE__)
#define fail_msg(...)             (printf(__VA_ARGS__), cmocka_expect(0, "this", __FILE__, __LINE__))

static inline int cmocka_run(const struct CMUnitTest *tests, size_t count) {
    void *state = NULL;
    for (size_t i = 0; i < count; i++) {
        tests[i].run(&state);
        printf("ok %s\n", tests[i].name);
    }
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown) cmocka_run(tests, sizeof(tests) / sizeof *(tests))

#endif

/* What the processor says of itself, against what the system says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"

/* Whether a word stands in the flags of /proc/cpuinfo; -1 when there is no such line. */
static int system_says(const char *word) {
    static char line[1 << 16];
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %s ", word);
    FILE *file = fopen("/proc/cpuinfo", "r");
    int answer = -1;
    while (file && answer < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "flags", 5) == 0) {
            line[strcspn(line, "\n")] = ' ';
            answer = strstr(line, wanted) != NULL;
        }
    if (file) fclose(file);
    return answer;
}

static void needs_are_those_that_the_system_lists(void **state) {
    (void)state;
    assert_true(tw_cpu_has(TW_CPU_NOTHING));
    assert_false(tw_cpu_has((tw_cpu_need)99));
#if defined(__x86_64__)
    assert_false(tw_cpu_has(TW_CPU_NEON));
    if (system_says("fpu") != 1) skip();
    assert_int_equal(tw_cpu_has(TW_CPU_AVX2_FMA), system_says("avx2") && system_says("fma"));
    assert_int_equal(tw_cpu_has(TW_CPU_AVX512), system_says("avx512f") && system_says("avx512vl") &&
                                                    system_says("avx512bw") && system_says("avx512dq"));
#elif defined(__aarch64__)
    (void)system_says;
    assert_true(tw_cpu_has(TW_CPU_NEON));
    assert_false(tw_cpu_has(TW_CPU_AVX2_FMA));
    assert_false(tw_cpu_has(TW_CPU_AVX512));
#endif
}

static void the_override_is_what_the_environment_holds(void **state) {
    (void)state;
    unsetenv("TWILL_ISA");
    assert_null(tw_cpu_override());
    setenv("TWILL_ISA", "scalar", 1);
    assert_string_equal(tw_cpu_override(), "scalar");
    unsetenv("TWILL_ISA");
}

static void name_and_cache_are_always_something(void **state) {
    (void)state;
    assert_true(strlen(tw_cpu_name()) > 0);
    assert_null(strchr(tw_cpu_name(), '\n'));
    assert_in_range(tw_cpu_l2_bytes(), 16 * 1024, 1 << 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_are_those_that_the_system_lists),
        cmocka_unit_test(the_override_is_what_the_environment_holds),
        cmocka_unit_test(name_and_cache_are_always_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

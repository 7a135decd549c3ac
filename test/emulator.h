/* Tests of a program that was built for another machine run in an emulator, which takes minutes for what a
 * machine does in seconds. */
#ifndef TW_TEST_EMULATOR_H
#define TW_TEST_EMULATOR_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool is_emulated(void) {
    const char *emulator = getenv("TWILL_EMULATOR"); /* its command: test/CMakeLists.txt */
    return emulator && *emulator;
}

#endif

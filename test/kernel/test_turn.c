/* The transposition and the copy of every instruction set: all sizes around its squares, rows and columns
 * apart by more than their length, or either side by side; nothing touched between and behind them,
 * every bit pattern passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/kernel.h"

enum { MOST = 83, GAP = 2, PITCH = MOST + GAP, UNTOUCHED = 0xA5 };

/* Byte i of number n: NaNs, infinities and denormals are among them. */
static unsigned char byte_of(int number, int i) {
    return (unsigned char)(number * 37 + i * 151);
}

/* Rows lie `from_pitch` apart, and what becomes of them `pitch`. */
static void check_block(const tw_loops *loops, bool turned, int from_pitch, int pitch, size_t size, int rows,
                        int columns, unsigned char *from, unsigned char *to) {
    memset(to, UNTOUCHED, PITCH * PITCH * size);
    (turned ? loops->turn : loops->copy)(&(tw_block){from, from_pitch, to, pitch, rows, columns});
    for (int c = 0; c < PITCH; c++)
        for (int r = 0; r < pitch; r++)
            for (size_t i = 0; i < size; i++) {
                bool written = r < rows && c < columns;
                unsigned char expected = written ? byte_of(r * from_pitch + c, (int)i) : UNTOUCHED;
                if (to[(size_t)(turned ? c * pitch + r : r * pitch + c) * size + i] != expected)
                    fail_msg("%s %d x %d of %zu bytes: row %d, column %d", turned ? "turn" : "copy", rows,
                             columns, size, r, c);
            }
}

static void blocks_are_turned_and_copied_and_nothing_else_is_touched(void **state) {
    (void)state;
    unsigned char *from = tw_alloc(PITCH * PITCH, 8), *to = tw_alloc(PITCH * PITCH, 8);
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (size_t k = 0; k < count; k++) {
        if (!tw_cpu_has(kernels[k]->needs)) continue;
        for (int type = TW_F32; type <= TW_F64; type++) {
            size_t size = tw_type_size((tw_type)type);
            for (int n = 0; n < PITCH * PITCH; n++)
                for (size_t i = 0; i < size; i++) from[(size_t)n * size + i] = byte_of(n, (int)i);
            for (int rows = 1; rows <= MOST; rows += 1 + rows / 20)
                for (int columns = 1; columns <= MOST; columns += 1 + rows % 3)
                    for (int way = 0; way < 4; way++)
                        check_block(kernels[k]->loops[type], way > 0, way == 3 ? columns : PITCH,
                                    way == 2 ? rows : PITCH, size, rows, columns, from, to);
        }
    }
    tw_free(from);
    tw_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_turned_and_copied_and_nothing_else_is_touched)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

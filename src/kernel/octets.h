/* Eight numbers of `real` side by side, whatever the machine's vectors hold: for loops that the compiler
 * would not turn into vectors by itself, or not well. Passed by address, because how a function is handed a
 * vector depends on the instruction set. */

enum { BLOCK = 8 };
typedef real block __attribute__((vector_size(BLOCK * sizeof(real))));
typedef integer lanes __attribute__((vector_size(BLOCK * sizeof(real))));
typedef int32_t marks __attribute__((vector_size(BLOCK * sizeof(int32_t))));

/* `count` is BLOCK, a constant where it matters, or fewer. */
static inline __attribute__((always_inline)) void block_load(const real *x, int64_t count, block *b) {
    if (count == BLOCK) {
        memcpy(b, x, sizeof *b);
        return;
    }
    *b = (block){0};
    for (int64_t i = 0; i < count; i++) (*b)[i] = x[i];
}

static inline __attribute__((always_inline)) void block_store(real *x, const block *b, int64_t count) {
    if (count == BLOCK)
        memcpy(x, b, sizeof *b);
    else
        for (int64_t i = 0; i < count; i++) x[i] = (*b)[i];
}

/* Numbers of taps, which are kept in 32 bits. */
static inline __attribute__((always_inline)) void marks_load(const int32_t *from, int64_t count, lanes *to) {
    marks narrow = {0};
    if (count == BLOCK)
        memcpy(&narrow, from, sizeof narrow);
    else
        for (int64_t i = 0; i < count; i++) narrow[i] = from[i];
    *to = __builtin_convertvector(narrow, lanes);
}

static inline __attribute__((always_inline)) void marks_store(int32_t *to, const lanes *from, int64_t count) {
    marks narrow = __builtin_convertvector(*from, marks);
    if (count == BLOCK)
        memcpy(to, &narrow, sizeof narrow);
    else
        for (int64_t i = 0; i < count; i++) to[i] = narrow[i];
}

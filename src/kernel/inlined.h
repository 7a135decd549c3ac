/* How often the loops of this folder are copied. */

/* 1: without loops of their own for common sizes, which are most of a file's code. No bit depends on it. */
#ifndef TW_SMALL_KERNELS
#define TW_SMALL_KERNELS 0
#endif

/* Copied into each caller, so that the constants it is called with shape the code, and loops of known length
 * are unrolled whole. Where every step is watched, by a sanitizer or a person, a single copy will do: a
 * compiler that instruments hundreds takes minutes for a file. So it will where kernels are to be small. No
 * bit depends on it. */
#if defined TW_WATCHED_KERNELS || TW_SMALL_KERNELS
#define TW_INLINED static __attribute__((noinline))
#else
#define TW_INLINED static inline __attribute__((always_inline))
#endif

/* `call`, in which `known` is the constant that `value` is, from 1 to 7 or to 28: loops of its own for each,
 * fewer with `if (known <= most) call`. Macros and not functions with a switch, since clang works on copies
 * anew in every function that they pass through, and takes 1.6 times as long for avx512_f32.c where constants
 * become known one by one. */
#define TW_CASE(number, known, call)                                                                         \
    case number: {                                                                                           \
        const int known = number;                                                                            \
        call;                                                                                                \
    } break;
#define TW_SEVEN_CASES(from, known, call)                                                                    \
    TW_CASE(from, known, call)                                                                               \
    TW_CASE(from + 1, known, call)                                                                           \
    TW_CASE(from + 2, known, call)                                                                           \
    TW_CASE(from + 3, known, call)                                                                           \
    TW_CASE(from + 4, known, call)                                                                           \
    TW_CASE(from + 5, known, call)                                                                           \
    TW_CASE(from + 6, known, call)
#define TW_KNOWN_TO_7(value, known, call)                                                                    \
    switch (value) {                                                                                         \
        TW_SEVEN_CASES(1, known, call)                                                                       \
    default: break;                                                                                          \
    }
#define TW_KNOWN_TO_28(value, known, call)                                                                   \
    switch (value) {                                                                                         \
        TW_SEVEN_CASES(1, known, call)                                                                       \
        TW_SEVEN_CASES(8, known, call)                                                                       \
        TW_SEVEN_CASES(15, known, call)                                                                      \
        TW_SEVEN_CASES(22, known, call)                                                                      \
    default: break;                                                                                          \
    }

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

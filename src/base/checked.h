/* Sizes computed without wrapping: each operation returns false, and leaves *out alone, when the exact result
 * does not fit. All sizes of Twill are int64_t and non-negative; byte counts must fit both int64_t and
 * size_t. */
#ifndef TW_BASE_CHECKED_H
#define TW_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool tw_add(int64_t a, int64_t b, int64_t *out) {
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

static inline bool tw_mul(int64_t a, int64_t b, int64_t *out) {
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

/* count * size in bytes, both non-negative. */
static inline bool tw_bytes(int64_t count, size_t size, size_t *out) {
    int64_t bytes;
    if (count < 0 || (uint64_t)size > INT64_MAX || __builtin_mul_overflow(count, (int64_t)size, &bytes))
        return false;
    if ((uint64_t)bytes > PTRDIFF_MAX) return false; /* 32-bit machines */
    *out = (size_t)bytes;
    return true;
}

static inline int64_t tw_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t tw_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* a / b rounded up, for a >= 0 and b > 0; never wraps. */
static inline int64_t tw_ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

/* A length in even parts: the first `longer` of them are one longer than `each`. Divided once, asked often.
 */
typedef struct tw_cut {
    int64_t parts, each, longer;
} tw_cut;

/* As few parts as are none longer than `most`; of nothing there are none. */
static inline tw_cut tw_cut_by(int64_t length, int64_t most) {
    const int64_t parts = tw_ceil_div(length, most), divisor = tw_max(parts, 1);
    return (tw_cut){parts, length / divisor, length % divisor};
}

static inline int64_t tw_cut_begin(const tw_cut *cut, int64_t part) {
    return part * cut->each + tw_min(part, cut->longer);
}

static inline int64_t tw_cut_length(const tw_cut *cut, int64_t part) {
    return cut->each + (part < cut->longer);
}

/* How many of the parts from this one on are as long as it. */
static inline int64_t tw_cut_alike(const tw_cut *cut, int64_t part) {
    return (part < cut->longer ? cut->longer : cut->parts) - part;
}

/* a rounded up to a multiple of b; the caller knows that it fits. */
static inline int64_t tw_round_up(int64_t a, int64_t b) {
    return tw_ceil_div(a, b) * b;
}

#endif

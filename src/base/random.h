/* Random numbers that are a pure function of where they are used.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) turns a
 * 64-bit key and a 128-bit counter into 128 random bits. A stream is named by (seed, purpose, a, b): for
 * example (seed, SHUFFLE, epoch, 0) or (seed, STROKES, sample, 0). There is no state to save: whoever knows
 * the four numbers has the stream. */
#ifndef TW_BASE_RANDOM_H
#define TW_BASE_RANDOM_H

#include <stdint.h>

/* One list, so that no two uses share a stream. */
typedef enum tw_purpose {
    TW_RANDOM_WEIGHTS = 1,
    TW_RANDOM_SHUFFLE,
    TW_RANDOM_DROPOUT,
    TW_RANDOM_STROKES,
    TW_RANDOM_AUGMENT,
    TW_RANDOM_CHECK,
    TW_RANDOM_TEST
} tw_purpose;

typedef struct tw_random {
    uint32_t key[2], counter[4], bits[4];
    int left; /* words of bits[] not yet given */
} tw_random;

/* The raw function: 10 rounds. */
void tw_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* The stream (seed, purpose, a, b) from its start; b up to 2^32 - 1, and 2^34 numbers long. */
tw_random tw_random_stream(uint64_t seed, tw_purpose purpose, uint64_t a, uint32_t b);

uint32_t tw_random_bits(tw_random *random);
/* A whole number in 0 .. below-1, every one equally likely; below >= 1. */
uint64_t tw_random_below(tw_random *random, uint64_t below);
/* 0 <= u < 1, a multiple of 2^-53. */
double tw_random_uniform(tw_random *random);
/* Mean 0, variance 1 (Box and Muller 1958); same bits on every machine. */
double tw_random_normal(tw_random *random);

/* order[0 .. count-1] becomes a permutation of 0 .. count-1 (Fisher and Yates, as in Knuth, TAOCP 2, 3.4.2).
 */
void tw_random_permutation(tw_random *random, int64_t count, int64_t *order);

#endif

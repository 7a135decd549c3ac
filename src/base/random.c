#include "base/random.h"

#include <math.h>
#include <stdbool.h>

#include "base/logarithm.h"

void tw_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* One round of the cipher mixes purpose and b into the key, so that the whole counter is left for a and the
 * position. */
tw_random tw_random_stream(uint64_t seed, tw_purpose purpose, uint64_t a, uint32_t b) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t place[4] = {(uint32_t)purpose, b, 0x7477696cu, 0x6cu}, mixed[4]; /* "twil" "l" */
    tw_philox(key, place, mixed);
    tw_random random = {.key = {mixed[0], mixed[1]}, .counter = {0, 0, (uint32_t)a, (uint32_t)(a >> 32)}};
    return random;
}

uint32_t tw_random_bits(tw_random *random) {
    if (random->left == 0) {
        tw_philox(random->key, random->counter, random->bits);
        if (++random->counter[0] == 0) random->counter[1]++;
        random->left = 4;
    }
    return random->bits[4 - random->left--];
}

static uint64_t bits64(tw_random *random) {
    uint64_t high = tw_random_bits(random);
    return high << 32 | tw_random_bits(random);
}

/* Rejects the few values that would make some results likelier; at most every second one, on average far
 * fewer. */
uint64_t tw_random_below(tw_random *random, uint64_t below) {
    uint64_t uneven = (UINT64_MAX % below + 1) % below; /* 2^64 mod below */
    uint64_t bits;
    do bits = bits64(random);
    while (bits < uneven);
    return bits % below;
}

double tw_random_uniform(tw_random *random) {
    return (double)(bits64(random) >> 11) * 0x1p-53;
}

/* cos(2 pi u) for 0 <= u < 1, in a written order like the logarithm: folded, exactly, to at most an eighth of
 * a turn, then the power series of the cosine or the sine, whose next term would be below 2^-60. */
static double cosine_of_turns(double u) {
    if (u > 0.5) u = 1 - u;
    bool negative = u > 0.25;
    if (negative) u = 0.5 - u;
    bool sine = u > 0.125;
    double angle = 6.283185307179586 * (sine ? 0.25 - u : u), square = angle * angle, sum = 1;
    for (int n = 16; n >= 2; n -= 2) {
        int k = sine ? n + 1 : n;
        sum = 1 - sum * square / (k * (k - 1));
    }
    if (sine) sum *= angle;
    return negative ? -sum : sum;
}

double tw_random_normal(tw_random *random) {
    double radius = sqrt(-2 * tw_log(1 - tw_random_uniform(random)));
    return radius * cosine_of_turns(tw_random_uniform(random));
}

void tw_random_permutation(tw_random *random, int64_t count, int64_t *order) {
    for (int64_t i = 0; i < count; i++) {
        int64_t j = (int64_t)tw_random_below(random, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

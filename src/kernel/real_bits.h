/* The bits of a `real` as a `word`, an unsigned integer as wide: choices and signs without a comparison,
 * which a compiler would turn into two ways through all that comes after. */

static const word minus = (word)1 << (8 * sizeof(word) - 1);

static inline real real_of(word bits) {
    real value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline word bits_of(real value) {
    word bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* y * 2^power, y near 1: in two factors, which reach infinity and the subnormal numbers. */
static inline real times_power(real y, integer power) {
    integer half = power >> 1;
    real low = real_of((word)(half + EXPONENT_BIAS) << FRACTION_BITS);
    real high = real_of((word)(power - half + EXPONENT_BIAS) << FRACTION_BITS);
    return y * low * high;
}

static inline real magnitude(real x) {
    return real_of(bits_of(x) & ~minus);
}

/* `negative` where x has a minus, else `positive`. */
static inline real by_sign(real x, real negative, real positive) {
    word mask = (word)0 - (bits_of(x) >> (8 * sizeof(word) - 1));
    return real_of((bits_of(negative) & mask) | (bits_of(positive) & ~mask));
}

/* The body of `turn` where few rows become the numbers of one run: 3, 5, 7 or 9 taps (or colours) of each
 * column side by side. Included after turn_body.h by the files whose vectors can be permuted freely; they
 * define `place`, an integer as wide as a number, and vec_permute and vec_blend.
 *
 * R rows of LANES columns, R odd, become R whole vectors. Number l of vector j is number f = j LANES + l of
 * the run: row f mod R, column f / R. As R and LANES have no common divisor, lane l takes each row exactly
 * once while j runs over all vectors. So each row is permuted until every number lies in its lane, and then
 * the lanes are turned through the rows, lane l by l mod R: the bits of that number one after another, blends
 * of two vectors each (Catanzaro, Keller and Garland, "A decomposition for in-place matrix transposition",
 * 2014). Nine rows cost 9 permutations and 36 blends; squares would cost 64 permutations and partial stores.
 */

/* The column that row r gives to lane l; `inverse`: of LANES, modulo `rows`. */
#define COLUMN(rows, inverse, r, l)                                                                          \
    ((LANES * ((inverse) * ((r) - (l) + LANES * (rows)) % (rows)) + (l)) / (rows))
#define COLUMNS(rows, inverse, r)                                                                            \
    {                                                                                                        \
        COLUMN(rows, inverse, r, 0), COLUMN(rows, inverse, r, 1), COLUMN(rows, inverse, r, 2),               \
            COLUMN(rows, inverse, r, 3), COLUMN(rows, inverse, r, 4), COLUMN(rows, inverse, r, 5),           \
            COLUMN(rows, inverse, r, 6), COLUMN(rows, inverse, r, 7), COLUMN(rows, inverse, r, 8),           \
            COLUMN(rows, inverse, r, 9), COLUMN(rows, inverse, r, 10), COLUMN(rows, inverse, r, 11),         \
            COLUMN(rows, inverse, r, 12), COLUMN(rows, inverse, r, 13), COLUMN(rows, inverse, r, 14),        \
            COLUMN(rows, inverse, r, 15)                                                                     \
    }

enum {
    MOST_WOVEN = 9,
    INVERSE_3 = LANES % 3,
    INVERSE_5 = LANES * LANES * LANES % 5,
    INVERSE_7 = LANES * LANES * LANES * LANES * LANES % 7,
    INVERSE_9 = LANES * LANES * LANES * LANES * LANES % 9
};

typedef place places[16]; /* of 8 lanes, the first 8 */

static const places columns_3[] = {COLUMNS(3, INVERSE_3, 0), COLUMNS(3, INVERSE_3, 1),
                                   COLUMNS(3, INVERSE_3, 2)};
static const places columns_5[] = {COLUMNS(5, INVERSE_5, 0), COLUMNS(5, INVERSE_5, 1),
                                   COLUMNS(5, INVERSE_5, 2), COLUMNS(5, INVERSE_5, 3),
                                   COLUMNS(5, INVERSE_5, 4)};
static const places columns_7[] = {
    COLUMNS(7, INVERSE_7, 0), COLUMNS(7, INVERSE_7, 1), COLUMNS(7, INVERSE_7, 2), COLUMNS(7, INVERSE_7, 3),
    COLUMNS(7, INVERSE_7, 4), COLUMNS(7, INVERSE_7, 5), COLUMNS(7, INVERSE_7, 6)};
static const places columns_9[] = {
    COLUMNS(9, INVERSE_9, 0), COLUMNS(9, INVERSE_9, 1), COLUMNS(9, INVERSE_9, 2),
    COLUMNS(9, INVERSE_9, 3), COLUMNS(9, INVERSE_9, 4), COLUMNS(9, INVERSE_9, 5),
    COLUMNS(9, INVERSE_9, 6), COLUMNS(9, INVERSE_9, 7), COLUMNS(9, INVERSE_9, 8)};

/* The lanes whose turn has this bit. */
TW_INLINED unsigned lanes_with(const int rows, const int bit) {
    unsigned lanes = 0;
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++)
        if (l % rows & bit) lanes |= 1u << l;
    return lanes;
}

TW_INLINED void weave(const tw_block *t, const int rows, const places *from) {
    const real *in = t->from;
    real *out = t->to;
    for (int64_t c = 0; c < t->columns; c += LANES, in += LANES, out += rows * LANES) {
        vec a[MOST_WOVEN], b[MOST_WOVEN];
#pragma GCC unroll 9
        for (int r = 0; r < rows; r++) a[r] = vec_permute(vec_load(in + r * t->from_pitch), from[r]);
#pragma GCC unroll 4
        for (int bit = 1; bit < 16; bit *= 2) {
            if (bit >= rows) break;
#pragma GCC unroll 9
            for (int r = 0; r < rows; r++) b[r] = vec_blend(a[r], a[(r + bit) % rows], lanes_with(rows, bit));
#pragma GCC unroll 9
            for (int r = 0; r < rows; r++) a[r] = b[r];
        }
#pragma GCC unroll 9
        for (int j = 0; j < rows; j++) vec_store(out + j * LANES, a[j * LANES % rows]);
    }
}

/* What can be woven of few rows; the rest lies in squares. */
static void weave_rows(const tw_block *t) {
    tw_block woven = *t, rest = *t;
    woven.columns -= woven.columns % LANES;
    rest.columns -= woven.columns;
    rest.from = (const real *)t->from + woven.columns;
    rest.to = (real *)t->to + woven.columns * t->to_pitch;
    switch (t->rows) {
    case 3: weave(&woven, 3, columns_3); break;
    case 5: weave(&woven, 5, columns_5); break;
    case 7: weave(&woven, 7, columns_7); break;
    default: weave(&woven, 9, columns_9); break;
    }
    if (rest.columns > 0) turn(&rest);
}

/* `turn` itself. */
static void weave_or_turn(const tw_block *t) {
    if (t->to_pitch == t->rows && t->rows % 2 == 1 && t->rows >= 3 && t->rows <= MOST_WOVEN)
        weave_rows(t);
    else
        turn(t);
}

#undef COLUMN
#undef COLUMNS

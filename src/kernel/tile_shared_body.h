/* The body of `tile_shared`, a tile whose last vector is shared by two rows; included after tile_body.h by
 * the files ISA_TYPE.c with long vectors, which also define
 *
 *     SHARED_2 .. SHARED_4  rows of a tile that many vectors wide: even
 *     vec_halves            the lower half of one vector and the upper half of another
 *     vec_upper             a vector whose lower half is the upper one of another
 *
 * 24 channels are one and a half vectors of 16: with two whole ones a quarter of the products would be thrown
 * away. Here row r and the row half a tile below share the products of the last 8 columns, which b holds
 * twice: one splat in the lower half and the other in the upper. So 18 rows take 27 multiply-adds for each l
 * instead of 36. Every element of C is the same chain as in `tile`. */

TW_INLINED void sum_shared(const tw_tile *t, const int rows, const int vecs) {
    const int half = rows / 2, whole = vecs - 1;
    const int64_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row;
    const char *next = t->next ? t->next : (const char *)t; /* as in sum_tile */
    const int64_t next_step = t->next ? 64 : 0;
    for (int64_t k = 0; k <= t->further; k++) {
        vec sum[MOST_ROWS][TW_MOST_VECS], shared[MOST_ROWS / 2];
#pragma GCC unroll 28
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < whole; v++) sum[r][v] = vec_zero();
#pragma GCC unroll 14
        for (int r = 0; r < half; r++) shared[r] = vec_zero();
        const int64_t a_begin = t->a_begin + k * t->a_tile, b_begin = t->b_begin + k * t->b_tile;
        for (int64_t i = 0; i < t->count; i++) {
            const real *above = (const real *)t->strips[i].a + a_begin, *below = above + half * a_row,
                       *b = (const real *)t->strips[i].b + b_begin;
            for (int64_t l = t->strips[i].length; l > 0; l--) {
                vec w[TW_MOST_VECS];
                __builtin_prefetch(next, 0, 2);
                next += next_step;
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) w[v] = load_once(b + v * LANES);
#pragma GCC unroll 14
                for (int r = 0; r < half; r++) {
                    vec s = vec_splat(*(const packed_real *)(above + r * a_row)),
                        z = vec_splat(*(const packed_real *)(below + r * a_row));
#pragma GCC unroll 4
                    for (int v = 0; v < whole; v++) {
                        sum[r][v] = vec_fma(s, w[v], sum[r][v]);
                        sum[half + r][v] = vec_fma(z, w[v], sum[half + r][v]);
                    }
                    shared[r] = vec_fma(vec_halves(s, z), w[whole], shared[r]);
                }
                above += a_col, below += a_col, b += b_row;
            }
        }
#pragma GCC unroll 14
        for (int r = 0; r < half; r++) sum[r][whole] = shared[r], sum[half + r][whole] = vec_upper(shared[r]);
        finish_tile(t, NULL, k, rows, vecs, sum);
    }
}

static void tile_shared(const tw_tile *t) {
    switch (t->vecs) {
    case 2: sum_shared(t, SHARED_2, 2); break;
    case 3: sum_shared(t, SHARED_3, 3); break;
    default: sum_shared(t, SHARED_4, 4); break;
    }
}

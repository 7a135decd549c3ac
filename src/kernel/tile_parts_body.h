/* The body of `tile_parts`, a tile of which some strips take a part; included after tile_body.h by each file
 * ISA_TYPE.c, which also defines
 *
 *     mask, mask_of    lanes; those of a vector whose bits are all set, of bits that are all set or all clear
 *     vec_fma_where    vec_fma in those lanes, the last argument in all others
 *
 * It is for numbers that are not finite, whose product with a zero of the padding would be NaN. Some rows at
 * a time, so that few tiles need be compiled: a little slower than the whole tile, and the same chains. */

enum { PART_ROWS = 6, PART_ROWS_1 = 12 /* of one vector: as many chains as the latency asks for */ };

/* One strip, in the lanes of m. `whole`: all rows take part, else those from `begin` to end - 1. */
TW_INLINED void add_part(const tw_tile *t, const tw_strip *strip, const mask *m, const int64_t *at,
                         int64_t begin, int64_t end, const bool whole, const int rows, const int vecs,
                         vec sum[][TW_MOST_VECS]) {
    const int64_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row;
    const real *a = (const real *)strip->a + t->a_begin, *b = strip->b;
    for (int64_t l = strip->length; l > 0; l--, a += a_col, b += b_row) {
        vec w[TW_MOST_VECS];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) w[v] = load_once(b + at[v]);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            if (!whole && (r < begin || r >= end)) continue;
            vec s = vec_splat(*(const packed_real *)(a + r * a_row));
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) sum[r][v] = vec_fma_where(m[v], s, w[v], sum[r][v]);
        }
    }
}

/* `first`: the number of the first row in the tile that was asked for. */
TW_INLINED void sum_parts(const tw_tile *t, const int64_t first, const int rows, const int vecs) {
    vec sum[MOST_ROWS][TW_MOST_VECS];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) sum[r][v] = vec_zero();
    int64_t at[TW_MOST_VECS], lanes[TW_MOST_VECS];
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
        at[v] = t->b_begin + (t->apart ? t->apart->b[v] : v * LANES);
        lanes[v] = t->lanes_begin + (t->apart ? t->apart->lanes[v] : v * LANES);
    }
    for (int64_t i = 0; i < t->count; i++) {
        const tw_part *part = &t->parts[i];
        const int64_t begin = part->first - first, end = part->end - first;
        mask m[TW_MOST_VECS];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) m[v] = mask_of(vec_load((const real *)part->lanes + lanes[v]));
        if (begin <= 0 && end >= rows)
            add_part(t, &t->strips[i], m, at, begin, end, true, rows, vecs, sum);
        else
            add_part(t, &t->strips[i], m, at, begin, end, false, rows, vecs, sum);
    }
    finish_tile(t, t->apart, 0, rows, vecs, sum);
}

/* The rows that one call takes, of those that are left. */
static inline int part_rows(int left, int vecs) {
    if (vecs == 1 && left >= PART_ROWS_1) return PART_ROWS_1;
    return left >= PART_ROWS ? PART_ROWS : left >= 3 ? 3 : 1;
}

TW_INLINED void parts_of(const tw_tile *t, int64_t first, int rows, const int vecs) {
    switch (rows) {
    case PART_ROWS_1: sum_parts(t, first, vecs == 1 ? PART_ROWS_1 : 1, vecs); break;
    case PART_ROWS: sum_parts(t, first, PART_ROWS, vecs); break;
    case 3: sum_parts(t, first, 3, vecs); break;
    default: sum_parts(t, first, 1, vecs); break;
    }
}

static void parts_1(const tw_tile *t, int64_t first, int rows) {
    parts_of(t, first, rows, 1);
}

static void parts_2(const tw_tile *t, int64_t first, int rows) {
    parts_of(t, first, rows, 2);
}

static void parts_3(const tw_tile *t, int64_t first, int rows) {
    if (ROWS_3 > 0) parts_of(t, first, rows, 3);
}

static void parts_4(const tw_tile *t, int64_t first, int rows) {
    if (ROWS_4 > 0) parts_of(t, first, rows, 4);
}

/* The tile that lies `steps` behind that which was asked for, in rows of which some call takes as many. */
static void tile_in_parts(const tw_tile *tile, const tw_apart *apart, int64_t steps) {
    static void (*const by_width[])(const tw_tile *, int64_t, int) = {parts_1, parts_2, parts_3, parts_4};
    tw_tile t = *tile;
    t.a_begin += steps * t.a_tile, t.b_begin += steps * t.b_tile, t.lanes_begin += steps * t.lanes_tile;
    t.c = (real *)t.c + steps * t.c_tile;
    if (t.start) t.start = (const real *)t.start + steps * t.start_tile;
    t.apart = apart;
    for (int first = 0, rows; first < tile->rows; first += rows) {
        rows = part_rows(tile->rows - first, t.vecs);
        by_width[t.vecs - 1](&t, first, rows);
        t.a_begin += rows * t.a_row;
        t.c = (real *)t.c + rows * t.c_row;
        if (t.start) t.start = (const real *)t.start + rows * t.start_row;
    }
}

static void tile_parts(const tw_tile *t) {
    const int64_t period = t->apart && t->aparts > 1 ? t->aparts : 1;
    for (int64_t k = 0; k <= t->further; k++)
        tile_in_parts(t, t->apart ? t->apart + k % period : NULL, k / period);
}

/* The body of `turn`, the transposition of numbers between channels first and channels last, of `copy`
 * and of `frame`, for many short rows; included after tile_body.h by each file ISA_TYPE.c, which also defines
 * vec_zip_low and vec_zip_high: the lower and the upper halves of two vectors, interleaved.
 *
 * A square of LANES vectors is turned in registers. Zipping row i with row i + LANES / 2 moves the highest
 * bit of an element's row number to the end of its column number, and the highest bit of its column number to
 * the end of its row number; after log2(LANES) rounds rows and columns have changed places. */

TW_INLINED void turn_square(const real *from, int64_t from_pitch, real *to, int64_t to_pitch, int rows,
                            int columns, bool whole) {
    vec a[LANES], b[LANES];
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
        a[r] = whole      ? vec_load(from + r * from_pitch)
               : r < rows ? vec_load_part(from + r * from_pitch, columns)
                          : vec_zero();
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 8
        for (int r = 0; r < LANES / 2; r++) {
            b[2 * r] = vec_zip_low(a[r], a[r + LANES / 2]);
            b[2 * r + 1] = vec_zip_high(a[r], a[r + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int r = 0; r < LANES; r++) a[r] = b[r];
    }
#pragma GCC unroll 16
    for (int c = 0; c < LANES; c++) {
        if (whole)
            vec_store(to + c * to_pitch, a[c]);
        else if (c < columns)
            vec_store_part(to + c * to_pitch, a[c], rows);
    }
}

static void turn(const tw_block *t) {
    for (int64_t r = 0; r < t->rows; r += LANES)
        for (int64_t c = 0; c < t->columns; c += LANES) {
            const real *from = (const real *)t->from + r * t->from_pitch + c;
            real *to = (real *)t->to + c * t->to_pitch + r;
            int64_t rows = t->rows - r, columns = t->columns - c;
            if (rows >= LANES && columns >= LANES)
                turn_square(from, t->from_pitch, to, t->to_pitch, LANES, LANES, true);
            else
                turn_square(from, t->from_pitch, to, t->to_pitch, (int)(rows < LANES ? rows : LANES),
                            (int)(columns < LANES ? columns : LANES), false);
        }
}

/* Rows of `vecs` whole vectors and a part. */
TW_INLINED void copy_rows(const tw_block *b, const int vecs, const bool more) {
    const real *from = b->from;
    real *to = b->to;
    const int part = (int)(b->columns - vecs * LANES);
    for (int64_t r = 0; r < b->rows; r++, from += b->from_pitch, to += b->to_pitch) {
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) vec_store(to + v * LANES, vec_load(from + v * LANES));
        if (more) vec_store_part(to + vecs * LANES, vec_load_part(from + vecs * LANES, part), part);
    }
}

static void copy(const tw_block *b) {
    tw_block left = *b;
    for (; left.columns > 4 * LANES; left.columns -= 4 * LANES) {
        copy_rows(&left, 4, false);
        left.from = (const real *)left.from + 4 * LANES;
        left.to = (real *)left.to + 4 * LANES;
    }
    switch (left.columns / LANES * 2 + (left.columns % LANES != 0)) {
    case 1: copy_rows(&left, 0, true); break;
    case 2: copy_rows(&left, 1, false); break;
    case 3: copy_rows(&left, 1, true); break;
    case 4: copy_rows(&left, 2, false); break;
    case 5: copy_rows(&left, 2, true); break;
    case 6: copy_rows(&left, 3, false); break;
    case 7: copy_rows(&left, 3, true); break;
    case 8: copy_rows(&left, 4, false); break;
    default: break;
    }
}

/* Whole vectors of zeros first, of which the columns overwrite a part. */
static void frame(const tw_frame *f) {
    const int64_t end = (f->before + f->block.columns) / LANES * LANES;
    const vec zero = vec_zero();
    tw_block inside = f->block;
    real *to = inside.to;
    inside.to = to + f->before;
    for (int64_t r = 0; r < inside.rows; r++, to += inside.to_pitch) {
        for (int64_t i = 0; i < f->before; i += LANES) vec_store(to + i, zero);
        for (int64_t i = end; i < f->width; i += LANES) vec_store(to + i, zero);
    }
    copy(&inside);
}

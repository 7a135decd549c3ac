/* The body of `turn`, the transposition of numbers between channels first and channels last, of `copy`
 * and of `frame`, for many short rows; included after tile_body.h by each file ISA_TYPE.c, which also defines
 * vec_zip_low and vec_zip_high, the lower and the upper halves of two vectors, interleaved, and
 * vec_unzip_even and vec_unzip_odd, every other number of two vectors.
 *
 * A square of LANES vectors is turned in registers: by vec_turn where the file defines it and VEC_TURN, which
 * can spare shuffles across a whole vector. Otherwise zipping row i with row i + LANES / 2 moves the highest
 * bit of an element's row number to the end of its column number, and the highest bit of its column number to
 * the end of its row number; after log2(LANES) rounds rows and columns have changed places. */

#ifndef VEC_TURN
TW_INLINED void vec_turn(vec a[LANES]) {
    vec b[LANES];
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
}
#endif

TW_INLINED void turn_square(const real *from, int64_t from_pitch, real *to, int64_t to_pitch, int rows,
                            int columns, bool whole) {
    vec a[LANES];
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
        a[r] = whole      ? vec_load(from + r * from_pitch)
               : r < rows ? vec_load_part(from + r * from_pitch, columns)
                          : vec_zero();
    vec_turn(a);
#pragma GCC unroll 16
    for (int c = 0; c < LANES; c++) {
        if (whole)
            vec_store(to + c * to_pitch, a[c]);
        else if (c < columns)
            vec_store_part(to + c * to_pitch, a[c], rows);
    }
}

/* Two rows side by side that become one, number by number. */
static void zip_rows(const tw_block *t) {
    const real *first = t->from, *second = first + t->from_pitch;
    real *to = t->to;
    int64_t left = t->columns;
    for (; left >= LANES; left -= LANES, first += LANES, second += LANES, to += 2 * LANES) {
        const vec a = vec_load(first), b = vec_load(second);
        vec_store(to, vec_zip_low(a, b));
        vec_store(to + LANES, vec_zip_high(a, b));
    }
    if (left == 0) return;
    const vec a = vec_load_part(first, (int)left), b = vec_load_part(second, (int)left);
    const int count = (int)(2 * left), low = count < LANES ? count : LANES;
    vec_store_part(to, vec_zip_low(a, b), low);
    if (count > LANES) vec_store_part(to + LANES, vec_zip_high(a, b), count - LANES);
}

/* The reverse. */
static void unzip_columns(const tw_block *t) {
    const real *from = t->from;
    real *even = t->to, *odd = even + t->to_pitch;
    int64_t left = t->rows;
    for (; left >= LANES; left -= LANES, from += 2 * LANES, even += LANES, odd += LANES) {
        const vec a = vec_load(from), b = vec_load(from + LANES);
        vec_store(even, vec_unzip_even(a, b));
        vec_store(odd, vec_unzip_odd(a, b));
    }
    if (left == 0) return;
    const int count = (int)(2 * left), low = count < LANES ? count : LANES;
    const vec a = vec_load_part(from, low),
              b = count > LANES ? vec_load_part(from + LANES, count - LANES) : vec_zero();
    vec_store_part(even, vec_unzip_even(a, b), (int)left);
    vec_store_part(odd, vec_unzip_odd(a, b), (int)left);
}

/* Where the square behind `at` begins, of `count`: the last one reaches back into the one before it, where
 * whole squares fit at all. */
static inline int64_t square_at(int64_t at, int64_t count) {
    return at + LANES > count && count >= LANES ? count - LANES : at;
}

/* Squares in strips, along which the side whose rows lie farther apart is read, or written, as it lies. */
static void turn_squares(const tw_block *t) {
    enum { STRIP = 8 * LANES };
    const int rows = (int)(t->rows < LANES ? t->rows : LANES),
              columns = (int)(t->columns < LANES ? t->columns : LANES);
    const bool whole = rows == LANES && columns == LANES, reads = t->from_pitch > t->to_pitch;
    const int64_t along = reads ? t->columns : t->rows, across = reads ? t->rows : t->columns;
    for (int64_t strip = 0; strip < along; strip += STRIP)
        for (int64_t i = 0; i < across; i += LANES)
            for (int64_t j = strip; j < along && j < strip + STRIP; j += LANES) {
                const int64_t r = square_at(reads ? i : j, t->rows), c = square_at(reads ? j : i, t->columns);
                const real *from = (const real *)t->from + r * t->from_pitch + c;
                real *to = (real *)t->to + c * t->to_pitch + r;
                if (whole)
                    turn_square(from, t->from_pitch, to, t->to_pitch, LANES, LANES, true);
                else
                    turn_square(from, t->from_pitch, to, t->to_pitch, rows, columns, false);
            }
}

static void turn(const tw_block *t) {
    if (LANES > 1 && t->rows == 2 && t->to_pitch == 2)
        zip_rows(t);
    else if (LANES > 1 && t->columns == 2 && t->from_pitch == 2)
        unzip_columns(t);
    else
        turn_squares(t);
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

/* Batch norm over `real`: a row is one pixel, [rows][channels]. Sums are in double, rows in order; the caller
 * cuts rows into chunks of fixed length, which stay in a cache, and adds their sums in order.
 *
 * Two octets of channels at a time keep what they need in registers while the rows of a strip go by, which
 * stay in the first-level cache until all channels are done; then what is left of the channels. */

enum { STRIP = 128, AHEAD = 4096 /* bytes */ };

/* Some rows of one call. */
typedef struct strip {
    int64_t rows, channels;
    const tw_norm *norm;
    const real *x, *other; /* other: addend or dy */
    real *out;
    const real *slope, *constant;
    const real *first;    /* the first row of the call */
    double *sum, *second; /* [channels], added to */
} strip;

/* `octets` octets of `count` channels each, from channel c on; constants where it matters. */
typedef struct part {
    int64_t c, count;
    int octets;
} part;

/* What comes soon, in the order of memory: a strip is read otherwise, and the processor does not foresee it.
 */
TW_INLINED void fetch_next(const real *from, int64_t count) {
    const uintptr_t begin = (uintptr_t)from, end = begin + (uintptr_t)count * sizeof(real);
    for (uintptr_t line = begin; line < end; line += 64) __builtin_prefetch((const char *)line + AHEAD);
}

/* Calls `body` for all channels of all strips of s. A macro in all but name: everything is inlined. Where two
 * tensors are read, two rows at once pay even if they are long. */
TW_INLINED void each_strip(strip s, void (*const body)(const strip *s, part p)) {
    int64_t rows = s.rows, high = tw_max(s.other ? 2 : 1, STRIP / s.channels);
    for (int64_t r = 0; r < rows; r += high) {
        s.rows = tw_min(high, rows - r);
        int64_t c = 0, step = s.rows * s.channels;
        fetch_next(s.x, step);
        if (s.other) fetch_next(s.other, step);
        for (; c + PAIR <= s.channels; c += PAIR) body(&s, (part){c, BLOCK, 2});
        for (; c + BLOCK <= s.channels; c += BLOCK) body(&s, (part){c, BLOCK, 1});
        if (c < s.channels) body(&s, (part){c, s.channels - c, 1});
        s.x += step;
        if (s.other) s.other += step;
        if (s.out) s.out += step;
    }
}

/* ---- Sums: doubles as many at once as a vector of the machine holds at most, of which there are few: some
 * compilers widen eight numbers badly where they make two vectors ---- */

#ifdef __AVX512F__
enum { PIECE = 8 };
#else
enum { PIECE = 4 };
#endif
enum { PIECES = PAIR / PIECE };
typedef real piece __attribute__((vector_size(PIECE * sizeof(real))));
typedef double wide_piece __attribute__((vector_size(PIECE * sizeof(double))));

TW_INLINED int pieces_of(part p) {
    return p.octets * BLOCK / PIECE;
}

/* How many numbers of piece number f are there. */
TW_INLINED int64_t count_of(part p, int f) {
    return p.count == BLOCK ? PIECE : tw_max(0, tw_min(PIECE, p.count - PIECE * f));
}

/* Each piece by itself: a load that spans two stores would wait for both. */
TW_INLINED void sums_load(const double *from, part p, wide_piece *to) {
    for (int f = 0; f < pieces_of(p); f++) {
        to[f] = (wide_piece){0};
        memcpy(&to[f], from + p.c + f * PIECE, (size_t)count_of(p, f) * sizeof *from);
    }
}

TW_INLINED void sums_store(double *to, part p, const wide_piece *from) {
    for (int f = 0; f < pieces_of(p); f++)
        memcpy(to + p.c + f * PIECE, &from[f], (size_t)count_of(p, f) * sizeof *to);
}

/* A piece of an octet, from number `first` on, as doubles. */
TW_INLINED void widen(const block *octet, int first, wide_piece *to) {
    piece narrow;
    memcpy(&narrow, (const real *)octet + first, sizeof narrow);
#ifdef __AVX512F__
    if (sizeof(real) < sizeof(double)) { /* gcc 12 makes four instructions of this one */
        __m256 eight;
        memcpy(&eight, &narrow, sizeof eight);
        const __m512d wide = _mm512_cvtps_pd(eight);
        memcpy(to, &wide, sizeof wide);
        return;
    }
#endif
    *to = __builtin_convertvector(narrow, wide_piece);
}

TW_INLINED void moments_strip(const strip *s, part p) {
    wide_piece first[PIECES], total[PIECES], around[PIECES], wide;
    block b = {0};
    sums_load(s->sum, p, total), sums_load(s->second, p, around);
    for (int f = 0; f < pieces_of(p); f++) {
        if (f * PIECE % BLOCK == 0) block_load(s->first + p.c + f * PIECE, p.count, &b);
        widen(&b, f * PIECE % BLOCK, &first[f]);
    }
    for (int64_t r = 0; r < s->rows; r++)
        for (int f = 0; f < pieces_of(p); f++) {
            if (f * PIECE % BLOCK == 0) block_load(s->x + r * s->channels + p.c + f * PIECE, p.count, &b);
            widen(&b, f * PIECE % BLOCK, &wide);
            wide = wide - first[f];
            total[f] = total[f] + wide;
            around[f] = around[f] + wide * wide;
        }
    sums_store(s->sum, p, total), sums_store(s->second, p, around);
}

/* Both sums in one pass, around the first row, which is near the mean where it matters: where all numbers are
 * far from zero and near each other. */
static void moments(int64_t rows, int64_t channels, const void *x, double *sum, double *squares) {
    strip s = {.rows = rows, .channels = channels, .x = x, .first = x, .sum = sum, .second = squares};
    for (int64_t c = 0; c < channels; c++) sum[c] = squares[c] = 0;
    each_strip(s, moments_strip);
    for (int64_t c = 0; c < channels; c++) {
        double around = squares[c] - sum[c] * sum[c] / (double)rows;
        squares[c] = around < 0 ? 0 : around; /* NaN stays */
        sum[c] += (double)rows * (double)s.first[c];
    }
}

/* What batch norm needs of one octet of channels. */
typedef struct octet_norm {
    block mean, scale, shift;
} octet_norm;

TW_INLINED void octet_load(const tw_norm *norm, part p, int o, octet_norm *n) {
    int64_t c = p.c + o * BLOCK;
    block_load((const real *)norm->mean + c, p.count, &n->mean);
    block_load((const real *)norm->scale + c, p.count, &n->scale);
    block_load((const real *)norm->shift + c, p.count, &n->shift);
}

/* d = dy, or 0 where the ramp held its output; off = x - mean. */
TW_INLINED void octet_back(const octet_norm *n, tw_ramp ramp, const real *x, const real *dy, int64_t count,
                           block *d, block *off) {
    block_load(x, count, off);
    block_load(dy, count, d);
    *off = *off - n->mean;
    if (ramp == TW_NO_RAMP) return;
    const block z = *off * n->scale + n->shift;
    *d = (block)((lanes)(z > 0) & (lanes)*d);
    if (ramp == TW_RELU6) *d = (block)((lanes)(z < 6) & (lanes)*d);
}

TW_INLINED void back_sums_strip(const strip *s, part p) {
    wide_piece total[PIECES], product[PIECES], wide, wide_off;
    octet_norm n[2];
    block d, off;
    const tw_ramp ramp = s->norm->ramp;
    sums_load(s->sum, p, total), sums_load(s->second, p, product);
    for (int o = 0; o < p.octets; o++) octet_load(s->norm, p, o, &n[o]);
    for (int64_t r = 0; r < s->rows; r++)
        for (int f = 0; f < pieces_of(p); f++) {
            int64_t at = r * s->channels + p.c + f * PIECE;
            if (f * PIECE % BLOCK == 0)
                octet_back(&n[f * PIECE / BLOCK], ramp, s->x + at, s->other + at, p.count, &d, &off);
            widen(&d, f * PIECE % BLOCK, &wide), widen(&off, f * PIECE % BLOCK, &wide_off);
            total[f] = total[f] + wide;
            product[f] = product[f] + wide_off * wide;
        }
    sums_store(s->sum, p, total), sums_store(s->second, p, product);
}

static void back_sums(int64_t rows, const tw_norm *norm, const void *x, const void *dy, double *sum,
                      double *products) {
    strip s = {.rows = rows, .channels = norm->channels, .norm = norm, .x = x, .other = dy};
    s.sum = sum, s.second = products;
    for (int64_t c = 0; c < norm->channels; c++) sum[c] = products[c] = 0;
    each_strip(s, back_sums_strip);
}

/* ---- Number by number ---- */

TW_INLINED void octet_cut(block *z, tw_ramp ramp) {
    const block most = (block){0} + 6;
    if (ramp != TW_NO_RAMP) *z = (block)(~(lanes)(*z < 0) & (lanes)*z); /* NaN stays */
    if (ramp == TW_RELU6) *z = (block)(((lanes)(*z > 6) & (lanes)most) | (~(lanes)(*z > 6) & (lanes)*z));
}

TW_INLINED void normalise_strip(const strip *s, part p) {
    octet_norm n[2];
    block b, more;
    const tw_ramp ramp = s->norm->ramp;
    const bool streams = s->norm->streams;
    for (int o = 0; o < p.octets; o++) octet_load(s->norm, p, o, &n[o]);
    for (int64_t r = 0; r < s->rows; r++)
        for (int o = 0; o < p.octets; o++) {
            int64_t at = r * s->channels + p.c + o * BLOCK;
            block_load(s->x + at, p.count, &b);
            b = (b - n[o].mean) * n[o].scale + n[o].shift;
            if (s->other) {
                block_load(s->other + at, p.count, &more);
                b = b + more;
            }
            octet_cut(&b, ramp);
            if (streams && p.count == BLOCK)
                block_stream(s->out + at, &b);
            else
                block_store(s->out + at, &b, p.count);
        }
}

static void normalise(int64_t rows, const tw_norm *norm, const void *x, const void *addend, void *y) {
    strip s = {.rows = rows, .channels = norm->channels, .norm = norm, .x = x, .other = addend, .out = y};
    each_strip(s, normalise_strip);
    if (norm->streams) streamed();
}

TW_INLINED void back_strip(const strip *s, part p) {
    octet_norm n[2];
    block d, off, slope[2], constant[2];
    const tw_ramp ramp = s->norm->ramp;
    for (int o = 0; o < p.octets; o++) {
        octet_load(s->norm, p, o, &n[o]);
        block_load(s->slope + p.c + o * BLOCK, p.count, &slope[o]);
        block_load(s->constant + p.c + o * BLOCK, p.count, &constant[o]);
    }
    for (int64_t r = 0; r < s->rows; r++)
        for (int o = 0; o < p.octets; o++) {
            int64_t at = r * s->channels + p.c + o * BLOCK;
            octet_back(&n[o], ramp, s->x + at, s->other + at, p.count, &d, &off);
            d = d * n[o].scale + (off * slope[o] + constant[o]);
            block_store(s->out + at, &d, p.count);
        }
}

static void normalise_back(int64_t rows, const tw_norm *norm, const void *slope, const void *constant,
                           const void *x, const void *dy, void *dx) {
    strip s = {.rows = rows, .channels = norm->channels, .norm = norm, .x = x, .other = dy, .out = dx};
    s.slope = slope, s.constant = constant;
    each_strip(s, back_strip);
}

/* The body of `sums`, the totals of channels over the pixels of an image, of `aslant` and `overlap`, the
 * sums of shifted rows and of pixels that overlap, and of `all_finite`; included after tile_body.h by each
 * file ISA_TYPE.c. Pixel p goes to partial sum p mod 16, and the partial sums are added in a tree: 16 chains
 * keep the adders busy and rounding errors small, and are whole vectors on every instruction set, so that all
 * give the same bits in both layouts. */

enum { PHASES = 16, PHASE_VECS = PHASES / LANES, SIDE = 4 /* vectors side by side */ };

/* Sixteen pixels of a vector of channels, or those of the last ones that are there. */
TW_INLINED void add_pixels(const real *in, int64_t step, int64_t pixels, int used, vec sum[PHASES]) {
#pragma GCC unroll 16
    for (int i = 0; i < PHASES; i++)
        if (i < pixels)
            sum[i] =
                vec_add(sum[i], used == LANES ? vec_load(in + i * step) : vec_load_part(in + i * step, used));
}

TW_INLINED void add_tree(vec sum[PHASES], real *total, int used) {
#pragma GCC unroll 4
    for (int half = PHASES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++) sum[i] = vec_add(sum[i], sum[i + half]);
    vec_store_part(total, vec_add(vec_load_part(total, used), sum[0]), used);
}

/* Channels side by side: lanes are channels. Pixels that lie far apart are read some lines at a time. */
TW_INLINED void sum_columns(const tw_sums *s, int64_t c, const int vecs, bool whole) {
    const int used = whole ? LANES : (int)(s->channels - c);
    const real *in = (const real *)s->in + c;
    vec sum[SIDE][PHASES];
    for (int v = 0; v < vecs; v++)
#pragma GCC unroll 16
        for (int i = 0; i < PHASES; i++) sum[v][i] = vec_zero();
    int64_t p = 0;
    for (; p + PHASES <= s->pixels; p += PHASES)
        for (int v = 0; v < vecs; v++)
            add_pixels(in + p * s->pixel_step + v * LANES, s->pixel_step, PHASES, used, sum[v]);
    for (int v = 0; v < vecs; v++) {
        add_pixels(in + p * s->pixel_step + v * LANES, s->pixel_step, s->pixels - p, used, sum[v]);
        add_tree(sum[v], (real *)s->total + c + v * LANES, used);
    }
}

/* Pixels side by side: lanes are partial sums. Some channels at once, so that no chain waits for itself. */
TW_INLINED void sum_rows(const tw_sums *s, int64_t c, const int rows) {
    const real *in = (const real *)s->in + c * s->channel_step;
    vec sum[SIDE][PHASE_VECS];
    real phase[PHASES];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
        for (int v = 0; v < PHASE_VECS; v++) sum[r][v] = vec_zero();
    int64_t p = 0;
    for (; p + PHASES <= s->pixels; p += PHASES)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < PHASE_VECS; v++)
                sum[r][v] = vec_add(sum[r][v], vec_load(in + r * s->channel_step + p + v * LANES));
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
        for (int v = 0; v < PHASE_VECS; v++) vec_store(phase + v * LANES, sum[r][v]);
        for (int i = 0; p + i < s->pixels; i++) phase[i] += in[r * s->channel_step + p + i];
        for (int half = PHASES / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++) phase[i] += phase[i + half];
        ((real *)s->total)[c + r] += phase[0];
    }
}

static void sums(const tw_sums *s) {
    int64_t c = 0;
    if (s->pixel_step == 1) { /* a small file has one row's loop only */
        for (; !TW_SMALL_KERNELS && c + SIDE <= s->channels; c += SIDE) sum_rows(s, c, SIDE);
        for (; !TW_SMALL_KERNELS && c + 2 <= s->channels; c += 2) sum_rows(s, c, 2);
        for (; c < s->channels; c++) sum_rows(s, c, 1);
        return;
    }
    for (; c + SIDE * LANES <= s->channels; c += SIDE * LANES) sum_columns(s, c, SIDE, true);
    for (; c + LANES <= s->channels; c += LANES) sum_columns(s, c, 1, true);
    if (c < s->channels) sum_columns(s, c, 1, false);
}

/* `count` columns from `from` and `to` on, a vector at most. */
TW_INLINED void aslant_vector(const tw_aslant *s, const real *from, real *to, const int count,
                              const bool whole) {
    vec sum = s->start ? vec_splat(*(const real *)s->start) : vec_zero();
    for (int64_t t = 0; t < s->terms; t++, from += s->from_pitch + s->hop)
        sum = vec_add(sum, whole ? vec_load(from) : vec_load_part(from, count));
    if (whole)
        vec_store(to, sum);
    else
        vec_store_part(to, sum, count);
}

static void aslant(const tw_aslant *sums) {
    const tw_aslant s = *sums;
    const int64_t whole = s.columns / LANES * LANES;
    for (int64_t r = 0; r < s.rows; r++) {
        const real *from = (const real *)s.from + r * s.from_row;
        real *to = (real *)s.to + r * s.to_row;
        for (int64_t n = 0; n < whole; n += LANES) aslant_vector(&s, from + n, to + n, LANES, true);
        if (whole < s.columns) aslant_vector(&s, from + whole, to + whole, (int)(s.columns - whole), false);
    }
}

/* Channels c and on of a row's pixels. A vector that is stored whole spills into the next pixel, which comes
 * later: so it is as long as it ends within the row. `terms` is a constant where that pays. */
TW_INLINED void overlap_row(const tw_overlap *s, const real *from, real *to, const int64_t c,
                            const int64_t terms) {
    const int count = s->channels - c < LANES ? (int)(s->channels - c) : LANES;
    const vec start = s->start ? vec_load_part((const real *)s->start + c, count) : vec_zero();
    const int64_t end = s->pixels * s->channels;
    const bool spills = count == LANES || s->channels < LANES;
    from += c;
    for (int64_t at = c; at < end; at += s->channels, from += s->from_pixel) {
        vec sum = start;
#pragma GCC unroll 8
        for (int64_t t = 0; t < terms; t++) sum = vec_add(sum, vec_load(from + t * s->from_term));
        if (spills && at + LANES <= end)
            vec_store(to + at, sum);
        else
            vec_store_part(to + at, sum, count);
    }
}

TW_INLINED void overlap_rows(const tw_overlap *s, const int64_t terms) {
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t c = 0; c < s->channels; c += LANES)
            overlap_row(s, (const real *)s->from + r * s->from_row, (real *)s->to + r * s->to_row, c, terms);
}

static void overlap(const tw_overlap *sums) {
    const tw_overlap s = *sums;
    if (s.terms == 3)
        overlap_rows(&s, 3);
    else if (s.terms == 5)
        overlap_rows(&s, 5);
    else
        overlap_rows(&s, s.terms);
}

/* Zero times a finite number adds nothing; times an infinity or a NaN it is a NaN, which stays in the sum. */
static bool all_finite(const void *numbers, int64_t count) {
    enum { CHAINS_OF_ZEROS = 4, STEP = CHAINS_OF_ZEROS * LANES };
    const real *x = numbers;
    vec sum[CHAINS_OF_ZEROS];
    real all = 0, lane[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < CHAINS_OF_ZEROS; i++) sum[i] = vec_zero();
    for (; count >= STEP; count -= STEP, x += STEP)
#pragma GCC unroll 4
        for (int i = 0; i < CHAINS_OF_ZEROS; i++)
            sum[i] = vec_fma(vec_load(x + i * LANES), vec_zero(), sum[i]);
    for (; count >= LANES; count -= LANES, x += LANES) sum[0] = vec_fma(vec_load(x), vec_zero(), sum[0]);
    if (count > 0) sum[1] = vec_fma(vec_load_part(x, (int)count), vec_zero(), sum[1]);
    vec_store(lane, vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3])));
    for (int i = 0; i < LANES; i++) all += lane[i];
    return all == 0;
}

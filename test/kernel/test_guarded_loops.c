/* The loops of the convolution, each with every buffer between pages that cannot be touched: all instruction
 * sets and types, odd sizes, flush with the page behind and with the one before. What they write is held
 * against the formula of kernel.h, in the order that it promises, with ==. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/random.h"
#include "fence.h"
#include "kernel/kernel.h"

enum { A = 0, A2, B, B2, C, START, LANES, LANES2, FROM = A, TO = B };

/* Who is tested, and where its buffers lie. */
typedef struct subject {
    const tw_loops *loops;
    tw_type type;
    bool at_end;
} subject;

static size_t size_of(const subject *s) {
    return tw_type_size(s->type);
}

static double get(const subject *s, const void *numbers, int64_t i) {
    return s->type == TW_F32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

static void put(const subject *s, void *numbers, int64_t i, double value) {
    if (s->type == TW_F32)
        ((float *)numbers)[i] = (float)value;
    else
        ((double *)numbers)[i] = value;
}

/* Room for exactly `count` numbers; NaN in it is what nobody wrote. */
static void *room(const subject *s, int buffer, int64_t count) {
    return fence_place(buffer, (size_t)count * size_of(s), s->at_end);
}

/* The same with numbers of -1 .. 1 that round when they are multiplied. */
static void *drawn(const subject *s, int buffer, int64_t count) {
    void *numbers = room(s, buffer, count);
    tw_random r = tw_random_stream(11, TW_RANDOM_TEST, (uint64_t)count, (uint32_t)buffer);
    for (int64_t i = 0; i < count; i++) put(s, numbers, i, tw_random_uniform(&r) * 2 - 1);
    return numbers;
}

static double multiply_add(const subject *s, double a, double b, double c) {
    return s->type == TW_F32 ? (double)fmaf((float)a, (float)b, (float)c) : fma(a, b, c);
}

static double plus(const subject *s, double a, double b) {
    return s->type == TW_F32 ? (double)((float)a + (float)b) : a + b;
}

static void each_subject(void (*check)(const subject *s)) {
    size_t count;
    const tw_kernel *const *kernels = tw_kernels(&count);
    for (size_t k = 0; k < count; k++)
        for (int type = TW_F32; tw_cpu_has(kernels[k]->needs) && type <= TW_F64; type++)
            for (int at_end = 0; at_end < 2; at_end++)
                check(&(subject){kernels[k]->loops[type], (tw_type)type, at_end});
}

/* ---- The tile. */

/* The columns of the last vector once more in its other half, for rows that share it. */
static void share_columns(const subject *s, void *b, int64_t length, int64_t across, int vecs) {
    const size_t size = tw_type_size(s->type), half = (size_t)s->loops->lanes / 2 * size;
    for (int64_t l = 0; l < length; l++) {
        char *end = (char *)b + (size_t)(l * across + (int64_t)vecs * s->loops->lanes) * size;
        memcpy(end - half, end - 2 * half, half);
    }
}

/* What a ramp leaves; NaN stays. */
static double cut(double z, tw_ramp ramp) {
    return ramp != TW_NO_RAMP && z < 0 ? 0 : ramp == TW_RELU6 && z > 6 ? 6 : z;
}

/* As the forward pass calls it (a pixel's channels side by side, a bias, a ramp or none), each tile with the
 * pixels behind those of the one before; and as the weights' gradient does (channels down the tile, added to
 * what is there), each with the next columns. */
static void check_tile(const subject *s, int vecs, int rows, int columns, int64_t length, bool forward,
                       bool shared) {
    const int64_t tiles = 1 + columns % 3, wide = (int64_t)vecs * s->loops->lanes;
    const int64_t a_row = forward ? length + 1 : 1, a_col = forward ? 1 : rows;
    const int64_t a_tile = forward ? rows * a_row : 0, b_tile = forward ? 0 : wide;
    const int64_t across = wide + (tiles - 1) * b_tile + 3;
    const bool streams = forward && columns == wide && wide * (int64_t)size_of(s) % 64 == 0 && rows % 2 == 0;
    const int64_t c_row = streams   ? columns + s->loops->lanes
                          : forward ? columns + 2
                                    : tiles * columns + 2,
                  c_tile = forward ? rows * c_row : columns;
    const int64_t a_count = (tiles - 1) * a_tile + (rows - 1) * a_row + (length - 1) * a_col + 1;
    const int64_t b_count = (tiles - 1) * b_tile + (length - 1) * across + wide;
    const int64_t c_count = (tiles - 1) * c_tile + (rows - 1) * c_row + columns;
    const void *a[2] = {drawn(s, A, a_count), drawn(s, A2, a_count)};
    void *b[2] = {drawn(s, B, b_count), drawn(s, B2, b_count)};
    for (int i = 0; i < 2 && shared; i++)
        for (int64_t k = 0; k < (forward ? 1 : tiles); k++)
            share_columns(s, (char *)b[i] + k * b_tile * (int64_t)size_of(s), length, across, vecs);
    void *c = forward ? room(s, C, c_count) : drawn(s, C, c_count);
    const tw_ramp ramp = forward ? (tw_ramp)((rows + columns) % 3) : TW_NO_RAMP;
    double expected[3 * 28 * 66];
    for (int64_t i = 0; i < c_count; i++) expected[i] = get(s, c, i);
    const void *start = forward ? drawn(s, START, columns) : c;
    for (int64_t i = 0; i < tiles * rows * columns; i++) {
        const int64_t k = i / columns / rows, m = i / columns % rows, n = i % columns;
        double *to = &expected[k * c_tile + m * c_row + n], sum = 0;
        for (int64_t l = 0; l < 2 * length; l++)
            sum = multiply_add(s, get(s, a[l / length], k * a_tile + m * a_row + l % length * a_col),
                               get(s, b[l / length], k * b_tile + l % length * across + n), sum);
        *to = cut(plus(s, forward ? get(s, start, n) : *to, sum), ramp);
    }
    tw_strip strips[2] = {{a[0], b[0], length}, {a[1], b[1], length}};
    tw_tile t = {.strips = strips, .count = 2, .a_row = a_row, .a_col = a_col, .b_row = across};
    t.start = start, t.start_row = forward ? 0 : c_row, t.c = c, t.c_row = c_row;
    t.rows = rows, t.vecs = vecs, t.columns = columns;
    t.further = tiles - 1, t.a_tile = a_tile, t.b_tile = b_tile, t.c_tile = c_tile;
    t.start_tile = forward ? 0 : c_tile, t.ramp = ramp;
    t.streams = streams; /* flush with a page, and a whole number of lines */
    (shared ? s->loops->tile_shared : s->loops->tile)(&t);
    for (int64_t i = 0; i < c_count; i++)
        assert_true(get(s, c, i) == expected[i] || (isnan(get(s, c, i)) && isnan(expected[i])));
}

static void check_tiles(const subject *s) {
    for (int vecs = 1; vecs <= s->loops->most_vecs; vecs++)
        for (int rows = 1; rows <= s->loops->most_rows[vecs]; rows++)
            for (int part = 0; part < 3; part++) {
                const int least = (vecs - 1) * s->loops->lanes + 1, most = vecs * s->loops->lanes;
                const int columns = part == 0 ? least : part == 1 ? most : (least + most) / 2;
                check_tile(s, vecs, rows, columns, 1 + rows % 4, true, false);
                check_tile(s, vecs, rows, columns, 1 + rows % 4, false, false);
            }
}

static void check_shared_tiles(const subject *s) {
    for (int vecs = 1; vecs <= s->loops->most_vecs; vecs++)
        for (int last = 1; s->loops->shared_rows[vecs] > 0 && last <= s->loops->lanes / 2; last++) {
            const int columns = (vecs - 1) * s->loops->lanes + last;
            check_tile(s, vecs, s->loops->shared_rows[vecs], columns, 1 + last % 4, true, true);
            check_tile(s, vecs, s->loops->shared_rows[vecs], columns, 1 + last % 4, false, true);
        }
}

static void tiles_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_tiles);
    each_subject(check_shared_tiles);
}

/* ---- Parts of a tile. */

/* All bits of a number, set or clear. */
static void mark(const subject *s, void *numbers, int64_t i, bool set) {
    memset((char *)numbers + i * (int64_t)size_of(s), set ? 0xff : 0, size_of(s));
}

/* Lanes that begin and end somewhere. */
static void *marked(const subject *s, int buffer, int64_t count, int64_t begin, int64_t end) {
    void *lanes = room(s, buffer, count);
    for (int64_t i = 0; i < count; i++) mark(s, lanes, i, i >= begin && i < end);
    return lanes;
}

typedef struct parts {
    int vecs, rows, columns;
    bool apart; /* vectors of b and of lanes from the last to the first */
} parts;

enum { TILES = 3 };

/* The first strip lacks lanes, over which b is not finite; the second lacks rows, whose a is a NaN. Of the
 * three tiles, each with rows of c behind those of the one before, the second has its vectors the other way
 * round where they are apart: then the third lies a step behind the first, else two. */
static void check_parts(const subject *s, const parts *p) {
    const int64_t length = 3, lanes = s->loops->lanes, wide = (int64_t)p->vecs * lanes,
                  c_row = p->columns + 1;
    const int64_t low = wide / 4, high = wide - wide / 3, first = p->rows / 3, end = p->rows - p->rows / 4;
    const int64_t c_tile = p->rows * c_row, period = p->apart ? 2 : 1;
    void *a[2] = {drawn(s, A, length * p->rows), drawn(s, A2, length * p->rows)};
    void *b[2] = {drawn(s, B, length * wide), drawn(s, B2, length * wide)};
    void *marks[2] = {marked(s, LANES, wide, low, high), marked(s, LANES2, wide, 0, wide)};
    for (int64_t i = 0; i < length * wide; i++)
        if (i % wide < low || i % wide >= high) put(s, b[0], i, INFINITY);
    for (int64_t i = 0; i < length * p->rows; i++)
        if (i % p->rows < first || i % p->rows >= end) put(s, a[1], i, NAN);
    void *c = room(s, C, (TILES - 1) * c_tile + (p->rows - 1) * c_row + p->columns);
    const void *start = drawn(s, START, wide);
    tw_strip strips[2] = {{a[0], b[0], length}, {a[1], b[1], length}};
    tw_part part[2] = {{marks[0], 0, p->rows}, {marks[1], first, end}};
    tw_apart apart[2] = {{.columns = {0}}};
    for (int v = 0; v < p->vecs; v++)
        for (int i = 0; i < 2; i++) {
            apart[i].b[v] = apart[i].lanes[v] = (i ? v : p->vecs - 1 - v) * lanes;
            apart[i].start[v] = v * lanes, apart[i].c[v] = v * lanes + i * c_tile;
            apart[i].columns[v] = (int)tw_min(lanes, p->columns - v * lanes);
        }
    tw_tile t = {.strips = strips, .count = 2, .parts = part, .a_row = 1, .a_col = p->rows, .b_row = wide};
    t.start = start, t.c = c, t.c_row = c_row, t.apart = p->apart ? apart : NULL;
    t.rows = p->rows, t.vecs = p->vecs, t.columns = p->columns;
    t.further = TILES - 1, t.aparts = period, t.c_tile = period * c_tile;
    s->loops->tile_parts(&t);
    for (int64_t i = 0; i < TILES * p->rows * p->columns; i++) {
        const int64_t k = i / p->columns / p->rows, m = i / p->columns % p->rows, n = i % p->columns;
        const int64_t from = (p->apart ? apart[k % 2].b[n / lanes] : n / lanes * lanes) + n % lanes;
        double sum = 0;
        for (int64_t l = 0; l < 2 * length; l++)
            if (l < length ? from >= low && from < high : m >= first && m < end)
                sum = multiply_add(s, get(s, a[l / length], l % length * p->rows + m),
                                   get(s, b[l / length], l % length * wide + from), sum);
        assert_true(get(s, c, k * c_tile + m * c_row + n) == plus(s, get(s, start, n), sum));
    }
}

static void check_all_parts(const subject *s) {
    for (int vecs = 1; vecs <= s->loops->most_vecs; vecs++)
        for (int rows = 1; rows <= s->loops->most_rows[vecs]; rows++)
            for (int part = 0; part < 2; part++) {
                const int most = vecs * s->loops->lanes, columns = part ? most : most - s->loops->lanes / 2;
                check_parts(s, &(parts){vecs, rows, columns, false});
                check_parts(s, &(parts){vecs, rows, columns, true});
            }
}

static void what_a_part_of_a_tile_leaves_out_is_never_multiplied(void **state) {
    (void)state;
    each_subject(check_all_parts);
}

/* ---- Dots, sums, infinities. */

enum { PHASES = 16 };

/* The 16 partial sums in their tree. */
static double tree(const subject *s, double *phase) {
    for (int half = PHASES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) phase[i] = plus(s, phase[i], phase[i + half]);
    return phase[0];
}

static void check_dots(const subject *s, int rows, int columns, int64_t length) {
    static const int64_t offset[] = {0, 5, 2, 7};
    const int64_t pitch = length + 3, c_row = columns + 1, furthest = columns < 2 ? 0 : columns < 4 ? 5 : 7;
    const void *a = drawn(s, A, (rows - 1) * pitch + length), *b = drawn(s, B, furthest + length);
    void *c = room(s, C, (rows - 1) * c_row + columns);
    tw_strip strip = {a, b, length};
    tw_dots d = {.strips = &strip, .count = 1, .a_pitch = pitch, .offset = offset, .c = c, .c_row = c_row};
    d.rows = rows, d.columns = columns;
    s->loops->dots(&d);
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < columns; j++) {
            double phase[PHASES] = {0};
            for (int64_t l = 0; l < length; l++)
                phase[l % PHASES] =
                    multiply_add(s, get(s, a, m * pitch + l), get(s, b, offset[j] + l), phase[l % PHASES]);
            assert_true(get(s, c, m * c_row + j) == tree(s, phase));
        }
}

/* Every third product is left out, and would be a NaN: a is one number, which is not finite, where b is zero.
 */
static void check_dots_inside(const subject *s, int rows, int columns, int64_t length) {
    static const int64_t offset[] = {0, 5, 2, 7}, inside_offset[] = {3, 8, 5, 10};
    const int64_t furthest = columns < 2 ? 0 : columns < 4 ? 5 : 7;
    void *a = drawn(s, A, rows * length), *b = drawn(s, B, furthest + length);
    void *inside = room(s, LANES, furthest + 3 + length), *c = room(s, C, (int64_t)rows * columns);
    for (int64_t i = 0; i < rows * length; i++) put(s, a, i, i % length % 2 ? INFINITY : 1);
    for (int64_t i = 0; i < furthest + 3 + length; i++) mark(s, inside, i, i % 3 != 0);
    for (int64_t i = 0; i < furthest + length; i++)
        put(s, b, i, i % 3 == 0 ? 0 : 1 + (double)(i % 7)); /* stands over number i + 3 of inside */
    tw_strip strip = {a, b, length};
    const void *const insides[] = {inside};
    tw_dots d = {.strips = &strip, .count = 1, .a_pitch = length, .offset = offset, .c = c, .c_row = columns};
    d.inside = insides, d.inside_offset = inside_offset, d.rows = rows, d.columns = columns;
    s->loops->dots_inside(&d);
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < columns; j++) {
            double phase[PHASES] = {0};
            for (int64_t l = 0; l < length; l++)
                if ((offset[j] + l) % 3 != 0)
                    phase[l % PHASES] = multiply_add(s, get(s, a, m * length + l), get(s, b, offset[j] + l),
                                                     phase[l % PHASES]);
            assert_true(get(s, c, m * columns + j) == tree(s, phase));
        }
}

static void check_all_dots(const subject *s) {
    for (int rows = 1; rows <= s->loops->dot_rows; rows++)
        for (int columns = 1; columns <= s->loops->dot_columns; columns++)
            for (int64_t length = 1; length < 50; length += 3) {
                check_dots(s, rows, columns, length);
                check_dots_inside(s, rows, columns, length);
            }
}

static void dots_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_all_dots);
}

/* Channels side by side, or pixels side by side. */
static void check_sums(const subject *s, int64_t pixels, int64_t channels, bool last) {
    const int64_t pixel_step = last ? channels + 1 : 1, channel_step = last ? 1 : pixels + 2;
    const int64_t count = (pixels - 1) * pixel_step + (channels - 1) * channel_step + 1;
    const void *in = drawn(s, A, count);
    void *total = drawn(s, C, channels);
    double before[40];
    for (int64_t c = 0; c < channels; c++) before[c] = get(s, total, c);
    s->loops->sums(&(tw_sums){in, pixels, pixel_step, channels, channel_step, total});
    for (int64_t c = 0; c < channels; c++) {
        double phase[PHASES] = {0};
        for (int64_t p = 0; p < pixels; p++)
            phase[p % PHASES] = plus(s, phase[p % PHASES], get(s, in, p * pixel_step + c * channel_step));
        assert_true(get(s, total, c) == plus(s, before[c], tree(s, phase)));
    }
}

/* `way` 0: from zero, 1: from a number. */
static void check_aslant(const subject *s, int64_t columns, int64_t terms, int64_t hop, int way) {
    enum { ROWS = 3, MOST = 64 };
    const int64_t from_pitch = columns + 1, from_row = terms * (from_pitch + hop), to_row = columns + 2;
    const void *from = drawn(s, FROM, (ROWS - 1) * from_row + (terms - 1) * (from_pitch + hop) + columns);
    const void *start = drawn(s, START, 1);
    void *to = drawn(s, TO, (ROWS - 1) * to_row + columns);
    double before[ROWS * MOST];
    for (int64_t i = 0; i < (ROWS - 1) * to_row + columns; i++) before[i] = get(s, to, i);
    s->loops->aslant(&(tw_aslant){from, from_row, from_pitch, to, to_row, ROWS, columns, terms, hop,
                                  way == 1 ? start : NULL});
    for (int64_t i = 0; i < (ROWS - 1) * to_row + columns; i++) {
        const int64_t n = i % to_row, at = i / to_row * from_row + n;
        double sum = way == 1 ? get(s, start, 0) : 0;
        for (int64_t t = 0; t < terms; t++)
            if (n < columns) sum = plus(s, sum, get(s, from, at + t * (from_pitch + hop)));
        assert_true(get(s, to, i) == (n < columns ? sum : before[i]));
    }
}

/* Pixels that overlap, read in whole vectors. */
static void check_overlap(const subject *s, int64_t pixels, int64_t channels, int64_t terms) {
    enum { ROWS = 2 };
    const int64_t lanes = s->loops->lanes, from_pixel = terms * channels,
                  from_term = 2 * from_pixel + channels;
    const int64_t from_row = (pixels + 2 * terms) * from_pixel, to_row = pixels * channels + 3;
    const int64_t read = (channels + lanes - 1) / lanes * lanes;
    const void *from =
        drawn(s, FROM, (ROWS - 1) * from_row + (pixels - 1) * from_pixel + (terms - 1) * from_term + read);
    const void *start = terms % 2 ? drawn(s, START, channels) : NULL;
    const int64_t count = (ROWS - 1) * to_row + pixels * channels;
    void *to = drawn(s, TO, count);
    double gap[3];
    for (int i = 0; i < 3; i++) gap[i] = get(s, to, pixels * channels + i);
    s->loops->overlap(&(tw_overlap){from, from_row, from_pixel, from_term, to, to_row, ROWS, pixels, channels,
                                    terms, start});
    for (int64_t n = 0; n < count; n++) {
        const int64_t at = n % to_row, c = at % channels;
        if (at >= pixels * channels) {
            assert_true(get(s, to, n) == gap[at - pixels * channels]);
            continue;
        }
        double sum = start ? get(s, start, c) : 0;
        for (int64_t t = 0; t < terms; t++)
            sum = plus(s, sum,
                       get(s, from, n / to_row * from_row + at / channels * from_pixel + t * from_term + c));
        assert_true(get(s, to, n) == sum);
    }
}

static void check_all_sums(const subject *s) {
    for (int64_t pixels = 1; pixels < 12; pixels += 1 + pixels / 3)
        for (int64_t channels = 1; channels < 20; channels += 1 + channels / 4)
            for (int64_t terms = 2; terms < 7; terms++) check_overlap(s, pixels, channels, terms);
    for (int64_t columns = 1; columns < 60; columns += 1 + columns / 4)
        for (int64_t terms = 1; terms < 8; terms += 3)
            for (int way = 0; way < 2; way++) check_aslant(s, columns, terms, terms % 4, way);
    for (int64_t pixels = 1; pixels < 60; pixels += 7)
        for (int64_t channels = 2; channels < 40; channels += 5) /* with one, both steps could be 1 */
            for (int last = 0; last < 2; last++) check_sums(s, pixels, channels, last);
    for (int64_t count = 1; count < 300; count += 1 + count / 20)
        assert_true(s->loops->all_finite(drawn(s, A, count), count));
}

static void sums_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_all_sums);
}

/* ---- Turning, copying and framing. */

static void check_block(const subject *s, int64_t rows, int64_t columns, bool turned) {
    const int64_t from_pitch = columns + 1, to_pitch = (turned ? rows : columns) + 2;
    const int64_t lines = turned ? columns : rows, line = turned ? rows : columns;
    const void *from = drawn(s, FROM, (rows - 1) * from_pitch + columns);
    void *to = room(s, TO, (lines - 1) * to_pitch + line);
    (turned ? s->loops->turn : s->loops->copy)(&(tw_block){from, from_pitch, to, to_pitch, rows, columns});
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            assert_true(get(s, to, turned ? c * to_pitch + r : r * to_pitch + c) ==
                        get(s, from, r * from_pitch + c));
    for (int64_t i = 0; i < (lines - 1) * to_pitch + line; i++)
        if (i % to_pitch >= line) assert_true(isnan(get(s, to, i)));
}

/* `more` vectors behind those that hold the columns. */
static void check_frame(const subject *s, int64_t rows, int64_t columns, int64_t before, int64_t more) {
    const int64_t lanes = s->loops->lanes, from_pitch = columns + 1;
    const int64_t width = ((before + columns + lanes - 1) / lanes + more) * lanes, to_pitch = width + 2;
    const void *from = drawn(s, FROM, (rows - 1) * from_pitch + columns);
    void *to = room(s, TO, (rows - 1) * to_pitch + width);
    s->loops->frame(&(tw_frame){{from, from_pitch, to, to_pitch, rows, columns}, before, width});
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++) {
            bool inside = c >= before && c < before + columns;
            assert_true(get(s, to, r * to_pitch + c) ==
                        (inside ? get(s, from, r * from_pitch + c - before) : 0));
        }
    for (int64_t i = 0; i < (rows - 1) * to_pitch + width; i++)
        if (i % to_pitch >= width) assert_true(isnan(get(s, to, i)));
}

static void check_blocks(const subject *s) {
    for (int64_t rows = 1; rows < 40; rows += 1 + rows / 5)
        for (int64_t columns = 1; columns < 90; columns += 1 + columns / 5) {
            for (int turned = 0; turned < 2; turned++) check_block(s, rows, columns, turned);
            for (int64_t before = 0; before < 40; before += 1 + 2 * before)
                check_frame(s, rows, columns, before, rows % 3);
        }
}

static void blocks_keep_within_their_buffers(void **state) {
    (void)state;
    each_subject(check_blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_keep_within_their_buffers),
        cmocka_unit_test(what_a_part_of_a_tile_leaves_out_is_never_multiplied),
        cmocka_unit_test(dots_keep_within_their_buffers),
        cmocka_unit_test(sums_keep_within_their_buffers),
        cmocka_unit_test(blocks_keep_within_their_buffers),
    };
    return cmocka_run_group_tests(tests, fences_raise, NULL);
}

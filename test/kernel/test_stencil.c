/* The depthwise loops of every instruction set against the sums that stencil.h defines, written out, bit for
 * bit; each buffer lies flush with a page that must not be touched, before it or behind it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/stencil_cases.h"

enum { ROWS = 5, TAPS = 9, MOST_BLOCKS = 6 /* of which four may go abreast */ };

/* One shape of a row: columns, taps and how they lie; `pitch` numbers from a column to the next. */
typedef struct row_shape {
    int64_t lanes, width, columns, taps, stride, dilation, shift, blocks, pitch;
    int used;
} row_shape;

static row_shape draw_shape(tw_random *r, const tw_loops *loops) {
    row_shape s = {.lanes = loops->lanes, .taps = between(r, 1, TAPS)};
    s.width = between(r, 1, 24), s.columns = between(r, 1, 20), s.stride = between(r, 1, 3);
    s.dilation = between(r, 0, 2) ? 1 : between(r, 2, 3), s.shift = -between(r, 0, TAPS);
    s.used = (int)between(r, 1, s.lanes);
    s.blocks = between(r, 1, MOST_BLOCKS), s.pitch = s.blocks * s.lanes + between(r, 0, 3);
    if (between(r, 0, 4) == 0) s.pitch = 512; /* a multiple of 2048 bytes */
    return s;
}

/* Where column `q` reads with tap `j`, -1: outside. */
static int64_t column_of(const row_shape *s, int64_t q, int64_t j) {
    int64_t c = q * s->stride + s->shift + j * s->dilation;
    return c < 0 || c >= s->width ? -1 : c;
}

/* ---- Forward and backward data. */

/* The output at row `r`, phase `p`, column q and lane l (of all blocks), as stencil.h defines it. */
static double plain_output(tw_type type, int64_t lanes, const tw_stencil *s, int r, const tw_stencil_phase *p,
                           int64_t q, int64_t l) {
    double sum = 0;
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t j = 0; s->source[i].in && s->source[i].weights[r] && j < p->taps; j++) {
            int64_t c = q * s->stride + p->shift + j * p->dilation;
            if (c < 0 || c >= p->width) continue;
            int64_t w = l / lanes * s->block_weights + p->weights_begin + j * lanes + l % lanes;
            sum = fused(type, get(type, s->source[i].weights[r], w),
                        get(type, s->source[i].in, p->in_begin + c * p->in_step + l), sum);
        }
    return sum_of(type, get(type, s->bias, l), sum);
}

static void check_outputs(tw_type type, int64_t lanes, const tw_stencil *s) {
    for (int r = 0; r < s->rows; r++)
        for (const tw_stencil_phase *p = s->phases; p < s->phases + s->phase_count; p++)
            for (int64_t q = 0; q < p->columns; q++)
                for (int64_t l = 0; l < (s->blocks - 1) * lanes + s->used; l++)
                    assert_true(get(type, s->out[r], p->out_begin + q * p->out_step + l) ==
                                plain_output(type, lanes, s, r, p, q, l));
}

/* Two phases, which read and write every other column, or neighbours. */
static void draw_phases(tw_random *r, const row_shape *shape, tw_stencil_phase phases[2]) {
    const int64_t columns = shape->columns, apart = between(r, 1, 2);
    for (int p = 0; p < 2; p++) {
        phases[p] = (tw_stencil_phase){.columns = p && columns > 1 ? columns - between(r, 0, 1) : columns,
                                       .taps = shape->taps,
                                       .shift = shape->shift + p,
                                       .dilation = shape->dilation,
                                       .width = (shape->width - (apart - 1) * p + apart - 1) / apart,
                                       .in_begin = (apart - 1) * p * shape->pitch,
                                       .in_step = apart * shape->pitch,
                                       .weights_begin = p * shape->taps * shape->lanes,
                                       .out_begin = p * shape->pitch,
                                       .out_step = 2 * shape->pitch};
    }
}

/* Gives both phases the taps that backward data with stride 2 has of the usual kernels. */
static void pair_up(tw_random *r, tw_stencil_phase phases[2]) {
    static const int64_t usual[][3] = {{1, 2, 0}, {2, 1, 1}, {3, 2, 1}, {2, 3, 0}};
    const int64_t *taps = usual[between(r, 0, 3)];
    for (int p = 0; p < 2; p++) phases[p].taps = taps[p];
    phases[1].shift = phases[0].shift + taps[2];
}

/* Some source rows, up to two output rows, two phases that write in turn, or one. Half of the times the rows
 * are read as those of backward data with stride 2, or of a 3x3 kernel. */
static void check_apply(tw_random *r, tw_type type, const tw_loops *loops) {
    row_shape shape = draw_shape(r, loops);
    const bool usual = between(r, 0, 1), paired = usual && between(r, 0, 1), square = usual && !paired;
    if (usual) shape.dilation = 1, shape.taps = 3, shape.stride = paired ? 1 : between(r, 1, 2);
    if (square) {
        shape.shift = -between(r, 0, 2), shape.columns = between(r, 1, 20 / shape.stride);
        shape.width = shape.columns * shape.stride + between(r, 0, 2);
    }
    const int64_t size = (int64_t)tw_type_size(type), lanes = shape.lanes;
    const int64_t line = (shape.width - 1) * shape.pitch, block_weights = ROWS * 2 * shape.taps * lanes;
    tw_stencil_phase phases[2];
    draw_phases(r, &shape, phases);
    if (paired) pair_up(r, phases);
    const char *in = draw(r, type, SOURCE, ROWS * line + shape.blocks * lanes);
    const char *weights = draw(r, type, WEIGHTS, shape.blocks * block_weights);
    tw_stencil_row source[ROWS] = {0};
    for (int64_t i = 0; i < ROWS; i++) {
        if (between(r, 0, 5) > 0) source[i].in = in + i * line * size;
        int64_t readers = square ? (i < 3) + 2 * (i >= shape.stride) : between(r, 1, 3);
        for (int k = 0; k < 2; k++)
            if (readers & (1 + k)) source[i].weights[k] = weights + i * 2 * shape.taps * lanes * size;
    }
    const int64_t values = (shape.blocks - 1) * lanes + shape.used;
    const int64_t out_row = (2 * shape.columns - 1) * shape.pitch + values;
    char *out = draw(r, type, RESULT, 2 * out_row);
    const tw_stencil s = {.source = source,
                          .count = square ? 3 + shape.stride : ROWS,
                          .phases = phases,
                          .phase_count = paired ? 2 : between(r, 1, 2),
                          .stride = shape.stride,
                          .blocks = shape.blocks,
                          .block_weights = block_weights,
                          .bias = draw(r, type, BIAS, shape.blocks * lanes),
                          .out = {out, out + out_row * size},
                          .rows = (int)between(r, 1, 2),
                          .used = shape.used,
                          .fetch = between(r, 0, 1) ? 0 : between(r, 1, ROWS)};
    loops->stencil.apply(&s);
    check_outputs(type, lanes, &s);
}

/* ---- Groups. */

static double plain_group_output(tw_type type, int64_t lanes, const tw_stencil_groups *g,
                                 const tw_stencil_block *b, int r, const tw_stencil_phase *p, int64_t q,
                                 int64_t l) {
    const tw_stencil *s = &g->of;
    double sum = 0;
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t k = 0; s->source[i].weights[r] && k < g->channels; k++)
            for (int64_t j = 0; j < p->taps; j++) {
                int64_t c = q * s->stride + p->shift + j * p->dilation;
                if (c < 0 || c >= p->width) continue;
                int64_t w = b->weights + g->channels * p->weights_begin + (k * p->taps + j) * lanes + l;
                int64_t x = p->in_begin + c * p->in_step + b->spread[k].begin;
                if (g->picked) x += b->spread[k].lane[l];
                sum = fused(type, get(type, s->source[i].weights[r], w), get(type, s->source[i].in, x), sum);
            }
    return sum;
}

enum { CHANNELS = 3, BLOCKS = 2 };

/* Blocks whose lanes read channels anywhere in a pixel. */
static void draw_blocks(tw_random *r, const row_shape *shape, tw_stencil_block block[BLOCKS],
                        tw_stencil_spread spread[BLOCKS][CHANNELS],
                        int32_t lane[BLOCKS][CHANNELS][TW_MOST_LANES], bool picked) {
    for (int b = 0; b < BLOCKS; b++) {
        block[b].out = b * shape->lanes, block[b].spread = spread[b];
        block[b].used = (int)between(r, 1, shape->lanes);
        for (int k = 0; k < CHANNELS; k++) {
            spread[b][k].begin = between(r, 0, shape->pitch - (picked ? shape->lanes : 1));
            spread[b][k].lane = picked ? lane[b][k] : NULL;
            for (int64_t l = 0; l < shape->lanes; l++)
                lane[b][k][l] = (int32_t)between(r, 0, shape->lanes - 1);
        }
    }
}

static void check_group_outputs(tw_type type, int64_t lanes, const tw_stencil_groups *g, const double *before,
                                int64_t out_row) {
    for (int r = 0; r < g->of.rows; r++)
        for (const tw_stencil_phase *p = g->of.phases; p < g->of.phases + g->of.phase_count; p++)
            for (int64_t q = 0; q < p->columns; q++)
                for (int64_t i = 0; i < g->of.blocks * lanes; i++) {
                    const tw_stencil_block *b = &g->block[i / lanes];
                    int64_t l = i % lanes, at = p->out_begin + q * p->out_step + b->out + l;
                    double was = before[r * out_row + at],
                           start = g->of.bias ? get(type, g->of.bias, i) : was;
                    double sum = plain_group_output(type, lanes, g, b, r, p, q, l);
                    assert_true(get(type, g->of.out[r], at) ==
                                (l < b->used ? sum_of(type, start, sum) : was));
                }
}

/* As for one channel a lane; the start is a bias, or what stands there. */
static void check_groups(tw_random *r, tw_type type, const tw_loops *loops) {
    row_shape shape = draw_shape(r, loops);
    shape.blocks = BLOCKS, shape.pitch = BLOCKS * shape.lanes + between(r, 0, 3);
    const int64_t size = (int64_t)tw_type_size(type), lanes = shape.lanes;
    const int64_t line = (shape.width - 1) * shape.pitch, row_weights = 2 * CHANNELS * shape.taps * lanes;
    tw_stencil_phase phases[2];
    draw_phases(r, &shape, phases);
    const char *in = draw(r, type, SOURCE, ROWS * line + shape.pitch);
    const char *weights = draw(r, type, WEIGHTS, BLOCKS * ROWS * row_weights);
    tw_stencil_row source[ROWS] = {0};
    for (int64_t i = 0; i < ROWS; i++) {
        source[i].in = in + i * line * size;
        int64_t readers = between(r, 1, 3);
        for (int k = 0; k < 2; k++)
            if (readers & (1 + k)) source[i].weights[k] = weights + i * row_weights * size;
    }
    bool picked = between(r, 0, 1);
    int32_t lane[BLOCKS][CHANNELS][TW_MOST_LANES];
    tw_stencil_spread spread[BLOCKS][CHANNELS];
    tw_stencil_block block[BLOCKS] = {0};
    draw_blocks(r, &shape, block, spread, lane, picked);
    block[1].weights = ROWS * row_weights;
    const int64_t out_row = 2 * shape.columns * shape.pitch;
    char *out = draw(r, type, RESULT, 2 * out_row);
    double before[2 * 2 * 20 * (BLOCKS * TW_MOST_LANES + 3)];
    for (int64_t i = 0; i < 2 * out_row; i++) before[i] = get(type, out, i);
    const tw_stencil_groups g = {.of = {.source = source,
                                        .count = ROWS,
                                        .phases = phases,
                                        .phase_count = 2,
                                        .stride = shape.stride,
                                        .blocks = BLOCKS,
                                        .bias = between(r, 0, 1) ? draw(r, type, BIAS, BLOCKS * lanes) : NULL,
                                        .out = {out, out + out_row * size},
                                        .rows = (int)between(r, 1, 2)},
                                 .block = block,
                                 .channels = CHANNELS,
                                 .picked = picked};
    loops->stencil.groups(&g);
    check_group_outputs(type, lanes, &g, before, out_row);
}

/* ---- Weights' gradient. */

/* One chain over the columns from .. end - 1: by lines, or by columns. */
static double plain_chain(tw_type type, const row_shape *shape, const tw_stencil_gradient *g, int64_t r,
                          int64_t j, int64_t l, int64_t from, int64_t end) {
    double sum = 0;
    const int64_t columns = end - from;
    for (int64_t k = 0; k < g->count * columns; k++) {
        const int64_t i = g->row_step ? k % g->count : k / columns;
        const int64_t q = from + (g->row_step ? k / g->count : k % columns), c = column_of(shape, q, j);
        if (c >= 0 && g->lines[i].in[r])
            sum = fused(type, get(type, g->lines[i].dy, q * g->dy_step + l),
                        get(type, g->lines[i].in[r], c * g->in_step + l), sum);
    }
    return sum;
}

static double plain_gradient(tw_type type, const row_shape *shape, const tw_stencil_gradient *g, int64_t r,
                             int64_t j, int64_t l, double start) {
    const int64_t chain = g->row_step ? TW_STENCIL_COLUMNS : TW_STENCIL_CHAIN;
    for (int64_t from = 0; from < g->columns; from += chain) {
        int64_t end = from + chain < g->columns ? from + chain : g->columns;
        start = sum_of(type, start, plain_chain(type, shape, g, r, j, l, from, end));
    }
    return start;
}

/* The sum of one lane of dy: each line's between two cuts by itself, then added. */
static double plain_dy_sum(tw_type type, const tw_stencil_gradient *g, int64_t l, double start) {
    const int64_t chain = g->row_step ? TW_STENCIL_COLUMNS : TW_STENCIL_CHAIN;
    for (int64_t from = 0; from < g->columns; from += chain)
        for (int64_t i = 0; i < g->count; i++) {
            double sum = 0;
            for (int64_t q = from; q < from + chain && q < g->columns; q++)
                sum = sum_of(type, sum, get(type, g->lines[i].dy, q * g->dy_step + l));
            start = sum_of(type, start, sum);
        }
    return start;
}

enum { MOST_LINES = 4, MOST_ROWS = 6 };

static void check_sums(tw_type type, const row_shape *shape, const tw_stencil_gradient *g,
                       const char *start) {
    for (int64_t i = 0; i < g->blocks * g->rows * g->taps * shape->lanes; i++) {
        const int64_t lane = i % shape->lanes, j = i / shape->lanes % g->taps;
        const int64_t row = i / shape->lanes / g->taps % g->rows,
                      block = i / shape->lanes / g->taps / g->rows;
        assert_true(get(type, g->sum, i) ==
                    plain_gradient(type, shape, g, row, j, block * shape->lanes + lane, get(type, start, i)));
    }
}

/* `row_step` as in stencil.h: every row of x that the lines read is there or not, whichever asks. */
static void check_gradient_of(tw_random *r, tw_type type, const tw_loops *loops, int64_t row_step) {
    row_shape shape = draw_shape(r, loops);
    if (row_step) shape.taps = 3, shape.columns = between(r, 1, 70), shape.width = between(r, 1, 80);
    if (row_step && between(r, 0, 1)) shape.stride = row_step, shape.dilation = 1;
    if (!row_step && !between(r, 0, 9))
        shape.columns = between(r, 250, 300), shape.width = between(r, 250, 300);
    const int64_t size = (int64_t)tw_type_size(type), lanes = shape.lanes, full = shape.blocks * lanes;
    const int64_t lines = between(r, 0, 1) ? MOST_LINES : between(r, 1, MOST_LINES), steps[] = {1, 3, 6};
    const int64_t rows = row_step ? steps[between(r, 0, 2)] : between(r, 1, 5),
                  step = row_step ? row_step : 1;
    const int64_t x_row = (shape.width - 1) * shape.pitch + full, dy_row = shape.columns * shape.pitch;
    const int64_t x_rows = (lines - 1) * step + rows;
    const char *x = draw(r, type, SOURCE, x_rows * x_row);
    const char *dy = draw(r, type, WEIGHTS, (lines - 1) * dy_row + (shape.columns - 1) * shape.pitch + full);
    bool present[(MOST_LINES - 1) * 2 + MOST_ROWS];
    for (int64_t k = 0; k < x_rows; k++) present[k] = between(r, 0, 5) > 0;
    tw_stencil_line list[MOST_LINES];
    const void *in[MOST_LINES * MOST_ROWS];
    for (int64_t i = 0; i < lines; i++) {
        list[i] = (tw_stencil_line){.dy = dy + i * dy_row * size, .in = in + i * rows};
        for (int64_t k = 0; k < rows; k++)
            in[i * rows + k] = present[i * step + k] ? x + (i * step + k) * x_row * size : NULL;
    }
    const int64_t sums = shape.blocks * rows * shape.taps * lanes;
    char *dy_sum = draw(r, type, TOTAL, full);
    double dy_start[MOST_BLOCKS * TW_MOST_LANES];
    for (int64_t l = 0; l < full; l++) dy_start[l] = get(type, dy_sum, l);
    char *sum = draw(r, type, RESULT, sums), *start = draw(r, type, BIAS, sums);
    memcpy(start, sum, (size_t)(sums * size));
    const tw_stencil_gradient g = {.lines = list,
                                   .count = lines,
                                   .rows = rows,
                                   .taps = shape.taps,
                                   .columns = shape.columns,
                                   .stride = shape.stride,
                                   .shift = shape.shift,
                                   .dilation = shape.dilation,
                                   .width = shape.width,
                                   .dy_step = shape.pitch,
                                   .in_step = shape.pitch,
                                   .blocks = shape.blocks,
                                   .row_step = row_step,
                                   .sum = sum,
                                   .dy_sum = between(r, 0, 1) ? dy_sum : NULL};
    loops->stencil.gradient(&g);
    check_sums(type, &shape, &g, start);
    for (int64_t l = 0; l < full; l++)
        assert_true(get(type, dy_sum, l) ==
                    (g.dy_sum ? plain_dy_sum(type, &g, l, dy_start[l]) : dy_start[l]));
}

static void check_gradient(tw_random *r, tw_type type, const tw_loops *loops) {
    for (int64_t row_step = 0; row_step <= 2; row_step++) check_gradient_of(r, type, loops, row_step);
}

static void every_output_is_the_sum_that_was_promised(void **state) {
    (void)state;
    for_every_loop(check_apply);
}

static void every_output_of_a_group_is_the_sum_that_was_promised(void **state) {
    (void)state;
    for_every_loop(check_groups);
}

static void every_gradient_is_the_sum_that_was_promised(void **state) {
    (void)state;
    for_every_loop(check_gradient);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_output_is_the_sum_that_was_promised),
        cmocka_unit_test(every_output_of_a_group_is_the_sum_that_was_promised),
        cmocka_unit_test(every_gradient_is_the_sum_that_was_promised),
    };
    return cmocka_run_group_tests(tests, fences_raise, NULL);
}

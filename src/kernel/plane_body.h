/* The body of `plane`, 3x3 depthwise convolution with pixels as lanes; included by each file ISA_TYPE.c
 * behind stencil_body.h.
 *
 * A *unit* is one vector of columns by four lines (by one, where there are fewer). Its source rows come one
 * after the other, and what is loaded of a row serves all lines that read it: without that, loads that begin
 * anywhere, and mostly cross the border of a cache line, would take longer than the multiply-adds. But then a
 * line's chain is three multiply-adds long at a time, each waiting for the one before; so some units are
 * summed at once, vectors beside each other or lines below each other. The weights stay in registers, if
 * there are enough. */

enum { UNIT_LINES = 4, UNITS = STENCIL_SUMS >= 28 ? 4 : 2 };

typedef struct plane_unit {
    const real *in; /* where the first tap of its first line reads */
    real *out;
    int64_t used; /* columns */
} plane_unit;

/* A vector that is made here, in a register: the compiler would load a pixel again for each line, or all
 * pixels before the first multiply-add. */
static inline void settle(vec *x) {
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("" : "+v"(*x));
#elif defined __aarch64__
    __asm__ volatile("" : "+w"(*x));
#else
    (void)x;
#endif
}

/* What one source row, number k of each unit, adds. */
TW_INLINED void add_row(const vec w[3][3], const real *const at[UNITS], const int64_t offset[3], const int k,
                        const int count, const int lines, const int step, vec sum[UNITS][UNIT_LINES]) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++)
#pragma GCC unroll 4
        for (int u = 0; u < count; u++) {
            vec pixel = vec_load(at[u] + offset[j]);
            settle(&pixel);
#pragma GCC unroll 4
            for (int n = 0; n < lines; n++) {
                const int i = k - n * step;
                if (i < 0 || i > 2) continue;
                sum[u][n] = vec_fma(w[i][j], pixel, sum[u][n]);
                settle(&sum[u][n]);
            }
        }
}

TW_INLINED void store_units(const tw_plane *p, const plane_unit *units, const int count, const int lines,
                            vec sum[UNITS][UNIT_LINES]) {
    const vec bias = p->bias ? vec_splat(*(const packed_real *)p->bias) : vec_zero();
    const int64_t out_row = p->out_row;
#pragma GCC unroll 4
    for (int u = 0; u < count; u++) {
        real *out = units[u].out;
        const int64_t used = units[u].used;
#pragma GCC unroll 4
        for (int n = 0; n < lines; n++, out += out_row) {
            const vec y = vec_add(bias, sum[u][n]);
            if (used == LANES)
                vec_store(out, y);
            else
                vec_store_part(out, y, (int)used);
        }
    }
}

TW_INLINED void sum_units(const tw_plane *p, const plane_unit *units, const int count, const int lines,
                          const int step) {
    vec sum[UNITS][UNIT_LINES], w[3][3];
    const real *at[UNITS];
    const int64_t in_row = p->in_row;
    const int64_t offset[3] = {0, step == 1 ? 1 : p->offset[1] - p->offset[0],
                               step == 1 ? 2 : p->offset[2] - p->offset[0]};
#pragma GCC unroll 4
    for (int u = 0; u < count; u++) {
        at[u] = units[u].in;
#pragma GCC unroll 4
        for (int n = 0; n < lines; n++) sum[u][n] = vec_zero();
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
#pragma GCC unroll 3
        for (int j = 0; j < 3; j++) w[i][j] = vec_splat(((const packed_real *)p->weights)[3 * i + j]);
#pragma GCC unroll 9
    for (int k = 0; k < (lines - 1) * step + 3; k++) {
        add_row(w, at, offset, k, count, lines, step, sum);
#pragma GCC unroll 4
        for (int u = 0; u < count; u++) at[u] += in_row;
    }
    store_units(p, units, count, lines, sum);
}

/* A function for each number of units and lines, which has all registers for itself. */
typedef void units_loop(const tw_plane *p, const plane_unit *units);

#define UNITS_LOOP(name, count, lines, step)                                                                 \
    static __attribute__((noinline)) void name(const tw_plane *p, const plane_unit *units) {                 \
        sum_units(p, units, count, lines, step);                                                             \
    }
UNITS_LOOP(one_line, 1, 1, 1)
UNITS_LOOP(two_lines, 2, 1, 1)
UNITS_LOOP(all_lines, UNITS, 1, 1)
UNITS_LOOP(one_unit, 1, UNIT_LINES, 1)
UNITS_LOOP(two_units, 2, UNIT_LINES, 1)
UNITS_LOOP(all_units, UNITS, UNIT_LINES, 1)
UNITS_LOOP(one_line_by_2, 1, 1, 2)
UNITS_LOOP(two_lines_by_2, 2, 1, 2)
UNITS_LOOP(all_lines_by_2, UNITS, 1, 2)
UNITS_LOOP(one_unit_by_2, 1, UNIT_LINES, 2)
UNITS_LOOP(two_units_by_2, 2, UNIT_LINES, 2)
UNITS_LOOP(all_units_by_2, UNITS, UNIT_LINES, 2)
#undef UNITS_LOOP

/* The last lines are summed twice where they are no multiple of a unit's. */
static void run_units(const tw_plane *p, int64_t lines, units_loop *const loops[3]) {
    plane_unit unit[UNITS];
    int count = 0;
    for (int64_t next = 0; next < p->lines; next += lines) {
        const int64_t line = next + lines > p->lines ? p->lines - lines : next;
        const real *in = (const real *)p->in + line * p->step * p->in_row + p->offset[0];
        real *out = (real *)p->out + line * p->out_row;
        for (int64_t q = 0; q < p->columns; q += LANES) {
            unit[count].in = in + q;
            unit[count].out = out + q;
            unit[count].used = least(p->columns - q, LANES);
            if (++count < UNITS) continue;
            loops[2](p, unit);
            count = 0;
        }
    }
    if (count >= 2) loops[1](p, unit);
    if (count % 2) loops[0](p, &unit[count - 1]);
}

/* Weights that are not finite: vector by vector, without what lies outside. */
static void plane_inside(const tw_plane *p) {
    const real *inside = p->inside;
    const vec bias = p->bias ? vec_splat(*(const packed_real *)p->bias) : vec_zero();
    for (int64_t n = 0; n < p->lines; n++)
        for (int64_t q = 0; q < p->columns; q += LANES) {
            vec sum = vec_zero();
            for (int64_t i = 0; i < 3; i++) {
                const int64_t row = n * p->step + i;
                const real *in = (const real *)p->in + row * p->in_row + q;
                for (int64_t j = 0; j < 3 && row >= p->first && row < p->end; j++)
                    sum = vec_fma_where(mask_of(vec_load(inside + j * p->inside_row + q)),
                                        vec_splat(((const packed_real *)p->weights)[3 * i + j]),
                                        vec_load(in + p->offset[j]), sum);
            }
            vec_store_part((real *)p->out + n * p->out_row + q, vec_add(bias, sum),
                           (int)least(p->columns - q, LANES));
        }
}

static void plane(const tw_plane *p) {
    static units_loop *const loops[2][2][3] = {
        {{one_line, two_lines, all_lines}, {one_unit, two_units, all_units}},
        {{one_line_by_2, two_lines_by_2, all_lines_by_2}, {one_unit_by_2, two_units_by_2, all_units_by_2}},
    };
    const int64_t lines = p->lines < UNIT_LINES ? 1 : UNIT_LINES;
    if (p->inside)
        plane_inside(p);
    else
        run_units(p, lines, loops[p->step - 1][lines > 1]);
}

/* The bodies of the Winograd transforms, in plain C over the vectors of an instruction set; included after
 * tile_body.h by each file ISA_TYPE.c, which exports what stands at the end.
 *
 * An output of a one-dimensional convolution with 3 weights is a coefficient of a product of two polynomials.
 * Such a product is known when its values at enough points are known (Toom and Cook), and values multiply one
 * by one: m outputs need m + 2 products instead of 3 m (Winograd, "Arithmetic complexity of computations",
 * 1980; for networks: Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016,
 * arXiv:1509.09308). In two dimensions the same is done along columns and then along rows: 16 products for 4
 * outputs instead of 36, or 36 for 16 instead of 144.
 *
 * F(2,3) takes the points 0, 1, -1 and infinity. F(4,3) takes 0, +-a, +-b and infinity with a = 11/16, b =
 * 3/2. Lavin and Gray's 1 and 2 lose twice as many bits: values at 2 grow, and a point that is not near its
 * partners' inverses makes G and B^T large (Barabasz, Anderson, Soodhalter, Gregg, "Error analysis and
 * improving the accuracy of Winograd convolution for deep neural networks", 2018, arXiv:1803.10986). Of all
 * pairs of sixteenths, these two have nearly the least root mean square of |A^T| (|G| |B^T|), 2.74
 * against 5.61 for 1 and 2, and all of B^T and A^T are exact in f32:
 *
 *     B^T  a2b2    0   -a2-b2   0     1    0      G  1/a2b2  0     0         A^T  1  1  1   1  1   0
 *          0    -a b2   -b2     a     1    0         1/n    a/n   a2/n            0  a -a   b -b   0
 *          0     a b2   -b2    -a     1    0         1/n   -a/n   a2/n            0  a2 a2  b2 b2  0
 *          0    -a2 b   -a2     b     1    0         1/k    b/k   b2/k            0  a3 -a3 b3 -b3 1
 *          0     a2 b   -a2    -b     1    0         1/k   -b/k   b2/k
 *          0     a2b2    0   -a2-b2   0    1         0      0     1          n = 2 a2 (a2 - b2), k = 2 b2 (b2
 * - a2)
 *
 * Each lane is a channel and every step a written fma or addition, so all instruction sets give the same
 * bits. A patch costs 144 fma for each vector of channels, a result 60 and 60 additions, a filter 81 fma. */

#define TW_POINT_A 0.6875
#define TW_POINT_B 1.5

static inline vec vec_sub(vec a, vec b) {
    return a - b;
}

/* A line of n values becomes a line of m values; `apart` is the distance of the results. */
typedef void line_step(const vec *in, vec *out, int apart);

TW_INLINED void patch_line_2(const vec *d, vec *v, int apart) {
    v[0] = vec_sub(d[0], d[2]);
    v[apart] = vec_add(d[1], d[2]);
    v[2 * apart] = vec_sub(d[2], d[1]);
    v[3 * apart] = vec_sub(d[3], d[1]);
}

TW_INLINED void filter_line_2(const vec *g, vec *u, int apart) {
    const vec half = vec_splat((real)0.5), minus_half = vec_splat((real)-0.5);
    vec outer = vec_fma(half, g[0], vec_fma(half, g[2], vec_zero()));
    u[0] = g[0];
    u[apart] = vec_fma(half, g[1], outer);
    u[2 * apart] = vec_fma(minus_half, g[1], outer);
    u[3 * apart] = g[2];
}

TW_INLINED void result_line_2(const vec *m, vec *y, int apart) {
    y[0] = vec_add(vec_add(m[0], m[1]), m[2]);
    y[apart] = vec_sub(vec_add(m[1], m[3]), m[2]);
}

TW_INLINED void spread_line_2(const vec *dy, vec *e, int apart) {
    e[0] = dy[0];
    e[apart] = vec_add(dy[0], dy[1]);
    e[2 * apart] = vec_sub(dy[0], dy[1]);
    e[3 * apart] = dy[1];
}

TW_INLINED void gradient_line_2(const vec *u, vec *g, int apart) {
    const vec half = vec_splat((real)0.5), minus_half = vec_splat((real)-0.5);
    g[0] = vec_fma(half, u[2], vec_fma(half, u[1], u[0]));
    g[apart] = vec_fma(minus_half, u[2], vec_fma(half, u[1], vec_zero()));
    g[2 * apart] = vec_fma(half, u[2], vec_fma(half, u[1], u[3]));
}

TW_INLINED void patch_line_4(const vec *d, vec *v, int apart) {
    const real a = (real)TW_POINT_A, b = (real)TW_POINT_B, a2 = a * a, b2 = b * b;
    vec even_a = vec_fma(vec_splat(-b2), d[2], d[4]), odd_a = vec_fma(vec_splat(-b2), d[1], d[3]);
    vec even_b = vec_fma(vec_splat(-a2), d[2], d[4]), odd_b = vec_fma(vec_splat(-a2), d[1], d[3]);
    v[0] = vec_fma(vec_splat(a2 * b2), d[0], vec_fma(vec_splat(-a2 - b2), d[2], d[4]));
    v[apart] = vec_fma(vec_splat(a), odd_a, even_a);
    v[2 * apart] = vec_fma(vec_splat(-a), odd_a, even_a);
    v[3 * apart] = vec_fma(vec_splat(b), odd_b, even_b);
    v[4 * apart] = vec_fma(vec_splat(-b), odd_b, even_b);
    v[5 * apart] = vec_fma(vec_splat(a2 * b2), d[1], vec_fma(vec_splat(-a2 - b2), d[3], d[5]));
}

TW_INLINED void filter_line_4(const vec *g, vec *u, int apart) {
    const real a = (real)TW_POINT_A, b = (real)TW_POINT_B, a2 = a * a, b2 = b * b;
    const real n = 1 / (2 * a2 * (a2 - b2)), k = 1 / (2 * b2 * (b2 - a2));
    vec even_a = vec_fma(vec_splat(n), g[0], vec_fma(vec_splat(a2 * n), g[2], vec_zero()));
    vec even_b = vec_fma(vec_splat(k), g[0], vec_fma(vec_splat(b2 * k), g[2], vec_zero()));
    u[0] = vec_fma(vec_splat(1 / (a2 * b2)), g[0], vec_zero());
    u[apart] = vec_fma(vec_splat(a * n), g[1], even_a);
    u[2 * apart] = vec_fma(vec_splat(-a * n), g[1], even_a);
    u[3 * apart] = vec_fma(vec_splat(b * k), g[1], even_b);
    u[4 * apart] = vec_fma(vec_splat(-b * k), g[1], even_b);
    u[5 * apart] = g[2];
}

TW_INLINED void result_line_4(const vec *m, vec *y, int apart) {
    const real a = (real)TW_POINT_A, b = (real)TW_POINT_B, a2 = a * a, b2 = b * b;
    vec even_a = vec_add(m[1], m[2]), odd_a = vec_sub(m[1], m[2]);
    vec even_b = vec_add(m[3], m[4]), odd_b = vec_sub(m[3], m[4]);
    y[0] = vec_add(vec_add(m[0], even_a), even_b);
    y[apart] = vec_fma(vec_splat(b), odd_b, vec_fma(vec_splat(a), odd_a, vec_zero()));
    y[2 * apart] = vec_fma(vec_splat(b2), even_b, vec_fma(vec_splat(a2), even_a, vec_zero()));
    y[3 * apart] = vec_fma(vec_splat(a2 * a), odd_a, vec_fma(vec_splat(b2 * b), odd_b, m[5]));
}

TW_INLINED void spread_line_4(const vec *dy, vec *e, int apart) {
    const real a = (real)TW_POINT_A, b = (real)TW_POINT_B, a2 = a * a, b2 = b * b;
    vec even_a = vec_fma(vec_splat(a2), dy[2], dy[0]), even_b = vec_fma(vec_splat(b2), dy[2], dy[0]);
    vec odd_a = vec_fma(vec_splat(a2 * a), dy[3], vec_fma(vec_splat(a), dy[1], vec_zero()));
    vec odd_b = vec_fma(vec_splat(b2 * b), dy[3], vec_fma(vec_splat(b), dy[1], vec_zero()));
    e[0] = dy[0];
    e[apart] = vec_add(even_a, odd_a);
    e[2 * apart] = vec_sub(even_a, odd_a);
    e[3 * apart] = vec_add(even_b, odd_b);
    e[4 * apart] = vec_sub(even_b, odd_b);
    e[5 * apart] = dy[3];
}

TW_INLINED void gradient_line_4(const vec *u, vec *g, int apart) {
    const real a = (real)TW_POINT_A, b = (real)TW_POINT_B, a2 = a * a, b2 = b * b;
    const real n = 1 / (2 * a2 * (a2 - b2)), k = 1 / (2 * b2 * (b2 - a2));
    vec even_a = vec_add(u[1], u[2]), odd_a = vec_sub(u[1], u[2]);
    vec even_b = vec_add(u[3], u[4]), odd_b = vec_sub(u[3], u[4]);
    vec zero = vec_fma(vec_splat(1 / (a2 * b2)), u[0], vec_zero());
    g[0] = vec_fma(vec_splat(k), even_b, vec_fma(vec_splat(n), even_a, zero));
    g[apart] = vec_fma(vec_splat(b * k), odd_b, vec_fma(vec_splat(a * n), odd_a, vec_zero()));
    g[2 * apart] = vec_fma(vec_splat(b2 * k), even_b, vec_fma(vec_splat(a2 * n), even_a, u[5]));
}

/* Two steps of lines turn a square of n x n pixels into m x m points, columns first. The first step makes
 * only some lines, and the second goes on with them at once: so many live in registers. With 16 of these they
 * are lines that share sums, 0, 1 and 2, 3 and 4, 5; with 32 half of all, or all where n is small. What the
 * line makes beside them is not used, and vanishes. `whole`: all lanes of the vector. */
TW_INLINED void patch_lines(const tw_winograd_patch *p, int64_t channel, int count, const bool whole,
                            const int n, const int m, line_step *line, const int first, const int lines) {
    vec half[TW_WINOGRAD_SIDE][TW_WINOGRAD_SIDE], in[TW_WINOGRAD_SIDE], out[TW_WINOGRAD_SIDE];
    const void *const *pixels = p->pixels;
#pragma GCC unroll 6
    for (int j = 0; j < n; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < n; i++) {
            const real *pixel = (const real *)pixels[j * n + i] + channel;
            in[i] = whole ? vec_load(pixel) : vec_load_part(pixel, count);
        }
        line(in, out, 1);
#pragma GCC unroll 6
        for (int i = 0; i < lines; i++) half[i][j] = out[first + i];
    }
    const int64_t apart = p->v_point;
    real *v = (real *)p->v + channel + first * m * apart;
#pragma GCC unroll 6
    for (int i = 0; i < lines; i++) {
        line(half[i], out, 1);
#pragma GCC unroll 6
        for (int j = 0; j < m; j++, v += apart) {
            if (whole)
                vec_store(v, out[j]);
            else
                vec_store_part(v, out[j], count);
        }
    }
}

TW_INLINED void patch_vector(const tw_winograd_patch *p, int64_t channel, int count, const bool whole,
                             const int n, const int m, line_step *line) {
    if (ROWS_2 < 14) {
        patch_lines(p, channel, count, whole, n, m, line, 0, 1);
        patch_lines(p, channel, count, whole, n, m, line, 1, 2);
        if (m == 6) patch_lines(p, channel, count, whole, n, m, line, 3, 2);
        patch_lines(p, channel, count, whole, n, m, line, m - 1, 1);
    } else if (n * m > 24) {
        patch_lines(p, channel, count, whole, n, m, line, 0, m / 2);
        patch_lines(p, channel, count, whole, n, m, line, m / 2, m / 2);
    } else {
        patch_lines(p, channel, count, whole, n, m, line, 0, m);
    }
}

TW_INLINED void patch_all(const tw_winograd_patch *p, const int n, const int m, line_step *line) {
    int64_t channel = 0;
    for (; channel + LANES <= p->channels; channel += LANES)
        patch_vector(p, channel, LANES, true, n, m, line);
    if (channel < p->channels) patch_vector(p, channel, (int)(p->channels - channel), false, n, m, line);
}

/* From n x n numbers, `from_point` apart, to m x m. */
TW_INLINED void filter_vector(const real *from, int64_t from_point, real *to, int64_t to_point, const int n,
                              const int m, line_step *line) {
    vec half[3 * TW_WINOGRAD_SIDE], in[TW_WINOGRAD_SIDE], out[TW_WINOGRAD_SIDE];
#pragma GCC unroll 6
    for (int j = 0; j < n; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < n; i++) in[i] = vec_load(from + (i * n + j) * from_point);
        line(in, half + j, n);
    }
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
        line(half + i * n, out, 1);
#pragma GCC unroll 6
        for (int j = 0; j < m; j++) vec_store(to + (i * m + j) * to_point, out[j]);
    }
}

TW_INLINED void filter_all(const tw_winograd_filter *f, const int side, line_step *line) {
    for (int64_t c = 0; c < f->columns; c += LANES)
        filter_vector((const real *)f->g + c, f->columns, (real *)f->u + c, f->u_point, 3, side, line);
}

TW_INLINED void gradient_all(const tw_winograd_filter *f, const int side, line_step *line) {
    for (int64_t c = 0; c < f->columns; c += LANES)
        filter_vector((const real *)f->u + c, f->u_point, (real *)f->g + c, f->columns, side, 3, line);
}

/* Outputs 0 and 2 share sums, and 1 and 3. `whole`: all lanes of the vector; `rows`, `cols`: constants where
 * all are wanted, else the compiler would keep what it loads for the first two outputs until the others. */
TW_INLINED void result_vector(const tw_winograd_result *r, int64_t column, int count, const bool whole,
                              const int side, line_step *line, const int rows, const int cols) {
    const int outs = side - 2;
    const int64_t apart = r->m_point, y_row = r->y_row, y_col = r->y_col;
    const real *bias = (const real *)r->bias;
    vec start = vec_zero();
    if (bias) start = whole ? vec_load(bias + column) : vec_load_part(bias + column, count);
#pragma GCC unroll 2
    for (int first = 0; first < 2; first++) {
        vec half[2][TW_WINOGRAD_SIDE], in[TW_WINOGRAD_SIDE], out[4];
        const real *m = (const real *)r->m + column;
#pragma GCC unroll 6
        for (int j = 0; j < side; j++, m += apart) {
#pragma GCC unroll 6
            for (int i = 0; i < side; i++) in[i] = vec_load(m + i * side * apart);
            line(in, out, 1);
            half[0][j] = out[first];
            half[1][j] = out[outs - 2 + first];
        }
#pragma GCC unroll 2
        for (int i = first; i < outs; i += 2) {
            if (i >= rows) break;
            real *y = (real *)r->y + column + i * y_row;
            line(half[i / 2], out, 1);
#pragma GCC unroll 4
            for (int j = 0; j < outs; j++) out[j] = vec_add(start, out[j]);
            if (r->ramp != TW_NO_RAMP) {
                const vec top = ramp_top(r->ramp);
#pragma GCC unroll 4
                for (int j = 0; j < outs; j++) out[j] = vec_ramp(out[j], top);
            }
#pragma GCC unroll 4
            for (int j = 0; j < outs; j++, y += y_col) {
                if (j >= cols) break;
                if (whole)
                    vec_store(y, out[j]);
                else
                    vec_store_part(y, out[j], count);
            }
        }
    }
}

TW_INLINED void result_all(const tw_winograd_result *r, const int side, line_step *line) {
    const int outs = side - 2;
    int64_t column = 0;
    if (r->rows == outs && r->cols == outs)
        for (; column + LANES <= r->columns; column += LANES)
            result_vector(r, column, LANES, true, side, line, outs, outs);
    for (; column + LANES <= r->columns; column += LANES)
        result_vector(r, column, LANES, true, side, line, r->rows, r->cols);
    if (column < r->columns)
        result_vector(r, column, (int)(r->columns - column), false, side, line, r->rows, r->cols);
}

static void patch_2(const tw_winograd_patch *patch) {
    patch_all(patch, 4, 4, patch_line_2);
}

static void patch_4(const tw_winograd_patch *patch) {
    patch_all(patch, 6, 6, patch_line_4);
}

static void spread_2(const tw_winograd_patch *tile) {
    patch_all(tile, 2, 4, spread_line_2);
}

static void spread_4(const tw_winograd_patch *tile) {
    patch_all(tile, 4, 6, spread_line_4);
}

static void filter_2(const tw_winograd_filter *filter) {
    filter_all(filter, 4, filter_line_2);
}

static void filter_4(const tw_winograd_filter *filter) {
    filter_all(filter, 6, filter_line_4);
}

static void gradient_2(const tw_winograd_filter *filter) {
    gradient_all(filter, 4, gradient_line_2);
}

static void gradient_4(const tw_winograd_filter *filter) {
    gradient_all(filter, 6, gradient_line_4);
}

static void result_2(const tw_winograd_result *result) {
    result_all(result, 4, result_line_2);
}

static void result_4(const tw_winograd_result *result) {
    result_all(result, 6, result_line_4);
}

static const tw_winograd winograd_2 = {
    .patch = patch_2, .spread = spread_2, .filter = filter_2, .gradient = gradient_2, .result = result_2};
static const tw_winograd winograd_4 = {
    .patch = patch_4, .spread = spread_4, .filter = filter_4, .gradient = gradient_4, .result = result_4};

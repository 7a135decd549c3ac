/* Turning matrices in squares of 16 x 16, so that a cache line that was read is used whole before it leaves
 * the first-level cache. Cost: every element read and written once. */
#include "conv/relayout.h"

#include "base/checked.h"
#include "base/threads.h"

enum { SQUARE = 16, STRIP = 8 * SQUARE /* columns of one task */ };

typedef struct relayout {
    tw_type type;
    const char *from;
    char *to;
    int64_t rows, columns, strips;
} relayout;

static void turn_f32(const relayout *k, const float *from, float *to, int64_t rows, int64_t columns) {
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) to[c * k->rows + r] = from[r * k->columns + c];
}

static void turn_f64(const relayout *k, const double *from, double *to, int64_t rows, int64_t columns) {
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) to[c * k->rows + r] = from[r * k->columns + c];
}

static void turn_strip(void *context, int64_t task, int worker) {
    (void)worker;
    const relayout *k = context;
    int64_t matrix = task / k->strips * k->rows * k->columns, first = task % k->strips * STRIP;
    int64_t end = tw_min(k->columns, first + STRIP);
    for (int64_t r = 0; r < k->rows; r += SQUARE)
        for (int64_t c = first; c < end; c += SQUARE) {
            int64_t rows = tw_min(SQUARE, k->rows - r), columns = tw_min(SQUARE, end - c);
            int64_t from = matrix + r * k->columns + c, to = matrix + c * k->rows + r;
            if (k->type == TW_F32)
                turn_f32(k, (const float *)(const void *)k->from + from, (float *)(void *)k->to + to, rows,
                         columns);
            else
                turn_f64(k, (const double *)(const void *)k->from + from, (double *)(void *)k->to + to, rows,
                         columns);
        }
}

void tw_relayout(tw_type type, const void *from, void *to, int64_t count, int64_t rows, int64_t columns,
                 int threads) {
    relayout k = {.type = type, .from = from, .to = to, .rows = rows, .columns = columns};
    k.strips = tw_ceil_div(columns, STRIP);
    tw_parallel(threads, count * k.strips, turn_strip, &k);
}

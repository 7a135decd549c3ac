/* Sums of dy, channel by channel. The order is fixed: within an image 16 interleaved partial sums for each
 * channel (pixel p goes to sum p mod 16), added to each other in a tree, then image after image. 16 sums keep
 * the adders busy and rounding errors small; the additions are the same for both layouts. Cost: dy read once.
 */
#include "conv/bias.h"

#include <string.h>

#include "base/checked.h"
#include "base/threads.h"

enum { SUMS = 16, BLOCK = 16 /* channels at once with NHWC: one or two cache lines */ };

typedef struct bias_work {
    tw_type type;
    tw_layout layout;
    int64_t batch, channels, pixels;
    const void *dy;
    void *db;
} bias_work;

static float tree_f32(float *sum) {
    for (int half = SUMS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) sum[i] += sum[i + half];
    return sum[0];
}

static double tree_f64(double *sum) {
    for (int half = SUMS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) sum[i] += sum[i + half];
    return sum[0];
}

/* One image; dy[pixel * step + channel * stride] for `count` channels from the first; added to db. */
static void image_f32(const float *dy, float *db, int64_t count, int64_t pixels, int64_t step,
                      int64_t stride) {
    float sum[BLOCK][SUMS] = {{0}};
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < count; c++) sum[c][p % SUMS] += dy[p * step + c * stride];
    for (int64_t c = 0; c < count; c++) db[c] += tree_f32(sum[c]);
}

static void image_f64(const double *dy, double *db, int64_t count, int64_t pixels, int64_t step,
                      int64_t stride) {
    double sum[BLOCK][SUMS] = {{0}};
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < count; c++) sum[c][p % SUMS] += dy[p * step + c * stride];
    for (int64_t c = 0; c < count; c++) db[c] += tree_f64(sum[c]);
}

static void sum_block(void *context, int64_t task, int worker) {
    (void)worker;
    const bias_work *k = context;
    int64_t first = task * BLOCK, count = tw_min(BLOCK, k->channels - first);
    int64_t step = k->layout == TW_NHWC ? k->channels : 1, stride = k->layout == TW_NHWC ? 1 : k->pixels;
    size_t size = tw_type_size(k->type);
    char *db = (char *)k->db + (size_t)first * size;
    memset(db, 0, (size_t)count * size);
    for (int64_t image = 0; image < k->batch; image++) {
        const char *dy =
            (const char *)k->dy + (size_t)(image * k->channels * k->pixels + first * stride) * size;
        if (k->type == TW_F32)
            image_f32((const float *)dy, (float *)db, count, k->pixels, step, stride);
        else
            image_f64((const double *)dy, (double *)db, count, k->pixels, step, stride);
    }
}

void tw_bias_gradient(const tw_problem *problem, const void *dy, void *db, int threads) {
    const tw_shape *s = &problem->shape;
    bool transposed = s->geometry.transposed;
    bias_work k = {
        .type = problem->type,
        .layout = s->geometry.layout,
        .batch = s->batch,
        .channels = transposed ? s->in_channels : s->out_channels,
        .pixels = transposed ? s->in_pixels : s->out_pixels,
        .dy = dy,
        .db = db,
    };
    tw_parallel(threads, tw_ceil_div(k.channels, BLOCK), sum_block, &k);
}

/* Sums of dy, channel by channel: each image in the fixed order of the kernel's `sums`, image after image.
 * Cost: dy read once, after the weights' gradient has read it; algorithms that sum it themselves save that.
 */
#include "conv/bias.h"

#include <string.h>

#include "base/checked.h"
#include "base/threads.h"

enum {
    BLOCK = 16,
    WIDE = 4 * BLOCK /* channels of a task: lines of memory with NHWC, more if there are many */
};

typedef struct bias_work {
    const tw_loops *loops;
    size_t size;
    tw_layout layout;
    int64_t batch, channels, pixels, block;
    const void *dy;
    void *db;
} bias_work;

static void sum_block(void *context, int64_t task, int worker) {
    (void)worker;
    const bias_work *k = context;
    int64_t first = task * k->block, count = tw_min(k->block, k->channels - first);
    int64_t step = k->layout == TW_NHWC ? k->channels : 1, stride = k->layout == TW_NHWC ? 1 : k->pixels;
    char *db = (char *)k->db + (size_t)first * k->size;
    memset(db, 0, (size_t)count * k->size);
    for (int64_t image = 0; image < k->batch; image++) {
        int64_t at = image * k->channels * k->pixels + first * stride;
        k->loops->sums(&(tw_sums){.in = (const char *)k->dy + (size_t)at * k->size,
                                  .pixels = k->pixels,
                                  .pixel_step = step,
                                  .channels = count,
                                  .channel_step = stride,
                                  .total = db});
    }
}

void tw_bias_gradient(const tw_problem *problem, const void *dy, void *db, int threads) {
    const tw_shape *s = &problem->shape;
    bool transposed = s->geometry.transposed;
    bias_work k = {
        .loops = problem->loops,
        .size = tw_type_size(problem->type),
        .layout = s->geometry.layout,
        .batch = s->batch,
        .channels = transposed ? s->in_channels : s->out_channels,
        .pixels = transposed ? s->in_pixels : s->out_pixels,
        .dy = dy,
        .db = db,
    };
    k.block = k.channels >= threads * WIDE ? WIDE : BLOCK;
    tw_parallel(threads, tw_ceil_div(k.channels, k.block), sum_block, &k);
}

/* Dropout (Srivastava et al. 2014): in training each number is zero with probability `rate`, else divided by
 * 1 - rate; in use nothing happens. Whether number i of the batch stays is a pure function of (seed, step,
 * operator, i): the backward pass asks again instead of keeping a mask. */
#include <stddef.h>
#include <string.h>

#include "base/checked.h"
#include "base/random.h"
#include "net/split.h"

enum { CHUNK = 1024 }; /* a multiple of the 4 words that one call of Philox gives */

typedef struct job {
    const tw_run *run;
    const void *from;
    void *to;
    tw_random stream;
} job;

static void drop_chunk(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    const tw_run *run = j->run;
    double rate = run->op->set.rate;
    uint32_t bits[CHUNK];
    for (int64_t i = first; i < last; i += 4) {
        uint64_t block = (uint64_t)i / 4;
        uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), j->stream.counter[2],
                               j->stream.counter[3]};
        tw_philox(j->stream.key, counter, bits + (i - first));
    }
    size_t offset = (size_t)first * run->size;
    run->sweeps->drop(last - first, bits, (uint32_t)(rate * 0x1p32), 1 / (1 - rate),
                      (const char *)j->from + offset, (char *)j->to + offset);
}

static void drop(const tw_run *run, const void *from, void *to) {
    int64_t count = run->count * run->op->extent.count;
    job j = {run, from, to, tw_random_stream(run->seed, TW_RANDOM_DROPOUT, run->step, (uint32_t)run->number)};
    tw_split(run, count, CHUNK, 4 * count, drop_chunk, &j);
}

static tw_status forward(const tw_run *run) {
    size_t bytes = (size_t)(run->count * run->op->extent.count) * run->size;
    if (run->training)
        drop(run, run->x[0], run->y);
    else if (run->y != run->x[0])
        memcpy(run->y, run->x[0], bytes);
    return TW_OK;
}

static tw_status backward(const tw_run *run) {
    if (run->dx) drop(run, run->dy, run->dx);
    return TW_OK;
}

static tw_status infer(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    op->extent = *in;
    op->flops = in->count;
    return TW_OK;
}

static const tw_field fields[] = {{TW_FIELD_DECIMAL, NULL,
                                   "the share of numbers to drop, like 0.5 (from 0, below 1)",
                                   offsetof(tw_settings, rate), .least = 0, .most = 1, .open = true},
                                  {0}};

const tw_layer tw_layer_dropout = {
    .name = "dropout",
    .summary = "in training, zero with this probability: rate",
    .forward_formula = "y = keep x / (1 - rate), keep drawn for each number; in use y = x",
    .backward_formula = "dx = keep dy / (1 - rate)",
    .inputs = 1,
    .fields = fields,
    .in_place = true,
    .transmits = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};

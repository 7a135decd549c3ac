/* Layers that only pass numbers on: add (two values of one shape), flatten (another shape for the same
 * numbers). */
#include <string.h>

#include "base/fail.h"
#include "net/split.h"

static size_t bytes_of(const tw_run *run) {
    return (size_t)(run->count * run->op->extent.count) * run->size;
}

static void copy_chunk(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    size_t offset = (size_t)first * run->size;
    memcpy((char *)run->dx + offset, (const char *)run->dy + offset, (size_t)(last - first) * run->size);
}

static tw_status pass_back(const tw_run *run) {
    int64_t count = run->count * run->op->extent.count;
    if (run->dx) tw_split(run, count, 16384, count, copy_chunk, run);
    return TW_OK;
}

/* ---- add ---- */

static bool same_extent(const tw_extent *a, const tw_extent *b) {
    bool same = a->spatial == b->spatial && a->channels == b->channels;
    for (int i = 0; same && i < a->spatial; i++) same = a->size[i] == b->size[i];
    return same;
}

static tw_status infer_add(tw_op *op, const tw_extent *in, const tw_extent *second) {
    if (!same_extent(in, second)) {
        char first_text[96], second_text[96];
        tw_extent_write(in, first_text);
        tw_extent_write(second, second_text);
        return tw_fail(TW_ERROR_SHAPE, "its inputs are %s and %s; expected the same shape", first_text,
                       second_text);
    }
    op->extent = *in;
    op->flops = in->count;
    return TW_OK;
}

static void add_chunk(const void *context, int64_t first, int64_t last) {
    const tw_run *run = context;
    size_t offset = (size_t)first * run->size;
    run->sweeps->add(last - first, run->ramp, (const char *)run->x[0] + offset,
                     (const char *)run->x[1] + offset, (char *)run->y + offset);
}

static tw_status add_forward(const tw_run *run) {
    int64_t count = run->count * run->op->extent.count;
    tw_split(run, count, 16384, count, add_chunk, run);
    return TW_OK;
}

static const tw_field no_fields[] = {{0}};

const tw_layer tw_layer_add = {
    .name = "add",
    .summary = "sum of two values (a residual connection)",
    .forward_formula = "y = x1 + x2",
    .backward_formula = "dx1 = dx2 = dy",
    .inputs = 2,
    .fields = no_fields,
    .in_place = true,
    .passes = true,
    .absorbs = true,
    .transmits = true,
    .infer = infer_add,
    .forward = add_forward,
    .backward = pass_back,
};

/* ---- flatten ---- */

static tw_status infer_flatten(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    op->extent = tw_extent_flat(in->count);
    return TW_OK;
}

static tw_status flatten_forward(const tw_run *run) {
    if (run->y != run->x[0]) memcpy(run->y, run->x[0], bytes_of(run));
    return TW_OK;
}

const tw_layer tw_layer_flatten = {
    .name = "flatten",
    .summary = "all numbers in one row, as they lie: [height][width][channel]",
    .forward_formula = "y = x",
    .backward_formula = "dx = dy",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .passes = true,
    .transmits = true,
    .infer = infer_flatten,
    .forward = flatten_forward,
    .backward = pass_back,
};

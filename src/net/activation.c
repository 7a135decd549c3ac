/* Elementwise layers: relu, relu6, leakyrelu, sigmoid, tanh. */
#include <stddef.h>

#include "base/fail.h"
#include "net/split.h"

enum { CHUNK = 16384 }; /* numbers */

typedef struct map_job {
    const tw_run *run;
    tw_map map;
    tw_map_back back;
} map_job;

static const char *at(const void *values, int64_t i, size_t size) {
    return (const char *)values + (size_t)i * size;
}

static void map_chunk(const void *context, int64_t first, int64_t last) {
    const map_job *job = context;
    const tw_run *run = job->run;
    job->map(last - first, run->op->set.slope, at(run->x[0], first, run->size),
             (void *)at(run->y, first, run->size));
}

static void back_chunk(const void *context, int64_t first, int64_t last) {
    const map_job *job = context;
    const tw_run *run = job->run;
    job->back(last - first, run->op->set.slope, at(run->x[0], first, run->size), at(run->y, first, run->size),
              at(run->dy, first, run->size), (void *)at(run->dx, first, run->size));
}

static tw_status map(const tw_run *run, tw_map loop) {
    int64_t count = run->count * run->op->extent.count;
    tw_split(run, count, CHUNK, count, map_chunk, &(map_job){.run = run, .map = loop});
    return TW_OK;
}

static tw_status back(const tw_run *run, tw_map_back loop) {
    int64_t count = run->count * run->op->extent.count;
    if (run->dx) tw_split(run, count, CHUNK, count, back_chunk, &(map_job){.run = run, .back = loop});
    return TW_OK;
}

static tw_status infer(tw_op *op, const tw_extent *in, const tw_extent *second) {
    (void)second;
    op->extent = *in;
    op->flops = in->count;
    return TW_OK;
}

/* FNV-1a over which numbers are positive: the linear piece that a ramp ran on. */
static uint64_t piece(const tw_run *run, uint64_t hash) {
    for (int64_t i = 0; i < run->count * run->op->extent.count; i++)
        hash = (hash ^ (run->sweeps->get(run->y, i) > 0)) * 0x100000001b3u;
    return hash;
}

/* Likewise for a ramp with two kinks. */
static uint64_t piece_of_relu6(const tw_run *run, uint64_t hash) {
    for (int64_t i = 0; i < run->count * run->op->extent.count; i++) {
        double y = run->sweeps->get(run->y, i);
        hash = (hash ^ (uint64_t)((y > 0) + (y >= 6))) * 0x100000001b3u;
    }
    return hash;
}

static tw_status relu_forward(const tw_run *run) {
    return map(run, run->sweeps->relu);
}
static tw_status relu_backward(const tw_run *run) {
    return back(run, run->sweeps->relu_back);
}
static tw_status relu6_forward(const tw_run *run) {
    return map(run, run->sweeps->relu6);
}
static tw_status relu6_backward(const tw_run *run) {
    return back(run, run->sweeps->relu6_back);
}
static tw_status leaky_forward(const tw_run *run) {
    return map(run, run->sweeps->leaky);
}
static tw_status leaky_backward(const tw_run *run) {
    return back(run, run->sweeps->leaky_back);
}
static tw_status sigmoid_forward(const tw_run *run) {
    return map(run, run->sweeps->sigmoid);
}
static tw_status sigmoid_backward(const tw_run *run) {
    return back(run, run->sweeps->sigmoid_back);
}
static tw_status tanh_forward(const tw_run *run) {
    return map(run, run->sweeps->tanh);
}
static tw_status tanh_backward(const tw_run *run) {
    return back(run, run->sweeps->tanh_back);
}

static const tw_field no_fields[] = {{0}};

const tw_layer tw_layer_relu = {
    .name = "relu",
    .summary = "rectifier",
    .forward_formula = "y = max(x, 0)",
    .backward_formula = "dx = dy where y > 0, else 0",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .reads_y = true,
    .rectifies = true,
    .ramp = TW_RELU,
    .infer = infer,
    .forward = relu_forward,
    .backward = relu_backward,
    .piece = piece,
};

const tw_layer tw_layer_relu6 = {
    .name = "relu6",
    .summary = "rectifier that ends at 6",
    .forward_formula = "y = min(max(x, 0), 6)",
    .backward_formula = "dx = dy where 0 < y < 6, else 0",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .reads_y = true,
    .rectifies = true,
    .ramp = TW_RELU6,
    .infer = infer,
    .forward = relu6_forward,
    .backward = relu6_backward,
    .piece = piece_of_relu6,
};

static const tw_field leaky_fields[] = {{TW_FIELD_DECIMAL, NULL, "a slope for negative numbers, from 0 to 1",
                                         offsetof(tw_settings, slope), .optional = true, .least = 0,
                                         .most = 1},
                                        {0}};

const tw_layer tw_layer_leakyrelu = {
    .name = "leakyrelu",
    .summary = "rectifier with a slope below 0: slope (0.01)",
    .forward_formula = "y = x where x > 0, else slope * x",
    .backward_formula = "dx = dy where x > 0, else slope * dy",
    .inputs = 1,
    .fields = leaky_fields,
    .defaults = {.slope = 0.01},
    .in_place = true,
    .reads_x = true,
    .rectifies = true,
    .infer = infer,
    .forward = leaky_forward,
    .backward = leaky_backward,
    .piece = piece,
};

const tw_layer tw_layer_sigmoid = {
    .name = "sigmoid",
    .summary = "logistic function",
    .forward_formula = "y = 1 / (1 + exp(-x))",
    .backward_formula = "dx = dy y (1 - y)",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .reads_y = true,
    .infer = infer,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
};

const tw_layer tw_layer_tanh = {
    .name = "tanh",
    .summary = "hyperbolic tangent",
    .forward_formula = "y = tanh(x)",
    .backward_formula = "dx = dy (1 - y^2)",
    .inputs = 1,
    .fields = no_fields,
    .in_place = true,
    .reads_y = true,
    .infer = infer,
    .forward = tanh_forward,
    .backward = tanh_backward,
};

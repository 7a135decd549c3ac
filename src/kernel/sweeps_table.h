/* The table of all loops over `real`: the last thing that sweeps_f32.c and sweeps_f64.c include. */
#include "kernel/inlined.h"
#include "kernel/octets.h"

#include "kernel/activation_sweeps.h"
#include "kernel/batchnorm_sweeps.h"
#include "kernel/loss_sweeps.h"
#include "kernel/optimiser_sweeps.h"
#include "kernel/pool_sweeps.h"

const tw_sweeps SWEEPS = {
    .relu = relu,
    .relu6 = relu6,
    .leaky = leaky,
    .sigmoid = sigmoid,
    .tanh = hyperbolic,
    .relu_back = relu_back,
    .relu6_back = relu6_back,
    .leaky_back = leaky_back,
    .sigmoid_back = sigmoid_back,
    .tanh_back = hyperbolic_back,
    .add = add,
    .softmax = softmax,
    .softmax_back = softmax_back,
    .drop = drop,
    .maxpool = maxpool,
    .avgpool = avgpool,
    .maxpool_back = maxpool_back,
    .avgpool_back = avgpool_back,
    .globalavg = globalavg,
    .globalavg_back = globalavg_back,
    .moments = moments,
    .back_sums = back_sums,
    .normalise = normalise,
    .normalise_back = normalise_back,
    .cross_entropy = cross_entropy,
    .squared_error = squared_error,
    .sgd = sgd,
    .adam = adam,
    .largest = largest,
    .get = get,
    .set = set,
};

/* Depthwise convolution: every output channel reads one input channel, so that there is no sum over channels
 * to block. As a rule a channel is a lane (depthwise_lanes.c); where channels come first and the taps are
 * 3x3, a pixel (depthwise_planes.c), with the same bits. The gradient of the weights has a walk of its own
 * (depthwise_weights.c). A transposed convolution comes as its base. */
#include "conv/depthwise.h"

#include <math.h>

#include "base/checked.h"
#include "base/memory.h"

static void release(void *state) {
    tw_axis *axes = state;
    for (int a = 0; a < TW_AXES; a++) tw_axis_free(&axes[a]);
    tw_free(axes);
}

static tw_status prepare(const tw_problem *problem, tw_pass pass, void **state) {
    const tw_shape *s = &problem->shape;
    bool backward = pass == TW_BACKWARD_DATA;
    *state = NULL;
    tw_axis *axes = tw_alloc_zero(TW_AXES, sizeof *axes);
    if (!axes) return TW_ERROR_MEMORY;
    for (int a = 0; a < TW_AXES; a++) {
        tw_status status = tw_axis_create(&axes[a], &(tw_axis_spec){.from = backward ? s->out[a] : s->in[a],
                                                                    .to = backward ? s->in[a] : s->out[a],
                                                                    .kernel = s->kernel[a],
                                                                    .stride = s->stride[a],
                                                                    .dilation = s->dilation[a],
                                                                    .pad = s->pad[a],
                                                                    .backward = backward});
        if (status) {
            release(axes);
            return status;
        }
    }
    *state = axes;
    return TW_OK;
}

/* Positions from the first tap of an output to its last. */
static double reach(const tw_shape *s, int axis) {
    return (double)(s->kernel[axis] - 1) * (double)s->dilation[axis] + 1;
}

/* As tw_stage_slots, for any number. */
static double slots(double window) {
    return exp2(ceil(log2(window)));
}

static const char *declines(const tw_problem *problem, tw_pass pass) {
    const tw_shape *s = &problem->shape;
    if (s->group_in != 1) return "an output reads more than one input channel";
    if (pass == TW_BACKWARD_DATA && s->group_out != 1) return "several outputs read the same channel";
    if (pass == TW_BACKWARD_DATA && s->geometry.pad_mode != TW_PAD_ZEROS)
        return "gradients of repeated borders must be folded back";
    if (s->groups < 4) return "fewer than 4 channels leave most lanes empty";
    /* staged rows of a chunk in f64, for the hungriest pass */
    double width = (double)tw_max(s->in[TW_WIDTH], s->out[TW_WIDTH]) * (double)s->stride[TW_WIDTH];
    double lines = (double)tw_max(tw_ceil_div(TW_DEPTHWISE_CHAIN, s->out[TW_WIDTH]), TW_STENCIL_LINES);
    double rows = reach(s, TW_HEIGHT) + fmin(lines, (double)s->out[TW_HEIGHT]) * (double)s->stride[TW_HEIGHT];
    double numbers =
        TW_DEPTHWISE_STAGED * (width + reach(s, TW_WIDTH)) * slots(rows) * slots(reach(s, TW_DEPTH));
    numbers += (double)s->in[TW_WIDTH] * (double)s->in_channels; /* a last row */
    return 8.0 * numbers > TW_DEPTHWISE_WORKSPACE / 4 ? "the rows of one window would not fit into a cache"
                                                      : NULL;
}

/* Products of one image; half as many again for staging and for taps that are loaded, not kept. */
static double cost(const tw_problem *problem, tw_pass pass) {
    (void)pass;
    const tw_shape *s = &problem->shape;
    return 1.5 * (double)s->out_image * (double)s->kernel_taps;
}

/* ---- Forward and backward data: planes or lanes. */

static bool is_backward(tw_pass pass) {
    return pass == TW_BACKWARD_DATA;
}

static void pack(const tw_problem *problem, tw_pass pass, const void *state, const void *w, void *packed,
                 int threads) {
    (void)threads;
    if (tw_depthwise_by_planes(problem, is_backward(pass)))
        tw_depthwise_planes_pack(problem, is_backward(pass), w, packed);
    else
        tw_depthwise_lanes_pack(problem, state, is_backward(pass), w, packed);
}

static int64_t packed_bytes(const tw_problem *problem, tw_pass pass, const void *state) {
    if (pass == TW_BACKWARD_WEIGHTS) return 0;
    if (tw_depthwise_by_planes(problem, is_backward(pass)))
        return tw_depthwise_planes_packed_bytes(problem, is_backward(pass));
    return tw_depthwise_lanes_packed_bytes(problem, state, is_backward(pass));
}

static int64_t workspace(const tw_problem *problem, tw_pass pass, const void *state, int threads) {
    if (pass == TW_BACKWARD_WEIGHTS) return tw_depthwise_weights_workspace(problem, state, threads);
    if (tw_depthwise_by_planes(problem, is_backward(pass)))
        return tw_depthwise_planes_workspace(problem, is_backward(pass), threads);
    return tw_depthwise_lanes_workspace(problem, state, is_backward(pass), threads);
}

static void run(const tw_job *job) {
    if (job->pass == TW_BACKWARD_WEIGHTS)
        tw_depthwise_weights_run(job, job->state);
    else if (tw_depthwise_by_planes(job->problem, is_backward(job->pass)))
        tw_depthwise_planes_run(job);
    else
        tw_depthwise_lanes_run(job, job->state);
}

static bool ramps(const tw_problem *problem, tw_pass pass, const void *state) {
    (void)state;
    return !tw_depthwise_by_planes(problem, is_backward(pass));
}

const tw_algorithm tw_algorithm_depthwise = {
    .name = "depthwise",
    .reason = "one input channel for each output: there is no sum over channels to block",
    .declines = declines,
    .cost = cost,
    .prepare = prepare,
    .release = release,
    .workspace = workspace,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
    .ramps = ramps,
    .sums_dy = true,
};

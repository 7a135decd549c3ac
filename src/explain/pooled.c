/* The taps give every window's pixels; from them outputs and gradients are one sum each. The network's pool
 * (net.h, f64) must make the same: its backward pass gets dL/dh as the gradient y - t of a squared error. */
#include "explain/pooled.h"

#include <math.h>
#include <stdio.h>

#include <twill/net.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

tw_geometry tw_pooled_window(const tw_geometry *g, bool keeps_stride) {
    tw_geometry w = tw_geometry_defaults(g->spatial);
    bool strided = keeps_stride;
    for (int a = 0; a < g->spatial; a++) strided = strided || g->stride[a] > 1;
    w.in_channels = w.out_channels = 1;
    for (int a = 0; a < g->spatial; a++) {
        bool pads = !g->transposed && g->pad_mode == TW_PAD_ZEROS;
        w.input[a] = g->input[a];
        w.pad_begin[a] = pads ? tw_min(g->pad_begin[a], g->kernel[a] - 1) : 0;
        w.pad_end[a] = pads ? tw_min(g->pad_end[a], g->kernel[a] - 1) : 0;
        w.kernel[a] = tw_min(g->kernel[a], g->input[a] + w.pad_begin[a] + w.pad_end[a]);
        w.stride[a] = strided ? g->stride[a] : w.kernel[a];
    }
    return w;
}

/* "maxpool 2x2 stride 2x2 pad 0,1x0,1; loss squared" */
static void write_text(const tw_geometry *g, bool largest, char text[512]) {
    int used = snprintf(text, 512, "%s ", largest ? "maxpool" : "avgpool");
    for (int a = 0; a < g->spatial; a++)
        used += snprintf(text + used, 512 - (size_t)used, "%s%lld", a ? "x" : "", (long long)g->kernel[a]);
    used += snprintf(text + used, 512 - (size_t)used, " stride ");
    for (int a = 0; a < g->spatial; a++)
        used += snprintf(text + used, 512 - (size_t)used, "%s%lld", a ? "x" : "", (long long)g->stride[a]);
    used += snprintf(text + used, 512 - (size_t)used, " pad ");
    for (int a = 0; a < g->spatial; a++)
        used += snprintf(text + used, 512 - (size_t)used, "%s%lld,%lld", a ? "x" : "",
                         (long long)g->pad_begin[a], (long long)g->pad_end[a]);
    snprintf(text + used, 512 - (size_t)used, "; loss squared");
}

/* The network's own pool: y, and dx where dy is given. */
static tw_status run_network(const tw_problem *p, bool largest, double *y, double *dx, double *targets) {
    char text[512];
    double none = 0;
    write_text(&p->geometry, largest, text);
    tw_net_input input = {.spatial = p->geometry.spatial, .channels = 1};
    for (int a = 0; a < input.spatial; a++) input.size[a] = p->geometry.input[a];
    tw_net *net;
    tw_runner *runner = NULL;
    tw_status status = tw_net_create(&net, text, input);
    if (status) return status;
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = 1;
    options.threads = 1;
    options.trains = true;
    status = tw_runner_create(&runner, net, &options);
    if (!status) status = tw_runner_forward(runner, &none, p->x, 1, y);
    for (int64_t i = 0; !status && p->dy && i < p->sizes.y; i++) targets[i] = y[i] - p->dy[i];
    tw_step step = {.weights = &none,
                    .x = p->x,
                    .targets = targets,
                    .count = 1,
                    .keeps_state = true,
                    .gradient = &none,
                    .dx = dx};
    if (!status && p->dy) status = tw_runner_step(runner, &step);
    tw_runner_free(runner);
    tw_net_free(net);
    return status;
}

/* One output from its window: the mean, or the first of the largest. */
static void sum_window(tw_pooled *pooled, const tw_taps_chosen *window, int64_t output) {
    const tw_problem *p = &pooled->problem;
    int64_t pixel = tw_taps_at(window, 0).in;
    double sum = 0;
    for (int64_t i = 0; i < window->count; i++) {
        int64_t in = tw_taps_at(window, i).in;
        sum += p->x[in];
        if (p->x[in] > p->x[pixel]) pixel = in;
    }
    pooled->y[output] = pooled->taken ? p->x[pixel] : sum / (double)window->count;
    if (pooled->taken) pooled->taken[output] = pixel;
    for (int64_t i = 0; p->dx && !pooled->taken && i < window->count; i++)
        pooled->dx[tw_taps_at(window, i).in] += p->dy[output] / (double)window->count;
    if (p->dx && pooled->taken) pooled->dx[pixel] += p->dy[output];
}

static tw_status sum_all(tw_pooled *pooled) {
    for (int64_t i = 0; i < pooled->problem.sizes.y; i++) {
        tw_taps_chosen window;
        tw_status status = tw_taps_choose(&window, &pooled->problem.shape, TW_TAP_OUT, i);
        if (status) return status;
        sum_window(pooled, &window, i);
        tw_taps_release(&window);
    }
    return TW_OK;
}

/* Rounding of a mean, of the targets and of a sum over overlapping windows: a few last bits of the largest
 * number that came in. */
static tw_status compare(const char *what, const double *network, const double *taps, int64_t count,
                         double scale) {
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(network[i] - taps[i]) <= 0x1p-44 * scale))
            return tw_fail(TW_ERROR_NUMERIC,
                           "%s: the network's pool computes %.17g for element %lld, the window %.17g: please "
                           "report this",
                           what, network[i], (long long)i, taps[i]);
    return TW_OK;
}

static double largest_of(const double *values, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    return largest;
}

static tw_status compute(tw_pooled *pooled, bool largest) {
    tw_problem *p = &pooled->problem;
    p->y = pooled->y = tw_alloc_zero(p->sizes.y, sizeof *p->y);
    if (p->dy) p->dx = pooled->dx = tw_alloc_zero(p->sizes.x, sizeof *p->dx);
    if (largest) pooled->taken = tw_alloc_zero(p->sizes.y, sizeof *pooled->taken);
    double *y = tw_alloc_zero(2 * p->sizes.y, sizeof *y), *dx = tw_alloc_zero(p->sizes.x, sizeof *dx);
    bool all = p->y && (p->dx || !p->dy) && (pooled->taken || !largest) && y && dx;
    tw_status status = all ? sum_all(pooled) : TW_ERROR_MEMORY;
    if (!status) status = run_network(p, largest, y, dx, y + p->sizes.y);
    double scale = largest_of(p->x, p->sizes.x);
    if (!status) status = compare("pool, forward", y, p->y, p->sizes.y, scale);
    if (!status && p->dy)
        status = compare("pool, backward", dx, p->dx, p->sizes.x,
                         (double)p->sizes.w * (scale + largest_of(p->dy, p->sizes.y)));
    tw_free(y);
    tw_free(dx);
    return status;
}

tw_status tw_pooled_create(tw_pooled *pooled, const tw_explain_request *window, bool largest) {
    *pooled = (tw_pooled){.taken = NULL};
    tw_status status = tw_problem_create(&pooled->problem, window);
    if (!status && pooled->problem.x) status = compute(pooled, largest);
    if (status) tw_pooled_release(pooled);
    return status;
}

void tw_pooled_release(tw_pooled *pooled) {
    tw_problem_release(&pooled->problem);
    tw_free(pooled->y);
    tw_free(pooled->dx);
    tw_free(pooled->taken);
    *pooled = (tw_pooled){.taken = NULL};
}

int64_t tw_pooled_pixels(const tw_pooled *pooled, int64_t output) {
    tw_taps_chosen window;
    if (tw_taps_choose(&window, &pooled->problem.shape, TW_TAP_OUT, output)) return 1;
    int64_t count = window.count;
    tw_taps_release(&window);
    return count;
}

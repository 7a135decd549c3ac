/* Unrolling x, and handing the product to the gradient of a 1x1 convolution. */
#include "conv/gradient_unrolled.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

/* Unrolling a number costs about three times as long as turning a sum. */
static bool pays(const tw_gradient *g) {
    int64_t pixels = g->images * g->out_pixels;
    return g->at_once && g->across_in && g->groups == 1 && g->kernel_taps > 1 && pixels < g->group_out / 3;
}

/* The geometry of the 1x1 convolution; sizes that do not fit are not unrolled. */
static bool describe(const tw_gradient *g, const tw_problem *problem, tw_geometry *one) {
    *one = tw_geometry_defaults(1);
    one->layout = TW_NHWC;
    one->batch = problem->shape.batch;
    one->out_channels = g->group_out;
    one->input[0] = g->out_pixels;
    one->kernel[0] = 1;
    return tw_mul(g->group_in, g->kernel_taps, &one->in_channels) && tw_geometry_validate(one) == TW_OK;
}

tw_status tw_unrolled_create(tw_unrolled *u, const tw_problem *problem, const tw_gradient *g) {
    tw_geometry one;
    *u = (tw_unrolled){.pays = false};
    if (!pays(g) || !describe(g, problem, &one)) return TW_OK;
    u->problem = *problem;
    tw_status status = tw_shape_create(&u->problem.shape, &one);
    if (status || (status = tw_gradient_create(&u->gradient, &u->problem))) return status;
    int64_t pixels = g->images * g->out_pixels, size = (int64_t)g->size;
    u->pixel_bytes = tw_round_up(one.in_channels * size, TW_ALIGNMENT);
    u->x_bytes = tw_round_up(pixels * one.in_channels * size, TW_ALIGNMENT);
    if (g->layout == TW_NCHW) u->dy_bytes = tw_round_up(pixels * g->group_out * size, TW_ALIGNMENT);
    u->pays = true;
    return TW_OK;
}

void tw_unrolled_free(tw_unrolled *u) {
    if (u->pays) tw_gradient_free(&u->gradient);
}

int64_t tw_unrolled_workspace(const tw_unrolled *u, int threads) {
    return u->pays ? u->x_bytes + u->dy_bytes + threads * u->pixel_bytes +
                         tw_gradient_workspace(&u->gradient, threads)
                   : 0;
}

typedef struct unrolling {
    const tw_unrolled *unrolled;
    const tw_gradient *g;
    const tw_job *job;
    char *x, *dy, *pixels; /* unrolled x, turned dy, a pixel's taps for each worker */
} unrolling;

/* All channels of a source pixel, side by side; -1 for one that lies outside. */
static void load_channels(const unrolling *k, int64_t image, int64_t pixel, char *to) {
    const tw_gradient *g = k->g;
    int64_t size = (int64_t)g->size;
    const char *x = (const char *)k->job->x + image * g->in_image * size;
    if (pixel < 0)
        memset(to, 0, (size_t)(g->group_in * size));
    else if (g->layout == TW_NHWC)
        memcpy(to, x + pixel * g->group_in * size, (size_t)(g->group_in * size));
    else
        k->job->problem->loops->turn(
            &(tw_block){x + pixel * size, g->in_pixels, to, g->group_in, g->group_in, 1});
}

/* One output pixel: [tap][channel], then [channel][tap]. */
static void unroll_pixel(void *context, int64_t task, int worker) {
    const unrolling *k = context;
    const tw_gradient *g = k->g;
    int64_t image = task / g->out_pixels, pixel = task % g->out_pixels, tap = 0, size = (int64_t)g->size;
    int64_t out[TW_AXES] = {pixel / g->axis[TW_WIDTH].to / g->axis[TW_HEIGHT].to,
                            pixel / g->axis[TW_WIDTH].to % g->axis[TW_HEIGHT].to,
                            pixel % g->axis[TW_WIDTH].to};
    char *taps = k->pixels + worker * k->unrolled->pixel_bytes;
    for (int64_t z = 0; z < g->kernel[TW_DEPTH]; z++)
        for (int64_t y = 0; y < g->kernel[TW_HEIGHT]; y++)
            for (int64_t x = 0; x < g->kernel[TW_WIDTH]; x++, tap++) {
                int64_t plane = tw_gradient_source(g, TW_DEPTH, out[TW_DEPTH], z);
                int64_t row = tw_gradient_source(g, TW_HEIGHT, out[TW_HEIGHT], y);
                int64_t column = tw_gradient_source(g, TW_WIDTH, out[TW_WIDTH], x);
                bool outside = plane < 0 || row < 0 || column < 0;
                int64_t at = (plane * g->axis[TW_HEIGHT].from + row) * g->axis[TW_WIDTH].from + column;
                int64_t place = g->flipped ? g->kernel_taps - 1 - tap : tap;
                load_channels(k, image, outside ? -1 : at, taps + place * g->group_in * size);
            }
    int64_t numbers = g->group_in * g->kernel_taps;
    k->job->problem->loops->turn(&(tw_block){taps, g->group_in, k->x + task * numbers * size, g->kernel_taps,
                                             g->kernel_taps, g->group_in});
}

/* Channels last, as the product wants it. */
static const void *turn_dy(const unrolling *k) {
    const tw_gradient *g = k->g;
    int64_t image_bytes = g->out_image * (int64_t)g->size;
    if (g->layout == TW_NHWC) return k->job->dy;
    for (int64_t i = 0; i < g->images; i++)
        k->job->problem->loops->turn(&(tw_block){(const char *)k->job->dy + i * image_bytes, g->out_pixels,
                                                 k->dy + i * image_bytes, g->group_out, g->group_out,
                                                 g->out_pixels});
    return k->dy;
}

bool tw_unrolled_execute(const tw_unrolled *u, const tw_gradient *g, const tw_job *job) {
    if (!u->pays) return false;
    if (!job->dy_finite && !job->problem->loops->all_finite(job->dy, g->images * g->out_image)) return false;
    char *memory = job->workspace;
    unrolling k = {u, g, job, memory, memory + u->x_bytes, memory + u->x_bytes + u->dy_bytes};
    tw_parallel(job->threads, g->images * g->out_pixels, unroll_pixel, &k);
    tw_problem problem = u->problem;
    problem.shape.batch = g->images;
    tw_job one = *job;
    one.problem = &problem;
    one.x = k.x, one.dy = turn_dy(&k);
    one.workspace = k.pixels + job->threads * u->pixel_bytes;
    tw_gradient gradient = tw_gradient_shrunk(&u->gradient, g->images);
    tw_gradient_execute(&gradient, &one);
    return true;
}

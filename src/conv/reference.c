/* The convolution as it is defined: every tap of the walk, one fused multiply-add each, in the order of the
 * walk. Any geometry, one thread, and slow: it is what the others are held against, and what runs where all
 * others decline. */
#include <math.h>

#include "base/checked.h"
#include "conv/algorithm.h"
#include "shape/taps.h"

/* One image: sum[tap] += left[tap] * right[tap], where each of the three is indexed by another part of the
 * tap. */
typedef struct walk {
    bool transposed;
    tw_pass pass;
    const void *left, *right;
    void *sum;
} walk;

typedef struct place {
    int64_t left, right, sum;
} place;

static place place_of(const walk *k, tw_tap tap) {
    int64_t in = k->transposed ? tap.out : tap.in, out = k->transposed ? tap.in : tap.out;
    switch (k->pass) {
    case TW_FORWARD: return (place){tap.weight, in, out};
    case TW_BACKWARD_DATA: return (place){tap.weight, out, in};
    default: return (place){out, in, tap.weight};
    }
}

static void visit_f32(void *context, tw_tap tap) {
    const walk *k = context;
    place p = place_of(k, tap);
    float *sum = k->sum;
    sum[p.sum] = fmaf(((const float *)k->left)[p.left], ((const float *)k->right)[p.right], sum[p.sum]);
}

static void visit_f64(void *context, tw_tap tap) {
    const walk *k = context;
    place p = place_of(k, tap);
    double *sum = k->sum;
    sum[p.sum] = fma(((const double *)k->left)[p.left], ((const double *)k->right)[p.right], sum[p.sum]);
}

/* sum[i] = bias of its channel, or zero. */
static void begin(tw_type type, void *sum, int64_t count, const void *bias, int64_t channels, int64_t pixels,
                  tw_layout layout) {
    for (int64_t i = 0; i < count; i++) {
        int64_t channel = layout == TW_NCHW ? i / pixels % channels : i % channels;
        if (type == TW_F32)
            ((float *)sum)[i] = bias ? ((const float *)bias)[channel] : 0;
        else
            ((double *)sum)[i] = bias ? ((const double *)bias)[channel] : 0;
    }
}

static void run(const tw_job *job) {
    const tw_shape *s = &job->problem->shape;
    tw_type type = job->problem->type;
    tw_layout layout = s->geometry.layout;
    int64_t size = (int64_t)tw_type_size(type);
    walk k = {.transposed = s->geometry.transposed, .pass = job->pass, .left = job->w};
    switch (job->pass) {
    case TW_FORWARD:
        begin(type, job->y, s->out_count, job->bias, s->out_channels, s->out_pixels, layout);
        break;
    case TW_BACKWARD_DATA:
        begin(type, job->dx, s->in_count, job->bias, s->in_channels, s->in_pixels, layout);
        break;
    default: begin(type, job->dw, s->w_count, NULL, 1, 1, layout);
    }
    for (int64_t image = 0; image < s->batch; image++) {
        int64_t in = image * s->in_image * size, out = image * s->out_image * size;
        if (job->pass == TW_FORWARD) k.right = (const char *)job->x + in, k.sum = (char *)job->y + out;
        if (job->pass == TW_BACKWARD_DATA)
            k.right = (const char *)job->dy + out, k.sum = (char *)job->dx + in;
        if (job->pass == TW_BACKWARD_WEIGHTS)
            k.left = (const char *)job->dy + out, k.right = (const char *)job->x + in, k.sum = job->dw;
        tw_taps_walk(s, type == TW_F32 ? visit_f32 : visit_f64, &k);
    }
}

static const char *declines(const tw_problem *problem, tw_pass pass) {
    (void)problem, (void)pass;
    return NULL;
}

static double cost(const tw_problem *problem, tw_pass pass) {
    (void)problem, (void)pass;
    return INFINITY;
}

const tw_algorithm tw_algorithm_reference = {
    .name = "reference",
    .reason = "the taps one by one, as defined: only where it is asked for by name",
    .declines = declines,
    .cost = cost,
    .run = run,
};

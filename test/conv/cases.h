/* Random geometries and their exact results, for the tests of all algorithms: small integers, summed in f64
 * by the walk over the taps, so every right answer is equal with ==. */
#ifndef TW_TEST_CONV_CASES_H
#define TW_TEST_CONV_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twill/conv.h>

#include "base/random.h"
#include "shape/shape.h"
#include "shape/taps.h"

static inline int64_t case_between(tw_random *r, int64_t low, int64_t high) {
    return low + (int64_t)tw_random_below(r, (uint64_t)(high - low + 1));
}

/* One of many geometries, legal or not: the caller asks tw_geometry_validate. */
static inline tw_geometry case_draw(tw_random *r) {
    tw_geometry g = tw_geometry_defaults((int)case_between(r, 1, 3));
    int64_t largest = g.spatial == 1 ? 40 : g.spatial == 2 ? 12 : 5;
    g.batch = case_between(r, 0, 3);
    g.groups = case_between(r, 0, 2) ? 1 : case_between(r, 2, 3);
    bool wide = case_between(r, 0, 4) == 0;
    g.in_channels = g.groups * case_between(r, 1, wide ? 40 : 5);
    g.out_channels = g.groups * case_between(r, 1, wide ? 40 : 7);
    g.pad_mode = case_between(r, 0, 1) ? TW_PAD_ZEROS : (tw_pad_mode)case_between(r, 0, 3);
    g.layout = (tw_layout)case_between(r, 0, 1);
    g.transposed = case_between(r, 0, 3) == 0;
    g.flipped = case_between(r, 0, 3) == 0;
    bool plain = case_between(r, 0, 5) == 0; /* 1x1, or a kernel as large as the image */
    for (int a = 0; a < g.spatial; a++) {
        g.input[a] = case_between(r, 1, largest);
        g.kernel[a] = case_between(r, 1, 4);
        if (plain) {
            g.kernel[a] = case_between(r, 0, 1) ? 1 : g.input[a];
            continue;
        }
        g.stride[a] = case_between(r, 1, 3);
        g.dilation[a] = case_between(r, 0, 2) ? 1 : case_between(r, 1, 3);
        g.pad_begin[a] = case_between(r, 0, 3);
        g.pad_end[a] = case_between(r, 0, 3);
        if (g.transposed) g.output_padding[a] = case_between(r, 0, 2);
    }
    return g;
}

/* The kinds of geometries that algorithms are made for; each takes another corner of what is legal. */
typedef enum case_kind {
    CASE_ANY = 0,
    CASE_WINOGRAD,  /* 3x3, stride 1, channels enough */
    CASE_DEPTHWISE, /* one input channel a group, with multipliers, strides, dilations */
    CASE_SMALL,     /* few channels */
    CASE_POINT,     /* 1x1 */
    CASE_DENSE,     /* a kernel as large as the image */
    CASE_BANDS,     /* depthwise, of few channels, on images that are cut into bands */
    CASE_PLANES,    /* 3x3 depthwise, channels first, on rows of some vectors or less than one */
    CASE_LARGE,     /* kernels up to 31x31, depthwise */
    CASE_PATCHES,   /* a stride as long as the kernel */
    CASE_HEAD,      /* 1x1 to few channels, rows of whole vectors */
    CASE_FANNED,    /* at most eight channels on one side, long rows of taps */
    CASE_TRANSPOSED,
    CASE_GROUPS, /* groups of few channels */
    CASE_KINDS
} case_kind;

static inline void case_sides(tw_geometry *g, tw_random *r, int64_t image, int64_t kernel, int64_t stride) {
    for (int a = 0; a < g->spatial; a++) {
        g->input[a] = case_between(r, 1, image);
        g->kernel[a] = case_between(r, 1, kernel);
        g->stride[a] = case_between(r, 1, stride);
        g->pad_begin[a] = case_between(r, 0, g->kernel[a] / 2 + 1);
        g->pad_end[a] = case_between(r, 0, g->kernel[a] / 2 + 1);
    }
}

static inline void case_channels(tw_geometry *g, tw_random *r, int64_t groups, int64_t in, int64_t out) {
    g->groups = groups;
    g->in_channels = groups * case_between(r, 1, in);
    g->out_channels = groups * case_between(r, 1, out);
}

static inline void case_groups(tw_geometry *g, tw_random *r) {
    case_sides(g, r, 20, 5, 3);
    g->groups = case_between(r, 2, 20);
    g->in_channels = g->groups * case_between(r, 2, 18);
    g->out_channels = case_between(r, 0, 2) ? g->in_channels : g->groups * case_between(r, 2, 18);
    g->layout = case_between(r, 0, 4) ? TW_NHWC : TW_NCHW;
    g->transposed = case_between(r, 0, 3) == 0;
    g->flipped = case_between(r, 0, 3) == 0;
}

static inline void case_fanned(tw_geometry *g, tw_random *r) {
    case_sides(g, r, 40, 9, 2);
    case_channels(g, r, 1, 40, case_between(r, 0, 2) ? 8 : 1);
    if (case_between(r, 0, 2) == 0) {
        const int64_t few = g->out_channels;
        g->out_channels = g->in_channels, g->in_channels = few;
    }
    g->stride[1] = 1, g->dilation[1] = case_between(r, 1, 3);
    g->pad_mode = case_between(r, 0, 2) ? TW_PAD_ZEROS : (tw_pad_mode)case_between(r, 0, 3);
    g->flipped = case_between(r, 0, 2) == 0;
    g->transposed = case_between(r, 0, 2) == 0;
}

static inline void case_depthwise(tw_geometry *g, tw_random *r, case_kind kind) {
    if (kind == CASE_DEPTHWISE) {
        case_sides(g, r, 24, 7, 3);
        case_channels(g, r, case_between(r, 1, 40), 1, 2);
        g->dilation[0] = case_between(r, 1, 2), g->dilation[1] = case_between(r, 1, 2);
    } else if (kind == CASE_BANDS) {
        case_sides(g, r, 70, 5, 2);
        case_channels(g, r, case_between(r, 4, 40), 1, 1);
    } else if (kind == CASE_PLANES) {
        case_sides(g, r, 70, 3, 1);
        case_channels(g, r, case_between(r, 4, 12), 1, case_between(r, 1, 2));
        g->layout = TW_NCHW;
        g->kernel[0] = g->kernel[1] = 3;
        g->input[1] = case_between(r, 0, 1) ? g->input[1] + 14 : case_between(r, 1, 18);
        g->stride[0] = g->stride[1] = case_between(r, 1, 2);
        g->flipped = case_between(r, 0, 2) == 0;
    } else {
        case_sides(g, r, 33, 31, 1);
        case_channels(g, r, case_between(r, 1, 9), 1, 1);
    }
}

/* One of a kind, legal or not, of at least one image. */
static inline tw_geometry case_draw_kind(tw_random *r, case_kind kind) {
    if (kind == CASE_ANY) return case_draw(r);
    tw_geometry g = tw_geometry_defaults(2);
    g.batch = case_between(r, 1, 3);
    g.layout = (tw_layout)case_between(r, 0, 1);
    switch (kind) {
    case CASE_WINOGRAD:
        case_sides(&g, r, 17, 3, 1);
        g.kernel[0] = g.kernel[1] = 3;
        case_channels(&g, r, case_between(r, 0, 3) ? 1 : 2, 36, 36);
        g.in_channels += 7 * g.groups;
        g.flipped = case_between(r, 0, 3) == 0;
        break;
    case CASE_SMALL:
        case_sides(&g, r, 30, 7, 4);
        case_channels(&g, r, 1, 6, 20);
        break;
    case CASE_POINT:
        case_sides(&g, r, 12, 1, 2);
        case_channels(&g, r, case_between(r, 0, 3) ? 1 : 3, case_between(r, 0, 2) ? 70 : 500, 70);
        g.pad_begin[0] = g.pad_begin[1] = g.pad_end[0] = g.pad_end[1] = 0;
        break;
    case CASE_DENSE:
        case_sides(&g, r, 6, 1, 1);
        case_channels(&g, r, 1, 90, 90);
        for (int a = 0; a < 2; a++) g.kernel[a] = g.input[a], g.pad_begin[a] = g.pad_end[a] = 0;
        break;
    case CASE_PATCHES:
        case_sides(&g, r, 6, 9, 1);
        case_channels(&g, r, 1, 18, 100);
        for (int a = 0; a < 2; a++) {
            g.pad_begin[a] = g.pad_end[a] = 0, g.stride[a] = g.kernel[a];
            g.input[a] = g.input[a] * g.kernel[a] + (case_between(r, 0, 4) == 0);
        }
        g.flipped = case_between(r, 0, 2) == 0;
        g.transposed = case_between(r, 0, 2) == 0;
        break;
    case CASE_HEAD:
        case_sides(&g, r, 6, 1, 1);
        case_channels(&g, r, case_between(r, 1, 2), 20, 12);
        g.pad_begin[0] = g.pad_begin[1] = g.pad_end[0] = g.pad_end[1] = 0;
        g.input[0] *= 8, g.input[1] *= 16;
        break;
    case CASE_FANNED: case_fanned(&g, r); break;
    case CASE_DEPTHWISE:
    case CASE_BANDS:
    case CASE_PLANES:
    case CASE_LARGE: case_depthwise(&g, r, kind); break;
    case CASE_GROUPS: case_groups(&g, r); break;
    default:
        case_sides(&g, r, 9, 5, 3);
        case_channels(&g, r, case_between(r, 1, 2), 20, 20);
        g.transposed = true;
    }
    return g;
}

static inline void case_print(const tw_geometry *g, const char *what) {
    char text[512];
    int n = snprintf(text, sizeof text, "%s: %dd %s n%lld c%lld k%lld g%lld mode%d%s%s", what, g->spatial,
                     g->layout == TW_NCHW ? "nchw" : "nhwc", (long long)g->batch, (long long)g->in_channels,
                     (long long)g->out_channels, (long long)g->groups, (int)g->pad_mode,
                     g->transposed ? " transposed" : "", g->flipped ? " flipped" : "");
    for (int a = 0; a < g->spatial; a++)
        n += snprintf(text + n, sizeof text - (size_t)n, " [i%lld f%lld s%lld d%lld p%lld,%lld o%lld]",
                      (long long)g->input[a], (long long)g->kernel[a], (long long)g->stride[a],
                      (long long)g->dilation[a], (long long)g->pad_begin[a], (long long)g->pad_end[a],
                      (long long)g->output_padding[a]);
    fprintf(stderr, "%s\n", text);
}

/* The tensors of a geometry, in f64, and what the three passes must give. */
typedef struct case_data {
    tw_shape shape;
    tw_geometry_sizes sizes;
    double *x, *w, *b, *dy, *y, *dx, *dw, *db;
    int64_t image; /* while the taps are walked */
} case_data;

static inline void case_visit(void *context, tw_tap t) {
    case_data *c = context;
    bool transposed = c->shape.geometry.transposed;
    const double *x = c->x + c->image * (transposed ? c->shape.out_image : c->shape.in_image);
    const double *dy = c->dy + c->image * (transposed ? c->shape.in_image : c->shape.out_image);
    c->y[dy - c->dy + t.out] += c->w[t.weight] * x[t.in];
    c->dx[x - c->x + t.in] += c->w[t.weight] * dy[t.out];
    c->dw[t.weight] += dy[t.out] * x[t.in];
}

static inline double *case_numbers(int64_t count, tw_random *r) {
    double *numbers = calloc((size_t)count + 1, sizeof *numbers);
    for (int64_t i = 0; r && i < count; i++) numbers[i] = (double)case_between(r, -4, 4);
    return numbers;
}

static inline case_data case_make(const tw_geometry *g, tw_random *r) {
    case_data c = {0};
    tw_shape_create(&c.shape, g);
    tw_geometry_count(g, &c.sizes);
    c.x = case_numbers(c.sizes.x, r), c.w = case_numbers(c.sizes.w, r);
    c.b = case_numbers(c.sizes.b, r), c.dy = case_numbers(c.sizes.y, r);
    c.y = case_numbers(c.sizes.y, NULL), c.dx = case_numbers(c.sizes.x, NULL);
    c.dw = case_numbers(c.sizes.w, NULL), c.db = case_numbers(c.sizes.b, NULL);
    int64_t image = g->transposed ? c.shape.in_image : c.shape.out_image, pixels = image / g->out_channels;
    for (int64_t i = 0; i < c.sizes.y; i++) {
        int64_t channel = g->layout == TW_NHWC ? i % g->out_channels : i / pixels % g->out_channels;
        c.y[i] = c.b[channel];
        c.db[channel] += c.dy[i];
    }
    for (c.image = 0; c.image < g->batch; c.image++) tw_taps_walk(&c.shape, case_visit, &c);
    return c;
}

static inline void case_free(case_data *c) {
    free(c->x), free(c->w), free(c->b), free(c->dy);
    free(c->y), free(c->dx), free(c->dw), free(c->db);
}

/* `count` numbers of f64 as the type says, and back. */
static inline void case_narrow(tw_type type, const double *from, void *to, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (type == TW_F32)
            ((float *)to)[i] = (float)from[i];
        else
            ((double *)to)[i] = from[i];
}

static inline double case_number(tw_type type, const void *numbers, int64_t i) {
    return type == TW_F32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

#endif

/* For each axis a table lists where a position was repeated; an element's repetitions are the products of its
 * three lists. Cost: the padded image read once, dx written once. */
#include "conv/fold.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/threads.h"

static tw_status make_axis(tw_fold *f, const tw_shape *s, int a) {
    int64_t size = f->padded[a], *first = tw_alloc_zero(s->in[a] + 1, sizeof *first);
    int64_t *at = tw_alloc(size, sizeof *at);
    f->first[a] = first, f->at[a] = at;
    if (!first || !at) return TW_ERROR_MEMORY;
    tw_pad_mode mode = s->geometry.pad_mode;
    for (int64_t p = 0; p < size; p++) first[tw_shape_source(mode, p - s->pad[a], s->in[a]) + 1]++;
    for (int64_t i = 0; i < s->in[a]; i++) first[i + 1] += first[i];
    for (int64_t p = 0; p < size; p++) at[first[tw_shape_source(mode, p - s->pad[a], s->in[a])]++] = p;
    for (int64_t i = s->in[a]; i > 0; i--) first[i] = first[i - 1];
    first[0] = 0;
    return TW_OK;
}

tw_status tw_fold_create(tw_fold *f, const tw_problem *problem) {
    const tw_shape *s = &problem->shape;
    *f = (tw_fold){.channels = s->in_channels,
                   .pixels = s->in_pixels,
                   .layout = s->geometry.layout,
                   .type = problem->type};
    for (int a = 0; a < TW_AXES; a++) {
        f->in[a] = s->in[a];
        f->padded[a] = (s->out[a] - 1) * s->stride[a] + (s->kernel[a] - 1) * s->dilation[a] + 1;
        tw_status status = make_axis(f, s, a);
        if (status) {
            tw_fold_free(f);
            return status;
        }
    }
    return TW_OK;
}

void tw_fold_free(tw_fold *f) {
    for (int a = 0; a < TW_AXES; a++) {
        tw_free(f->first[a]);
        tw_free(f->at[a]);
        f->first[a] = f->at[a] = NULL;
    }
}

typedef struct folding {
    const tw_fold *fold;
    const char *padded;
    char *dx;
} folding;

/* dx[c * stride] += from[c]. */
static void add(tw_type type, const void *from, void *dx, int64_t stride, int64_t channels) {
    if (type == TW_F32)
        for (int64_t c = 0; c < channels; c++) ((float *)dx)[c * stride] += ((const float *)from)[c];
    else
        for (int64_t c = 0; c < channels; c++) ((double *)dx)[c * stride] += ((const double *)from)[c];
}

static void fold_pixel(const folding *k, int64_t z, int64_t y, int64_t x) {
    const tw_fold *f = k->fold;
    size_t size = tw_type_size(f->type);
    int64_t pixel = (z * f->in[1] + y) * f->in[2] + x;
    int64_t stride = f->layout == TW_NHWC ? 1 : f->pixels;
    char *dx = k->dx + (size_t)(f->layout == TW_NHWC ? pixel * f->channels : pixel) * size;
    for (int64_t c = 0; c < f->channels; c++) memset(dx + (size_t)(c * stride) * size, 0, size);
    for (int64_t i = f->first[0][z]; i < f->first[0][z + 1]; i++)
        for (int64_t j = f->first[1][y]; j < f->first[1][y + 1]; j++)
            for (int64_t l = f->first[2][x]; l < f->first[2][x + 1]; l++) {
                int64_t at = (f->at[0][i] * f->padded[1] + f->at[1][j]) * f->padded[2] + f->at[2][l];
                add(f->type, k->padded + (size_t)(at * f->channels) * size, dx, stride, f->channels);
            }
}

static void fold_row(void *context, int64_t task, int worker) {
    (void)worker;
    const folding *k = context;
    for (int64_t x = 0; x < k->fold->in[2]; x++)
        fold_pixel(k, task / k->fold->in[1], task % k->fold->in[1], x);
}

void tw_fold_image(const tw_fold *f, const void *padded, void *dx, int threads) {
    folding k = {.fold = f, .padded = padded, .dx = dx};
    tw_parallel(threads, f->in[0] * f->in[1], fold_row, &k);
}

/* What the files of the dots algorithm share: its plan, and a chunk of pixels while it is summed. */
#ifndef TW_CONV_DOTS_H
#define TW_CONV_DOTS_H

#include "conv/algorithm.h"

enum { TW_DOTS_PHASES = 16, TW_DOTS_CHUNK = 1024, TW_DOTS_STRIPS = TW_DOTS_CHUNK / 8 };

/* What follows from the geometry. Windows are [image][channel][column of the kernel][plane][row][x], with
 * ones behind those of each image. Sums are [output channel][channel][tap], the bias last. */
typedef struct tw_dots_plan {
    const tw_job *job;
    const tw_shape *shape;
    size_t size;
    bool last, padded;     /* channels last; some tap reads outside, where zeros are */
    bool joined;           /* the rows of a chunk are one strip */
    bool steady;           /* padding stands at the same places in every chunk: it is zeroed once */
    bool gathered;         /* rows of x are brought to channels first and into order before they are staged */
    int64_t width, height; /* output pixels of a row, rows of a plane */
    int64_t piece, pieces; /* pixels of a row in a chunk, at most; pieces of a row */
    int64_t rows, row_chunks, images, chunks;
    int64_t parts; /* of the slots: each is a task */
    int64_t window_rows, window_x, window_plane,
        window_image;       /* rows; numbers for a column, channel, image */
    int64_t ones;           /* numbers */
    int64_t taps;           /* of a channel */
    int64_t sums, sums_row; /* numbers: of a slot, of an output channel */
    int64_t *offsets;       /* [2][sums_row]: of each weight and the bias, see find_offsets */
    char *slots;
    int64_t dy_pitch;
    int64_t sums_bytes, x_bytes, row_bytes, dy_bytes, inside_bytes; /* of a worker */
    bool clean[TW_MAX_THREADS];                                     /* the worker's padding is zero */
    bool marked[TW_MAX_THREADS]; /* and what lies inside is known, if `steady` */
} tw_dots_plan;

/* A chunk, as its worker sees it. */
typedef struct tw_dots_chunk {
    const tw_dots_plan *p;
    char *x, *gathered, *dy, *inside;
    char *sums, *totals; /* of the slot, of the chunk */
    bool first;          /* of its slot: sums begin */
    bool clean;          /* padding needs no zeros any more */
    bool marked;         /* `inside` is known */
    const char *next_dy; /* of the chunk behind this one; NULL: there is none */
    const void *next[2]; /* what the tile at hand fetches */
    int64_t image0, image1, z, y0, y1, x0, x1;
    tw_strip strips[TW_DOTS_STRIPS]; /* dy's channel 0 and the window's first number */
    int64_t count, dy_pitch;
} tw_dots_chunk;

/* The first number of dy's row in the chunk, channel 0. */
const char *tw_dots_dy(const tw_dots_chunk *chunk, int64_t image, int64_t y);

/* Source positions that `outputs` neighbours reach over. */
static inline int64_t tw_dots_reach(const tw_shape *s, int axis, int64_t outputs) {
    return (outputs - 1) * s->stride[axis] + (s->kernel[axis] - 1) * s->dilation[axis] + 1;
}

/* Stages x and dy of the chunk, and lists its strips. */
void tw_dots_stage(tw_dots_chunk *chunk);

/* Writes which numbers of a channel's window lie inside the image, as tw_dots.inside wants it. */
void tw_dots_mark_inside(const tw_dots_chunk *chunk);

#endif

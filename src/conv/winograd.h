/* What the files of the Winograd algorithm share: how one pass of a geometry is laid out in tiles and panels.
 *
 * A pass over 3x3 weights with stride 1 cuts what it writes into tiles of outs x outs pixels. Each tile reads
 * a patch of side x side pixels (side = outs + 2), which is transformed to V [points][channels]; for each of
 * the side * side points a matrix product M = V U over all tiles follows, and M is transformed to the tile's
 * outputs:
 *
 *     x --patch--> V [points][tiles][channels]
 *                                  | the tile kernel, once for each point
 *     w --filter-> U [panels][points][channels][columns]  -->  M [points][tiles][columns]  --result--> y
 *
 * Backward data is the forward pass with the weights flipped and the roles of the channels exchanged.
 * Backward weights transforms patches of x and tiles of dy, and sums their products over all tiles: see
 * winograd_weights.c. */
#ifndef TW_CONV_WINOGRAD_H
#define TW_CONV_WINOGRAD_H

#include "base/checked.h"
#include "conv/ahead.h"
#include "conv/algorithm.h"
#include "kernel/winograd_transforms.h"

/* One pass, seen as tiles. "read" and "written" are x and y, or dy and dx. Axes 0 and 1 are height and width.
 */
typedef struct tw_winograd_frame {
    const tw_winograd *transform;
    int side, outs, points;
    int64_t planes;              /* images of the batch, times depth */
    int64_t read[2], written[2]; /* pixels */
    int64_t together; /* groups whose channels lie in one pixel: all, or those that are turned at once */
    int64_t read_channels, written_channels;
    int64_t groups, channels, columns; /* read and written channels of one group */
    int64_t tiles[2], plane_tiles;
    int64_t panel,
        panels;      /* columns of U that one tile of the kernel takes; how many such panels a group has */
    int64_t v_row;   /* elements of V from tile to tile */
    int64_t u_group; /* elements of U of one group */
    /* Element offset of each row and column that a patch reads, within a plane with channels last; -1: zeros.
     */
    int64_t *rows, *cols;
    /* Tiles that begin at such rows and columns have patches of neighbouring pixels, all inside: how many
     * bytes each pixel lies behind the first. */
    struct {
        int64_t from, to;
    } inner[2];
    int64_t apart[TW_WINOGRAD_POINTS];
    void *zeros; /* `channels` of them */
} tw_winograd_frame;

/* Where a tile lies: its plane, its first row and column. */
typedef struct tw_winograd_place {
    int64_t plane, row, col;
} tw_winograd_place;

static inline tw_winograd_place tw_winograd_place_of(const tw_winograd_frame *f, int64_t tile) {
    int64_t in_plane = tile % f->plane_tiles;
    return (tw_winograd_place){.plane = tile / f->plane_tiles,
                               .row = in_plane / f->tiles[1] * f->outs,
                               .col = in_plane % f->tiles[1] * f->outs};
}

/* To the next tile, without a division. */
static inline void tw_winograd_step(const tw_winograd_frame *f, tw_winograd_place *p) {
    p->col += f->outs;
    if (p->col < f->written[1]) return;
    p->col = 0;
    p->row += f->outs;
    if (p->row < f->written[0]) return;
    p->row = 0;
    p->plane++;
}

/* The pixels that the tile's patch reads, in the order of tw_winograd_patch; `read` is plane 0, at the first
 * channel of the group; `size` the bytes of a number. */
static inline void tw_winograd_pixels(const tw_winograd_frame *f, const tw_winograd_place *p,
                                      const char *read, int64_t size, const void **pixels) {
    const int64_t *rows = f->rows + p->row, *cols = f->cols + p->col;
    const char *plane = read + size * p->plane * f->read[0] * f->read[1] * f->read_channels;
    if (p->row >= f->inner[0].from && p->row < f->inner[0].to && p->col >= f->inner[1].from &&
        p->col < f->inner[1].to) { /* speed only */
        plane += size * (rows[0] + cols[0]);
        for (int at = 0; at < f->points; at++) pixels[at] = plane + f->apart[at];
        return;
    }
    for (int c = 0, at = 0; c < f->side; c++)
        for (int r = 0; r < f->side; r++, at++)
            pixels[at] = (rows[r] | cols[c]) < 0 ? f->zeros : plane + size * (rows[r] + cols[c]);
}

/* What is fetched while tiles are transformed, `bytes` at a time: the pixels of those a row of tiles further
 * on, in memory's order. From afar that comes two to three times as fast as the short pieces that patches
 * read, because a processor foresees it. Speed only. */
typedef struct tw_winograd_ahead {
    tw_ahead pixels;
    int64_t bytes;
} tw_winograd_ahead;

/* For the tiles from number `first` of `tiles` on, of which the planes begin at `planes` and have `plane`
 * bytes each; a tile takes `pieces` fetches. */
static inline tw_winograd_ahead tw_winograd_ahead_of(const tw_winograd_frame *f, const char *planes,
                                                     int64_t plane, int64_t first, int64_t tiles,
                                                     int64_t pieces) {
    enum { MORE = 2 }; /* tiles */
    const int64_t tile = plane / f->plane_tiles, from = tw_min(first + f->tiles[1] + MORE, tiles);
    return (tw_winograd_ahead){{planes + from * tile, planes + tiles * tile}, (tile + pieces - 1) / pieces};
}

/* Fills all but the tables of what a patch reads. outs is 2 or 4. */
tw_winograd_frame tw_winograd_lay(const tw_problem *problem, tw_pass pass, int outs);

/* Columns of panel `p`: a whole number of vectors, for the last panel no more than needed. */
int64_t tw_winograd_panel_columns(const tw_winograd_frame *frame, const tw_loops *loops, int64_t p);

/* Bytes of workspace, INT64_MAX when they cannot be counted; and the pass itself: forward and backward data
 * in winograd_run.c, backward weights in winograd_weights.c. */
int64_t tw_winograd_workspace(const tw_problem *problem, const tw_winograd_frame *frame, int threads);
void tw_winograd_run(const tw_job *job);
int64_t tw_winograd_weights_workspace(const tw_problem *problem, const tw_winograd_frame *frame, int threads);
void tw_winograd_weights_run(const tw_job *job);

#endif

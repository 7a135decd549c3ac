/* All bodies, in the order in which they build on each other, and the table of their loops: the end of each
 * file ISA_TYPE.c, which names the table by LOOPS, and defines WEAVES if its vectors can be permuted freely,
 * SHARES if two rows may share a vector, STREAM(to, x) if a vector is a line that can be written past the
 * caches. */

#include "kernel/inlined.h"

#include "kernel/tile_body.h"
#include "kernel/tile_parts_body.h"
#ifdef SHARES
#include "kernel/tile_shared_body.h"
#define TILE_SHARED tile_shared
#else
enum { SHARED_2 = 0, SHARED_3 = 0, SHARED_4 = 0 };
#define TILE_SHARED NULL
#endif
#include "kernel/sums_body.h"
#include "kernel/dots_body.h"
#include "kernel/turn_body.h"
#ifdef WEAVES
#include "kernel/weave_body.h"
#define TURN weave_or_turn
#else
#define TURN turn
#endif
#include "kernel/stencil_body.h"
#include "kernel/stencil_phases_body.h"
#include "kernel/group_stencil_body.h"
#include "kernel/plane_body.h"
#include "kernel/small_plane_body.h"
#include "kernel/stencil_roll_body.h"
#include "kernel/stencil_gradient_body.h"
#include "kernel/winograd_body.h"

_Static_assert((int)LANES <= (int)TW_MOST_LANES, "tables of lanes have TW_MOST_LANES");

const tw_loops LOOPS = {
    .lanes = LANES,
    .most_vecs = VECS,
    .most_rows = {0, ROWS_1, ROWS_2, ROWS_3, ROWS_4},
    .tile = tile,
    .tile_parts = tile_parts,
    .tile_shared = TILE_SHARED,
    .shared_rows = {0, 0, SHARED_2, SHARED_3, SHARED_4},
    .turn = TURN,
    .copy = copy,
    .frame = frame,
    .sums = sums,
    .aslant = aslant,
    .overlap = overlap,
    .all_finite = all_finite,
    .dots = dots,
    .dots_inside = dots_inside,
    .dot_rows = DOT_ROWS,
    .dot_columns = DOT_COLUMNS,
    .stencil = {.stage = stage,
                .apply = apply,
                .groups = groups,
                .gradient = gradient,
                .plane = plane,
                .small_planes = small_planes},
    .burn = burn,
    .burn_flops = 2 * CHAINS * LANES,
    .winograd = {&winograd_2, &winograd_4},
};

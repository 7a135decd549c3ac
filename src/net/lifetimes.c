/* Greedy by size: the largest tensor first, each into the lowest gap between those already placed that live
 * at the same time (Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
 * arXiv:2001.03288: within a few percent of the lower bound on real networks). Time O(n^2), n at most
 * TW_MOST_OPERATORS. */
#include "net/lifetimes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* Larger first; of equals the earlier, so that the plan does not depend on qsort. */
static int compare(const void *a_, const void *b_) {
    const tw_lifetime *a = *(tw_lifetime *const *)a_, *b = *(tw_lifetime *const *)b_;
    if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : a > b;
}

static size_t rounded(size_t bytes) {
    return (bytes + TW_ALIGNMENT - 1) / TW_ALIGNMENT * TW_ALIGNMENT;
}

static bool meet(const tw_lifetime *a, const tw_lifetime *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Places `life` among placed[count], which are sorted by offset, and inserts it there. */
static void place(tw_lifetime *life, tw_lifetime **placed, int count) {
    size_t bytes = rounded(life->bytes), floor = 0;
    for (int i = 0; i < count; i++) {
        const tw_lifetime *other = placed[i];
        if (!meet(life, other)) continue;
        if (other->offset >= floor && other->offset - floor >= bytes) break;
        size_t end = other->offset + rounded(other->bytes);
        if (end > floor) floor = end;
    }
    life->offset = floor;
    int at = count;
    while (at > 0 && placed[at - 1]->offset > floor) at--;
    memmove(placed + at + 1, placed + at, (size_t)(count - at) * sizeof *placed);
    placed[at] = life;
}

tw_status tw_lifetimes_plan(tw_lifetime *lifetimes, int count, size_t *total) {
    size_t sum = 0;
    *total = 0;
    for (int i = 0; i < count; i++) {
        if (lifetimes[i].bytes > PTRDIFF_MAX - TW_ALIGNMENT - sum)
            return tw_fail(TW_ERROR_OVERFLOW, "bytes of all values: more than 63 bits can count");
        sum += rounded(lifetimes[i].bytes);
    }
    tw_lifetime **order = tw_alloc(count, 2 * sizeof *order), **placed = order + count;
    if (!order) return TW_ERROR_MEMORY;
    for (int i = 0; i < count; i++) order[i] = &lifetimes[i];
    qsort(order, (size_t)count, sizeof *order, compare);
    for (int i = 0; i < count; i++) {
        place(order[i], placed, i);
        size_t end = order[i]->offset + rounded(order[i]->bytes);
        if (end > *total) *total = end;
    }
    tw_free(order);
    return TW_OK;
}

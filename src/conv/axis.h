/* One axis of a sweep: which source positions meet at a destination position, and through which tap.
 *
 * Forward and backward data are the same walk along an axis. Forward, destination o reads the sources
 * o * stride + k * dilation - pad for all k. Backward, destination i reads the sources (i + pad - k *
 * dilation) / stride for those k where that is whole: which ones depends on i mod stride alone, the *phase*.
 * So in both:
 *
 *     destination phase + j * out_step reads source j * in_step + shift[t], for the taps t of its phase
 *
 * forward with one phase and in_step = stride, backward with out_step = stride. Within a phase the shifts
 * ascend: that is the order of every sum. */
#ifndef TW_CONV_AXIS_H
#define TW_CONV_AXIS_H

#include <twill/status.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct tw_axis {
    int64_t from, to; /* positions of the source, of the destination */
    int64_t in_step, out_step;
    int64_t phases;
    int64_t *first;      /* [phases + 1]: the taps of phase p are first[p] .. first[p + 1] - 1 */
    int64_t *tap;        /* [first[phases]]: position in the kernel */
    int64_t *shift;      /* [first[phases]] */
    int64_t most;        /* taps of the phase that has most */
    int64_t least, last; /* smallest and largest shift; 0 without taps */
    bool outside;        /* some tap of some destination reads outside the source */
    bool joined;         /* within each phase the shifts are consecutive numbers */
} tw_axis;

/* What makes an axis: sizes of source and destination and the convolution between them. */
typedef struct tw_axis_spec {
    int64_t from, to, kernel, stride, dilation, pad;
    bool backward;
} tw_axis_spec;

tw_status tw_axis_create(tw_axis *axis, const tw_axis_spec *spec);
void tw_axis_free(tw_axis *axis);

/* Taps of a phase, and of all phases: those of the kernel that some destination uses. */
static inline int64_t tw_axis_taps(const tw_axis *axis, int64_t phase) {
    return axis->first[phase + 1] - axis->first[phase];
}

static inline int64_t tw_axis_used(const tw_axis *axis) {
    return axis->first[axis->phases];
}

/* Destinations of a phase: j = 0 .. count - 1. */
static inline int64_t tw_axis_count(const tw_axis *axis, int64_t phase) {
    return phase < axis->to ? (axis->to - phase - 1) / axis->out_step + 1 : 0;
}

/* The taps of `phase` whose source lies inside for destination j: *begin .. *end - 1, counted within the
 * phase. Contiguous, because shifts ascend. */
void tw_axis_inside(const tw_axis *axis, int64_t phase, int64_t j, int64_t *begin, int64_t *end);

/* How many destinations from j on, before `end`, see the same of the taps t0 .. t1 - 1 of `phase` inside. */
int64_t tw_axis_alike(const tw_axis *axis, int64_t phase, int64_t j, int64_t end, int64_t t0, int64_t t1);

#endif

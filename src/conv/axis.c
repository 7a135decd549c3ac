/* The taps of an axis sorted by phase, by counting: time and memory in proportion to kernel and phases, of
 * which there are at most as many as destinations. */
#include "conv/axis.h"

#include "base/checked.h"
#include "base/memory.h"

/* The phase of kernel position k: i * 1 = k * dilation - pad modulo the stride. */
static int64_t phase_of(const tw_axis_spec *s, int64_t k) {
    if (!s->backward) return 0;
    int64_t rest = (k * s->dilation - s->pad) % s->stride;
    return rest < 0 ? rest + s->stride : rest;
}

static int64_t shift_of(const tw_axis_spec *s, int64_t k) {
    if (!s->backward) return k * s->dilation - s->pad;
    return (phase_of(s, k) + s->pad - k * s->dilation) / s->stride;
}

/* Kernel position number i in the order of the sums: that of ascending shifts. */
static int64_t in_order(const tw_axis_spec *s, int64_t i) {
    return s->backward ? s->kernel - 1 - i : i;
}

static void sort_by_phase(tw_axis *a, const tw_axis_spec *s) {
    for (int64_t k = 0; k < s->kernel; k++)
        if (phase_of(s, k) < a->phases) a->first[phase_of(s, k) + 1]++;
    for (int64_t p = 0; p < a->phases; p++) a->first[p + 1] += a->first[p];
    /* first[p] moves to the end of its phase while it is filled, and back afterwards */
    for (int64_t i = 0; i < s->kernel; i++) {
        int64_t k = in_order(s, i), p = phase_of(s, k);
        if (p >= a->phases) continue;
        a->tap[a->first[p]] = k;
        a->shift[a->first[p]++] = shift_of(s, k);
    }
    for (int64_t p = a->phases; p > 0; p--) a->first[p] = a->first[p - 1];
    a->first[0] = 0;
}

static void summarise(tw_axis *a) {
    a->joined = true;
    bool none = true;
    for (int64_t p = 0; p < a->phases; p++) {
        int64_t begin = a->first[p], end = a->first[p + 1], count = tw_axis_count(a, p);
        a->most = tw_max(a->most, end - begin);
        for (int64_t t = begin; t < end; t++) {
            a->least = none ? a->shift[t] : tw_min(a->least, a->shift[t]);
            a->last = none ? a->shift[t] : tw_max(a->last, a->shift[t]);
            none = false;
            if (t > begin && a->shift[t] != a->shift[t - 1] + 1) a->joined = false;
            if (a->shift[t] < 0 || (count - 1) * a->in_step + a->shift[t] >= a->from) a->outside = true;
        }
    }
}

tw_status tw_axis_create(tw_axis *axis, const tw_axis_spec *s) {
    *axis = (tw_axis){.from = s->from, .to = s->to};
    axis->in_step = s->backward ? 1 : s->stride;
    axis->out_step = s->backward ? s->stride : 1;
    axis->phases = tw_min(axis->out_step, s->to);
    axis->first = tw_alloc_zero(axis->phases + 1, sizeof *axis->first);
    axis->tap = tw_alloc(s->kernel, sizeof *axis->tap);
    axis->shift = tw_alloc(s->kernel, sizeof *axis->shift);
    if (!axis->first || !axis->tap || !axis->shift) {
        tw_axis_free(axis);
        return TW_ERROR_MEMORY;
    }
    sort_by_phase(axis, s);
    summarise(axis);
    return TW_OK;
}

void tw_axis_free(tw_axis *axis) {
    tw_free(axis->first);
    tw_free(axis->tap);
    tw_free(axis->shift);
    *axis = (tw_axis){0};
}

void tw_axis_inside(const tw_axis *axis, int64_t phase, int64_t j, int64_t *begin, int64_t *end) {
    int64_t taps = tw_axis_taps(axis, phase), k = 0;
    const int64_t *shift = axis->shift + axis->first[phase];
    while (k < taps && j * axis->in_step + shift[k] < 0) k++;
    *begin = k;
    while (k < taps && j * axis->in_step + shift[k] < axis->from) k++;
    *end = k;
}

/* The same, of the taps t0 .. t1 - 1. */
static void inside_of(const tw_axis *axis, int64_t phase, int64_t j, int64_t t0, int64_t t1, int64_t *begin,
                      int64_t *end) {
    tw_axis_inside(axis, phase, j, begin, end);
    *begin = tw_max(*begin, t0), *end = tw_max(*begin, tw_min(*end, t1));
}

/* Most see all of them: where that ends need not be looked for step by step. */
int64_t tw_axis_alike(const tw_axis *axis, int64_t phase, int64_t j, int64_t end, int64_t t0, int64_t t1) {
    int64_t k0, k1, m0, m1, count = 1;
    if (t0 == t1) return end - j;
    inside_of(axis, phase, j, t0, t1, &k0, &k1);
    if (k1 - k0 == t1 - t0) {
        const int64_t last = axis->shift[axis->first[phase] + t1 - 1];
        return tw_min(end, tw_ceil_div(axis->from - last, axis->in_step)) - j;
    }
    for (; j + count < end; count++) {
        inside_of(axis, phase, j + count, t0, t1, &m0, &m1);
        if (m0 != k0 || m1 != k1) break;
    }
    return count;
}

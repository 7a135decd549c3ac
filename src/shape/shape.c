/* Every rule that a geometry must keep, checked once and in one place, with arithmetic that cannot wrap. */
#include "shape/shape.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"

tw_geometry tw_geometry_defaults(int spatial) {
    tw_geometry g = {.struct_size = sizeof g, .spatial = spatial, .batch = 1, .groups = 1};
    for (int a = 0; a < TW_MAX_SPATIAL; a++) g.stride[a] = g.dilation[a] = 1;
    return g;
}

static tw_status overflow(const char *what) {
    return tw_fail(TW_ERROR_OVERFLOW, "%s: more than 63 bits can count", what);
}

static tw_status bytes_overflow(const char *what) {
    return tw_fail(TW_ERROR_OVERFLOW, "%s: more than %d bits can count", what, sizeof(size_t) < 8 ? 31 : 63);
}

static tw_status axis_overflow(const char *what, int axis) {
    return tw_fail(TW_ERROR_OVERFLOW, "%s of dimension %d: more than 63 bits can count", what, axis);
}

static tw_status at_least(const char *field, int axis, int64_t value, int64_t least) {
    if (value >= least) return TW_OK;
    if (axis < 0)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is %lld; expected at least %lld", field, (long long)value,
                       (long long)least);
    return tw_fail(TW_ERROR_ARGUMENT, "%s[%d] is %lld; expected at least %lld", field, axis, (long long)value,
                   (long long)least);
}

static tw_status check_scalars(const tw_geometry *g) {
    if (g->struct_size != sizeof *g)
        return tw_fail(TW_ERROR_VERSION, "struct_size is %zu; this library knows a tw_geometry of %zu bytes",
                       g->struct_size, sizeof *g);
    if (g->spatial < 1 || g->spatial > TW_MAX_SPATIAL)
        return tw_fail(TW_ERROR_ARGUMENT, "spatial is %d; expected 1, 2 or 3 dimensions", g->spatial);
    if ((unsigned)g->pad_mode > TW_PAD_CIRCULAR)
        return tw_fail(TW_ERROR_ARGUMENT, "pad_mode is %d; expected zeros, reflect, replicate or circular",
                       (int)g->pad_mode);
    if ((unsigned)g->layout > TW_NHWC)
        return tw_fail(TW_ERROR_ARGUMENT, "layout is %d; expected NCHW or NHWC", (int)g->layout);
    tw_status status;
    if ((status = at_least("batch", -1, g->batch, 0))) return status;
    if ((status = at_least("in_channels", -1, g->in_channels, 1))) return status;
    if ((status = at_least("out_channels", -1, g->out_channels, 1))) return status;
    if ((status = at_least("groups", -1, g->groups, 1))) return status;
    if (g->in_channels % g->groups || g->out_channels % g->groups)
        return tw_fail(
            TW_ERROR_SHAPE,
            "groups is %lld; expected a divisor of both in_channels (%lld) and out_channels (%lld)",
            (long long)g->groups, (long long)g->in_channels, (long long)g->out_channels);
    if (g->transposed && g->pad_mode != TW_PAD_ZEROS)
        return tw_fail(TW_ERROR_UNSUPPORTED, "pad_mode is %d; a transposed convolution takes zeros (%d) only",
                       (int)g->pad_mode, (int)TW_PAD_ZEROS);
    return TW_OK;
}

/* Reflection and repetition reach no further than one image. */
static tw_status check_pad(const tw_geometry *g, const char *field, int a, int64_t pad) {
    int64_t most = g->pad_mode == TW_PAD_REFLECT    ? g->input[a] - 1
                   : g->pad_mode == TW_PAD_CIRCULAR ? g->input[a]
                                                    : INT64_MAX;
    if (pad <= most) return TW_OK;
    return tw_fail(TW_ERROR_ARGUMENT, "%s[%d] is %lld; %s padding of %lld inputs goes to %lld", field, a,
                   (long long)pad, g->pad_mode == TW_PAD_REFLECT ? "reflect" : "circular",
                   (long long)g->input[a], (long long)most);
}

static tw_status check_axis(const tw_geometry *g, int a) {
    tw_status status;
    if ((status = at_least("input", a, g->input[a], 1))) return status;
    if ((status = at_least("kernel", a, g->kernel[a], 1))) return status;
    if ((status = at_least("stride", a, g->stride[a], 1))) return status;
    if ((status = at_least("dilation", a, g->dilation[a], 1))) return status;
    if ((status = at_least("pad_begin", a, g->pad_begin[a], 0))) return status;
    if ((status = at_least("pad_end", a, g->pad_end[a], 0))) return status;
    if ((status = at_least("output_padding", a, g->output_padding[a], 0))) return status;
    int64_t most = g->transposed ? tw_max(g->stride[a], g->dilation[a]) - 1 : 0;
    if (g->output_padding[a] > most)
        return tw_fail(TW_ERROR_ARGUMENT, "output_padding[%d] is %lld; expected at most %lld (%s)", a,
                       (long long)g->output_padding[a], (long long)most,
                       g->transposed ? "less than stride or dilation"
                                     : "only a transposed convolution has it");
    if ((status = check_pad(g, "pad_begin", a, g->pad_begin[a]))) return status;
    return check_pad(g, "pad_end", a, g->pad_end[a]);
}

/* The output size of one axis; the formulas stand in geometry.h. Compared before divided: (-1) / 2 + 1 is 1
 * in C. */
static tw_status output_size(const tw_geometry *g, int a, int64_t *out) {
    int64_t extent, padding, padded, grown;
    if (!tw_mul(g->kernel[a] - 1, g->dilation[a], &extent) || !tw_add(extent, 1, &extent))
        return axis_overflow("(kernel - 1) * dilation + 1", a);
    if (!tw_add(g->pad_begin[a], g->pad_end[a], &padding)) return axis_overflow("pad_begin + pad_end", a);
    if (g->transposed) {
        if (!tw_mul(g->input[a] - 1, g->stride[a], &grown) || !tw_add(grown, extent, &grown) ||
            !tw_add(grown, g->output_padding[a], &grown))
            return axis_overflow("(input - 1) * stride + kernel extent + output_padding", a);
        if (grown <= padding)
            return tw_fail(TW_ERROR_SHAPE,
                           "pad_begin + pad_end of dimension %d is %lld: it cuts the whole transposed output "
                           "of %lld away",
                           a, (long long)padding, (long long)grown);
        *out = grown - padding;
        return TW_OK;
    }
    if (!tw_add(g->input[a], padding, &padded)) return axis_overflow("input + pad_begin + pad_end", a);
    if (padded < extent)
        return tw_fail(TW_ERROR_SHAPE,
                       "kernel of dimension %d spans %lld, the padded input %lld; expected at least as many",
                       a, (long long)extent, (long long)padded);
    *out = (padded - extent) / g->stride[a] + 1;
    return TW_OK;
}

static bool product(const int64_t *factors, int64_t *out) {
    *out = 1;
    for (int a = 0; a < TW_AXES; a++)
        if (!tw_mul(*out, factors[a], out)) return false;
    return true;
}

/* All products of elements, and the bytes of the widest type (8), of what a caller allocates for this
 * geometry; of one image at least, also when the batch is empty. */
static tw_status count_elements(tw_shape *s) {
    if (!product(s->in, &s->in_pixels) || !product(s->out, &s->out_pixels))
        return overflow("pixels of an image");
    if (!product(s->kernel, &s->kernel_taps)) return overflow("elements of a kernel");
    if (!tw_mul(s->in_pixels, s->in_channels, &s->in_image)) return overflow("elements of an input image");
    if (!tw_mul(s->out_pixels, s->out_channels, &s->out_image))
        return overflow("elements of an output image");
    int64_t per_output, images = tw_max(s->batch, 1), count;
    size_t bytes;
    if (!tw_mul(s->kernel_taps, s->group_in, &per_output) ||
        !tw_mul(per_output, s->out_channels, &s->w_count) || !tw_bytes(s->w_count, 8, &bytes))
        return bytes_overflow("bytes of the weights");
    if (!tw_mul(s->in_image, images, &count) || !tw_bytes(count, 8, &bytes))
        return bytes_overflow("bytes of the input");
    if (!tw_mul(s->out_image, images, &count) || !tw_bytes(count, 8, &bytes))
        return bytes_overflow("bytes of the output");
    if (!tw_mul(s->out_image, per_output, &count) || !tw_mul(count, images, &count) ||
        !tw_mul(count, 2, &count))
        return overflow("products of output and weight");
    s->in_count = s->in_image * s->batch;
    s->out_count = s->out_image * s->batch;
    return TW_OK;
}

tw_status tw_shape_create(tw_shape *shape, const tw_geometry *g) {
    if (!g) return tw_fail(TW_ERROR_ARGUMENT, "geometry is NULL");
    tw_shape s = {.geometry = *g};
    tw_status status = check_scalars(g);
    if (status) return status;
    s.batch = g->batch;
    s.groups = g->groups;
    s.in_channels = g->transposed ? g->out_channels : g->in_channels;
    s.out_channels = g->transposed ? g->in_channels : g->out_channels;
    s.group_in = s.in_channels / s.groups;
    s.group_out = s.out_channels / s.groups;
    for (int a = 0; a < TW_AXES; a++) {
        s.in[a] = s.out[a] = s.kernel[a] = s.stride[a] = s.dilation[a] = 1;
        int user = a - (TW_AXES - g->spatial);
        if (user < 0) continue;
        int64_t output = 0;
        if ((status = check_axis(g, user)) || (status = output_size(g, user, &output))) return status;
        s.in[a] = g->transposed ? output : g->input[user];
        s.out[a] = g->transposed ? g->input[user] : output;
        s.kernel[a] = g->kernel[user];
        s.stride[a] = g->stride[user];
        s.dilation[a] = g->dilation[user];
        s.pad[a] = g->pad_begin[user];
    }
    if ((status = count_elements(&s))) return status;
    *shape = s;
    return TW_OK;
}

tw_status tw_geometry_validate(const tw_geometry *geometry) {
    tw_shape shape;
    return tw_shape_create(&shape, geometry);
}

tw_status tw_geometry_output(const tw_geometry *geometry, int64_t output[TW_MAX_SPATIAL]) {
    tw_shape shape;
    tw_status status = tw_shape_create(&shape, geometry);
    if (status) return status;
    if (!output) return tw_fail(TW_ERROR_ARGUMENT, "output is NULL");
    const int64_t *sizes = geometry->transposed ? shape.in : shape.out;
    for (int a = 0; a < geometry->spatial; a++) output[a] = sizes[TW_AXES - geometry->spatial + a];
    return TW_OK;
}

/* Sum over i < n of floor((a * i + b) / m) for n >= 1: the lattice points below a line, by Euclid's algorithm
 * (Graham, Knuth, Patashnik, "Concrete Mathematics", 3.5). Each step adds a part of the result, and a * n + b
 * only falls: nothing wraps when the result and a * n + b fit. */
static uint64_t floor_sum(uint64_t n, uint64_t m, uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    for (;;) {
        if (a >= m) sum += n * (n - 1) / 2 * (a / m);
        sum += n * (b / m);
        a %= m;
        b %= m;
        uint64_t height = a * n + b;
        if (height < m) return sum; /* also when a is 0 */
        n = height / m;
        b = height % m;
        uint64_t old = m;
        m = a;
        a = old;
    }
}

/* Pairs (out, k) of one axis with out * stride + k * dilation < limit. Summed over k: the first `full` of
 * them allow every output, those from `end` on none, and those between ceil((limit - k * dilation) / stride),
 * added up from the last. A loop over k would take ages for a kernel of 2^40. */
static int64_t pairs_below(const tw_shape *s, int a, int64_t limit) {
    int64_t out = s->out[a], kernel = s->kernel[a], stride = s->stride[a], dilation = s->dilation[a];
    if (limit <= 0) return 0;
    int64_t end = tw_min(kernel, tw_ceil_div(limit, dilation));
    int64_t room = limit - (out - 1) * stride;
    int64_t full = room > 0 ? tw_min(kernel, tw_ceil_div(room, dilation)) : 0;
    if (end == full) return full * out;
    int64_t last = limit - (end - 1) * dilation - 1, rest = end - full;
    return full * out + rest +
           (int64_t)floor_sum((uint64_t)rest, (uint64_t)stride, (uint64_t)dilation, (uint64_t)last);
}

/* Pairs (out, k) of one axis whose input lies inside, or all when padding repeats the input. */
static int64_t axis_taps(const tw_shape *s, int a) {
    if (s->geometry.pad_mode != TW_PAD_ZEROS) return s->out[a] * s->kernel[a];
    return pairs_below(s, a, s->pad[a] + s->in[a]) - pairs_below(s, a, s->pad[a]);
}

tw_status tw_geometry_count(const tw_geometry *geometry, tw_geometry_sizes *sizes) {
    tw_shape s;
    tw_status status = tw_shape_create(&s, geometry);
    if (status) return status;
    if (!sizes) return tw_fail(TW_ERROR_ARGUMENT, "sizes is NULL");
    bool transposed = geometry->transposed;
    sizes->x = transposed ? s.out_count : s.in_count;
    sizes->y = transposed ? s.in_count : s.out_count;
    sizes->w = s.w_count;
    sizes->b = geometry->out_channels;
    sizes->taps = s.out_channels * s.group_in;
    for (int a = 0; a < TW_AXES; a++) sizes->taps *= axis_taps(&s, a);
    return TW_OK;
}

int64_t tw_shape_source(tw_pad_mode mode, int64_t i, int64_t size) {
    if (i >= 0 && i < size) return i;
    switch (mode) {
    case TW_PAD_REFLECT: return i < 0 ? -i : 2 * (size - 1) - i;
    case TW_PAD_REPLICATE: return i < 0 ? 0 : size - 1;
    case TW_PAD_CIRCULAR: return i < 0 ? i + size : i - size;
    default: return -1;
    }
}

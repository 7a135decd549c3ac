/* Plan and matrix side by side. A convolution with few taps is compared whole: every output and gradient of
 * the f64 plan with the product of the conv matrix. A large one is compared on outputs, pixels and weights
 * spread over the tensors, each summed over its own taps. Both sides round differently, so they may differ by
 * (16 + terms) 2^-53 times the sum of the products' sizes, the bound of conv.h and of a plain sum together.
 */
#include "explain/problem.h"

#include <math.h>
#include <string.h>

#include <twill/conv.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"

enum { MATRIX_TAPS = 1 << 20, SAMPLES = 16, SAMPLE_TAPS = 1 << 20 };
enum { Y = 0, DX, DW, DB, OWNED }; /* tw_problem.owned */

static const double LARGEST = 1e100;

static tw_status check_values(const char *name, tw_explain_values v, int64_t expected) {
    if (!v.values) return TW_OK;
    if (v.count != expected)
        return tw_fail(TW_ERROR_ARGUMENT, "%s has %lld numbers; the geometry needs %lld", name,
                       (long long)v.count, (long long)expected);
    for (int64_t i = 0; i < v.count; i++) {
        if (!isfinite(v.values[i]))
            return tw_fail(TW_ERROR_NUMERIC, "%s: number %lld is %g; expected a finite number", name,
                           (long long)i + 1, v.values[i]);
        if (fabs(v.values[i]) > LARGEST)
            return tw_fail(TW_ERROR_NUMERIC, "%s: number %lld is %g; expected at most %g in size", name,
                           (long long)i + 1, v.values[i], LARGEST);
    }
    return TW_OK;
}

static tw_status check_request(const tw_problem *p, const tw_explain_request *r) {
    tw_status status = check_values("the image", r->image, p->sizes.x);
    if (!status) status = check_values("the weights", r->weights, p->sizes.w);
    if (!status) status = check_values("the bias", r->bias, p->sizes.b);
    if (!status) status = check_values("dL/dh", r->upstream, p->sizes.y);
    for (int a = 0; !status && a < TW_AXES; a++) {
        const tw_shape *s = &p->shape;
        int64_t pairs = s->geometry.pad_mode == TW_PAD_ZEROS ? 1 : s->kernel[a] * s->out[a];
        if (s->in[a] > TW_PROBLEM_AXIS || s->out[a] > TW_PROBLEM_AXIS || s->kernel[a] > TW_PROBLEM_AXIS ||
            pairs > TW_PROBLEM_AXIS)
            return tw_fail(TW_ERROR_LIMIT, "a dimension of %lld elements; an explanation goes to %d",
                           (long long)tw_max(tw_max(s->in[a], s->out[a]), tw_max(s->kernel[a], pairs)),
                           (int)TW_PROBLEM_AXIS);
    }
    return status;
}

static void name_tensors(tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    p->name_x = tw_naming_image(g);
    p->name_w = tw_naming_weights(g);
    p->name_b = tw_naming_bias(g);
    p->name_h = tw_naming_output(g, p->output);
    p->name_dx = tw_naming_gradient(p->name_x);
    p->name_dw = tw_naming_gradient(p->name_w);
    p->name_db = tw_naming_gradient(p->name_b);
    p->name_dh = tw_naming_gradient(p->name_h);
}

static tw_status run_plan(tw_problem *p) {
    tw_conv_options options = tw_conv_options_defaults();
    options.type = TW_F64;
    options.accuracy = TW_STRICT;
    if (p->sizes.taps <= MATRIX_TAPS) options.threads = 1; /* waking others costs more than the sums */
    tw_conv *plan;
    tw_status status = tw_conv_create(&plan, &p->geometry, &options);
    if (!status && p->y) status = tw_conv_forward(plan, p->x, p->w, p->b, p->owned[Y]);
    if (!status && p->dx) status = tw_conv_backward_data(plan, p->dy, p->w, p->owned[DX]);
    if (!status && p->dw) status = tw_conv_backward_weights(plan, p->x, p->dy, p->owned[DW], p->owned[DB]);
    tw_conv_free(plan);
    if (status || p->dw || !p->db) return status;
    /* The bias gradient needs no image: lend one of zeros. */
    double *x = tw_alloc_zero(p->sizes.x, sizeof *x), *dw = tw_alloc(p->sizes.w, sizeof *dw);
    status = x && dw ? tw_conv_create(&plan, &p->geometry, &options) : TW_ERROR_MEMORY;
    if (!status) {
        status = tw_conv_backward_weights(plan, x, p->dy, dw, p->owned[DB]);
        tw_conv_free(plan);
    }
    tw_free(x);
    tw_free(dw);
    return status;
}

/* The places of the three sums: what is summed to, and the two that are multiplied. */
typedef struct pass {
    const char *name;
    tw_tap_end end;
    int64_t count;
    const double *result, *first, *second;
    tw_tap_end first_end, second_end; /* which index of a tap the two factors take */
} pass;

static double factor(const double *values, tw_tap_end end, tw_tap t) {
    return values[end == TW_TAP_WEIGHT ? t.weight : end == TW_TAP_IN ? t.in : t.out];
}

static int64_t count_of(const tw_problem *p, tw_tap_end end) {
    return end == TW_TAP_WEIGHT ? p->sizes.w : end == TW_TAP_IN ? p->sizes.x : p->sizes.y;
}

static tw_status differ(const pass *s, int64_t element, double plan, double taps) {
    return tw_fail(TW_ERROR_NUMERIC,
                   "%s: the plan computes %.17g for element %lld, the matrix %.17g: please report this",
                   s->name, plan, (long long)element, taps);
}

/* One element, summed over its taps. */
static tw_status compare_element(const tw_problem *p, const pass *s, int64_t element) {
    tw_taps_chosen chosen;
    tw_status status = tw_taps_choose(&chosen, &p->shape, s->end, element);
    if (status) return status;
    double sum = 0, size = 0;
    if (s->end == TW_TAP_OUT && p->b) {
        const tw_geometry *g = &p->geometry;
        int64_t pixels = p->sizes.y / g->out_channels;
        sum = p->b[g->layout == TW_NCHW ? element / pixels : element % g->out_channels];
        size = fabs(sum);
    }
    if (chosen.count <= SAMPLE_TAPS) {
        for (int64_t i = 0; i < chosen.count; i++) {
            tw_tap tap = tw_taps_at(&chosen, i);
            double product = factor(s->first, s->first_end, tap) * factor(s->second, s->second_end, tap);
            sum += product;
            size += fabs(product);
        }
        if (!(fabs(sum - s->result[element]) <= (16.0 + (double)chosen.count) * 0x1p-53 * size))
            status = differ(s, element, s->result[element], sum);
    }
    tw_taps_release(&chosen);
    return status;
}

static tw_status compare_samples(const tw_problem *p, const pass *s) {
    int64_t step = tw_max(1, s->count / SAMPLES);
    for (int64_t e = 0; e < s->count; e += step) {
        tw_status status = compare_element(p, s, e);
        if (status) return status;
    }
    return TW_OK;
}

/* The whole result against the matrix; `sum` and `size` are [count]. */
static tw_status compare_whole(const tw_problem *p, const pass *s, double *sum, double *size,
                               const double *first_size, const double *second_size) {
    tw_status (*const product[])(const tw_matrix *, tw_type, int64_t, const void *, const void *, void *) = {
        [TW_TAP_OUT] = tw_matrix_apply,
        [TW_TAP_IN] = tw_matrix_apply_transposed,
        [TW_TAP_WEIGHT] = tw_matrix_gradient,
    };
    tw_status status = product[s->end](p->matrix, TW_F64, 1, s->first, s->second, sum);
    if (!status) status = product[s->end](p->matrix, TW_F64, 1, first_size, second_size, size);
    if (status) return status;
    const tw_geometry *g = &p->geometry;
    int64_t pixels = p->sizes.y / g->out_channels;
    double slack = (17.0 + (double)p->sizes.taps) * 0x1p-53;
    for (int64_t i = 0; i < s->count; i++) {
        if (s->end == TW_TAP_OUT && p->b) {
            double b = p->b[g->layout == TW_NCHW ? i / pixels : i % g->out_channels];
            sum[i] += b;
            size[i] += fabs(b);
        }
        if (!(fabs(sum[i] - s->result[i]) <= slack * size[i])) return differ(s, i, s->result[i], sum[i]);
    }
    return TW_OK;
}

static double *sizes_of(const double *values, int64_t count) {
    double *sizes = tw_alloc(count, sizeof *sizes);
    for (int64_t i = 0; sizes && i < count; i++) sizes[i] = fabs(values[i]);
    return sizes;
}

static tw_status compare_pass(const tw_problem *p, const pass *s) {
    if (!s->result) return TW_OK;
    if (!p->matrix) return compare_samples(p, s);
    double *sum = tw_alloc(s->count, sizeof *sum), *size = tw_alloc(s->count, sizeof *size);
    double *first_size = sizes_of(s->first, count_of(p, s->first_end));
    double *second_size = sizes_of(s->second, count_of(p, s->second_end));
    tw_status status = sum && size && first_size && second_size
                           ? compare_whole(p, s, sum, size, first_size, second_size)
                           : TW_ERROR_MEMORY;
    tw_free(sum);
    tw_free(size);
    tw_free(first_size);
    tw_free(second_size);
    return status;
}

enum { PASSES = 3 };

/* The three sums, each at the number of its end. */
static void fill_passes(const tw_problem *p, pass passes[PASSES]) {
    passes[TW_TAP_OUT] =
        (pass){"forward", TW_TAP_OUT, p->sizes.y, p->y, p->w, p->x, TW_TAP_WEIGHT, TW_TAP_IN};
    passes[TW_TAP_IN] =
        (pass){"backward to the image", TW_TAP_IN, p->sizes.x, p->dx, p->w, p->dy, TW_TAP_WEIGHT, TW_TAP_OUT};
    passes[TW_TAP_WEIGHT] = (pass){
        "backward to the weights", TW_TAP_WEIGHT, p->sizes.w, p->dw, p->x, p->dy, TW_TAP_IN, TW_TAP_OUT};
}

static tw_status compare(const tw_problem *p) {
    pass passes[PASSES];
    fill_passes(p, passes);
    for (int i = 0; i < PASSES; i++) {
        tw_status status = compare_pass(p, &passes[i]);
        if (status) return status;
    }
    return TW_OK;
}

tw_status tw_problem_compare(const tw_problem *p, tw_tap_end end, int64_t element) {
    pass passes[PASSES];
    fill_passes(p, passes);
    const pass *s = &passes[end];
    return s->result && s->first && s->second ? compare_element(p, s, element) : TW_OK;
}

static tw_status reserve(tw_problem *p, int which, const double **values, bool wanted, int64_t count) {
    if (!wanted) return TW_OK;
    *values = p->owned[which] = tw_alloc(count, sizeof **values);
    return *values ? TW_OK : TW_ERROR_MEMORY;
}

static tw_status compute(tw_problem *p) {
    tw_status status = reserve(p, Y, &p->y, p->x && p->w, p->sizes.y);
    if (!status) status = reserve(p, DX, &p->dx, p->w && p->dy, p->sizes.x);
    if (!status) status = reserve(p, DW, &p->dw, p->x && p->dy, p->sizes.w);
    if (!status) status = reserve(p, DB, &p->db, p->dy, p->sizes.b);
    bool small = tw_max(p->sizes.taps, tw_max(p->sizes.x, p->sizes.y)) <= MATRIX_TAPS;
    if (!status && small) status = tw_matrix_create(&p->matrix, &p->geometry);
    if (!status && (p->y || p->dx || p->dw || p->db)) status = run_plan(p);
    return status ? status : compare(p);
}

/* Sizes and names; the numbers stay as they are. */
static tw_status lay_out(tw_problem *p) {
    p->geometry.batch = 1;
    tw_status status = tw_shape_create(&p->shape, &p->geometry);
    if (!status) status = tw_geometry_output(&p->geometry, p->output);
    if (!status) status = tw_geometry_count(&p->geometry, &p->sizes);
    if (!status) name_tensors(p);
    return status;
}

tw_status tw_problem_view(tw_problem *p, const tw_geometry *geometry, const tw_problem *numbers) {
    *p = *numbers;
    p->geometry = *geometry;
    p->has_bias = p->b != NULL;
    return lay_out(p);
}

tw_status tw_problem_create(tw_problem *p, const tw_explain_request *r) {
    *p = (tw_problem){.geometry = r->geometry,
                      .x = r->image.values,
                      .w = r->weights.values,
                      .b = r->bias.values,
                      .dy = r->upstream.values,
                      .has_bias = r->bias.values};
    tw_status status = lay_out(p);
    if (!status) status = check_request(p, r);
    if (!status) status = compute(p);
    if (status) tw_problem_release(p);
    return status;
}

void tw_problem_release(tw_problem *p) {
    for (int i = 0; i < OWNED; i++) tw_free(p->owned[i]);
    tw_matrix_free(p->matrix);
    *p = (tw_problem){0};
}

static tw_atom atom(const tw_naming *naming, const double *values, int64_t element, int64_t colour) {
    return (tw_atom){.symbol = tw_symbol_of(naming, element),
                     .value = values ? values[element] : 0,
                     .known = values != NULL,
                     .colour = colour};
}

tw_atom tw_problem_x(const tw_problem *p, int64_t e) {
    return atom(&p->name_x, p->x, e, -1);
}

tw_atom tw_problem_w(const tw_problem *p, int64_t e) {
    return atom(&p->name_w, p->w, e, e);
}

tw_atom tw_problem_b(const tw_problem *p, int64_t e) {
    return atom(&p->name_b, p->b, e, -1);
}

tw_atom tw_problem_bias_at(const tw_problem *p, int64_t output) {
    const tw_geometry *g = &p->geometry;
    int64_t pixels = p->sizes.y / g->out_channels;
    return tw_problem_b(p, g->layout == TW_NCHW ? output / pixels : output % g->out_channels);
}

tw_atom tw_problem_h(const tw_problem *p, int64_t e) {
    return atom(&p->name_h, p->y, e, -1);
}

tw_atom tw_problem_dx(const tw_problem *p, int64_t e) {
    return atom(&p->name_dx, p->dx, e, -1);
}

tw_atom tw_problem_dw(const tw_problem *p, int64_t e) {
    return atom(&p->name_dw, p->dw, e, e);
}

tw_atom tw_problem_db(const tw_problem *p, int64_t e) {
    return atom(&p->name_db, p->db, e, -1);
}

tw_atom tw_problem_dh(const tw_problem *p, int64_t e) {
    return atom(&p->name_dh, p->dy, e, -1);
}

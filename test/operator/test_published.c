/* The conv matrix, and the plan, against convolutions that other implementations computed:
 * vectors/onnx_conv.txt. Those were computed in f32, so each may be off by the roundings of its sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/check.h>
#include <twill/conv.h>
#include <twill/matrix.h>

#include "base/files.h"
#include "base/memory.h"

enum { CASES = 32, LINE = 160, NUMBERS = 4096 };

static const double tolerance = 0x1p-20; /* times the sum of |w||x| */

/* One case of the file. */
typedef struct published {
    char name[LINE], geometry[LINE];
    double x[NUMBERS], w[NUMBERS], b[NUMBERS], y[NUMBERS];
    int64_t x_count, w_count, b_count, y_count;
} published;

/* The rest of the line at *at into text[LINE]. */
static void read_line(const char **at, char *text) {
    size_t length = strcspn(*at, "\n");
    assert_true(length < LINE);
    memcpy(text, *at, length);
    text[length] = 0;
    *at += length + ((*at)[length] == '\n');
}

/* " 1 2.5 ..." up to the end of the line, appended. */
static void read_numbers(const char **at, double *numbers, int64_t *count) {
    while (**at == ' ') {
        char *end;
        assert_true(*count < NUMBERS);
        numbers[(*count)++] = strtod(*at, &end);
        assert_true(end > *at);
        *at = end;
    }
    assert_true(**at == '\n');
    ++*at;
}

/* The next case; false at the end of the file. */
static bool read_case(const char **at, published *p) {
    char line[LINE];
    while (**at && strncmp(*at, "case ", 5) != 0) read_line(at, line);
    if (!**at) return false;
    *at += 5;
    read_line(at, p->name);
    assert_int_equal(strncmp(*at, "geometry ", 9), 0);
    *at += 9;
    read_line(at, p->geometry);
    p->x_count = p->w_count = p->b_count = p->y_count = 0;
    for (; **at && **at != '\n';) {
        char tensor = *(*at)++;
        switch (tensor) {
        case 'x': read_numbers(at, p->x, &p->x_count); break;
        case 'w': read_numbers(at, p->w, &p->w_count); break;
        case 'b': read_numbers(at, p->b, &p->b_count); break;
        case 'y': read_numbers(at, p->y, &p->y_count); break;
        default: fail_msg("%s: a line that begins with %c", p->name, tensor);
        }
    }
    return true;
}

static double bias_of(const published *p, const tw_geometry *g, int64_t i) {
    int64_t pixels = p->y_count / g->batch / g->out_channels;
    return p->b_count ? p->b[i / pixels % g->out_channels] : 0;
}

static void expect_matrix(const published *p, const tw_geometry *g) {
    tw_matrix *m;
    assert_int_equal(tw_matrix_create(&m, g), TW_OK);
    static double y[NUMBERS], sum[NUMBERS], x_absolute[NUMBERS], w_absolute[NUMBERS];
    for (int64_t i = 0; i < p->x_count; i++) x_absolute[i] = fabs(p->x[i]);
    for (int64_t i = 0; i < p->w_count; i++) w_absolute[i] = fabs(p->w[i]);
    assert_int_equal(tw_matrix_apply(m, TW_F64, g->batch, p->w, p->x, y), TW_OK);
    assert_int_equal(tw_matrix_apply(m, TW_F64, g->batch, w_absolute, x_absolute, sum), TW_OK);
    for (int64_t i = 0; i < p->y_count; i++) {
        double b = bias_of(p, g, i);
        if (!(fabs(y[i] + b - p->y[i]) <= tolerance * (sum[i] + fabs(b))))
            fail_msg("%s: y[%lld] is %.9g, published %.9g", p->name, (long long)i, y[i] + b, p->y[i]);
    }
    tw_matrix_free(m);
}

static void expect_plan(const published *p, const tw_geometry *g) {
    static float x[NUMBERS], w[NUMBERS], b[NUMBERS], y[NUMBERS];
    tw_conv *plan;
    assert_int_equal(tw_conv_create(&plan, g, NULL), TW_OK);
    for (int64_t i = 0; i < p->x_count; i++) x[i] = (float)p->x[i];
    for (int64_t i = 0; i < p->w_count; i++) w[i] = (float)p->w[i];
    for (int64_t i = 0; i < p->b_count; i++) b[i] = (float)p->b[i];
    assert_int_equal(tw_conv_forward(plan, x, w, p->b_count ? b : NULL, y), TW_OK);
    for (int64_t i = 0; i < p->y_count; i++)
        if (!(fabs((double)y[i] - p->y[i]) <= 1e-5 * (1 + fabs(p->y[i]))))
            fail_msg("%s: the plan's y[%lld] is %.9g, published %.9g", p->name, (long long)i, (double)y[i],
                     p->y[i]);
    tw_conv_free(plan);
}

static void matrix_and_plan_give_what_other_implementations_give(void **state) {
    (void)state;
    unsigned char *text;
    int64_t size;
    if (tw_file_read(TWILL_TESTS "/vectors/onnx_conv.txt", 1 << 20, &text, &size))
        fail_msg("%s", tw_message());
    const char *at = (const char *)text;
    static published p;
    int cases = 0;
    for (; read_case(&at, &p); cases++) {
        tw_geometry g;
        tw_geometry_sizes sizes;
        if (tw_geometry_read(&g, p.geometry)) fail_msg("%s: %s", p.name, tw_message());
        assert_int_equal(tw_geometry_count(&g, &sizes), TW_OK);
        assert_int_equal(sizes.x, p.x_count);
        assert_int_equal(sizes.w, p.w_count);
        assert_int_equal(sizes.y, p.y_count);
        assert_true(p.b_count == 0 || p.b_count == sizes.b);
        expect_matrix(&p, &g);
        expect_plan(&p, &g);
    }
    assert_int_equal(cases, CASES);
    tw_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_and_plan_give_what_other_implementations_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

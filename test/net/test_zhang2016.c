/* zhang2016 against a second implementation of it, written straight from the classic derivation (Zhang,
 * "Derivation of Backpropagation in Convolutional Neural Network", 2016), in double, map by map:
 *
 *     C1_p = sigmoid(I * k1_p + b1_p)              S1_p = means of 2x2
 *     C2_q = sigmoid(sum_p S1_p * k2_pq + b2_q)    S2_q = means of 2x2        y = sigmoid(W f + b)
 *
 *     dy~ = (y - t) y (1 - y)      dW = dy~ f^T     df = W^T dy~     dS2 = df reshaped, dC2 = dS2 / 4 spread
 *     dC2~ = dC2 C2 (1 - C2)       dk2_pq = S1_p correlated with dC2~_q       db2 = sum
 *     dS1_p = sum_q full convolution of dC2~_q with k2_pq, rotated by 180 degrees against the forward pass
 *
 * The derivation convolves (flipped kernels) where Twill correlates: it is the same net with rotated k. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <twill/net.h>

#include "base/random.h"

enum { IN = 28, K = 5, P = 6, C1 = 24, S1 = 12, Q = 12, C2 = 8, S2 = 4, OUT = 10, F = S2 * S2 * Q };

/* Weights in Twill's order, and one image's values and gradients. */
typedef struct weights {
    double k1[P][K][K], b1[P], k2[Q][P][K][K], b2[Q], w[OUT][F], b[OUT];
} weights;

typedef struct values {
    double c1[P][C1][C1], s1[P][S1][S1], c2[Q][C2][C2], f[F], y[OUT];
} values;

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* Twill's flat order of what reaches the dense layer: row, column, map. */
static int flat(int q, int i, int j) {
    return (i * S2 + j) * Q + q;
}

static void first_maps(const weights *w, double x[IN][IN], values *v) {
    for (int p = 0; p < P; p++)
        for (int i = 0; i < C1; i++)
            for (int j = 0; j < C1; j++) {
                double sum = w->b1[p];
                for (int u = 0; u < K; u++)
                    for (int t = 0; t < K; t++) sum += w->k1[p][u][t] * x[i + u][j + t];
                v->c1[p][i][j] = sigmoid(sum);
            }
    for (int p = 0; p < P; p++)
        for (int i = 0; i < S1; i++)
            for (int j = 0; j < S1; j++)
                v->s1[p][i][j] = (v->c1[p][2 * i][2 * j] + v->c1[p][2 * i][2 * j + 1] +
                                  v->c1[p][2 * i + 1][2 * j] + v->c1[p][2 * i + 1][2 * j + 1]) /
                                 4;
}

static void second_maps(const weights *w, values *v) {
    for (int q = 0; q < Q; q++)
        for (int i = 0; i < C2; i++)
            for (int j = 0; j < C2; j++) {
                double sum = w->b2[q];
                for (int p = 0; p < P; p++)
                    for (int u = 0; u < K; u++)
                        for (int t = 0; t < K; t++) sum += w->k2[q][p][u][t] * v->s1[p][i + u][j + t];
                v->c2[q][i][j] = sigmoid(sum);
            }
    for (int q = 0; q < Q; q++)
        for (int i = 0; i < S2; i++)
            for (int j = 0; j < S2; j++)
                v->f[flat(q, i, j)] = (v->c2[q][2 * i][2 * j] + v->c2[q][2 * i][2 * j + 1] +
                                       v->c2[q][2 * i + 1][2 * j] + v->c2[q][2 * i + 1][2 * j + 1]) /
                                      4;
    for (int o = 0; o < OUT; o++) {
        double sum = w->b[o];
        for (int i = 0; i < F; i++) sum += w->w[o][i] * v->f[i];
        v->y[o] = sigmoid(sum);
    }
}

/* The full convolution: dS1_p[i][j] = sum over q, u, t of dC2~_q[i - u][j - t] k2_pq[u][t], zero outside. */
static void full_convolution(const weights *w, double dc2[Q][C2][C2], double ds1[P][S1][S1]) {
    for (int p = 0; p < P; p++)
        for (int i = 0; i < S1; i++)
            for (int j = 0; j < S1; j++) {
                ds1[p][i][j] = 0;
                for (int q = 0; q < Q; q++)
                    for (int u = 0; u < K; u++)
                        for (int t = 0; t < K; t++)
                            if (i - u >= 0 && i - u < C2 && j - t >= 0 && j - t < C2)
                                ds1[p][i][j] += dc2[q][i - u][j - t] * w->k2[q][p][u][t];
            }
}

/* Adds one image's gradient, divided by `count`. */
static void backward(const weights *w, double x[IN][IN], const values *v, int label, double count,
                     weights *g) {
    static double dc2[Q][C2][C2], ds1[P][S1][S1];
    double dy[OUT], df[F] = {0};
    for (int o = 0; o < OUT; o++) {
        dy[o] = (v->y[o] - (o == label)) * v->y[o] * (1 - v->y[o]) / count;
        g->b[o] += dy[o];
        for (int i = 0; i < F; i++) {
            g->w[o][i] += dy[o] * v->f[i];
            df[i] += w->w[o][i] * dy[o];
        }
    }
    for (int q = 0; q < Q; q++)
        for (int i = 0; i < C2; i++)
            for (int j = 0; j < C2; j++) {
                double c = v->c2[q][i][j];
                double d = dc2[q][i][j] = df[flat(q, i / 2, j / 2)] / 4 * c * (1 - c);
                g->b2[q] += d;
                for (int p = 0; p < P; p++)
                    for (int u = 0; u < K; u++)
                        for (int t = 0; t < K; t++) g->k2[q][p][u][t] += d * v->s1[p][i + u][j + t];
            }
    full_convolution(w, dc2, ds1);
    for (int p = 0; p < P; p++)
        for (int i = 0; i < C1; i++)
            for (int j = 0; j < C1; j++) {
                double c = v->c1[p][i][j], d = ds1[p][i / 2][j / 2] / 4 * c * (1 - c);
                g->b1[p] += d;
                for (int u = 0; u < K; u++)
                    for (int t = 0; t < K; t++) g->k1[p][u][t] += d * x[i + u][j + t];
            }
}

static void the_gradients_are_those_of_the_derivation(void **state) {
    (void)state;
    enum { COUNT = 3 };
    static weights w, expected, gradient;
    static double x[COUNT][IN][IN];
    static values v;
    static const int32_t labels[COUNT] = {3, 0, 9};
    tw_net *net;
    assert_int_equal(tw_net_create(&net, "zhang2016", (tw_net_input){2, 1, {IN, IN}}), TW_OK);
    assert_int_equal(tw_net_weights(net) * (int64_t)sizeof(double), sizeof w);
    tw_random random = tw_random_stream(1, TW_RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < sizeof w / sizeof(double); i++)
        ((double *)&w)[i] = 0.6 * (tw_random_uniform(&random) - 0.5);
    for (int i = 0; i < COUNT * IN * IN; i++) ((double *)x)[i] = tw_random_uniform(&random);
    double loss = 0;
    for (int n = 0; n < COUNT; n++) {
        first_maps(&w, x[n], &v);
        second_maps(&w, &v);
        for (int o = 0; o < OUT; o++) loss += 0.5 * pow(v.y[o] - (o == labels[n]), 2) / COUNT;
        backward(&w, x[n], &v, labels[n], COUNT, &expected);
    }
    tw_runner_options options = tw_runner_options_defaults();
    options.type = TW_F64;
    options.batch = COUNT;
    options.trains = true;
    tw_runner *runner;
    assert_int_equal(tw_runner_create(&runner, net, &options), TW_OK);
    tw_step step = {.weights = &w, .x = x, .labels = labels, .count = COUNT, .gradient = &gradient};
    assert_int_equal(tw_runner_step(runner, &step), TW_OK);
    assert_true(fabs(step.loss - loss) < 1e-14);
    for (size_t i = 0; i < sizeof w / sizeof(double); i++) {
        double a = ((double *)&gradient)[i], b = ((double *)&expected)[i];
        if (!(fabs(a - b) <= 1e-14)) fail_msg("parameter %zu: %.17g, expected %.17g", i, a, b);
    }
    tw_runner_free(runner);
    tw_net_free(net);
}

static void starting_values_lie_within_the_stated_limits(void **state) {
    (void)state;
    static weights w, again, other;
    tw_net *net;
    assert_int_equal(tw_net_create(&net, "zhang2016", (tw_net_input){2, 1, {IN, IN}}), TW_OK);
    assert_int_equal(tw_net_initialise(net, 1, TW_F64, &w), TW_OK);
    assert_int_equal(tw_net_initialise(net, 1, TW_F64, &again), TW_OK);
    assert_int_equal(tw_net_initialise(net, 2, TW_F64, &other), TW_OK);
    assert_memory_equal(&w, &again, sizeof w);
    assert_memory_not_equal(&w, &other, sizeof w);
    const struct {
        const double *at;
        int count;
        double limit;
    } tensors[] = {{w.k1[0][0], P * K * K, sqrt(6.0 / ((1 + 6) * 25))},
                   {w.k2[0][0][0], Q * P * K * K, sqrt(6.0 / ((6 + 12) * 25))},
                   {w.w[0], OUT * F, sqrt(6.0 / (192 + 10))},
                   {w.b1, P, 0},
                   {w.b2, Q, 0},
                   {w.b, OUT, 0}};
    for (int t = 0; t < 6; t++) {
        double largest = 0, sum = 0;
        for (int i = 0; i < tensors[t].count; i++) {
            largest = fmax(largest, fabs(tensors[t].at[i]));
            sum += tensors[t].at[i];
        }
        assert_true(largest <= tensors[t].limit && largest >= 0.9 * tensors[t].limit);
        assert_true(fabs(sum) <= 4 * tensors[t].limit * sqrt(tensors[t].count / 3.0));
    }
    tw_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradients_are_those_of_the_derivation),
        cmocka_unit_test(starting_values_lie_within_the_stated_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

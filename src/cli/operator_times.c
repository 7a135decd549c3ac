/* A runner says when it begins with an operator; the time until it says the next thing is that operator's.
 * Of several runs the least of each is kept. What is done together with another operator is never begun. */
#include "operator_times.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_line.h"
#include "sample_times.h"
#include "wording.h"

enum { LEAST_RUNS = 3, MOST_RUNS = 200, TEXT_WIDTH = 34 };

typedef struct tw_listener {
    tw_operator_times *times;
    double *now;     /* [2][count]: this run's, forward and backward */
    double begun;    /* seconds */
    double *running; /* where the time since then belongs; NULL: nowhere */
} tw_listener;

static void listen(void *context, int node, bool backward) {
    tw_listener *l = context;
    const double now = tw_times_now();
    if (l->running) *l->running += 1e3 * (now - l->begun);
    l->running = node < 0 ? NULL : &l->now[(backward ? l->times->count : 0) + node];
    l->begun = now;
}

static void keep_least(double *least, const double *now, int count, bool first) {
    for (int i = 0; i < count; ++i) least[i] = first ? now[i] : fmin(least[i], now[i]);
}

bool tw_operator_times_measure(tw_operator_times *times, tw_runner *runner, const tw_net *net, double seconds,
                               bool (*run)(void *context), void *context) {
    size_t count;
    *times = (tw_operator_times){.nodes = tw_net_nodes(net, &count)};
    times->count = (int)count;
    times->forward = calloc(count, sizeof(double)), times->backward = calloc(count, sizeof(double));
    tw_listener listener = {.times = times, .now = calloc(count, 2 * sizeof(double))};
    bool well = times->forward && times->backward && listener.now;
    const double start = tw_times_now();
    if (well) tw_runner_watch(runner, listen, &listener);
    for (int i = 0; well && i < MOST_RUNS && (i < LEAST_RUNS || tw_times_now() - start < seconds); ++i) {
        for (size_t k = 0; k < 2 * count; ++k) listener.now[k] = 0;
        well = run(context);
        keep_least(times->forward, listener.now, times->count, i == 0);
        keep_least(times->backward, listener.now + count, times->count, i == 0);
    }
    tw_runner_watch(runner, NULL, NULL);
    free(listener.now);
    return well;
}

void tw_operator_times_release(tw_operator_times *times) {
    free(times->forward);
    free(times->backward);
    *times = (tw_operator_times){.count = 0};
}

static double sum_of(const double *numbers, int count) {
    double sum = 0;
    for (int i = 0; i < count; ++i) sum += numbers[i];
    return sum;
}

/* A time, or a dash for none. */
static void print_ms(double ms) {
    if (ms > 0)
        printf("  %9.3f", ms);
    else
        printf("  %9s", "-");
}

static void print_line(const tw_operator_times *times, int i, double all, bool trains) {
    const double both = times->forward[i] + times->backward[i];
    if (i)
        printf("  %4d  %-*.*s", i, TEXT_WIDTH, TEXT_WIDTH, times->nodes[i].text);
    else
        printf("  %4s  %-*s", "", TEXT_WIDTH, "loss");
    print_ms(times->forward[i]);
    if (trains) print_ms(times->backward[i]);
    printf("  %5.1f %%\n", all > 0 ? 100 * both / all : 0);
}

void tw_operator_times_print(const tw_operator_times *times, bool trains) {
    const double there = sum_of(times->forward, times->count), back = sum_of(times->backward, times->count);
    printf("  %4s  %-*s  %9s%s  %7s\n", "", TEXT_WIDTH, "operator", "ms", trains ? "   backward" : "",
           "share");
    for (int i = 1; i < times->count; ++i) print_line(times, i, there + back, trains);
    if (times->forward[0] > 0) print_line(times, 0, there + back, trains);
    printf("  %4s  %-*s  %9.3f", "", TEXT_WIDTH, "all", there);
    if (trains) printf("  %9.3f", back);
    printf("\n\n");
}

void tw_operator_times_json(const tw_operator_times *times) {
    tw_json_open_array("operators");
    for (int i = 1; i < times->count; ++i) {
        tw_json_open_object(NULL);
        tw_json_integer("node", i);
        tw_json_text("text", times->nodes[i].text);
        tw_json_real("forward_ms", times->forward[i]);
        tw_json_real("backward_ms", times->backward[i]);
        tw_json_close_object();
    }
    tw_json_close_array();
    tw_json_real("loss_ms", times->forward[0]);
}

/* The parallel loop: each task once, whatever the number of threads; and the number that the environment asks
 * for. The environment is read once a process, so each of its cases is a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <twill/machine.h>

#include "base/threads.h"

enum { MOST = 1000 };

typedef struct count {
    atomic_int done[MOST];
    atomic_int busy[TW_MAX_THREADS]; /* two tasks at once on one worker would share its workspace */
    atomic_bool wrong;
    int threads;
    int64_t sum[TW_MAX_THREADS];
} count;

static void count_task(void *context, int64_t task, int worker) {
    count *c = context;
    if (worker < 0 || worker >= c->threads || task < 0 || task >= MOST) {
        atomic_store(&c->wrong, true);
        return;
    }
    if (atomic_fetch_add(&c->busy[worker], 1) != 0) atomic_store(&c->wrong, true);
    atomic_fetch_add(&c->done[task], 1);
    c->sum[worker] += task; /* unlocked: a worker's own, and read after the loop */
    atomic_fetch_sub(&c->busy[worker], 1);
}

static void each_task_runs_once_on_any_number_of_threads(void **state) {
    (void)state;
    static const int64_t tasks[] = {0, 1, 2, 3, 7, 8, 9, 100, MOST};
    for (int threads = -1; threads <= 8; threads++)
        for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++) {
            static count c;
            memset(&c, 0, sizeof c);
            c.threads = threads < 1 ? 1 : threads;
            tw_parallel(threads, tasks[t], count_task, &c);
            assert_false(atomic_load(&c.wrong));
            int64_t sum = 0;
            for (int i = 0; i < MOST; i++) assert_int_equal(c.done[i], i < tasks[t]);
            for (int w = 0; w < TW_MAX_THREADS; w++) sum += c.sum[w];
            assert_int_equal(sum, tasks[t] * (tasks[t] - 1) / 2);
        }
}

static void count_nested(void *context, int64_t task, int worker) {
    (void)task, (void)worker;
    static _Thread_local count inner;
    memset(&inner, 0, sizeof inner);
    inner.threads = 1; /* nested loops stay in their caller: any other worker is wrong */
    tw_parallel(4, 50, count_task, &inner);
    bool good = !inner.wrong && inner.sum[0] == 50 * 49 / 2;
    if (good) atomic_fetch_add((atomic_int *)context, 1);
}

static void nested_loops_run_in_their_caller(void **state) {
    (void)state;
    atomic_int good = 0;
    tw_parallel(4, 20, count_nested, &good);
    assert_int_equal(good, 20);
}

static void asked_numbers_are_clamped(void **state) {
    (void)state;
    assert_int_equal(tw_threads_clamp(0), tw_threads());
    assert_int_equal(tw_threads_clamp(1), 1);
    assert_int_equal(tw_threads_clamp(-5), 1);
    assert_int_equal(tw_threads_clamp(TW_MAX_THREADS), TW_MAX_THREADS);
    assert_int_equal(tw_threads_clamp(TW_MAX_THREADS + 1), TW_MAX_THREADS);
    assert_int_equal(tw_threads_clamp(INT64_MAX), TW_MAX_THREADS);
}

/* tw_threads() of a new process that runs this program with TWILL_NUM_THREADS=value. */
static int threads_with(const char *value) {
    char command[4096], self[2048];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = 0;
    const char *emulator = getenv("TWILL_EMULATOR"); /* where this was built for another machine */
    snprintf(command, sizeof command, "env %s'%s' %s '%s' --threads",
             value ? "TWILL_NUM_THREADS=" : "-u TWILL_NUM_THREADS UNUSED=", value ? value : "",
             emulator ? emulator : "", self);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    int threads = -1;
    assert_int_equal(fscanf(pipe, "%d", &threads), 1);
    assert_int_equal(pclose(pipe), 0);
    return threads;
}

static void the_environment_sets_the_number_of_threads(void **state) {
    (void)state;
    int found = threads_with(NULL);
    assert_in_range(found, 1, TW_MAX_THREADS);
    assert_int_equal(threads_with("1"), 1);
    assert_int_equal(threads_with("3"), 3);
    assert_int_equal(threads_with("256"), 256);
    static const char *const useless[] = {"", "0", "-1", "257", "two", "3x", "99999999999999999999", "1.5"};
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++)
        assert_int_equal(threads_with(useless[i]), found);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--threads") == 0) return printf("%d\n", tw_threads()) < 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once_on_any_number_of_threads),
        cmocka_unit_test(nested_loops_run_in_their_caller),
        cmocka_unit_test(asked_numbers_are_clamped),
        cmocka_unit_test(the_environment_sets_the_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

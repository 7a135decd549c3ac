/* What people and plans may know of this build and this machine: version, instruction sets, the rate of its
 * multiply-add units. The rate is measured over about 0.1 s; nothing else here costs time. */
#define _GNU_SOURCE
#include <twill/machine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/threads.h"
#include "kernel/kernel.h"

enum { MOST_KERNELS = 8 };

size_t tw_type_size(tw_type type) {
    return type == TW_F32 ? 4 : type == TW_F64 ? 8 : 0;
}

const char *tw_version(void) {
    return TW_VERSION; /* CMakeLists.txt */
}

const tw_machine_isa *tw_machine_isas(size_t *count) {
    static _Thread_local tw_machine_isa isas[MOST_KERNELS];
    size_t kernels;
    const tw_kernel *const *kernel = tw_kernels(&kernels), *chosen = tw_kernel_default();
    for (size_t i = 0; i < kernels; i++) {
        isas[i].name = kernel[i]->name;
        isas[i].runs = tw_cpu_has(kernel[i]->needs);
        isas[i].chosen = kernel[i] == chosen;
    }
    if (count) *count = kernels;
    return isas;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Every thread burns for itself, several short turns, and keeps its fastest: a turn that was interrupted does
 * not count. The threads run at the same time, so shared clocks and shared units show. */
typedef struct peak {
    const tw_loops *loops;
    double best[TW_MAX_THREADS]; /* operations a second */
} peak;

static void measure(void *context, int64_t task, int worker) {
    (void)worker;
    peak *p = context;
    double out[64]; /* the widest vector and more */
    int64_t rounds = 1000;
    double begin = seconds(), best = 0;
    while (seconds() - begin < 0.1) {
        double start = seconds();
        p->loops->burn(rounds, out);
        double time = seconds() - start;
        if (time < 0.002)
            rounds *= 2;
        else if ((double)(rounds * p->loops->burn_flops) / time > best)
            best = (double)(rounds * p->loops->burn_flops) / time;
    }
    p->best[task] = best;
}

double tw_machine_peak_gflops(tw_type type, int threads) {
    if (tw_type_size(type) == 0 || threads < 1 || threads > TW_MAX_THREADS) return 0;
    peak p = {.loops = tw_kernel_default()->loops[type]};
    tw_parallel(threads, threads, measure, &p);
    double sum = 0;
    for (int i = 0; i < threads; i++) sum += p.best[i];
    return sum * 1e-9;
}

/* One buffer to another, a part each. */
typedef struct copying {
    char *from, *to;
    size_t bytes;
    int parts;
} copying;

static void copy_part(void *context, int64_t task, int worker) {
    (void)worker;
    const copying *c = context;
    const size_t begin = c->bytes / (size_t)c->parts * (size_t)task;
    const size_t end = task + 1 == c->parts ? c->bytes : c->bytes / (size_t)c->parts * (size_t)(task + 1);
    memcpy(c->to + begin, c->from + begin, end - begin);
}

double tw_machine_copy_gigabytes(size_t bytes, int threads) {
    if (bytes == 0 || bytes > INT64_MAX || threads < 1 || threads > TW_MAX_THREADS) return 0;
    copying c = {.bytes = bytes, .parts = threads};
    c.from = tw_alloc_zero((int64_t)bytes, 1), c.to = tw_alloc_zero((int64_t)bytes, 1);
    double begin = seconds(), least = 0;
    for (int turn = 0; c.from && c.to && (turn < 3 || seconds() - begin < 0.1); turn++) {
        double start = seconds();
        tw_parallel(threads, threads, copy_part, &c);
        double time = seconds() - start;
        if (turn > 0 && (least == 0 || time < least)) least = time; /* the first touches the pages */
    }
    tw_free(c.from), tw_free(c.to);
    return least > 0 ? 2e-9 * (double)bytes / least : 0;
}

/* The environment's words for what is ignored; "" when nothing is. */
static void ignored(char *text, size_t size) {
    const char *isa = tw_cpu_override(), *threads = getenv("TWILL_NUM_THREADS");
    size_t used = 0;
    text[0] = 0;
    if (isa && strcmp(isa, tw_kernel_default()->name) != 0)
        used = (size_t)snprintf(text, size, "; TWILL_ISA=%.20s ignored (not of this build or machine)", isa);
    char *end = NULL;
    long asked = threads ? strtol(threads, &end, 10) : 1;
    if (used < size && threads && (end == threads || *end || asked < 1 || asked > TW_MAX_THREADS))
        snprintf(text + used, size - used, "; TWILL_NUM_THREADS=%.20s ignored (expected 1 to %d)", threads,
                 TW_MAX_THREADS);
}

#ifdef __clang__
static const char compiler[] = "clang " __clang_version__;
#else
static const char compiler[] = "gcc " __VERSION__;
#endif

const char *tw_machine_describe(void) {
    static _Thread_local char text[768];
    char warning[160];
    ignored(warning, sizeof warning);
    snprintf(text, sizeof text, "%s; %s; %d threads; Twill %s by %s with %s%s", tw_cpu_name(),
             tw_kernel_default()->name, tw_threads(), tw_version(), compiler, TW_BUILD_PARTS, warning);
    return text;
}

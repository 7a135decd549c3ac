/* How many threads a call uses. The loop itself is parallel.c. */
#define _GNU_SOURCE
#include "base/threads.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <twill/machine.h>

static int count_processors(void) {
    const char *text = getenv("TWILL_NUM_THREADS");
    if (text) {
        char *end;
        long count = strtol(text, &end, 10);
        if (end != text && *end == 0 && count >= 1 && count <= TW_MAX_THREADS) return (int)count;
    }
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count >= 1) return count > TW_MAX_THREADS ? TW_MAX_THREADS : count;
    }
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > TW_MAX_THREADS ? TW_MAX_THREADS : (int)count;
}

int tw_threads(void) {
    static atomic_int known; /* 0: not yet counted; counting twice gives the same number */
    int count = atomic_load_explicit(&known, memory_order_relaxed);
    if (count == 0) {
        count = count_processors();
        atomic_store_explicit(&known, count, memory_order_relaxed);
    }
    return count;
}

int tw_threads_clamp(int64_t asked) {
    if (asked == 0) return tw_threads();
    return asked < 1 ? 1 : asked > TW_MAX_THREADS ? TW_MAX_THREADS : (int)asked;
}

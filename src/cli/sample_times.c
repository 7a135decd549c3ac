/* Measured times. A time is the mean of a few consecutive calls, so that the clock costs nothing beside it.
 */
#include "sample_times.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 64 }; /* times of one measurement */

static const double LONG = 0.05; /* seconds */

double tw_times_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void tw_times_add(tw_times *times, double ms) {
    if (times->count < TW_TIMES_MOST) times->ms[times->count++] = ms;
}

double tw_times_least(const tw_times *times) {
    double least = times->count > 0 ? times->ms[0] : 0;
    for (int i = 1; i < times->count; ++i)
        if (times->ms[i] < least) least = times->ms[i];
    return least;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tw_times_median_from(const tw_times *times, int first) {
    static double sorted[TW_TIMES_MOST];
    const int n = times->count - first;
    if (n <= 0) return 0;
    memcpy(sorted, times->ms + first, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double tw_times_median(const tw_times *times) {
    return tw_times_median_from(times, 0);
}

bool tw_times_measure(tw_times *times, double seconds, int least, bool (*work)(void *context),
                      void *context) {
    double before = tw_times_now();
    if (!work(context)) return false; /* warms what was cooled by others, and says how long a call takes */
    const double once = tw_times_now() - before;
    const double wanted = once > 0 ? seconds / once : 1e6;
    int calls = wanted < least ? least : wanted > 1e7 ? 10000000 : (int)wanted;
    if (once > LONG) { /* so long that nothing had to be warmed: it counts */
        tw_times_add(times, 1e3 * once);
        --calls;
    }
    const int inner = calls / CHUNK + 1;
    for (int done = 0; done < calls; done += inner) {
        before = tw_times_now();
        for (int i = 0; i < inner; ++i)
            if (!work(context)) return false;
        tw_times_add(times, 1e3 * (tw_times_now() - before) / inner);
    }
    return true;
}

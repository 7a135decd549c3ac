/* Measured times, and what they say: least and median. */
#ifndef TW_CLI_SAMPLE_TIMES_H
#define TW_CLI_SAMPLE_TIMES_H

#include <stdbool.h>

enum { TW_TIMES_MOST = 4096 };

typedef struct tw_times {
    double ms[TW_TIMES_MOST]; /* [count] */
    int count;
} tw_times;

/* Seconds of a clock that only goes forward. */
double tw_times_now(void);

void tw_times_add(tw_times *times, double ms); /* what exceeds the room is dropped */
/* Both of at least one time; 0 of none. */
double tw_times_least(const tw_times *times);
double tw_times_median(const tw_times *times);
/* The median of those from the first-th on. */
double tw_times_median_from(const tw_times *times, int first);

/* A measurement: calls work(context) for about `seconds`, at least `least` times, and adds at most 64 times,
 * each the mean of consecutive calls. Stops and returns false when work does. */
bool tw_times_measure(tw_times *times, double seconds, int least, bool (*work)(void *context), void *context);

#endif

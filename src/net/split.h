/* Work over many numbers, cut into chunks of fixed length that do not depend on the threads. */
#ifndef TW_NET_SPLIT_H
#define TW_NET_SPLIT_H

#include "net/layer.h"

/* Calls body(context, first, last) for 0 .. count-1 in chunks of `chunk`, on run's threads; in the caller
 * when there is too little (work: numbers that are touched) to pay for waking them. */
void tw_split(const tw_run *run, int64_t count, int64_t chunk, int64_t work,
              void (*body)(const void *context, int64_t first, int64_t last), const void *context);

/* Whether `count` numbers at `to`, in rows of `channels`, are more than caches hold (as a rule 32 second
 * ones, by what threads share) and may be written past them: in octets that fill whole lines. */
bool tw_streams(const tw_run *run, const void *to, int64_t count, int64_t channels);

#endif

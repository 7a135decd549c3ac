/* One parallel loop: the only place where threads are made for computing. */
#ifndef TW_BASE_THREADS_H
#define TW_BASE_THREADS_H

#include <stdint.h>

#include "base/checked.h"
#include "base/memory.h"

/* Calls body(context, task, worker) once for each task 0 .. tasks-1, on at most `threads` threads; worker (0
 * .. threads-1) names the thread, for its part of a workspace. A worker begins with a share of neighbouring
 * tasks, the same in every loop of as many tasks, and when it is done it takes what others have not begun: so
 * a body must compute the same for its task whatever its worker. Returns when all are
 * done. With one thread, or one task, everything runs in the caller. Nested calls run in their caller. */
void tw_parallel(int threads, int64_t tasks, void (*body)(void *context, int64_t task, int worker),
                 void *context);

/* How far the parts of a workspace lie apart that two workers write, or their buffers: what a processor
 * fetches ahead of one's strides is then never a line that the other is writing. (Measured with Winograd's V
 * and M side by side: two threads are 1.2 times as fast as one; 4 KB apart 1.3 times, 16 KB 1.6 times, 32
 * KB 2.0 times.) Not where memory is watched: there what follows is not to be touched. */
#ifdef __SANITIZE_ADDRESS__
enum { TW_WORKERS_APART = 0 };
#else
enum { TW_WORKERS_APART = 32 << 10 };
#endif

/* `bytes` of a worker, and the distance to the next one's. Nothing stays nothing, too much (above 2^62) too
 * much. */
static inline int64_t tw_worker_bytes(int64_t bytes) {
    return bytes == 0 || bytes > INT64_MAX / 2 ? bytes : tw_round_up(bytes, TW_ALIGNMENT) + TW_WORKERS_APART;
}

/* `asked` (0: tw_threads()) clamped to 1 .. TW_MAX_THREADS. */
int tw_threads_clamp(int64_t asked);

#endif

/* One parallel loop: the only place where threads are made for computing. */
#ifndef TW_BASE_THREADS_H
#define TW_BASE_THREADS_H

#include <stdint.h>

/* Calls body(context, task, worker) once for each task 0 .. tasks-1, on at most `threads` threads; worker (0
 * .. threads-1) names the thread, for its part of a workspace. A worker begins with a share of neighbouring
 * tasks, the same in every loop of as many tasks, and when it is done it takes what others have not begun: so
 * a body must compute the same for its task whatever its worker. Returns when all are
 * done. With one thread, or one task, everything runs in the caller. Nested calls run in their caller. */
void tw_parallel(int threads, int64_t tasks, void (*body)(void *context, int64_t task, int worker),
                 void *context);

/* `asked` (0: tw_threads()) clamped to 1 .. TW_MAX_THREADS. */
int tw_threads_clamp(int64_t asked);

#endif

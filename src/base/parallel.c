/* The parallel loop: helper threads that wait for loops, and a caller that never waits for a helper that has
 * not come.
 *
 * A loop is published by one atomic word. The caller starts to claim tasks at once; a helper that sees the
 * word may join until the loop is closed, which the caller does when every task is claimed. Then it waits
 * only for helpers that joined. Each worker begins with a share of its own, neighbouring tasks, and then
 * takes the last ones of the others: the next loop over the same data finds in a processor's cache what the
 * last one left there (what another processor has written comes four times slower than what is its own;
 * taken from the front, the tasks at the end of a share would go to one or the other by chance). So a helper
 * that sleeps, or that the system gives no processor, costs nothing: small loops end before it comes, and on
 * a busy machine nothing stands still at a barrier. (A team of OpenMP waits for all its threads at the end of
 * every loop: with a second process beside, a training step took thirty times as long.)
 *
 * Helpers spin for some ten microseconds after a loop, since the next one is often near, then sleep. They are
 * made when first wanted and live as long as the process; one loop runs at a time: a caller that finds the
 * pool taken, a nested loop, a child after fork before it has helpers of its own, and a machine that refuses
 * threads run alone. */
#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <twill/machine.h>

/* The word: 0-15 helpers at work, 16-31 helpers that ever joined (their number is their worker number), 32
 * closed, 33-63 the loop's number. */
static const uint64_t AT_WORK = 1, JOINED = 1 << 16, CLOSED = (uint64_t)1 << 32, LOOP = (uint64_t)1 << 33;

enum {
    HELPER_SPINS = 4000,  /* about 50 microseconds with a pause of 40 cycles: one small layer */
    CALLER_SPINS = 20000, /* then it offers its processor: a helper at work may be without one */
    STACK_BYTES = 1 << 20
};

/* Tasks in a row, of which `left` are nobody's yet: who takes one from that number may have it, its owner the
 * next one, others the last one. On a cache line of its own. */
typedef struct share {
    _Alignas(64) _Atomic int64_t left;
    int64_t next; /* only the owner's */
    _Atomic int64_t end;
} share;

static struct pool {
    pthread_mutex_t taken; /* held for the length of a loop */
    pthread_mutex_t door;  /* guards sleeping on `bell` */
    pthread_cond_t bell;
    int helpers; /* made; only the holder of `taken` changes it */
    atomic_int sleepers;
    _Atomic uint64_t word;

    /* The loop; written before the word is, read by those that joined. */
    void (*body)(void *context, int64_t task, int worker);
    void *context;
    int most; /* helpers that may join */
    share shares[TW_MAX_THREADS];
} pool = {.taken = PTHREAD_MUTEX_INITIALIZER,
          .door = PTHREAD_MUTEX_INITIALIZER,
          .bell = PTHREAD_COND_INITIALIZER,
          .word = (uint64_t)1 << 32};

static _Thread_local bool inside; /* this thread runs a task */

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool may_take(share *s) {
    return atomic_load_explicit(&s->left, memory_order_relaxed) > 0 &&
           atomic_fetch_sub_explicit(&s->left, 1, memory_order_relaxed) > 0;
}

static void claim_tasks(int worker) {
    inside = true;
    for (share *own = &pool.shares[worker]; may_take(own);) pool.body(pool.context, own->next++, worker);
    for (int i = 1; i <= pool.most; i++)
        for (share *s = &pool.shares[(worker + i) % (pool.most + 1)]; may_take(s);) {
            int64_t last = atomic_fetch_sub_explicit(&s->end, 1, memory_order_relaxed) - 1;
            pool.body(pool.context, last, worker);
        }
    inside = false;
}

/* Joins the loop of `word` if it is still open and has room. Only after that may its fields be read; `most`
 * is among them, so there a helper too many leaves again. */
static void try_to_help(uint64_t word) {
    while (!(word & CLOSED)) {
        if (!atomic_compare_exchange_weak_explicit(&pool.word, &word, word + JOINED + AT_WORK,
                                                   memory_order_acquire, memory_order_relaxed))
            continue;
        int worker = (int)(word >> 16 & 0xffff) + 1;
        if (worker <= pool.most) claim_tasks(worker);
        atomic_fetch_sub_explicit(&pool.word, AT_WORK, memory_order_release);
        return;
    }
}

/* Waits for a loop after number `seen`; returns the word. */
static uint64_t wait_for_loop(uint64_t seen) {
    uint64_t word;
    for (int spin = 0; spin < HELPER_SPINS; spin++, relax()) {
        word = atomic_load_explicit(&pool.word, memory_order_relaxed);
        if (word / LOOP != seen && !(word & CLOSED)) return word;
    }
    pthread_mutex_lock(&pool.door);
    atomic_fetch_add(&pool.sleepers,
                     1); /* before the word is read again: the caller rings after writing it */
    while (word = atomic_load(&pool.word), word / LOOP == seen || word & CLOSED)
        pthread_cond_wait(&pool.bell, &pool.door);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.door);
    return word;
}

static void *help(void *unused) {
    (void)unused;
    uint64_t seen = 0;
    for (;;) {
        uint64_t word = wait_for_loop(seen);
        seen = word / LOOP;
        try_to_help(word);
    }
    return NULL;
}

/* A child has the memory of its parent, but not its helpers. */
static void forget_helpers(void) {
    pthread_mutex_init(&pool.taken, NULL);
    pthread_mutex_init(&pool.door, NULL);
    pthread_cond_init(&pool.bell, NULL);
    pool.helpers = 0;
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.word, atomic_load(&pool.word) / LOOP * LOOP | CLOSED);
}

/* Makes helpers until there are `wanted`, or as many as the system gives. */
static void make_helpers(int wanted) {
    static bool prepared;
    if (pool.helpers >= wanted) return;
    if (!prepared) prepared = pthread_atfork(NULL, NULL, forget_helpers) == 0;
    pthread_attr_t attributes;
    if (!prepared || pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_t thread;
    while (pool.helpers < wanted && pthread_create(&thread, &attributes, help, NULL) == 0) pool.helpers++;
    pthread_attr_destroy(&attributes);
}

static void ring(void) {
    if (atomic_load(&pool.sleepers) == 0) return;
    pthread_mutex_lock(&pool.door);
    pthread_cond_broadcast(&pool.bell);
    pthread_mutex_unlock(&pool.door);
}

static void wait_for_helpers(void) {
    for (int spin = 0; atomic_load_explicit(&pool.word, memory_order_acquire) & 0xffff; spin++) {
        if (spin < CALLER_SPINS)
            relax();
        else
            sched_yield();
    }
}

static void share_out(int64_t tasks, int shares) {
    int64_t each = tasks / shares, more = tasks % shares, begin = 0;
    for (int i = 0; i < shares; i++) {
        share *s = &pool.shares[i];
        int64_t count = each + (i < more);
        atomic_store_explicit(&s->left, count, memory_order_relaxed);
        s->next = begin;
        begin += count;
        atomic_store_explicit(&s->end, begin, memory_order_relaxed);
    }
}

static void run_together(int helpers, int64_t tasks, void (*body)(void *, int64_t, int), void *context) {
    make_helpers(helpers);
    pool.body = body;
    pool.context = context;
    pool.most = helpers;
    share_out(tasks, helpers + 1);
    uint64_t loop = atomic_load_explicit(&pool.word, memory_order_relaxed) / LOOP + 1;
    atomic_store(&pool.word, loop * LOOP);
    ring();
    claim_tasks(0);
    atomic_fetch_or(&pool.word, CLOSED);
    wait_for_helpers();
}

void tw_parallel(int threads, int64_t tasks, void (*body)(void *context, int64_t task, int worker),
                 void *context) {
    if (threads > tasks) threads = (int)tasks;
    if (threads > 1 && !inside && pthread_mutex_trylock(&pool.taken) == 0) {
        run_together(threads - 1, tasks, body, context);
        pthread_mutex_unlock(&pool.taken);
        return;
    }
    for (int64_t task = 0; task < tasks; task++) body(context, task, 0);
}

/* A ring of SLOTS batches. The reader fills the slot behind the last full one; the caller holds the oldest
 * until it asks for the next. What stands in a batch depends on its number alone, so it does not matter who
 * reads it, or when. */
#include "train/loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/random.h"

enum { SLOTS = 4, MESSAGE = 1024 };

typedef struct slot {
    float *x;
    int32_t *labels;
    int64_t count;
    tw_status status;
    char message[MESSAGE]; /* messages belong to a thread: the reader's is handed over */
} slot;

struct tw_loader {
    tw_loader_options options;
    int64_t inputs, batches; /* of an epoch */
    int64_t *order;          /* [samples]: of the epoch being read */
    slot slots[SLOTS];
    bool threaded, stops;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t filled, taken; /* batches read, and handed out */
};

int64_t tw_input_numbers(tw_net_input input) {
    int64_t numbers = input.channels;
    for (int i = 0; i < input.spatial; i++) numbers *= input.size[i];
    return numbers;
}

static void order_epoch(tw_loader *l, int64_t epoch) {
    if (l->options.shuffles) {
        tw_random random = tw_random_stream(l->options.seed, TW_RANDOM_SHUFFLE, (uint64_t)epoch, 0);
        tw_random_permutation(&random, l->options.samples, l->order);
        return;
    }
    for (int64_t i = 0; i < l->options.samples; i++) l->order[i] = i;
}

/* Where a sample stands in the data. Fewer samples than there are lie evenly among them: the data may be
 * sorted by class. */
static int64_t place_of(const tw_loader *l, int64_t sample) {
    const int64_t count = tw_data_describe(l->options.data).count, samples = l->options.samples;
    return sample * (count / samples) + sample * (count % samples) / samples;
}

/* Batch `number`, counted over all epochs; they come in order. */
static void fill(tw_loader *l, int64_t number) {
    slot *s = &l->slots[number % SLOTS];
    int64_t first = number % l->batches * l->options.batch;
    if (first == 0) order_epoch(l, number / l->batches);
    s->count = tw_min(l->options.batch, l->options.samples - first);
    s->status = TW_OK;
    for (int64_t i = 0; i < s->count && !s->status; i++)
        s->status = tw_data_read(l->options.data, place_of(l, l->order[first + i]), s->x + i * l->inputs,
                                 &s->labels[i]);
    if (s->status) snprintf(s->message, sizeof s->message, "%s", tw_message());
}

static void *read_ahead(void *context) {
    tw_loader *l = context;
    int64_t all = l->batches * l->options.epochs;
    pthread_mutex_lock(&l->lock);
    while (!l->stops && l->filled < all) {
        /* the caller still looks at batch taken - 1 */
        if (l->filled - l->taken >= SLOTS - 1) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        fill(l, l->filled); /* only this thread writes `filled` */
        pthread_mutex_lock(&l->lock);
        l->filled++;
        pthread_cond_signal(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Signals are for the threads of the caller. */
static void start_thread(tw_loader *l) {
    sigset_t all, before;
    if (pthread_mutex_init(&l->lock, NULL) != 0) return;
    if (pthread_cond_init(&l->changed, NULL) != 0) {
        pthread_mutex_destroy(&l->lock);
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->threaded = pthread_create(&l->thread, NULL, read_ahead, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (l->threaded) return;
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
}

static bool allocate(tw_loader *l) {
    int64_t numbers;
    bool good = tw_mul(l->options.batch, l->inputs, &numbers);
    l->order = tw_alloc(l->options.samples, sizeof *l->order);
    good = good && l->order;
    for (int i = 0; i < SLOTS && good; i++) {
        l->slots[i].x = tw_alloc(numbers, sizeof(float));
        l->slots[i].labels = tw_alloc(l->options.batch, sizeof(int32_t));
        good = l->slots[i].x && l->slots[i].labels;
    }
    return good;
}

tw_status tw_loader_create(tw_loader **out, const tw_loader_options *options) {
    *out = NULL;
    tw_loader *l = tw_alloc_zero(1, sizeof *l);
    if (!l) return TW_ERROR_MEMORY;
    l->options = *options;
    l->inputs = tw_input_numbers(tw_data_describe(options->data).image);
    l->batches = tw_ceil_div(options->samples, options->batch);
    if (!allocate(l)) {
        tw_loader_free(l);
        return TW_ERROR_MEMORY;
    }
    start_thread(l);
    *out = l;
    return TW_OK;
}

/* The number of the next batch, once it is there. */
static int64_t take(tw_loader *l) {
    if (!l->threaded) {
        fill(l, l->taken);
        return l->taken++;
    }
    pthread_mutex_lock(&l->lock);
    int64_t number = l->taken;
    while (l->filled <= number) pthread_cond_wait(&l->changed, &l->lock);
    l->taken++;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return number;
}

tw_status tw_loader_next(tw_loader *l, tw_batch *batch) {
    slot *s = &l->slots[take(l) % SLOTS];
    *batch = (tw_batch){s->x, s->labels, s->count};
    return s->status ? tw_fail(s->status, "%s", s->message) : TW_OK;
}

void tw_loader_free(tw_loader *l) {
    if (!l) return;
    if (l->threaded) {
        pthread_mutex_lock(&l->lock);
        l->stops = true;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        pthread_cond_destroy(&l->changed);
        pthread_mutex_destroy(&l->lock);
    }
    for (int i = 0; i < SLOTS; i++) {
        tw_free(l->slots[i].x);
        tw_free(l->slots[i].labels);
    }
    tw_free(l->order);
    tw_free(l);
}

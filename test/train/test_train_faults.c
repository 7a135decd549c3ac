/* wraps: aligned_alloc free pthread_create pthread_mutex_init pthread_cond_init */
/* The k-th allocation of opening data or of training fails, for every k: the status is MEMORY, nothing leaks,
 * the weights are as they were or trained, and the next call is fine. And where no thread, lock or condition
 * is to be had, training gives the same bits without. Rows P01 and P02 of the catalogue of hostile inputs;
 * the loader's thread allocates too, so the counts are atomic. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <twill/train.h>

#include "scratch.h"

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *context);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *context);
int __real_pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *a);
int __wrap_pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *a);
int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *a);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *a);

static atomic_llong calls, alive;
static long long fails_at = -1;
static bool no_thread, no_lock, no_condition;

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (atomic_fetch_add(&calls, 1) == fails_at) return NULL;
    atomic_fetch_add(&alive, 1);
    return __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *block) {
    if (block) atomic_fetch_sub(&alive, 1);
    __real_free(block);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *context) {
    return no_thread ? EAGAIN : __real_pthread_create(t, a, f, context);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *a) {
    return no_lock ? ENOMEM : __real_pthread_mutex_init(lock, a);
}

int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *a) {
    return no_condition ? ENOMEM : __real_pthread_cond_init(condition, a);
}

/* ---- Three data sets of images of 2 x 2, and the fourth that needs no file. */

enum { IMAGES = 3, WEIGHTS = 4 * 2 + 2 };

static char mnist[128], folder[128], cifar10[128];

static void write_mnist(scratch *s) {
    static const unsigned char images[16 + IMAGES * 4] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0,
                                                          0, 0, 2, 0, 0, 0, 2, 9};
    static const unsigned char labels[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 0, 1, 1};
    scratch_file(s, "train-images-idx3-ubyte", images, sizeof images);
    scratch_file(s, "train-labels-idx1-ubyte", labels, sizeof labels);
    snprintf(mnist, sizeof mnist, "mnist:%s", s->folder);
}

static void write_folder(scratch *s) {
    mkdir(scratch_path(s, "images"), 0700);
    snprintf(folder, sizeof folder, "folder:%s/images", s->folder);
    mkdir(scratch_path(s, "images/a"), 0700);
    mkdir(scratch_path(s, "images/b"), 0700);
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "images/%c/%d.pgm", 'a' + i % 2, i);
        scratch_file(s, name, "P2 2 2 9  9 0 3 1", 17);
    }
}

static void write_cifar10(scratch *s) {
    static const unsigned char batch[3073];
    for (int i = 1; i <= 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        scratch_file(s, name, batch, sizeof batch);
    }
    snprintf(cifar10, sizeof cifar10, "cifar10:%s", s->folder);
}

static tw_status open_data(const char *specification) {
    tw_data *data;
    const tw_status status = tw_data_open(&data, specification, TW_TRAIN);
    if (status) assert_null(data);
    tw_data_close(data);
    return status;
}

static tw_status open_strokes(void) {
    return open_data("strokes:count=9,seed=2");
}
static tw_status open_mnist(void) {
    return open_data(mnist);
}
static tw_status open_folder(void) {
    return open_data(folder);
}
static tw_status open_cifar10(void) {
    return open_data(cifar10);
}

/* ---- Training on the folder, whose images are decoded by the loader's thread. */

static tw_net *net;
static tw_data *data;
static const float zeros[WEIGHTS];
static float trained[WEIGHTS];

static tw_status train(float weights[WEIGHTS]) {
    tw_train_options options = tw_train_options_defaults();
    options.batch = 2, options.epochs = 2, options.threads = 1;
    memcpy(weights, zeros, sizeof zeros);
    return tw_train(net, weights, data, data, &options, NULL);
}

/* What fails before the first step leaves the weights as they were; what fails later, those of some step. */
static tw_status train_or_leave(void) {
    float weights[WEIGHTS];
    const tw_status status = train(weights);
    if (status == TW_OK) assert_memory_equal(weights, trained, sizeof trained);
    for (int i = 0; i < WEIGHTS; i++) assert_true(weights[i] == weights[i]);
    return status;
}

static void every_allocation_may_fail_while_data_are_opened_and_learned(void **state) {
    (void)state;
    tw_status (*const jobs[])(void) = {open_strokes, open_mnist, open_folder, open_cifar10, train_or_leave};
    for (size_t job = 0; job < sizeof jobs / sizeof *jobs; job++) {
        bool failed = true;
        for (long long k = 0; failed; k++) {
            const long long before = alive;
            atomic_store(&calls, 0);
            fails_at = k;
            const tw_status status = jobs[job]();
            fails_at = -1;
            failed = calls > k;
            if (status != (failed ? TW_ERROR_MEMORY : TW_OK))
                fail_msg("job %zu, allocation %lld: %s: %s", job, k, tw_status_name(status), tw_message());
            assert_int_equal(alive, before);
            assert_int_equal(jobs[job](), TW_OK);
        }
    }
}

static void without_thread_lock_or_condition_the_bits_are_the_same(void **state) {
    (void)state;
    bool *const wants[] = {&no_thread, &no_lock, &no_condition};
    for (int i = 0; i < 3; i++) {
        const long long before = alive;
        *wants[i] = true;
        assert_int_equal(train_or_leave(), TW_OK);
        *wants[i] = false;
        assert_int_equal(alive, before);
    }
}

static int prepare(void **state) {
    static scratch s;
    *state = &s;
    scratch_make(&s);
    write_mnist(&s), write_folder(&s), write_cifar10(&s);
    const tw_net_input image = {.spatial = 2, .channels = 1, .size = {2, 2}};
    if (tw_net_create(&net, "dense 2", image) || tw_data_open(&data, folder, TW_TRAIN)) return 1;
    return train(trained) != TW_OK;
}

static int tidy(void **state) {
    tw_net_free(net);
    tw_data_close(data);
    scratch_remove(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail_while_data_are_opened_and_learned),
        cmocka_unit_test(without_thread_lock_or_condition_the_bits_are_the_same),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}

/* Training and evaluation of a network on a data set.
 *
 * All randomness is a function of (seed, epoch, sample, purpose): the same options give the same weights, bit
 * for bit, with any number of threads. */
#ifndef TWILL_TRAIN_H
#define TWILL_TRAIN_H

#include <twill/data.h>
#include <twill/net.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum tw_optimiser { TW_SGD = 0, TW_ADAM } tw_optimiser;
typedef enum tw_schedule { TW_CONSTANT = 0, TW_STEP, TW_COSINE, TW_ONE_CYCLE } tw_schedule;

/* Where training stands, for a progress bar. Borrowed for the call. */
typedef struct tw_progress {
    int epoch, epochs; /* epoch counts from 0 */
    int64_t batch, batches;
    double loss, accuracy;        /* means over this epoch so far */
    double seconds, seconds_left; /* since the start; estimated to the end */
    double images_per_second;
    double learning_rate;
    bool epoch_ends;
    double test_accuracy, test_loss; /* when epoch_ends and a test set was given; else -1 */
} tw_progress;

typedef struct tw_train_options {
    size_t struct_size;
    int epochs;    /* >= 0 */
    int64_t batch; /* >= 1; a last partial batch is used too */
    uint64_t seed;
    tw_optimiser optimiser;
    double learning_rate;  /* finite, > 0 */
    double momentum;       /* 0 <= m < 1; Adam: beta1 */
    double beta2, epsilon; /* Adam (Kingma and Ba 2015) */
    bool nesterov;
    double weight_decay; /* >= 0; L2 for SGD and Adam */
    tw_schedule schedule;
    int step_epochs;      /* TW_STEP: every so many epochs ... */
    double step_factor;   /* ... times this */
    double warmup_epochs; /* linear from 0; 0: none */
    int threads;          /* 0: tw_threads() */
    tw_accuracy accuracy;
    tw_loss loss;
    int64_t most_samples; /* 0: all of the training split */
    /* Called after each batch; returns false to stop after this step (the weights are then valid). NULL:
     * nobody. */
    bool (*progress)(void *context, const tw_progress *progress);
    void *context;
} tw_train_options;

/* SGD with momentum 0.9, 5 epochs, batch 64, rate 0.05, cosine. A named network may have better ones:
 * tw_train_suggest. */
tw_train_options tw_train_options_defaults(void);
/* The defaults fitted to a network: its loss, its sigmoids. */
tw_train_options tw_train_suggest(const tw_net *net);

typedef struct tw_train_result {
    int epochs;            /* completed */
    double loss, accuracy; /* of the last epoch's training batches */
    double seconds;        /* training alone, without tests */
    double images_per_second;
} tw_train_result;

/* Trains weights[tw_net_weights] in place, in f32. `test` may be NULL. STOPPED when progress asked to stop;
 * NUMERIC when the loss is no number any more: weights are then those before the step. */
tw_status tw_train(const tw_net *net, float *weights, const tw_data *train, const tw_data *test,
                   const tw_train_options *options, tw_train_result *result);

typedef struct tw_eval_result {
    int64_t count, correct;
    double accuracy, loss, seconds;
    int64_t *confusion; /* [classes][classes]: rows true, columns predicted; free with tw_eval_free */
    int classes;
} tw_eval_result;

/* batch 0: a good one; threads 0: tw_threads(). */
tw_status tw_eval(const tw_net *net, const float *weights, const tw_data *data, int64_t batch, int threads,
                  tw_eval_result *result);
void tw_eval_free(tw_eval_result *result);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

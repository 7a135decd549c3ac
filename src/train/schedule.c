/* After the warm-up, p runs from 0 at the first step to (just under) 1 at the last:
 *
 *     constant    rate
 *     step        rate * factor ^ (epoch / step_epochs)
 *     cosine      rate * (1 + cos(pi p)) / 2                              (Loshchilov and Hutter 2017)
 *     one-cycle   up from rate / 25 within the first 30 %, then down to rate / 10000, both along a cosine
 *                 (Smith and Topin 2018) */
#include "train/schedule.h"

double tw_whole_power(double base, int64_t exponent) {
    double power = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) power *= base;
    return power;
}

/* cos(pi p) for 0 <= p <= 1, as -sin(pi (p - 1/2)) by its series; error below 1e-13. */
static double cosine(double p) {
    double x = 3.141592653589793 * (p - 0.5), square = x * x, term = x, sum = x;
    for (int k = 3; k <= 19; k += 2) {
        term *= -square / (k * (k - 1));
        sum += term;
    }
    return -sum;
}

/* From `from` at p = 0 to `to` at p = 1. */
static double along_cosine(double from, double to, double p) {
    return to + (from - to) * 0.5 * (1 + cosine(p));
}

static double one_cycle(double rate, double p) {
    const double rises = 0.3;
    return p < rises ? along_cosine(rate / 25, rate, p / rises)
                     : along_cosine(rate, rate / 10000, (p - rises) / (1 - rises));
}

double tw_schedule_rate(const tw_train_options *o, int64_t step, int64_t batches) {
    double steps = (double)batches * o->epochs, warmup = o->warmup_epochs * (double)batches;
    if ((double)step < warmup) return o->learning_rate * (double)(step + 1) / (warmup + 1);
    double p = ((double)step - warmup) / (steps > warmup ? steps - warmup : 1);
    p = p < 1 ? p : 1;
    switch (o->schedule) {
    case TW_STEP: return o->learning_rate * tw_whole_power(o->step_factor, step / batches / o->step_epochs);
    case TW_COSINE: return along_cosine(o->learning_rate, 0, p);
    case TW_ONE_CYCLE: return one_cycle(o->learning_rate, p);
    case TW_CONSTANT: break;
    }
    return o->learning_rate;
}

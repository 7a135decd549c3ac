/* The mean loss over the batch, its gradient, and how many images are classified correctly.
 *
 * Cross-entropy takes logits; when the last operator is a softmax it takes that operator's input instead and
 * the gradient goes there, because p - t is exact where the product of the two derivatives cancels. Images
 * are independent; their losses are added in order. */
#include <math.h>

#include "base/fail.h"
#include "net/runner.h"
#include "net/split.h"

typedef struct job {
    tw_runner *runner;
    const tw_step *step;
    const char *z;
    char *dz;
    int64_t n;
} job;

static void run_images(const void *context, int64_t first, int64_t last) {
    const job *j = context;
    size_t line = (size_t)j->n * j->runner->size;
    bool squared = j->runner->loss == TW_SQUARED_ERROR;
    for (int64_t i = first; i < last; i++) {
        size_t offset = (size_t)i * line;
        tw_loss_row row = {.n = j->n,
                           .z = j->z + offset,
                           .target = j->step->targets ? (const char *)j->step->targets + offset : NULL,
                           .label = j->step->labels ? j->step->labels[i] : 0,
                           .scale = 1 / (double)j->step->count,
                           .dz = j->dz ? j->dz + offset : NULL};
        (squared ? j->runner->sweeps->squared_error : j->runner->sweeps->cross_entropy)(&row);
        j->runner->losses[i] = row.loss;
    }
}

static int64_t count_correct(const tw_runner *r, const tw_step *step) {
    int last = r->net->op_count - 1;
    int64_t n = tw_net_outputs(r->net), correct = 0;
    const char *y = r->stages[last].value;
    for (int64_t i = 0; step->labels && i < step->count; i++)
        correct += r->sweeps->largest(n, y + (size_t)(i * n) * r->size) == step->labels[i];
    return correct;
}

tw_status tw_loss_close(tw_runner *r, tw_step *step) {
    int last = r->net->op_count - 1;
    int at = tw_runner_fuses(r) ? r->net->ops[last].inputs[0] : last;
    tw_slot *stage = &r->stages[at];
    job j = {.runner = r,
             .step = step,
             .z = at ? stage->value : step->x,
             .dz = !stage->wanted ? NULL
                   : at           ? stage->gradient
                                  : step->dx,
             .n = tw_net_outputs(r->net)};
    stage->reached = stage->wanted;
    tw_run run = {.threads = r->threads};
    tw_split(&run, step->count, 16, 8 * step->count * j.n, run_images, &j);
    double sum = 0;
    for (int64_t i = 0; i < step->count; i++) sum += r->losses[i];
    step->loss = sum / (double)step->count;
    step->correct = count_correct(r, step);
    if (isfinite(step->loss)) return TW_OK;
    return tw_fail(TW_ERROR_NUMERIC, "the loss is %s; expected a finite number (a smaller learning rate?)",
                   isnan(step->loss) ? "not a number" : "infinite");
}

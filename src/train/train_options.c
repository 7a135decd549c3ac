/* Options: their defaults, what suits a network, and their ranges as one table. */
#include "train/train_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

tw_train_options tw_train_options_defaults(void) {
    return (tw_train_options){.struct_size = sizeof(tw_train_options),
                              .epochs = 5,
                              .batch = 64,
                              .seed = 1,
                              .optimiser = TW_SGD,
                              .learning_rate = 0.05,
                              .momentum = 0.9,
                              .beta2 = 0.999,
                              .epsilon = 1e-8,
                              .schedule = TW_COSINE,
                              .step_epochs = 1,
                              .step_factor = 0.1};
}

static bool has_kind(const tw_net *net, const char *kind) {
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(nodes[i].kind, kind) == 0) return true;
    return false;
}

/* Sigmoids pass on at most a quarter of a gradient, and a squared error through a saturated one next to
 * nothing: they need small batches and a rate that would break any other network. Batch norm bears a large
 * rate, and with it comes a deep network that wants weight decay and a gentle start. */
tw_train_options tw_train_suggest(const tw_net *net) {
    tw_train_options o = tw_train_options_defaults();
    bool squared = tw_net_loss(net) == TW_SQUARED_ERROR;
    if (squared && has_kind(net, "sigmoid")) {
        o.batch = 16;
        o.learning_rate = 0.5;
        o.epochs = 10;
    } else if (has_kind(net, "batchnorm")) {
        o.batch = 128;
        o.learning_rate = 0.1;
        o.weight_decay = 1e-4;
        o.epochs = 30;
        o.warmup_epochs = 1;
    } else if (has_kind(net, "sigmoid") || has_kind(net, "tanh")) {
        o.learning_rate = 0.1;
    }
    return o;
}

/* ---- Ranges ---- */

/* The range of one number; bounds that themselves are allowed, or not. */
typedef struct range {
    const char *name, *expected;
    double value, least, most;
    bool above_least, below_most; /* the bound itself is excluded */
} range;

static bool within(const range *r) {
    bool low = r->above_least ? r->value > r->least : r->value >= r->least;
    bool high = r->below_most ? r->value < r->most : r->value <= r->most;
    return low && high; /* false for NaN */
}

static tw_status check_ranges(const range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!within(&ranges[i]))
            return tw_fail(TW_ERROR_ARGUMENT, "%s is %.12g; expected %s", ranges[i].name, ranges[i].value,
                           ranges[i].expected);
    return TW_OK;
}

tw_status tw_train_options_check(const tw_train_options *o) {
    if (!o) return tw_fail(TW_ERROR_ARGUMENT, "options is NULL");
    if (o->struct_size != sizeof *o)
        return tw_fail(TW_ERROR_VERSION,
                       "struct_size is %zu; expected %zu (set by tw_train_options_defaults)", o->struct_size,
                       sizeof *o);
    const double huge = 0x1p53, all = 1e308;
    const range ranges[] = {
        {"epochs", "0 to 1000000", o->epochs, 0, 1000000, false, false},
        {"batch", "1 or more", (double)o->batch, 1, huge, false, false},
        {"optimiser", "sgd (0) or adam (1)", (double)o->optimiser, TW_SGD, TW_ADAM, false, false},
        {"learning_rate", "a finite number above 0", o->learning_rate, 0, all, true, false},
        {"momentum", "0 <= momentum < 1", o->momentum, 0, 1, false, true},
        {"beta2", "0 <= beta2 < 1", o->beta2, 0, 1, false, true},
        {"epsilon", "a finite number above 0", o->epsilon, 0, all, true, false},
        {"weight_decay", "a finite number, 0 or more", o->weight_decay, 0, all, false, false},
        {"schedule", "constant (0), step (1), cosine (2) or one-cycle (3)", (double)o->schedule, TW_CONSTANT,
         TW_ONE_CYCLE, false, false},
        {"step_epochs", "1 or more", o->step_epochs, 1, huge, false, false},
        {"step_factor", "a finite number above 0", o->step_factor, 0, all, true, false},
        {"warmup_epochs", "0 to the number of epochs", o->warmup_epochs, 0, o->epochs, false, false},
        {"threads", "0 or more", o->threads, 0, huge, false, false},
        {"accuracy", "fast (0) or strict (1)", (double)o->accuracy, TW_FAST, TW_STRICT, false, false},
        {"loss", "default (0), cross-entropy (1) or squared error (2)", (double)o->loss, TW_LOSS_DEFAULT,
         TW_SQUARED_ERROR, false, false},
        {"most_samples", "0 (all) or more", (double)o->most_samples, 0, huge, false, false},
    };
    return check_ranges(ranges, sizeof ranges / sizeof *ranges);
}

/* ---- Data ---- */

static void image_text(tw_net_input image, char *text, size_t size) {
    size_t at = (size_t)snprintf(text, size, "%" PRId64, image.channels);
    for (int i = 0; i < image.spatial && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "x%" PRId64, image.size[i]);
}

static bool same_image(tw_net_input a, tw_net_input b) {
    bool same = a.spatial == b.spatial && a.channels == b.channels;
    for (int i = 0; same && i < a.spatial; i++) same = a.size[i] == b.size[i];
    return same;
}

tw_status tw_train_data_check(const tw_net *net, const tw_data *data) {
    tw_data_info info = tw_data_describe(data);
    tw_net_input image = tw_net_image(net);
    if (!same_image(image, info.image)) {
        char wanted[96], found[96];
        image_text(image, wanted, sizeof wanted);
        image_text(info.image, found, sizeof found);
        return tw_fail(TW_ERROR_SHAPE, "the network takes images of %s; %s has %s", wanted,
                       info.specification, found);
    }
    if (tw_net_outputs(net) != info.classes)
        return tw_fail(TW_ERROR_SHAPE, "the network has %" PRId64 " outputs; %s has %d classes",
                       tw_net_outputs(net), info.specification, info.classes);
    if (info.count < 1) return tw_fail(TW_ERROR_ARGUMENT, "%s has no samples", info.specification);
    return TW_OK;
}

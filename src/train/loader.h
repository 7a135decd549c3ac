/* Batches of a data set, read ahead by another thread. */
#ifndef TW_TRAIN_LOADER_H
#define TW_TRAIN_LOADER_H

#include <stdbool.h>

#include <twill/data.h>

typedef struct tw_loader tw_loader;

typedef struct tw_loader_options {
    const tw_data *data; /* borrowed until the loader is freed */
    int64_t samples;     /* so many of the data set, evenly spread; 1 .. its count */
    int64_t batch;       /* 1 .. samples; the last batch of an epoch may be smaller */
    int64_t epochs;
    bool shuffles; /* each epoch in an order of its own, a function of (seed, epoch) */
    uint64_t seed;
} tw_loader_options;

typedef struct tw_batch {
    const float *x; /* [count][inputs], channels last */
    const int32_t *labels;
    int64_t count;
} tw_batch;

/* Starts reading. Without a thread to spare, batches are read when asked for: the same batches. */
tw_status tw_loader_create(tw_loader **loader, const tw_loader_options *options);
/* The next batch, valid until the next call; at most epochs * ceil(samples / batch) of them. Fails as
 * tw_data_read does. */
tw_status tw_loader_next(tw_loader *loader, tw_batch *batch);
/* Also before all is read. NULL allowed. */
void tw_loader_free(tw_loader *loader);

/* Numbers of one image. */
int64_t tw_input_numbers(tw_net_input input);

#endif

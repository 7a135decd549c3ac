/* What a kind of data set is: one row of a table, one file. */
#ifndef TW_DATA_DATASET_H
#define TW_DATA_DATASET_H

#include <twill/data.h>

/* An open data set. The kind fills everything but `specification`. */
struct tw_data {
    const struct tw_data_source *source;
    char *specification;
    tw_data_info info; /* its texts stand in `specification` and in the kind's own memory */
    void *state;
};

/* One kind. `open` gets what stands behind the colon ("" without one); when it fails with a state, `close` is
 * called. `read` is a pure function of (state, index), called by any thread with 0 <= index < count. */
typedef struct tw_data_source {
    const char *name;
    tw_data_kind kind;
    tw_status (*open)(tw_data *data, const char *argument, tw_split split);
    void (*close)(tw_data *data);
    tw_status (*read)(const tw_data *data, int64_t index, float *x, int32_t *label);
} tw_data_source;

extern const tw_data_source tw_data_strokes, tw_data_mnist, tw_data_cifar10, tw_data_folder;

/* One option "name=value" of a specification, a whole number within its range. */
typedef struct tw_data_option {
    const char *name;
    int64_t least, most, *value;
} tw_data_option;

/* Reads "count=20000,seed=1"; each name at most once. ARGUMENT names the option, its value and its range. */
tw_status tw_data_options(const char *argument, const tw_data_option *options, int count);

/* folder + "/" + name in a new block; NULL without memory. */
char *tw_data_path(const char *folder, const char *name);

/* "0" .. "9", for digits. */
extern const char *const tw_data_digits[10];

#endif

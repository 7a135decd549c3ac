/* Padding folded back: where padding repeats the input, the gradient of each repetition belongs to the
 * element that was repeated. */
#ifndef TW_CONV_FOLD_H
#define TW_CONV_FOLD_H

#include "conv/algorithm.h"

typedef struct tw_fold {
    int64_t padded[TW_AXES];  /* sizes of the padded image that taps touch */
    int64_t *first[TW_AXES];  /* [in + 1]: position i was repeated at at[first[i]] .. at[first[i + 1] - 1], */
    int64_t *at[TW_AXES];     /* ascending positions of the padded image */
    int64_t channels, pixels; /* of the input */
    int64_t in[TW_AXES];
    tw_layout layout;
    tw_type type;
} tw_fold;

tw_status tw_fold_create(tw_fold *fold, const tw_problem *problem);
void tw_fold_free(tw_fold *fold);

/* dx of one image from padded[z][y][x][channels]: each element the sum of its repetitions, in the order of
 * the padded image. */
void tw_fold_image(const tw_fold *fold, const void *padded, void *dx, int threads);

#endif

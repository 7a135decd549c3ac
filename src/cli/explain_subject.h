/* What `twill explain` explains: a convolution with its numbers, or a network with an image, as the options
 * name them. */
#ifndef TW_CLI_EXPLAIN_SUBJECT_H
#define TW_CLI_EXPLAIN_SUBJECT_H

#include <twill/explain.h>
#include <twill/model.h>

#include "command.h"
#include "picture.h"

/* --channels, --image, --weights, --bias and --upstream; --net, --model and --label. */
extern const tw_option tw_options_tensors[], tw_options_explained_net[];

enum { TW_SUBJECT_TENSORS = 4 };

typedef struct tw_numbers {
    double *values;
    int64_t rows, columns;
} tw_numbers;

/* What a request borrows. Starts as zeros. */
typedef struct tw_subject {
    tw_numbers numbers[TW_SUBJECT_TENSORS]; /* as written: image, weights, bias, upstream */
    tw_picture picture;
    double *x;     /* the picture in the geometry's layout */
    float *pixels; /* the numbers of --image as a network takes them */
    tw_model *model;
} tw_subject;

/* Fills the request's geometry and tensors, or its network. TW_EXIT_DONE, or another exit status after saying
 * why on stderr; the subject is released in either case. */
int tw_subject_from_options(tw_subject *subject, tw_explain_request *request, const tw_arguments *arguments);
void tw_subject_release(tw_subject *subject);

#endif

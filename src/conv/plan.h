/* A plan: what was decided for a geometry. plan.c makes it, call.c runs it. */
#ifndef TW_CONV_PLAN_H
#define TW_CONV_PLAN_H

#include <pthread.h>

#include "conv/algorithm.h"

/* One pass of the user: who does it, and what that needs. */
typedef struct tw_pass_plan {
    const tw_algorithm *algorithm;
    const char *reason;
    tw_pass base; /* the pass of the base that it is */
    double cost;  /* of one image, in multiply-adds at full speed */
    void *state;
    int64_t packed; /* bytes, 0: no packed form */
    int64_t packs; /* so many of the workspace are for weights that the caller did not pack: `packed`, or 0 */
    size_t one, all; /* bytes of workspace for one thread, and for as many as planned */
} tw_pass_plan;

struct tw_conv {
    tw_problem problem;
    tw_geometry_sizes sizes;
    bool lends_workspace;
    tw_pass_plan passes[TW_PASSES];
    void *workspace; /* the plan's own: as much as its hungriest pass wants */
    size_t workspace_bytes;
    pthread_mutex_t turn; /* held by the call that uses it */
};

/* The most threads, of at least one and `threads` at most, for which so many bytes of workspace are enough.
 */
int tw_plan_fit_threads(const tw_conv *plan, tw_pass pass, int threads, size_t bytes);

/* The most threads, of `most`, that have work enough in a call of so many images. */
int tw_plan_worth_threads(const tw_conv *plan, tw_pass pass, int64_t batch, int most);

/* The pass of the base that a pass of the user is. */
tw_pass tw_plan_base_pass(const tw_shape *shape, tw_pass pass);

#endif

/* One convolution, one pass, one number of threads: timed, and beside it the same in other libraries. */
#ifndef TW_CLI_CONV_RACE_H
#define TW_CLI_CONV_RACE_H

#include <twill/conv.h>

#include "bench_peer.h"
#include "sample_times.h"

typedef struct tw_race_rules {
    tw_conv_options options; /* of every plan; threads is set by the race */
    double seconds;          /* for each contestant */
    int repeats;             /* at least so many calls of each */
} tw_race_rules;

typedef struct tw_race {
    const tw_geometry *geometry;
    tw_pass pass;
    int threads;
    tw_conv_description description; /* strings valid until tw_race_end */
    tw_times times;
    tw_times peer_times[TW_PEERS];
    char peer_declines[TW_PEERS][TW_PEER_REASON]; /* "" when it ran */

    tw_conv *plan;
    tw_conv_call call;
    void *buffers[5];
} tw_race;

/* Runs the race: rounds in which everybody has a turn, so that a slow moment of the machine falls on all.
 * Weights are packed before, buffers are warm. On failure nothing needs to be freed. */
tw_status tw_race_run(tw_race *race, const tw_race_rules *rules, tw_peers *peers);
void tw_race_end(tw_race *race);

#endif

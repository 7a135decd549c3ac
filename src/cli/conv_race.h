/* One convolution, one pass, one number of threads: timed, and beside it the same in other libraries. */
#ifndef TW_CLI_CONV_RACE_H
#define TW_CLI_CONV_RACE_H

#include <twill/conv.h>

#include "bench_peer.h"
#include "sample_times.h"

/* What the tensors that a pass reads are filled with. */
typedef enum tw_filling {
    TW_FILL_RANDOM = 0, /* -1 .. 1, none denormal */
    TW_FILL_ZERO,
    TW_FILL_DENORMAL, /* x and dy; the weights are random, so that the products stay denormal */
    TW_FILL_INFINITE,
    TW_FILL_NAN
} tw_filling;

typedef struct tw_race_rules {
    tw_conv_options options; /* of every plan; threads is set by the race */
    double seconds;          /* for each contestant */
    int repeats;             /* at least so many calls of each */
    int layout;              /* a tw_layout, or -1: the quicker of both */
    tw_filling filling;      /* not RANDOM: the same with random numbers is timed beside */
    bool explains;           /* also measure planning and packing */
} tw_race_rules;

/* A plan with its tensors, ready to run. */
typedef struct tw_contestant {
    tw_geometry geometry;
    tw_conv *plan;
    tw_conv_call call;
    void *buffers[5];
} tw_contestant;

typedef struct tw_race {
    const tw_geometry *geometry; /* its layout does not count: see the rules */
    tw_pass pass;
    int threads;
    tw_contestant own, usual;        /* `usual`: with random numbers, beside an odd filling */
    tw_conv_description description; /* strings valid until tw_race_end */
    double bytes;                    /* of x, w and y, each once */
    double plan_us, pack_ms;         /* when the rules ask for them; pack_ms 0: nothing to pack */
    double copy_rate;                /* likewise: GB/s of copying half as many bytes as `bytes` */
    tw_times times, usual_times;
    tw_times peer_times[TW_PEERS];
    tw_peer_state peer_states[TW_PEERS];
    /* Of each round, how many times as long as Twill's the median time of the other's turn was. */
    tw_times usual_ratios, peer_ratios[TW_PEERS];
} tw_race;

/* Runs the race: rounds in which everybody has a turn, so that a slow moment of the machine falls on all, and
 * a ratio is taken of turns that stood next to each other. Weights are packed before, buffers are warm. On
 * failure nothing needs to be freed. */
tw_status tw_race_run(tw_race *race, const tw_race_rules *rules, tw_peers *peers);
void tw_race_end(tw_race *race);

#endif

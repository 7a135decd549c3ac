/* One convolution, timed: rounds in which Twill and each peer have a turn, one after the other. */
#include "conv_race.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, X = 0, W, Y, B, PACKED };

/* Any numbers in -1 .. 1 do, as long as none is denormal; Lehmer's generator gives them quickly. */
static void fill(void *tensor, int64_t count, tw_type type) {
    uint64_t state = 88172645463325252u;
    for (int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double value = (double)(int64_t)(state >> 40) / 8388608.0 - 1.0;
        if (type == TW_F32)
            ((float *)tensor)[i] = (float)value;
        else
            ((double *)tensor)[i] = value;
    }
}

static bool allocate(tw_race *race, int which, size_t bytes) {
    return posix_memalign(&race->buffers[which], 64, bytes ? bytes : 1) == 0;
}

/* x, w, y and b of the geometry, filled. Which of them a pass reads and writes: see below. */
static bool allocate_tensors(tw_race *race, tw_type type) {
    tw_geometry_sizes sizes;
    if (tw_geometry_count(race->geometry, &sizes) != TW_OK) return false;
    const int64_t counts[] = {[X] = sizes.x, [W] = sizes.w, [Y] = sizes.y, [B] = sizes.b};
    for (int i = X; i <= B; ++i) {
        if (!allocate(race, i, (size_t)counts[i] * tw_type_size(type))) return false;
        fill(race->buffers[i], counts[i], type);
    }
    return true;
}

static tw_conv_call call_of(const tw_race *race) {
    void *const *buffer = race->buffers;
    switch (race->pass) {
    case TW_BACKWARD_DATA:
        return (tw_conv_call){.pass = race->pass, .dy = buffer[Y], .w = buffer[W], .dx = buffer[X]};
    case TW_BACKWARD_WEIGHTS:
        return (tw_conv_call){
            .pass = race->pass, .x = buffer[X], .dy = buffer[Y], .dw = buffer[W], .db = buffer[B]};
    default:
        return (tw_conv_call){
            .pass = race->pass, .x = buffer[X], .w = buffer[W], .b = buffer[B], .y = buffer[Y]};
    }
}

static tw_status prepare(tw_race *race, const tw_race_rules *rules) {
    tw_conv_options options = rules->options;
    options.threads = race->threads;
    tw_status status = tw_conv_create(&race->plan, race->geometry, &options);
    if (status != TW_OK) return status;
    status = tw_conv_describe(race->plan, race->pass, &race->description);
    if (status != TW_OK) return status;
    if (!allocate_tensors(race, options.type)) return TW_ERROR_MEMORY;
    race->call = call_of(race);
    const size_t packed = tw_conv_packed_bytes(race->plan, race->pass);
    if (packed == 0) return TW_OK;
    if (!allocate(race, PACKED, packed)) return TW_ERROR_MEMORY;
    status = tw_conv_pack(race->plan, race->pass, race->buffers[W], race->buffers[PACKED]);
    race->call.packed_w = race->buffers[PACKED];
    return status;
}

static bool run_once(void *context) {
    const tw_race *race = context;
    return tw_conv_execute(race->plan, &race->call) == TW_OK;
}

static void peer_turn(tw_race *race, int peer, tw_peers *peers, double seconds, int repeats) {
    if (race->peer_declines[peer][0]) return;
    tw_peer_time(peers, peer, seconds, repeats, &race->peer_times[peer], race->peer_declines[peer]);
}

tw_status tw_race_run(tw_race *race, const tw_race_rules *rules, tw_peers *peers) {
    tw_status status = prepare(race, rules);
    for (int p = 0; p < TW_PEERS && status == TW_OK; ++p)
        tw_peer_prepare(peers, p, race->geometry, race->pass, race->threads, race->peer_declines[p]);
    const double seconds = rules->seconds / ROUNDS;
    const int repeats = (rules->repeats + ROUNDS - 1) / ROUNDS;
    for (int round = 0; round < ROUNDS && status == TW_OK; ++round) {
        if (!tw_times_measure(&race->times, seconds, repeats, run_once, race))
            status = tw_conv_execute(race->plan, &race->call);
        for (int p = 0; p < TW_PEERS; ++p) peer_turn(race, p, peers, seconds, repeats);
    }
    if (status != TW_OK) tw_race_end(race);
    return status;
}

void tw_race_end(tw_race *race) {
    tw_conv_free(race->plan);
    race->plan = NULL;
    for (size_t i = 0; i < sizeof race->buffers / sizeof *race->buffers; ++i) {
        free(race->buffers[i]);
        race->buffers[i] = NULL;
    }
}

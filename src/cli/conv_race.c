/* One convolution, timed: rounds in which Twill and each peer have a turn, one after the other.
 *
 * Twill gets what the peers get: weights packed beforehand, and the quicker of the two layouts, found by a
 * few calls of each, unless one was asked for. */
#include "conv_race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 7, TRIALS = 3, PLANS = 15, X = 0, W, Y, B, PACKED };

static const double TRIAL_SECONDS = 0.005;

static double odd_value(tw_filling filling, tw_type type) {
    switch (filling) {
    case TW_FILL_DENORMAL: return type == TW_F32 ? 0x1p-140 : 0x1p-1060;
    case TW_FILL_INFINITE: return INFINITY;
    case TW_FILL_NAN: return NAN;
    default: return 0;
    }
}

static void put(void *tensor, int64_t i, tw_type type, double value) {
    if (type == TW_F32)
        ((float *)tensor)[i] = (float)value;
    else
        ((double *)tensor)[i] = value;
}

/* Any numbers in -1 .. 1 do, as long as none is denormal; Lehmer's generator gives them quickly. */
static void fill(void *tensor, int64_t count, tw_type type, tw_filling filling) {
    uint64_t state = 88172645463325252u;
    for (int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double value = (double)(int64_t)(state >> 40) / 8388608.0 - 1.0;
        put(tensor, i, type, filling == TW_FILL_RANDOM ? value : odd_value(filling, type));
    }
}

static bool allocate(tw_contestant *it, int which, size_t bytes) {
    return posix_memalign(&it->buffers[which], 64, bytes ? bytes : 1) == 0;
}

/* x, w, y and b of the geometry, filled. Which of them a pass reads and writes: see below. */
static bool allocate_tensors(tw_contestant *it, tw_type type, tw_filling filling, double *total) {
    tw_geometry_sizes sizes;
    if (tw_geometry_count(&it->geometry, &sizes) != TW_OK) return false;
    const int64_t counts[] = {[X] = sizes.x, [W] = sizes.w, [Y] = sizes.y, [B] = sizes.b};
    *total = (double)tw_type_size(type) * ((double)sizes.x + (double)sizes.w + (double)sizes.y);
    for (int i = X; i <= B; ++i) {
        const bool usual = i == B || (i == W && filling == TW_FILL_DENORMAL);
        if (!allocate(it, i, (size_t)counts[i] * tw_type_size(type))) return false;
        fill(it->buffers[i], counts[i], type, usual ? TW_FILL_RANDOM : filling);
    }
    return true;
}

static tw_conv_call call_of(tw_pass pass, void *const *buffer) {
    switch (pass) {
    case TW_BACKWARD_DATA:
        return (tw_conv_call){.pass = pass, .dy = buffer[Y], .w = buffer[W], .dx = buffer[X]};
    case TW_BACKWARD_WEIGHTS:
        return (tw_conv_call){
            .pass = pass, .x = buffer[X], .dy = buffer[Y], .dw = buffer[W], .db = buffer[B]};
    default:
        return (tw_conv_call){.pass = pass, .x = buffer[X], .w = buffer[W], .b = buffer[B], .y = buffer[Y]};
    }
}

static void leave(tw_contestant *it) {
    tw_conv_free(it->plan);
    for (size_t i = 0; i < sizeof it->buffers / sizeof *it->buffers; ++i) free(it->buffers[i]);
    *it = (tw_contestant){0};
}

static tw_status enter(tw_contestant *it, tw_race *race, const tw_race_rules *rules, tw_layout layout,
                       tw_filling filling) {
    tw_conv_options options = rules->options;
    options.threads = race->threads;
    *it = (tw_contestant){.geometry = *race->geometry};
    it->geometry.layout = layout;
    tw_status status = tw_conv_create(&it->plan, &it->geometry, &options);
    if (status != TW_OK) return status;
    if (!allocate_tensors(it, options.type, filling, &race->bytes)) return TW_ERROR_MEMORY;
    it->call = call_of(race->pass, it->buffers);
    const size_t packed = tw_conv_packed_bytes(it->plan, race->pass);
    if (packed == 0) return TW_OK;
    if (!allocate(it, PACKED, packed)) return TW_ERROR_MEMORY;
    it->call.packed_w = it->buffers[PACKED];
    return tw_conv_pack(it->plan, race->pass, it->buffers[W], it->buffers[PACKED]);
}

static bool run_once(void *context) {
    const tw_contestant *it = context;
    return tw_conv_execute(it->plan, &it->call) == TW_OK;
}

/* Least of a few calls, and of some milliseconds, after one that warms. */
static double try_out(const tw_contestant *it) {
    double least = INFINITY;
    const double begin = tw_times_now();
    for (int i = 0; i <= TRIALS || tw_times_now() - begin < TRIAL_SECONDS; ++i) {
        const double before = tw_times_now();
        if (tw_conv_execute(it->plan, &it->call) != TW_OK) return INFINITY;
        const double took = tw_times_now() - before;
        if (i > 0 && took < least) least = took;
    }
    return least;
}

/* Twill's own contestant, in the layout that was asked for or the quicker one. */
static tw_status enter_best(tw_race *race, const tw_race_rules *rules) {
    const tw_layout first = rules->layout < 0 ? TW_NHWC : (tw_layout)rules->layout;
    tw_status status = enter(&race->own, race, rules, first, rules->filling);
    if (status != TW_OK || rules->layout >= 0) return status;
    tw_contestant other;
    status = enter(&other, race, rules, TW_NCHW, rules->filling);
    if (status == TW_OK && try_out(&other) < try_out(&race->own)) {
        const tw_contestant slower = race->own;
        race->own = other;
        other = slower;
    }
    leave(&other);
    return status;
}

/* What a plan costs, all three passes of it: the median of several. */
static tw_status time_planning(tw_race *race, const tw_race_rules *rules) {
    tw_conv_options options = rules->options;
    options.threads = race->threads;
    tw_times times = {.count = 0};
    for (int i = 0; i < PLANS; ++i) {
        tw_conv *plan;
        const double before = tw_times_now();
        const tw_status status = tw_conv_create(&plan, &race->own.geometry, &options);
        tw_times_add(&times, 1e6 * (tw_times_now() - before));
        if (status != TW_OK) return status;
        tw_conv_free(plan);
    }
    race->plan_us = tw_times_median(&times);
    return TW_OK;
}

static tw_status time_packing(tw_race *race) {
    tw_times times = {.count = 0};
    for (int i = 0; i < TRIALS && race->own.buffers[PACKED]; ++i) {
        const double before = tw_times_now();
        const tw_status status =
            tw_conv_pack(race->own.plan, race->pass, race->own.buffers[W], race->own.buffers[PACKED]);
        if (status != TW_OK) return status;
        tw_times_add(&times, 1e3 * (tw_times_now() - before));
    }
    race->pack_ms = tw_times_least(&times);
    return TW_OK;
}

static tw_status prepare(tw_race *race, const tw_race_rules *rules, tw_peers *peers) {
    tw_status status = enter_best(race, rules);
    if (status == TW_OK) status = tw_conv_describe(race->own.plan, race->pass, &race->description);
    if (status == TW_OK && rules->explains) status = time_planning(race, rules);
    if (status == TW_OK && rules->explains) status = time_packing(race);
    if (status == TW_OK && rules->explains)
        race->copy_rate = tw_machine_copy_gigabytes((size_t)(race->bytes / 2) + 1, race->threads);
    if (status == TW_OK && rules->filling != TW_FILL_RANDOM)
        status = enter(&race->usual, race, rules, race->own.geometry.layout, TW_FILL_RANDOM);
    for (int p = 0; p < TW_PEERS && status == TW_OK; ++p)
        tw_peer_prepare(peers, p, race->geometry, race->pass, race->threads, &race->peer_states[p]);
    return status;
}

/* A turn of Twill's; *median receives the median of its times. */
static tw_status turn(tw_contestant *it, tw_times *times, double seconds, int repeats, double *median) {
    const int first = times->count;
    if (!tw_times_measure(times, seconds, repeats, run_once, it)) return tw_conv_execute(it->plan, &it->call);
    *median = tw_times_median_from(times, first);
    return TW_OK;
}

static void peer_turn(tw_race *race, tw_peers *peers, int p, double seconds, int repeats, double own) {
    const int first = race->peer_times[p].count;
    if (race->peer_states[p].declines[0]) return;
    tw_peer_time(peers, p, seconds, repeats, &race->peer_times[p], &race->peer_states[p]);
    if (race->peer_times[p].count > first)
        tw_times_add(&race->peer_ratios[p], tw_times_median_from(&race->peer_times[p], first) / own);
}

static tw_status run_round(tw_race *race, tw_peers *peers, double seconds, int repeats) {
    double own = 0, usual = 0;
    tw_status status = turn(&race->own, &race->times, seconds, repeats, &own);
    if (status == TW_OK && race->usual.plan) {
        status = turn(&race->usual, &race->usual_times, seconds, repeats, &usual);
        tw_times_add(&race->usual_ratios, usual / own);
    }
    for (int p = 0; p < TW_PEERS && status == TW_OK; ++p) peer_turn(race, peers, p, seconds, repeats, own);
    return status;
}

tw_status tw_race_run(tw_race *race, const tw_race_rules *rules, tw_peers *peers) {
    const double seconds = rules->seconds / ROUNDS;
    const int repeats = (rules->repeats + ROUNDS - 1) / ROUNDS;
    tw_status status = prepare(race, rules, peers);
    for (int round = 0; round < ROUNDS && status == TW_OK; ++round)
        status = run_round(race, peers, seconds, repeats);
    if (status != TW_OK) tw_race_end(race);
    return status;
}

void tw_race_end(tw_race *race) {
    leave(&race->own);
    leave(&race->usual);
}

/* The numbers of a benchmark's report: shares, ratios and their geometric means.
 *
 * A ratio is the median over the rounds of a race of the ratio of two neighbouring turns' median times: what
 * slows the machine for a while slows both. What was recorded elsewhere is a share of its machine's peak by
 * least times; Twill's share, by its least time and the peak of this run, stands against it. */
#include "bench_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const double TW_BEHIND = 0.97, TW_CLIFF = 2;

const char *tw_rival_name(int rival) {
    return rival < TW_PEERS ? tw_peer_names[rival] : rival == TW_RIVAL_BEST ? "best" : "recorded";
}

bool tw_rival_takes_part(const tw_bench_report *report, int rival) {
    int peers = 0;
    if (rival == TW_RIVAL_RECORDED) return report->recorded != NULL;
    if (rival < TW_PEERS) return tw_peers_take_part(report->peers, rival);
    for (int p = 0; p < TW_PEERS; ++p) peers += tw_peers_take_part(report->peers, p);
    return peers > 1; /* of one the best is that one */
}

const tw_bench_section *tw_report_now(const tw_bench_report *report) {
    return &report->sections[report->section_count - 1];
}

double tw_section_gflops(const tw_bench_section *section) {
    return section->rows > 0 ? exp(section->log_gflops / section->rows) : 0;
}

double tw_section_times(const tw_bench_section *section, int rival) {
    return section->rivals[rival] > 0 ? exp(section->log_times[rival] / section->rivals[rival]) : 0;
}

double tw_race_slowdown(const tw_race *race) {
    if (race->usual_ratios.count == 0) return 0;
    return 1 / tw_times_median(&race->usual_ratios);
}

void tw_race_why_not(const tw_race *race, const char *algorithm, char *text, size_t size) {
    const char *declines = tw_conv_declines(race->own.plan, race->pass, algorithm);
    const double cost = tw_conv_cost(race->own.plan, race->pass, algorithm);
    const double chosen = tw_conv_cost(race->own.plan, race->pass, race->description.algorithm);
    if (declines)
        snprintf(text, size, "%s", declines);
    else if (isinf(cost))
        snprintf(text, size, "it is the definition, and must be asked for by name");
    else if (cost < chosen)
        snprintf(text, size, "it would take about %.2f of the time, but another one was asked for",
                 cost / chosen);
    else
        snprintf(text, size, "it would take about %.2f times as long", cost / chosen);
}

void tw_report_begin(tw_bench_report *report) {
    if (report->format->begin) report->format->begin(report);
}

/* The peak is what nothing exceeds: of this run's measurements on so many threads the largest. */
void tw_report_section(tw_bench_report *report, tw_pass pass, int threads, double peak) {
    for (int i = 0; i < report->section_count; ++i)
        if (report->sections[i].threads == threads) peak = fmax(peak, report->sections[i].peak);
    report->sections[report->section_count++] =
        (tw_bench_section){.pass = pass, .threads = threads, .peak = peak};
    if (report->format->section) report->format->section(report);
}

/* Ratios to all who took part in the race. */
static void compare(const tw_race *race, tw_bench_row *row) {
    for (int p = 0; p < TW_PEERS; ++p) {
        if (race->peer_ratios[p].count == 0) continue;
        row->times[p] = tw_times_median(&race->peer_ratios[p]);
        if (row->times[TW_RIVAL_BEST] == 0 || row->times[p] < row->times[TW_RIVAL_BEST])
            row->times[TW_RIVAL_BEST] = row->times[p];
    }
    if (row->recorded_share > 0) row->times[TW_RIVAL_RECORDED] = row->share / row->recorded_share;
}

static void count_row(tw_bench_section *section, const tw_bench_row *row) {
    section->log_gflops += log(row->gflops);
    ++section->rows;
    for (int r = 0; r < TW_RIVALS; ++r) {
        if (!(row->times[r] > 0)) continue;
        section->log_times[r] += log(row->times[r]);
        ++section->rivals[r];
        section->behind[r] += row->times[r] < TW_BEHIND;
    }
}

static void keep_bars(tw_bench_report *report, const tw_bench_row *row) {
    tw_bench_bars *bars = &report->bars[report->bar_count++];
    *bars = (tw_bench_bars){.layer = row->layer->name, .section = report->section_count - 1};
    bars->share[0] = row->share;
    for (int p = 0; p < TW_PEERS; ++p)
        if (row->times[p] > 0) bars->share[1 + p] = row->share / row->times[p];
    bars->share[TW_BARS - 1] = row->recorded_share;
}

void tw_report_row(tw_bench_report *report, const tw_layer *layer, const tw_race *race) {
    tw_bench_section *section = &report->sections[report->section_count - 1];
    tw_bench_row row = {.layer = layer, .race = race};
    row.gflops = 2e-6 * (double)race->description.taps / tw_times_least(&race->times);
    row.share = section->peak > 0 ? row.gflops / section->peak : 0;
    if (report->recorded)
        row.recorded_share =
            tw_recorded_best(report->recorded, layer->name, race->pass, race->threads, &row.recorded_whose);
    compare(race, &row);
    count_row(section, &row);
    keep_bars(report, &row);
    if (report->format->row) report->format->row(report, &row);
}

void tw_report_declined(tw_bench_report *report, const tw_layer *layer, const char *why) {
    const tw_bench_row row = {.layer = layer, .declined = why};
    if (report->format->row) report->format->row(report, &row);
}

void tw_report_section_end(tw_bench_report *report) {
    if (report->format->section_end) report->format->section_end(report);
}

void tw_report_end(tw_bench_report *report) {
    if (report->format->end) report->format->end(report);
    if (report->chart) tw_bench_chart(report, report->chart);
}

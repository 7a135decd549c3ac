/* A benchmark for people: a table a section, each line printed when it is known, and at the end the geometric
 * means side by side. */
#include <stdio.h>
#include <string.h>

#include "bench_report.h"
#include "terminal.h"
#include "wording.h"

static void begin(const tw_bench_report *report) {
    printf("%s\n", tw_machine_describe());
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_rival_takes_part(report, p))
            printf("%s: %s\n", tw_peer_names[p], tw_words_quoted(tw_peers_version(report->peers, p)).text);
    putchar('\n');
}

static void section(const tw_bench_report *report) {
    const tw_bench_section *now = tw_report_now(report);
    printf("%s, %d %s, FMA peak %.1f GFLOP/s\n", tw_pass_name(now->pass), now->threads,
           now->threads == 1 ? "thread" : "threads", now->peak);
    printf("  %-*s  %-*s  %-6s  %9s  %9s  %8s  %6s  %6s", report->name_width, "layer",
           report->algorithm_width, "algorithm", "layout", "min ms", "median ms", "GFLOP/s", "peak", "GB/s");
    if (report->odd) printf("  %9s", "slowdown");
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_rival_takes_part(report, p)) printf("  %6s ms  %5s", tw_peer_names[p], "times");
    if (tw_rival_takes_part(report, TW_RIVAL_BEST)) printf("  %5s", "best");
    if (report->recorded) printf("  %8s  %6s  %5s", "recorded", "peak", "times");
    putchar('\n');
}

/* A ratio, or a dash where there is none. */
static void ratio(double times, int width) {
    if (times > 0)
        printf("  %*.2f", width, times);
    else
        printf("  %*s", width, "-");
}

static void rivals(const tw_bench_report *report, const tw_bench_row *row) {
    for (int p = 0; p < TW_PEERS; ++p) {
        if (!tw_rival_takes_part(report, p)) continue;
        if (row->times[p] > 0)
            printf("  %9.3f", tw_times_median(&row->race->peer_times[p]));
        else
            printf("  %9s", "-");
        ratio(row->times[p], 5);
    }
    if (tw_rival_takes_part(report, TW_RIVAL_BEST)) ratio(row->times[TW_RIVAL_BEST], 5);
    if (!report->recorded) return;
    if (row->recorded_whose)
        printf("  %8s  %4.0f %%", row->recorded_whose, 100 * row->recorded_share);
    else
        printf("  %8s  %6s", "-", "-");
    ratio(row->times[TW_RIVAL_RECORDED], 5);
}

static void note(const char *text) {
    printf("      ");
    tw_words_wrap(stdout, text, 6, 8, tw_terminal_look(stdout).width);
}

/* Why this algorithm, why not the others, and what it costs beside the time. */
static void explain(const tw_bench_report *report, const tw_race *race) {
    char line[1024], why[512];
    int used = snprintf(line, sizeof line, "%s: %s; workspace %s; planned in %.1f us",
                        race->description.algorithm, race->description.reason,
                        tw_words_bytes((double)race->description.workspace_bytes).text, race->plan_us);
    if (race->description.threads < race->threads && used < (int)sizeof line)
        used += snprintf(line + used, sizeof line - (size_t)used,
                         "; too little work for more than %d of %d threads", race->description.threads,
                         race->threads);
    if (race->pack_ms > 0 && used < (int)sizeof line)
        used +=
            snprintf(line + used, sizeof line - (size_t)used, "; weights packed in %.3f ms", race->pack_ms);
    if (race->copy_rate > 0 && used < (int)sizeof line)
        snprintf(line + used, sizeof line - (size_t)used, "; copying as many bytes moves %.1f GB/s",
                 race->copy_rate);
    note(line);
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(names[i], race->description.algorithm) == 0) continue;
        tw_race_why_not(race, names[i], why, sizeof why);
        snprintf(line, sizeof line, "not %s: %s", names[i], why);
        note(line);
    }
    for (int p = 0; p < TW_PEERS; ++p) {
        const tw_peer_state *state = &race->peer_states[p];
        if (!tw_rival_takes_part(report, p)) continue;
        if (state->declines[0])
            printf("      %s: %s\n", tw_peer_names[p], tw_words_quoted(state->declines).text);
        else if (state->layout[0])
            printf("      %s: layout %s\n", tw_peer_names[p], state->layout);
    }
}

static void row(const tw_bench_report *report, const tw_bench_row *row) {
    if (row->declined) {
        printf("  %-*s  %s\n", report->name_width, row->layer->name, row->declined);
        return;
    }
    const tw_race *race = row->race;
    printf("  %-*s  %-*s  %-6s  %9.3f  %9.3f  %8.1f  %4.0f %%  %6.1f", report->name_width, row->layer->name,
           report->algorithm_width, race->description.algorithm,
           race->own.geometry.layout == TW_NHWC ? "nhwc" : "nchw", tw_times_least(&race->times),
           tw_times_median(&race->times), row->gflops, 100 * row->share,
           1e-6 * race->bytes / tw_times_least(&race->times));
    if (report->odd)
        printf("  %7.2f%s", tw_race_slowdown(race), tw_race_slowdown(race) > TW_CLIFF ? " !" : "  ");
    rivals(report, row);
    putchar('\n');
    if (report->explain) explain(report, race);
}

static void section_end(const tw_bench_report *report) {
    const tw_bench_section *now = tw_report_now(report);
    if (now->rows > 0) {
        const double gflops = tw_section_gflops(now);
        printf("  %-*s  %-*s  %-6s  %9s  %9s  %8.1f  %4.0f %%  %6s", report->name_width, "geometric mean",
               report->algorithm_width, "", "", "", "", gflops, now->peak > 0 ? 100 * gflops / now->peak : 0,
               "");
        if (report->odd) printf("  %9s", "");
        for (int p = 0; p < TW_PEERS; ++p)
            if (tw_rival_takes_part(report, p)) printf("  %9s", ""), ratio(tw_section_times(now, p), 5);
        if (tw_rival_takes_part(report, TW_RIVAL_BEST)) ratio(tw_section_times(now, TW_RIVAL_BEST), 5);
        if (report->recorded)
            printf("  %8s  %6s", "", ""), ratio(tw_section_times(now, TW_RIVAL_RECORDED), 5);
        putchar('\n');
    }
    putchar('\n');
}

static bool anybody(const tw_bench_report *report) {
    for (int r = 0; r < TW_RIVALS; ++r)
        if (tw_rival_takes_part(report, r)) return true;
    return false;
}

static void end(const tw_bench_report *report) {
    if (!anybody(report)) return;
    printf("Times as fast as, geometric mean, and rows below %.2f\n  %-16s  %7s", TW_BEHIND, "pass",
           "threads");
    for (int r = 0; r < TW_RIVALS; ++r)
        if (tw_rival_takes_part(report, r)) printf("  %9s  %5s", tw_rival_name(r), "below");
    putchar('\n');
    for (int i = 0; i < report->section_count; ++i) {
        const tw_bench_section *s = &report->sections[i];
        printf("  %-16s  %7d", tw_pass_name(s->pass), s->threads);
        for (int r = 0; r < TW_RIVALS; ++r)
            if (tw_rival_takes_part(report, r))
                ratio(tw_section_times(s, r), 9), printf("  %5d", s->behind[r]);
        putchar('\n');
    }
}

const tw_bench_format tw_bench_format_text = {
    .name = "text", .begin = begin, .section = section, .row = row, .section_end = section_end, .end = end};

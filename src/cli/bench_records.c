/* A benchmark for programs: a line a row, as tab-separated values with a heading, or as JSON. The fields are
 * described in docs/command.md. */
#include <stdio.h>
#include <string.h>

#include "bench_report.h"
#include "json_line.h"
#include "wording.h"

static const char *layout_of(const tw_race *race) {
    return race->own.geometry.layout == TW_NHWC ? "nhwc" : "nchw";
}

static double rate(const tw_race *race) {
    return 1e-6 * race->bytes / tw_times_least(&race->times);
}

/* ---- JSON.
 * --------------------------------------------------------------------------------------------------- */

static void json_peers(const char *name, const tw_race *race, double (*what)(const tw_times *times)) {
    tw_json_open_object(name);
    for (int p = 0; p < TW_PEERS; ++p)
        if (race->peer_times[p].count > 0) tw_json_real(tw_peer_names[p], what(&race->peer_times[p]));
    tw_json_close_object();
}

static void json_explained(const tw_race *race) {
    char why[512];
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    tw_json_real("plan_us", race->plan_us);
    tw_json_real("pack_ms", race->pack_ms);
    tw_json_real("copy_gigabytes_per_second", race->copy_rate);
    tw_json_open_object("not_chosen");
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(names[i], race->description.algorithm) == 0) continue;
        tw_race_why_not(race, names[i], why, sizeof why);
        tw_json_text(names[i], why);
    }
    tw_json_close_object();
    tw_json_open_object("peer_layouts");
    for (int p = 0; p < TW_PEERS; ++p)
        if (race->peer_times[p].count > 0) tw_json_text(tw_peer_names[p], race->peer_states[p].layout);
    tw_json_close_object();
}

static void json_timed(const tw_bench_report *report, const tw_bench_row *row) {
    const tw_race *race = row->race;
    tw_json_text("algorithm", race->description.algorithm);
    tw_json_text("reason", race->description.reason);
    tw_json_text("isa", race->description.isa);
    tw_json_text("layout", layout_of(race));
    tw_json_real("min_ms", tw_times_least(&race->times));
    tw_json_real("median_ms", tw_times_median(&race->times));
    tw_json_real("gflops", row->gflops);
    tw_json_real("peak_gflops", tw_report_now(report)->peak);
    tw_json_real("gigabytes_per_second", rate(race));
    tw_json_integer("workspace_bytes", (int64_t)race->description.workspace_bytes);
    tw_json_integer("threads_at_work", race->description.threads);
    if (report->odd) tw_json_real("slowdown", tw_race_slowdown(race));
    json_peers("peers", race, tw_times_median);
    json_peers("peers_min_ms", race, tw_times_least);
    tw_json_open_object("times");
    for (int r = 0; r < TW_RIVALS; ++r)
        if (row->times[r] > 0) tw_json_real(tw_rival_name(r), row->times[r]);
    tw_json_close_object();
    if (row->recorded_whose) tw_json_text("recorded_best", row->recorded_whose);
    if (report->explain) json_explained(race);
}

static void json_row(const tw_bench_report *report, const tw_bench_row *row) {
    tw_json_begin();
    tw_json_text("layer", row->layer->name);
    tw_json_text("pass", tw_pass_name(tw_report_now(report)->pass));
    tw_json_integer("threads", tw_report_now(report)->threads);
    if (row->declined) {
        tw_json_text("algorithm", NULL);
        tw_json_text("reason", row->declined);
    } else {
        json_timed(report, row);
    }
    tw_json_end();
}

/* ---- Tab-separated values. Optional columns stand at the end.
 * ------------------------------------------------ */

static void tsv_begin(const tw_bench_report *report) {
    printf("# %s\n", tw_machine_describe());
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_rival_takes_part(report, p))
            printf("# %s: %s\n", tw_peer_names[p], tw_words_quoted(tw_peers_version(report->peers, p)).text);
    printf("layer\tpass\tthreads\talgorithm\tlayout\tmin_ms\tmedian_ms\tgflops\tpeak_gflops\tshare\t"
           "gigabytes_per_second\tworkspace_bytes");
    if (report->odd) printf("\tslowdown");
    if (report->explain) printf("\tplan_us\tpack_ms\tcopy_gigabytes_per_second");
    for (int p = 0; p < TW_PEERS; ++p)
        if (tw_rival_takes_part(report, p))
            printf("\t%s_min_ms\t%s_median_ms", tw_peer_names[p], tw_peer_names[p]);
    for (int r = 0; r < TW_RIVALS; ++r)
        if (tw_rival_takes_part(report, r)) printf("\ttimes_%s", tw_rival_name(r));
    if (report->recorded) printf("\trecorded_best\trecorded_share");
    putchar('\n');
}

static void tsv_rivals(const tw_bench_report *report, const tw_bench_row *row) {
    for (int p = 0; p < TW_PEERS; ++p) {
        const tw_times *times = &row->race->peer_times[p];
        if (!tw_rival_takes_part(report, p)) continue;
        if (times->count > 0)
            printf("\t%.6f\t%.6f", tw_times_least(times), tw_times_median(times));
        else
            printf("\t-\t-");
    }
    for (int r = 0; r < TW_RIVALS; ++r) {
        if (!tw_rival_takes_part(report, r)) continue;
        if (row->times[r] > 0)
            printf("\t%.4f", row->times[r]);
        else
            printf("\t-");
    }
    if (report->recorded && row->recorded_whose)
        printf("\t%s\t%.4f", row->recorded_whose, row->recorded_share);
    else if (report->recorded)
        printf("\t-\t-");
}

static void tsv_row(const tw_bench_report *report, const tw_bench_row *row) {
    const tw_bench_section *now = tw_report_now(report);
    const tw_race *race = row->race;
    if (row->declined) {
        printf("# %s\t%s\t%d\t%s\n", row->layer->name, tw_pass_name(now->pass), now->threads, row->declined);
        return;
    }
    printf("%s\t%s\t%d\t%s\t%s\t%.6f\t%.6f\t%.3f\t%.3f\t%.4f\t%.3f\t%zu", row->layer->name,
           tw_pass_name(now->pass), now->threads, race->description.algorithm, layout_of(race),
           tw_times_least(&race->times), tw_times_median(&race->times), row->gflops, now->peak, row->share,
           rate(race), race->description.workspace_bytes);
    if (report->odd) printf("\t%.4f", tw_race_slowdown(race));
    if (report->explain) printf("\t%.3f\t%.6f\t%.3f", race->plan_us, race->pack_ms, race->copy_rate);
    tsv_rivals(report, row);
    putchar('\n');
}

static void tsv_section_end(const tw_bench_report *report) {
    const tw_bench_section *now = tw_report_now(report);
    for (int r = 0; r < TW_RIVALS; ++r)
        if (now->rivals[r] > 0)
            printf("# geometric mean\t%s\t%d\ttimes_%s\t%.4f\n", tw_pass_name(now->pass), now->threads,
                   tw_rival_name(r), tw_section_times(now, r));
}

const tw_bench_format tw_bench_format_json = {.name = "json", .row = json_row};
const tw_bench_format tw_bench_format_tsv = {
    .name = "tsv", .begin = tsv_begin, .row = tsv_row, .section_end = tsv_section_end};

/* What a run of `twill bench conv` finds, row by row, and the ways to print it: each way is one const struct,
 * and --format lists them. */
#ifndef TW_CLI_BENCH_REPORT_H
#define TW_CLI_BENCH_REPORT_H

#include <stdio.h>

#include "bench_recorded.h"
#include "conv_race.h"

/* Whom Twill is compared with: each peer, the quickest of them in each row, and the best recorded elsewhere.
 */
enum { TW_RIVAL_BEST = TW_PEERS, TW_RIVAL_RECORDED, TW_RIVALS };

/* "onednn", ..., "best", "recorded". */
const char *tw_rival_name(int rival);

/* One layer in one pass on one number of threads. */
typedef struct tw_bench_row {
    const tw_layer *layer;
    const tw_race *race;        /* NULL: it was declined */
    const char *declined;       /* why */
    double gflops, share;       /* by the least time; of the peak */
    double times[TW_RIVALS];    /* how many times as long as Twill the rival takes; 0: does not take part */
    const char *recorded_whose; /* NULL: nothing is recorded */
    double recorded_share;      /* of the peak */
} tw_bench_row;

/* All layers in one pass on one number of threads. */
typedef struct tw_bench_section {
    tw_pass pass;
    int threads;
    double peak;
    double log_gflops, log_times[TW_RIVALS];
    int rows, rivals[TW_RIVALS]; /* counted */
    int behind[TW_RIVALS];       /* rows of less than TW_BEHIND times the rival's speed */
} tw_bench_section;

enum { TW_SECTIONS_MOST = TW_PASSES * TW_LIST_MOST, TW_BARS = TW_PEERS + 2 };

/* What a chart needs of a row: shares of the peak of Twill, the peers, and the best recorded; 0: none. */
typedef struct tw_bench_bars {
    const char *layer;
    int section;
    double share[TW_BARS];
} tw_bench_bars;

typedef struct tw_bench_report tw_bench_report;

typedef struct tw_bench_format {
    const char *name;
    void (*begin)(const tw_bench_report *report); /* all may be NULL: nothing is printed there */
    void (*section)(const tw_bench_report *report);
    void (*row)(const tw_bench_report *report, const tw_bench_row *row);
    void (*section_end)(const tw_bench_report *report);
    void (*end)(const tw_bench_report *report);
} tw_bench_format;

extern const tw_bench_format tw_bench_format_text, tw_bench_format_tsv, tw_bench_format_json,
    tw_bench_format_svg;

struct tw_bench_report {
    const tw_bench_format *format;
    const tw_peers *peers;
    const tw_recorded *recorded; /* NULL: none was named */
    FILE *chart;                 /* a bar chart goes here at the end; NULL: it does not */
    bool explain, odd;           /* odd: an odd filling, timed against the usual one */
    int name_width, algorithm_width;
    tw_bench_section sections[TW_SECTIONS_MOST];
    int section_count;
    tw_bench_bars *bars; /* [bar_count], the caller's, with room for every row */
    int bar_count;
};

/* How fast Twill must be beside a rival so as not to count as behind, and how much longer odd numbers may
 * take. */
extern const double TW_BEHIND, TW_CLIFF;

bool tw_rival_takes_part(const tw_bench_report *report, int rival);

void tw_report_begin(tw_bench_report *report);
void tw_report_section(tw_bench_report *report, tw_pass pass, int threads, double peak);
void tw_report_row(tw_bench_report *report, const tw_layer *layer, const tw_race *race);
void tw_report_declined(tw_bench_report *report, const tw_layer *layer, const char *why);
void tw_report_section_end(tw_bench_report *report);
void tw_report_end(tw_bench_report *report);

/* The bar chart of all rows. */
void tw_bench_chart(const tw_bench_report *report, FILE *to);

/* The section that rows go to now. */
const tw_bench_section *tw_report_now(const tw_bench_report *report);
/* Geometric mean of GFLOP/s, or of `times` over the rows where the rival took part; 0 without such rows. */
double tw_section_gflops(const tw_bench_section *section);
double tw_section_times(const tw_bench_section *section, int rival);

/* How many times as long as random numbers an odd filling takes; 0 when none was timed. */
double tw_race_slowdown(const tw_race *race);
/* Why `algorithm` was not taken for the race's pass, in words. */
void tw_race_why_not(const tw_race *race, const char *algorithm, char *text, size_t size);

#endif

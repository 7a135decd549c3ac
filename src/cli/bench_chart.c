/* A benchmark as a bar chart (SVG 1.1): a panel for each pass and number of threads, a group of bars for each
 * layer: Twill, the peers, and the best recorded elsewhere, all as shares of the peak of this run. Drawn at
 * the end, when the longest bar is known. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_report.h"
#include "wording.h"

/* Sizes in pixels. */
enum {
    MARGIN = 16,
    HEAD = 78,   /* title and legend */
    LETTER = 7,  /* of a label */
    PANEL = 300, /* its axis */
    SIDE = 44,   /* between panels: room for the longest bar's number */
    TITLE = 34,  /* above a panel */
    BAR = 6,
    BETWEEN = 7, /* groups */
    FOOT = 30    /* below a panel: the axis' numbers */
};

static const char *const colours[TW_BARS] = {"#0072b2", "#e0934d", "#7fb8a4", "#b9b9b9"};

typedef struct tw_chart {
    const tw_bench_report *report;
    int columns, rows; /* of panels */
    int layers;        /* groups of a panel, at most */
    int bars[TW_BARS]; /* who is drawn, in order */
    int bar_count;
    int labels, group, panel_height;
    double most; /* of the axis, in shares of the peak */
} tw_chart;

static const char *bar_name(int bar) {
    return bar == 0 ? "Twill" : bar <= TW_PEERS ? tw_peer_names[bar - 1] : "best recorded";
}

/* Text from a file into markup; what is no letter of UTF-8 is left out. */
static void escaped(const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int length = tw_words_sequence(p);
        if (*p == '<')
            fputs("&lt;", stdout);
        else if (*p == '&')
            fputs("&amp;", stdout);
        else if (*p >= ' ' && length > 0)
            fwrite(p, 1, (size_t)length, stdout);
        p += length > 0 ? length : 1;
    }
}

/* The sections come threads by threads, each with the same passes. */
static void arrange(tw_chart *chart) {
    const tw_bench_report *report = chart->report;
    const int first = report->sections[0].threads;
    int counts[TW_SECTIONS_MOST] = {0};
    double most = 1;
    while (chart->columns < report->section_count && report->sections[chart->columns].threads == first)
        ++chart->columns;
    chart->rows = (report->section_count + chart->columns - 1) / chart->columns;
    for (int b = 0; b < TW_BARS; ++b)
        if (b == 0 || (b <= TW_PEERS && tw_rival_takes_part(report, b - 1)) ||
            (b == TW_BARS - 1 && report->recorded))
            chart->bars[chart->bar_count++] = b;
    for (int i = 0; i < report->bar_count; ++i) {
        const int count = ++counts[report->bars[i].section];
        if (count > chart->layers) chart->layers = count;
        for (int b = 0; b < TW_BARS; ++b) most = fmax(most, report->bars[i].share[b]);
    }
    chart->most = ceil(2 * most) / 2;
    chart->labels = MARGIN + LETTER * report->name_width;
    chart->group = BAR * chart->bar_count + BETWEEN;
    chart->panel_height = TITLE + chart->layers * chart->group + FOOT;
}

static double length_of(const tw_chart *chart, double share) {
    return share / chart->most * PANEL;
}

/* The title, and what the colours mean. */
static void head(const tw_chart *chart) {
    int x = MARGIN;
    printf("<text x=\"%d\" y=\"28\" font-size=\"17\" font-weight=\"600\">Convolution: share of the "
           "multiply-add peak</text>\n<text x=\"%d\" y=\"46\" fill=\"#555\">",
           MARGIN, MARGIN);
    escaped(tw_machine_describe());
    printf("</text>\n");
    for (int i = 0; i < chart->bar_count; ++i) {
        const char *name = bar_name(chart->bars[i]);
        printf("<rect x=\"%d\" y=\"57\" width=\"18\" height=\"9\" fill=\"%s\"/><text x=\"%d\" y=\"66\">%s"
               "</text>\n",
               x, colours[chart->bars[i]], x + 24, name);
        x += 24 + LETTER * (int)strlen(name) + 20;
    }
}

/* Lines every half of the peak, the peak itself stronger. */
static void axis(const tw_chart *chart, int x, int y) {
    const int bottom = y + TITLE + chart->layers * chart->group;
    const double step = chart->most > 3 ? 1 : 0.5;
    for (double share = 0; share <= chart->most; share += step) {
        const double at = x + length_of(chart, share);
        printf("<path d=\"M%.1f %dV%d\" stroke=\"%s\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" "
               "fill=\"#555\">%.0f %%</text>\n",
               at, y + TITLE - 6, bottom, share == 1 ? "#444" : "#ddd", at, bottom + 14, 100 * share);
    }
}

static void group(const tw_chart *chart, const tw_bench_bars *bars, int x, int y, bool named) {
    if (named) {
        printf("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", x - 8, y + chart->group / 2 + 2);
        escaped(bars->layer);
        printf("</text>\n");
    }
    for (int i = 0; i < chart->bar_count; ++i) {
        const double share = bars->share[chart->bars[i]];
        if (!(share > 0)) continue;
        printf("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", x, y + BAR * i,
               length_of(chart, share), BAR - 1, colours[chart->bars[i]]);
        if (i == 0)
            printf("<text x=\"%.1f\" y=\"%d\" font-size=\"9\" fill=\"#0072b2\" paint-order=\"stroke\" "
                   "stroke=\"#fff\" stroke-width=\"2\">%.0f</text>",
                   x + length_of(chart, share) + 3, y + BAR + 1, 100 * share);
        putchar('\n');
    }
}

static void panel(const tw_chart *chart, int number) {
    const tw_bench_report *report = chart->report;
    const tw_bench_section *section = &report->sections[number];
    const int column = number % chart->columns, x = chart->labels + column * (PANEL + SIDE);
    const int y = HEAD + number / chart->columns * chart->panel_height;
    printf("<text x=\"%d\" y=\"%d\" font-size=\"13\" font-weight=\"600\">%s, %d %s</text>\n", x, y + 18,
           tw_pass_name(section->pass), section->threads, section->threads == 1 ? "thread" : "threads");
    axis(chart, x, y);
    int row = 0;
    for (int i = 0; i < report->bar_count; ++i)
        if (report->bars[i].section == number)
            group(chart, &report->bars[i], x, y + TITLE + chart->group * row++, column == 0);
}

static void draw(const tw_bench_report *report) {
    tw_chart chart = {.report = report};
    if (report->section_count == 0) return;
    arrange(&chart);
    const int width = chart.labels + chart.columns * (PANEL + SIDE) + MARGIN;
    const int height = HEAD + chart.rows * chart.panel_height + MARGIN;
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
           "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\" fill=\"#222\">\n"
           "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
           width, height, width, height);
    head(&chart);
    for (int i = 0; i < report->section_count; ++i) panel(&chart, i);
    printf("</svg>\n");
}

const tw_bench_format tw_bench_format_svg = {.name = "svg", .end = draw};

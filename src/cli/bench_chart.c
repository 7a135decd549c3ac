/* A benchmark as a bar chart (SVG 1.1): a panel for each pass and number of threads, a group of bars for each
 * layer: Twill, the peers, and the best recorded elsewhere, all as shares of the peak of this run. Drawn at
 * the end, when the longest bar is known. Colours are classes, so that they follow the reader's light or dark
 * scheme; bars are told apart by lightness too. */
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

static const char *const classes[TW_BARS] = {"twill", "p1", "p2", "recorded"};

static const char style[] =
    "<style>\n"
    "svg{background:#fff}text{fill:#222}.soft{fill:#5a5a5a}.grid{stroke:#dcdcdc}.peak{stroke:#444}"
    ".halo{stroke:#fff}\n"
    ".twill{fill:#0072b2}.p1{fill:#e0934d}.p2{fill:#7fb8a4}.recorded{fill:#b4b4b4}\n"
    "@media (prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e2e2e2}.soft{fill:#a8a8a8}"
    ".grid{stroke:#30363d}.peak{stroke:#c0c0c0}.halo{stroke:#0d1117}\n"
    ".twill{fill:#4aa8e0}.p1{fill:#c9803e}.p2{fill:#5f9a86}.recorded{fill:#6e6e6e}}\n"
    "</style>\n";

typedef struct tw_chart {
    const tw_bench_report *report;
    FILE *to;
    int columns, rows; /* of panels */
    int layers;        /* groups of a panel, at most */
    int bars[TW_BARS]; /* who is drawn, in order */
    int bar_count;
    int labels, group, panel_height;
    double most; /* of the axis, in shares of the peak */
} tw_chart;

static const char *bar_name(int bar) {
    static const char *const names[TW_BARS] = {"Twill", "oneDNN", "PyTorch", "best recorded elsewhere"};
    return names[bar];
}

/* Text from a file into markup; what is no letter of UTF-8 is left out. */
static void escaped(const char *text, FILE *to) {
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int length = tw_words_sequence(p);
        if (*p == '<')
            fputs("&lt;", to);
        else if (*p == '&')
            fputs("&amp;", to);
        else if (*p >= ' ' && length > 0)
            fwrite(p, 1, (size_t)length, to);
        p += length > 0 ? length : 1;
    }
}

/* The machine's line, up to what is said of the build. */
static const char *processor(void) {
    static char text[256];
    snprintf(text, sizeof text, "%s", tw_machine_describe());
    char *build = strstr(text, "; Twill");
    if (build) *build = '\0';
    return text;
}

/* The sections come threads by threads, each with the same passes. Passes stand side by side; of a single one
 * the numbers of threads. */
static void arrange(tw_chart *chart) {
    const tw_bench_report *report = chart->report;
    const int first = report->sections[0].threads;
    int counts[TW_SECTIONS_MOST] = {0};
    double most = 1;
    while (chart->columns < report->section_count && report->sections[chart->columns].threads == first)
        ++chart->columns;
    if (chart->columns == 1) chart->columns = report->section_count < 3 ? report->section_count : 3;
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
    fprintf(chart->to,
            "<text x=\"%d\" y=\"28\" font-size=\"17\" font-weight=\"600\">Convolution: share of the "
            "multiply-add peak</text>\n<text x=\"%d\" y=\"46\" class=\"soft\">",
            MARGIN, MARGIN);
    escaped(processor(), chart->to);
    fprintf(chart->to, "</text>\n");
    for (int i = 0; i < chart->bar_count; ++i) {
        const char *name = bar_name(chart->bars[i]);
        fprintf(chart->to,
                "<rect x=\"%d\" y=\"57\" width=\"18\" height=\"9\" class=\"%s\"/>"
                "<text x=\"%d\" y=\"66\">%s</text>\n",
                x, classes[chart->bars[i]], x + 24, name);
        x += 24 + LETTER * (int)strlen(name) + 20;
    }
}

/* Lines every half of the peak, the peak itself stronger. */
static void axis(const tw_chart *chart, int x, int y) {
    const int bottom = y + TITLE + chart->layers * chart->group;
    const double step = chart->most > 3 ? 1 : 0.5;
    for (double share = 0; share <= chart->most; share += step) {
        const double at = x + length_of(chart, share);
        fprintf(chart->to,
                "<path d=\"M%.1f %dV%d\" class=\"%s\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"soft\">%.0f %%</text>\n",
                at, y + TITLE - 6, bottom, share == 1 ? "peak" : "grid", at, bottom + 14, 100 * share);
    }
}

static void group(const tw_chart *chart, const tw_bench_bars *bars, int x, int y, bool named) {
    if (named) {
        fprintf(chart->to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", x - 8, y + chart->group / 2 + 2);
        escaped(bars->layer, chart->to);
        fprintf(chart->to, "</text>\n");
    }
    for (int i = 0; i < chart->bar_count; ++i) {
        const double share = bars->share[chart->bars[i]];
        if (!(share > 0)) continue;
        fprintf(chart->to, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>", x,
                y + BAR * i, length_of(chart, share), BAR - 1, classes[chart->bars[i]]);
        fputc('\n', chart->to);
    }
    /* Twill's number, beside the longer of the two bars that it is as high as */
    const double below = chart->bar_count > 1 ? bars->share[chart->bars[1]] : 0;
    fprintf(chart->to,
            "<text x=\"%.1f\" y=\"%d\" font-size=\"9\" class=\"halo\" paint-order=\"stroke\" "
            "stroke-width=\"2\">%.0f</text>\n",
            x + length_of(chart, fmax(bars->share[0], below)) + 3, y + BAR + 2, 100 * bars->share[0]);
}

static void panel(const tw_chart *chart, int number) {
    const tw_bench_report *report = chart->report;
    const tw_bench_section *section = &report->sections[number];
    const int column = number % chart->columns, x = chart->labels + column * (PANEL + SIDE);
    const int y = HEAD + number / chart->columns * chart->panel_height;
    fprintf(chart->to, "<text x=\"%d\" y=\"%d\" font-size=\"13\" font-weight=\"600\">%s, %d %s</text>\n", x,
            y + 18, tw_pass_name(section->pass), section->threads,
            section->threads == 1 ? "thread" : "threads");
    axis(chart, x, y);
    int row = 0;
    for (int i = 0; i < report->bar_count; ++i)
        if (report->bars[i].section == number)
            group(chart, &report->bars[i], x, y + TITLE + chart->group * row++, column == 0);
}

void tw_bench_chart(const tw_bench_report *report, FILE *to) {
    tw_chart chart = {.report = report, .to = to};
    if (report->section_count == 0) return;
    arrange(&chart);
    const int width = chart.labels + chart.columns * (PANEL + SIDE) + MARGIN;
    const int height = HEAD + chart.rows * chart.panel_height + MARGIN;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n"
            "<title>Speed of convolutions as shares of the multiply-add peak</title>\n%s",
            width, height, width, height, style);
    head(&chart);
    for (int i = 0; i < report->section_count; ++i) panel(&chart, i);
    fprintf(to, "</svg>\n");
}

static void draw(const tw_bench_report *report) {
    tw_bench_chart(report, stdout);
}

const tw_bench_format tw_bench_format_svg = {.name = "svg", .end = draw};

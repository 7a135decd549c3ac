/* Recorded shares of the peak, read from a table whose heading names the libraries. */
#include "bench_recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strict_numbers.h"
#include "tsv_file.h"
#include "wording.h"

static int read_heading(tw_recorded *recorded, const tw_tsv_place *place, char *line) {
    static const char *const first[] = {"layer", "pass", "threads"};
    char *at = line;
    const char *name;
    for (int i = 0; i < 3; ++i)
        if (!(name = tw_tsv_field(&at)) || strcmp(name, first[i]) != 0)
            return tw_tsv_wrong(place, "heading", name ? name : "",
                                "where \"layer\", \"pass\", \"threads\" and names were expected");
    while ((name = tw_tsv_field(&at)) != NULL) {
        if (*name == '\0' || strlen(name) >= TW_RECORDED_NAME)
            return tw_tsv_wrong(place, "heading", name, "is not a name of 1 to 31 bytes");
        if (recorded->name_count == TW_RECORDED_NAMES)
            return tw_tsv_wrong(place, "heading", name, "is one name too many: at most 8");
        snprintf(recorded->names[recorded->name_count++], TW_RECORDED_NAME, "%s", name);
    }
    if (recorded->name_count == 0) return tw_tsv_wrong(place, "heading", "", "names no library");
    return TW_EXIT_DONE;
}

static bool find_pass(const char *text, tw_pass *pass) {
    for (int i = 0; i < TW_PASSES; ++i)
        if (strcmp(text, tw_pass_name((tw_pass)i)) == 0) {
            *pass = (tw_pass)i;
            return true;
        }
    return false;
}

static int read_shares(const tw_recorded *recorded, const tw_tsv_place *place, char *at,
                       tw_recorded_row *row) {
    for (int i = 0; i < recorded->name_count; ++i) {
        const char *text = tw_tsv_field(&at);
        if (!text) return tw_tsv_wrong(place, recorded->names[i], "", "is missing");
        if (strcmp(text, "-") == 0) continue;
        const char *why = tw_number_real(text, strlen(text), &row->share[i]);
        if (!why && !(row->share[i] > 0)) why = "is not a share above 0, or -";
        if (why) return tw_tsv_wrong(place, recorded->names[i], text, why);
    }
    if (at) return tw_tsv_wrong(place, "after the last name", at, "is too much");
    return TW_EXIT_DONE;
}

static int read_row(tw_recorded *recorded, const tw_tsv_place *place, char *line) {
    char *at = line;
    if (recorded->count == TW_RECORDED_MOST)
        return tw_tsv_wrong(place, "layer", line, "is one row too many: at most 4000");
    tw_recorded_row *row = &recorded->rows[recorded->count];
    const char *layer = tw_tsv_field(&at), *pass = tw_tsv_field(&at), *threads = tw_tsv_field(&at);
    int64_t number = 0;
    if (*layer == '\0' || strlen(layer) >= TW_LAYER_NAME)
        return tw_tsv_wrong(place, "layer", layer, "is not a name of 1 to 63 bytes");
    snprintf(row->layer, sizeof row->layer, "%s", layer);
    if (!pass || !find_pass(pass, &row->pass))
        return tw_tsv_wrong(place, "pass", pass ? pass : "",
                            "is none of forward, backward-data, backward-weights");
    const char *why = threads ? tw_number_integer(threads, strlen(threads), &number) : "is missing";
    if (!why && (number < 1 || number > TW_MAX_THREADS)) why = "is out of range: 1 to 256";
    if (why) return tw_tsv_wrong(place, "threads", threads ? threads : "", why);
    row->threads = (int)number;
    ++recorded->count;
    return read_shares(recorded, place, at, row);
}

static int read_line(void *context, const tw_tsv_place *place, char *line) {
    tw_recorded *recorded = context;
    return recorded->name_count == 0 ? read_heading(recorded, place, line) : read_row(recorded, place, line);
}

int tw_recorded_read(tw_recorded *recorded, const tw_command *command, const char *path) {
    *recorded = (tw_recorded){.rows = calloc(TW_RECORDED_MOST, sizeof *recorded->rows)};
    if (!recorded->rows) return tw_command_failed(command, "no memory");
    int status = tw_tsv_read(command, path, read_line, recorded);
    if (status == TW_EXIT_DONE && recorded->count == 0)
        status = tw_command_failed(command, "%s: records nothing", path);
    if (status != TW_EXIT_DONE) tw_recorded_free(recorded);
    return status;
}

void tw_recorded_free(tw_recorded *recorded) {
    free(recorded->rows);
    *recorded = (tw_recorded){.count = 0};
}

double tw_recorded_best(const tw_recorded *recorded, const char *layer, tw_pass pass, int threads,
                        const char **name) {
    double best = 0;
    for (int i = 0; i < recorded->count; ++i) {
        const tw_recorded_row *row = &recorded->rows[i];
        if (row->pass != pass || row->threads != threads || strcmp(row->layer, layer) != 0) continue;
        for (int n = 0; n < recorded->name_count; ++n)
            if (row->share[n] > best) best = row->share[n], *name = recorded->names[n];
    }
    return best;
}

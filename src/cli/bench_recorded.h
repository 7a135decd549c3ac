/* What other libraries reached elsewhere, as shares of a machine's multiply-add peak: so that it can be
 * scaled by the peak of this run where those libraries are not at hand. */
#ifndef TW_CLI_BENCH_RECORDED_H
#define TW_CLI_BENCH_RECORDED_H

#include <twill/conv.h>

#include "command.h"
#include "layer_file.h"

enum { TW_RECORDED_NAMES = 8, TW_RECORDED_MOST = 4000, TW_RECORDED_NAME = 32 };

typedef struct tw_recorded_row {
    char layer[TW_LAYER_NAME];
    tw_pass pass;
    int threads;
    double share[TW_RECORDED_NAMES]; /* of the peak; 0: not known */
} tw_recorded_row;

typedef struct tw_recorded {
    char names[TW_RECORDED_NAMES][TW_RECORDED_NAME];
    int name_count;
    tw_recorded_row *rows; /* [count] */
    int count;
} tw_recorded;

/* Reads the file. Lines that begin with # are skipped; then a heading "layer pass threads NAME ...", and a
 * line for each layer, pass and number of threads, with a share of the peak (1 is the peak) or - for each
 * name; tabs between. TW_EXIT_DONE, or TW_EXIT_FAILED after saying on stderr the file, line, field and what
 * was expected. */
int tw_recorded_read(tw_recorded *recorded, const tw_command *command, const char *path);
void tw_recorded_free(tw_recorded *recorded);

/* The largest share recorded for it, *name receives whose; 0 when there is none. */
double tw_recorded_best(const tw_recorded *recorded, const char *layer, tw_pass pass, int threads,
                        const char **name);

#endif

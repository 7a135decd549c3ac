/* The options of what computes: how many threads, how exactly, how long. */
#ifndef TW_CLI_RUN_OPTIONS_H
#define TW_CLI_RUN_OPTIONS_H

#include <twill/conv.h>

#include "arguments.h"

/* --threads N, and what it says: 0 when it is not given. */
extern const tw_option tw_options_threads[];
int tw_threads_of(const tw_arguments *arguments);
/* --seed N, and what it says. */
extern const tw_option tw_options_seed[];
uint64_t tw_seed_of(const tw_arguments *arguments);
/* --accuracy fast|strict, and what it says. */
extern const tw_option tw_options_accuracy[];
tw_accuracy tw_accuracy_of(const tw_arguments *arguments);

/* Of what is timed: --threads N,... and --seconds S. */
extern const tw_option tw_options_timing[];
/* The numbers of threads that were asked for: this machine's when none was. */
tw_list tw_timing_threads(const tw_arguments *arguments);
double tw_timing_seconds(const tw_arguments *arguments);

#endif

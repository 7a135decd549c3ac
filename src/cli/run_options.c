/* What everything that computes lets its caller choose. */
#include "run_options.h"

static const char *const accuracies[] = {"fast", "strict", NULL};

const tw_option tw_options_timing[] = {
    {.name = "threads",
     .form = "N,...",
     .kind = TW_OPTION_LIST,
     .least = 1,
     .most = TW_MAX_THREADS,
     .help = "numbers of threads (default: those of this machine)"},
    {.name = "seconds",
     .form = "S",
     .kind = TW_OPTION_REAL,
     .above_low = true,
     .high = 3600,
     .help = "how long each is timed (default: 0.4)"},
    {.name = NULL},
};

const tw_option tw_options_accuracy[] = {
    {.name = "accuracy",
     .form = "MODE",
     .kind = TW_OPTION_CHOICE,
     .choices = accuracies,
     .help = "fast (default: Winograd allowed) or strict"},
    {.name = NULL},
};

const tw_option tw_options_threads[] = {
    {.name = "threads",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 1,
     .most = TW_MAX_THREADS,
     .help = "most threads: the result is the same with any number (default: those of this machine)"},
    {.name = NULL},
};

const tw_option tw_options_seed[] = {
    {.name = "seed",
     .form = "N",
     .kind = TW_OPTION_INTEGER,
     .least = 0,
     .most = INT64_MAX,
     .help = "of all that is random (default: 1)"},
    {.name = NULL},
};

int tw_threads_of(const tw_arguments *arguments) {
    return (int)tw_arguments_integer(arguments, "threads", 0);
}

uint64_t tw_seed_of(const tw_arguments *arguments) {
    return (uint64_t)tw_arguments_integer(arguments, "seed", 1);
}

tw_list tw_timing_threads(const tw_arguments *arguments) {
    const tw_list *given = tw_arguments_list(arguments, "threads");
    const tw_list own = {.count = 1, .first = {tw_threads()}};
    return given ? *given : own;
}

tw_accuracy tw_accuracy_of(const tw_arguments *arguments) {
    return (tw_accuracy)tw_arguments_integer(arguments, "accuracy", TW_FAST);
}

double tw_timing_seconds(const tw_arguments *arguments) {
    return tw_arguments_real(arguments, "seconds", 0.4);
}

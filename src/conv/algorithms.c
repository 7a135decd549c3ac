/* The list of algorithms: an algorithm is its file and a line here. */
#include "conv/algorithm.h"

#include <string.h>

extern const tw_algorithm tw_algorithm_winograd_4, tw_algorithm_winograd_2, tw_algorithm_depthwise,
    tw_algorithm_groups, tw_algorithm_dots, tw_algorithm_direct, tw_algorithm_reference;

const tw_algorithm *const tw_algorithm_list[] = {
    &tw_algorithm_winograd_4, &tw_algorithm_winograd_2, &tw_algorithm_depthwise, &tw_algorithm_groups,
    &tw_algorithm_dots,       &tw_algorithm_direct,     &tw_algorithm_reference,
};

enum { ALGORITHMS = sizeof tw_algorithm_list / sizeof *tw_algorithm_list };
const size_t tw_algorithm_count = ALGORITHMS;

int tw_algorithm_find(const char *name) {
    for (int i = 0; i < ALGORITHMS; i++)
        if (strcmp(tw_algorithm_list[i]->name, name) == 0) return i;
    return -1;
}

const char *const *tw_conv_algorithms(size_t *count) {
    static _Thread_local const char *names[ALGORITHMS];
    for (int i = 0; i < ALGORITHMS; i++) names[i] = tw_algorithm_list[i]->name;
    if (count) *count = ALGORITHMS;
    return names;
}

/* Where a network's time goes: how long each operator takes, forward and backward. */
#ifndef TW_CLI_OPERATOR_TIMES_H
#define TW_CLI_OPERATOR_TIMES_H

#include <stdbool.h>

#include <twill/net.h>

typedef struct tw_operator_times {
    const tw_net_node *nodes;
    int count;                  /* of nodes; [0] stands for the loss */
    double *forward, *backward; /* [count] milliseconds: the least of several runs; 0: done with another */
} tw_operator_times;

/* Runs `run` several times, for about `seconds`, and listens to the runner. False when a run fails or there
 * is no memory. To be released in any case. */
bool tw_operator_times_measure(tw_operator_times *times, tw_runner *runner, const tw_net *net, double seconds,
                               bool (*run)(void *context), void *context);
void tw_operator_times_release(tw_operator_times *times);

/* Lines below a table; fields of an open JSON object. */
void tw_operator_times_print(const tw_operator_times *times, bool trains);
void tw_operator_times_json(const tw_operator_times *times);

#endif

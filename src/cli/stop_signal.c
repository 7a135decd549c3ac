/* SIGINT and SIGTERM as a wish to stop. The handler only notes and, the second time, leaves; a file being
 * written comes into being beside its path, so leaving at any moment keeps the old one whole. */
#include "stop_signal.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void note(int number) {
    if (came) _exit(128 + number);
    came = number;
}

static void watch(int number) {
    struct sigaction old, ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = note;
    ours.sa_flags = SA_RESTART;
    sigemptyset(&ours.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(number, &ours, NULL);
}

void tw_stop_watch(void) {
    watch(SIGINT);
    watch(SIGTERM);
}

int tw_stop_signal(void) {
    return came;
}

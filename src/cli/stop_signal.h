/* SIGINT and SIGTERM as a wish to stop: the first is noted, the second ends the process at once. */
#ifndef TW_CLI_STOP_SIGNAL_H
#define TW_CLI_STOP_SIGNAL_H

/* From now on. A signal that the process was told to ignore (nohup) stays ignored. */
void tw_stop_watch(void);
/* The signal that came, 0 when none. */
int tw_stop_signal(void);

#endif

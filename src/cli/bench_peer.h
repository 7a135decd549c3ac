/* Other libraries, timed beside Twill in the same run: each in a process of its own that speaks one line a
 * request on its standard input and output, so that nothing of theirs is linked, and none is needed.
 *
 *     convolution PASS THREADS N C H W K R S STRIDE_H STRIDE_W PAD_H PAD_W DILATION_H DILATION_W GROUPS
 *         -> "ready", or "declines REASON"
 *     time SECONDS LEAST
 *         -> "times MS MS MS ..." (at most 64), or "fails REASON"
 *
 * A peer takes its best layout and packs weights beforehand. */
#ifndef TW_CLI_BENCH_PEER_H
#define TW_CLI_BENCH_PEER_H

#include <twill/conv.h>

#include "command.h"
#include "sample_times.h"

enum { TW_PEERS = 2, TW_PEER_REASON = 160 };

/* The names, NULL-terminated: what --peer offers. */
extern const char *const tw_peer_names[TW_PEERS + 1];

typedef struct tw_peers tw_peers;

/* Starts the peers whose bits are set. NULL after saying why on stderr: one that was asked for is not there.
 */
tw_peers *tw_peers_start(const tw_command *command, int64_t bits);
bool tw_peers_take_part(const tw_peers *peers, int peer);
/* NULL allowed. Ends the processes. */
void tw_peers_stop(tw_peers *peers);

/* Both leave `declines` empty or write why the peer does not take part. */
void tw_peer_prepare(tw_peers *peers, int peer, const tw_geometry *geometry, tw_pass pass, int threads,
                     char declines[TW_PEER_REASON]);
void tw_peer_time(tw_peers *peers, int peer, double seconds, int least, tw_times *times,
                  char declines[TW_PEER_REASON]);

#endif

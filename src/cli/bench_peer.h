/* Other libraries, timed beside Twill in the same run: each in a process of its own that speaks one line a
 * request on its standard input and output, so that nothing of theirs is linked, and none is needed.
 *
 *     peer
 *         -> "peer NAME VERSION", or "declines REASON": it will answer nothing else
 *     convolution PASS THREADS N C H W K R S STRIDE_H STRIDE_W PAD_H PAD_W DILATION_H DILATION_W GROUPS
 *         -> "ready LAYOUT" (the one it chose), or "declines REASON"
 *     network inference|train THREADS BATCH CxHxW; OPERATOR < INPUT[,INPUT]; ...
 *         -> likewise; operators as written (docs/networks.md), inputs by number, 0 being the image
 *     time SECONDS LEAST
 *         -> "times MS MS MS ..." (at most 64), or "fails REASON"
 *
 * A peer takes its best layout and packs weights beforehand. */
#ifndef TW_CLI_BENCH_PEER_H
#define TW_CLI_BENCH_PEER_H

#include <twill/net.h>

#include "command.h"
#include "sample_times.h"

enum { TW_PEER_ONEDNN = 0, TW_PEER_TORCH, TW_PEERS };
enum { TW_PEER_REASON = 160, TW_PEER_LAYOUT = 16 };

/* The names, NULL-terminated: what --peer offers. */
extern const char *const tw_peer_names[TW_PEERS + 1];

/* How a peer stands to the convolution at hand. */
typedef struct tw_peer_state {
    char layout[TW_PEER_LAYOUT];   /* of its tensors, in its words; "" when it does not say */
    char declines[TW_PEER_REASON]; /* why it does not take part; "" when it does */
} tw_peer_state;

typedef struct tw_peers tw_peers;

/* Starts the peers whose bits are set. One that is not there, or lacks what it needs, is left out after
 * saying so on stderr. NULL: no memory. */
tw_peers *tw_peers_start(const tw_command *command, int64_t bits);
bool tw_peers_take_part(const tw_peers *peers, int peer);
/* What it says of itself: "oneDNN 2.6.3". */
const char *tw_peers_version(const tw_peers *peers, int peer);
/* NULL allowed. Ends the processes. */
void tw_peers_stop(tw_peers *peers);

/* Has the peer make ready; one that takes no part declines. */
void tw_peer_prepare(tw_peers *peers, int peer, const tw_geometry *geometry, tw_pass pass, int threads,
                     tw_peer_state *state);
/* The same of a network: inference, or forward, loss and backward of a step of training. */
void tw_peer_prepare_net(tw_peers *peers, int peer, const tw_net *net, const char *mode, int threads,
                         int64_t batch, tw_peer_state *state);
/* A turn: its times are added. One that fails declines from then on. */
void tw_peer_time(tw_peers *peers, int peer, double seconds, int least, tw_times *times,
                  tw_peer_state *state);

#endif

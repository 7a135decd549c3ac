/* Other libraries as processes. A peer is a program beside the command, or in bench/peers of the sources
 * beside the folder that the command was built in; TWILL_PEERS names another folder, TWILL_PYTHON another
 * python3. Threads of the OpenMP runtimes are told to sleep while they wait, or they would take the processor
 * from whoever has the next turn. */
#include "bench_peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wording.h"

enum { LINE_BYTES = 4096, PATIENCE_MS = 120000 };

const char *const tw_peer_names[TW_PEERS + 1] = {"onednn", "torch", NULL};

typedef struct tw_peer_program {
    const char *file;        /* found in one of the folders */
    const char *interpreter; /* runs it; NULL: itself */
    const char *hint;        /* when it is not there */
} tw_peer_program;

static const tw_peer_program programs[TW_PEERS] = {
    {"twill-peer-onednn", NULL, "it is built when CMake finds oneDNN (Debian: libdnnl-dev)"},
    {"torch_peer.py", "python3", "it lies in bench/peers and needs PyTorch (Debian: python3-torch)"},
};

typedef struct tw_peer {
    bool takes_part;
    pid_t process; /* 0: does not run, or no longer */
    FILE *in;      /* what it reads */
    int out;       /* what it writes */
    char version[64], path[2048];
    char line[LINE_BYTES];
} tw_peer;

struct tw_peers {
    tw_peer peer[TW_PEERS];
};

/* ---- Finding and starting.
 * ------------------------------------------------------------------------------------ */

static bool find_program(const char *file, char *path, size_t size) {
    static const char *const folders[] = {".", "bench/peers", "../bench/peers", "../libexec/twill"};
    char self[1024];
    const char *own = getenv("TWILL_PEERS");
    if (own && *own) {
        snprintf(path, size, "%s/%s", own, file);
        return access(path, R_OK) == 0;
    }
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return false;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof folders / sizeof *folders; ++i) {
        snprintf(path, size, "%s/%s/%s", self, folders[i], file);
        if (access(path, R_OK) == 0) return true;
    }
    return false;
}

static void become(const char *interpreter, const char *path, const int to[2], const int from[2]) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    close(to[0]), close(to[1]), close(from[0]), close(from[1]);
    setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
    signal(SIGPIPE, SIG_DFL);
    const char *python = getenv("TWILL_PYTHON");
    if (interpreter && python && *python) interpreter = python;
    if (interpreter)
        execlp(interpreter, interpreter, path, (char *)NULL);
    else
        execl(path, path, (char *)NULL);
    _exit(127);
}

static bool start(tw_peer *peer, const char *interpreter, const char *path) {
    int to[2], from[2];
    if (pipe(to) != 0) return false;
    if (pipe(from) != 0) {
        close(to[0]), close(to[1]);
        return false;
    }
    peer->process = fork();
    if (peer->process == 0) become(interpreter, path, to, from);
    close(to[0]), close(from[1]);
    peer->in = peer->process > 0 ? fdopen(to[1], "w") : NULL;
    peer->out = from[0];
    if (peer->in) return true;
    close(to[1]), close(from[0]);
    return false;
}

static void stop(tw_peer *peer) {
    if (peer->process <= 0) return;
    fclose(peer->in);
    close(peer->out);
    kill(peer->process, SIGTERM);
    waitpid(peer->process, NULL, 0);
    peer->process = 0;
}

/* ---- Speaking.
 * ------------------------------------------------------------------------------------------------ */

static void decline(char declines[TW_PEER_REASON], const char *reason) {
    snprintf(declines, TW_PEER_REASON, "%.*s", TW_PEER_REASON - 1, *reason ? reason : "gives no reason");
}

/* Its answer into peer->line, without the newline; false when none came. */
static bool hear(tw_peer *peer) {
    size_t length = 0;
    while (length + 1 < sizeof peer->line) {
        struct pollfd ready = {.fd = peer->out, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) <= 0) return false;
        const ssize_t got = read(peer->out, peer->line + length, sizeof peer->line - 1 - length);
        if (got <= 0) return false;
        length += (size_t)got;
        peer->line[length] = '\0';
        char *end = strchr(peer->line, '\n');
        if (end) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

/* What follows `word` in the answer to the request just written; NULL after filling `declines`. */
static const char *answer(tw_peer *peer, const char *word, char declines[TW_PEER_REASON]) {
    if (fflush(peer->in) != 0 || !hear(peer)) {
        decline(declines, "the peer's process has ended or does not answer");
        stop(peer);
        return NULL;
    }
    const size_t length = strlen(word);
    if (strncmp(peer->line, word, length) == 0) return peer->line + length;
    const char *blank = strchr(peer->line, ' ');
    decline(declines, blank ? blank + 1 : peer->line);
    return NULL;
}

/* Finds it, starts it, and lets it say who it is: or says why not. */
static void bring(const tw_command *command, tw_peer *peer, int number) {
    const tw_peer_program *program = &programs[number];
    const char *name = tw_peer_names[number];
    char reason[TW_PEER_REASON];
    char *path = peer->path;
    if (!find_program(program->file, path, sizeof peer->path)) {
        tw_command_failed(command, "--peer %s is left out: %s is not there: %s", name, program->file,
                          program->hint);
        return;
    }
    if (!start(peer, program->interpreter, path)) {
        tw_command_failed(command, "--peer %s is left out: %s: %s", name, path, strerror(errno));
        return;
    }
    fputs("peer\n", peer->in);
    const char *version = answer(peer, "peer ", reason);
    if (version) {
        snprintf(peer->version, sizeof peer->version, "%.*s", (int)sizeof peer->version - 1, version);
        peer->takes_part = true;
    } else {
        stop(peer);
        tw_command_failed(command, "--peer %s is left out: %s: %s", name, tw_words_quoted(reason).text,
                          program->hint);
    }
}

tw_peers *tw_peers_start(const tw_command *command, int64_t bits) {
    tw_peers *peers = calloc(1, sizeof *peers);
    if (!peers) tw_command_failed(command, "no memory");
    for (int p = 0; peers && p < TW_PEERS; ++p)
        if (bits >> p & 1) bring(command, &peers->peer[p], p);
    return peers;
}

bool tw_peers_take_part(const tw_peers *peers, int peer) {
    return peers->peer[peer].takes_part;
}

const char *tw_peers_version(const tw_peers *peers, int peer) {
    return peers->peer[peer].version;
}

void tw_peers_stop(tw_peers *peers) {
    if (!peers) return;
    for (int p = 0; p < TW_PEERS; ++p) stop(&peers->peer[p]);
    free(peers);
}

/* Whether it can be asked. One that a question has killed gets another chance. */
static bool listens(tw_peers *peers, int peer, tw_peer_state *state) {
    tw_peer *it = &peers->peer[peer];
    *state = (tw_peer_state){0};
    if (it->process > 0) return true;
    if (it->takes_part && start(it, programs[peer].interpreter, it->path)) return true;
    decline(state->declines, "does not run");
    return false;
}

static void hear_layout(tw_peer *peer, tw_peer_state *state) {
    const char *ready = answer(peer, "ready", state->declines);
    if (ready) sscanf(ready, " %15[a-zA-Z0-9_]", state->layout);
}

void tw_peer_prepare(tw_peers *peers, int peer, const tw_geometry *geometry, tw_pass pass, int threads,
                     tw_peer_state *state) {
    tw_peer *it = &peers->peer[peer];
    const tw_geometry *g = geometry;
    const int64_t numbers[] = {g->batch,        g->in_channels, g->input[0],    g->input[1],  g->out_channels,
                               g->kernel[0],    g->kernel[1],   g->stride[0],   g->stride[1], g->pad_begin[0],
                               g->pad_begin[1], g->dilation[0], g->dilation[1], g->groups};
    if (!listens(peers, peer, state)) return;
    fprintf(it->in, "convolution %s %d", tw_pass_name(pass), threads);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i)
        fprintf(it->in, " %lld", (long long)numbers[i]);
    fputc('\n', it->in);
    hear_layout(it, state);
}

void tw_peer_prepare_net(tw_peers *peers, int peer, const tw_net *net, const char *mode, int threads,
                         int64_t batch, tw_peer_state *state) {
    tw_peer *it = &peers->peer[peer];
    const tw_net_input image = tw_net_image(net);
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(net, &count);
    if (!listens(peers, peer, state)) return;
    if (image.spatial != 2) {
        decline(state->declines, "networks of 2 spatial dimensions only");
        return;
    }
    fprintf(it->in, "network %s %d %lld %lldx%s", mode, threads, (long long)batch, (long long)image.channels,
            tw_words_sizes(image.size, image.spatial).text);
    for (size_t i = 1; i < count; ++i) {
        fprintf(it->in, "; %s < %d", nodes[i].text, nodes[i].inputs[0]);
        if (nodes[i].inputs[1] >= 0) fprintf(it->in, ",%d", nodes[i].inputs[1]);
    }
    fputc('\n', it->in);
    hear_layout(it, state);
}

void tw_peer_time(tw_peers *peers, int peer, double seconds, int least, tw_times *times,
                  tw_peer_state *state) {
    tw_peer *it = &peers->peer[peer];
    fprintf(it->in, "time %.6f %d\n", seconds, least);
    const char *at = answer(it, "times", state->declines);
    if (!at) return;
    for (;;) {
        char *end;
        const double ms = strtod(at, &end);
        if (end == at) return;
        tw_times_add(times, ms);
        at = end;
    }
}

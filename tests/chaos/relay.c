/* One thread, one poll(), a few pairs of sockets. Each direction of a pair has one buffer: it is
 * read when it is empty, and written when its time has come. So a stall or a slow wire holds back
 * the sender, as a real one does. */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chaos.h"

#define MAX_PAIRS 16
#define IDLE_MS   1000
#define ARMED_MS  10000 /* a question to wait is waited for */

struct flow {
    int from, to;
    size_t len, off;
    int64_t due_ms;
    char buf[65536];
};

struct pair {
    bool open;
    struct flow up, down; /* to Redis, from Redis */
};

struct state {
    struct relay *relay;
    struct pair pairs[MAX_PAIRS];
    bool cut, deaf, stalled, stop; /* as of this turn */
    bool late;                     /* a question to wait begins a stall */
    int64_t slow_ms, now_ms, look_again_ms;
};

static void __attribute__((noreturn)) give_up(const char *what, const char *path)
{
    fprintf(stderr, "chaos: relay: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

static int unix_socket(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void close_pair(struct pair *pair)
{
    close(pair->up.from);
    close(pair->up.to);
    pair->open = false;
}

static struct pair *free_pair(struct state *state)
{
    for (size_t i = 0; i < MAX_PAIRS; i++) {
        if (!state->pairs[i].open) {
            return &state->pairs[i];
        }
    }
    return NULL;
}

static void accept_one(struct state *state)
{
    struct sockaddr_un address;
    int client = accept4(state->relay->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int server = unix_socket(state->relay->target, &address);
    struct pair *pair = free_pair(state);
    if (client < 0 || !pair || connect(server, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(client);
        close(server);
        return;
    }
    pair->open = true;
    pair->up.from = pair->down.to = client;
    pair->up.to = pair->down.from = server;
    pair->up.len = pair->down.len = pair->up.off = pair->down.off = 0;
}

/* False when the connection is over. */
static bool read_some(const struct state *state, struct flow *flow, bool lost)
{
    ssize_t n = read(flow->from, flow->buf, sizeof(flow->buf));
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    flow->off = 0;
    flow->len = lost ? 0 : (size_t)n;
    flow->due_ms = state->now_ms + state->slow_ms;
    return n > 0;
}

static bool write_some(struct flow *flow)
{
    ssize_t n = send(flow->to, flow->buf + flow->off, flow->len - flow->off, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    flow->off += (size_t)n;
    if (flow->off == flow->len) {
        flow->off = flow->len = 0;
    }
    return true;
}

/* Called for what the daemon says. */
static void look_for_wait(struct state *state, const struct flow *flow)
{
    static const char word[] = "BLMOVE";
    if (!state->late || !memmem(flow->buf, flow->len, word, sizeof(word) - 1)) {
        return;
    }
    pthread_mutex_lock(&state->relay->lock);
    state->relay->stalled_until_ms = state->now_ms + state->relay->late_for_ms;
    state->relay->began_ms = state->now_ms;
    state->relay->late_until_ms = 0;
    pthread_mutex_unlock(&state->relay->lock);
    state->late = false;
    state->stalled = true;
}

static bool carry(struct state *state, struct flow *flow, bool lost)
{
    if (flow->len == 0 && !read_some(state, flow, lost)) {
        return false;
    }
    if (flow->off == 0 && !lost) {
        look_for_wait(state, flow);
    }
    bool waits = flow->len == 0 || flow->due_ms > state->now_ms || state->stalled;
    return waits || write_some(flow);
}

/* What to poll for, so that a flow can go on. */
static void want(struct state *state, const struct flow *flow, struct pollfd *from,
                 struct pollfd *to)
{
    if (state->stalled) {
        return;
    }
    if (flow->len == 0) {
        from->events |= POLLIN;
    } else if (flow->due_ms <= state->now_ms) {
        to->events |= POLLOUT;
    } else if (flow->due_ms < state->look_again_ms) {
        state->look_again_ms = flow->due_ms;
    }
}

static void run_pair(struct state *state, struct pair *pair)
{
    bool up = carry(state, &pair->up, false);
    bool down = carry(state, &pair->down, state->deaf);
    if (!up || !down) {
        close_pair(pair);
    }
}

static void note_end(struct state *state, int64_t end_ms)
{
    if (end_ms > state->now_ms && end_ms < state->look_again_ms) {
        state->look_again_ms = end_ms;
    }
}

static void read_orders(struct state *state)
{
    struct relay *relay = state->relay;
    pthread_mutex_lock(&relay->lock);
    state->now_ms = unix_ms();
    state->look_again_ms = state->now_ms + IDLE_MS;
    state->stop = relay->stop;
    state->cut = relay->cut || (relay->deaf_until_ms > 0 && relay->deaf_until_ms <= state->now_ms);
    relay->cut = false;
    if (state->cut) {
        relay->deaf_until_ms = 0;
    }
    state->deaf = relay->deaf_until_ms > 0;
    state->stalled = relay->stalled_until_ms > state->now_ms;
    state->late = relay->late_until_ms > state->now_ms;
    state->slow_ms = relay->slow_until_ms > state->now_ms ? relay->slow_ms : 0;
    note_end(state, relay->deaf_until_ms);
    note_end(state, relay->stalled_until_ms);
    pthread_mutex_unlock(&relay->lock);
}

/* Polls; afterwards fds[2 + 2 * i] and the next belong to pair i. */
static void wait_for_work(struct state *state, struct pollfd fds[2 + 2 * MAX_PAIRS])
{
    fds[0] = (struct pollfd){.fd = state->relay->wake[0], .events = POLLIN};
    fds[1] = (struct pollfd){.fd = state->relay->listener, .events = POLLIN};
    for (size_t i = 0; i < MAX_PAIRS; i++) {
        struct pair *pair = &state->pairs[i];
        struct pollfd *client = &fds[2 + 2 * i];
        struct pollfd *server = client + 1;
        client->events = server->events = 0;
        bool quiet = !pair->open || state->stalled; /* an end is not looked at either */
        client->fd = quiet ? -1 : pair->up.from;
        server->fd = quiet ? -1 : pair->up.to;
        if (!quiet) {
            want(state, &pair->up, client, server);
            want(state, &pair->down, server, client);
        }
    }
    poll(fds, 2 + 2 * MAX_PAIRS, (int)(state->look_again_ms - state->now_ms));
}

static void turn(struct state *state)
{
    struct pollfd fds[2 + 2 * MAX_PAIRS];
    char bytes[64];
    read_orders(state);
    for (size_t i = 0; i < MAX_PAIRS && (state->cut || state->stop); i++) {
        if (state->pairs[i].open) {
            close_pair(&state->pairs[i]);
        }
    }
    if (state->stop) {
        return;
    }
    wait_for_work(state, fds);
    state->now_ms = unix_ms();
    for (size_t i = 0; i < MAX_PAIRS; i++) {
        if (state->pairs[i].open && !state->stalled) {
            run_pair(state, &state->pairs[i]);
        }
    }
    if (fds[1].revents) {
        accept_one(state);
    }
    if (fds[0].revents && read(state->relay->wake[0], bytes, sizeof(bytes)) < 0) {
        give_up("read", "a pipe");
    }
}

static void *run(void *arg)
{
    struct state *state = calloc(1, sizeof(*state));
    state->relay = arg;
    while (!state->stop) {
        turn(state);
    }
    free(state);
    return NULL;
}

void relay_open(struct relay *relay, const char *path, const char *target)
{
    struct sockaddr_un address;
    *relay = (struct relay){.listener = unix_socket(path, &address)};
    snprintf(relay->target, sizeof(relay->target), "%s", target);
    if (bind(relay->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(relay->listener, 16) != 0 || pipe2(relay->wake, O_CLOEXEC) != 0) {
        give_up("listen", path);
    }
    pthread_mutex_init(&relay->lock, NULL);
    if (pthread_create(&relay->thread, NULL, run, relay) != 0) {
        give_up("thread for", path);
    }
}

static void wake(struct relay *relay)
{
    if (write(relay->wake[1], "", 1) < 0) {
        give_up("write", "a pipe");
    }
}

void relay_fail(struct relay *relay, enum relay_fault fault, int64_t for_ms)
{
    int64_t until_ms = unix_ms() + for_ms;
    pthread_mutex_lock(&relay->lock);
    relay->began_ms = unix_ms();
    switch (fault) {
    case RELAY_CUT:
        relay->cut = true;
        break;
    case RELAY_DEAF:
        relay->deaf_until_ms = until_ms;
        break;
    case RELAY_STALL:
        relay->stalled_until_ms = until_ms;
        break;
    case RELAY_LATE:
        relay->late_until_ms = unix_ms() + ARMED_MS;
        relay->late_for_ms = for_ms;
        relay->began_ms = 0;
        break;
    case RELAY_SLOW:
        relay->slow_until_ms = until_ms;
        relay->slow_ms = 5 + for_ms % 50;
        break;
    }
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
}

bool relay_is_sound(struct relay *relay, int64_t *ret_began_ms)
{
    int64_t now_ms = unix_ms();
    pthread_mutex_lock(&relay->lock);
    bool sound = !relay->cut && relay->deaf_until_ms == 0 && relay->stalled_until_ms <= now_ms &&
                 relay->slow_until_ms <= now_ms && relay->late_until_ms <= now_ms;
    if (sound) {
        *ret_began_ms = relay->began_ms;
    }
    pthread_mutex_unlock(&relay->lock);
    return sound;
}

void relay_close(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->stop = true;
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
    close(relay->wake[0]);
    close(relay->wake[1]);
    pthread_mutex_destroy(&relay->lock);
}

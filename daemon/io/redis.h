/* One connection to Redis on the loop: hiredis with an adapter, deadlines and a reconnect of our
 * own.
 *
 *     redis_init(&redis, loop, &options)
 *     redis_start(&redis)           resolves, connects, logs in; then up_cb(&redis). Again and
 *                                   again, with backoff, for as long as it takes; each loss gives
 *                                   down_cb(&redis), and so does each attempt that fails
 *     redis_command(&redis, ...)    only while up; reply_cb once, with NULL if the reply never came
 *     redis_close(&redis, cb)       unanswered commands get NULL, then cb
 *
 * What is sent from up_cb still belongs to the greeting: that it succeeds does not prove that the
 * server is of use, and so does not end the backoff.
 *
 * Promises: no callback runs inside redis_command() or redis_start(); each accepted command gets
 * exactly one reply_cb; down_cb comes after the last reply_cb of that connection, up_cb before the
 * first of the next; memory may be freed in close_cb and not before. A NULL reply means that the
 * command may or may not have been carried out.
 *
 * Every wait has a deadline: resolving, connecting, logging in, and the oldest unanswered
 * command. While a reply arrives, and not too slowly, the deadline moves (redis_arrival.c). A
 * server that is loading, read-only or without its master is left like one that is gone.
 *
 * With Sentinels the master is asked for before each connection, and must say of itself that it is
 * one. A node of a Redis Cluster that says MOVED is left for the node it names, which is a loss
 * like any other but for `is_moved`. ASK and TRYAGAIN are replies like any other: the callers'
 * scripts may not run while a slot is on its way (docs/redis.md says why), and wait. Which servers
 * are tried, and in which turn, is said in redis_target.c. */
#ifndef DAEMON_IO_REDIS_H
#define DAEMON_IO_REDIS_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io/redis_objects.h"

#define REDIS_ERRMSG_MAX  192
#define REDIS_HOST_MAX    256 /* bytes of a name or address, with its NUL */
#define REDIS_SERVERS_MAX 16  /* Sentinels, or nodes of a cluster */
#define REDIS_ADDRESS_MAX 64  /* bytes of an address as text, with its NUL */
#define REDIS_LOOKUPS_MAX 4   /* names that are resolved at a time, each on a thread */

struct redis;
struct redis_call;
struct resolve;
struct redis_tls;

/* `reply` is NULL when the connection was lost. It is freed after the callback. */
typedef void (*redis_reply_cb)(struct redis *redis, const redisReply *reply, void *data);
typedef void (*redis_event_cb)(struct redis *redis);

struct redis_address {
    char host[REDIS_HOST_MAX]; /* name or address; "": the unix socket of the options */
    unsigned port;
};

/* A name that is being resolved, or was when nobody waited for it any more. */
struct redis_lookup {
    struct redis *redis;
    struct resolve *resolve;         /* NULL: a free place */
    char host[REDIS_HOST_MAX];       /* the name */
    char address[REDIS_ADDRESS_MAX]; /* the answer, for the next attempt at the name; "": none */
};

/* Strings are borrowed and must outlive the connection. */
struct redis_options {
    const char *host; /* name or address; NULL for a unix socket, and for Sentinels */
    unsigned port;
    const char *path;                      /* unix socket */
    const struct redis_address *sentinels; /* copied; 1 to REDIS_SERVERS_MAX of them */
    unsigned n_sentinels;
    const char *master; /* the Sentinels' name of the master; NULL: no Sentinels */
    const char *user;   /* NULL: none */
    const char *password;
    unsigned db;
    const struct redis_tls *tls; /* NULL: none; it takes effect with the next connection */
    const char *client_name;     /* CLIENT SETNAME; NULL: none */
    uint64_t connect_timeout_ms; /* resolving, connecting and logging in, each */
    uint64_t min_backoff_ms, max_backoff_ms;
    /* A longer reply costs the connection instead of memory: one that takes more, read and unread;
     * or one of whose texts is longer, as soon as its length is known. 0: any. */
    size_t max_reply_bytes, max_text_bytes;
    redis_event_cb up_cb, down_cb;
    void *data;
};

enum redis_target {
    REDIS_TO_SERVER,   /* to one of `servers` */
    REDIS_TO_SENTINEL, /* to one of `servers`, to ask it */
    REDIS_TO_MASTER,   /* to whom it named */
};

enum redis_state {
    REDIS_IDLE, /* not started */
    REDIS_RESOLVING,
    REDIS_CONNECTING,
    REDIS_GREETING, /* AUTH, SELECT, PING; or a Sentinel is asked */
    REDIS_UP,
    REDIS_BACKOFF, /* waits to connect again */
    REDIS_CLOSED,
};

struct redis {
    uv_loop_t *loop;
    struct redis_options options;
    enum redis_state state;
    char errmsg[REDIS_ERRMSG_MAX]; /* of the last loss */
    bool is_moved;                 /* the last loss was the way to another node of the cluster */

    redisAsyncContext *context;   /* owned; NULL between connections */
    struct redis_objects objects; /* the memory of its replies */
    uv_poll_t *poll;              /* owned; one for each connection */
    int wanted, armed;            /* UV_READABLE | UV_WRITABLE */
    bool is_failing;              /* to be torn down when no callback is running */
    bool is_hopping;              /* the Sentinel has answered: on to the master */
    bool in_up_cb;                /* what is sent now is still a part of the greeting */
    unsigned n_greetings;         /* replies of the greeting that are still to come */
    unsigned n_lost;              /* connections in a row that were of no use */
    uint64_t random;

    struct redis_address servers[REDIS_SERVERS_MAX]; /* to begin with: see redis_target.c */
    unsigned n_servers, server;                      /* the one whose turn it is */
    unsigned n_rounds;                               /* in which each of them has failed */
    struct redis_address target;                     /* where the connection goes */
    enum redis_target target_kind;
    struct redis_address moved_to; /* whom the last MOVED named */
    unsigned n_hops;               /* followed at once since a connection was of use */
    bool is_hop_due;               /* follow this one at once */

    struct redis_call *calls, **last_call; /* unanswered, oldest first */
    uint64_t moved_ms;                     /* see redis_arrival.c */
    size_t n_counted_bytes;                /* of the oldest call's reply */
    uint64_t heard_ms;                     /* when there was more of a reply */
    bool has_looked_again;                 /* for the oldest call */
    uv_timer_t timer;                      /* deadline, or the end of the backoff */
    uint64_t due_ms;                       /* when it is set to fire */
    uv_prepare_t prepare;
    struct redis_lookup lookups[REDIS_LOOKUPS_MAX];
    bool closing;
    unsigned open_handles;
    redis_event_cb close_cb;
};

/* Does nothing yet that could fail; needs no deinit but redis_close(). */
void redis_init(struct redis *redis, uv_loop_t *loop, const struct redis_options *options);

void redis_start(struct redis *redis);

/* Sends a command: 0, or -1 when not up (reply_cb is not called then). Arguments are copied. The
 * connection is given up if the reply takes longer than timeout_ms, not counting the time in which
 * it, or one before it, arrives. */
int redis_command(struct redis *redis, int argc, const char *const *argv, const size_t *lengths,
                  uint64_t timeout_ms, redis_reply_cb reply_cb, void *data)
    __attribute__((warn_unused_result));

/* As redis_command(), for a command that stands in `bytes` as Redis reads it, whole. */
int redis_send(struct redis *redis, const char *bytes, size_t len, uint64_t timeout_ms,
               redis_reply_cb reply_cb, void *data) __attribute__((warn_unused_result));

/* Asks a node of a cluster for the others, so that there is somebody to turn to when it is gone; to
 * be called from up_cb. Nothing comes of it where there is no cluster, or no right to ask. */
void redis_learn_nodes(struct redis *redis);

/* Where it is connected or tries to, for messages: "HOST:PORT", or the path. */
void redis_where(const struct redis *redis, char *ret_text, size_t size);

/* Gives the connection up and connects again. May be called from any callback. */
void redis_drop(struct redis *redis, const char *why);

/* Writes out what is buffered. Happens by itself before the loop waits; call it where that may have
 * been passed already, at the end of a uv_prepare callback. Callbacks may run; it may not be called
 * from one of this module. */
void redis_flush(struct redis *redis);

/* May not be called from a callback of this module. */
void redis_close(struct redis *redis, redis_event_cb close_cb);

#endif

/* daemon/io/redis as a test uses it: what happens is written down, a letter each.
 *
 *     U up    D down    r a reply    0 a NULL reply    C closed */
#ifndef TESTS_IO_SESSION_H
#define TESTS_IO_SESSION_H

#include "daemon/io/redis.h"
#include "peer.h"
#include "run.h"

#define SESSION_LOG_MAX 64

#define SESSION_NAME "pusherd-test"

/* What a server says to a session that has a name, but no password and no database. */
#define GREETING STEP(COMMAND), SAY("+OK\r\n"), STEP(COMMAND), SAY("+PONG\r\n")

struct session {
    struct run *run;
    struct redis redis;
    char log[SESSION_LOG_MAX + 1]; /* the first events */
    unsigned n_up, n_down, n_replies, n_nulls;
    bool is_closed;
    char reply[256];            /* the last one, as text */
    long long integer;          /* the last one, as a number */
    size_t reply_len;           /* of the last one */
    char why[REDIS_ERRMSG_MAX]; /* errmsg at the last loss */

    /* Run within the callback, after it was written down; may be NULL. */
    void (*on_up)(struct session *session);
    void (*on_down)(struct session *session);
    void (*on_reply)(struct session *session, const redisReply *reply);
};

/* Options for a test, to be changed before session_start(): backoff 1 to 20 ms, 30 s to connect,
 * and a name. */
struct redis_options session_to_port(unsigned port);
struct redis_options session_to_socket(const char *path);

/* `options` but for the callbacks. on_up and the like are set after this, and before the loop
 * turns. */
void session_start(struct session *session, struct run *run, const struct redis_options *options);

/* Asserts that there was nothing before but what must have been, and nothing comes after. */
void session_close(struct session *session);

/* Sends a command of up to 8 words, the last argument NULL, that may take 30 s or `timeout_ms`. 0
 * or -1. */
int session_send(struct session *session, ...) __attribute__((sentinel));
int session_send_within(struct session *session, uint64_t timeout_ms, ...)
    __attribute__((sentinel));

/* What session_send() gives to redis_command(), with the session as its data. */
void session_on_reply(struct redis *redis, const redisReply *reply, void *data);

#endif

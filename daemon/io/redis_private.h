/* What the files of a connection share. */
#ifndef DAEMON_IO_REDIS_PRIVATE_H
#define DAEMON_IO_REDIS_PRIVATE_H

#include "daemon/io/redis.h"

/* A command that is not answered yet, in redis->calls. */
struct redis_call {
    struct redis_call *next;
    uint64_t deadline_ms, timeout_ms; /* see redis_deadline_ms() */
    redis_reply_cb reply_cb;
    void *data;
    bool is_proof; /* its success shows that the server is of use */
};

/* ---- redis.c */

/* Notes a failure: the connection is torn down when no callback is running. The first one counts.
 */
void redis_fail(struct redis *redis, const char *why);

uint64_t redis_now_ms(void);

/* Sets the one timer of a connection: a deadline, or the end of the backoff. */
void redis_arm_deadline(struct redis *redis, uint64_t deadline_ms);

/* ---- redis_command.c */

/* As redis_command(), in any state that has a context. */
int redis_send_command(struct redis *redis, int argc, const char *const *argv,
                       const size_t *lengths, uint64_t timeout_ms, redis_reply_cb reply_cb,
                       void *data);

/* Calls what is still unanswered back, without a reply: the connection is gone. */
void redis_fail_calls(struct redis *redis);

/* ---- redis_arrival.c: what is there of the oldest call's reply */

/* When the connection is given up, unless more has come by then. There must be a call. */
uint64_t redis_deadline_ms(const struct redis *redis);

/* More has been read: deadlines move, or it fails, as that is too much. */
void redis_hear_more(struct redis *redis);

/* The oldest call's reply is whole, and not yet freed: the deadlines of the others move. */
void redis_hear_whole(struct redis *redis);

/* The deadline has come. True, once for each reply, if something waits to be read: it moves. */
bool redis_look_again(struct redis *redis);

#define REDIS_TOO_LONG "a reply is longer than it may be"

/* ---- redis_reply.c */

/* The reply as its caller gets it: NULL if there is none, if it makes the server useless, or if the
 * connection has failed already. */
const redisReply *redis_judge_reply(struct redis *redis, const redisAsyncContext *context,
                                    const redisReply *reply, bool is_proof);

/* Notes the failure of a connection that hiredis has given up. */
void redis_fail_ended(struct redis *redis, const redisAsyncContext *context);

/* ---- redis_connect.c */

void redis_connect(struct redis *redis);

/* To the target, whose address this is. */
void redis_connect_to(struct redis *redis, const char *address);

/* Sends a command of up to three words whose reply the login waits for. */
void redis_greet(struct redis *redis, redis_reply_cb cb, int argc, const char *a, const char *b,
                 const char *c);

/* The last word of such a reply_cb: with the last reply the connection is up. */
void redis_greeted(struct redis *redis);

/* ---- redis_lookup.c */

/* Finds an address of the target and connects to it, or fails. */
void redis_look_up(struct redis *redis);

/* To be called when a connection is up: what was kept for an attempt grows old. */
void redis_forget_answers(struct redis *redis);

void redis_abandon_lookups(struct redis *redis);

/* ---- redis_target.c: which server is next */

void redis_target_init(struct redis *redis);

/* Chooses redis->target, for the attempt that begins. */
void redis_target_choose(struct redis *redis);

/* The attempt was of no use: somebody else is next. */
void redis_target_failed(struct redis *redis);

/* "MOVED SLOT HOST:PORT": that node is next. False if it is nothing of the kind. */
bool redis_target_hear_moved(struct redis *redis, const char *text);

/* Connected to a Sentinel: asks it, then notes is_hopping. */
void redis_target_ask(struct redis *redis);

/* Connected to whom a Sentinel named: asks for its role, as a part of the greeting. */
void redis_target_verify(struct redis *redis);

/* ---- redis_adapter.c: between hiredis and libuv */

/* Watches the socket of redis->context. 0 or a negative UV_ code. */
int redis_adapter_attach(struct redis *redis) __attribute__((warn_unused_result));

/* Stops watching; must come before the socket is closed. Nothing happens if it is not watched. */
void redis_adapter_detach(struct redis *redis);

/* Writes what hiredis has buffered, and arms the poll handle for what is left to be wanted. */
void redis_adapter_flush(struct redis *redis);

/* Runs close_cb once everything is closed. */
void redis_adapter_maybe_closed(struct redis *redis);

#endif

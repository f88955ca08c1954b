/* What the files of a connection share. */
#ifndef DAEMON_IO_REDIS_PRIVATE_H
#define DAEMON_IO_REDIS_PRIVATE_H

#include "daemon/io/redis.h"

/* ---- redis.c */

/* Notes a failure: the connection is torn down when no callback is running. The first one counts.
 */
void redis_fail(struct redis *redis, const char *why);

uint64_t redis_now_ms(void);

/* Sets the one timer of a connection: a deadline, or the end of the backoff. */
void redis_arm_deadline(struct redis *redis, uint64_t deadline_ms);

/* As redis_command(), in any state that has a context. */
int redis_send_command(struct redis *redis, int argc, const char *const *argv,
                       const size_t *lengths, uint64_t timeout_ms, redis_reply_cb reply_cb,
                       void *data);

/* ---- redis_connect.c */

void redis_connect(struct redis *redis);

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

/* Between hiredis and libuv: the part of redis.c that watches the socket. Private to it. */
#ifndef DAEMON_IO_REDIS_ADAPTER_H
#define DAEMON_IO_REDIS_ADAPTER_H

#include "daemon/io/redis.h"

/* Watches the socket of redis->context. 0 or a negative UV_ code. */
int redis_adapter_attach(struct redis *redis) __attribute__((warn_unused_result));

/* Stops watching; must come before the socket is closed. Nothing happens if it is not watched. */
void redis_adapter_detach(struct redis *redis);

/* Writes what hiredis has buffered, and arms the poll handle for what is left to be wanted. */
void redis_adapter_flush(struct redis *redis);

/* Runs close_cb once everything is closed. */
void redis_adapter_maybe_closed(struct redis *redis);

#endif

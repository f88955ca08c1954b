/* Calls of Lua scripts: their arguments are gathered and sent by hash.
 *
 * The scripts are loaded when a connection comes up, so that the server knows each hash before the
 * first call: a settlement that is on its way then counts even if the daemon dies before Redis gets
 * to it. Where the hash is unknown all the same (SCRIPT FLUSH), the call is sent again with the
 * script's text. */
#ifndef DAEMON_SCRIPT_H
#define DAEMON_SCRIPT_H

#include "daemon/io/redis.h"
#include "proto/scripts.h"

/* Loads all scripts; to be called when the connection has come up, before any call. */
void script_load_all(struct redis *redis);

/* Counts from now on how long replies take; NULL: no longer. */
struct metrics;
void script_measure(struct metrics *metrics);

struct script_call;

/* As redis_reply_cb: once; NULL if the connection was lost. */
typedef void (*script_reply_cb)(const redisReply *reply, void *data);

/* A call without keys and arguments yet; NULL when out of memory. */
struct script_call *script_call_new(const struct lua_script *script);

/* Throws away a call that was not sent; NULL is allowed. */
void script_call_free(struct script_call *call);

/* Keys first, then arguments; bytes are copied. Running out of memory is told by script_send(). */
void script_key(struct script_call *call, const char *key);
void script_arg(struct script_call *call, const char *bytes, size_t len);
void script_arg_text(struct script_call *call, const char *text);
void script_arg_number(struct script_call *call, uint64_t number);

/* There was no memory for what should have been an argument: the call is not sent, as if memory had
 * run out here. */
void script_fail(struct script_call *call);

/* About how many bytes it would take on the wire so far. */
size_t script_size(const struct script_call *call);

/* Gives the arguments from the n-th behind the keys on, one by one. False if memory ran out while
 * they were gathered: then it gives none. */
typedef void (*script_arg_cb)(const char *bytes, size_t len, void *data);
bool script_each_arg(const struct script_call *call, size_t n, script_arg_cb arg_cb, void *data);

/* Sends the call, which is then not the caller's any more. 0; or -1 if the connection is not up or
 * memory ran out, and the callback does not run. */
int script_send(struct script_call *call, struct redis *redis, uint64_t timeout_ms,
                script_reply_cb reply_cb, void *data) __attribute__((warn_unused_result));

#endif

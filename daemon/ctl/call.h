/* A command of any length for Redis, of words that are copied.
 *
 *   struct call call = {.n = 0};
 *   call_script(&call, &script_replay, 5);
 *   call_key(&call, "{l}:failures");  ...
 *   call_add(&call, bytes, len);
 *   reply = call_send(&call, &link);   empties the call
 *
 * Running out of memory is told by call_send(). */
#ifndef DAEMON_CTL_CALL_H
#define DAEMON_CTL_CALL_H

#include "daemon/ctl/link.h"
#include "proto/keys.h"
#include "proto/scripts.h"

struct call {
    const char **argv; /* owned, and so are its words */
    size_t *lens;      /* owned */
    size_t n, size;
    bool failed; /* memory ran out */
};

void call_add(struct call *call, const char *bytes, size_t len);
void call_text(struct call *call, const char *text);
void call_number(struct call *call, uint64_t number);

/* Begins with EVAL; keys come next, then arguments. */
void call_script(struct call *call, const struct lua_script *script, unsigned n_keys);

/* Keys of a list. */
void call_key(struct call *call, const char *list, enum keys_queue which);
void call_consumer_key(struct call *call, const char *list, enum keys_consumer which,
                       const char *consumer);

/* As link_call(). */
redisReply *call_send(struct call *call, struct link *link) __attribute__((warn_unused_result));

/* Forgets the words; a zeroed call is allowed. */
void call_clear(struct call *call);

#endif

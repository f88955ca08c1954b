/* A blocking connection to Redis, for commands that do one thing and end.
 *
 * In a Redis Cluster link_call() goes to the node that has the key, and the link stays there. What
 * has left for another node while its slot is moved is asked for there (ASK): commands of one key,
 * scripts of one key; others wait for the slot to arrive, for as long as an answer may take.
 *
 * Every wait has a bound: connecting takes at most LINK_CONNECT_MS, an answer LINK_ANSWER_MS. After
 * a call failed the link is of no more use, save for link_close(). */
#ifndef DAEMON_CTL_LINK_H
#define DAEMON_CTL_LINK_H

#include <hiredis/hiredis.h>

#include "daemon/config/config.h"

#define LINK_CONNECT_MS 5000
#define LINK_ANSWER_MS  15000
#define LINK_WHY_MAX    320

struct link {
    redisContext *redis;               /* owned; NULL when closed */
    const struct redis_config *config; /* borrowed */
    char where[160];                   /* "127.0.0.1:6379", for messages */
    char why[LINK_WHY_MAX];            /* why the last call failed */
    bool was_refused;                  /* it failed with an error of Redis about this call alone */
    bool asking;                       /* each command goes behind ASKING: see link_aim() */
    unsigned answer_ms;                /* what an answer may take */
};

/* Connects, asks the Sentinels for the master if there are any, authenticates and selects the
 * database. 0, or -1 and link->why; a login or database that is refused is a server that cannot be
 * asked, and sets no link->was_refused. `config` must outlive the link. */
int link_open(struct link *link, const struct redis_config *config)
    __attribute__((warn_unused_result));

/* Goes to the node of a cluster that has this key: before a pipeline on it, which cannot follow.
 * Where the key is on its way, or will be made where its slot goes, link->asking is set: no other
 * key may be touched then. 0, or -1 and link->why. */
int link_aim(struct link *link, const char *key) __attribute__((warn_unused_result));

void link_close(struct link *link);

/* Leaves this server for that one, and logs in there, as link_open(). What an answer may take stays
 * as it was set. */
int link_reopen(struct link *link, const char *host, unsigned port)
    __attribute__((warn_unused_result));

/* From here on an answer may take this long. */
int link_set_timeout(struct link *link, unsigned ms);

/* Sends one command of words up to NULL and waits. The caller frees the reply with
 * freeReplyObject(). NULL and link->why if the connection failed *or Redis answered an error*. */
redisReply *link_call(struct link *link, const char *word, ...)
    __attribute__((sentinel, warn_unused_result));

/* The same of words with lengths. */
redisReply *link_call_words(struct link *link, int argc, const char **argv, const size_t *lens)
    __attribute__((warn_unused_result));

/* The same, but gives errors of Redis as replies. 0, or -1 and link->why. */
int link_ask(struct link *link, int argc, const char **argv, const size_t *lens,
             redisReply **ret_reply) __attribute__((warn_unused_result));

/* Passes the reply of a call on if it fits (reply_fits()), NULL as well; else frees it: NULL, and
 * link->why names the command. */
redisReply *link_check(struct link *link, redisReply *reply, const char *command, const char *head,
                       const char *rest) __attribute__((warn_unused_result));

/* Notes the reason of a failure: -1. The second one: the connection's own, or that memory is short.
 */
int link_fail(struct link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));
int link_fail_io(struct link *link);

/* Notes that what came is not the answer of this command: -1. */
int link_misfit(struct link *link, const char *command);

/* Notes an error of Redis as the reason of a failure: -1. */
int link_refuse(struct link *link, const char *error);

/* The exit status for the last call, which failed: CTL_FAILED where Redis is there and refused just
 * this, else CTL_UNAVAILABLE. */
int link_status(const struct link *link);

/* Redis's own clock, which all times in its keys are of. 0, or -1 and link->why. */
int link_time(struct link *link, uint64_t *ret_unix_ms) __attribute__((warn_unused_result));

/* Pipelining: link_append() only queues, link_flush() sends what is queued, link_read() sends it
 * and waits for the next answer, which may be an error of Redis (REDIS_REPLY_ERROR). 0, or -1 and
 * link->why. */
int link_append(struct link *link, int argc, const char **argv, const size_t *lens)
    __attribute__((warn_unused_result));
int link_flush(struct link *link) __attribute__((warn_unused_result));
int link_read(struct link *link, redisReply **ret_reply) __attribute__((warn_unused_result));

/* True if more has been read from the connection than link_read() has given: poll() tells nothing
 * of that. */
bool link_has_read_ahead(const struct link *link);

/* As link_read(), but an error of Redis is a failure, too: NULL and link->why. */
redisReply *link_answer(struct link *link) __attribute__((warn_unused_result));

#endif

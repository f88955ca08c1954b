/* A blocking connection to Redis, for commands that do one thing and end.
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
    redisContext *redis;    /* owned; NULL when closed */
    char where[160];        /* "127.0.0.1:6379", for messages */
    char why[LINK_WHY_MAX]; /* why the last call failed */
};

/* Connects, asks the Sentinels for the master if there are any, authenticates and selects the
 * database. 0, or -1 and link->why. */
int link_open(struct link *link, const struct redis_config *config)
    __attribute__((warn_unused_result));

void link_close(struct link *link);

/* From here on an answer may take this long. */
int link_set_timeout(struct link *link, unsigned ms);

/* Sends one command of words up to NULL and waits. The caller frees the reply with
 * freeReplyObject(). NULL and link->why if the connection failed *or Redis answered an error*. */
redisReply *link_call(struct link *link, const char *word, ...)
    __attribute__((sentinel, warn_unused_result));

/* Pipelining: link_append() only queues, link_read() sends what is queued and waits for the next
 * answer, which may be an error of Redis (REDIS_REPLY_ERROR). 0, or -1 and link->why. */
int link_append(struct link *link, int argc, const char **argv, const size_t *lens)
    __attribute__((warn_unused_result));
int link_read(struct link *link, redisReply **ret_reply) __attribute__((warn_unused_result));

#endif

/* The names of a queue's keys in Redis.
 *
 * Every key of the list L is {L}:suffix, or L:suffix where L has a hash tag of its own, so that all
 * of them share L's slot in a Redis Cluster. A list whose name would not hash that way is refused.
 */
#ifndef PROTO_KEYS_H
#define PROTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define KEYS_NAME_MAX     256 /* bytes of a list's name */
#define KEYS_CONSUMER_MAX 200 /* bytes of a consumer's name; a longer one is cut */
#define KEYS_KEY_MAX      512 /* bytes of any key, with its NUL */

/* X(NAME, "suffix"): one key a queue. */
#define KEYS_QUEUE_MAP(X)                                                                          \
    X(RESULTS, "results")       /* stream: jobs that succeeded */                                  \
    X(FAILURES, "failures")     /* stream: jobs that failed for good */                            \
    X(RETRY, "retry")           /* zset: claim id by the unix ms at which it is due */             \
    X(RETRY_JOBS, "retry:jobs") /* hash: claim id -> record of a job that waits in `retry` */      \
    X(LEASES, "leases")         /* zset: consumer by the unix ms at which its lease ends */        \
    X(SEQ, "seq")               /* counter: the last claim id */                                   \
    X(PAUSED, "paused")         /* hash: app, or * for the queue -> {"since_ms","reason"} */       \
    X(PARKED, "parked")         /* set: apps with parked jobs; {L}:parked:APP is a zset of their   \
                                   claim ids, the records are in retry:jobs */                     \
    X(WAITING, "waiting")       /* hash: consumers that wait for an exclusive list */              \
    X(DAEMONS, "daemons")       /* hash: consumer -> what it says of itself, publish.lua */        \
    X(WATCHED, "watched")       /* is there while somebody looks at `daemons` */                   \
    X(SEEN, "seen")             /* prefix: {L}:seen:ID holds the claim id of a job, for dedupe */

/* X(NAME, "prefix"): one key a consumer, {L}:prefix:CONSUMER.
 * INFLIGHT is a hash: claim id -> record of a claimed job. */
#define KEYS_CONSUMER_MAP(X) X(INFLIGHT, "inflight")

enum keys_queue {
#define KEYS_ENUM(name, suffix) KEYS_##name,
    KEYS_QUEUE_MAP(KEYS_ENUM) KEYS_QUEUE_COUNT,
};

enum keys_consumer {
    KEYS_CONSUMER_MAP(KEYS_ENUM)
#undef KEYS_ENUM
        KEYS_CONSUMER_COUNT,
};

/* True if `list` can be a queue: 1 to KEYS_NAME_MAX bytes, no control characters, and every key
 * that is made of it hashes to its slot. */
bool keys_list_ok(const char *list);

/* Write a key, NUL-terminated, and return its length. The list must be ok. */
size_t keys_queue(const char *list, enum keys_queue which, char ret_key[KEYS_KEY_MAX]);
size_t keys_consumer(const char *list, enum keys_consumer which, const char *consumer,
                     char ret_key[KEYS_KEY_MAX]);

/* True if `key` is the list itself or one of its keys: a job must not name it in replyTo. Other
 * keys with the list's tag are the users' own, as a reply list of a Redis Cluster has to be. */
bool keys_is_own(const char *list, const char *key, size_t len);

#endif

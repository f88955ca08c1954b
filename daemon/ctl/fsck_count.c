#include <stdlib.h>

#include "daemon/ctl/fsck.h"
#include "daemon/view/reply.h"

/* The integer that a command answers; 0 for a key of another type. */
static int ask(struct fsck *fsck, const char *command, const char *key, uint64_t *ret_n)
{
    redisReply *reply = link_call(fsck->link, command, key, NULL);
    *ret_n = reply && reply->integer > 0 ? (uint64_t)reply->integer : 0;
    int rc = reply ? 0 : fsck_excuse(fsck);
    freeReplyObject(reply);
    return rc;
}

static int ask_queue(struct fsck *fsck, const char *command, enum keys_queue which, uint64_t *ret_n)
{
    char key[KEYS_KEY_MAX];
    keys_queue(fsck->list, which, key);
    return ask(fsck, command, key, ret_n);
}

static int ask_lease(struct fsck *fsck, uint64_t now_ms, struct fsck_consumer *consumer)
{
    char key[KEYS_KEY_MAX];
    keys_queue(fsck->list, KEYS_LEASES, key);
    redisReply *reply = link_call(fsck->link, "ZSCORE", key, consumer->name, NULL);
    if (!reply)
        return fsck_excuse(fsck);
    consumer->has_lease = reply->type == REDIS_REPLY_STRING;
    if (consumer->has_lease)
        consumer->lease_ms = reply_score_ms(reply) - (int64_t)now_ms;
    freeReplyObject(reply);
    return 0;
}

static int count_consumers(struct fsck *fsck)
{
    char key[KEYS_KEY_MAX];
    uint64_t now_ms;
    int rc = link_time(fsck->link, &now_ms);
    fsck->consumer_counts = calloc(fsck->consumers.n + 1, sizeof *fsck->consumer_counts);
    if (!fsck->consumer_counts)
        return fsck_fail_memory(fsck);
    for (size_t i = 0; rc == 0 && i < fsck->consumers.n; i++) {
        struct fsck_consumer *consumer = &fsck->consumer_counts[i];
        consumer->name = fsck->consumers.items[i];
        keys_consumer(fsck->list, KEYS_INFLIGHT, consumer->name, key);
        rc = ask(fsck, "HLEN", key, &consumer->held);
        if (rc == 0)
            rc = ask_lease(fsck, now_ms, consumer);
        fsck->held += consumer->held;
    }
    return rc;
}

static int count_parked(struct fsck *fsck)
{
    char key[KEYS_KEY_MAX];
    int rc = 0;
    fsck->parked_counts = calloc(fsck->parked_apps.n + 1, sizeof *fsck->parked_counts);
    if (!fsck->parked_counts)
        return fsck_fail_memory(fsck);
    for (size_t i = 0; rc == 0 && i < fsck->parked_apps.n; i++) {
        fsck_parked_key(fsck, fsck->parked_apps.items[i], key);
        rc = ask(fsck, "ZCARD", key, &fsck->parked_counts[i]);
        fsck->parked += fsck->parked_counts[i];
    }
    return rc;
}

/* Every job is on the list, claimed, or has a record. */
int fsck_count(struct fsck *fsck)
{
    uint64_t records;
    if (ask(fsck, "LLEN", fsck->list, &fsck->backlog) != 0 || count_consumers(fsck) != 0 ||
        count_parked(fsck) != 0 || ask_queue(fsck, "ZCARD", KEYS_RETRY, &fsck->retry) != 0 ||
        ask_queue(fsck, "HLEN", KEYS_RETRY_JOBS, &records) != 0)
        return -1;
    fsck->total = fsck->backlog + fsck->held + records;
    return 0;
}

#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/status.h"
#include "proto/keys.h"

/* The integer that a command answers. */
static int ask(struct link *link, const char *command, const char *key, uint64_t *ret_n)
{
    redisReply *reply = link_call(link, command, key, NULL);
    if (!reply)
        return -1;
    *ret_n =
        reply->type == REDIS_REPLY_INTEGER && reply->integer > 0 ? (uint64_t)reply->integer : 0;
    freeReplyObject(reply);
    return 0;
}

static int ask_queue(struct link *link, const char *command, const char *list,
                     enum keys_queue which, uint64_t *ret_n)
{
    char key[KEYS_KEY_MAX];
    keys_queue(list, which, key);
    return ask(link, command, key, ret_n);
}

/* Members and scores of a sorted set, in pairs, at most `n` of them. */
static redisReply *ask_scores(struct link *link, const char *list, enum keys_queue which,
                              unsigned n)
{
    char key[KEYS_KEY_MAX], last[16];
    keys_queue(list, which, key);
    snprintf(last, sizeof last, "%u", n - 1);
    return link_call(link, "ZRANGE", key, "0", last, "WITHSCORES", NULL);
}

/* Redis's own clock, which all times in its keys are of. */
static int ask_time(struct link *link, int64_t *ret_ms)
{
    redisReply *reply = link_call(link, "TIME", NULL);
    if (!reply)
        return -1;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        *ret_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                  strtoll(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return 0;
}

static int read_consumer(struct link *link, const char *list, struct consumer_status *consumer)
{
    char key[KEYS_KEY_MAX];
    keys_consumer(list, KEYS_INFLIGHT, consumer->name, key);
    if (ask(link, "HLEN", key, &consumer->in_flight) != 0)
        return -1;
    keys_consumer(list, KEYS_INTAKE, consumer->name, key);
    return ask(link, "LLEN", key, &consumer->intake);
}

static int read_consumers(struct link *link, int64_t now_ms, struct queue_status *status)
{
    redisReply *leases = ask_scores(link, status->list, KEYS_LEASES, STATUS_MAX_CONSUMERS);
    int rc = leases ? 0 : -1;
    if (leases && leases->elements > 0)
        status->consumers = calloc(leases->elements / 2, sizeof *status->consumers);
    for (size_t i = 0; rc == 0 && status->consumers && i + 1 < leases->elements; i += 2) {
        struct consumer_status *consumer = &status->consumers[status->n_consumers];
        consumer->name = strdup(leases->element[i]->str);
        if (!consumer->name)
            break;
        status->n_consumers++;
        consumer->lease_ms = (int64_t)strtod(leases->element[i + 1]->str, NULL) - now_ms;
        rc = read_consumer(link, status->list, consumer);
        status->in_flight += consumer->in_flight;
    }
    freeReplyObject(leases);
    return rc;
}

static int read_retries(struct link *link, int64_t now_ms, struct queue_status *status)
{
    if (ask_queue(link, "ZCARD", status->list, KEYS_RETRY, &status->waiting) != 0)
        return -1;
    redisReply *first = ask_scores(link, status->list, KEYS_RETRY, 1);
    if (!first)
        return -1;
    if (first->elements == 2) {
        int64_t due_ms = (int64_t)strtod(first->element[1]->str, NULL) - now_ms;
        status->next_due_ms = due_ms > 0 ? due_ms : 0;
    }
    freeReplyObject(first);
    return 0;
}

static int read_queue(struct link *link, struct queue_status *status)
{
    int64_t now_ms = 0;
    uint64_t paused;
    if (ask_time(link, &now_ms) != 0 || ask(link, "LLEN", status->list, &status->backlog) != 0 ||
        read_consumers(link, now_ms, status) != 0 || read_retries(link, now_ms, status) != 0 ||
        ask_queue(link, "XLEN", status->list, KEYS_RESULTS, &status->results) != 0 ||
        ask_queue(link, "XLEN", status->list, KEYS_FAILURES, &status->failures) != 0 ||
        ask_queue(link, "EXISTS", status->list, KEYS_PAUSED, &paused) != 0)
        return -1;
    status->paused = paused > 0;
    return 0;
}

int status_read(struct link *link, const char *name, const char *list,
                struct queue_status *ret_status)
{
    struct queue_status status = {.name = name, .list = list};
    if (read_queue(link, &status) != 0) {
        status_deinit(&status);
        return -1;
    }
    *ret_status = status;
    return 0;
}

void status_deinit(struct queue_status *status)
{
    for (size_t i = 0; i < status->n_consumers; i++)
        free(status->consumers[i].name);
    free(status->consumers);
    status->consumers = NULL;
    status->n_consumers = 0;
}

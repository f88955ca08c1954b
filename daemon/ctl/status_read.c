#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/status.h"
#include "daemon/view/reply.h"
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
    redisReply *reply = link_call(link, "ZRANGE", key, "0", last, "WITHSCORES", NULL);
    return link_check(link, reply, "ZRANGE", "", "ss");
}

static int read_consumer(struct link *link, const char *list, struct consumer_status *consumer)
{
    char key[KEYS_KEY_MAX];
    keys_consumer(list, KEYS_INFLIGHT, consumer->name, key);
    return ask(link, "HLEN", key, &consumer->held);
}

/* A user without the right to read them sees the rest all the same. */
static int read_reports(struct link *link, struct queue_status *status)
{
    char key[KEYS_KEY_MAX];
    keys_queue(status->list, KEYS_DAEMONS, key);
    redisReply *reply =
        link_check(link, link_call(link, "HGETALL", key, NULL), "HGETALL", "", "ss");
    if (!reply)
        return link->was_refused ? 0 : -1;
    for (size_t i = 0; i < status->n_consumers; i++) {
        struct consumer_status *consumer = &status->consumers[i];
        for (size_t k = 0; k + 1 < reply->elements && !consumer->report; k += 2)
            if (strcmp(reply->element[k]->str, consumer->name) == 0)
                consumer->report =
                    json_loadb(reply->element[k + 1]->str, reply->element[k + 1]->len, 0, NULL);
    }
    freeReplyObject(reply);
    return 0;
}

static int read_consumers(struct link *link, struct queue_status *status)
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
        consumer->lease_ms = reply_score_ms(leases->element[i + 1]) - (int64_t)status->now_ms;
        rc = read_consumer(link, status->list, consumer);
        status->held += consumer->held;
    }
    freeReplyObject(leases);
    return rc == 0 ? read_reports(link, status) : rc;
}

static int read_retries(struct link *link, struct queue_status *status)
{
    if (ask_queue(link, "ZCARD", status->list, KEYS_RETRY, &status->waiting) != 0)
        return -1;
    redisReply *first = ask_scores(link, status->list, KEYS_RETRY, 1);
    if (!first)
        return -1;
    if (first->elements == 2) {
        int64_t due_ms = reply_score_ms(first->element[1]) - (int64_t)status->now_ms;
        status->next_due_ms = due_ms > 0 ? due_ms : 0;
    }
    freeReplyObject(first);
    return 0;
}

static int read_parked_app(struct link *link, const char *parked, const redisReply *app,
                           struct queue_status *status)
{
    char key[KEYS_KEY_MAX + 256];
    struct parked_status *item = &status->parked[status->n_parked];
    item->app = strndup(app->str, app->len);
    if (!item->app)
        return 0;
    status->n_parked++;
    snprintf(key, sizeof key, "%s:%s", parked, item->app);
    return ask(link, "ZCARD", key, &item->jobs);
}

static int read_parked(struct link *link, struct queue_status *status)
{
    char key[KEYS_KEY_MAX];
    keys_queue(status->list, KEYS_PARKED, key);
    redisReply *apps =
        link_check(link, link_call(link, "SMEMBERS", key, NULL), "SMEMBERS", "", "s");
    int rc = apps ? 0 : -1;
    if (apps && apps->elements > 0)
        status->parked = calloc(apps->elements, sizeof *status->parked);
    for (size_t i = 0; rc == 0 && status->parked && i < apps->elements && i < STATUS_MAX_APPS; i++)
        rc = read_parked_app(link, key, apps->element[i], status);
    freeReplyObject(apps);
    return rc;
}

static int read_pauses(struct link *link, struct queue_status *status)
{
    if (pauses_read(link, status->list, &status->pauses) != 0)
        return -1;
    status->paused = pauses_find(&status->pauses, PAUSES_QUEUE) != NULL;
    return 0;
}

static int read_queue(struct link *link, struct queue_status *status)
{
    if (link_time(link, &status->now_ms) != 0 ||
        ask(link, "LLEN", status->list, &status->backlog) != 0 ||
        read_consumers(link, status) != 0 || read_retries(link, status) != 0 ||
        read_parked(link, status) != 0 || read_pauses(link, status) != 0 ||
        ask_queue(link, "XLEN", status->list, KEYS_RESULTS, &status->results) != 0 ||
        ask_queue(link, "XLEN", status->list, KEYS_FAILURES, &status->failures) != 0)
        return -1;
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
    for (size_t i = 0; i < status->n_consumers; i++) {
        free(status->consumers[i].name);
        json_decref(status->consumers[i].report);
    }
    for (size_t i = 0; i < status->n_parked; i++)
        free(status->parked[i].app);
    free(status->consumers);
    free(status->parked);
    pauses_deinit(&status->pauses);
    status->consumers = NULL;
    status->parked = NULL;
    status->n_consumers = status->n_parked = 0;
}

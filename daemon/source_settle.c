/* Settling: everything that was decided in a loop turn goes out in one call. A call whose reply is
 * lost is sent again as it is: what the first one settled is gone from the claim, and is not
 * reported twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"

#define SETTLE_MAX      1000 /* jobs a call */
#define SETTLE_RETRY_MS 1000 /* after an error of Redis */

struct settle_call {
    struct source *source;  /* borrowed; outlives the call */
    struct list deliveries; /* by `link` */
    size_t n;
};

static void release(struct source *source, struct delivery *delivery)
{
    list_remove(&delivery->held_link);
    engine_release(source->context->engine, &delivery->job);
    delivery_free(delivery);
}

static void release_all(struct source *source, struct list *deliveries)
{
    struct list *link;

    while ((link = list_pop(deliveries)))
        release(source, LIST_ENTRY(link, struct delivery, link));
}

void source_settle(struct source *source, struct delivery *delivery)
{
    if (delivery->job.fate == JOB_ABANDONED || delivery->job.abandoned) {
        source->counters.late++;
        release(source, delivery);
        return;
    }
    list_push(&source->unsettled, &delivery->link);
}

void source_drop_unsettled(struct source *source)
{
    for (struct list *link = source->unsettled.next; link != &source->unsettled; link = link->next)
        source->counters.late++;
    release_all(source, &source->unsettled);
}

bool source_drop_all(struct source *source)
{
    bool any = !list_empty(&source->held);

    source_drop_unsettled(source);
    return any;
}

void source_add_claim_id(struct script_call *call, const struct delivery *delivery)
{
    char id[24];

    script_arg(call, id, (size_t)snprintf(id, sizeof(id), "%016" PRIu64, delivery->job.claim_id));
}

/* Back to the front, in order: a later turn sends them again. */
static void take_back(struct source *source, struct list *deliveries)
{
    list_splice(deliveries, &source->unsettled);
    list_splice(&source->unsettled, deliveries);
}

static void on_settled(const redisReply *reply, void *data)
{
    struct settle_call *settle = data;
    struct source *source = settle->source;

    source->n_settling--;
    if (source_reply_is_good(source, script_settle.name, reply, 0)) {
        source->counters.late += reply->elements;
        source->counters.settled += settle->n - reply->elements;
        release_all(source, &settle->deliveries);
    } else {
        if (reply)
            source->settle_after_ms = clock_ms() + SETTLE_RETRY_MS;
        take_back(source, &settle->deliveries);
    }
    free(settle);
}

static struct script_call *new_call(const struct source *source)
{
    struct script_call *call = script_call_new(&script_settle);

    if (!call)
        return NULL;
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->list_key[KEYS_RETRY_JOBS]);
    script_key(call, source->list_key[KEYS_RESULTS]);
    script_key(call, source->list_key[KEYS_FAILURES]);
    script_key(call, source->queue->list);
    script_arg_number(call, source->context->config->results_max_entries);
    return call;
}

static void send_some(struct source *source, const struct settlement *settlement)
{
    struct settle_call *settle = calloc(1, sizeof(*settle));
    struct script_call *call = new_call(source);
    struct list *link;

    if (!settle || !call) {
        free(settle);
        script_call_free(call);
        return;
    }
    settle->source = source;
    list_init(&settle->deliveries);
    while (settle->n < SETTLE_MAX && (link = list_pop(&source->unsettled))) {
        settle_add(call, settlement, LIST_ENTRY(link, struct delivery, link));
        list_push(&settle->deliveries, link);
        settle->n++;
    }
    if (script_send(call, source->context->commands, SOURCE_TIMEOUT_MS, on_settled, settle) == 0) {
        source->n_settling++;
        return;
    }
    take_back(source, &settle->deliveries);
    free(settle);
}

static struct settlement settlement_of(const struct source *source)
{
    return (struct settlement){
        .successes = source->context->config->results_successes,
        .now_ms = source->server_now_at_ms,
        .server_now_ms = source->server_now_ms,
    };
}

static int younger_first(const void *a, const void *b)
{
    const struct delivery *x = *(struct delivery *const *)a, *y = *(struct delivery *const *)b;

    return (x->job.claim_id < y->job.claim_id) - (x->job.claim_id > y->job.claim_id);
}

/* Jobs with a history wait among the retries, which are claimed before the list: what stood before
 * one of them must join it there, or it would be passed. */
static void keep_places(struct delivery **deliveries, size_t n)
{
    bool is_passed = false;

    for (size_t i = 0; i < n; i++) {
        struct job *job = &deliveries[i]->job;

        is_passed |= job->fate == JOB_LATER && job->due_ms == 0;
        if (is_passed && job->fate == JOB_HANDED_BACK)
            job->fate = JOB_LATER;
    }
}

/* Jobs that are handed back are pushed to the front of the list one by one: the oldest must be the
 * last. */
static void sort_unsettled(struct source *source)
{
    struct delivery **deliveries;
    size_t n = 0;

    for (struct list *link = source->unsettled.next; link != &source->unsettled; link = link->next)
        n++;
    if (n < 2 || !(deliveries = calloc(n, sizeof(struct delivery *))))
        return;
    for (size_t i = 0; i < n; i++)
        deliveries[i] = LIST_ENTRY(list_pop(&source->unsettled), struct delivery, link);
    qsort(deliveries, n, sizeof(struct delivery *), younger_first);
    keep_places(deliveries, n);
    for (size_t i = 0; i < n; i++)
        list_push(&source->unsettled, &deliveries[i]->link);
    free(deliveries);
}

/* What goes back to the queue waits until nothing is in flight any more: a request that is refused
 * meanwhile has jobs that stood before it. */
static void set_aside_returns(struct source *source, struct list *later)
{
    LIST_FOREACH(link, &source->unsettled)
    {
        const struct job *job = &LIST_ENTRY(link, struct delivery, link)->job;

        if (job->fate != JOB_HANDED_BACK && !(job->fate == JOB_LATER && job->due_ms == 0))
            continue;
        list_remove(link);
        list_push(later, link);
    }
}

void source_send_settlements(struct source *source, uint64_t now_ms)
{
    struct settlement settlement = settlement_of(source);
    struct list later;

    if (source->lease != LEASE_HELD || now_ms < source->settle_after_ms)
        return;
    list_init(&later);
    if (source->context->stopping && engine_n_in_flight(source->context->engine) > 0)
        set_aside_returns(source, &later);
    else if (source->context->stopping)
        sort_unsettled(source);
    while (!list_empty(&source->unsettled) && source->context->commands->state == REDIS_UP) {
        struct list *before = source->unsettled.next;

        send_some(source, &settlement);
        if (source->unsettled.next == before)
            break; /* memory is short: later */
    }
    list_splice(&source->unsettled, &later);
}

static void on_progress(const redisReply *reply, void *data)
{
    /* Without it a crash would repeat a part of one job: nothing is to be done about it. */
    (void)reply;
    (void)data;
}

void source_keep_progress(struct source *source, const struct delivery *delivery)
{
    struct settlement settlement = settlement_of(source);
    struct script_call *call;

    if (source->lease != LEASE_HELD || delivery->job.abandoned || !(call = new_call(source)))
        return;
    settle_add_progress(call, &settlement, delivery);
    (void)!script_send(call, source->context->commands, SOURCE_TIMEOUT_MS, on_progress, NULL);
}

/* Settling: everything that was decided in a loop turn goes out in one call; or in a few, if it is
 * much, and the rest when those are acknowledged. A call whose reply is lost is sent again: what
 * the first one settled is gone from the claim, and is not reported twice. */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

#define SETTLE_MAX          1000 /* jobs a call */
#define SETTLE_RETRY_MS     1000 /* after an error of Redis */
#define SETTLE_NO_MEMORY_MS 100

struct settle_call {
    struct list link;           /* in source->settling, oldest first */
    struct source *source;      /* borrowed; outlives the call */
    struct source_spool *spool; /* of the consumer that claimed them; n_calls keeps it */
    struct list deliveries;     /* by `link` */
    size_t n, n_bytes;
    uint64_t sent_ms;
};

static void release(struct source *source, struct delivery *delivery)
{
    source_unspool(delivery);
    source_let_go(source, delivery);
    engine_release(source->context->engine, &delivery->job);
    delivery_free(delivery);
}

static void release_all(struct source *source, struct list *deliveries)
{
    struct list *link;

    while ((link = list_pop(deliveries)))
        release(source, LIST_ENTRY(link, struct delivery, link));
}

/* Neither the job's bytes nor the error's text, which may quote them. */
static void log_failure(const struct source *source, const struct delivery *delivery)
{
    const struct part *part = delivery->job.parts;

    while (part->state != PART_FAILED)
        part++;
    log_event(LOG_WARNING, "job", "a job failed", LOG_TEXT("code", part->code),
              LOG_TEXT("queue", source->queue->name), LOG_STRING("app", delivery->app_name),
              LOG_STRING("op", delivery->op_name), LOG_STRING("id", delivery->id),
              LOG_NUMBER("status", part->http), LOG_NUMBER("attempts", delivery->job.attempts));
}

/* A result may be much larger than its job. */
static void hold_results(struct source *source, struct delivery *delivery)
{
    const struct job *job = &delivery->job;

    if (delivery_is_trigger(delivery->op) && !delivery->item_names)
        return; /* there are none */
    for (uint32_t i = 0; i < job->n_parts; i++)
        delivery->result_bytes += job->parts[i].result ? strlen(job->parts[i].result) : 0;
    source->n_held_bytes += delivery->result_bytes;
}

void source_settle(struct source *source, struct delivery *delivery)
{
    if (delivery->job.fate == JOB_FAILED)
        log_failure(source, delivery);
    if (delivery->job.fate == JOB_ABANDONED || delivery->job.abandoned) {
        source_make_late(source, delivery);
        release(source, delivery);
        return;
    }
    hold_results(source, delivery);
    list_push(&source->unsettled, &delivery->link);
}

/* What was decided holds, whoever has the jobs now. */
static void make_late(struct source *source, struct list *deliveries)
{
    LIST_FOREACH(link, deliveries)
    source_make_late(source, LIST_ENTRY(link, struct delivery, link));
    release_all(source, deliveries);
}

void source_lose_unsettled(struct source *source)
{
    make_late(source, &source->unsettled);
}

/* A claim or a recovery that was out is in doubt, as its reply was NULL. */
bool source_drop_all(struct source *source)
{
    bool any = !list_empty(&source->held) || source->claim_in_doubt;

    source_close_spools(source);
    release_all(source, &source->unsettled);
    return any;
}

/* Back to the front, in order: a later turn sends them again. */
static void take_back(struct source *source, struct list *deliveries)
{
    list_splice(deliveries, &source->unsettled);
    list_splice(&source->unsettled, deliveries);
}

/* What is to be claimed again wakes nobody when it is due. */
static void note_due(struct source *source, struct list *deliveries)
{
    LIST_FOREACH(link, deliveries)
    {
        const struct job *job = &LIST_ENTRY(link, struct delivery, link)->job;

        if (job->fate == JOB_LATER && job->due_ms < source->next_claim_ms)
            source->next_claim_ms = job->due_ms;
    }
}

static void on_settled(const redisReply *reply, void *data)
{
    struct settle_call *settle = data;
    struct source *source = settle->source;

    list_remove(&settle->link);
    settle->spool->n_calls--;
    source->n_settling_bytes -= settle->n_bytes;
    if (source_reply_is_good(source, script_settle.name, reply, "", "s")) {
        size_t n_gone = reply->elements < settle->n ? reply->elements : settle->n;

        source->counters.late += n_gone;
        source->counters.settled += settle->n - n_gone;
        metrics_settled(&source->context->metrics->queues[source->index], &settle->deliveries,
                        reply);
        note_due(source, &settle->deliveries);
        release_all(source, &settle->deliveries);
    } else {
        if (reply)
            source->settle_after_ms = clock_ms() + SETTLE_RETRY_MS;
        if (settle->spool == source->spool)
            take_back(source, &settle->deliveries);
        else
            make_late(source, &settle->deliveries);
    }
    free(settle);
}

struct script_call *source_settle_call(const struct source *source, const char *inflight_key)
{
    struct script_call *call = script_call_new(&script_settle);

    if (!call)
        return NULL;
    script_key(call, inflight_key);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->list_key[KEYS_RETRY_JOBS]);
    script_key(call, source->list_key[KEYS_RESULTS]);
    script_key(call, source->list_key[KEYS_FAILURES]);
    script_key(call, source->queue->list);
    script_key(call, source->list_key[KEYS_PARKED]);
    script_key(call, source->list_key[KEYS_SEEN]);
    script_arg_number(call, source->context->config->results_max_entries);
    return call;
}

uint64_t source_settling_since(const struct source *source)
{
    return LIST_ENTRY(source->settling.next, struct settle_call, link)->sent_ms;
}

static void free_slots(struct source *source, struct list *deliveries)
{
    LIST_FOREACH(link, deliveries)
    engine_free_slots(source->context->engine, &LIST_ENTRY(link, struct delivery, link)->job);
}

void source_free_slots(struct source *source)
{
    LIST_FOREACH(link, &source->settling)
    free_slots(source, &LIST_ENTRY(link, struct settle_call, link)->deliveries);
    free_slots(source, &source->unsettled);
}

void source_spool_settling(struct source *source)
{
    LIST_FOREACH(at, &source->settling)
    {
        struct settle_call *settle = LIST_ENTRY(at, struct settle_call, link);

        LIST_FOREACH(link, &settle->deliveries)
        {
            if (settle->spool == source->spool &&
                !source_spool_delivery(source, LIST_ENTRY(link, struct delivery, link)))
                return;
        }
    }
}

static void send_some(struct source *source, const struct settlement *settlement, uint64_t now_ms)
{
    struct settle_call *settle = calloc(1, sizeof(*settle));
    struct script_call *call = source_settle_call(source, source->spool->inflight_key);
    struct list *link;

    if (!settle || !call) {
        free(settle);
        script_call_free(call);
        return;
    }
    *settle = (struct settle_call){.source = source, .spool = source->spool, .sent_ms = now_ms};
    list_init(&settle->deliveries);
    while (settle->n < SETTLE_MAX && script_size(call) < SOURCE_CALL_BYTES &&
           (link = list_pop(&source->unsettled))) {
        settle_add(call, settlement, LIST_ENTRY(link, struct delivery, link));
        list_push(&settle->deliveries, link);
        settle->n++;
    }
    settle->n_bytes = script_size(call);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_settled, settle) == 0) {
        list_push(&source->settling, &settle->link);
        settle->spool->n_calls++;
        source->n_settling_bytes += settle->n_bytes;
        return;
    }
    take_back(source, &settle->deliveries);
    free(settle);
}

struct settlement source_settlement(const struct source *source)
{
    return (struct settlement){
        .config = source->context->config,
        .dedupes = source->queue->dedupe_ms > 0,
        .now_ms = source->server_now_at_ms,
        .server_now_ms = source->server_now_ms,
    };
}

void source_send_settlements(struct source *source, uint64_t now_ms)
{
    struct settlement settlement = source_settlement(source);
    struct list later;

    if (source->lease != LEASE_HELD || now_ms < source->settle_after_ms)
        return;
    list_init(&later);
    if (source->context->stopping && engine_n_in_flight(source->context->engine) > 0)
        source_set_aside_returns(source, &later);
    else if (source->context->stopping)
        source_sort_returns(source);
    while (!list_empty(&source->unsettled) && source->commands.state == REDIS_UP &&
           source->n_settling_bytes < SOURCE_SETTLING_BYTES) {
        struct list *before = source->unsettled.next;

        send_some(source, &settlement, now_ms);
        if (source->unsettled.next == before) { /* memory is short */
            source->settle_after_ms = now_ms + SETTLE_NO_MEMORY_MS;
            break;
        }
    }
    list_splice(&source->unsettled, &later);
}

/* The lease: opened, renewed, lost and closed; and the consumers whose lease ran out.
 *
 *   NONE --open--> ASKED --held--> HELD --beat says gone--> NONE
 *
 * A lease that is lost takes with it everything that was claimed under it. */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

#define REAP_GRACE_MS 1000 /* a lease this long over is really over */

void source_new_consumer(struct source *source)
{
    consumer_name(source->consumer);
    for (int i = 0; i < KEYS_CONSUMER_COUNT; i++)
        keys_consumer(source->queue->list, (enum keys_consumer)i, source->consumer,
                      source->consumer_key[i]);
    source_open_spool(source);
}

void source_lose_lease(struct source *source)
{
    log_event(LOG_WARNING, "lease", "the lease was lost, its jobs are left to others",
              LOG_TEXT("queue", source->queue->name), LOG_TEXT("consumer", source->consumer));
    source->lease = LEASE_NONE;
    source->next_beat_ms = 0;
    source->claim_in_doubt = false;
    if (!source->queue->removed && !source->context->stopping)
        source->is_yielding =
            false; /* the list is with others already, or comes back as any does */
    source_drop_unsent(source);
    source_lose_unsettled(source);
    source_new_consumer(source);
}

static void on_reaped(const redisReply *reply, void *data)
{
    struct source *source = data;

    if (reply && reply->type == REDIS_REPLY_ERROR)
        source_log_error(source, script_reap.name, reply);
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return;
    source->counters.reaped += (uint64_t)reply->integer;
    source->may_have_more = true;
    if (source->lease == LEASE_NONE)
        source->next_beat_ms = 0; /* the list may be free now */
    log_event(LOG_WARNING, "reap", "took over the jobs of a consumer that is gone",
              LOG_TEXT("queue", source->queue->name), LOG_NUMBER("jobs", reply->integer));
}

static void reap(struct source *source, const char *consumer, const char *grace)
{
    const struct config *config = source->context->config;
    struct script_call *call = script_call_new(&script_reap);
    char inflight[KEYS_KEY_MAX];

    if (!call)
        return;
    keys_consumer(source->queue->list, KEYS_INFLIGHT, consumer, inflight);
    script_key(call, source->list_key[KEYS_LEASES]);
    script_key(call, inflight);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->list_key[KEYS_RETRY_JOBS]);
    script_key(call, source->list_key[KEYS_FAILURES]);
    script_arg_text(call, consumer);
    script_arg_text(call, grace);
    script_arg_number(call, config->max_orphanings);
    script_arg_number(call, config->results_max_entries);
    /* Not sent: the next beat finds the consumer again. */
    (void)!script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_reaped, source);
}

/* Names and time left of the other consumers, from element 8 of a reply of the lease script. */
static void look_at_others(struct source *source, const redisReply *reply)
{
    for (size_t i = 8; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        bool is_over = reply->element[i + 1]->integer < -REAP_GRACE_MS;
        char grace[24];

        if (name->len == 0 || name->len >= CONSUMER_MAX ||
            (is_over && clock_ms() < source->reap_after_ms) ||
            (!is_over && !consumer_is_dead(name->str, name->len, source->consumer)) ||
            source_has_spool_of(source, name->str, is_over))
            continue;
        (void)snprintf(grace, sizeof(grace), "%d", REAP_GRACE_MS);
        reap(source, name->str, is_over ? grace : "dead");
    }
}

/* A claim whose reply nobody has read: it was still on its way when its connection was given up,
 * and came to Redis after the recovery. Everything that went out before this beat was answered
 * before it, so what Redis counts is held here, or is unknown. */
static void look_for_unknown(struct source *source, long long n_claimed)
{
    if (source->claim_in_doubt || source_is_replaying(source) ||
        n_claimed <= (long long)source->n_held)
        return;
    log_event(LOG_WARNING, "lease", "jobs are claimed that are not known here: they are asked for",
              LOG_TEXT("queue", source->queue->name),
              LOG_NUMBER("jobs", n_claimed - (long long)source->n_held));
    source->claim_in_doubt = true;
}

static void on_lease(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->beat_is_out = false;
    if (!source_reply_is_good(source, script_lease.name, reply, "iiiiaaii", "si")) {
        if (source->lease == LEASE_ASKED)
            source->lease = LEASE_NONE;
        return;
    }
    source->tryagain_is_told = source->ask_is_told = false;
    source_hear_time(source, reply);
    if (reply->element[1]->integer < 0) {
        source_lose_lease(source);
        return;
    }
    look_at_others(source, reply);
    if (reply->element[1]->integer == 0) {
        source->lease = LEASE_NONE;
        return;
    }
    source->lease = LEASE_HELD;
    source->lease_sent_ms = source->renewal_sent_ms;
    source->lease_ms = source->renewal_lease_ms;
    source->backlog = (uint64_t)reply->element[2]->integer;
    if (source->backlog > 0)
        source->may_have_more = true;
    source_hear_next_due(source, reply->element[3]->integer);
    source_hear_paused(source, reply->element[4]);
    source_hear_parked(source, reply->element[5]);
    source_hear_waiting(source, reply->element[6]->integer, clock_ms());
    look_for_unknown(source, reply->element[7]->integer);
}

static void on_lease_closed(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->close_is_out = false;
    if (source_reply_is_good(source, script_lease.name, reply, "iiiiaaii", "si") &&
        reply->element[1]->integer == 0)
        source->claim_in_doubt = true; /* jobs are left that are not held: to be asked for */
    else if (reply && source->is_yielding && !source->context->stopping && !source->queue->removed)
        source_yielded(source, clock_ms());
    else
        source->lease_is_closed = reply != NULL;
}

static int send_lease(struct source *source, const char *op, script_reply_cb reply_cb)
{
    struct script_call *call = script_call_new(&script_lease);

    if (!call)
        return -1;
    script_key(call, source->list_key[KEYS_LEASES]);
    script_key(call, source->queue->list);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    script_key(call, source->list_key[KEYS_PAUSED]);
    script_key(call, source->list_key[KEYS_PARKED]);
    script_key(call, source->list_key[KEYS_WAITING]);
    script_arg_text(call, op);
    script_arg_text(call, source->consumer);
    script_arg_number(call, source->context->config->lease_ms);
    script_arg_number(call, source->queue->partitions > 0);
    script_arg_number(call, source_n_owned(source));
    return script_send(call, &source->commands, SOURCE_TIMEOUT_MS, reply_cb, source);
}

uint64_t source_beats_at(const struct source *source)
{
    bool is_open = source->lease != LEASE_NONE;

    if (source->beat_is_out || source->close_is_out || source->lease_is_closed ||
        (!is_open && (source->context->stopping || source->queue->removed)) ||
        (!is_open && source_is_replaying(source)))
        return UINT64_MAX;
    return source->next_beat_ms;
}

void source_keep_lease(struct source *source, uint64_t now_ms)
{
    bool is_open = source->lease != LEASE_NONE;

    if (now_ms < source_beats_at(source))
        return;
    source->renewal_sent_ms = now_ms;
    source->renewal_lease_ms = source->context->config->lease_ms;
    source->next_beat_ms = now_ms + source->context->beat_ms;
    if (source->any_paused && source->next_beat_ms > now_ms + SOURCE_PAUSED_BEAT_MS)
        source->next_beat_ms = now_ms + SOURCE_PAUSED_BEAT_MS;
    if (send_lease(source, is_open ? "beat" : "open", on_lease) != 0)
        return;
    source->beat_is_out = true;
    if (!is_open)
        source->lease = LEASE_ASKED;
}

void source_close_lease(struct source *source)
{
    if (send_lease(source, "close", on_lease_closed) == 0)
        source->close_is_out = true;
}

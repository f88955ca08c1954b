/* Claims, and the recovery of those whose reply was lost.
 *
 * While the queue has a backlog one claim is out at a time, asked for while enough is still in
 * hand. */
#include <stdlib.h>
#include <string.h>

#include "daemon/admit.h"
#include "daemon/clock.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"
#include "lib/decimal.h"

#define CLAIM_MAX       500 /* jobs a claim */
#define CLAIM_MAX_BYTES (1u << 20)
#define PAUSED_POLL_MS  1000

/* ---- claims */

static void take(struct source *source, const redisReply *reply, size_t first)
{
    struct source_context *context = source->context;
    struct admission admission = {
        .config = context->config,
        .engine = context->engine,
        .queue = source->queue,
        .queue_index = source->index,
        .arena = context->arena,
        .now_ms = source->server_now_at_ms,
        .server_now_ms = source->server_now_ms,
    };

    for (size_t i = first; i + 1 < reply->elements; i += 2) {
        const redisReply *id = reply->element[i], *record = reply->element[i + 1];
        struct delivery *delivery =
            admit(&admission, decimal_read(id->str, id->len), record->str, record->len);

        if (!delivery) {
            source->claim_in_doubt = true; /* it is claimed: taken up again when there is memory */
            break;
        }
        source_hold(source, delivery);
        source_admit(source, delivery);
        source->counters.claimed++;
    }
    if (context->stopping)
        engine_stop(context->engine);
}

static void on_claimed(const redisReply *reply, void *data)
{
    struct source *source = data;
    long long state;

    source->claim_is_out = false;
    if (!source_reply_is_good(source, script_claim.name, reply, 5)) {
        source->claim_in_doubt = true;
        source->may_have_more = true;
        source->claim_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
        return;
    }
    source_hear_time(source, reply);
    state = reply->element[1]->integer;
    if (state < 0) {
        if (source->lease == LEASE_HELD) /* else it is known, and a new one is under way */
            source_lose_lease(source);
        return;
    }
    source->lease_sent_ms = source->claim_sent_ms;
    source->lease_ms = source->claim_lease_ms;
    source->backlog = (uint64_t)reply->element[2]->integer;
    source->is_paused = state == 0;
    source->may_have_more = !source->is_paused && source->backlog > 0;
    if (source->is_paused)
        source->next_claim_ms = clock_ms() + PAUSED_POLL_MS;
    source_hear_next_due(source, reply->element[3]->integer);
    source_hear_paused(source, reply->element[4]);
    take(source, reply, 5);
    source_claimed_parked(source);
}

size_t source_share(const struct source *source, size_t of_all)
{
    const struct config *config = source->context->config;
    size_t weights = 0;

    for (size_t i = 0; i < config->n_queues; i++)
        weights += config->queues[i].removed ? 0 : config->queues[i].weight;
    return (of_all * source->queue->weight + weights - 1) / weights;
}

static bool wants_claim(const struct source *source, uint64_t now_ms)
{
    if (source->lease != LEASE_HELD || source->claim_is_out || source->claim_in_doubt ||
        source->recovery_is_out || source->context->stopping || source->is_yielding ||
        now_ms < source->claim_after_ms || source_has_journal(source))
        return false;
    return source->may_have_more || now_ms >= source->next_claim_ms;
}

static size_t room(size_t max, size_t held)
{
    return held < max ? max - held : 0;
}

/* A claim costs about the same for one job or hundreds: it waits until there is room for many. */
bool source_has_room(const struct source *source)
{
    return room(source->max_jobs, source->n_held) > source->max_jobs / 4 &&
           source->n_held_bytes < source->max_bytes;
}

void source_claim(struct source *source, uint64_t now_ms)
{
    struct source_context *context = source->context;
    const struct config *config = context->config;
    size_t n = room(source->max_jobs, source->n_held);
    size_t bytes = room(source->max_bytes, source->n_held_bytes);
    struct script_call *call;

    if (!wants_claim(source, now_ms) || !source_has_room(source) ||
        !(call = script_call_new(&script_claim)))
        return;
    script_key(call, source->queue->list);
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->list_key[KEYS_RETRY_JOBS]);
    script_key(call, source->list_key[KEYS_LEASES]);
    script_key(call, source->list_key[KEYS_SEQ]);
    script_key(call, source->list_key[KEYS_PAUSED]);
    script_key(call, source->list_key[KEYS_FAILURES]);
    script_arg_text(call, source->consumer);
    script_arg_number(call, n < CLAIM_MAX ? n : CLAIM_MAX);
    script_arg_number(call, bytes < CLAIM_MAX_BYTES ? bytes : CLAIM_MAX_BYTES);
    script_arg_number(call, config->lease_ms);
    script_arg_number(call, config->max_job_bytes);
    script_arg_number(call, config->results_max_entries);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_claimed, source) != 0)
        return;
    source->claim_is_out = true;
    source->claim_sent_ms = now_ms;
    source->claim_lease_ms = config->lease_ms;
    source->next_claim_ms = UINT64_MAX;
}

/* ---- recovery of claims whose reply was lost */

static void on_recovered(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->recovery_is_out = false;
    if (!source_reply_is_good(source, script_recover.name, reply, 1)) {
        source->claim_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
        return;
    }
    source->claim_in_doubt = false;
    source->may_have_more = true;
    source_hear_time(source, reply);
    source->counters.recovered += (reply->elements - 1) / 2;
    take(source, reply, 1);
}

void source_recover(struct source *source, uint64_t now_ms)
{
    struct script_call *call;

    if (!source->claim_in_doubt || source->lease != LEASE_HELD || source->recovery_is_out ||
        now_ms < source->claim_after_ms || !(call = script_call_new(&script_recover)))
        return;
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    LIST_FOREACH(link, &source->held)
    settle_add_claim_id(call, LIST_ENTRY(link, struct delivery, held_link));
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_recovered, source) == 0)
        source->recovery_is_out = true;
}

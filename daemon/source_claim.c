/* Claims, and the recovery of those whose reply was lost.
 *
 * While the queue has a backlog one claim is out at a time, asked for while enough is still in
 * hand.
 *
 * Memory. What is held must stay below the queue's share of max_claimed_bytes. A job takes more
 * there than in Redis: for its books, and since its events are encoded. How much more is learned
 * from each claim, and the next one asks for so many jobs, and bytes of them, that twice as much
 * would fit. If it comes to more all the same, what does not fit is left in the claim, and
 * recovered when there is room. A job that alone is larger than the share exceeds it, by itself.
 *
 * The probes of apps that may not send (core/parking.h) leave when those are accepted again, which
 * may be never. So where nothing else is held there is as much room as if they were not. */
#include <stdlib.h>
#include <string.h>

#include "daemon/admit.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"
#include "lib/decimal.h"
#include "lib/require.h"

#define CLAIM_MAX       500 /* jobs a claim */
#define CLAIM_MAX_BYTES (1u << 20)
#define JOB_BYTES       1024 /* about what is held of the smallest job */
#define PAUSED_POLL_MS  1000

/* ---- claims */

static size_t room(size_t max, size_t held)
{
    return held < max ? max - held : 0;
}

/* Of n jobs with so many bytes in Redis so many are held. It rises at once, and sinks slowly. */
static void learn_growth(struct source *source, size_t n, size_t bytes, size_t held)
{
    size_t percent = held > n * JOB_BYTES ? (held - n * JOB_BYTES) * 100 / bytes : 0;

    if (percent < 100)
        percent = 100;
    if (percent < source->growth_percent)
        percent = source->growth_percent - (source->growth_percent - percent + 7) / 8;
    source->growth_percent = percent;
}

static void wait_for_memory(struct source *source)
{
    source->claim_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
    log_event(LOG_WARNING, "job", "no memory to read a job, trying again",
              LOG_TEXT("queue", source->queue->name));
}

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
    size_t n = 0, bytes = 0, held = source->n_held_bytes;
    size_t aside = source_holds_probes_only(source) ? held : 0;

    for (size_t i = first; i + 1 < reply->elements; i += 2) {
        const redisReply *id = reply->element[i], *record = reply->element[i + 1];
        struct delivery *delivery;

        admission.max_bytes = source->n_held_bytes == aside
                                  ? SIZE_MAX
                                  : room(source->max_bytes, source->n_held_bytes - aside);
        delivery = admit(&admission, decimal_read(id->str, id->len), record->str, record->len);
        if (!delivery) {
            source->claim_in_doubt = true; /* it is claimed: taken up again when there is memory */
            source->claim_below_bytes = source->n_held_bytes / 2;
            if (context->arena->is_starved)
                wait_for_memory(source);
            break;
        }
        source_hold(source, delivery);
        source_admit(source, delivery);
        source->counters.claimed++;
        n++;
        bytes += record->len;
    }
    if (n > 0)
        learn_growth(source, n, bytes, source->n_held_bytes - held);
    if (context->stopping)
        engine_stop(context->engine);
}

/* What is taken up may be sent; on the way out nothing is, and it is handed back. */
static bool may_take_up(const struct source *source)
{
    return source->lease == LEASE_HELD && (!source_is_resting(source) || source->context->stopping);
}

static void on_claimed(const redisReply *reply, void *data)
{
    struct source *source = data;
    long long state;

    source->claim_is_out = false;
    if (!source_reply_is_good(source, script_claim.name, reply, "iiiia", "ss")) {
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
    /* Half of it will do, or, in the end, nothing: then a job is taken whatever its size. */
    source->claim_below_bytes =
        state == 2 && reply->elements == 5 ? source->n_held_bytes / 2 : SIZE_MAX;
    if (!may_take_up(source)) {
        source->claim_in_doubt = true; /* it came when the lease was over: asked for again */
        return;
    }
    take(source, reply, 5);
    source_claimed_parked(source);
}

size_t source_share(const struct source *source, size_t of_all)
{
    const struct config *config = source->context->config;
    size_t weights = 0;

    for (size_t i = 0; i < config->n_queues; i++)
        weights += config->queues[i].removed ? 0 : config->queues[i].weight;
    REQUIRE(weights > 0); /* its own is among them: one that is removed gets no share */
    return (of_all * source->queue->weight + weights - 1) / weights;
}

static bool may_claim(const struct source *source)
{
    return source->lease == LEASE_HELD && !source->claim_is_out && !source->claim_in_doubt &&
           !source->recovery_is_out && !source->context->stopping && !source->is_yielding &&
           !source_has_journal(source);
}

static bool wants_claim(const struct source *source, uint64_t now_ms)
{
    return may_claim(source) && now_ms >= source->claim_after_ms &&
           (source->may_have_more || now_ms >= source->next_claim_ms);
}

uint64_t source_claims_at(const struct source *source)
{
    uint64_t at = source->may_have_more ? 0 : source->next_claim_ms;

    if (!may_claim(source) || !source_has_room(source))
        return UINT64_MAX;
    return at > source->claim_after_ms ? at : source->claim_after_ms;
}

/* A claim costs about the same for one job or hundreds: it waits until there is room for many. */
bool source_has_room(const struct source *source)
{
    return (room(source->max_jobs, source->n_held) > source->max_jobs / 4 &&
            room(source->max_bytes, source->n_held_bytes) > source->max_bytes / 4 &&
            source->n_held_bytes <= source->claim_below_bytes) ||
           source_holds_probes_only(source);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void add_limits(const struct source *source, struct script_call *call)
{
    const struct config *config = source->context->config;
    bool is_free = source_holds_probes_only(source);
    size_t room_bytes = room(source->max_bytes, is_free ? 0 : source->n_held_bytes);
    size_t n =
        min_size(room(source->max_jobs, is_free ? 0 : source->n_held), room_bytes / 2 / JOB_BYTES);
    size_t bytes = room_bytes / 2 * 100 / source->growth_percent;

    script_arg_number(call, n > 0 ? min_size(n, CLAIM_MAX) : 1);
    script_arg_number(call, min_size(bytes, CLAIM_MAX_BYTES));
    script_arg_number(call, config->lease_ms);
    script_arg_number(call, config->max_job_bytes);
    script_arg_number(call, config->results_max_entries);
    script_arg_number(call, is_free || bytes >= config->max_job_bytes);
}

void source_claim(struct source *source, uint64_t now_ms)
{
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
    add_limits(source, call);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_claimed, source) != 0)
        return;
    source->claim_is_out = true;
    source->claim_sent_ms = now_ms;
    source->claim_lease_ms = source->context->config->lease_ms;
    source->next_claim_ms = UINT64_MAX;
}

/* ---- recovery of claims whose reply was lost */

static void on_recovered(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->recovery_is_out = false;
    if (!may_take_up(source))
        return; /* it is asked for again */
    if (!source_reply_is_good(source, script_recover.name, reply, "ii", "ss")) {
        source->claim_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
        return;
    }
    source->claim_in_doubt = reply->element[1]->integer != 0;
    source->may_have_more = true;
    source_hear_time(source, reply);
    source->counters.recovered += (reply->elements - 2) / 2;
    source->claim_below_bytes = SIZE_MAX;
    take(source, reply, 2);
}

/* Not before what was delivered of these jobs is told; nor while a claim is out, whose jobs would
 * be given twice. What does not fit into one reply is asked for again. */
void source_recover(struct source *source, uint64_t now_ms)
{
    struct script_call *call;

    if (!source->claim_in_doubt || !may_take_up(source) || source->recovery_is_out ||
        source->claim_is_out || source_is_replaying(source) || now_ms < source->claim_after_ms ||
        (source->n_held_bytes > source->claim_below_bytes && !source_holds_probes_only(source)) ||
        !(call = script_call_new(&script_recover)))
        return;
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    script_arg_number(call, CLAIM_MAX_BYTES);
    LIST_FOREACH(link, &source->held)
    settle_add_claim_id(call, LIST_ENTRY(link, struct delivery, held_link));
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_recovered, source) == 0)
        source->recovery_is_out = true;
}

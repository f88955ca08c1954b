/* Leases, claims and the wake-up. Settling is in source_settle.c.
 *
 *   lease:  NONE --open--> ASKED --held--> HELD --beat says gone--> NONE (everything not in flight
 * is dropped)
 *
 * While the queue has a backlog one claim is out at a time, asked for while enough is still in
 * hand. When a claim finds the queue empty, a blocking LMOVE on a connection of its own waits for
 * the next job: it moves that job to the intake list, which is ours, and the claim that follows
 * takes it from there, before anything newer. So there is no polling, and no moment at which a job
 * is nowhere. */
#include "daemon/source.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/admit.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/script.h"
#include "daemon/source_private.h"
#include "lib/require.h"

#define CLAIM_MAX       500 /* jobs a claim */
#define CLAIM_MAX_BYTES (1u << 20)
#define POLL_MS         100 /* between claims while the blocking connection cannot be used */
#define PAUSED_POLL_MS  1000
#define ERROR_WAIT_MS   1000 /* after an error of Redis */
#define REAP_GRACE_MS   1000 /* a lease this long over is really over */

static void on_wake_up(struct redis *wake)
{
    struct source *source = wake->options.data;

    source->is_waiting = false;
    source->may_have_more = true; /* what came while nobody waited */
}

static void on_wake_down(struct redis *wake)
{
    struct source *source = wake->options.data;

    source->is_waiting = false;
}

static void new_consumer(struct source *source)
{
    consumer_name(source->consumer);
    for (int i = 0; i < KEYS_CONSUMER_COUNT; i++)
        keys_consumer(source->queue->list, (enum keys_consumer)i, source->consumer,
                      source->consumer_key[i]);
}

void source_init(struct source *source, struct source_context *context, uv_loop_t *loop,
                 const struct redis_options *redis, const struct queue_config *queue,
                 unsigned index)
{
    struct redis_options options = *redis;

    memset(source, 0, sizeof(*source));
    source->context = context;
    source->queue = queue;
    source->index = index;
    list_init(&source->held);
    list_init(&source->unsettled);
    for (int i = 0; i < KEYS_QUEUE_COUNT; i++)
        keys_queue(queue->list, (enum keys_queue)i, source->list_key[i]);
    new_consumer(source);
    options.up_cb = on_wake_up;
    options.down_cb = on_wake_down;
    options.data = source;
    redis_init(&source->wake, loop, &options);
    redis_start(&source->wake);
}

static void log_reply_error(const struct source *source, const char *script,
                            const redisReply *reply)
{
    log_event(LOG_ERR, "redis", "a script failed", LOG_TEXT("queue", source->queue->name),
              LOG_TEXT("script", script), LOG_TEXT("error", reply->str));
}

bool source_reply_is_good(const struct source *source, const char *script, const redisReply *reply,
                          size_t min_elements)
{
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements >= min_elements)
        return true;
    if (reply->type == REDIS_REPLY_ERROR)
        log_reply_error(source, script, reply);
    return false;
}

static void hear_time(struct source *source, const redisReply *reply)
{
    source->server_now_ms = (uint64_t)reply->element[0]->integer;
    source->server_now_at_ms = clock_ms();
}

/* A time of Redis's clock by which the queue must be asked again. */
static void hear_next_due(struct source *source, long long due_ms)
{
    long long in_ms = due_ms - (long long)source->server_now_ms;
    uint64_t at;

    if (due_ms < 0)
        return;
    at = source->server_now_at_ms + (in_ms > 0 ? (uint64_t)in_ms : 0);
    if (at < source->next_claim_ms)
        source->next_claim_ms = at;
}

/* ---- the lease */

/* Somebody may have our jobs: what is not in flight is dropped, and a new name is taken, under
 * which no late settlement of the old jobs can succeed. */
static void lose_lease(struct source *source)
{
    log_event(LOG_WARNING, "lease", "the lease was lost, its jobs are left to others",
              LOG_TEXT("queue", source->queue->name), LOG_TEXT("consumer", source->consumer));
    source->lease = LEASE_NONE;
    source->next_beat_ms = 0;
    source->claim_in_doubt = false;
    engine_abandon(source->context->engine, source->index);
    source_drop_unsettled(source);
    new_consumer(source);
    redis_drop(&source->wake, "the consumer's name has changed");
}

static void on_reaped(const redisReply *reply, void *data)
{
    struct source *source = data;

    if (reply && reply->type == REDIS_REPLY_ERROR)
        log_reply_error(source, script_reap.name, reply);
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return;
    source->counters.reaped += (uint64_t)reply->integer;
    source->may_have_more = true;
    log_event(LOG_WARNING, "reap", "took over the jobs of a consumer that is gone",
              LOG_TEXT("queue", source->queue->name), LOG_NUMBER("jobs", reply->integer));
}

static void reap(struct source *source, const char *consumer, const char *grace)
{
    const struct config *config = source->context->config;
    struct script_call *call = script_call_new(&script_reap);
    char inflight[KEYS_KEY_MAX], intake[KEYS_KEY_MAX];

    if (!call)
        return;
    keys_consumer(source->queue->list, KEYS_INFLIGHT, consumer, inflight);
    keys_consumer(source->queue->list, KEYS_INTAKE, consumer, intake);
    script_key(call, source->list_key[KEYS_LEASES]);
    script_key(call, inflight);
    script_key(call, intake);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_key(call, source->list_key[KEYS_RETRY_JOBS]);
    script_key(call, source->list_key[KEYS_SEQ]);
    script_key(call, source->list_key[KEYS_FAILURES]);
    script_arg_text(call, consumer);
    script_arg_text(call, grace);
    script_arg_number(call, config->max_orphanings);
    script_arg_number(call, config->results_max_entries);
    /* Not sent: the next beat finds the consumer again. */
    (void)!script_send(call, source->context->commands, SOURCE_TIMEOUT_MS, on_reaped, source);
}

/* Names and time left of the other consumers, from element 4 of a reply of the lease script. */
static void look_at_others(struct source *source, const redisReply *reply)
{
    for (size_t i = 4; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        char grace[24];

        if (name->len == 0 || name->len >= CONSUMER_MAX)
            continue;
        (void)snprintf(grace, sizeof(grace), "%d", REAP_GRACE_MS);
        if (reply->element[i + 1]->integer < -REAP_GRACE_MS)
            reap(source, name->str, grace);
        else if (consumer_is_dead(name->str, name->len, source->consumer))
            reap(source, name->str, "dead");
    }
}

static void on_lease(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->beat_is_out = false;
    if (!source_reply_is_good(source, script_lease.name, reply, 4)) {
        if (source->lease == LEASE_ASKED)
            source->lease = LEASE_NONE;
        return;
    }
    hear_time(source, reply);
    if (reply->element[1]->integer < 0) {
        lose_lease(source);
        return;
    }
    source->lease = LEASE_HELD;
    source->lease_sent_ms = source->renewal_sent_ms;
    source->backlog = (uint64_t)reply->element[2]->integer;
    if (source->backlog > 0)
        source->may_have_more = true;
    hear_next_due(source, reply->element[3]->integer);
    look_at_others(source, reply);
}

static void on_lease_closed(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->close_is_out = false;
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
    script_key(call, source->consumer_key[KEYS_INTAKE]);
    script_arg_text(call, op);
    script_arg_text(call, source->consumer);
    script_arg_number(call, source->context->config->lease_ms);
    return script_send(call, source->context->commands, SOURCE_TIMEOUT_MS, reply_cb, source);
}

static void keep_lease(struct source *source, uint64_t now_ms)
{
    bool is_open = source->lease != LEASE_NONE;

    if (source->beat_is_out || source->close_is_out || source->lease_is_closed ||
        now_ms < source->next_beat_ms || (!is_open && source->context->stopping))
        return;
    source->renewal_sent_ms = now_ms;
    source->next_beat_ms = now_ms + source->context->beat_ms;
    if (send_lease(source, is_open ? "beat" : "open", on_lease) != 0)
        return;
    source->beat_is_out = true;
    if (!is_open)
        source->lease = LEASE_ASKED;
}

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
            admit(&admission, strtoull(id->str, NULL, 10), record->str, record->len);

        if (!delivery) {
            source->claim_in_doubt = true; /* it is claimed: taken up again when there is memory */
            break;
        }
        list_push(&source->held, &delivery->held_link);
        engine_add(context->engine, &delivery->job, admission.now_ms);
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
    if (!source_reply_is_good(source, script_claim.name, reply, 4)) {
        source->claim_in_doubt = true;
        source->may_have_more = true;
        source->claim_after_ms = clock_ms() + ERROR_WAIT_MS;
        return;
    }
    hear_time(source, reply);
    state = reply->element[1]->integer;
    if (state < 0) {
        if (source->lease == LEASE_HELD) /* else it is known, and a new one is under way */
            lose_lease(source);
        return;
    }
    source->lease_sent_ms = source->claim_sent_ms;
    source->backlog = (uint64_t)reply->element[2]->integer;
    source->is_paused = state == 0;
    source->may_have_more = !source->is_paused && source->backlog > 0;
    if (source->is_paused)
        source->next_claim_ms = clock_ms() + PAUSED_POLL_MS;
    hear_next_due(source, reply->element[3]->integer);
    take(source, reply, 4);
}

static uint64_t share_of(const struct source *source, uint64_t room)
{
    const struct config *config = source->context->config;
    uint64_t weights = 0;

    for (size_t i = 0; i < config->n_queues; i++)
        weights += config->queues[i].weight;
    return (room * source->queue->weight + weights - 1) / weights;
}

static bool wants_claim(const struct source *source, uint64_t now_ms)
{
    if (source->lease != LEASE_HELD || source->claim_is_out || source->claim_in_doubt ||
        source->recovery_is_out || source->context->stopping || now_ms < source->claim_after_ms)
        return false;
    return source->may_have_more || now_ms >= source->next_claim_ms;
}

/* A claim costs about the same for one job or hundreds: it waits until there is room for many. */
static bool has_room(const struct source *source)
{
    return engine_room(source->context->engine) >= source->context->claim_room;
}

static void claim(struct source *source, uint64_t now_ms)
{
    struct source_context *context = source->context;
    const struct config *config = context->config;
    uint64_t n = share_of(source, engine_room(context->engine));
    uint64_t bytes = engine_room_bytes(context->engine);
    struct script_call *call = has_room(source) ? script_call_new(&script_claim) : NULL;

    if (!call)
        return;
    script_key(call, source->queue->list);
    script_key(call, source->consumer_key[KEYS_INTAKE]);
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
    if (script_send(call, context->commands, SOURCE_TIMEOUT_MS, on_claimed, source) != 0)
        return;
    source->claim_is_out = true;
    source->claim_sent_ms = now_ms;
    source->next_claim_ms = UINT64_MAX;
}

/* ---- recovery of claims whose reply was lost */

static void on_recovered(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->recovery_is_out = false;
    if (!source_reply_is_good(source, script_recover.name, reply, 1)) {
        source->claim_after_ms = clock_ms() + ERROR_WAIT_MS;
        return;
    }
    source->claim_in_doubt = false;
    source->may_have_more = true;
    hear_time(source, reply);
    source->counters.recovered += (reply->elements - 1) / 2;
    take(source, reply, 1);
}

static void recover(struct source *source, uint64_t now_ms)
{
    struct script_call *call;

    if (!source->claim_in_doubt || source->lease != LEASE_HELD || source->recovery_is_out ||
        now_ms < source->claim_after_ms || !(call = script_call_new(&script_recover)))
        return;
    script_key(call, source->consumer_key[KEYS_INFLIGHT]);
    LIST_FOREACH(link, &source->held)
    source_add_claim_id(call, LIST_ENTRY(link, struct delivery, held_link));
    if (script_send(call, source->context->commands, SOURCE_TIMEOUT_MS, on_recovered, source) == 0)
        source->recovery_is_out = true;
}

/* ---- the wake-up */

static void on_woken(struct redis *wake, const redisReply *reply, void *data)
{
    struct source *source = data;

    (void)wake;
    source->is_waiting = false;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_STRING) {
        source->may_have_more = true;
    } else if (reply->type == REDIS_REPLY_ERROR) {
        /* Such as -OOM: the claim script is allowed what BLMOVE is not. */
        source->wait_again_ms = clock_ms() + ERROR_WAIT_MS;
        source->next_claim_ms = clock_ms() + POLL_MS;
    }
}

/* The lease must outlast the wait: else a job could be moved to an intake that nobody looks after.
 */
static bool lease_outlasts_wait(const struct source *source, uint64_t now_ms)
{
    const struct config *config = source->context->config;

    return source->lease == LEASE_HELD &&
           now_ms - source->lease_sent_ms + source->context->wait_ms + 1000 < config->lease_ms;
}

static void wait_for_job(struct source *source, uint64_t now_ms)
{
    uint64_t wait_ms = source->context->wait_ms;
    char seconds[24];
    const char *argv[] = {
        "BLMOVE", source->queue->list, source->consumer_key[KEYS_INTAKE], "LEFT", "RIGHT", seconds};
    size_t lengths[6];

    if (source->is_waiting || source->may_have_more || source->claim_is_out ||
        source->context->stopping || source->is_paused || now_ms < source->wait_again_ms ||
        !lease_outlasts_wait(source, now_ms))
        return;
    (void)snprintf(seconds, sizeof(seconds), "%u.%03u", (unsigned)(wait_ms / 1000),
                   (unsigned)(wait_ms % 1000));
    for (int i = 0; i < 6; i++)
        lengths[i] = strlen(argv[i]);
    if (redis_command(&source->wake, 6, argv, lengths, wait_ms + 2000, on_woken, source) == 0)
        source->is_waiting = true;
    else if (source->next_claim_ms > now_ms + POLL_MS)
        source->next_claim_ms = now_ms + POLL_MS; /* until the connection is back */
}

/* ---- the way out */

static void on_unblocked(struct redis *commands, const redisReply *reply, void *data)
{
    (void)commands;
    (void)reply;
    (void)data;
}

/* Ends the wait now, where the server lets us; else it ends by its own timeout. */
static void unblock(struct source *source)
{
    char id[24];
    const char *argv[] = {"CLIENT", "UNBLOCK", id};
    size_t lengths[] = {6, 7, 0};

    if (!source->is_waiting || source->unblock_sent || source->wake.client_id == 0)
        return;
    lengths[2] = (size_t)snprintf(id, sizeof(id), "%lld", source->wake.client_id);
    if (redis_command(source->context->commands, 3, argv, lengths, SOURCE_TIMEOUT_MS, on_unblocked,
                      NULL) == 0)
        source->unblock_sent = true;
}

static void leave(struct source *source, uint64_t now_ms)
{
    unblock(source);
    if (source->is_waiting || source->claim_is_out || source->recovery_is_out ||
        source->close_is_out || source->lease_is_closed || source->lease != LEASE_HELD ||
        !list_empty(&source->held))
        return;
    if (source->claim_in_doubt) {
        recover(source, now_ms);
        return;
    }
    if (send_lease(source, "close", on_lease_closed) == 0)
        source->close_is_out = true;
}

bool source_is_done(const struct source *source)
{
    return list_empty(&source->held) && !source->claim_is_out && !source->is_waiting &&
           (source->lease == LEASE_NONE || source->lease_is_closed);
}

/* ---- what the daemon calls */

void source_redis_up(struct source *source, uint64_t now_ms)
{
    source->next_beat_ms = now_ms;
    source->settle_after_ms = 0;
    source->may_have_more = true;
}

void source_redis_down(struct source *source)
{
    if (source->lease == LEASE_ASKED)
        source->lease = LEASE_NONE;
}

void source_run(struct source *source, uint64_t now_ms)
{
    if (source->context->commands->state == REDIS_UP) {
        keep_lease(source, now_ms);
        source_send_settlements(source, now_ms);
        recover(source, now_ms);
        if (wants_claim(source, now_ms))
            claim(source, now_ms);
        if (source->context->stopping)
            leave(source, now_ms);
    }
    if (source->wake.state == REDIS_UP)
        wait_for_job(source, now_ms);
    else if (!source->may_have_more && source->next_claim_ms > now_ms + POLL_MS)
        source->next_claim_ms = now_ms + POLL_MS;
}

uint64_t source_wake_at(const struct source *source, uint64_t now_ms)
{
    uint64_t at = source->next_beat_ms;

    if (source->context->commands->state != REDIS_UP)
        return UINT64_MAX;
    if (!source->may_have_more && source->next_claim_ms < at && has_room(source))
        at = source->next_claim_ms;
    if (source->claim_after_ms > now_ms && source->claim_after_ms < at)
        at = source->claim_after_ms;
    if (source->settle_after_ms > now_ms && source->settle_after_ms < at)
        at = source->settle_after_ms;
    if (source->wait_again_ms > now_ms && source->wait_again_ms < at)
        at = source->wait_again_ms;
    return at;
}

uint64_t source_send_until(const struct source *source)
{
    if (source->lease != LEASE_HELD)
        return UINT64_MAX;
    return source->lease_sent_ms + source->context->send_ms;
}

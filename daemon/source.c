/* One turn of a source: the lease first, then what is to be settled, then claims. The parts are in
 * source_lease.c, source_claim.c, source_wake.c and source_settle.c. */
#include "daemon/source.h"

#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"
#include "daemon/view/reply.h"

int source_reserve(struct source *source, size_t n_apps)
{
    return parking_grow(&source->parking, &source->n_parking, n_apps);
}

void source_init(struct source *source, struct source_context *context, uv_loop_t *loop,
                 const struct queue_config *queue, unsigned index)
{
    struct parking_app *parking = source->parking;
    size_t n_parking = source->n_parking;

    memset(source, 0, sizeof(*source));
    source->context = context;
    source->queue = queue;
    source->index = index;
    source->is_open = true;
    source->parking = parking;
    source->n_parking = n_parking;
    source->returning = SIZE_MAX;
    source->max_jobs = source_share(source, context->max_jobs);
    source->max_bytes = source_share(source, context->max_bytes);
    source->claim_below_bytes = SIZE_MAX;
    source->growth_percent = SOURCE_FIRST_GROWTH;
    list_init(&source->held);
    list_init(&source->unsettled);
    list_init(&source->unchecked);
    list_init(&source->checking);
    list_init(&source->settling);
    list_init(&source->spools);
    source->loop = loop;
    source->spool_dir = spool_dir(context->config);
    spool_server(&context->config->redis, source->spool_server);
    for (int i = 0; i < KEYS_QUEUE_COUNT; i++)
        keys_queue(queue->list, (enum keys_queue)i, source->list_key[i]);
    source_new_consumer(source);
    source_find_spools(source);
    source_init_redis(source, loop);
}

/* Each of the two once a move, since it may take long; ASK says where to. */
bool source_log_moving(struct source *source, const redisReply *reply)
{
    bool is_ask = strncmp(reply->str, "ASK ", 4) == 0;
    bool *is_told = is_ask ? &source->ask_is_told : &source->tryagain_is_told;

    if (!is_ask && strncmp(reply->str, "TRYAGAIN", 8) != 0)
        return false;
    if (!*is_told)
        log_event(LOG_NOTICE, "redis", "the queue is on its way to another node, trying again",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("error", reply->str));
    *is_told = true;
    return true;
}

void source_log_error(struct source *source, const char *script, const redisReply *reply)
{
    if (!source_log_moving(source, reply))
        log_event(LOG_ERR, "redis", "a script failed", LOG_TEXT("queue", source->queue->name),
                  LOG_TEXT("script", script), LOG_TEXT("error", reply->str));
}

bool source_reply_is_good(struct source *source, const char *script, const redisReply *reply,
                          const char *head, const char *rest)
{
    if (!reply)
        return false;
    if (reply_fits(reply, head, rest))
        return true;
    if (reply->type == REDIS_REPLY_ERROR)
        source_log_error(source, script, reply);
    else
        log_event(LOG_ERR, "redis", "the answer is not one of this script, trying again",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("script", script));
    return false;
}

void source_hear_time(struct source *source, const redisReply *reply)
{
    source->server_now_ms = (uint64_t)reply->element[0]->integer;
    source->server_now_at_ms = clock_ms();
}

/* A time of Redis's clock by which the queue must be asked again. */
void source_hear_next_due(struct source *source, long long due_ms)
{
    long long in_ms;
    uint64_t at;

    if (due_ms < 0) /* also the least of all numbers: what Redis makes of the score inf */
        return;
    in_ms = due_ms - (long long)source->server_now_ms;
    at = source->server_now_at_ms + (in_ms > 0 ? (uint64_t)in_ms : 0);
    if (at < source->next_claim_ms)
        source->next_claim_ms = at;
}

static void give_lease_up(struct source *source, uint64_t now_ms)
{
    if (source->claim_is_out || source->recovery_is_out || source->close_is_out ||
        source->lease_is_closed || source->lease != LEASE_HELD || !list_empty(&source->held) ||
        source_is_replaying(source))
        return;
    if (source->claim_in_doubt) {
        source_recover(source, now_ms);
        return;
    }
    source_unpublish(source);
    source_close_lease(source);
}

void source_run(struct source *source, uint64_t now_ms)
{
    source_run_spools(source, now_ms);
    if (source->commands.state == REDIS_UP) {
        source_send_late(source, now_ms);
        source_keep_lease(source, now_ms);
        source_send_settlements(source, now_ms);
        source_send_progress(source);
        source_recover(source, now_ms);
        source_check(source, now_ms);
        source_park(source, now_ms);
        source_claim(source, now_ms);
        source_publish(source, now_ms);
        if (source->context->stopping || source->is_yielding)
            give_lease_up(source, now_ms);
    }
    source_wait_for_job(source, now_ms);
}

/* The end of a wait after an error, unless it is over. */
static uint64_t ends_at(uint64_t after_ms, uint64_t now_ms)
{
    return after_ms > now_ms ? after_ms : UINT64_MAX;
}

uint64_t source_wake_at(const struct source *source, uint64_t now_ms)
{
    const uint64_t times[] = {
        source_beats_at(source),
        source_claims_at(source),
        source_publishes_at(source),
        ends_at(source->claim_after_ms, now_ms),
        ends_at(source->check_after_ms, now_ms),
        ends_at(source->return_after_ms, now_ms),
        ends_at(source->settle_after_ms, now_ms),
        ends_at(source->wait_again_ms, now_ms),
    };
    uint64_t at = source_spool_wake_at(source, now_ms);

    if (source_rests_at(source) < at)
        at = source_rests_at(source);
    if (source->commands.state != REDIS_UP)
        return at;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        at = times[i] < at ? times[i] : at;
    return at;
}

bool source_has_lease(const struct source *source, uint64_t now_ms)
{
    return source->lease == LEASE_HELD && now_ms < source->lease_sent_ms + source->lease_ms;
}

uint64_t source_oldest_ms(const struct source *source, uint64_t now_ms)
{
    uint64_t claimed_ms;

    if (list_empty(&source->held))
        return 0;
    claimed_ms = LIST_ENTRY(source->held.next, struct delivery, held_link)->job.claimed_ms;
    return now_ms > claimed_ms ? now_ms - claimed_ms : 0;
}

/* Requests that start by then end before the lease does. A lease is longer than any request, save
 * between a reload that makes both longer and the beat that follows: nothing is sent then. */
uint64_t source_send_until(const struct source *source)
{
    uint64_t request_ms = source->context->request_ms, ends_ms;

    if (source->lease != LEASE_HELD || source_is_resting(source) || list_empty(&source->held))
        return UINT64_MAX;
    ends_ms = source->lease_sent_ms + source->lease_ms;
    return ends_ms > request_ms ? ends_ms - request_ms : 0;
}

bool source_is_done(const struct source *source)
{
    return list_empty(&source->held) && !source_is_replaying(source) && !source->claim_is_out &&
           (source->lease == LEASE_NONE || source->lease_is_closed);
}

/* The wake-up: when a claim finds the queue empty, a blocking BLMOVE on a connection of its own
 * waits for the next job. So there is no polling.
 *
 * It moves that job from the left of the list to where it was, the left of the list: nothing
 * changes, whoever asks and whenever Redis gets to it. For this command, unlike the claim that
 * follows, checks no lease. It once moved the job to a list of the consumer's own; a request that
 * had been on its way for longer than the lease then put it where nobody looked any more. As the
 * job stays, all that wait are woken, and the first to claim has it. */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"

#define POLL_MS          100   /* between claims while the blocking connection cannot be used */
#define REPLY_HEAD_BYTES 16384 /* of a reply, beside the job that a wait brings */
#define SLOTS_BYTES      (64u << 20) /* the slots of a cluster, as many as there may be */
#define TELL_AT_LOSS     3           /* in a row of that connection, while the other one is up */

static void on_wake_up(struct redis *wake)
{
    struct source *source = wake->options.data;

    redis_learn_nodes(wake);
    source->is_waiting = false;
    source->may_have_more = true; /* what came while nobody waited */
}

/* It may have been the length of the next job, which a claim refuses: that comes in POLL_MS, or
 * with the next connection. A claim at once would go to a server that is gone, as often as not, and
 * leave in doubt whether it came there. */
static void on_wake_down(struct redis *wake)
{
    struct source *source = wake->options.data;

    source->is_waiting = false;
    if (wake->n_lost == TELL_AT_LOSS && !wake->is_moved && source->commands.state == REDIS_UP)
        log_event(LOG_WARNING, "redis",
                  "no second connection to wait for jobs on: asking for them now and then",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("error", wake->errmsg));
}

void source_bound_wake(struct source *source)
{
    source->wake.options.max_text_bytes = source->context->config->max_job_bytes + REPLY_HEAD_BYTES;
    source->wake.options.max_reply_bytes = source->wake.options.max_text_bytes + SLOTS_BYTES;
}

void source_init_wake(struct source *source, uv_loop_t *loop, const struct redis_options *redis)
{
    struct redis_options options = *redis;

    options.up_cb = on_wake_up;
    options.down_cb = on_wake_down;
    options.data = source;
    redis_init(&source->wake, loop, &options);
    source_bound_wake(source);
    redis_start(&source->wake);
}

/* Such as -OOM: the claim script is allowed what BLMOVE is not. */
static void refuse_to_wait(struct source *source, const redisReply *reply)
{
    if (!source_log_moving(source, reply) && !source->cannot_wait)
        log_event(LOG_WARNING, "redis", "cannot wait for jobs: asking for them now and then",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("error", reply->str));
    source->cannot_wait = true;
    source->wait_again_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
    source->next_claim_ms = clock_ms() + POLL_MS;
}

static void on_woken(struct redis *wake, const redisReply *reply, void *data)
{
    struct source *source = data;

    (void)wake;
    source->is_waiting = false;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        refuse_to_wait(source, reply);
        return;
    }
    source->cannot_wait = false;
    if (reply->type == REDIS_REPLY_STRING)
        source->may_have_more = true;
}

/* Without the lease it could not claim what it is woken for: each wait would end at once. */
static bool may_wait(const struct source *source, uint64_t now_ms)
{
    return !source->is_waiting && !source->may_have_more && !source->claim_is_out &&
           !source->context->stopping && !source->is_yielding && !source->is_paused &&
           now_ms >= source->wait_again_ms && source->lease == LEASE_HELD;
}

static int send_wait(struct source *source)
{
    uint64_t wait_ms = source->context->wait_ms;
    char seconds[24];
    const char *list = source->queue->list;
    const char *argv[] = {"BLMOVE", list, list, "LEFT", "LEFT", seconds};
    size_t lengths[6];

    (void)snprintf(seconds, sizeof(seconds), "%u.%03u", (unsigned)(wait_ms / 1000),
                   (unsigned)(wait_ms % 1000));
    for (int i = 0; i < 6; i++)
        lengths[i] = strlen(argv[i]);
    return redis_command(&source->wake, 6, argv, lengths, wait_ms + 2000, on_woken, source);
}

/* While the connection is gone, or waiting is refused, the queue is asked now and then. */
static void poll_instead(struct source *source, uint64_t now_ms)
{
    if (!source->may_have_more && source->next_claim_ms > now_ms + POLL_MS)
        source->next_claim_ms = now_ms + POLL_MS;
}

void source_wait_for_job(struct source *source, uint64_t now_ms)
{
    if (source->wake.state != REDIS_UP || (source->cannot_wait && now_ms < source->wait_again_ms))
        poll_instead(source, now_ms);
    else if (!may_wait(source, now_ms))
        return;
    else if (send_wait(source) == 0)
        source->is_waiting = true;
    else
        poll_instead(source, now_ms);
}

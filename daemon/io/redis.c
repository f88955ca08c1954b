/* The life of a connection.
 *
 *   IDLE -> RESOLVING -> CONNECTING -> GREETING -> UP
 *               ^            |            |         |     any error, deadline or redis_drop()
 *            BACKOFF <-------+------------+---------+
 *
 * A Sentinel that has answered in GREETING is left for RESOLVING the master's name, see hop(). What
 * is no name but an address, or a path, is CONNECTING at once.
 *
 * hiredis 0.14 frees its context under the feet of a callback that disconnects it, so nothing is
 * torn down while it is on the stack: a failure is noted (redis_fail()), and done in on_prepare(),
 * before the loop waits. Tearing down detaches the context first and frees it after, which makes
 * hiredis call the callbacks of all unanswered commands with NULL; they find their call in our own
 * list.
 *
 * Commands (redis_command.c) are written once a loop turn, in redis_flush(), not one by one. */
#include "daemon/io/redis.h"

#include <string.h>

#include "daemon/io/redis_private.h"
#include "daemon/tls/redis_tls.h"
#include "lib/require.h"

uint64_t redis_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void redis_init(struct redis *redis, uv_loop_t *loop, const struct redis_options *options)
{
    memset(redis, 0, sizeof(*redis));
    redis->loop = loop;
    redis->options = *options;
    redis->last_call = &redis->calls;
    redis->random = uv_hrtime() | 1;
    redis_target_init(redis);
    uv_timer_init(loop, &redis->timer);
    uv_prepare_init(loop, &redis->prepare);
    redis->timer.data = redis->prepare.data = redis;
    redis->open_handles = 2;
}

void redis_fail(struct redis *redis, const char *why)
{
    if (redis->is_failing)
        return;
    redis->is_failing = true;
    (void)snprintf(redis->errmsg, sizeof(redis->errmsg), "%s", why);
}

void redis_drop(struct redis *redis, const char *why)
{
    if (redis->state == REDIS_CONNECTING || redis->state == REDIS_GREETING ||
        redis->state == REDIS_UP)
        redis_fail(redis, why);
}

/* ---- deadlines */

static void on_deadline(uv_timer_t *timer);

void redis_arm_deadline(struct redis *redis, uint64_t deadline_ms)
{
    uint64_t now = redis_now_ms();

    redis->due_ms = deadline_ms;
    uv_update_time(redis->loop);
    uv_timer_start(&redis->timer, on_deadline, deadline_ms > now ? deadline_ms - now : 1, 0);
}

static const char *what_is_late(const struct redis *redis)
{
    if (redis->context && redis_tls_is_shaking_hands(&redis->context->c))
        return "TLS: the handshake was not answered in time";
    return "no reply in time";
}

static void on_deadline(uv_timer_t *timer)
{
    struct redis *redis = timer->data;

    switch (redis->state) {
    case REDIS_BACKOFF:
        redis_connect(redis);
        break;
    case REDIS_RESOLVING:
        redis_fail(redis, "the name was not resolved in time");
        break;
    case REDIS_CONNECTING:
        redis_fail(redis, "no connection in time");
        break;
    case REDIS_GREETING:
    case REDIS_UP:
        if (!redis->calls)
            break;
        if (redis_deadline_ms(redis) > redis_now_ms() || redis_look_again(redis))
            redis_arm_deadline(redis, redis_deadline_ms(redis));
        else
            redis_fail(redis, what_is_late(redis));
        break;
    case REDIS_IDLE:
    case REDIS_CLOSED:
        break;
    }
}

/* ---- the end of a connection */

static uint64_t next_backoff(struct redis *redis)
{
    uint64_t limit = redis->options.min_backoff_ms;

    for (unsigned i = 0; i < redis->n_lost && limit < redis->options.max_backoff_ms; i++)
        limit *= 2;
    if (limit > redis->options.max_backoff_ms)
        limit = redis->options.max_backoff_ms;
    redis->random = redis->random * 6364136223846793005u + 1442695040888963407u;
    return limit / 2 + (redis->random >> 33) % (limit / 2 + 1);
}

/* Frees the connection. hiredis answers what is unanswered, through on_reply(); what it had already
 * let go of is answered here. */
static void tear_down(struct redis *redis)
{
    redisAsyncContext *context = redis->context;

    uv_timer_stop(&redis->timer);
    redis_adapter_detach(redis);
    redis->context = NULL;
    if (context) {
        context->data = NULL;
        redisAsyncFree(context);
    }
    redis_fail_calls(redis);
}

static void recover(struct redis *redis)
{
    bool was_of_use = redis->state == REDIS_UP && redis->n_lost == 0;

    tear_down(redis);
    if (!was_of_use && !redis->is_moved)
        redis_target_failed(redis);
    redis->is_failing = redis->is_hopping = false;
    redis->state = REDIS_BACKOFF;
    redis_arm_deadline(redis, redis->is_hop_due ? 0 : redis_now_ms() + next_backoff(redis));
    redis->n_lost++;
    redis->options.down_cb(redis);
}

static void hop(struct redis *redis)
{
    tear_down(redis);
    redis_connect(redis);
}

void redis_flush(struct redis *redis)
{
    if (redis->closing)
        return;
    if (redis->is_hopping && !redis->is_failing)
        hop(redis);
    if (!redis->is_failing && redis->context)
        redis_adapter_flush(redis); /* watches the socket that hop() may have opened, as well */
    if (redis->is_failing)
        recover(redis);
}

static void on_prepare(uv_prepare_t *prepare)
{
    redis_flush(prepare->data);
}

void redis_start(struct redis *redis)
{
    REQUIRE(redis->state == REDIS_IDLE);
    uv_prepare_start(&redis->prepare, on_prepare);
    redis->state = REDIS_BACKOFF;
    redis_arm_deadline(redis, 0);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis *redis = handle->data;

    handle->data = NULL;
    redis->open_handles--;
    redis_adapter_maybe_closed(redis);
}

void redis_close(struct redis *redis, redis_event_cb close_cb)
{
    REQUIRE(!redis->closing);
    redis->closing = true;
    redis->is_failing = true;
    redis->close_cb = close_cb;
    redis_abandon_lookups(redis);
    tear_down(redis);
    redis_objects_deinit(&redis->objects);
    redis->state = REDIS_CLOSED;
    uv_close((uv_handle_t *)&redis->timer, on_handle_closed);
    uv_close((uv_handle_t *)&redis->prepare, on_handle_closed);
}

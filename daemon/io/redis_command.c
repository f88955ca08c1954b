/* Commands, and their calls: each waits in redis->calls, in the order of the replies, until its own
 * comes, or the end of the connection.
 *
 * hiredis asserts that each reply has a command, so what a server says unasked is caught before
 * hiredis sees it: see refuse_unasked() and redis_adapter.c. */
#include <stdlib.h>

#include "daemon/io/redis_private.h"
#include "lib/require.h"

static struct redis_call *pop_call(struct redis *redis)
{
    struct redis_call *call = redis->calls;

    REQUIRE(call);
    redis->calls = call->next;
    if (!redis->calls)
        redis->last_call = &redis->calls;
    redis->n_counted_bytes = 0;
    redis->has_looked_again = false;
    return call;
}

/* More has come than there are commands: hiredis must not go on, and frees the context when the
 * callback is over. An error it takes for the reason of the end that follows, and that is right. */
static void refuse_unasked(struct redis *redis, redisAsyncContext *context)
{
    const redisReader *reader = context->c.reader;

    if (redis->calls || reader->pos >= reader->len || reader->buf[reader->pos] == '-')
        return;
    redis_fail(redis, "the server sent a reply to no command");
    redisAsyncFree(context);
}

static void on_reply(redisAsyncContext *context, void *reply, void *privdata)
{
    struct redis *redis = privdata;
    struct redis_call *call;

    if (reply)
        redis_hear_whole(redis);
    call = pop_call(redis);
    if (redis->calls && redis_deadline_ms(redis) < redis->due_ms)
        redis_arm_deadline(redis, redis_deadline_ms(redis));
    call->reply_cb(redis, redis_judge_reply(redis, context, reply, call->is_proof), call->data);
    free(call);
    if (reply)
        refuse_unasked(redis, context);
}

static struct redis_call *new_call(const struct redis *redis, uint64_t timeout_ms,
                                   redis_reply_cb reply_cb, void *data)
{
    struct redis_call *call = malloc(sizeof(*call));

    if (call)
        *call = (struct redis_call){
            .deadline_ms = redis_now_ms() + timeout_ms - redis->moved_ms,
            .timeout_ms = timeout_ms,
            .reply_cb = reply_cb,
            .data = data,
            .is_proof = redis->state == REDIS_UP && !redis->in_up_cb,
        };
    return call;
}

/* Takes a call whose command hiredis has taken, or throws it away. */
static int note_call(struct redis *redis, struct redis_call *call, int status)
{
    if (status != REDIS_OK) {
        free(call);
        return -1;
    }
    *redis->last_call = call;
    redis->last_call = &call->next;
    if (redis->calls == call)
        redis_arm_deadline(redis, redis_deadline_ms(redis));
    return 0;
}

int redis_send_command(struct redis *redis, int argc, const char *const *argv,
                       const size_t *lengths, uint64_t timeout_ms, redis_reply_cb reply_cb,
                       void *data)
{
    struct redis_call *call = new_call(redis, timeout_ms, reply_cb, data);

    if (!call)
        return -1;
    /* hiredis declares these arguments without const, and does not write to them. */
    return note_call(redis, call,
                     redisAsyncCommandArgv(redis->context, on_reply, redis, argc,
                                           (const char **)(uintptr_t)argv, lengths));
}

int redis_command(struct redis *redis, int argc, const char *const *argv, const size_t *lengths,
                  uint64_t timeout_ms, redis_reply_cb reply_cb, void *data)
{
    if (redis->state != REDIS_UP || redis->is_failing)
        return -1;
    return redis_send_command(redis, argc, argv, lengths, timeout_ms, reply_cb, data);
}

int redis_send(struct redis *redis, const char *bytes, size_t len, uint64_t timeout_ms,
               redis_reply_cb reply_cb, void *data)
{
    struct redis_call *call;

    if (redis->state != REDIS_UP || redis->is_failing ||
        !(call = new_call(redis, timeout_ms, reply_cb, data)))
        return -1;
    return note_call(redis, call,
                     redisAsyncFormattedCommand(redis->context, on_reply, redis, bytes, len));
}

void redis_fail_calls(struct redis *redis)
{
    while (redis->calls) {
        struct redis_call *call = pop_call(redis);

        call->reply_cb(redis, NULL, call->data);
        free(call);
    }
}

/* What a reply says about the server. Errors that are about the command, ASK and TRYAGAIN among
 * them, are the caller's. */
#include <string.h>

#include "daemon/io/redis_private.h"
#include "daemon/tls/redis_tls.h"

/* Errors after which this server is of no use for now. */
static bool is_fatal_error(const redisReply *reply)
{
    static const char *const prefixes[] = {
        "LOADING", "READONLY",    "MASTERDOWN", "UNBLOCKED",
        "NOAUTH",  "CLUSTERDOWN", "MISCONF",    "ERR max number of clients"};

    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* The queue lives elsewhere: the next connection goes there. */
static bool is_moved(struct redis *redis, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "MOVED ", 6) != 0)
        return false;
    if (!redis->is_failing)
        redis->is_moved = redis_target_hear_moved(redis, reply->str);
    return true;
}

void redis_fail_ended(struct redis *redis, const redisAsyncContext *context)
{
    char why[REDIS_TLS_WHY_MAX];

    if (redis->objects.is_full)
        redis_fail(redis, REDIS_TOO_LONG);
    else if (redis_tls_why(&context->c, why))
        redis_fail(redis, why);
    else
        redis_fail(redis, context->errstr[0] ? context->errstr : "connection closed");
}

/* Without a reply hiredis is about to free the context; with one that comes after a failure, it
 * delivers what it had read: that is good, but too late. */
const redisReply *redis_judge_reply(struct redis *redis, const redisAsyncContext *context,
                                    const redisReply *reply, bool is_proof)
{
    if (!reply)
        redis_fail_ended(redis, context);
    else if (redis->objects.has_resp3)
        redis_fail(redis, "the server answers in RESP3, which it was not asked for");
    else if (is_fatal_error(reply))
        redis_fail(redis, reply->str);
    else if (is_moved(redis, reply))
        redis_fail(redis, reply->str);
    else if (is_proof && reply->type != REDIS_REPLY_ERROR)
        redis->n_lost = redis->n_hops = 0;
    return redis->is_failing ? NULL : reply;
}

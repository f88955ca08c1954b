#include "redis.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "redis_program.h"
#include "wait.h"

static void disconnect(struct redis *redis)
{
    if (redis->client) {
        redisFree(redis->client);
        redis->client = NULL;
    }
}

/* Connected, and past loading its data. */
static bool answers(struct redis *redis)
{
    if (!proc_is_running(&redis->proc)) {
        return false;
    }
    disconnect(redis);
    redis->client = redisConnectUnix(redis->socket);
    if (!redis->client || redis->client->err) {
        return false;
    }
    redisReply *reply = redisCommand(redis->client, "PING");
    bool pong = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return pong;
}

static void launch(struct redis *redis)
{
    char log[FOLDER_PATH_MAX + 16];
    const char *argv[16 + REDIS_MAX_ARGS] = {
        redis_program(),    "--port", "0", "--unixsocket", redis->socket, "--dir",
        redis->folder.path, "--save", "",  "--appendonly", "no"};
    size_t n = 11;
    for (size_t i = 0; redis->args[i]; i++) {
        argv[n++] = redis->args[i];
    }
    folder_path(&redis->folder, "log", log, sizeof(log));
    proc_start(&redis->proc, &(struct proc_options){.argv = argv, .log = log});
    cr_assert(wait_until(answers(redis), WAIT_LONG_MS), "the server does not answer: see %s", log);
}

void redis_start(struct redis *redis, const char *const *args)
{
    *redis = (struct redis){0};
    for (size_t i = 0; args && args[i]; i++) {
        cr_assert(i < REDIS_MAX_ARGS);
        redis->args[i] = args[i];
    }
    folder_make(&redis->folder);
    folder_path(&redis->folder, "socket", redis->socket, sizeof(redis->socket));
    snprintf(redis->url, sizeof(redis->url), "unix://%s", redis->socket);
    launch(redis);
}

void redis_kill(struct redis *redis)
{
    disconnect(redis);
    proc_kill(&redis->proc);
}

void redis_shut_down(struct redis *redis)
{
    disconnect(redis);
    proc_stop(&redis->proc, SIGTERM, WAIT_LONG_MS);
}

void redis_start_again(struct redis *redis)
{
    launch(redis);
}

void redis_connect_again(struct redis *redis)
{
    cr_assert(wait_until(answers(redis), WAIT_LONG_MS));
}

void redis_stop(struct redis *redis)
{
    redis_kill(redis);
    folder_remove(&redis->folder);
}

static redisReply *command(struct redis *redis, const char *format, va_list args)
{
    cr_assert(redis->client, "the test's redis-server is down");
    redisReply *reply = redisvCommand(redis->client, format, args);
    cr_assert(reply, "redis: no answer to %s: %s", format, redis->client->errstr);
    return reply;
}

redisReply *redis_cmd(struct redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(redis, format, args);
    va_end(args);
    return reply;
}

void redis_do(struct redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(redis, format, args);
    va_end(args);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "redis: %s: %s", format, reply->str);
    freeReplyObject(reply);
}

long long redis_int(struct redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(redis, format, args);
    va_end(args);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "redis: %s: not an integer", format);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

unsigned redis_n_blocked(struct redis *redis)
{
    redisReply *info = redis_cmd(redis, "INFO clients");
    const char *at = strstr(info->str, "blocked_clients:");
    unsigned n = at ? (unsigned)strtoul(at + strlen("blocked_clients:"), NULL, 10) : 0;
    freeReplyObject(info);
    return n;
}

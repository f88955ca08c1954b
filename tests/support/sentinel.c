#include "sentinel.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "redis_program.h"
#include "wait.h"

static void start_server(struct sentinel *sentinel, unsigned i)
{
    char *port = sentinel->texts[i];
    const char *args[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay",
                          "0",      NULL};
    sentinel->ports[i] = port_pick();
    snprintf(port, sizeof(sentinel->texts[i]), "%u", sentinel->ports[i]);
    redis_start(&sentinel->servers[i], args);
    if (i > 0)
        redis_do(&sentinel->servers[i], "REPLICAOF 127.0.0.1 %u", sentinel->ports[0]);
}

static void start_watcher(struct sentinel *sentinel, unsigned i)
{
    char name[32], file[FOLDER_PATH_MAX + 32], lines[256] = "", *text;
    const char *argv[] = {redis_program(), file, "--sentinel", NULL};
    sentinel->watcher_ports[i] = port_pick();
    if (sentinel->password)
        snprintf(lines, sizeof(lines),
                 "sentinel auth-pass " SENTINEL_MASTER " %s\nrequirepass %s\n"
                 "sentinel sentinel-pass %s\n",
                 sentinel->password, sentinel->password, sentinel->password);
    int len = asprintf(&text,
                       "port %u\nbind 127.0.0.1\ndir %s\n"
                       "sentinel monitor " SENTINEL_MASTER " 127.0.0.1 %u 2\n"
                       "sentinel down-after-milliseconds " SENTINEL_MASTER " %d\n"
                       "sentinel failover-timeout " SENTINEL_MASTER " 3000\n%s",
                       sentinel->watcher_ports[i], sentinel->folder.path, sentinel->ports[0],
                       SENTINEL_DOWN_MS, lines);
    cr_assert(len > 0);
    snprintf(name, sizeof(name), "sentinel-%u.conf", i);
    folder_write(&sentinel->folder, name, text, file, sizeof(file));
    free(text);
    snprintf(name, sizeof(name), "sentinel-%u.log", i);
    char log[FOLDER_PATH_MAX + 32];
    folder_path(&sentinel->folder, name, log, sizeof(log));
    proc_start(&sentinel->watchers[i], &(struct proc_options){.argv = argv, .log = log});
}

/* NULL where there is none. */
static redisReply *ask(struct sentinel *sentinel, unsigned i, const char *what)
{
    redisContext *context = redisConnect("127.0.0.1", (int)sentinel->watcher_ports[i]);
    redisReply *reply = NULL;
    if (context && !context->err) {
        if (sentinel->password)
            freeReplyObject(redisCommand(context, "AUTH %s", sentinel->password));
        reply = redisCommand(context, "SENTINEL %s " SENTINEL_MASTER, what);
    }
    redisFree(context);
    return reply;
}

static size_t count(struct sentinel *sentinel, unsigned i, const char *what)
{
    redisReply *reply = ask(sentinel, i, what);
    size_t n = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    freeReplyObject(reply);
    return n;
}

static bool all_watch(struct sentinel *sentinel)
{
    for (unsigned i = 0; i < SENTINEL_WATCHERS; i++) {
        if (count(sentinel, i, "SENTINELS") != SENTINEL_WATCHERS - 1 ||
            count(sentinel, i, "REPLICAS") != 1)
            return false;
    }
    return true;
}

static bool follows(struct redis *redis)
{
    redisReply *reply = redis_cmd(redis, "INFO replication");
    bool is_up = strstr(reply->str, "master_link_status:up") != NULL;
    freeReplyObject(reply);
    return is_up;
}

static void set_password(struct sentinel *sentinel)
{
    for (unsigned i = 0; i < 2; i++) {
        redis_do(&sentinel->servers[i], "CONFIG SET masterauth %s", sentinel->password);
        redis_do(&sentinel->servers[i], "CONFIG SET requirepass %s", sentinel->password);
    }
}

void sentinel_start(struct sentinel *sentinel, const char *password)
{
    memset(sentinel, 0, sizeof(*sentinel));
    sentinel->password = password;
    folder_make(&sentinel->folder);
    start_server(sentinel, 0);
    start_server(sentinel, 1);
    cr_assert(wait_until(follows(&sentinel->servers[1]), WAIT_LONG_MS));
    if (password)
        set_password(sentinel);
    for (unsigned i = 0; i < SENTINEL_WATCHERS; i++)
        start_watcher(sentinel, i);
    cr_assert(wait_until(all_watch(sentinel), WAIT_LONG_MS), "the Sentinels do not find all");
}

void sentinel_stop(struct sentinel *sentinel)
{
    for (unsigned i = 0; i < SENTINEL_WATCHERS; i++)
        proc_kill(&sentinel->watchers[i]);
    for (unsigned i = 0; i < 2; i++)
        redis_stop(&sentinel->servers[i]);
    folder_remove(&sentinel->folder);
}

void sentinel_url(const struct sentinel *sentinel, const char *user_info, char *ret_url,
                  size_t size)
{
    const unsigned *ports = sentinel->watcher_ports;
    snprintf(ret_url, size, "sentinel://%s127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/" SENTINEL_MASTER,
             user_info, ports[0], ports[1], ports[2]);
}

unsigned sentinel_named(struct sentinel *sentinel, unsigned watcher)
{
    redisReply *reply = ask(sentinel, watcher, "GET-MASTER-ADDR-BY-NAME");
    cr_assert(reply && reply->type == REDIS_REPLY_ARRAY);
    unsigned port = (unsigned)atoi(reply->element[1]->str);
    freeReplyObject(reply);
    return port == sentinel->ports[0] ? 0 : 1;
}

/* The connections of a source. Each source has its own: in a Redis Cluster each queue lives on one
 * node, and where it moves to is no matter of the others.
 *
 * The log speaks of the connection for scripts, which goes to the same server as the one that waits
 * for jobs; of that one it speaks only where it fails by itself (source_wake.c). */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/config/redis_url.h"
#include "daemon/log.h"
#include "daemon/source_private.h"

#define CONNECT_TIMEOUT_MS 3000
#define MIN_BACKOFF_MS     50
#define MAX_BACKOFF_MS     2000
#define RECONNECT_MS       (MAX_BACKOFF_MS + 1000) /* for everybody to be back */
#define WHERE_MAX          300

/* Of a reply: more than the largest element that Redis takes (proto-max-bulk-len, 512 MiB). A
 * claim has one megabyte, or one job, which may be from before max_job_bytes was lowered: a reply
 * that is asked for again must not be refused, or the queue would stand for ever. */
#define MAX_REPLY_BYTES (520u << 20)

/* The value of a line "NAME:VALUE" of INFO, up to its end; "" if there is none. */
static void info_value(const char *info, const char *name, char *ret_value, size_t size)
{
    const char *at = strstr(info, name);

    (void)snprintf(ret_value, size, "%.*s", at ? (int)strcspn(at + strlen(name), "\r\n") : 0,
                   at ? at + strlen(name) : "");
}

static void reap_after(struct source *source, uint64_t wait_ms)
{
    uint64_t at = clock_ms() + wait_ms;

    if (source->reap_after_ms < at)
        source->reap_after_ms = at;
}

/* A server that was just started was away before that. The second that has begun does not count. */
static void look_at_uptime(struct source *source, const char *info)
{
    char text[24];
    uint64_t up_ms;

    info_value(info, "\nuptime_in_seconds:", text, sizeof(text));
    if (text[0] == '\0')
        return;
    up_ms = strtoull(text, NULL, 10) * 1000;
    up_ms -= up_ms > 0 ? 1000 : 0;
    if (up_ms < RECONNECT_MS)
        reap_after(source, RECONNECT_MS - up_ms);
}

/* An evicted key is a lost job. */
static void look_at_memory(const struct source *source, const char *info)
{
    char limit[24], policy[32];

    info_value(info, "\nmaxmemory:", limit, sizeof(limit));
    info_value(info, "\nmaxmemory_policy:", policy, sizeof(policy));
    if (strcmp(limit, "0") != 0 && policy[0] != '\0' && strcmp(policy, "noeviction") != 0)
        log_event(LOG_WARNING, "redis", "Redis may evict keys, and jobs with them: set noeviction",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("maxmemory", limit),
                  LOG_TEXT("maxmemory_policy", policy));
}

/* Without the right to INFO nothing is said. */
static void on_info(struct redis *redis, const redisReply *reply, void *data)
{
    (void)redis;
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    look_at_uptime(data, reply->str);
    look_at_memory(data, reply->str);
}

/* The answer is there before that of any script. */
static void look_at_server(struct source *source)
{
    const char *argv[] = {"INFO", "server", "memory"};
    size_t lengths[] = {4, 6, 6};

    /* Not sent: the connection is lost, and the next one asks again. */
    (void)!redis_command(&source->commands, 3, argv, lengths, SOURCE_TIMEOUT_MS, on_info, source);
}

static void on_up(struct redis *redis)
{
    struct source *source = redis->options.data;
    char where[WHERE_MAX];

    redis_where(redis, where, sizeof(where));
    log_event(LOG_NOTICE, "redis", "connected", LOG_TEXT("queue", source->queue->name),
              LOG_TEXT("server", where));
    script_load_all(redis);
    redis_learn_nodes(redis);
    look_at_server(source);
    source->next_beat_ms = clock_ms();
    source->settle_after_ms = 0;
    source->may_have_more = true;
    if (source->was_connected || redis->n_lost > 0)
        reap_after(source, RECONNECT_MS); /* nobody could renew a lease: others may be on their way
                                             back */
    source->was_connected = true;
}

static void log_loss(const struct source *source, const struct redis *redis)
{
    const char *what = redis->target_kind == REDIS_TO_SENTINEL ? "sentinel" : "server";
    char where[WHERE_MAX];

    redis_where(redis, where, sizeof(where));
    if (redis->is_moved)
        log_event(LOG_NOTICE, "redis", "the queue lives on another node, going there",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT(what, where),
                  LOG_TEXT("error", redis->errmsg));
    else if (redis->n_lost == 1)
        log_event(LOG_ERR, "redis", "connection lost, trying again until it is back",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT(what, where),
                  LOG_TEXT("error", redis->errmsg));
    else
        log_event(LOG_WARNING, "redis", "still no connection",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT(what, where),
                  LOG_TEXT("error", redis->errmsg), LOG_NUMBER("tries", redis->n_lost));
}

static void on_down(struct redis *redis)
{
    struct source *source = redis->options.data;

    log_loss(source, redis);
    if (source->lease == LEASE_ASKED)
        source->lease = LEASE_NONE;
}

static struct redis_options options_of(const struct redis_config *config)
{
    return (struct redis_options){
        .host = config->kind == REDIS_TCP ? config->host : NULL,
        .port = config->port,
        .path = config->kind == REDIS_UNIX ? config->path : NULL,
        .master = config->kind == REDIS_SENTINEL ? config->master : NULL,
        .user = config->user,
        .password = config->password,
        .db = config->db,
        .tls = config->tls_setup,
        .client_name = "pusherd",
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .min_backoff_ms = MIN_BACKOFF_MS,
        .max_backoff_ms = MAX_BACKOFF_MS,
        .max_reply_bytes = MAX_REPLY_BYTES,
        .max_text_bytes = MAX_REPLY_BYTES,
    };
}

static unsigned read_sentinels(const struct redis_config *config,
                               struct redis_address ret_sentinels[REDIS_SERVERS_MAX])
{
    const char *at = config->host;
    unsigned n = 0;

    while (config->kind == REDIS_SENTINEL && n < REDIS_SERVERS_MAX &&
           redis_url_next_sentinel(&at, ret_sentinels[n].host, &ret_sentinels[n].port))
        n++;
    return n;
}

void source_init_redis(struct source *source, uv_loop_t *loop)
{
    const struct redis_config *config = &source->context->config->redis;
    struct redis_address sentinels[REDIS_SERVERS_MAX];
    struct redis_options options = options_of(config);

    options.sentinels = sentinels;
    options.n_sentinels = read_sentinels(config, sentinels);
    options.up_cb = on_up;
    options.down_cb = on_down;
    options.data = source;
    redis_init(&source->commands, loop, &options);
    redis_start(&source->commands);
    source_init_wake(source, loop, &options);
}

static void change_options(struct redis *redis, const struct redis_config *config)
{
    const struct redis_options options = options_of(config);

    redis->options.host = options.host;
    redis->options.path = options.path;
    redis->options.master = options.master;
    redis->options.user = options.user;
    redis->options.password = options.password;
    redis->options.tls = options.tls;
}

void source_change_redis(struct source *source)
{
    change_options(&source->commands, &source->context->config->redis);
    change_options(&source->wake, &source->context->config->redis);
    source_bound_wake(source);
}

bool source_is_resting(const struct source *source)
{
    return source->lease == LEASE_HELD && source->rested_ms == source->lease_sent_ms;
}

uint64_t source_rests_at(const struct source *source)
{
    const struct config *config = source->context->config;

    if (source->rested_ms == source->lease_sent_ms || source->lease != LEASE_HELD ||
        source->close_after_ms > 0 || config->n_queues < 2)
        return UINT64_MAX;
    return source->lease_sent_ms + source->lease_ms;
}

void source_rest(struct source *source, uint64_t now_ms)
{
    if (now_ms < source_rests_at(source))
        return;
    log_event(LOG_WARNING, "lease",
              "not renewed for a whole lease: jobs that are not sent stay in Redis",
              LOG_TEXT("queue", source->queue->name));
    source->rested_ms = source->lease_sent_ms;
    if (!list_empty(&source->held))
        source->claim_in_doubt = true; /* they are to be asked for again */
    source_drop_unsent(source);
}

void source_flush(struct source *source)
{
    redis_flush(&source->wake);
    redis_flush(&source->commands);
}

void source_close(struct source *source)
{
    source->is_open = false;
    redis_close(&source->commands, NULL);
    redis_close(&source->wake, NULL);
}

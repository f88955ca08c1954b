/* Opening a connection, by whichever way; why one failed. */
#include "daemon/ctl/link.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>

#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "daemon/tls/redis_tls.h"

int link_fail(struct link *link, const char *format, ...)
{
    va_list args;
    int used = snprintf(link->why, sizeof link->why, "Redis at %s: ", link->where);
    va_start(args, format);
    vsnprintf(link->why + used, sizeof link->why - (size_t)used, format, args);
    va_end(args);
    return -1;
}

/* hiredis says "Resource temporarily unavailable" when a socket's timeout ran out. */
int link_fail_io(struct link *link)
{
    char why[REDIS_TLS_WHY_MAX];
    if (!link->redis)
        return link_fail(link, "out of memory");
    if (link->redis->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        return link_fail(link, "no answer in time");
    if (redis_tls_why(link->redis, why))
        return link_fail(link, "%s", why);
    return link_fail(link, "%s", link->redis->errstr);
}

static struct timeval timeval_of(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

int link_set_timeout(struct link *link, unsigned ms)
{
    link->answer_ms = ms;
    return redisSetTimeout(link->redis, timeval_of(ms)) == REDIS_OK ? 0 : link_fail_io(link);
}

static int opened(struct link *link)
{
    if (!link->redis || link->redis->err)
        return link_fail_io(link);
    redisEnableKeepAlive(link->redis);
    return 0;
}

/* An answer may take longer than a handshake. */
static int start_tls(struct link *link, const char *host)
{
    char why[REDIS_TLS_WHY_MAX];
    if (!link->config->tls_setup)
        return 0;
    if (link_set_timeout(link, LINK_CONNECT_MS) != 0)
        return -1;
    if (redis_tls_start(link->config->tls_setup, link->redis, host, why) == 0)
        return 0;
    return link_fail(link, "%s", why);
}

static int open_tcp(struct link *link, const char *host, unsigned port)
{
    link_close(link);
    snprintf(link->where, sizeof link->where, "%s:%u", host, port);
    link->redis = redisConnectWithTimeout(host, (int)port, timeval_of(LINK_CONNECT_MS));
    if (opened(link) != 0 || start_tls(link, host) != 0)
        return -1;
    return link_set_timeout(link, LINK_ANSWER_MS);
}

static int open_unix(struct link *link, const char *path)
{
    snprintf(link->where, sizeof link->where, "%s", path);
    link->redis = redisConnectUnixWithTimeout(path, timeval_of(LINK_CONNECT_MS));
    if (!link->redis || link->redis->err)
        return link_fail_io(link);
    return link_set_timeout(link, LINK_ANSWER_MS);
}

/* Connects to where this Sentinel says the master is. */
static int follow_sentinel(struct link *link, const char *master)
{
    unsigned port;
    redisReply *reply = link_call(link, "SENTINEL", "get-master-addr-by-name", master, NULL);
    if (!reply)
        return -1;
    int rc = -1;
    if (reply->type == REDIS_REPLY_NIL)
        link_fail(link, "this Sentinel knows no master %s", master);
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
             reply->element[0]->type == REDIS_REPLY_STRING &&
             reply->element[1]->type == REDIS_REPLY_STRING &&
             uri_port(pusher_str(reply->element[1]->str), &port))
        rc = open_tcp(link, reply->element[0]->str, port);
    else
        link_fail(link, "this is no Sentinel");
    freeReplyObject(reply);
    return rc;
}

/* A Sentinel may be behind the times: the server must say of itself that it is the master. */
static int check_role(struct link *link)
{
    redisReply *reply = link_call(link, "ROLE", NULL);
    if (!reply)
        return -1;
    bool is_master = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
                     reply->element[0]->str && strcmp(reply->element[0]->str, "master") == 0;
    freeReplyObject(reply);
    return is_master ? 0 : link_fail(link, "it is not the master");
}

static int authenticate(struct link *link, const struct redis_config *config)
{
    redisReply *reply = NULL;
    if (config->password && config->user)
        reply = link_call(link, "AUTH", config->user, config->password, NULL);
    else if (config->password)
        reply = link_call(link, "AUTH", config->password, NULL);
    if (config->password && !reply)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int open_sentinel(struct link *link, const struct redis_config *config)
{
    const char *at = config->host;
    char host[REDIS_SENTINEL_HOST_MAX];
    unsigned port;
    while (redis_url_next_sentinel(&at, host, &port)) {
        if (open_tcp(link, host, port) != 0)
            continue;
        (void)!authenticate(link, config); /* a Sentinel need not have a password */
        if (follow_sentinel(link, config->master) == 0 && authenticate(link, config) == 0 &&
            check_role(link) == 0)
            return 0;
    }
    return -1;
}

static int select_db(struct link *link, unsigned db)
{
    char number[16];
    if (db == 0)
        return 0;
    snprintf(number, sizeof number, "%u", db);
    redisReply *reply = link_call(link, "SELECT", number, NULL);
    if (!reply)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int open_kind(struct link *link, const struct redis_config *config)
{
    if (config->kind == REDIS_SENTINEL)
        return open_sentinel(link, config);
    int rc = config->kind == REDIS_UNIX ? open_unix(link, config->path)
                                        : open_tcp(link, config->host, config->port);
    return rc == 0 ? authenticate(link, config) : rc;
}

int link_open(struct link *link, const struct redis_config *config)
{
    *link = (struct link){.config = config};
    if (open_kind(link, config) == 0 && select_db(link, config->db) == 0)
        return 0;
    link_close(link);
    link->was_refused = false;
    return -1;
}

int link_reopen(struct link *link, const char *host, unsigned port)
{
    unsigned ms = link->answer_ms; /* which open_tcp() sets to its own */
    if (open_tcp(link, host, port) == 0 && link_set_timeout(link, ms) == 0 &&
        authenticate(link, link->config) == 0)
        return 0;
    link->was_refused = false;
    return -1;
}

void link_close(struct link *link)
{
    redisFree(link->redis);
    link->redis = NULL;
}

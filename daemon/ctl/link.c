#include "daemon/ctl/link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "daemon/ctl/ctl.h"
#include "daemon/tls/redis_tls.h"
#include "daemon/view/reply.h"

#define MAX_WORDS 16

static int fail(struct link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct link *link, const char *format, ...)
{
    va_list args;
    int used = snprintf(link->why, sizeof link->why, "Redis at %s: ", link->where);
    va_start(args, format);
    vsnprintf(link->why + used, sizeof link->why - (size_t)used, format, args);
    va_end(args);
    return -1;
}

/* hiredis says "Resource temporarily unavailable" when a socket's timeout ran out. */
static int fail_io(struct link *link)
{
    char why[REDIS_TLS_WHY_MAX];
    if (!link->redis)
        return fail(link, "out of memory");
    if (link->redis->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        return fail(link, "no answer in time");
    if (redis_tls_why(link->redis, why))
        return fail(link, "%s", why);
    return fail(link, "%s", link->redis->errstr);
}

static struct timeval timeval_of(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

int link_set_timeout(struct link *link, unsigned ms)
{
    link->answer_ms = ms;
    return redisSetTimeout(link->redis, timeval_of(ms)) == REDIS_OK ? 0 : fail_io(link);
}

static int opened(struct link *link)
{
    if (!link->redis || link->redis->err)
        return fail_io(link);
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
    return fail(link, "%s", why);
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
        return fail_io(link);
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
        fail(link, "this Sentinel knows no master %s", master);
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
             reply->element[0]->type == REDIS_REPLY_STRING &&
             reply->element[1]->type == REDIS_REPLY_STRING &&
             uri_port(pusher_str(reply->element[1]->str), &port))
        rc = open_tcp(link, reply->element[0]->str, port);
    else
        fail(link, "this is no Sentinel");
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
    return is_master ? 0 : fail(link, "it is not the master");
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
    return -1;
}

int link_reopen(struct link *link, const char *host, unsigned port)
{
    return open_tcp(link, host, port) == 0 ? authenticate(link, link->config) : -1;
}

void link_close(struct link *link)
{
    redisFree(link->redis);
    link->redis = NULL;
}

redisReply *link_call(struct link *link, const char *word, ...)
{
    const char *argv[MAX_WORDS];
    size_t lens[MAX_WORDS];
    va_list args;
    int argc = 0;
    va_start(args, word);
    for (; word && argc < MAX_WORDS; word = va_arg(args, const char *)) {
        argv[argc] = word;
        lens[argc++] = strlen(word);
    }
    va_end(args);
    return link_call_words(link, argc, argv, lens);
}

/* Errors that say that the server, as it is now, serves nobody like us. */
static bool is_of_server(const char *error)
{
    static const char *const names[] = {
        "NOAUTH", "WRONGPASS", "LOADING",    "MASTERDOWN", "READONLY", "UNBLOCKED", "CLUSTERDOWN",
        "MOVED",  "BUSY",      "NOREPLICAS", "MISCONF",    "ASK ",     "TRYAGAIN"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(error, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

int link_refuse(struct link *link, const char *error)
{
    link->was_refused = !is_of_server(error);
    if (strncmp(error, "ASK ", 4) == 0 || strncmp(error, "TRYAGAIN", 8) == 0)
        return fail(link, "the queue is on its way to another node, try again (%s)", error);
    return fail(link, "%s", error);
}

/* An error of Redis is a failure. */
static redisReply *refuse_error(struct link *link, redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return reply;
    link_refuse(link, reply->str);
    freeReplyObject(reply);
    return NULL;
}

redisReply *link_call_words(struct link *link, int argc, const char **argv, const size_t *lens)
{
    redisReply *reply;
    link->was_refused = false;
    if (link_ask(link, argc, argv, lens, &reply) != 0)
        return NULL;
    return refuse_error(link, reply);
}

redisReply *link_answer(struct link *link)
{
    redisReply *reply;
    link->was_refused = false;
    if (link_read(link, &reply) != 0)
        return NULL;
    return refuse_error(link, reply);
}

int link_misfit(struct link *link, const char *command)
{
    link->was_refused = false;
    return fail(link, "this is not the answer of %s", command);
}

redisReply *link_check(struct link *link, redisReply *reply, const char *command, const char *head,
                       const char *rest)
{
    if (!reply || reply_fits(reply, head, rest))
        return reply;
    freeReplyObject(reply);
    link_misfit(link, command);
    return NULL;
}

int link_status(const struct link *link)
{
    return link->was_refused ? CTL_FAILED : CTL_UNAVAILABLE;
}

int link_time(struct link *link, uint64_t *ret_unix_ms)
{
    redisReply *reply = link_check(link, link_call(link, "TIME", NULL), "TIME", "ss", "");
    if (!reply)
        return -1;
    *ret_unix_ms = strtoull(reply->element[0]->str, NULL, 10) * 1000 +
                   strtoull(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return 0;
}

int link_append(struct link *link, int argc, const char **argv, const size_t *lens)
{
    if (link->asking && redisAppendCommand(link->redis, "ASKING") != REDIS_OK)
        return fail_io(link);
    if (redisAppendCommandArgv(link->redis, argc, argv, lens) == REDIS_OK)
        return 0;
    return fail_io(link);
}

/* hiredis from 1.0 on reads it, whether or not it was asked for; nobody here does. */
static bool has_resp3(const redisReply *reply)
{
    bool has = reply->type > REDIS_REPLY_ERROR;
    for (size_t i = 0; !has && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        has = has_resp3(reply->element[i]);
    return has;
}

static int read_reply(struct link *link, redisReply **ret_reply)
{
    void *reply = NULL;
    errno = 0;
    redis_tls_before();
    if (redisGetReply(link->redis, &reply) != REDIS_OK)
        return fail_io(link);
    if (has_resp3(reply)) {
        freeReplyObject(reply);
        return fail(link, "the server answers in RESP3, which it was not asked for");
    }
    *ret_reply = reply;
    return 0;
}

int link_read(struct link *link, redisReply **ret_reply)
{
    if (link->asking) {
        if (read_reply(link, ret_reply) != 0)
            return -1;
        freeReplyObject(*ret_reply); /* of ASKING; what it refuses, the command's own tells */
    }
    return read_reply(link, ret_reply);
}

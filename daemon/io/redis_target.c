/* Whom to connect to.
 *
 * `servers` are those to begin with: the one of the options, or the Sentinels. Each attempt that
 * was of no use passes the turn to the next; one that was of use keeps it, so that the Sentinel
 * that answered, or the node that has the queue, is the first to be tried again. That holds for the
 * Sentinel as well whose master was no good: it may be the one that is cut off from the others.
 *
 * To a single server the nodes of its cluster are added: those it names in MOVED, and all of them
 * when redis_learn_nodes() asks. The server of the options stays the first. */
#include <stdlib.h>
#include <string.h>

#include "daemon/io/redis_private.h"

#define LEARN_TIMEOUT_MS 5000
#define MAX_HOPS         8

static bool set_address(struct redis_address *address, const char *host, size_t len,
                        unsigned long port)
{
    if (len == 0 || len >= sizeof(address->host) || port == 0 || port > 65535)
        return false;
    memset(address, 0, sizeof(*address));
    memcpy(address->host, host, len);
    address->port = (unsigned)port;
    return true;
}

void redis_target_init(struct redis *redis)
{
    const struct redis_options *options = &redis->options;

    if (!options->master) {
        redis->n_servers = 1;
        if (options->host)
            (void)snprintf(redis->servers[0].host, REDIS_HOST_MAX, "%s", options->host);
        redis->servers[0].port = options->port;
        return;
    }
    while (redis->n_servers < options->n_sentinels && redis->n_servers < REDIS_SERVERS_MAX) {
        redis->servers[redis->n_servers] = options->sentinels[redis->n_servers];
        redis->n_servers++;
    }
}

void redis_target_choose(struct redis *redis)
{
    redis->is_moved = redis->is_hop_due = false;
    if (redis->is_hopping) {
        redis->is_hopping = false;
        redis->target_kind = REDIS_TO_MASTER;
        return;
    }
    redis->target = redis->servers[redis->server];
    redis->target_kind = redis->options.master ? REDIS_TO_SENTINEL : REDIS_TO_SERVER;
}

void redis_target_failed(struct redis *redis)
{
    redis->server++;
    if (redis->server < redis->n_servers)
        return;
    redis->server = 0;
    redis->n_rounds++;
}

void redis_where(const struct redis *redis, char *ret_text, size_t size)
{
    const struct redis_address *target = &redis->target;

    if (!target->host[0])
        (void)snprintf(ret_text, size, "%s", redis->options.path ? redis->options.path : "");
    else if (strchr(target->host, ':'))
        (void)snprintf(ret_text, size, "[%s]:%u", target->host, target->port);
    else
        (void)snprintf(ret_text, size, "%s:%u", target->host, target->port);
}

/* ---- a cluster */

static bool is_same(const struct redis_address *a, const struct redis_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static unsigned add_server(struct redis *redis, const struct redis_address *address)
{
    unsigned last = REDIS_SERVERS_MAX - 1;

    for (unsigned i = 0; i < redis->n_servers; i++) {
        if (is_same(&redis->servers[i], address))
            return i;
    }
    if (redis->n_servers <= last)
        last = redis->n_servers++;
    redis->servers[last] = *address;
    return last;
}

/* Without a host it is the one that was asked. What is news is followed at once, but not by nodes
 * that send us round in circles. */
bool redis_target_hear_moved(struct redis *redis, const char *text)
{
    const char *host = strchr(text + strlen("MOVED "), ' ');
    const char *colon = host ? strrchr(host, ':') : NULL;
    struct redis_address address;
    bool is_news;
    size_t len;

    if (!colon || redis->options.master)
        return false;
    host++;
    len = (size_t)(colon - host);
    if (len == 0 || (len == 1 && *host == '?')) {
        host = redis->target.host;
        len = strlen(host);
    }
    if (!set_address(&address, host, len, strtoul(colon + 1, NULL, 10)))
        return false;
    redis->server = add_server(redis, &address);
    is_news = redis->n_lost == 0 || !is_same(&address, &redis->moved_to);
    redis->is_hop_due = is_news && redis->n_hops++ < MAX_HOPS;
    redis->moved_to = address;
    return true;
}

/* One node of CLUSTER SLOTS: host, port, and more. */
static void learn_node(struct redis *redis, const redisReply *node)
{
    struct redis_address address;

    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
        node->element[0]->type != REDIS_REPLY_STRING ||
        node->element[1]->type != REDIS_REPLY_INTEGER || redis->n_servers == REDIS_SERVERS_MAX)
        return;
    if (set_address(&address, node->element[0]->str, node->element[0]->len,
                    (unsigned long)node->element[1]->integer))
        (void)add_server(redis, &address);
}

/* Each range of slots: first, last, its master, its replicas. Nodes that are not named any more are
 * forgotten. */
static void on_slots(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return;
    redis->n_servers = 1;
    redis->server = add_server(redis, &redis->target);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *range = reply->element[i];

        for (size_t j = 2; range->type == REDIS_REPLY_ARRAY && j < range->elements; j++)
            learn_node(redis, range->element[j]);
    }
}

void redis_learn_nodes(struct redis *redis)
{
    static const char *const argv[] = {"CLUSTER", "SLOTS"};
    static const size_t lengths[] = {7, 5};

    if (!redis->options.master)
        (void)!redis_command(redis, 2, argv, lengths, LEARN_TIMEOUT_MS, on_slots, NULL);
}

/* ---- Sentinels */

static void fail_of_sentinel(struct redis *redis, const char *what)
{
    char why[REDIS_ERRMSG_MAX];

    (void)snprintf(why, sizeof(why), "Sentinel %.80s:%u: %.80s", redis->target.host,
                   redis->target.port, what);
    redis_fail(redis, why);
}

static bool take_master(struct redis *redis, const redisReply *reply)
{
    const redisReply *host, *port;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return false;
    host = reply->element[0];
    port = reply->element[1];
    return host->type == REDIS_REPLY_STRING && port->type == REDIS_REPLY_STRING &&
           set_address(&redis->target, host->str, host->len, strtoul(port->str, NULL, 10));
}

static void on_named(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    redis->n_greetings--;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        fail_of_sentinel(redis, reply->str);
    else if (reply->type == REDIS_REPLY_NIL)
        fail_of_sentinel(redis, "it knows no master of this name");
    else if (take_master(redis, reply))
        redis->is_hopping = true;
    else
        fail_of_sentinel(redis, "it is no Sentinel");
}

void redis_target_ask(struct redis *redis)
{
    redis_greet(redis, on_named, 3, "SENTINEL", "get-master-addr-by-name", redis->options.master);
}

/* A Sentinel may be behind the times, and a failover not be over. */
static void on_role(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    redis->n_greetings--;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_fail(redis, reply->str);
    else if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
             reply->element[0]->type != REDIS_REPLY_STRING ||
             strcmp(reply->element[0]->str, "master") != 0)
        redis_fail(redis, "the server that the Sentinel named is not the master");
    redis_greeted(redis);
}

void redis_target_verify(struct redis *redis)
{
    redis_greet(redis, on_role, 1, "ROLE", NULL, NULL);
}

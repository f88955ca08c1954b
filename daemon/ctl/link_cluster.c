/* A Redis Cluster: the node that does not have a key says which one has it. */
#include <stdio.h>
#include <string.h>

#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "daemon/ctl/link.h"

#define MAX_HOPS 5 /* from node to node, for one command */

static bool is_moved(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "MOVED ", 6) == 0;
}

/* "MOVED SLOT HOST:PORT"; without a host it is the one that was asked. */
static int follow(struct link *link, const char *text)
{
    const char *from = strchr(text + strlen("MOVED "), ' ');
    const char *colon = from ? strrchr(from, ':') : NULL;
    char host[REDIS_SENTINEL_HOST_MAX];
    unsigned port;
    int len = colon ? (int)(colon - from) - 1 : -1;
    if (len < 0 || (size_t)len >= sizeof host || !uri_port(pusher_str(colon + 1), &port)) {
        snprintf(link->why, sizeof link->why, "Redis at %s: %s", link->where, text);
        return -1;
    }
    if (len > 0)
        snprintf(host, sizeof host, "%.*s", len, from + 1);
    else
        snprintf(host, sizeof host, "%.*s", (int)(strrchr(link->where, ':') - link->where),
                 link->where);
    return link_reopen(link, host, port);
}

int link_ask(struct link *link, int argc, const char **argv, const size_t *lens,
             redisReply **ret_reply)
{
    redisReply *reply;
    for (int hops = 0;; hops++) {
        if (link_append(link, argc, argv, lens) != 0 || link_read(link, &reply) != 0)
            return -1;
        if (!is_moved(reply) || hops == MAX_HOPS)
            break;
        int rc = follow(link, reply->str);
        freeReplyObject(reply);
        if (rc != 0)
            return -1;
    }
    *ret_reply = reply;
    return 0;
}

int link_aim(struct link *link, const char *key)
{
    redisReply *reply = link_call(link, "EXISTS", key, NULL);
    if (!reply)
        return -1;
    freeReplyObject(reply);
    return 0;
}

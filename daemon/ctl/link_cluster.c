/* A Redis Cluster: the node that does not have a key says which one has it. While a slot is on its
 * way to another node, the old one says ASK of the keys that have left or never were: the command
 * then goes there, behind ASKING, and that one alone. What can run on neither node is tried again
 * for as long as an answer may take. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "daemon/ctl/link.h"

#define MAX_HOPS 5   /* from node to node, for one command */
#define RETRY_MS 100 /* between tries while the slot is on its way */

struct node {
    char host[REDIS_SENTINEL_HOST_MAX];
    unsigned port;
};

static bool says(const redisReply *reply, const char *what)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, what, strlen(what)) == 0;
}

/* "MOVED SLOT HOST:PORT" or "ASK SLOT HOST:PORT"; without a host it is the one that was asked. */
static int read_node(struct link *link, const char *text, struct node *ret_node)
{
    const char *slot = strchr(text, ' ');
    const char *space = slot ? strchr(slot + 1, ' ') : NULL;
    const char *host = space ? space + 1 : NULL;
    const char *colon = host ? strrchr(host, ':') : NULL;
    int len = colon ? (int)(colon - host) : -1;
    bool is_here = len == 0 && link->where[0] != '/'; /* a unix socket names no host */
    if (len < 0 || (len == 0 && !is_here) || (size_t)len >= sizeof ret_node->host ||
        !uri_port(pusher_str(colon + 1), &ret_node->port)) {
        snprintf(link->why, sizeof link->why, "Redis at %s: %s", link->where, text);
        return -1;
    }
    if (is_here) {
        host = link->where;
        len = (int)(strrchr(link->where, ':') - link->where);
    }
    snprintf(ret_node->host, sizeof ret_node->host, "%.*s", len, host);
    return 0;
}

static int follow(struct link *link, const char *text)
{
    struct node node;
    link->asking = false;
    return read_node(link, text, &node) == 0 ? link_reopen(link, node.host, node.port) : -1;
}

/* A script of several keys may touch others that it cannot name, and the old node may have them. */
static bool may_ask(int argc, const char **argv, const size_t *lens)
{
    return lens[0] != 4 || memcmp(argv[0], "EVAL", 4) != 0 ||
           (argc > 2 && lens[2] == 1 && argv[2][0] == '1');
}

static int ask_once(struct link *there, int argc, const char **argv, const size_t *lens,
                    redisReply **ret_reply)
{
    there->asking = true;
    return link_append(there, argc, argv, lens) == 0 ? link_read(there, ret_reply) : -1;
}

/* Puts the answer of the node that *ret_reply names in its place. The link itself stays where it
 * is: that node has the slot until the other says so. */
static int ask_there(struct link *link, int argc, const char **argv, const size_t *lens,
                     redisReply **ret_reply)
{
    struct link there = {.config = link->config, .answer_ms = link->answer_ms};
    struct node node;
    int rc = read_node(link, (*ret_reply)->str, &node);
    freeReplyObject(*ret_reply);
    if (rc != 0)
        return -1;
    rc = link_reopen(&there, node.host, node.port);
    if (rc == 0)
        rc = ask_once(&there, argc, argv, lens, ret_reply);
    if (rc != 0)
        snprintf(link->why, sizeof link->why, "%s", there.why);
    link_close(&there);
    return rc;
}

/* Refused until its slot has arrived. */
static bool must_wait(const redisReply *reply, int argc, const char **argv, const size_t *lens)
{
    return says(reply, "TRYAGAIN") || (says(reply, "ASK ") && !may_ask(argc, argv, lens));
}

static unsigned wait_a_little(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    nanosleep(&pause, NULL);
    return RETRY_MS;
}

int link_ask(struct link *link, int argc, const char **argv, const size_t *lens,
             redisReply **ret_reply)
{
    unsigned waited_ms = 0;
    int hops = 0;
    for (;; freeReplyObject(*ret_reply)) {
        int rc = 0;
        if (link_append(link, argc, argv, lens) != 0 || link_read(link, ret_reply) != 0)
            return -1;
        if (must_wait(*ret_reply, argc, argv, lens) && waited_ms < link->answer_ms)
            waited_ms += wait_a_little();
        else if (says(*ret_reply, "MOVED ") && hops++ < MAX_HOPS)
            rc = follow(link, (*ret_reply)->str);
        else
            break;
        if (rc != 0) {
            freeReplyObject(*ret_reply);
            return rc;
        }
    }
    return says(*ret_reply, "ASK ") && may_ask(argc, argv, lens)
               ? ask_there(link, argc, argv, lens, ret_reply)
               : 0;
}

int link_aim(struct link *link, const char *key)
{
    const char *argv[] = {"EXISTS", key};
    const size_t lens[] = {6, strlen(key)};
    redisReply *reply;
    link->was_refused = false;
    for (int hops = 0; hops <= MAX_HOPS; hops++) {
        if (link_append(link, 2, argv, lens) != 0 || link_read(link, &reply) != 0)
            return -1;
        bool is_asked = says(reply, "ASK ");
        int rc = is_asked || says(reply, "MOVED ") ? follow(link, reply->str) : 1;
        if (rc == 1 && reply->type == REDIS_REPLY_ERROR)
            rc = link_refuse(link, reply->str);
        freeReplyObject(reply);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        link->asking = is_asked;
    }
    snprintf(link->why, sizeof link->why, "Redis at %s: the nodes of the cluster do not agree",
             link->where);
    return -1;
}

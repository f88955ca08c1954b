/* Set up by hand, which is faster than redis-cli --cluster create. */
#include "cluster.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "port.h"
#include "wait.h"

#define N_SLOTS      16384
#define KEYS_AT_ONCE 100

static void start_node(struct cluster_node *node)
{
    char *port = node->texts[0], *bus_port = node->texts[1];
    const char *args[] = {"--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--cluster-enabled",
                          "yes",
                          "--cluster-port",
                          bus_port,
                          "--cluster-node-timeout",
                          "1500",
                          "--cluster-require-full-coverage",
                          "no",
                          "--appendonly",
                          "yes",
                          "--cluster-replica-validity-factor",
                          "0",
                          NULL};
    node->port = port_pick();
    node->bus_port = port_pick();
    snprintf(port, sizeof(node->texts[0]), "%u", node->port);
    snprintf(bus_port, sizeof(node->texts[1]), "%u", node->bus_port);
    redis_start(&node->redis, args);
    redisReply *id = redis_cmd(&node->redis, "CLUSTER MYID");
    snprintf(node->id, sizeof(node->id), "%s", id->str);
    freeReplyObject(id);
}

static bool says(struct cluster_node *node, const char *text, const char *format)
{
    redisReply *reply = redis_cmd(&node->redis, format);
    bool found = reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);
    freeReplyObject(reply);
    return found;
}

/* It knows the others, and which slots they have: it hears the first before the second. */
static bool knows(struct cluster_node *node, unsigned n_nodes)
{
    char text[64];
    snprintf(text, sizeof(text), "cluster_known_nodes:%u", n_nodes);
    return says(node, text, "CLUSTER INFO") && says(node, "cluster_state:ok", "CLUSTER INFO") &&
           says(node, "cluster_slots_assigned:16384", "CLUSTER INFO");
}

static bool all_agree(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->n_nodes; i++) {
        if (!knows(&cluster->nodes[i], cluster->n_nodes))
            return false;
    }
    return true;
}

static void add_replica(struct cluster *cluster)
{
    struct cluster_node *replica = &cluster->nodes[CLUSTER_MASTERS];
    cr_assert(wait_until(says(replica, cluster->nodes[0].id, "CLUSTER NODES"), WAIT_LONG_MS));
    redis_do(&replica->redis, "CLUSTER REPLICATE %s", cluster->nodes[0].id);
    cr_assert(wait_until(says(replica, "master_link_status:up", "INFO replication"), WAIT_LONG_MS));
}

void cluster_start(struct cluster *cluster, bool with_replica)
{
    memset(cluster, 0, sizeof(*cluster));
    cluster->n_nodes = CLUSTER_MASTERS + with_replica;
    for (unsigned i = 0; i < cluster->n_nodes; i++)
        start_node(&cluster->nodes[i]);
    for (unsigned i = 0; i < CLUSTER_MASTERS; i++)
        redis_do(&cluster->nodes[i].redis, "CLUSTER ADDSLOTSRANGE %u %u",
                 i * N_SLOTS / CLUSTER_MASTERS, (i + 1) * N_SLOTS / CLUSTER_MASTERS - 1);
    for (unsigned i = 1; i < cluster->n_nodes; i++)
        redis_do(&cluster->nodes[0].redis, "CLUSTER MEET 127.0.0.1 %u %u", cluster->nodes[i].port,
                 cluster->nodes[i].bus_port);
    if (with_replica)
        add_replica(cluster);
    cr_assert(wait_until(all_agree(cluster), WAIT_LONG_MS), "the nodes do not agree");
}

void cluster_rejoin(struct cluster *cluster, unsigned node)
{
    redis_start_again(&cluster->nodes[node].redis);
    cr_assert(wait_until(all_agree(cluster), WAIT_LONG_MS), "the nodes do not agree");
}

void cluster_stop(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->n_nodes; i++)
        redis_stop(&cluster->nodes[i].redis);
}

void cluster_url(const struct cluster *cluster, unsigned node, char *ret_url, size_t size)
{
    snprintf(ret_url, size, "redis://127.0.0.1:%u", cluster->nodes[node].port);
}

unsigned cluster_owner(struct cluster *cluster, const char *key)
{
    for (unsigned i = 0; i < CLUSTER_MASTERS; i++) {
        redisReply *reply = redis_cmd(&cluster->nodes[i].redis, "EXISTS %s", key);
        bool is_here = reply->type == REDIS_REPLY_INTEGER;
        freeReplyObject(reply);
        if (is_here)
            return i;
    }
    cr_assert(false, "nobody has %s", key);
    return 0;
}

static long long slot_of(struct cluster *cluster, const char *key)
{
    return redis_int(&cluster->nodes[0].redis, "CLUSTER KEYSLOT %s", key);
}

void cluster_begin_move(struct cluster *cluster, const char *key, unsigned from, unsigned to)
{
    struct cluster_node *nodes = cluster->nodes;
    long long slot = slot_of(cluster, key);
    redis_do(&nodes[to].redis, "CLUSTER SETSLOT %lld IMPORTING %s", slot, nodes[from].id);
    redis_do(&nodes[from].redis, "CLUSTER SETSLOT %lld MIGRATING %s", slot, nodes[to].id);
}

void cluster_move_key(struct cluster *cluster, const char *key, unsigned from, unsigned to)
{
    struct cluster_node *nodes = cluster->nodes;
    redis_do(&nodes[from].redis, "MIGRATE 127.0.0.1 %u %s 0 5000", nodes[to].port, key);
}

void cluster_move_keys(struct cluster *cluster, const char *key, unsigned from, unsigned to)
{
    struct cluster_node *nodes = cluster->nodes;
    long long slot = slot_of(cluster, key);
    size_t n_keys;
    do {
        redisReply *keys =
            redis_cmd(&nodes[from].redis, "CLUSTER GETKEYSINSLOT %lld %d", slot, KEYS_AT_ONCE);
        n_keys = keys->elements;
        for (size_t i = 0; i < n_keys; i++)
            cluster_move_key(cluster, keys->element[i]->str, from, to);
        freeReplyObject(keys);
    } while (n_keys > 0);
}

void cluster_end_move(struct cluster *cluster, const char *key, unsigned from, unsigned to)
{
    struct cluster_node *nodes = cluster->nodes;
    long long slot = slot_of(cluster, key);
    redis_do(&nodes[to].redis, "CLUSTER SETSLOT %lld NODE %s", slot, nodes[to].id);
    redis_do(&nodes[from].redis, "CLUSTER SETSLOT %lld NODE %s", slot, nodes[to].id);
}

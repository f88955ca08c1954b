/* A Redis Cluster of three masters on 127.0.0.1, each with a third of the slots, and one replica of
 * the first if it is wanted. */
#ifndef TESTS_SUPPORT_CLUSTER_H
#define TESTS_SUPPORT_CLUSTER_H

#include <stdbool.h>

#include "redis.h"

#define CLUSTER_MASTERS 3
#define CLUSTER_NODES   4

struct cluster_node {
    struct redis redis; /* its client gets MOVED for what lives elsewhere */
    unsigned port, bus_port;
    char texts[2][8]; /* of the ports */
    char id[48];
};

struct cluster {
    struct cluster_node nodes[CLUSTER_NODES]; /* the last one is the replica */
    unsigned n_nodes;
};

/* Returns when all nodes agree that all is well. */
void cluster_start(struct cluster *cluster, bool with_replica);
void cluster_stop(struct cluster *cluster);

/* Starts a node again that was killed; returns when all is well again. */
void cluster_rejoin(struct cluster *cluster, unsigned node);

/* The URL of a node, for pusherd. */
void cluster_url(const struct cluster *cluster, unsigned node, char *ret_url, size_t size);

/* The master that has this key. */
unsigned cluster_owner(struct cluster *cluster, const char *key);

/* A slot on its way, in three steps: both nodes are told; all its keys are moved; all nodes are
 * told that it is there. Or one key at a time. */
void cluster_begin_move(struct cluster *cluster, const char *key, unsigned from, unsigned to);
void cluster_move_keys(struct cluster *cluster, const char *key, unsigned from, unsigned to);
void cluster_move_key(struct cluster *cluster, const char *key, unsigned from, unsigned to);
void cluster_end_move(struct cluster *cluster, const char *key, unsigned from, unsigned to);

#endif

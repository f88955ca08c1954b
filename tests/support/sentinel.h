/* A Redis master, a replica of it, and three Sentinels that watch them, on 127.0.0.1. */
#ifndef TESTS_SUPPORT_SENTINEL_H
#define TESTS_SUPPORT_SENTINEL_H

#include <stddef.h>

#include "redis.h"

#define SENTINEL_MASTER   "pusherd-test"
#define SENTINEL_WATCHERS 3
#define SENTINEL_DOWN_MS  500 /* without an answer for so long, a server is taken to be gone */

struct sentinel {
    struct redis servers[2]; /* the first is the master at the beginning */
    unsigned ports[2];
    char texts[2][8]; /* of the ports */
    struct folder folder;
    const char *password;
    struct proc watchers[SENTINEL_WATCHERS];
    unsigned watcher_ports[SENTINEL_WATCHERS];
};

/* `password`: of the servers and of the Sentinels; NULL: none. Returns when the replica follows and
 * the Sentinels know each other and it. */
void sentinel_start(struct sentinel *sentinel, const char *password);
void sentinel_stop(struct sentinel *sentinel);

/* sentinel://USER_INFO127.0.0.1:PORT,...; user_info is "" or ends in '@'. */
void sentinel_url(const struct sentinel *sentinel, const char *user_info, char *ret_url,
                  size_t size);

/* Which of the servers the i-th Sentinel names. */
unsigned sentinel_named(struct sentinel *sentinel, unsigned watcher);

#endif

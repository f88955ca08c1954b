/* Where Redis is, as a URL:
 *
 *     redis://[[user]:password@]host[:port][/db]
 *     unix://[[user]:password@]/path[?db=N]
 *     sentinel://[[user]:password@]host[:port],host[:port]/MASTER[/db]
 *     rediss://...        as redis://, over TLS; refused where the build has none
 *
 * With Sentinels, user and password are Redis's; Sentinels that have a password must have the same.
 * User, password, path and master may be percent-encoded. */
#ifndef DAEMON_CONFIG_REDIS_URL_H
#define DAEMON_CONFIG_REDIS_URL_H

#include "daemon/config/config.h"

#define REDIS_DEFAULT_URL       "redis://127.0.0.1:6379"
#define REDIS_PORT              6379
#define SENTINEL_PORT           26379
#define REDIS_DB_MAX            65535
#define REDIS_SENTINELS_MAX     16
#define REDIS_SENTINEL_HOST_MAX 256 /* bytes of a host, with its NUL */

/* Where the text of a failure goes; never a part of the URL that may hold a password. */
#define REDIS_URL_WHY_MAX 192

/* Gives what redis_config_deinit() frees, or -1 and the reason in ret_why. */
int redis_url_parse(const char *url, struct redis_config *ret_redis,
                    char ret_why[REDIS_URL_WHY_MAX]) __attribute__((warn_unused_result));

/* Takes the next Sentinel off the list in redis->host: begin with *at = redis->host. False at its
 * end. */
bool redis_url_next_sentinel(const char **at, char ret_host[REDIS_SENTINEL_HOST_MAX],
                             unsigned *ret_port);

/* Prints a URL that parses equal, its password as ********. */
void redis_url_print(const struct redis_config *redis, FILE *out);

/* Wipes and frees; a zeroed one is allowed. */
void redis_config_deinit(struct redis_config *redis);

#endif

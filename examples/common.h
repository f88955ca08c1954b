/* What the examples share: a client from the variables that Pusher's own libraries read. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <pusher/pusher.h>

/* PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET; PUSHER_APP_CLUSTER or PUSHER_HOST; perhaps
 * PUSHER_PORT, PUSHER_SCHEME and PUSHER_ENCRYPTION_MASTER_KEY_BASE64. */
static inline struct pusher_client *client_from_environment(void)
{
    struct pusher_config config;
    struct pusher_client *client;
    struct pusher_error error;
    const char *port = getenv("PUSHER_PORT"), *scheme = getenv("PUSHER_SCHEME");
    pusher_config_init(&config);
    config.app_id = getenv("PUSHER_APP_ID");
    config.key = getenv("PUSHER_APP_KEY");
    config.secret = getenv("PUSHER_APP_SECRET");
    config.cluster = getenv("PUSHER_APP_CLUSTER");
    config.host = getenv("PUSHER_HOST");
    config.port = port ? (unsigned)strtoul(port, NULL, 10) : 0;
    config.use_tls = !scheme || strcmp(scheme, "http") != 0;
    config.encryption_master_key_base64 = getenv("PUSHER_ENCRYPTION_MASTER_KEY_BASE64");
    if (pusher_client_new(&config, &client, &error) != 0)
        errx(78, "%s", error.text);
    return client;
}

#endif

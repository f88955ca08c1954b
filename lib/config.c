/* The one struct that may grow: it comes from programs that were built with another version of its
 * declaration, shorter or longer than ours, and says itself how long it is. */
#include <string.h>

#include "lib/client_private.h"
#include "lib/report.h"
#include "pusher/version.h"

#define SIZE_LIMIT 4096 /* what is longer was never initialised */

static size_t shorter(size_t a, size_t b)
{
    return a < b ? a : b;
}

void pusher_config_init_sized(struct pusher_config *config, size_t size)
{
    const struct pusher_config defaults = {
        .size = size,
        .use_tls = true,
        .keep_alive = true,
        .sign_prefix = true,
    };
    memset(config, 0, size);
    memcpy(config, &defaults, shorter(size, sizeof(defaults)));
}

/* A newer program has fields that we do not know. Those that it left alone do not matter. */
static bool has_more(const struct pusher_config *config)
{
    const char *bytes = (const char *)config;
    for (size_t i = sizeof(*config); i < config->size; i++) {
        if (bytes[i] != 0)
            return true;
    }
    return false;
}

int pusher__config_take(const struct pusher_config *config, struct pusher_config *ret_known,
                        struct pusher_error *ret_error)
{
    if (config->size < sizeof(config->size) || config->size > SIZE_LIMIT)
        return pusher__fail(ret_error, PUSHER_ECONFIG,
                            "not initialised: pusher_config_init() was not called");
    if (has_more(config))
        return pusher__fail(ret_error, PUSHER_ECONFIG,
                            "a field is set that libpusher %s does not know", PUSHER_VERSION);
    pusher_config_init(ret_known);
    memcpy(ret_known, config, shorter(config->size, sizeof(*ret_known)));
    return 0;
}

/* The environment. It speaks for the sections without names and for one app, "default": the file's
 * section of that name if it has one, else an app of its own, but only where nothing else brings an
 * app, so that variables left over from another program never add one unasked. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/uri.h"
#include "lib/name.h"

/* Sets a key to a part of PUSHER_URL; an absent part sets nothing. */
static int set_part(struct config_loader *loader, struct config_draft *app, const char *name,
                    struct pusher_string part)
{
    struct config_where where = {.file = NULL};
    if (!part.ptr)
        return 0;
    char *value = uri_decode(part);
    if (!value)
        return config_fail(loader->error, &where, "PUSHER_URL", "a broken percent-escape");
    const struct config_key *key = config_key_find(SECTION_APP, name);
    int rc = config_set(loader, app, key, value, LAYER_URL, 0);
    sodium_memzero(value, strlen(value));
    free(value);
    return rc;
}

/* "/apps/ID" to "ID"; false for anything else. */
static bool split_app_path(struct pusher_string path, struct pusher_string *ret_id)
{
    static const char prefix[] = "/apps/";
    size_t len = sizeof prefix - 1;
    if (!path.ptr || path.len <= len || memcmp(path.ptr, prefix, len) != 0 ||
        memchr(path.ptr + len, '/', path.len - len))
        return false;
    *ret_id = (struct pusher_string){.ptr = path.ptr + len, .len = path.len - len};
    return true;
}

/* http(s)://KEY:SECRET@HOST[:PORT]/apps/ID */
static int read_url(struct config_loader *loader, struct config_draft *app, const char *url)
{
    struct config_where where = {.file = NULL};
    struct uri uri;
    struct pusher_string id, host, port;
    unsigned number;
    bool ok = uri_split(url, &uri) &&
              (pusher__equals(uri.scheme, "http") || pusher__equals(uri.scheme, "https")) &&
              uri.user.len > 0 && uri.password.len > 0 && !uri.query.ptr &&
              split_app_path(uri.path, &id) && uri_split_host(uri.authority, &host, &port);
    if (!ok)
        return config_fail(loader->error, &where, "PUSHER_URL",
                           "not of the form http(s)://KEY:SECRET@HOST[:PORT]/apps/ID");
    if (port.ptr && !uri_port(port, &number)) /* what stands there may be the secret */
        return config_fail(loader->error, &where, "PUSHER_URL",
                           "the port is not a number from 1 to 65535");
    struct pusher_string tls = pusher_str(pusher__equals(uri.scheme, "https") ? "on" : "off");
    if (set_part(loader, app, "app_id", id) != 0 || set_part(loader, app, "key", uri.user) != 0 ||
        set_part(loader, app, "secret", uri.password) != 0 ||
        set_part(loader, app, "host", host) != 0 || set_part(loader, app, "port", port) != 0)
        return -1;
    return set_part(loader, app, "use_tls", tls);
}

static int read_variables(struct config_loader *loader, struct config_draft *draft, bool of_app)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];
        const char *value = key->env ? config_getenv(loader, key->env) : NULL;
        if (value && (key->section == SECTION_APP) == of_app &&
            config_set(loader, draft, key, value, LAYER_ENVIRONMENT, 0) != 0)
            return -1;
    }
    return 0;
}

int config_read_environment(struct config_loader *loader)
{
    loader->globals.layer = LAYER_ENVIRONMENT;
    if (read_variables(loader, &loader->globals, false) != 0)
        return -1;
    const char *url = config_getenv(loader, "PUSHER_URL");
    struct config_draft *app = config_draft_find(loader, SECTION_APP, CONFIG_DEFAULT_APP);
    if (!app && loader->n_apps == 0 && (url || config_getenv(loader, "PUSHER_APP_ID"))) {
        app = config_draft_add(loader, SECTION_APP, CONFIG_DEFAULT_APP, LAYER_ENVIRONMENT, 0);
        if (!app)
            return -1;
    }
    if (!app || app->layer == LAYER_JSON)
        return 0;
    if (read_variables(loader, app, true) != 0)
        return -1;
    return url ? read_url(loader, app, url) : 0;
}

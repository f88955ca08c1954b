/* From the settings of an app to its client. */
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_loader.h"
#include "lib/sealer.h"
#include "pusher/client.h"

static bool is_set(const struct config_draft *draft, const struct config_key *key)
{
    return draft->origins[config_key_slot(key)].layer != LAYER_NONE;
}

static int check_required(struct config_loader *loader, const struct config_draft *draft)
{
    const struct app_settings *settings = draft->object;
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->section == SECTION_APP && (key->flags & KEY_REQUIRED) && !is_set(draft, key))
            return config_fail_key(loader, draft, key, "missing, and required for an app");
    }
    if (!settings->cluster && !settings->host)
        return config_fail_key(loader, draft, config_key_find(SECTION_APP, "cluster"),
                               "missing; an app needs a cluster (such as eu or mt1) or a host");
    return 0;
}

static void fill(const struct app_settings *settings, struct pusher_config *pusher)
{
    pusher_config_init(pusher);
    pusher->app_id = settings->app_id;
    pusher->key = settings->key;
    pusher->secret = settings->secret;
    pusher->cluster = settings->cluster;
    pusher->host = settings->host;
    pusher->port = settings->port;
    pusher->use_tls = settings->use_tls;
    pusher->ca_file = settings->ca_file;
    pusher->encryption_master_key_base64 = settings->encryption_key;
    pusher->proxy = settings->proxy;
    pusher->timeout_ms = settings->timeout_ms;
    pusher->keep_alive = settings->keep_alive;
    pusher->path_prefix = settings->path_prefix;
    pusher->sign_prefix = settings->sign_prefix;
    pusher->max_events_per_batch = settings->max_events_per_batch;
    pusher->max_channels = settings->max_channels;
    pusher->max_event_bytes = settings->max_event_bytes;
    pusher->max_channel_name = settings->max_channel_name;
    pusher->max_request_bytes = settings->max_request_bytes;
}

/* libpusher's texts begin with the name of its field, which is that of the key. */
static int fail_client(struct config_loader *loader, const struct config_draft *draft,
                       const char *text)
{
    size_t len = strcspn(text, ": ");
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->section == SECTION_APP && key->name && strlen(key->name) == len &&
            strncmp(key->name, text, len) == 0)
            return config_fail_key(loader, draft, key, "%s", text + len + strspn(text + len, ": "));
    }
    struct config_where where = {.file = loader->source->file, .line = draft->line};
    where.section = draft->label;
    return config_fail(loader->error, &where, NULL, "%s", text);
}

/* What is in force, for config_dump(). */
static void keep_in_force(struct app_settings *settings, const struct pusher_client *client)
{
    settings->port = pusher_client_port(client);
    settings->timeout_ms = pusher_client_timeout_ms(client);
    app_settings_print_secrets(settings);
    app_settings_wipe_secrets(settings);
}

static int make_client(struct config_loader *loader, const struct config_draft *draft,
                       struct app_config *app)
{
    struct app_settings *settings = draft->object;
    struct pusher_config pusher;
    struct pusher_error error;
    fill(settings, &pusher);
    if (pusher_client_new(&pusher, &app->client, &error) != 0)
        return fail_client(loader, draft, error.text);
    /* Threads of the daemon and of pusherctl do no more than file I/O. */
    if (pusher__client_keep_keys(app->client) != 0) {
        pusher_client_free(app->client);
        return config_fail_memory(loader->error);
    }
    keep_in_force(settings, app->client);
    return 0;
}

static int finish(struct config_loader *loader, struct config_draft *draft, struct app_config *app)
{
    struct app_settings *settings = draft->object;
    if (config_set_defaults(loader, draft, SECTION_APP) != 0 || check_required(loader, draft) != 0)
        return -1;
    if (loader->source->redis_only)
        app_settings_wipe_secrets(settings);
    else if (make_client(loader, draft, app) != 0)
        return -1;
    app->name = draft->name;
    app->settings = settings;
    app->max_in_flight = settings->max_in_flight;
    app->adaptive = settings->adaptive;
    draft->name = NULL;
    draft->object = NULL;
    return 0;
}

static int check_lease(struct config_loader *loader, const struct config_draft *draft,
                       const struct app_config *app)
{
    const struct config *config = loader->config;
    unsigned timeout_ms = pusher_client_timeout_ms(app->client);
    const struct config_key *lease = config_key_find(SECTION_DELIVERY, "lease_ms");
    if (config->lease_ms > (uint64_t)timeout_ms + CONFIG_LEASE_MARGIN_MS)
        return 0;
    if (loader->globals.origins[config_key_slot(lease)].layer == LAYER_FILE)
        return config_fail_key(loader, &loader->globals, lease,
                               "must exceed the timeout_ms of app %s, %u, by more than %d",
                               app->name, timeout_ms, CONFIG_LEASE_MARGIN_MS);
    return config_fail_key(loader, draft, config_key_find(SECTION_APP, "timeout_ms"),
                           "%u needs a [delivery] lease_ms over %u", timeout_ms,
                           timeout_ms + CONFIG_LEASE_MARGIN_MS);
}

int config_finish_apps(struct config_loader *loader)
{
    struct config *config = loader->config;
    struct config_where where = {.file = loader->source->file};
    if (loader->n_apps == 0)
        return loader->source->apps_optional
                   ? 0
                   : config_fail(loader->error, &where, NULL,
                                 "no app: give an [app NAME] section, or set PUSHER_APP_ID, "
                                 "PUSHER_APP_KEY, PUSHER_APP_SECRET and PUSHER_APP_CLUSTER");
    config->apps = calloc(loader->n_apps, sizeof *config->apps);
    if (!config->apps)
        return config_fail_memory(loader->error);
    for (size_t i = 0; i < loader->n_apps; i++) {
        if (finish(loader, &loader->apps[i], &config->apps[i]) != 0)
            return -1;
        config->n_apps++;
        if (config->apps[i].client && check_lease(loader, &loader->apps[i], &config->apps[i]) != 0)
            return -1;
    }
    return 0;
}

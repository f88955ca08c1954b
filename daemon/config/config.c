#include "daemon/config/config.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/config_settings.h"
#include "daemon/config/redis_url.h"
#include "lib/sealer.h"

/* What a load takes at most of the stack, where inih, and we, have lines of the file. */
#define STACK_BYTES (32 * 1024)

static int check_globals(struct config_loader *loader)
{
    const struct config *config = loader->config;
    if (config->retry_base_ms > config->retry_cap_ms)
        return config_fail_key(
            loader, &loader->globals, config_key_find(SECTION_DELIVERY, "retry_base_ms"),
            "%llu is over retry_cap_ms, %llu", (unsigned long long)config->retry_base_ms,
            (unsigned long long)config->retry_cap_ms);
    if (config->max_job_bytes > config->max_claimed_bytes)
        return config_fail_key(
            loader, &loader->globals, config_key_find(SECTION_DELIVERY, "max_job_bytes"),
            "%llu is over max_claimed_bytes, %llu", (unsigned long long)config->max_job_bytes,
            (unsigned long long)config->max_claimed_bytes);
    return 0;
}

static int check_token(struct config_loader *loader)
{
    const char *token = loader->config->status_token;
    if (!token || strlen(token) >= CONFIG_TOKEN_MIN)
        return 0;
    return config_fail_key(loader, &loader->globals, config_key_find(SECTION_STATUS, "token"),
                           "is shorter than %d bytes: too easy to guess", CONFIG_TOKEN_MIN);
}

static int set_global_defaults(struct config_loader *loader)
{
    for (int section = 0; section < SECTION_COUNT; section++)
        if (!config_section_is_named((enum config_section)section) &&
            config_set_defaults(loader, &loader->globals, (enum config_section)section) != 0)
            return -1;
    return 0;
}

/* systemd's StateDirectory= brings the spool with it; the variable may name several directories. */
static int set_default_spool(struct config_loader *loader)
{
    const char *state = config_getenv(loader, "STATE_DIRECTORY");
    if (loader->config->spool_dir || !state)
        return 0;
    if (asprintf(&loader->config->spool_dir, "%.*s/spool", (int)strcspn(state, ":"), state) < 0) {
        loader->config->spool_dir = NULL;
        return config_fail_memory(loader->error);
    }
    return 0;
}

static int load(struct config_loader *loader)
{
    struct config_where where = {.file = NULL};
    loader->config = calloc(1, sizeof *loader->config);
    if (!loader->config)
        return config_fail_memory(loader->error);
    loader->globals.object = loader->config;
    loader->credentials = config_getenv(loader, "CREDENTIALS_DIRECTORY");
    if (pusher_init() != 0)
        return config_fail(loader->error, &where, NULL, "libsodium cannot be initialised");
    if (config_read_json(loader) != 0 || config_read_ini(loader) != 0 ||
        config_read_environment(loader) != 0 || set_global_defaults(loader) != 0 ||
        set_default_spool(loader) != 0 || check_globals(loader) != 0 || check_token(loader) != 0 ||
        config_check_redis(loader) != 0 || config_finish_apps(loader) != 0)
        return -1;
    if (config_finish_queues(loader) != 0)
        return -1;
    config_warn_of_secrets(loader);
    return 0;
}

static void free_drafts(struct config_loader *loader)
{
    for (size_t i = 0; i < loader->n_apps; i++)
        config_draft_deinit(&loader->apps[i], SECTION_APP);
    for (size_t i = 0; i < loader->n_queues; i++)
        config_draft_deinit(&loader->queues[i], SECTION_QUEUE);
    free(loader->apps);
    free(loader->queues);
    free(loader->folder);
}

const char *config_default_file(void)
{
    return access(CONFIG_DEFAULT_FILE, F_OK) == 0 ? CONFIG_DEFAULT_FILE : NULL;
}

static const char *given(const char *file)
{
    return file && file[0] != '\0' ? file : NULL;
}

int config_load(const struct config_source *source, struct config **ret_config,
                struct config_error *ret_error)
{
    struct config_source own = *source;
    struct config_loader loader = {.source = &own, .error = ret_error};
    own.file = given(source->file);
    own.app_json_file = given(source->app_json_file);
    int rc = load(&loader);
    free_drafts(&loader);
    sodium_stackzero(STACK_BYTES);
    if (rc == 0)
        *ret_config = loader.config;
    else
        config_free(loader.config);
    return rc;
}

void config_forget_app(struct app_config *app)
{
    pusher__client_forget_keys(app->client);
    app_settings_free(app->settings);
    app->settings = NULL;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_apps; i++) {
        free(config->apps[i].name);
        pusher_client_free(config->apps[i].client);
        app_settings_free(config->apps[i].settings);
    }
    for (size_t i = 0; i < config->n_queues; i++) {
        free(config->queues[i].name);
        free(config->queues[i].list);
    }
    free(config->apps);
    free(config->queues);
    redis_config_deinit(&config->redis);
    free(config->redis_ca_file);
    free(config->redis_cert_file);
    free(config->redis_key_file);
    free(config->spool_dir);
    free(config->status_listen);
    if (config->status_token)
        sodium_memzero(config->status_token, strlen(config->status_token));
    free(config->status_token);
    free(config->status_token_file);
    free(config);
}

size_t config_find_app(const struct config *config, const char *name, size_t len)
{
    for (size_t i = 0; i < config->n_apps; i++)
        if (!config->apps[i].removed && strlen(config->apps[i].name) == len &&
            memcmp(config->apps[i].name, name, len) == 0)
            return i;
    return SIZE_MAX;
}

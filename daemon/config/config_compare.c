/* Apps are compared by the table of keys, with prints of their secrets; queues, of which few things
 * are kept, by hand. */
#include "daemon/config/config_compare.h"

#include <string.h>

#include "daemon/config/config_keys.h"
#include "daemon/config/config_settings.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* User and password are not looked at: they are used from the next connection on. */
static bool same_redis(const struct redis_config *a, const struct redis_config *b)
{
    return a->kind == b->kind && a->port == b->port && a->db == b->db && a->tls == b->tls &&
           same_text(a->host, b->host) && same_text(a->path, b->path) &&
           same_text(a->master, b->master);
}

static bool same_secret(const struct config_key *key, const struct app_settings *a,
                        const struct app_settings *b)
{
    if (key->offset == offsetof(struct app_settings, secret))
        return memcmp(a->secret_print, b->secret_print, SECRET_PRINT_BYTES) == 0;
    return memcmp(a->encryption_print, b->encryption_print, SECRET_PRINT_BYTES) == 0;
}

static bool same_field(const struct config_key *key, const void *a, const void *b)
{
    const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;

    if (key->kind == KIND_REDIS_URL)
        return same_redis((const void *)x, (const void *)y);
    if (key->kind == KIND_SECRET && key->section == SECTION_APP)
        return same_secret(key, a, b);
    if (config_kind_is_string(key->kind))
        return same_text(*(char *const *)(const void *)x, *(char *const *)(const void *)y);
    return memcmp(x, y, key->size) == 0;
}

static unsigned changes_of_key(const struct config_key *key)
{
    unsigned changes = CONFIG_CHANGED;

    if (key->flags & KEY_CHANGES_SERVER)
        changes |= CONFIG_SERVER_CHANGED;
    if (key->flags & KEY_CHANGES_SIGNATURE)
        changes |= CONFIG_SIGNATURE_CHANGED;
    if (key->flags & KEY_CHANGES_EVENTS)
        changes |= CONFIG_EVENTS_CHANGED;
    return changes;
}

unsigned config_compare_apps(const struct app_settings *a, const struct app_settings *b)
{
    unsigned changes = 0;

    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];

        if (key->section == SECTION_APP && !(key->flags & KEY_FROM_FILE) && !same_field(key, a, b))
            changes |= changes_of_key(key);
    }
    return changes;
}

unsigned config_compare_queues(const struct queue_config *a, const struct queue_config *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->weight == b->weight &&
                a->ordered == b->ordered && a->partitions == b->partitions &&
                a->partition == b->partition && a->dedupe_ms == b->dedupe_ms &&
                a->operations == b->operations;
    bool remade = a->ordered != b->ordered || (a->operations & ~b->operations) != 0;

    return (same ? 0u : CONFIG_CHANGED) | (remade ? (unsigned)CONFIG_EVENTS_CHANGED : 0u);
}

int config_refuse_restart(const struct config *old, const struct config *new_,
                          struct config_error *ret_error)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];

        if (!(key->flags & KEY_RESTART) || same_field(key, old, new_))
            continue;
        (void)snprintf(ret_error->text, sizeof ret_error->text,
                       "[%s] %s: a change of it needs a restart", config_section_name(key->section),
                       key->name);
        return -1;
    }
    return 0;
}

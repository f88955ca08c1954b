#include "daemon/config/config_loader.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_value.h"

const char *config_getenv(const struct config_loader *loader, const char *name)
{
    size_t len = strlen(name);
    for (char *const *at = loader->source->environ; at && *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return (*at)[len + 1] != '\0' ? *at + len + 1 : NULL;
    return NULL;
}

static int init_draft(struct config_draft *draft, enum config_section section, const char *name)
{
    draft->name = strdup(name);
    if (asprintf(&draft->label, "%s %s", config_section_name(section), name) < 0)
        draft->label = NULL;
    draft->object = section == SECTION_APP ? (void *)app_settings_new()
                                           : calloc(1, sizeof(struct queue_settings));
    return draft->name && draft->label && draft->object ? 0 : -1;
}

struct config_draft *config_draft_add(struct config_loader *loader, enum config_section section,
                                      const char *name, enum config_layer layer, unsigned line)
{
    bool is_app = section == SECTION_APP;
    struct config_draft **drafts = is_app ? &loader->apps : &loader->queues;
    size_t *n = is_app ? &loader->n_apps : &loader->n_queues;
    size_t max = is_app ? CONFIG_MAX_APPS : CONFIG_MAX_QUEUES;
    struct config_where where = {.file = loader->source->file, .line = line};
    if (*n >= max) {
        config_fail(loader->error, &where, NULL, "more than %zu [%s NAME] sections", max,
                    config_section_name(section));
        return NULL;
    }
    struct config_draft *grown = reallocarray(*drafts, *n + 1, sizeof **drafts);
    if (!grown) {
        config_fail_memory(loader->error);
        return NULL;
    }
    *drafts = grown;
    struct config_draft *draft = &grown[(*n)++];
    *draft = (struct config_draft){.layer = layer, .line = line};
    if (init_draft(draft, section, name) == 0)
        return draft;
    config_fail_memory(loader->error);
    return NULL;
}

struct config_draft *config_draft_find(struct config_loader *loader, enum config_section section,
                                       const char *name)
{
    struct config_draft *drafts = section == SECTION_APP ? loader->apps : loader->queues;
    size_t n = section == SECTION_APP ? loader->n_apps : loader->n_queues;
    for (size_t i = 0; i < n; i++)
        if (strcmp(drafts[i].name, name) == 0)
            return &drafts[i];
    return NULL;
}

void config_draft_deinit(struct config_draft *draft, enum config_section section)
{
    free(draft->name);
    free(draft->label);
    if (section == SECTION_APP)
        app_settings_free(draft->object);
    if (section == SECTION_QUEUE && draft->object) {
        queue_settings_deinit(draft->object);
        free(draft->object);
    }
}

/* Where the layer is, and in *ret_name how it calls the key. */
static struct config_where locate(const struct config_loader *loader,
                                  const struct config_draft *draft, const struct config_key *key,
                                  enum config_layer layer, unsigned line, const char **ret_name)
{
    struct config_where where = {.file = NULL};
    *ret_name = key->name ? key->name : key->env;
    if (layer == LAYER_FILE) {
        where.file = loader->source->file;
        where.line = line;
        where.section = draft->label ? draft->label : config_section_name(key->section);
    } else if (layer == LAYER_JSON) {
        where.file = loader->source->app_json_file;
        *ret_name = key->json ? key->json : key->name;
    } else if (layer == LAYER_URL) {
        *ret_name = "PUSHER_URL";
    } else if (layer == LAYER_ENVIRONMENT && key->env) {
        *ret_name = key->env;
    }
    return where;
}

/* Host and cluster of one source, with port and TLS of another, would name a server nobody meant.
 */
static bool is_of_other_server(const struct config_draft *draft, const struct config_key *key,
                               enum config_layer layer)
{
    return (key->flags & (KEY_NAMES_SERVER | KEY_OF_SERVER)) && layer != LAYER_DEFAULT &&
           draft->server_layer != LAYER_NONE && draft->server_layer != layer;
}

static int fail_twice(const struct config_context *context, unsigned line)
{
    if (line > 0)
        return config_fail(context->error, &context->where, context->name,
                           "set twice, before in line %u", line);
    return config_fail(context->error, &context->where, context->name, "set twice");
}

/* A file that is of no use to the caller may be one that it cannot read. */
static bool is_left_out(const struct config_source *source, const struct config_key *key)
{
    if (!(key->flags & KEY_FROM_FILE) && key->kind != KIND_FILE)
        return false;
    if (key->section == SECTION_REDIS)
        return source->redis_given && (key->flags & KEY_FROM_FILE);
    return source->redis_only;
}

int config_set(struct config_loader *loader, struct config_draft *draft,
               const struct config_key *key, const char *value, enum config_layer layer,
               unsigned line)
{
    struct config_origin *origin = &draft->origins[config_key_slot(key)];
    struct config_context context = {
        .folder = layer == LAYER_FILE ? loader->folder : NULL,
        .credentials = loader->credentials,
        .error = loader->error,
    };
    context.where = locate(loader, draft, key, layer, line, &context.name);
    if (origin->layer == layer)
        return fail_twice(&context, origin->line);
    if (origin->layer != LAYER_NONE || is_of_other_server(draft, key, layer))
        return 0;
    bool is_left = is_left_out(loader->source, key);
    if (!is_left && config_value_parse(key, value, draft->object, &context) != 0)
        return -1;
    if (!is_left && (key->flags & KEY_FROM_FILE))
        config_note_secret_file(loader, *(char **)((char *)draft->object + key->path_offset),
                                &context.where, context.name);
    config_note_secret(loader, layer, key, value, &context.where, context.name);
    if ((key->flags & KEY_NAMES_SERVER) && value[0] != '\0')
        draft->server_layer = layer;
    *origin = (struct config_origin){.layer = layer, .line = line};
    return 0;
}

int config_set_defaults(struct config_loader *loader, struct config_draft *draft,
                        enum config_section section)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->section == section && key->initial &&
            draft->origins[config_key_slot(key)].layer == LAYER_NONE &&
            config_set(loader, draft, key, key->initial, LAYER_DEFAULT, 0) != 0)
            return -1;
    }
    return 0;
}

int config_fail_key(struct config_loader *loader, const struct config_draft *draft,
                    const struct config_key *key, const char *format, ...)
{
    char text[256];
    const char *name;
    struct config_origin at = draft->origins[config_key_slot(key)];
    if (at.layer == LAYER_NONE || at.layer == LAYER_DEFAULT)
        at = (struct config_origin){.layer = draft->layer, .line = draft->line};
    struct config_where where = locate(loader, draft, key, at.layer, at.line, &name);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return config_fail(loader->error, &where, name, "%s", text);
}

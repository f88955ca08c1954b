/* The JSON form of one app:
 * {"provider":"Pusher","configuration":[{"name":"appId","value":"3"},..]}. Its values may be
 * strings, numbers or booleans; null, "" and 0 mean "not set". */
#include <jansson.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_file.h"
#include "daemon/config/config_loader.h"

static int fail(struct config_loader *loader, unsigned line, const char *key, const char *text)
{
    struct config_where where = {.file = loader->source->app_json_file, .line = line};
    return config_fail(loader->error, &where, key, "%s", text);
}

static bool is_unset(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_integer(value) && json_integer_value(value) == 0);
}

/* The value as it would stand in the file; NULL for a type that no parameter has. */
static const char *value_text(const json_t *value, char *buf, size_t size)
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "on" : "off";
    if (!json_is_integer(value))
        return NULL;
    snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return buf;
}

#define KNOWN                                                                                      \
    "(known: appId, key, secret, cluster, useTLS, host, port, encryptionMasterKeyBase64, proxy, "  \
    "timeout, keepAlive)"

static int fail_unknown(struct config_loader *loader, const char *name)
{
    if (config_key_may_show(name))
        return fail(loader, 0, name, "unknown parameter " KNOWN);
    return fail(loader, 0, NULL,
                "unknown parameter; its name is not shown, as it may be a secret " KNOWN);
}

static int read_parameter(struct config_loader *loader, struct config_draft *app,
                          const json_t *parameter)
{
    char buf[32];
    const char *name = json_string_value(json_object_get(parameter, "name"));
    const json_t *value = json_object_get(parameter, "value");
    if (!name)
        return fail(loader, 0, "configuration", "each element must be {\"name\":..,\"value\":..}");
    const struct config_key *key = config_key_find_json(name);
    if (!key)
        return fail_unknown(loader, name);
    if (is_unset(value))
        return 0;
    const char *text = value_text(value, buf, sizeof buf);
    if (!text)
        return fail(loader, 0, name, "the value is neither a string, a whole number nor a boolean");
    return config_set(loader, app, key, text, LAYER_JSON, 0);
}

static int read_parameters(struct config_loader *loader, struct config_draft *app,
                           const json_t *root)
{
    const json_t *provider = json_object_get(root, "provider");
    const json_t *parameters = json_object_get(root, "configuration");
    if (provider &&
        (!json_is_string(provider) || strcmp(json_string_value(provider), "Pusher") != 0))
        return fail(loader, 0, "provider", "only \"Pusher\" is known");
    if (!json_is_array(parameters))
        return fail(loader, 0, "configuration", "must be an array of {\"name\":..,\"value\":..}");
    for (size_t i = 0; i < json_array_size(parameters); i++)
        if (read_parameter(loader, app, json_array_get(parameters, i)) != 0)
            return -1;
    return 0;
}

/* The text of a syntax error is not shown: it quotes the file, maybe the secret. */
static json_t *parse(struct config_loader *loader, const char *text, size_t len)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail(loader, (unsigned)error.line, NULL, "is not valid JSON");
    return root;
}

static int read_text(struct config_loader *loader, const char *text, size_t len)
{
    json_t *root = parse(loader, text, len);
    if (!root)
        return -1;
    struct config_draft *app =
        config_draft_add(loader, SECTION_APP, CONFIG_DEFAULT_APP, LAYER_JSON, 0);
    int rc = app ? read_parameters(loader, app, root) : -1;
    json_decref(root);
    return rc;
}

static void wipe_and_free(void *memory)
{
    if (memory)
        sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* jansson frees as they are the values, which may be secrets, and the buffers it read them in: it
 * gets another free() meanwhile. */
int config_read_json(struct config_loader *loader)
{
    json_malloc_t json_malloc;
    json_free_t json_free;
    char why[CONFIG_FILE_WHY_MAX];
    char *text;
    size_t len;
    const char *file = loader->source->app_json_file;
    if (!file)
        return 0;
    if (config_file_read(file, CONFIG_JSON_MAX, 0, &text, &len, why) != 0)
        return fail(loader, 0, NULL, why);
    loader->exposed_json.mode = config_file_mode(file);
    json_get_alloc_funcs(&json_malloc, &json_free);
    json_set_alloc_funcs(malloc, wipe_and_free);
    int rc = read_text(loader, text, len);
    json_set_alloc_funcs(json_malloc, json_free);
    config_file_free(text, len);
    return rc;
}

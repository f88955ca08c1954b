/* A secret in a file which all users may read is taken, as installations have such (Docker and
 * Kubernetes mount secrets so), and warned of: a line with the first of the secrets, for the file,
 * for the JSON form, and for all files with one secret each. */
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/config/config_file.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/uri.h"

static bool holds_secret(const struct config_key *key, const char *value)
{
    struct uri uri;
    if ((key->flags & KEY_FROM_FILE) || value[0] == '\0')
        return false;
    if (key->kind == KIND_PROXY || key->kind == KIND_REDIS_URL)
        return uri_split(value, &uri) && uri.password.len > 0;
    return key->kind == KIND_SECRET;
}

void config_note_secret(struct config_loader *loader, enum config_layer layer,
                        const struct config_key *key, const char *value,
                        const struct config_where *where, const char *name)
{
    struct config_exposed *exposed =
        layer == LAYER_JSON ? &loader->exposed_json : &loader->exposed_file;
    if ((layer != LAYER_FILE && layer != LAYER_JSON) || !(exposed->mode & S_IROTH) ||
        !holds_secret(key, value))
        return;
    if (exposed->n_secrets++ > 0)
        return;
    exposed->key = key;
    exposed->where = *where;
    exposed->name = name;
}

void config_note_secret_file(struct config_loader *loader, const char *path,
                             const struct config_where *where, const char *name)
{
    struct config_exposed *exposed = &loader->exposed_secrets;
    unsigned mode = config_file_mode(path);
    if (!(mode & S_IROTH) || exposed->n_secrets++ > 0)
        return;
    exposed->mode = mode;
    exposed->where = *where;
    exposed->name = name;
}

/* The key that takes the name of a file instead, or NULL; the JSON form, without sections, has
 * none. */
static const char *file_key(const struct config_exposed *exposed)
{
    const struct config_key *key = exposed->key;
    for (size_t i = 0; i < config_n_keys && exposed->where.section; i++)
        if ((config_keys[i].flags & KEY_FROM_FILE) &&
            config_key_slot(&config_keys[i]) == config_key_slot(key))
            return config_keys[i].name;
    return NULL;
}

#define MORE_MAX 48

static const char *say_more(const struct config_exposed *exposed, const char *what,
                            char ret_more[MORE_MAX])
{
    ret_more[0] = '\0';
    if (exposed->n_secrets > 1)
        snprintf(ret_more, MORE_MAX, ", and %u more %s%s", exposed->n_secrets - 1, what,
                 exposed->n_secrets > 2 ? "s" : "");
    return ret_more;
}

static void warn_of_files(struct config *config, const struct config_exposed *exposed)
{
    char more[MORE_MAX];
    if (exposed->n_secrets > 0)
        (void)config_fail(&config->warnings[config->n_warnings++], &exposed->where, exposed->name,
                          "all users may read the file%s (mode %04o): chmod 640 it, with the group "
                          "of pusherd",
                          say_more(exposed, "such file", more), exposed->mode);
}

static void warn(struct config *config, const struct config_exposed *exposed)
{
    char more[MORE_MAX];
    const char *instead = file_key(exposed);
    if (exposed->n_secrets == 0)
        return;
    (void)config_fail(&config->warnings[config->n_warnings++], &exposed->where, exposed->name,
                      "all users may read it here%s (mode %04o): chmod 640 the file, with the "
                      "group of pusherd%s%s",
                      say_more(exposed, "secret", more), exposed->mode, instead ? ", or use " : "",
                      instead ? instead : "");
}

void config_warn_of_secrets(struct config_loader *loader)
{
    warn(loader->config, &loader->exposed_file);
    warn(loader->config, &loader->exposed_json);
    warn_of_files(loader->config, &loader->exposed_secrets);
}

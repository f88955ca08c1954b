/* The files of TLS to Redis: read when the configuration is, so that a bad one is refused then. */
#include <sys/stat.h>

#include "daemon/config/config.h"
#include "daemon/config/config_file.h"
#include "daemon/config/config_loader.h"
#include "daemon/tls/redis_tls.h"

#define KEY_FILE_MAX (64u * 1024u)

static int fail(char why[CONFIG_TLS_WHY_MAX], const char *text)
{
    (void)snprintf(why, CONFIG_TLS_WHY_MAX, "%s", text);
    return -1;
}

static int fail_file(char why[CONFIG_TLS_WHY_MAX], const char *path, const char *text)
{
    (void)snprintf(why, CONFIG_TLS_WHY_MAX, "%.240s %s", path, text);
    return -1;
}

/* A private key that everybody may read is none. */
static int check_key(const char *path, char why[CONFIG_TLS_WHY_MAX])
{
    char said[CONFIG_FILE_WHY_MAX];
    char *text;
    size_t len;

    if (config_file_read(path, KEY_FILE_MAX, S_IROTH | S_IWOTH, &text, &len, said) != 0)
        return fail_file(why, path, said);
    config_file_free(text, len);
    return 0;
}

static int check_pair(const struct config *config, const char **ret_key,
                      char why[CONFIG_TLS_WHY_MAX])
{
    *ret_key = "cert_file";
    if (config->redis_cert_file && !config->redis_key_file)
        return fail(why, "needs a key_file");
    *ret_key = "key_file";
    if (config->redis_key_file && !config->redis_cert_file)
        return fail(why, "needs a cert_file");
    return config->redis_key_file ? check_key(config->redis_key_file, why) : 0;
}

int config_set_up_tls(const struct config *config, struct redis_config *redis, const char **ret_key,
                      char ret_why[CONFIG_TLS_WHY_MAX])
{
    const struct redis_tls_files files = {config->redis_ca_file, config->redis_cert_file,
                                          config->redis_key_file};
    const char *const *file;
    char why[REDIS_TLS_WHY_MAX];

    if (!redis->tls)
        return 0;
    if (check_pair(config, ret_key, ret_why) != 0)
        return -1;
    if (redis_tls_new(&files, &redis->tls_setup, &file, why) == 0)
        return 0;
    *ret_key = !file                      ? NULL
               : file == &files.ca_file   ? "ca_file"
               : file == &files.cert_file ? "cert_file"
                                          : "key_file";
    return file ? fail_file(ret_why, *file, why) : fail(ret_why, why);
}

int config_check_redis(struct config_loader *loader)
{
    char why[CONFIG_TLS_WHY_MAX];
    const char *name;

    if (config_set_up_tls(loader->config, &loader->config->redis, &name, why) == 0)
        return 0;
    return config_fail_key(loader, &loader->globals,
                           config_key_find(SECTION_REDIS, name ? name : "url"), "%s", why);
}

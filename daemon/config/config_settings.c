#include "daemon/config/config_settings.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
}

struct app_settings *app_settings_new(void)
{
    return calloc(1, sizeof(struct app_settings));
}

/* Of a secret that is not set, zeroes. */
static void print(const char *secret, unsigned char ret_print[SECRET_PRINT_BYTES])
{
    static unsigned char key[crypto_generichash_KEYBYTES];
    static bool has_key;

    if (!has_key)
        randombytes_buf(key, sizeof(key));
    has_key = true;
    memset(ret_print, 0, SECRET_PRINT_BYTES);
    if (secret)
        (void)crypto_generichash(ret_print, SECRET_PRINT_BYTES, (const unsigned char *)secret,
                                 strlen(secret), key, sizeof(key));
}

void app_settings_print_secrets(struct app_settings *settings)
{
    print(settings->secret, settings->secret_print);
    print(settings->encryption_key, settings->encryption_print);
}

void app_settings_wipe_secrets(struct app_settings *settings)
{
    wipe(settings->secret);
    wipe(settings->encryption_key);
}

void app_settings_free(struct app_settings *settings)
{
    if (!settings)
        return;
    app_settings_wipe_secrets(settings);
    wipe(settings->proxy);
    free(settings->app_id);
    free(settings->key);
    free(settings->secret);
    free(settings->secret_file);
    free(settings->cluster);
    free(settings->host);
    free(settings->ca_file);
    free(settings->encryption_key);
    free(settings->encryption_key_file);
    free(settings->proxy);
    free(settings->proxy_file);
    free(settings->path_prefix);
    free(settings);
}

void queue_settings_deinit(struct queue_settings *settings)
{
    free(settings->list);
    free(settings->app);
}

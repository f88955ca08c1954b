/* One text as the URL of Redis, as PUSHER_URL, as the proxy of an app and as its host; the first
 * and the proxy also in a file of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/config/config_keys.h"
#include "daemon/config/redis_url.h"
#include "daemon/config/uri.h"
#include "pusher/client.h"
#include "tests/fuzz/fuzz.h"

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The printed URL with another password in place of the mask. */
static char *print(const struct redis_config *redis)
{
    char *text = NULL, *mask;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    MUST(out);
    redis_url_print(redis, out);
    fclose(out);
    MUST(fuzz_is_text(pusher_str(text)) || !fuzz_is_text(pusher_str(redis->host)));
    mask = strstr(text, ":" CONFIG_MASK "@");
    MUST((mask != NULL) == (redis->password != NULL));
    if (mask)
        memset(mask + 1, 'p', strlen(CONFIG_MASK));
    return text;
}

static void check_sentinels(const struct redis_config *redis)
{
    char host[REDIS_SENTINEL_HOST_MAX];
    const char *at = redis->host;
    unsigned port, n = 0;

    while (*at && redis_url_next_sentinel(&at, host, &port)) {
        MUST(host[0] && port >= 1 && port <= 65535);
        n++;
    }
    MUST(*at == '\0' && n >= 1 && n <= REDIS_SENTINELS_MAX);
}

static void check_redis(const char *url)
{
    struct redis_config redis, again;
    char why[REDIS_URL_WHY_MAX] = "";

    if (redis_url_parse(url, &redis, why) != 0) {
        MUST(why[0] && fuzz_is_line(why, sizeof(why)));
        return;
    }
    MUST(redis.db <= REDIS_DB_MAX && redis.port <= 65535);
    if (redis.kind == REDIS_SENTINEL)
        check_sentinels(&redis);
    char *text = print(&redis);
    if (redis_url_parse(text, &again, why) != 0)
        fuzz_fail(text, why, 0);
    MUST(redis.kind == again.kind && redis.port == again.port && redis.db == again.db);
    MUST(same(redis.host, again.host) && same(redis.path, again.path));
    MUST(same(redis.master, again.master) && same(redis.user, again.user));
    free(text);
    redis_config_deinit(&redis);
    redis_config_deinit(&again);
}

static void check_client(const char *proxy, const char *host)
{
    struct pusher_config config;
    struct pusher_client *client = NULL;
    struct pusher_error error = {.code = 0};

    pusher_config_init(&config);
    config.app_id = "3";
    config.key = "k";
    config.secret = "s";
    config.cluster = "eu";
    config.proxy = proxy;
    config.host = host;
    if (pusher_client_new(&config, &client, &error) != 0) {
        MUST(!client && error.text[0] && fuzz_is_line(error.text, sizeof(error.text)));
        return;
    }
    MUST(fuzz_is_line(pusher_client_base_url(client), 4096));
    MUST(!strpbrk(pusher_client_base_url(client) + strlen("https://"), " /?#@\\"));
    pusher_client_free(client);
}

/* PUSHER_URL holds a secret: no error repeats it. */
static void check_app_url(const char *url)
{
    char *variable = NULL;
    MUST(asprintf(&variable, "PUSHER_URL=%s", url) > 0);
    char *environ[] = {variable, NULL};
    struct config_source source = {.environ = environ};
    struct config_error error = {.text = ""};
    struct config *config = NULL;
    struct uri uri;

    if (config_load(&source, &config, &error) == 0) {
        MUST(config->n_apps == 1 && pusher_client_port(config->apps[0].client) > 0);
        config_free(config);
    } else {
        MUST(error.text[0] != '\0');
        bool long_enough = uri_split(url, &uri) && uri.password.len >= 24;
        MUST(!long_enough ||
             !memmem(error.text, strlen(error.text), uri.password.ptr, uri.password.len));
    }
    free(variable);
}

/* What stands in a file of its own, named behind `ini`; no error repeats a password. */
static void check_file(const char *text, const char *ini)
{
    struct fuzz_file secret = fuzz_file_open(text, strlen(text));
    struct config_error error = {.text = ""};
    struct config *config = NULL;
    struct uri uri;
    char whole[160];

    MUST(fchmod(secret.fd, 0600) == 0);
    (void)snprintf(whole, sizeof(whole), "%s=%s\n", ini, secret.path);
    struct fuzz_file file = fuzz_file_open(whole, strlen(whole));
    struct config_source source = {.file = file.path, .apps_optional = true};
    if (config_load(&source, &config, &error) != 0) {
        bool long_enough = uri_split(text, &uri) && uri.password.len >= 24;
        MUST(!config && error.text[0] != '\0' && !strpbrk(error.text, "\n\r\t\x1b"));
        MUST(!long_enough ||
             !memmem(error.text, strlen(error.text), uri.password.ptr, uri.password.len));
    }
    config_free(config);
    fuzz_file_close(&file);
    fuzz_file_close(&secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = fuzz_copy(bytes, len);
    check_redis(text);
    check_app_url(text);
    check_file(text, "[app a]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\nproxy_file");
    check_file(text, "[redis]\nurl_file");
    check_client(text, NULL);
    check_client(NULL, text);
    free(text);
    return 0;
}

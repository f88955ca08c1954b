#include "daemon/ctl/ctl.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/redis_url.h"
#include "daemon/view/text.h"
#include "proto/keys.h"

void ctl_deinit(struct ctl *ctl)
{
    config_free(ctl->config);
    ctl->config = NULL;
    if (ctl->redis_url)
        sodium_memzero(ctl->redis_url, strlen(ctl->redis_url));
    free(ctl->redis_url);
    ctl->redis_url = NULL;
}

static void say_va(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Names and answers of servers may be in it. */
static void say_va(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    fputs("pusherctl: ", stderr);
    text_clean(stderr, pusher_str(text ? text : format), SIZE_MAX);
    fputc('\n', stderr);
    free(text);
}

int ctl_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_va(format, args);
    va_end(args);
    return status;
}

void ctl_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_va(format, args);
    va_end(args);
}

/* --redis wins over file and environment. */
static int override_redis(struct ctl *ctl)
{
    char why[REDIS_URL_WHY_MAX], tls_why[CONFIG_TLS_WHY_MAX];
    struct redis_config redis;
    const char *key;
    if (!ctl->redis_url)
        return CTL_DONE;
    if (redis_url_parse(ctl->redis_url, &redis, why) != 0)
        return ctl_fail(CTL_USAGE, "--redis: %s", why);
    redis_config_deinit(&ctl->config->redis);
    ctl->config->redis = redis;
    if (config_set_up_tls(ctl->config, &ctl->config->redis, &key, tls_why) != 0)
        return ctl_fail(CTL_CONFIG, "--redis: %s%s%s", key ? key : "", key ? ": " : "", tls_why);
    return CTL_DONE;
}

int ctl_load(struct ctl *ctl, bool redis_only)
{
    struct config_error error;
    struct config_source source = {
        .file = ctl->config_file ? ctl->config_file : config_default_file(),
        .app_json_file = ctl->app_json_file,
        .environ = ctl->environ,
        .apps_optional = redis_only,
        .redis_only = redis_only,
        .redis_given = ctl->redis_url != NULL,
    };
    if (ctl->config)
        return CTL_DONE;
    if (config_load(&source, &ctl->config, &error) != 0)
        return ctl_fail(CTL_CONFIG, "%s", error.text);
    return override_redis(ctl);
}

int ctl_pick_app(struct ctl *ctl, const struct app_config **ret_app)
{
    const struct config *config = ctl->config;
    const char *name = ctl->app_name ? ctl->app_name : "default";
    size_t app = config_find_app(config, name, strlen(name));
    if (app == SIZE_MAX && ctl->app_name)
        return ctl_fail(CTL_CONFIG, "there is no app %s in the configuration", name);
    if (app == SIZE_MAX && config->n_apps > 1)
        return ctl_fail(CTL_USAGE, "several apps are configured: choose one with --app");
    *ret_app = &config->apps[app == SIZE_MAX ? 0 : app];
    return CTL_DONE;
}

int ctl_pick_list(struct ctl *ctl, const char **ret_list)
{
    if (ctl->list && !keys_list_ok(ctl->list))
        return ctl_fail(CTL_USAGE, "--list: %s cannot be a queue's list", ctl->list);
    if (!ctl->list && ctl->config->n_queues > 1)
        return ctl_fail(CTL_USAGE, "several queues are configured: choose a list with --list");
    *ret_list = ctl->list ? ctl->list : ctl->config->queues[0].list;
    return CTL_DONE;
}

int ctl_fixed_clock(const struct ctl *ctl, int64_t *ret_unix_s)
{
    static const char name[] = "PUSHER_AUTH_TIMESTAMP=";
    int64_t unix_s = 0;
    for (char *const *at = ctl->environ; at && *at; at++) {
        const char *text = *at + sizeof name - 1;
        if (strncmp(*at, name, sizeof name - 1) != 0 || text[0] == '\0')
            continue;
        unix_s = strlen(text) <= 12 ? strtoll(text, NULL, 10) : 0;
        if (text[strspn(text, "0123456789")] != '\0' || unix_s <= 0)
            return ctl_fail(CTL_CONFIG, "PUSHER_AUTH_TIMESTAMP is not a time in unix seconds");
    }
    *ret_unix_s = unix_s;
    return CTL_DONE;
}

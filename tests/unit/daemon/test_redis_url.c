#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/redis_url.h"

#define same(got, wanted)                                                                          \
    cr_assert(((got) && (wanted)) ? strcmp(got, wanted) == 0 : (got) == (wanted),                  \
              "%s: %s, not %s", #got, (got) ? (got) : "absent", (wanted) ? (wanted) : "absent")

static char *print(const struct redis_config *redis)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    redis_url_print(redis, out);
    fclose(out);
    return text;
}

struct wanted {
    enum redis_kind kind;
    const char *host;
    unsigned port;
    const char *path, *master, *user, *password;
    unsigned db;
};

static const struct {
    const char *url;
    struct wanted wanted;
    const char *printed;
} good[] = {
    {"redis://h", {.kind = REDIS_TCP, .host = "h", .port = 6379}, "redis://h:6379/0"},
    {"redis://h:7/3", {.kind = REDIS_TCP, .host = "h", .port = 7, .db = 3}, "redis://h:7/3"},
    {"redis://h/", {.kind = REDIS_TCP, .host = "h", .port = 6379}, "redis://h:6379/0"},
    {"redis://h?db=4", {.kind = REDIS_TCP, .host = "h", .port = 6379, .db = 4}, "redis://h:6379/4"},
    {"redis://:p%40w@h",
     {.kind = REDIS_TCP, .host = "h", .port = 6379, .password = "p@w"},
     "redis://:********@h:6379/0"},
    {"redis://u%3A:p:w@h",
     {.kind = REDIS_TCP, .host = "h", .port = 6379, .user = "u:", .password = "p:w"},
     "redis://u%3A:********@h:6379/0"},
    {"redis://:@h", {.kind = REDIS_TCP, .host = "h", .port = 6379}, "redis://h:6379/0"},
    {"redis://[::1]:9", {.kind = REDIS_TCP, .host = "::1", .port = 9}, "redis://[::1]:9/0"},
    {"redis://[fe80::1%25eth0]",
     {.kind = REDIS_TCP, .host = "fe80::1%eth0", .port = 6379},
     "redis://[fe80::1%25eth0]:6379/0"},
    {"redis://a%40b", {.kind = REDIS_TCP, .host = "a@b", .port = 6379}, "redis://a%40b:6379/0"},
    {"unix:///run/r.sock", {.kind = REDIS_UNIX, .path = "/run/r.sock"}, "unix:///run/r.sock?db=0"},
    {"unix://u:p@/run/r%20s?db=2",
     {.kind = REDIS_UNIX, .path = "/run/r s", .user = "u", .password = "p", .db = 2},
     "unix://u:********@/run/r%20s?db=2"},
    {"sentinel://a,b:1,[::1]:2/my%2Fmaster/5",
     {.kind = REDIS_SENTINEL, .host = "a:26379,b:1,[::1]:2", .master = "my/master", .db = 5},
     "sentinel://a:26379,b:1,[::1]:2/my%2Fmaster/5"},
    {"sentinel://:p@a/m",
     {.kind = REDIS_SENTINEL, .host = "a:26379", .master = "m", .password = "p"},
     "sentinel://:********@a:26379/m/0"},
};

Test(redis_url, reads_every_form)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct redis_config redis;
        char why[REDIS_URL_WHY_MAX] = "";
        cr_assert_eq(redis_url_parse(good[i].url, &redis, why), 0, "%s: %s", good[i].url, why);
        cr_assert_eq(redis.kind, good[i].wanted.kind, "%s", good[i].url);
        cr_assert_eq(redis.port, good[i].wanted.port, "%s", good[i].url);
        cr_assert_eq(redis.db, good[i].wanted.db, "%s", good[i].url);
        same(redis.host, good[i].wanted.host);
        same(redis.path, good[i].wanted.path);
        same(redis.master, good[i].wanted.master);
        same(redis.user, good[i].wanted.user);
        same(redis.password, good[i].wanted.password);
        redis_config_deinit(&redis);
    }
}

Test(redis_url, prints_a_url_with_its_password_masked)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct redis_config redis;
        char why[REDIS_URL_WHY_MAX] = "";
        cr_assert_eq(redis_url_parse(good[i].url, &redis, why), 0);
        char *printed = print(&redis);
        cr_expect_str_eq(printed, good[i].printed);
        free(printed);
        redis_config_deinit(&redis);
    }
}

static const struct {
    const char *url, *why;
} bad[] = {
    {"localhost:6379", "not a URL"},
    {"http://h", "the scheme is not known"},
    {"redis://", "no host"},
    {"redis://:6379", "no host"},
    {"redis://h:0", "the port is not"},
    {"redis://h:70000", "the port is not"},
    {"redis://h:", "the port is not"},
    {"redis://h/x", "the database is not"},
    {"redis://h/65536", "the database is not"},
    {"redis://h/99999999999999999999", "the database is not"},
    {"redis://h?timeout=3", "behind '?' only db=N"},
    {"redis://hunter2@h", "a user needs a password"},
    {"redis://u:@h", "the password is empty"},
    {"redis://:%zz@h", "the password has a broken"},
    {"redis://:********@h", "only a mask"},
    {"unix://run/r.sock", "no absolute path"},
    {"unix://", "no absolute path"},
    {"unix:///", "no absolute path"},
    {"sentinel://a", "no master"},
    {"sentinel://a/", "no master"},
    {"sentinel:///m", "a Sentinel without host"},
    {"sentinel://a,,b/m", "a Sentinel without host"},
    {"sentinel://a:x/m", "the port of a Sentinel"},
    {"sentinel://a/m/x", "the database is not"},
    {"sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m", "more than 16"},
};

Test(redis_url, refuses_what_it_cannot_mean_and_says_why)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis_config redis;
        char why[REDIS_URL_WHY_MAX] = "";
        cr_assert_eq(redis_url_parse(bad[i].url, &redis, why), -1, "accepted: %s", bad[i].url);
        cr_expect(strstr(why, bad[i].why), "%s: %s", bad[i].url, why);
    }
}

Test(redis_url, never_repeats_a_password)
{
    static const char *const urls[] = {"redis://:hunter2@h:x", "redis://hunter2@h",
                                       "foo://u:hunter2@h", "redis://u:hunter2%@h"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_config redis;
        char why[REDIS_URL_WHY_MAX] = "";
        cr_assert_eq(redis_url_parse(urls[i], &redis, why), -1);
        cr_expect_not(strstr(why, "hunter2"), "%s", why);
    }
}

Test(redis_url, refuses_tls_clearly_where_the_build_has_none)
{
    struct redis_config redis = {.kind = REDIS_TCP};
    char why[REDIS_URL_WHY_MAX] = "";
    int rc = redis_url_parse("rediss://h", &redis, why);
#ifdef PUSHERD_REDIS_TLS
    cr_assert_eq(rc, 0);
    cr_assert(redis.tls);
#else
    cr_assert_eq(rc, -1);
    cr_assert(strstr(why, "no TLS"), "%s", why);
#endif
    redis_config_deinit(&redis);
}

Test(redis_url, gives_the_sentinels_one_by_one)
{
    struct redis_config redis;
    char why[REDIS_URL_WHY_MAX] = "", host[REDIS_SENTINEL_HOST_MAX];
    unsigned port = 0;
    cr_assert_eq(redis_url_parse("sentinel://a,b:1,[::1]:2/m", &redis, why), 0, "%s", why);
    const char *at = redis.host;
    cr_assert(redis_url_next_sentinel(&at, host, &port));
    cr_expect(strcmp(host, "a") == 0 && port == 26379, "%s:%u", host, port);
    cr_assert(redis_url_next_sentinel(&at, host, &port));
    cr_expect(strcmp(host, "b") == 0 && port == 1, "%s:%u", host, port);
    cr_assert(redis_url_next_sentinel(&at, host, &port));
    cr_expect(strcmp(host, "::1") == 0 && port == 2, "%s:%u", host, port);
    cr_expect_not(redis_url_next_sentinel(&at, host, &port));
    redis_config_deinit(&redis);
}

Test(redis_url, refuses_a_sentinel_with_a_host_that_is_too_long)
{
    struct redis_config redis;
    char why[REDIS_URL_WHY_MAX] = "", url[512];
    snprintf(url, sizeof url, "sentinel://%0300d/m", 1);
    cr_assert_eq(redis_url_parse(url, &redis, why), -1);
    cr_expect(strstr(why, "too long"), "%s", why);
}

#include "daemon/config/redis_url.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_keys.h"
#include "daemon/config/uri.h"
#include "daemon/tls/redis_tls.h"
#include "lib/name.h"
#include "proto/text_out.h"

static int fail(char why[REDIS_URL_WHY_MAX], const char *text)
{
    snprintf(why, REDIS_URL_WHY_MAX, "%s", text);
    return -1;
}

/* Decodes one part into *ret_text; an absent part gives NULL. */
static int take(struct pusher_string part, const char *name, char **ret_text,
                char why[REDIS_URL_WHY_MAX])
{
    if (!part.ptr)
        return 0;
    *ret_text = uri_decode(part);
    if (*ret_text)
        return 0;
    snprintf(why, REDIS_URL_WHY_MAX, "the %s has a broken percent-escape or a control character",
             name);
    return -1;
}

static int take_user(const struct uri *uri, struct redis_config *redis, char why[REDIS_URL_WHY_MAX])
{
    if (!uri->user.ptr)
        return 0;
    if (!uri->password.ptr)
        return fail(why, "a user needs a password: user:password@host, or :password@host");
    if (uri->user.len > 0 && take(uri->user, "user", &redis->user, why) != 0)
        return -1;
    if (uri->password.len == 0)
        return redis->user ? fail(why, "the password is empty") : 0;
    if (take(uri->password, "password", &redis->password, why) != 0)
        return -1;
    if (strcmp(redis->password, CONFIG_MASK) == 0)
        return fail(why, "the password is only a mask, as --dump-config prints it");
    return 0;
}

static int take_db(struct pusher_string text, struct redis_config *redis,
                   char why[REDIS_URL_WHY_MAX])
{
    unsigned db = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i]) || db > REDIS_DB_MAX)
            return fail(why, "the database is not a number from 0 to 65535");
        db = db * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (db > REDIS_DB_MAX)
        return fail(why, "the database is not a number from 0 to 65535");
    redis->db = db;
    return 0;
}

/* "db=N" and nothing else, in any of the forms. */
static int take_query(struct pusher_string query, struct redis_config *redis,
                      char why[REDIS_URL_WHY_MAX])
{
    if (!query.ptr || query.len == 0)
        return 0;
    if (query.len < 3 || memcmp(query.ptr, "db=", 3) != 0)
        return fail(why, "behind '?' only db=N is known");
    return take_db((struct pusher_string){.ptr = query.ptr + 3, .len = query.len - 3}, redis, why);
}

/* redis://host[:port][/db] */
static int parse_tcp(const struct uri *uri, struct redis_config *redis, char why[REDIS_URL_WHY_MAX])
{
    struct pusher_string host, port;
    redis->kind = REDIS_TCP;
    redis->port = REDIS_PORT;
    if (!uri_split_host(uri->authority, &host, &port))
        return fail(why, "no host: redis://host[:port][/db]");
    if (port.ptr && !uri_port(port, &redis->port))
        return fail(why, "the port is not a number from 1 to 65535");
    if (take(host, "host", &redis->host, why) != 0)
        return -1;
    if (!uri->path.ptr)
        return 0;
    return take_db((struct pusher_string){.ptr = uri->path.ptr + 1, .len = uri->path.len - 1},
                   redis, why);
}

/* unix:///path; two slashes before it, so the path is absolute. */
static int parse_unix(const struct uri *uri, struct redis_config *redis,
                      char why[REDIS_URL_WHY_MAX])
{
    redis->kind = REDIS_UNIX;
    if (uri->authority.len > 0 || !uri->path.ptr || uri->path.len < 2)
        return fail(why, "no absolute path: unix:///path/to/redis.sock");
    return take(uri->path, "path", &redis->path, why);
}

/* Appends "host:port" to the list, with a comma before it; brackets around IPv6 addresses stay. */
static int add_sentinel(struct pusher_string one, bool is_first, FILE *list,
                        char why[REDIS_URL_WHY_MAX])
{
    struct pusher_string host, port;
    unsigned number = SENTINEL_PORT;
    if (!uri_split_host(one, &host, &port))
        return fail(why, "a Sentinel without host: sentinel://host:port,host:port/MASTER");
    if (port.ptr && !uri_port(port, &number))
        return fail(why, "the port of a Sentinel is not a number from 1 to 65535");
    if (host.len >= REDIS_SENTINEL_HOST_MAX)
        return fail(why, "the host of a Sentinel is too long");
    bool v6 = memchr(host.ptr, ':', host.len) != NULL;
    fprintf(list, v6 ? "%s[%.*s]:%u" : "%s%.*s:%u", is_first ? "" : ",", (int)host.len, host.ptr,
            number);
    return 0;
}

static int take_sentinels(struct pusher_string hosts, struct redis_config *redis,
                          char why[REDIS_URL_WHY_MAX])
{
    struct text_out text;
    size_t len;
    FILE *list = text_out_open(&text);
    if (!list)
        return fail(why, "out of memory");
    const char *end = hosts.ptr + hosts.len;
    const char *at = hosts.ptr;
    int rc = 0;
    for (unsigned n = 0; rc == 0 && at <= end; n++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        rc = add_sentinel((struct pusher_string){.ptr = at, .len = (size_t)(stop - at)}, n == 0,
                          list, why);
        if (rc == 0 && n >= REDIS_SENTINELS_MAX)
            rc = fail(why, "more than 16 Sentinels");
        at = stop + 1;
    }
    redis->host = text_out_close(&text, &len);
    if (rc == 0 && !redis->host)
        return fail(why, "out of memory");
    return rc;
}

bool redis_url_next_sentinel(const char **at, char ret_host[REDIS_SENTINEL_HOST_MAX],
                             unsigned *ret_port)
{
    struct pusher_string host, port;
    size_t len = strcspn(*at, ",");
    if (!uri_split_host((struct pusher_string){.ptr = *at, .len = len}, &host, &port) ||
        !uri_port(port, ret_port) || host.len >= REDIS_SENTINEL_HOST_MAX)
        return false;
    memcpy(ret_host, host.ptr, host.len);
    ret_host[host.len] = '\0';
    *at += len;
    *at += **at == ',';
    return true;
}

/* sentinel://host:port,host:port/MASTER[/db] */
static int parse_sentinel(const struct uri *uri, struct redis_config *redis,
                          char why[REDIS_URL_WHY_MAX])
{
    redis->kind = REDIS_SENTINEL;
    if (take_sentinels(uri->authority, redis, why) != 0)
        return -1;
    if (!uri->path.ptr || uri->path.len < 2 || uri->path.ptr[1] == '/')
        return fail(why, "no master: sentinel://host:port,host:port/MASTER[/db]");
    struct pusher_string master = {.ptr = uri->path.ptr + 1, .len = uri->path.len - 1};
    const char *slash = memchr(master.ptr, '/', master.len);
    if (slash) {
        const char *end = master.ptr + master.len;
        struct pusher_string db = {.ptr = slash + 1, .len = (size_t)(end - slash - 1)};
        master.len = (size_t)(slash - master.ptr);
        if (take_db(db, redis, why) != 0)
            return -1;
    }
    return take(master, "master", &redis->master, why);
}

static int parse_tls(const struct uri *uri, struct redis_config *redis, char why[REDIS_URL_WHY_MAX])
{
#ifdef PUSHERD_REDIS_TLS
    redis->tls = true;
    return parse_tcp(uri, redis, why);
#else
    (void)uri;
    (void)redis;
    return fail(why, "rediss: this build's hiredis has no TLS; use redis:// on a private network, "
                     "or through a TLS tunnel such as stunnel");
#endif
}

static const struct {
    const char *scheme;
    int (*parse)(const struct uri *uri, struct redis_config *redis, char why[REDIS_URL_WHY_MAX]);
} schemes[] = {
    {"redis", parse_tcp},
    {"rediss", parse_tls},
    {"unix", parse_unix},
    {"sentinel", parse_sentinel},
};

static int parse_scheme(const struct uri *uri, struct redis_config *redis,
                        char why[REDIS_URL_WHY_MAX])
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (pusher__equals(uri->scheme, schemes[i].scheme))
            return schemes[i].parse(uri, redis, why);
    return fail(why, "the scheme is not known; allowed: redis, rediss, unix, sentinel");
}

int redis_url_parse(const char *url, struct redis_config *ret_redis,
                    char ret_why[REDIS_URL_WHY_MAX])
{
    struct redis_config redis = {.kind = REDIS_TCP};
    struct uri uri;
    if (!uri_split(url, &uri))
        return fail(ret_why, "not a URL; allowed: redis://, rediss://, unix:// and sentinel://");
    if (parse_scheme(&uri, &redis, ret_why) != 0 || take_query(uri.query, &redis, ret_why) != 0 ||
        take_user(&uri, &redis, ret_why) != 0) {
        redis_config_deinit(&redis);
        return -1;
    }
    *ret_redis = redis;
    return 0;
}

/* Percent-encodes what a URL cannot say as it is. */
static void print_encoded(const char *text, const char *plain, FILE *out)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) || strchr(plain, c))
            fputc(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
}

static void print_user(const struct redis_config *redis, FILE *out)
{
    if (redis->user)
        print_encoded(redis->user, "", out);
    if (redis->password)
        fputs(":" CONFIG_MASK "@", out);
}

void redis_url_print(const struct redis_config *redis, FILE *out)
{
    static const char *const names[] = {"redis", "unix", "sentinel"};
    fprintf(out, "%s://", redis->tls ? "rediss" : names[redis->kind]);
    print_user(redis, out);
    if (redis->kind == REDIS_UNIX) {
        print_encoded(redis->path, "/", out);
        fprintf(out, "?db=%u", redis->db);
        return;
    }
    if (redis->kind == REDIS_SENTINEL) {
        fprintf(out, "%s/", redis->host);
        print_encoded(redis->master, "", out);
    } else {
        bool v6 = strchr(redis->host, ':') != NULL;
        fputs(v6 ? "[" : "", out);
        print_encoded(redis->host, ":", out);
        fprintf(out, "%s:%u", v6 ? "]" : "", redis->port);
    }
    fprintf(out, "/%u", redis->db);
}

static void wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}

void redis_config_deinit(struct redis_config *redis)
{
    free(redis->host);
    free(redis->path);
    free(redis->master);
    free(redis->user);
    wipe(redis->password);
    free(redis->url_file);
    redis_tls_free(redis->tls_setup);
    *redis = (struct redis_config){.kind = REDIS_TCP};
}

/* Checks of a client's configuration: every text names the field, none shows a secret. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "lib/client_private.h"
#include "lib/name.h"
#include "lib/report.h"

#define SECRET_MAX  1024
#define HOST_MAX    253 /* RFC 1035 */
#define CLUSTER_MAX 63
#define FILE_MAX    4096
#define PROXY_MAX   2048

#define TIMEOUT_MS_MAX       3600000U
#define EVENTS_PER_BATCH_MAX 1000U
#define CHANNELS_MAX         10000U
#define EVENT_BYTES_MAX      ((size_t)64 << 20)
#define REQUEST_BYTES_MAX    ((size_t)1 << 30)

static bool is_set(const char *s)
{
    return s && s[0];
}

/* Printable ASCII without the space: nothing that could break a header or a URL in two. */
static bool is_graphic(const char *s)
{
    for (; *s; s++) {
        if (*s <= ' ' || *s > '~')
            return false;
    }
    return true;
}

static int check_graphic(const char *field, const char *value, size_t max,
                         struct pusher_error *error)
{
    if (!is_set(value))
        return pusher__fail(error, PUSHER_ECONFIG, "%s: is not set", field);
    if (strlen(value) > max)
        return pusher__fail(error, PUSHER_ECONFIG, "%s: is longer than %zu bytes", field, max);
    if (!is_graphic(value))
        return pusher__fail(error, PUSHER_ECONFIG,
                            "%s: may not hold spaces, control characters or non-ASCII text", field);
    return 0;
}

static int check_app_id(const char *app_id, struct pusher_error *error)
{
    int rc = check_graphic("app_id", app_id, PUSHER__APP_ID_MAX, error);
    for (const char *c = app_id; rc == 0 && *c; c++) {
        if (!pusher__is_alnum(*c) && *c != '-' && *c != '_')
            rc = pusher__fail(error, PUSHER_ECONFIG,
                              "app_id: may hold only letters, digits, - and _");
    }
    return rc;
}

static int check_cluster(const char *cluster, struct pusher_error *error)
{
    int rc = check_graphic("cluster", cluster, CLUSTER_MAX, error);
    for (const char *c = cluster; rc == 0 && *c; c++) {
        if (!pusher__is_alnum(*c) && *c != '-')
            rc = pusher__fail(error, PUSHER_ECONFIG,
                              "cluster: may hold only letters, digits and - (as in \"eu\")");
    }
    return rc;
}

/* An IPv6 address, with or without brackets. */
static bool is_ipv6(const char *host, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len >= sizeof(text))
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* A name or an IPv4 address. Underscores are no DNS, but container networks use them. */
static bool is_host_name(const char *host, size_t len)
{
    if (len == 0 || len > HOST_MAX || host[0] == '-' || host[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '.' && host[i - 1] == '.')
            return false;
        if (!pusher__is_alnum(host[i]) && host[i] != '-' && host[i] != '_' && host[i] != '.')
            return false;
    }
    return true;
}

static int check_host(const char *host, struct pusher_error *error)
{
    size_t len = strlen(host);
    if (is_host_name(host, len) || is_ipv6(host, len))
        return 0;
    return pusher__fail(error, PUSHER_ECONFIG,
                        "host: is not a host name or address (no scheme, port or path here)");
}

/* The part of a proxy URL behind its scheme and credentials: host:port, perhaps a last slash. */
static bool is_host_and_port(const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '/')
        len--;
    const char *colon = memrchr(text, ':', len);
    if (!colon)
        return false;
    size_t host_len = (size_t)(colon - text);
    size_t digits = len - host_len - 1;
    unsigned port = 0;
    if (digits < 1 || digits > 5)
        return false;
    for (const char *c = colon + 1; c < text + len; c++) {
        if (*c < '0' || *c > '9')
            return false;
        port = port * 10 + (unsigned)(*c - '0');
    }
    bool is_address = text[0] == '[' ? is_ipv6(text, host_len) : is_host_name(text, host_len);
    return is_address && port >= 1 && port <= 65535;
}

/* What libcurl takes for user and password. Of another "@" it says "Unsupported proxy syntax", and
 * shows the password with it; because of a control character it would use no proxy at all. */
static int check_credentials(const char *text, size_t len, struct pusher_error *error)
{
    for (const char *c = text; c < text + len; c++) {
        if (strchr("/?#@", *c))
            return pusher__fail(error, PUSHER_ECONFIG,
                                "proxy: / ? # and @ in user and password must be percent-encoded");
        if (*c == '%' && (c[1] == '0' || c[1] == '1') && isxdigit((unsigned char)c[2]))
            return pusher__fail(error, PUSHER_ECONFIG,
                                "proxy: user and password may not hold control characters");
    }
    return 0;
}

static int check_proxy(const char *proxy, struct pusher_error *error)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://", NULL};
    int rc = check_graphic("proxy", proxy, PROXY_MAX, error);
    if (rc != 0)
        return rc;
    size_t i = 0;
    while (schemes[i] && !pusher__begins_with(pusher_str(proxy), schemes[i]))
        i++;
    if (!schemes[i])
        return pusher__fail(error, PUSHER_ECONFIG,
                            "proxy: must begin with http://, https://, socks5:// or socks5h://");
    const char *rest = proxy + strlen(schemes[i]);
    const char *at = strrchr(rest, '@');
    if (at)
        rc = check_credentials(rest, (size_t)(at - rest), error);
    if (rc != 0)
        return rc;
    if (!is_host_and_port(at ? at + 1 : rest))
        return pusher__fail(error, PUSHER_ECONFIG,
                            "proxy: must be a URL like http://host:3128 or "
                            "http://user:password@host:3128");
    return 0;
}

static bool is_prefix_char(char c)
{
    return pusher__is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

/* Names between slashes; the slashes at the ends do not matter. */
static int check_path_prefix(const char *prefix, struct pusher_error *error)
{
    if (strlen(prefix) >= PUSHER__PATH_PREFIX_MAX)
        return pusher__fail(error, PUSHER_ECONFIG, "path_prefix: is longer than %d bytes",
                            PUSHER__PATH_PREFIX_MAX - 1);
    const char *c = prefix + strspn(prefix, "/");
    while (*c) {
        struct pusher_string segment = {c, strcspn(c, "/")};
        for (size_t i = 0; i < segment.len; i++) {
            if (!is_prefix_char(c[i]))
                return pusher__fail(error, PUSHER_ECONFIG,
                                    "path_prefix: may hold only letters, digits and / - _ . ~");
        }
        c += segment.len;
        size_t slashes = strspn(c, "/");
        if (pusher__is_dots(segment) || (slashes > 1 && c[slashes]))
            return pusher__fail(error, PUSHER_ECONFIG,
                                "path_prefix: may not hold \"//\", \"/./\" or \"/../\"");
        c += slashes;
    }
    return 0;
}

static int check_ca_file(const char *file, struct pusher_error *error)
{
    if (strlen(file) > FILE_MAX)
        return pusher__fail(error, PUSHER_ECONFIG, "ca_file: is longer than %d bytes", FILE_MAX);
    for (const char *c = file; *c; c++) {
        if ((unsigned char)*c < ' ')
            return pusher__fail(error, PUSHER_ECONFIG, "ca_file: may not hold control characters");
    }
    return 0;
}

static int check_limit(const char *field, size_t value, size_t max, struct pusher_error *error)
{
    if (value <= max)
        return 0;
    return pusher__fail(error, PUSHER_ECONFIG, "%s: %zu is over %zu", field, value, max);
}

static int check_numbers(const struct pusher_config *config, struct pusher_error *error)
{
    const struct {
        const char *field;
        size_t value, max;
    } limits[] = {
        {"port", config->port, 65535},
        {"timeout_ms", config->timeout_ms, TIMEOUT_MS_MAX},
        {"max_events_per_batch", config->max_events_per_batch, EVENTS_PER_BATCH_MAX},
        {"max_channels", config->max_channels, CHANNELS_MAX},
        {"max_event_bytes", config->max_event_bytes, EVENT_BYTES_MAX},
        {"max_channel_name", config->max_channel_name, PUSHER__CHANNEL_NAME_MAX},
        {"max_request_bytes", config->max_request_bytes, REQUEST_BYTES_MAX},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(limits) / sizeof(limits[0]); i++)
        rc = check_limit(limits[i].field, limits[i].value, limits[i].max, error);
    return rc;
}

static int check_place(const struct pusher_config *config, struct pusher_error *error)
{
    if (!is_set(config->host) && !is_set(config->cluster))
        return pusher__fail(error, PUSHER_ECONFIG, "cluster: is not set, nor is host");
    int rc = 0;
    if (is_set(config->cluster))
        rc = check_cluster(config->cluster, error);
    if (rc == 0 && is_set(config->host))
        rc = check_host(config->host, error);
    if (rc == 0 && is_set(config->proxy))
        rc = check_proxy(config->proxy, error);
    if (rc == 0 && is_set(config->path_prefix))
        rc = check_path_prefix(config->path_prefix, error);
    if (rc == 0 && is_set(config->ca_file))
        rc = check_ca_file(config->ca_file, error);
    return rc;
}

int pusher__config_check(const struct pusher_config *config, struct pusher_error *ret_error)
{
    int rc = check_app_id(config->app_id, ret_error);
    if (rc == 0)
        rc = check_graphic("key", config->key, PUSHER__KEY_MAX, ret_error);
    if (rc == 0)
        rc = check_graphic("secret", config->secret, SECRET_MAX, ret_error);
    if (rc == 0)
        rc = check_place(config, ret_error);
    if (rc == 0)
        rc = check_numbers(config, ret_error);
    return rc;
}

int pusher__master_key_decode(const char *base64, unsigned char ret_key[PUSHER_MASTER_KEY_BYTES],
                              struct pusher_error *ret_error)
{
    unsigned char key[PUSHER_MASTER_KEY_BYTES + 1];
    size_t len = 0;
    int rc = sodium_base642bin(key, sizeof(key), base64, strlen(base64), NULL, &len, NULL,
                               sodium_base64_VARIANT_ORIGINAL);
    if (rc == 0 && len == PUSHER_MASTER_KEY_BYTES)
        memcpy(ret_key, key, PUSHER_MASTER_KEY_BYTES);
    else
        rc = pusher__fail(ret_error, PUSHER_ECONFIG,
                          "encryption_master_key_base64: must be base64 of exactly %d bytes",
                          PUSHER_MASTER_KEY_BYTES);
    sodium_memzero(key, sizeof(key));
    return rc;
}

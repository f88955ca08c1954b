/* A client is made once and then only read. Its secrets live apart, in locked memory that is made
 * read-only; the app's secret itself is not kept, only the HMAC state that was keyed with it. */
#include "pusher/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client_private.h"
#include "lib/report.h"
#include "lib/sealer.h"
#include "pusher/request.h"

#define DEFAULT_TIMEOUT_MS       5000
/* Pusher HTTP API, "POST batch of events" and "POST event" */
#define DEFAULT_EVENTS_PER_BATCH 10
#define DEFAULT_CHANNELS         100
#define DEFAULT_EVENT_BYTES      10240
#define DEFAULT_CHANNEL_NAME     200

int pusher_init(void)
{
    return sodium_init() < 0 ? PUSHER_ECRYPTO : 0;
}

/* malloc'ed text, or NULL. */
__attribute__((format(printf, 1, 2))) static char *format_text(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

/* Without the brackets that an IPv6 address may have been given in. */
static char *make_host(const struct pusher_config *config)
{
    const char *host = config->host;
    if (!host || !host[0])
        return format_text("api-%s.pusher.com", config->cluster);
    if (host[0] == '[')
        return strndup(host + 1, strlen(host) - 2);
    return strdup(host);
}

/* "app/" -> "/app", "/" -> "" */
static char *make_prefix(const char *prefix)
{
    if (!prefix)
        return strdup("");
    prefix += strspn(prefix, "/");
    size_t len = strlen(prefix);
    while (len > 0 && prefix[len - 1] == '/')
        len--;
    return len ? format_text("/%.*s", (int)len, prefix) : strdup("");
}

static char *make_base_url(const struct pusher_client *client)
{
    bool v6 = strchr(client->host, ':') != NULL;
    return format_text("%s://%s%s%s:%u", client->use_tls ? "https" : "http", v6 ? "[" : "",
                       client->host, v6 ? "]" : "", client->port);
}

static int copy_strings(struct pusher_client *client, const struct pusher_config *config)
{
    client->app_id = strdup(config->app_id);
    client->key = strdup(config->key);
    client->host = make_host(config);
    client->path_prefix = make_prefix(config->path_prefix);
    client->base_url = client->host ? make_base_url(client) : NULL;
    client->path_events = format_text("/apps/%s/events", config->app_id);
    client->path_batch_events = format_text("/apps/%s/batch_events", config->app_id);
    bool wants_ca = config->ca_file && config->ca_file[0];
    if (wants_ca)
        client->ca_file = strdup(config->ca_file);
    bool complete = client->app_id && client->key && client->host && client->path_prefix &&
                    client->base_url && client->path_events && client->path_batch_events &&
                    (!wants_ca || client->ca_file);
    return complete ? 0 : PUSHER_ENOMEM;
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static void copy_numbers(struct pusher_client *client, const struct pusher_config *config)
{
    client->use_tls = config->use_tls;
    client->keep_alive = config->keep_alive;
    client->sign_prefix = config->sign_prefix;
    client->port = or_default(config->port, config->use_tls ? 443 : 80);
    client->timeout_ms = or_default(config->timeout_ms, DEFAULT_TIMEOUT_MS);
    client->max_events_per_batch =
        or_default(config->max_events_per_batch, DEFAULT_EVENTS_PER_BATCH);
    client->max_channels = or_default(config->max_channels, DEFAULT_CHANNELS);
    client->max_event_bytes =
        config->max_event_bytes ? config->max_event_bytes : DEFAULT_EVENT_BYTES;
    client->max_channel_name =
        config->max_channel_name ? config->max_channel_name : DEFAULT_CHANNEL_NAME;
    client->max_request_bytes = config->max_request_bytes;
}

/* sodium_malloc() puts the block against the end of a page: its size must be a multiple of what
 * the struct is to be aligned to. */
static struct pusher__secrets *alloc_secrets(size_t proxy_len)
{
    size_t align = _Alignof(max_align_t);
    size_t size = sizeof(struct pusher__secrets) + proxy_len + 1;
    return sodium_malloc((size + align - 1) / align * align);
}

static int copy_secrets(struct pusher_client *client, const struct pusher_config *config,
                        struct pusher_error *error)
{
    const char *proxy = config->proxy ? config->proxy : "";
    struct pusher__secrets *secrets = alloc_secrets(strlen(proxy));
    if (!secrets)
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    client->secrets = secrets;
    crypto_auth_hmacsha256_init(&secrets->hmac, (const unsigned char *)config->secret,
                                strlen(config->secret));
    memcpy(secrets->proxy, proxy, strlen(proxy) + 1);
    const char *key = config->encryption_master_key_base64;
    if (key && key[0]) {
        int rc = pusher__master_key_decode(key, secrets->master_key, error);
        if (rc != 0)
            return rc;
        client->can_encrypt = true;
    }
    sodium_mprotect_readonly(secrets);
    return 0;
}

static int fetch_digests(struct pusher_client *client, struct pusher_error *error)
{
    client->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    client->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return client->sha256 ? 0 : pusher__fail_plain(error, PUSHER_ECRYPTO);
}

static int fill(struct pusher_client *client, const struct pusher_config *config,
                struct pusher_error *error)
{
    copy_numbers(client, config);
    if (copy_strings(client, config) != 0)
        return pusher__fail_plain(error, PUSHER_ENOMEM);
    int rc = copy_secrets(client, config, error);
    return rc == 0 ? fetch_digests(client, error) : rc;
}

int pusher_client_new(const struct pusher_config *config, struct pusher_client **ret_client,
                      struct pusher_error *ret_error)
{
    struct pusher_config known;
    if (pusher_init() != 0)
        return pusher__fail_plain(ret_error, PUSHER_ECRYPTO);
    int rc = pusher__config_take(config, &known, ret_error);
    if (rc == 0)
        rc = pusher__config_check(&known, ret_error);
    if (rc != 0)
        return rc;
    struct pusher_client *client = calloc(1, sizeof(*client));
    if (!client)
        return pusher__fail_plain(ret_error, PUSHER_ENOMEM);
    rc = fill(client, &known, ret_error);
    if (rc == 0)
        *ret_client = client;
    else
        pusher_client_free(client);
    return rc;
}

void pusher__client_forget_keys(struct pusher_client *client)
{
    pusher__sealer_free(client->sealer);
    sodium_free(client->secrets);
    client->sealer = NULL;
    client->secrets = NULL;
    client->can_encrypt = false;
}

void pusher_client_free(struct pusher_client *client)
{
    if (!client)
        return;
    pusher__client_forget_keys(client);
    EVP_MD_free(client->md5);
    EVP_MD_free(client->sha256);
    free(client->app_id);
    free(client->key);
    free(client->host);
    free(client->ca_file);
    free(client->path_prefix);
    free(client->base_url);
    free(client->path_events);
    free(client->path_batch_events);
    free(client);
}

const char *pusher_client_app_id(const struct pusher_client *client)
{
    return client->app_id;
}

const char *pusher_client_key(const struct pusher_client *client)
{
    return client->key;
}

const char *pusher_client_host(const struct pusher_client *client)
{
    return client->host;
}

unsigned pusher_client_port(const struct pusher_client *client)
{
    return client->port;
}

bool pusher_client_use_tls(const struct pusher_client *client)
{
    return client->use_tls;
}

const char *pusher_client_ca_file(const struct pusher_client *client)
{
    return client->ca_file;
}

const char *pusher_client_proxy(const struct pusher_client *client)
{
    return client->secrets->proxy[0] ? client->secrets->proxy : NULL;
}

unsigned pusher_client_timeout_ms(const struct pusher_client *client)
{
    return client->timeout_ms;
}

bool pusher_client_keep_alive(const struct pusher_client *client)
{
    return client->keep_alive;
}

bool pusher_client_can_encrypt(const struct pusher_client *client)
{
    return client->can_encrypt;
}

unsigned pusher_client_max_events_per_batch(const struct pusher_client *client)
{
    return client->max_events_per_batch;
}

unsigned pusher_client_max_channels(const struct pusher_client *client)
{
    return client->max_channels;
}

size_t pusher_client_max_event_bytes(const struct pusher_client *client)
{
    return client->max_event_bytes;
}

size_t pusher_client_max_channel_name(const struct pusher_client *client)
{
    return client->max_channel_name;
}

size_t pusher_client_max_request_bytes(const struct pusher_client *client)
{
    return client->max_request_bytes;
}

const char *pusher_client_base_url(const struct pusher_client *client)
{
    return client->base_url;
}

const char *pusher_path_events(const struct pusher_client *client)
{
    return client->path_events;
}

const char *pusher_path_batch_events(const struct pusher_client *client)
{
    return client->path_batch_events;
}

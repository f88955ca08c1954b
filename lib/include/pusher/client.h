/* A client: one Pusher app, where its server is, and what that server accepts.
 *
 *     struct pusher_config config;
 *     pusher_config_init(&config);
 *     config.app_id = "3"; config.key = "..."; config.secret = "..."; config.cluster = "eu";
 *     struct pusher_client *client;
 *     struct pusher_error error;
 *     if (pusher_client_new(&config, &client, &error) != 0)
 *         errx(1, "%s", error.text);
 *
 * Threads: call pusher_init() once, before the first client and before any thread. A client never
 * changes after it was made, does no I/O and reads no clock: any number of threads may use one at
 * the same time, for everything. A transport (struct pusher_http) is for one thread at a time; give
 * each thread its own, they may share the client. No function keeps anything between calls. Free a
 * client when no thread and no transport uses it any more. */
#ifndef PUSHER_CLIENT_H
#define PUSHER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "pusher/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PUSHER_MASTER_KEY_BYTES 32 /* "End-to-end encryption": a 32 byte key, base64 encoded */

struct pusher_client;

/* All strings are borrowed for the call to pusher_client_new() only; NULL and "" mean not set.
 * Always begin with pusher_config_init(): a struct that was only zeroed is refused. New fields come
 * at the end in later versions; a program that was built before gets their defaults. */
struct pusher_config {
    size_t size;         /* set by pusher_config_init(): of the struct as the program knows it */
    const char *app_id;  /* required; [A-Za-z0-9_-]+ */
    const char *key;     /* required */
    const char *secret;  /* required */
    const char *cluster; /* required unless host: the host is then api-CLUSTER.pusher.com */
    const char *host;    /* overrides cluster; a name or address, no scheme, no port */
    unsigned port;       /* 0: 443 with TLS, else 80 */
    bool use_tls;        /* default true */
    const char *ca_file; /* PEM bundle for TLS, instead of the system's */
    const char *proxy;   /* http://[user:password@]host:port; also https, socks5, socks5h; / ? # @ %
                          * in user and password must be percent-encoded */
    unsigned timeout_ms; /* whole request; 0: the default, 5000 */
    bool keep_alive;     /* default true: connections are reused */

    /* 32 bytes after decoding; needed for encrypted channels. */
    const char *encryption_master_key_base64;

    /* Self-hosted servers. soketi signs the path with its prefix, Laravel Reverb without. */
    const char *path_prefix; /* "/app" puts /app before /apps/ID/...; default none */
    bool sign_prefix;        /* default true */

    /* What the server accepts; 0 gives the default of hosted Pusher. */
    unsigned max_events_per_batch; /* 10 */
    unsigned max_channels;         /* 100 a trigger */
    size_t max_event_bytes;        /* 10240, of data after encryption */
    size_t max_channel_name;       /* 200 bytes (the docs say 164; servers and SDKs take 200) */
    size_t max_request_bytes;      /* of a request's body; 0: no limit */
};

/* Prepares libsodium. 0, or PUSHER_ECRYPTO. May be called again, and by several threads. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_init(void);

/* Sets every field to its default: void pusher_config_init(struct pusher_config *config). */
#define pusher_config_init(config) pusher_config_init_sized((config), sizeof(*(config)))

/* The function behind it, for other languages: writes `size` bytes and no more, which is what the
 * caller has of the struct. */
PUSHER_EXTERN void pusher_config_init_sized(struct pusher_config *config, size_t size);

/* Makes a client; it copies what it needs, secrets into memory that is locked, as far as
 * RLIMIT_MEMLOCK allows (a page each), and wiped. PUSHER_ECONFIG names the field that is wrong, or
 * says that pusher_config_init() was not called, or that a field is set that only later versions
 * have. On success the caller owns *ret_client. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_client_new(const struct pusher_config *config,
                                                      struct pusher_client **ret_client,
                                                      struct pusher_error *ret_error);

/* Wipes and frees; NULL is allowed. */
PUSHER_EXTERN void pusher_client_free(struct pusher_client *client);

/* What was configured, defaults filled in. Strings live as long as the client; NULL where not set.
 */
PUSHER_EXTERN const char *pusher_client_app_id(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_client_key(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_client_host(const struct pusher_client *client);
PUSHER_EXTERN unsigned pusher_client_port(const struct pusher_client *client);
PUSHER_EXTERN bool pusher_client_use_tls(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_client_ca_file(const struct pusher_client *client);
PUSHER_EXTERN const char *pusher_client_proxy(const struct pusher_client *client);
PUSHER_EXTERN unsigned pusher_client_timeout_ms(const struct pusher_client *client);
PUSHER_EXTERN bool pusher_client_keep_alive(const struct pusher_client *client);
PUSHER_EXTERN bool pusher_client_can_encrypt(const struct pusher_client *client);
PUSHER_EXTERN unsigned pusher_client_max_events_per_batch(const struct pusher_client *client);
PUSHER_EXTERN unsigned pusher_client_max_channels(const struct pusher_client *client);
PUSHER_EXTERN size_t pusher_client_max_event_bytes(const struct pusher_client *client);
PUSHER_EXTERN size_t pusher_client_max_channel_name(const struct pusher_client *client);
PUSHER_EXTERN size_t pusher_client_max_request_bytes(const struct pusher_client *client);

/* "https://host:port" (IPv6 hosts in brackets; the port is always written). No trailing slash. */
PUSHER_EXTERN const char *pusher_client_base_url(const struct pusher_client *client);

#ifdef __cplusplus
}
#endif

#endif

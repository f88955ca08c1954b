/* The inside of a client, for the library's own files. */
#ifndef LIB_CLIENT_PRIVATE_H
#define LIB_CLIENT_PRIVATE_H

#include <openssl/evp.h>
#include <sodium.h>

#include "pusher/client.h"

/* Limits of what a client takes; with them any path of the API fits PUSHER_TARGET_MAX. */
#define PUSHER__APP_ID_MAX       128
#define PUSHER__KEY_MAX          128
#define PUSHER__PATH_PREFIX_MAX  256
#define PUSHER__CHANNEL_NAME_MAX 1000

/* In memory of sodium_malloc(): locked, never dumped, wiped when freed. */
struct pusher__secrets {
    crypto_auth_hmacsha256_state hmac; /* keyed with the secret; copied for each signature */
    unsigned char master_key[PUSHER_MASTER_KEY_BYTES];
    char proxy[]; /* may hold a password; "" if none */
};

struct pusher_client {
    struct pusher__secrets *secrets; /* owned, read-only */
    struct pusher__sealer *sealer;   /* owned; NULL unless one thread alone encrypts */
    EVP_MD *md5;                     /* owned; NULL where libcrypto has none (FIPS) */
    EVP_MD *sha256;                  /* owned */
    char *app_id, *key, *host;       /* owned, as all strings here */
    char *ca_file;                   /* NULL: the system's */
    char *path_prefix;               /* "" or "/x/y" */
    char *base_url;
    char *path_events, *path_batch_events;
    unsigned port, timeout_ms;
    unsigned max_events_per_batch, max_channels;
    size_t max_event_bytes, max_channel_name, max_request_bytes;
    bool use_tls, keep_alive, sign_prefix, can_encrypt;
};

/* What the caller has of its configuration, and defaults where it ends before ours does.
 * PUSHER_ECONFIG if it was not initialised, or sets what we do not know. */
PUSHER_MUST_CHECK int pusher__config_take(const struct pusher_config *config,
                                          struct pusher_config *ret_known,
                                          struct pusher_error *ret_error);

/* Checks every field but the master key's text. PUSHER_ECONFIG names the one that is wrong. */
PUSHER_MUST_CHECK int pusher__config_check(const struct pusher_config *config,
                                           struct pusher_error *ret_error);

/* Decodes base64 strictly to 32 bytes. */
PUSHER_MUST_CHECK int pusher__master_key_decode(const char *base64,
                                                unsigned char ret_key[PUSHER_MASTER_KEY_BYTES],
                                                struct pusher_error *ret_error);

#endif

/* The ciphertext is made in a scratch buffer, on the stack for usual sizes, and encoded from there
 * into the request's text. base64 comes from libcrypto, which is nine times faster than libsodium's
 * constant-time one; what it encodes here is public. Keys are decoded by libsodium. */
#include "pusher/crypto.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client_private.h"
#include "lib/crypto_private.h"
#include "lib/json_load.h"
#include "lib/sealer.h"

#define SCRATCH_BYTES (12 * 1024) /* holds what the default max_event_bytes allows */
#define DATA_MAX      ((size_t)1 << 30)

#define OPEN   "{\\\"nonce\\\":\\\""
#define MIDDLE "\\\",\\\"ciphertext\\\":\\\""
#define CLOSE  "\\\"}"

#define N_QUOTES 8

static size_t base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

size_t pusher__encrypted_json_size(size_t len)
{
    return strlen(OPEN MIDDLE CLOSE) + base64_size(PUSHER_NONCE_BYTES) +
           base64_size(len + crypto_secretbox_MACBYTES);
}

size_t pusher_encrypted_size(size_t len)
{
    return pusher__encrypted_json_size(len) - N_QUOTES;
}

int pusher_shared_secret(const struct pusher_client *client, struct pusher_string channel,
                         unsigned char ret_secret[PUSHER_SECRET_BYTES])
{
    unsigned char text[PUSHER__CHANNEL_NAME_MAX + PUSHER_MASTER_KEY_BYTES];
    if (!client->can_encrypt)
        return PUSHER_ENOKEY;
    if (!channel.ptr || channel.len > PUSHER__CHANNEL_NAME_MAX)
        return PUSHER_ECHANNEL;
    memcpy(text, channel.ptr, channel.len);
    memcpy(text + channel.len, client->secrets->master_key, PUSHER_MASTER_KEY_BYTES);
    int ok = EVP_Digest(text, channel.len + PUSHER_MASTER_KEY_BYTES, ret_secret, NULL,
                        client->sha256, NULL);
    sodium_memzero(text + channel.len, PUSHER_MASTER_KEY_BYTES);
    return ok == 1 ? 0 : PUSHER_ENOMEM; /* there is SHA-256, since the client was made */
}

static char *put(char *pos, const char *text)
{
    size_t len = strlen(text);
    memcpy(pos, text, len);
    return pos + len;
}

/* EVP_EncodeBlock() ends its text with a NUL, where the caller has room. */
static char *put_base64(char *pos, const unsigned char *bytes, size_t len)
{
    return pos + EVP_EncodeBlock((unsigned char *)pos, bytes, (int)len);
}

static int seal(const struct pusher_client *client, struct pusher_string channel,
                struct pusher_string data, const unsigned char *nonce, unsigned char *ret_sealed)
{
    unsigned char secret[PUSHER_SECRET_BYTES];
    int rc = client->sealer ? pusher__sealer_secret(client->sealer, client, channel, secret)
                            : pusher_shared_secret(client, channel, secret);
    if (rc == 0 && crypto_secretbox_easy(ret_sealed, (const unsigned char *)data.ptr, data.len,
                                         nonce, secret) != 0)
        rc = PUSHER_ECRYPTO;
    sodium_memzero(secret, sizeof(secret));
    return rc;
}

static void draw_nonce(const struct pusher_client *client, unsigned char nonce[PUSHER_NONCE_BYTES])
{
    if (client->sealer)
        pusher__sealer_nonce(client->sealer, nonce);
    else
        randombytes_buf(nonce, PUSHER_NONCE_BYTES);
}

int pusher__encrypt_json(const struct pusher_client *client, struct pusher_string channel,
                         struct pusher_string data, const unsigned char *nonce, char *buf)
{
    unsigned char scratch[SCRATCH_BYTES], drawn[PUSHER_NONCE_BYTES];
    if (data.len > DATA_MAX)
        return PUSHER_ETOOLARGE;
    size_t sealed_len = data.len + crypto_secretbox_MACBYTES;
    unsigned char *sealed = sealed_len <= sizeof(scratch) ? scratch : malloc(sealed_len);
    if (!sealed)
        return PUSHER_ENOMEM;
    if (!nonce) {
        draw_nonce(client, drawn);
        nonce = drawn;
    }
    int rc = seal(client, channel, data, nonce, sealed);
    if (rc == 0) {
        char *pos = put_base64(put(buf, OPEN), nonce, PUSHER_NONCE_BYTES);
        pos = put_base64(put(pos, MIDDLE), sealed, sealed_len);
        put(pos, CLOSE);
    }
    if (sealed != scratch)
        free(sealed);
    return rc;
}

/* Standard base64, with or without its padding. The bytes are malloc'ed. */
static int decode_base64(const json_t *value, unsigned char **ret_bytes, size_t *ret_len)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value), n = 0;
    if (!text)
        return PUSHER_EDATA;
    unsigned char *bytes = malloc(len + 1);
    if (!bytes)
        return PUSHER_ENOMEM;
    const int variants[] = {sodium_base64_VARIANT_ORIGINAL,
                            sodium_base64_VARIANT_ORIGINAL_NO_PADDING};
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        if (sodium_base642bin(bytes, len + 1, text, len, NULL, &n, NULL, variants[i]) == 0) {
            *ret_bytes = bytes;
            *ret_len = n;
            return 0;
        }
    }
    free(bytes);
    return PUSHER_EDATA;
}

/* Opens `sealed` into a new buffer with a NUL behind it. */
static int unseal(const struct pusher_client *client, struct pusher_string channel,
                  const unsigned char *nonce, const unsigned char *sealed, size_t sealed_len,
                  char **ret_plaintext, size_t *ret_len)
{
    unsigned char secret[PUSHER_SECRET_BYTES];
    size_t len = sealed_len - crypto_secretbox_MACBYTES;
    int rc = pusher_shared_secret(client, channel, secret);
    if (rc != 0)
        return rc;
    char *plaintext = malloc(len + 1);
    if (!plaintext) {
        rc = PUSHER_ENOMEM;
    } else if (crypto_secretbox_open_easy((unsigned char *)plaintext, sealed, sealed_len, nonce,
                                          secret) != 0) {
        free(plaintext);
        rc = PUSHER_ESIGNATURE;
    } else {
        plaintext[len] = '\0';
        *ret_plaintext = plaintext;
        *ret_len = len;
    }
    sodium_memzero(secret, sizeof(secret));
    return rc;
}

int pusher_decrypt(const struct pusher_client *client, struct pusher_string channel,
                   struct pusher_string data, char **ret_plaintext, size_t *ret_len)
{
    unsigned char *nonce = NULL, *sealed = NULL;
    size_t nonce_len = 0, sealed_len = 0;
    if (!client->can_encrypt)
        return PUSHER_ENOKEY;
    json_t *object = NULL;
    int rc = data.ptr ? pusher__json_load(data.ptr, data.len, 0, &object, NULL) : PUSHER_EDATA;
    if (rc == 0)
        rc = decode_base64(json_object_get(object, "nonce"), &nonce, &nonce_len);
    if (rc == 0)
        rc = decode_base64(json_object_get(object, "ciphertext"), &sealed, &sealed_len);
    if (rc == 0 && (nonce_len != PUSHER_NONCE_BYTES || sealed_len < crypto_secretbox_MACBYTES))
        rc = PUSHER_EDATA;
    if (rc == 0)
        rc = unseal(client, channel, nonce, sealed, sealed_len, ret_plaintext, ret_len);
    free(nonce);
    free(sealed);
    json_decref(object);
    return rc;
}

/* The ciphertext is made in a scratch buffer, on the stack for usual sizes, and encoded from there
 * into the request's text. What is encoded here is public; keys are decoded by libsodium, in
 * constant time. */
#include "pusher/crypto.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/client_private.h"
#include "lib/crypto_private.h"
#include "lib/sealer.h"

#define SCRATCH_BYTES (12 * 1024) /* holds what the default max_event_bytes allows */
#define DATA_MAX      ((size_t)1 << 30)

#define OPEN   "{\\\"nonce\\\":\\\""
#define MIDDLE "\\\",\\\"ciphertext\\\":\\\""
#define CLOSE  "\\\"}"

#define N_QUOTES 8

size_t pusher__encrypted_json_size(size_t len)
{
    return strlen(OPEN MIDDLE CLOSE) + pusher__base64_size(PUSHER_NONCE_BYTES) +
           pusher__base64_size(len + crypto_secretbox_MACBYTES);
}

size_t pusher_encrypted_size(size_t len)
{
    return pusher__encrypted_json_size(len) - N_QUOTES;
}

int pusher_shared_secret(const struct pusher_client *client, struct pusher_string channel,
                         unsigned char ret_secret[PUSHER_SECRET_BYTES])
{
    SHA256_CTX digest;
    if (!client->can_encrypt)
        return PUSHER_ENOKEY;
    if (!channel.ptr || channel.len > PUSHER__CHANNEL_NAME_MAX)
        return PUSHER_ECHANNEL;
    SHA256_Init(&digest);
    SHA256_Update(&digest, channel.ptr, channel.len);
    SHA256_Update(&digest, client->secrets->master_key, PUSHER_MASTER_KEY_BYTES);
    SHA256_Final(ret_secret, &digest);
    sodium_memzero(&digest, sizeof(digest));
    return 0;
}

static char *put(char *pos, const char *text)
{
    size_t len = strlen(text);
    memcpy(pos, text, len);
    return pos + len;
}

/* A box as of crypto_secretbox(): room that is wiped, the tag, the ciphertext, and room to the next
 * multiple of STRIDE. */
#define STRIDE   256 /* four blocks of Salsa20, which libsodium makes at a time */
#define TAG_AT   crypto_secretbox_BOXZEROBYTES
#define BYTES_AT crypto_secretbox_ZEROBYTES

static size_t box_size(size_t len)
{
    return (BYTES_AT + len + STRIDE - 1) / STRIDE * STRIDE;
}

/* What crypto_secretbox_easy() does, in one pass over whole strides: that makes the first block,
 * with Poly1305's key, by itself, and takes twice as long for an event of 200 bytes. */
static void make_box(struct pusher_string data, const unsigned char *nonce,
                     const unsigned char *secret, unsigned char *box, size_t size)
{
    unsigned char tag[crypto_secretbox_MACBYTES];
    size_t end = BYTES_AT + data.len;
    memset(box, 0, BYTES_AT);
    if (data.len > 0)
        memcpy(box + BYTES_AT, data.ptr, data.len);
    memset(box + end, 0, size - end);
    crypto_stream_xsalsa20_xor(box, box, size, nonce, secret);
    crypto_onetimeauth_poly1305(tag, box + BYTES_AT, data.len, box);
    sodium_memzero(box, BYTES_AT);
    sodium_memzero(box + end, size - end);
    memcpy(box + TAG_AT, tag, sizeof(tag));
}

static int seal(const struct pusher_client *client, struct pusher_string channel,
                struct pusher_string data, const unsigned char *nonce, unsigned char *box,
                size_t size)
{
    unsigned char secret[PUSHER_SECRET_BYTES];
    int rc = client->sealer ? pusher__sealer_secret(client->sealer, client, channel, secret)
                            : pusher_shared_secret(client, channel, secret);
    if (rc == 0)
        make_box(data, nonce, secret, box, size);
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
    size_t size = box_size(data.len);
    unsigned char *box = size <= sizeof(scratch) ? scratch : malloc(size);
    if (!box)
        return PUSHER_ENOMEM;
    if (!nonce) {
        draw_nonce(client, drawn);
        nonce = drawn;
    }
    int rc = seal(client, channel, data, nonce, box, size);
    if (rc == 0) {
        char *pos = pusher__base64_encode(nonce, PUSHER_NONCE_BYTES, put(buf, OPEN));
        pos = pusher__base64_encode(box + TAG_AT, data.len + crypto_secretbox_MACBYTES,
                                    put(pos, MIDDLE));
        put(pos, CLOSE);
    }
    if (box != scratch)
        free(box);
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
    json_t *object = data.ptr ? json_loadb(data.ptr, data.len, 0, NULL) : NULL;
    int rc = decode_base64(json_object_get(object, "nonce"), &nonce, &nonce_len);
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

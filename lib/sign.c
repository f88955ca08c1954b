#include "lib/sign.h"

#include <string.h>

void pusher__signer_init(struct pusher__signer *signer, const struct pusher_client *client)
{
    signer->hmac = client->secrets->hmac;
    signer->used = 0;
}

static void flush(struct pusher__signer *signer)
{
    crypto_auth_hmacsha256_update(&signer->hmac, (const unsigned char *)signer->buf, signer->used);
    signer->used = 0;
}

void pusher__signer_add(struct pusher__signer *signer, struct pusher_string piece)
{
    if (piece.len == 0)
        return;
    if (piece.len > sizeof(signer->buf) - signer->used)
        flush(signer);
    if (piece.len > sizeof(signer->buf)) {
        crypto_auth_hmacsha256_update(&signer->hmac, (const unsigned char *)piece.ptr, piece.len);
        return;
    }
    memcpy(signer->buf + signer->used, piece.ptr, piece.len);
    signer->used += piece.len;
}

void pusher__signer_finish(struct pusher__signer *signer, char ret_hex[PUSHER__HEX_BYTES])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[PUSHER__HEX_BYTES + 1];
    flush(signer);
    crypto_auth_hmacsha256_final(&signer->hmac, mac);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    memcpy(ret_hex, hex, PUSHER__HEX_BYTES);
    sodium_memzero(&signer->hmac, sizeof(signer->hmac));
}

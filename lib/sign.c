#include "lib/sign.h"

#include <string.h>

void pusher__signer_init(struct pusher__signer *signer, const struct pusher_client *client)
{
    signer->hmac = client->secrets->hmac;
    signer->used = 0;
}

static void flush(struct pusher__signer *signer)
{
    pusher__hmac_update(&signer->hmac, signer->buf, signer->used);
    signer->used = 0;
}

void pusher__signer_add(struct pusher__signer *signer, struct pusher_string piece)
{
    if (piece.len == 0)
        return;
    if (piece.len > sizeof(signer->buf) - signer->used)
        flush(signer);
    if (piece.len > sizeof(signer->buf)) {
        pusher__hmac_update(&signer->hmac, piece.ptr, piece.len);
        return;
    }
    memcpy(signer->buf + signer->used, piece.ptr, piece.len);
    signer->used += piece.len;
}

void pusher__signer_finish(struct pusher__signer *signer, char ret_hex[PUSHER__HEX_BYTES])
{
    unsigned char mac[PUSHER__MAC_BYTES];
    char hex[PUSHER__HEX_BYTES + 1];
    flush(signer);
    pusher__hmac_final(&signer->hmac, mac);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    memcpy(ret_hex, hex, PUSHER__HEX_BYTES);
}

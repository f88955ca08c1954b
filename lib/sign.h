/* Signatures: HMAC-SHA256 keyed with the app's secret, in lower-case hex. */
#ifndef LIB_SIGN_H
#define LIB_SIGN_H

#include "lib/client_private.h"
#include "pusher/string.h"

#define PUSHER__HEX_BYTES (2 * crypto_auth_hmacsha256_BYTES) /* 64, no NUL */

/* Text to sign that comes in pieces. Small pieces gather in `buf`. */
struct pusher__signer {
    crypto_auth_hmacsha256_state hmac;
    size_t used;
    char buf[512];
};

void pusher__signer_init(struct pusher__signer *signer, const struct pusher_client *client);
void pusher__signer_add(struct pusher__signer *signer, struct pusher_string piece);

/* Writes the signature and wipes the signer. */
void pusher__signer_finish(struct pusher__signer *signer, char ret_hex[PUSHER__HEX_BYTES]);

#endif
